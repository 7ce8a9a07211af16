#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stdlib/units/units.h"

// The rows of units.def, and how a symbol is found among them. Only for the files of this folder.
namespace eyeflow::stdlib::units {

struct Row {
  std::string_view symbol, aliases, prefixes;
  Dimension dimension;
  Scale scale;
  Rational zero;
  std::string_view meaning;
};
std::span<const Row> rows();

// Of a level against something fixed: which one.
std::optional<Base> level_base(const Dimension& dimension);

struct Prefix {
  char letter;               // 'u' for µ
  std::string_view printed;  // "µ"
  int tens;
};
std::span<const Prefix> prefixes();

// The text with one ASCII spelling for each sign: ° → deg, µ → u, Ω → Ohm, ² → ^2, · → *. None if it holds a byte that
// no unit has.
std::optional<std::string> normalize(std::string_view text);

// A symbol with or without a prefix, in its normalized spelling; none if there is no such unit. Exact symbols win over
// prefixed ones: `min` is a minute.
std::optional<Unit> find_symbol(std::string_view normalized);

// Prints and multiplies out.
std::string print(std::span<const UnitTerm> terms);
Unit plain();

}  // namespace eyeflow::stdlib::units
