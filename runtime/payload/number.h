#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/payload/decoder.h"

namespace eyeflow::runtime {

// A number as a peer wrote it: whole ones keep all 64 bits.
struct Number {
  enum class Kind : std::uint8_t { Signed, Unsigned, Real };
  Kind kind = Kind::Real;
  std::int64_t whole = 0;
  std::uint64_t large = 0;  // Unsigned: above 2^63
  double real = 0;
  bool beyond_64_bits = false;  // Real, but written as a whole number: what it was exactly is lost

  double as_real() const {
    return kind == Kind::Signed     ? static_cast<double>(whole)
           : kind == Kind::Unsigned ? static_cast<double>(large)
                                    : real;
  }
};

// "85.5", "-3", "+1e3", with spaces around; NotANumber for nan, OutOfRange for what no f64 holds (inf included),
// Malformed for everything else.
std::expected<Number, BadReading> parse_number(std::string_view text);

// "on"/"off", "true"/"false", "1"/"0"; nullopt for anything else.
std::optional<bool> parse_bool(std::string_view text);

std::string_view trimmed(std::string_view text);

// The number converted to the plan's unit and type: rounded once to f64, then to the type (integers to nearest even
// where a unit changed; without one, a fraction for an integer is a WrongType).
std::expected<vm::Word, BadReading> to_word(const DecodePlan& plan, const Number& number);

}  // namespace eyeflow::runtime
