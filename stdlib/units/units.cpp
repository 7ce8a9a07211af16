#include "stdlib/units/units.h"

#include <cstdlib>

#include "stdlib/units/table.h"

namespace eyeflow::stdlib {
namespace {

constexpr int kMaxTotalExponent = 60;

Dimension without_angle(Dimension d) {
  d[Base::Angle] = 0;
  return d;
}
int angle(const Unit& unit) { return unit.dimension[Base::Angle]; }

// Angular speed against frequency: the one pair where an angle counts as turns.
bool is_rotation_pair(const Unit& a, const Unit& b) {
  Dimension frequency;
  frequency[Base::Time] = -1;
  return without_angle(a.dimension) == frequency && without_angle(b.dimension) == frequency &&
         angle(a) + angle(b) == 1 && angle(a) * angle(b) == 0;
}

Result<Unit> from_terms(std::vector<UnitTerm> terms, const Dimension& dimension, const std::optional<Scale>& scale) {
  std::erase_if(terms, [](const UnitTerm& t) { return t.exponent == 0; });
  Unit unit{
      .text = units::print(terms), .terms = std::move(terms), .dimension = dimension, .scale = Scale{}, .zero = {}};
  for (const UnitTerm& t : unit.terms)
    if (std::abs(t.exponent) > kMaxTotalExponent) return fail("'" + unit.text + "' has an exponent that is too large");
  for (const int e : dimension.exponents)
    if (std::abs(e) > kMaxTotalExponent) return fail("'" + unit.text + "' has an exponent that is too large");
  if (!scale) return fail("'" + unit.text + "' is too far from the units of the SI to be computed with");
  unit.scale = *scale;
  return unit;
}

Result<Unit> combine(const Unit& a, const Unit& b, int sign) {
  for (const Unit* unit : {&a, &b})
    if (unit->is_point)
      return fail("'" + unit->text +
                  "' is a point of a scale, which has no product; take a difference, or convert it by .to(" +
                  linear_text(*unit) + ")");
  std::vector<UnitTerm> terms = a.terms;
  for (const UnitTerm& term : b.terms) {
    const auto exponent = static_cast<std::int8_t>(sign * term.exponent);
    bool merged = false;
    for (UnitTerm& mine : terms)
      if (mine.symbol == term.symbol) mine.exponent = static_cast<std::int8_t>(mine.exponent + exponent), merged = true;
    if (!merged) terms.push_back({term.symbol, exponent});
  }
  Dimension dimension;
  for (int i = 0; i < kBaseCount; ++i)
    dimension.exponents[i] = static_cast<std::int8_t>(a.dimension.exponents[i] + sign * b.dimension.exponents[i]);
  return from_terms(std::move(terms), dimension, multiply(a.scale, sign > 0 ? b.scale : inverse(b.scale)));
}

std::vector<UnitTerm> base_terms(const Dimension& dimension) {
  static constexpr const char* kSymbols[kBaseCount] = {"m",  "kg",  "s",  "A",   "K",   "mol",
                                                       "cd", "rad", "dB", "dBW", "dBV", "dBSPL"};
  std::vector<UnitTerm> terms;
  for (int i = 0; i < kBaseCount; ++i)
    if (dimension.exponents[i] != 0) terms.push_back({kSymbols[i], dimension.exponents[i]});
  return terms;
}

// A finite decimal reads back as what was meant: 459.67 rather than 255.37222….
bool is_decimal(const Rational& r) {
  Wide d = r.denominator;
  while (d % 2 == 0) d /= 2;
  while (d % 5 == 0) d /= 5;
  return d == 1;
}

}  // namespace

bool is_dimensionless(const Unit& unit) { return unit.dimension == Dimension{}; }
bool is_plain(const Unit& unit) { return unit.terms.empty(); }
bool same_dimension(const Unit& a, const Unit& b) { return a.dimension == b.dimension; }
bool same_unit(const Unit& a, const Unit& b) {
  return a.dimension == b.dimension && a.scale == b.scale && a.zero == b.zero && is_plain(a) == is_plain(b);
}

Mixing mixing(const Unit& from, const Unit& to) {
  if (from.dimension != to.dimension)
    return without_angle(from.dimension) == without_angle(to.dimension) ? Mixing::ByTo : Mixing::Impossible;
  if (from.is_point != to.is_point) return Mixing::ByTo;
  // A number that reads as a percentage must not become a hundred times as much by a forgotten sign.
  if (is_plain(settled(from)) != is_plain(settled(to))) return Mixing::ByTo;
  return same_unit(from, to) ? Mixing::Same : Mixing::Converts;
}

std::optional<Conversion> convert(const Unit& from, const Unit& to) {
  if (mixing(from, to) == Mixing::Impossible) return std::nullopt;
  std::optional<Scale> ratio = multiply(from.scale, inverse(to.scale));
  if (ratio && is_rotation_pair(from, to))
    ratio = multiply(*ratio, angle(from) ? scale(1, 2, 0, -1) : scale(2, 1, 0, 1));
  if (!ratio) return std::nullopt;

  Conversion conversion;
  const auto exact = as_rational(*ratio);
  if (exact && fits_double({exact->numerator, 1}) && fits_double({exact->denominator, 1})) {
    conversion.multiply = to_double(Rational{exact->numerator, 1});
    conversion.divide = to_double(Rational{exact->denominator, 1});
  } else {
    conversion.multiply = to_double(*ratio);
  }
  if (from.zero == Rational{} && to.zero == Rational{}) return conversion;

  // Temperatures and levels: their ratios are fractions of small numbers. The zero may be added before or after
  // scaling: take the side where it is a number of f64, else where it is a decimal.
  const Rational after = from.zero * *exact - to.zero, before = after / *exact;
  const bool first = fits_double(after) ? false : fits_double(before) ? true : !is_decimal(after) && is_decimal(before);
  (first ? conversion.before : conversion.after) = to_double(first ? before : after);
  return conversion;
}

Unit difference_unit(const Unit& unit) {
  if (!unit.is_point) return unit;
  if (units::level_base(unit.dimension)) return *units::find_symbol("dB");
  return *units::find_symbol(unit.text == "°F" ? "degR" : "K");
}

std::optional<LevelScale> level_scale(const Unit& unit) {
  const auto base = units::level_base(unit.dimension);
  if (!base) return std::nullopt;
  if (*base == Base::SoundLevel) return LevelScale{unit, 20, *units::find_symbol("uPa"), 20};
  const bool is_power = *base == Base::PowerLevel;
  LevelScale out{unit, is_power ? 10 : 20, *units::find_symbol(is_power ? "W" : "V"), 1};
  const Rational tens = unit.zero / rational(out.factor);
  if (tens.denominator != 1) {
    out.level = *units::find_symbol(is_power ? "dBW" : "dBV");
    return out;
  }
  for (const units::Prefix& prefix : units::prefixes())
    if (prefix.tens == tens.numerator) out.linear = *units::find_symbol(prefix.letter + out.linear.text);
  return out;
}

std::string linear_text(const Unit& point) {
  const auto level = level_scale(point);
  return !level ? "K" : level->reference == 1 ? level->linear.text : "Pa";
}

Result<Unit> multiply(const Unit& a, const Unit& b) { return combine(a, b, 1); }
Result<Unit> divide(const Unit& a, const Unit& b) { return combine(a, b, -1); }

Result<Unit> power(const Unit& unit, int exponent) {
  if (std::abs(exponent) > kMaxTotalExponent) return fail("'" + unit.text + "' cannot be raised to that power");
  Result<Unit> result = units::plain();
  for (int i = 0; i < std::abs(exponent) && result; ++i) result = combine(*result, unit, exponent < 0 ? -1 : 1);
  return result;
}

Result<Unit> square_root(const Unit& unit) {
  if (unit.is_point) return fail("'" + unit.text + "' is a point of a scale, which has no square root");
  std::vector<UnitTerm> terms = unit.terms;
  bool even = true;
  for (UnitTerm& t : terms) {
    even = even && t.exponent % 2 == 0;
    t.exponent = static_cast<std::int8_t>(t.exponent / 2);
  }
  Dimension dimension = unit.dimension;
  bool whole = true;
  for (auto& e : dimension.exponents) {
    whole = whole && e % 2 == 0;
    e = static_cast<std::int8_t>(e / 2);
  }
  if (whole && even) return from_terms(std::move(terms), dimension, square_root(unit.scale));
  // J/kg is m²/s² only underneath.
  if (whole && unit.scale == Scale{} && !is_dimensionless(unit))
    return from_terms(base_terms(dimension), dimension, Scale{});
  return fail("'" + unit.text + "' is not the square of a unit");
}

Unit settled(const Unit& unit) {
  const bool single = unit.terms.size() == 1 && unit.terms[0].exponent == 1;
  return is_dimensionless(unit) && !single ? units::plain() : unit;
}

std::optional<std::int64_t> nanoseconds(const Unit& unit) {
  Dimension time;
  time[Base::Time] = 1;
  const auto scaled = multiply(unit.scale, scale(1, 1, 9));
  if (unit.dimension != time || !scaled) return std::nullopt;
  const auto whole = as_rational(*scaled);
  if (!whole || whole->denominator != 1 || whole->numerator > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(whole->numerator);
}

}  // namespace eyeflow::stdlib
