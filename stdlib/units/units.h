#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stdlib/units/scale.h"
#include "vm/base/result.h"

namespace eyeflow::stdlib {

// The base quantities. Angle is one of its own, so that an angular speed (rpm) is not a frequency (Hz); Level is that
// of dB, so that it never mixes with the ratio it is the logarithm of. Levels of a power (dBm), of a voltage (dBV) and
// of a sound (dBSPL) are points that differ by dB, and none is one of another.
enum class Base : std::uint8_t {
  Length,
  Mass,
  Time,
  Current,
  Temperature,
  Amount,
  Luminous,
  Angle,
  Level,
  PowerLevel,
  VoltageLevel,
  SoundLevel
};
inline constexpr int kBaseCount = 12;

struct Dimension {
  std::array<std::int8_t, kBaseCount> exponents{};  // of m kg s A K mol cd rad dB dBW dBV dBSPL

  constexpr std::int8_t& operator[](Base base) { return exponents[static_cast<std::size_t>(base)]; }
  constexpr std::int8_t operator[](Base base) const { return exponents[static_cast<std::size_t>(base)]; }
  friend constexpr bool operator==(const Dimension&, const Dimension&) = default;
};

struct UnitTerm {
  std::string symbol;  // canonical, with its prefix: "°C", "mm", "kW"
  std::int8_t exponent = 1;

  friend bool operator==(const UnitTerm&, const UnitTerm&) = default;
};

// A unit: a value x in it is (x + zero) * scale in SI base units. The plain number is the unit without terms.
struct Unit {
  std::string text;             // canonical: "m/s²", "%/(K*s)", "kW*h"; empty for the plain number
  std::vector<UnitTerm> terms;  // what `text` is printed from
  Dimension dimension;
  Scale scale;
  Rational zero;          // °C: 273.15, °F: 459.67, dBm: -30; of what is no point: 0
  bool is_point = false;  // a point of a scale (°C, °F, dBm): differences of it have difference_unit()
};

// A unit as it is written, without spaces: symbols with prefixes, * / ^ ( ), superscripts; degC, degF, Ohm, u for µ.
// The error is a clause that begins with the text in quotes, and tells what to write instead where that can be known.
Result<Unit> parse_unit(std::string_view text);
// Besides those of the table, units that `own` knows by their symbol.
using OwnUnits = std::function<std::optional<Unit>(std::string_view symbol)>;
Result<Unit> parse_unit(std::string_view text, const OwnUnits& own);

// A unit of its own name: `number` (digits, perhaps with a point and an exponent) times `of`. The error is a clause.
Result<Unit> define_unit(std::string_view symbol, std::string_view number, const Unit& of);

// The known unit that was probably meant: "degc" → "°C", "seconds" → "s", "Kpa" → "kPa".
std::optional<std::string> suggest_unit(std::string_view text);

bool is_plain(const Unit& unit);          // the plain number
bool is_dimensionless(const Unit& unit);  // plain, %, ppm, m/m
bool same_dimension(const Unit& a, const Unit& b);
bool same_unit(const Unit& a, const Unit& b);  // a value means the same in both: kWh and kW*h, J and N*m

// May a value in one unit stand where another is expected, in a comparison, a sum or an assignment?
enum class Mixing : std::uint8_t {
  Same,        // and its number is the same
  Converts,    // by itself
  ByTo,        // only where the author writes `.to(unit)`: rpm ↔ Hz, K ↔ °C, a plain number ↔ %
  Impossible,  // different dimensions
};
Mixing mixing(const Unit& from, const Unit& to);

// Why `from` is not taken for `to`, and what to write, for the help line of an error; empty where nothing better than
// the two units can be said. Knows the usual confusions: g and gn, C and °C, F and °F, K and °C, rpm and Hz.
std::string mixing_hint(const Unit& from, const Unit& to);

// y = (x + before) * multiply / divide + after, in f64, each step rounded to nearest even. Steps that change nothing
// are left out by whoever emits code (x + 0, x * 1, x / 1 are exact). At most one of before and after is not zero.
// Where `multiply` and `divide` are both integers below 2^53 they are the exact ratio: a single step is rounded once,
// two steps stay exact where the result is (90 km/h is 25 m/s). Otherwise `multiply` is the ratio, itself rounded once.
struct Conversion {
  double before = 0;
  double multiply = 1;
  double divide = 1;
  double after = 0;

  friend bool operator==(const Conversion&, const Conversion&) = default;
};
constexpr bool is_identity(const Conversion& c) {
  return c.before == 0 && c.multiply == 1 && c.divide == 1 && c.after == 0;
}
constexpr double apply(const Conversion& c, double x) { return (x + c.before) * c.multiply / c.divide + c.after; }

// The conversion of a value in `from` to a value in `to`; none where mixing() says Impossible. An angular speed and a
// frequency convert by full turns (60 rpm is 1 Hz); anywhere else a radian is 1.
std::optional<Conversion> convert(const Unit& from, const Unit& to);

// What differences of a value have: K for °C, °R for °F, dB for dBm, the unit itself otherwise. No number changes on
// the way.
Unit difference_unit(const Unit& unit);

// What a level is the logarithm of: x in `level` is factor * lg(q / reference) for a quantity of q in `linear`. The
// factor is 10 for powers, and 20 for what a power goes with the square of (IEC 60027-3, ISO 80000-1 annex C). `level`
// is the unit itself, but for dBu, whose reference √0.6 V is no number: its is dBV.
struct LevelScale {
  Unit level;
  int factor;
  Unit linear;
  double reference;
};
std::optional<LevelScale> level_scale(const Unit& unit);  // none where it is no level against something fixed

// What a point is converted to where it takes part in a product: K, or what a level is one of, as in mW for dBm.
std::string linear_text(const Unit& point);

// The unit of a product, a quotient or a power. Points cannot be multiplied: take the difference first, or convert to
// linear_text(). Fails where a point takes part or an exponent leaves its range.
Result<Unit> multiply(const Unit& a, const Unit& b);
Result<Unit> divide(const Unit& a, const Unit& b);
Result<Unit> power(const Unit& unit, int exponent);
Result<Unit> square_root(const Unit& unit);  // every exponent must be even: √(m²/s²) is m/s

// The unit in which a product or quotient goes on: the plain number if nothing but a number is left of it (m/km, %·%),
// else the unit itself. The value has to be converted.
Unit settled(const Unit& unit);

// Nanoseconds of one such unit if it is a unit of time that has a whole number of them: s → 1,000,000,000.
std::optional<std::int64_t> nanoseconds(const Unit& unit);

// Every symbol that parse_unit knows, in the order of units.def, for docs and completion.
struct UnitListing {
  std::string_view symbol, aliases;
  std::string_view prefixes;  // one letter each, µ as u
  std::string_view meaning;
};
std::vector<UnitListing> list_units();

}  // namespace eyeflow::stdlib
