#include "stdlib/units/table.h"

#include <iterator>

namespace eyeflow::stdlib::units {
namespace {

constexpr Dimension base(Base which) {
  Dimension d;
  d[which] = 1;
  return d;
}
constexpr Dimension operator*(Dimension a, const Dimension& b) {
  for (int i = 0; i < kBaseCount; ++i) a.exponents[i] = static_cast<std::int8_t>(a.exponents[i] + b.exponents[i]);
  return a;
}
constexpr Dimension operator/(Dimension a, const Dimension& b) {
  for (int i = 0; i < kBaseCount; ++i) a.exponents[i] = static_cast<std::int8_t>(a.exponents[i] - b.exponents[i]);
  return a;
}
constexpr Dimension pow(Dimension a, int exponent) {
  for (auto& e : a.exponents) e = static_cast<std::int8_t>(e * exponent);
  return a;
}

namespace def {
constexpr Dimension L = base(Base::Length), M = base(Base::Mass), T = base(Base::Time), A = base(Base::Current),
                    K = base(Base::Temperature), N = base(Base::Amount), J = base(Base::Luminous),
                    R = base(Base::Angle), D = base(Base::Level), DW = base(Base::PowerLevel),
                    DV = base(Base::VoltageLevel), DP = base(Base::SoundLevel), Ratio{};
constexpr std::string_view None = "", Small = "fpnum", Both = "fpnumkMGT", Metric = "fpnumcdkMGT",
                           Volume = "fpnumcdhkMGT", WithHecto = "fpnumhkMGT", Pressure = "umk";
constexpr Rational kNoZero{};

constexpr Row kRows[] = {
#define EYEFLOW_UNIT(symbol, aliases, prefixes, dimension, scale, zero, meaning) \
  {symbol, aliases, prefixes, dimension, scale, zero, meaning},
#include "stdlib/units/units.def"
};
}  // namespace def

constexpr Prefix kPrefixes[] = {{'f', "f", -15}, {'p', "p", -12}, {'n', "n", -9}, {'u', "µ", -6},
                                {'m', "m", -3},  {'c', "c", -2},  {'d', "d", -1}, {'h', "h", 2},
                                {'k', "k", 3},   {'M', "M", 6},   {'G', "G", 9},  {'T', "T", 12}};

struct Spelling {
  std::string_view sign, ascii;
};
constexpr Spelling kSpellings[] = {
    {"µ", "u"},   {"μ", "u"},   {"Ω", "Ohm"}, {"Ω", "Ohm"}, {"℃", "degC"}, {"℉", "degF"}, {"K", "K"},
    {"°", "deg"}, {"º", "deg"}, {"·", "*"},   {"⋅", "*"},   {"×", "*"},    {"₂", "2"},
};
// A run of these is an exponent.
constexpr Spelling kSuperscripts[] = {{"⁰", "0"}, {"¹", "1"}, {"²", "2"}, {"³", "3"}, {"⁴", "4"}, {"⁵", "5"},
                                      {"⁶", "6"}, {"⁷", "7"}, {"⁸", "8"}, {"⁹", "9"}, {"⁻", "-"}};

template <typename Table>
const Spelling* starts(const Table& table, std::string_view text) {
  for (const Spelling& s : table)
    if (text.starts_with(s.sign)) return &s;
  return nullptr;
}

bool has_name(const Row& row, std::string_view name) {
  if (normalize(row.symbol) == name) return true;
  for (std::size_t at = 0; at < row.aliases.size();) {
    const std::size_t end = std::min(row.aliases.find(' ', at), row.aliases.size());
    if (normalize(row.aliases.substr(at, end - at)) == name) return true;
    at = end + 1;
  }
  return false;
}

Unit make(const Row& row, std::string_view prefix, const Scale& scale) {
  Unit unit;
  unit.text = std::string(prefix) + std::string(row.symbol);
  unit.terms = {{unit.text, 1}};
  unit.dimension = row.dimension;
  unit.scale = scale;
  unit.zero = row.zero;
  unit.is_point = row.zero != Rational{} || level_base(row.dimension).has_value();
  return unit;
}

}  // namespace

std::optional<Base> level_base(const Dimension& dimension) {
  for (const Base which : {Base::PowerLevel, Base::VoltageLevel, Base::SoundLevel})
    if (dimension == base(which)) return which;
  return std::nullopt;
}

std::span<const Row> rows() { return def::kRows; }
std::span<const Prefix> prefixes() { return kPrefixes; }

std::optional<std::string> normalize(std::string_view text) {
  std::string out;
  bool in_exponent = false;
  while (!text.empty()) {
    if (const Spelling* s = starts(kSuperscripts, text)) {
      if (!in_exponent) out += '^';
      in_exponent = true;
      out += s->ascii;
      text.remove_prefix(s->sign.size());
      continue;
    }
    in_exponent = false;
    if (const Spelling* s = starts(kSpellings, text)) {
      out += s->ascii;
      text.remove_prefix(s->sign.size());
      continue;
    }
    const unsigned char c = static_cast<unsigned char>(text.front());
    if (c <= ' ' || c >= 0x7F) return std::nullopt;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::optional<Unit> find_symbol(std::string_view name) {
  for (const Row& row : rows())
    if (has_name(row, name)) return make(row, "", row.scale);
  if (name.size() < 2 || name == "pH") return std::nullopt;  // acidity, which nobody writes in picohenry
  for (const Prefix& prefix : prefixes()) {
    if (prefix.letter != name.front()) continue;
    for (const Row& row : rows()) {
      if (row.prefixes.find(prefix.letter) == row.prefixes.npos || !has_name(row, name.substr(1))) continue;
      if (const auto scaled = multiply(row.scale, scale(1, 1, prefix.tens))) return make(row, prefix.printed, *scaled);
    }
  }
  return std::nullopt;
}

std::string print(std::span<const UnitTerm> terms) {
  const auto one = [](const UnitTerm& term, int exponent) {
    if (exponent == 1) return term.symbol;
    if (exponent == 2) return term.symbol + "²";
    if (exponent == 3) return term.symbol + "³";
    return term.symbol + "^" + std::to_string(exponent);
  };
  std::string above, below;
  int below_count = 0;
  for (const UnitTerm& term : terms) {
    std::string& side = term.exponent > 0 ? above : below;
    if (!side.empty()) side += '*';
    side += one(term, term.exponent > 0 ? term.exponent : -term.exponent);
    below_count += term.exponent < 0;
  }
  if (below.empty()) return above;
  if (below_count > 1) below = "(" + below + ")";
  return (above.empty() ? "1" : above) + "/" + below;
}

Unit plain() { return {}; }

}  // namespace eyeflow::stdlib::units

namespace eyeflow::stdlib {

std::vector<UnitListing> list_units() {
  std::vector<UnitListing> list;
  for (const units::Row& row : units::rows()) list.push_back({row.symbol, row.aliases, row.prefixes, row.meaning});
  return list;
}

}  // namespace eyeflow::stdlib
