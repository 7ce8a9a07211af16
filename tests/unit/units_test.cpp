// Units against their definitions: NIST SP 811 (2008), appendix B, and the SI Brochure. Exact fractions stand beside
// the decimal numbers that were derived from them by hand, never from the table under test.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "stdlib/units/units.h"

namespace eyeflow::stdlib {
namespace {

Unit unit(std::string_view text) {
  auto parsed = parse_unit(text);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : Unit{};
}
std::string error_of(std::string_view text) {
  const auto parsed = parse_unit(text);
  EXPECT_FALSE(parsed) << text << " was taken for " << parsed->text;
  return parsed ? "" : parsed.error().message;
}
double converted(double value, std::string_view from, std::string_view to) {
  const auto conversion = convert(unit(from), unit(to));
  EXPECT_TRUE(conversion) << from << " to " << to;
  return conversion ? apply(*conversion, value) : std::nan("");
}

// A furlong is 660 ft of 0.3048 m: 201.168 m, exactly.
TEST(Units, OfOnesOwn) {
  const auto furlong = define_unit("furlong", "201.168", unit("m"));
  ASSERT_TRUE(furlong);
  const OwnUnits own = [&](std::string_view symbol) {
    return symbol == "furlong" ? std::optional(*furlong) : std::nullopt;
  };
  const auto area = parse_unit("furlong^2", own), speed = parse_unit("furlong/h", own);
  ASSERT_TRUE(area && speed);
  EXPECT_EQ(apply(*convert(*furlong, unit("ft")), 1), 660);
  EXPECT_EQ(apply(*convert(*area, unit("ft^2")), 1), 435600);
  EXPECT_EQ(apply(*convert(*speed, unit("m/h")), 2), 402.336);
  EXPECT_EQ(area->text, "furlong²");
  EXPECT_TRUE(same_unit(*define_unit("b", "1e-3", unit("m")), unit("mm")));
  EXPECT_TRUE(same_unit(*define_unit("b", "3.6", unit("MJ")), unit("kWh")));
  for (const char* number : {"0", "0.0", "", "1e99", "99999999999999999999"})
    EXPECT_FALSE(define_unit("b", number, unit("m")));
  EXPECT_FALSE(define_unit("b", "3", unit("°C")));
  EXPECT_FALSE(parse_unit("furlong"));
}

TEST(Units, ConvertByTheirDefinitions) {
  const struct {
    double value;
    std::string_view from, to;
    double expected;
  } exact[] = {
      // SP 811, B.8 and 4.2; every expected number is one of f64 or the nearest to the exact result
      {212, "°F", "°C", 100},   // (212 - 32) * 5/9
      {-40, "°F", "°C", -40},   // where both scales meet
      {98.6, "°F", "°C", 37},   // 66.6 * 5/9
      {100, "°C", "°F", 212},   // 100 * 9/5 + 32
      {0, "°C", "K", 273.15},   // by definition
      {-459.67, "°F", "K", 0},  // absolute zero
      {32, "°F", "K", 273.15},  // 491.67 * 5/9
      {0, "K", "°C", -273.15},
      {9, "°R", "K", 5},        // 5/9
      {90, "km/h", "m/s", 25},  // 90 * 1000/3600
      {25, "m/s", "km/h", 90},
      {1, "kWh", "J", 3.6e6},  // 1000 * 3600
      {1, "kW*h", "kWh", 1},
      {1, "bar", "kPa", 100},
      {1013.25, "mbar", "hPa", 1013.25},
      {1, "atm", "Pa", 101325},
      {1, "psi", "Pa", 6894.757293168361},     // 4.4482216152605 / 0.0254² = 6894.75729316836133672…
      {100, "psi", "kPa", 689.4757293168361},  // 689.475729316836133672…
      {1, "mmHg", "Pa", 133.322387415},        // 13595.1 * 9.80665 / 1000
      {1, "mmH2O", "Pa", 9.80665},             // 1000 * 9.80665 / 1000
      {60, "L/min", "L/s", 1},
      {1, "m³/h", "L/min", 1000.0 / 60},
      {1, "gal", "L", 3.785411784},  // 231 * 0.0254³ * 1000
      {1, "inch", "mm", 25.4},
      {1, "mile", "km", 1.609344},
      {1, "mph", "m/s", 0.44704},
      {1, "lb", "g", 453.59237},
      {1, "hp", "W", 745.69987158227022},  // 550 * 0.3048 * 4.4482216152605
      {1, "BTU", "J", 1055.05585262},
      {1, "gn", "m/s²", 9.80665},
      {1, "t", "kg", 1000},
      {1, "day", "s", 86400},
      {180, "deg", "rad", 3.14159265358979323846},
      {1, "rad", "deg", 57.2957795130823208768},  // 180/π
      {1, "rev", "rad", 6.28318530717958647693},
      {6, "rpm", "deg/s", 36},
      {60, "rpm", "Hz", 1},
      {50, "Hz", "rpm", 3000},
      {6.28318530717958647693, "rad/s", "Hz", 1},
      {12.5, "%", "1", 0.125},
      {0.125, "1", "%", 12.5},
      {1, "%", "ppm", 10000},
      {1, "N*m", "J", 1},
      {1, "V*A", "W", 1},
      {1, "J/(kg*K)", "m²/(s²*K)", 1},
      {1, "eV", "J", 1.602176634e-19},
      {1, "Ω*F", "s", 1},
      {1, "Wb/H", "A", 1},
      {1, "S*V", "A", 1},
      {1, "T*m²", "Wb", 1},
      {1, "lx*m²", "lm", 1},
      {1, "Ah", "C", 3600},
      {1, "fm^9", "Tm^9", 1e-243},  // (10^-15 / 10^12)^9
      {20, "dBm", "dBW", -10},      // 10 lg(1 mW / 1 W) is -30
      {-90, "dBW", "dBm", -60},
      {0, "dBV", "dBµV", 120},  // 20 lg(1 V / 1 µV)
      {0, "dBmV", "dBV", -60},
      {6, "dBmV", "dBµV", 66},
      {0, "dBV", "dBu", 2.2184874961635637},  // -10 lg 0.6
      {4, "dBu", "dBV", 1.7815125038364363},
  };
  for (const auto& row : exact) {
    EXPECT_DOUBLE_EQ(converted(row.value, row.from, row.to), row.expected) << row.from << " to " << row.to;
  }
}

// What a person checks by head must come out to the last bit, both ways.
TEST(Units, RoundNumbersStayRound) {
  for (int celsius = -40; celsius <= 400; celsius += 5) EXPECT_EQ(converted(celsius * 9 / 5 + 32, "°F", "°C"), celsius);
  for (int n = 0; n < 1000; ++n) {
    EXPECT_EQ(converted(n * 18, "km/h", "m/s"), n * 5);
    EXPECT_EQ(converted(n * 60, "rpm", "Hz"), n);
    EXPECT_EQ(converted(n, "bar", "Pa"), n * 100000.0);
    EXPECT_EQ(converted(n * 1000, "mm", "m"), n);
    EXPECT_EQ(converted(n, "h", "min"), n * 60);
  }
}

// x dBm is 10 lg(P / 1 mW), and so on: the factor and the reference of each. A level has a reference of its own or that
// of another level by what it stands away from it.
TEST(Units, LevelsAreOfSomething) {
  const struct {
    std::string_view unit, level;
    int factor;
    std::string_view linear;
    double reference;
  } rows[] = {{"dBW", "dBW", 10, "W", 1},       {"dBm", "dBm", 10, "mW", 1},   {"dBV", "dBV", 20, "V", 1},
              {"dBmV", "dBmV", 20, "mV", 1},    {"dBuV", "dBµV", 20, "µV", 1}, {"dBu", "dBV", 20, "V", 1},
              {"dBSPL", "dBSPL", 20, "µPa", 20}};
  for (const auto& row : rows) {
    const auto scale = level_scale(unit(row.unit));
    ASSERT_TRUE(scale) << row.unit;
    EXPECT_EQ(scale->level.text, row.level);
    EXPECT_EQ(scale->factor, row.factor) << row.unit;
    EXPECT_EQ(scale->linear.text, row.linear);
    EXPECT_EQ(scale->reference, row.reference) << row.unit;
    EXPECT_TRUE(unit(row.unit).is_point);
    EXPECT_EQ(difference_unit(unit(row.unit)).text, "dB");
  }
  for (const char* other : {"dB", "°C", "W", "dB/m"}) EXPECT_FALSE(level_scale(unit(other))) << other;
  EXPECT_EQ(linear_text(unit("dBmV")), "mV");
  EXPECT_EQ(linear_text(unit("dBSPL")), "Pa");
  EXPECT_EQ(linear_text(unit("°F")), "K");
}

TEST(Units, ConversionsAreStepsThatCanBeLeftOut) {
  EXPECT_TRUE(is_identity(*convert(unit("kWh"), unit("kW*h"))));
  EXPECT_EQ(*convert(unit("mm"), unit("m")), (Conversion{.divide = 1000}));
  EXPECT_EQ(*convert(unit("m"), unit("mm")), (Conversion{.multiply = 1000}));
  EXPECT_EQ(*convert(unit("km/h"), unit("m/s")), (Conversion{.multiply = 5, .divide = 18}));
  EXPECT_EQ(*convert(unit("°F"), unit("°C")), (Conversion{.before = -32, .multiply = 5, .divide = 9}));
  EXPECT_EQ(*convert(unit("°C"), unit("°F")), (Conversion{.multiply = 9, .divide = 5, .after = 32}));
  EXPECT_EQ(*convert(unit("°F"), unit("K")), (Conversion{.before = 459.67, .multiply = 5, .divide = 9}));
  EXPECT_EQ(*convert(unit("°C"), unit("K")), (Conversion{.after = 273.15}));
  EXPECT_EQ(convert(unit("°C"), unit("kPa")), std::nullopt);
}

TEST(Units, ManySpellingsOneUnit) {
  const struct {
    std::string_view written, canonical;
  } rows[] = {
      {"degC", "°C"},
      {"℃", "°C"},
      {"ºC", "°C"},
      {"degF", "°F"},
      {"um", "µm"},
      {"µm", "µm"},
      {"μm", "µm"},
      {"Ohm", "Ω"},
      {"kOhm", "kΩ"},
      {"MΩ", "MΩ"},
      {"Ω", "Ω"},
      {"°", "deg"},
      {"l/min", "L/min"},
      {"m/s^2", "m/s²"},
      {"m/s²", "m/s²"},
      {"m/s/s", "m/s²"},
      {"m*s^-2", "m/s²"},
      {"m·s⁻²", "m/s²"},
      {"s^-1", "1/s"},
      {"1/s", "1/s"},
      {"kW*h", "kW*h"},
      {"%/(K*s)", "%/(K*s)"},
      {"%/K/s", "%/(K*s)"},
      {"m*m", "m²"},
      {"m^3", "m³"},
      {"m^4", "m^4"},
      {"m/m", ""},
      {"(m/s)^2", "m²/s²"},
      {"((m))", "m"},
      {"days", "day"},
      {"mmH₂O", "mmH2O"},
      {"1", ""},
      {"kg*m²/s³", "kg*m²/s³"},
      {"K", "K"},
      {"dB", "dB"},
  };
  for (const auto& row : rows) EXPECT_EQ(unit(row.written).text, row.canonical) << row.written;
}

TEST(Units, CanonicalTextReadsBackAsTheSame) {
  for (const UnitListing& row : list_units()) {
    const Unit plain = unit(row.symbol);
    EXPECT_EQ(plain.text, row.symbol);
    for (const char prefix : row.prefixes) {
      if (prefix + std::string(row.symbol) == "pH") continue;  // refused on purpose
      const Unit prefixed = unit(prefix + std::string(row.symbol));
      EXPECT_TRUE(same_unit(unit(prefixed.text), prefixed)) << prefixed.text;
      EXPECT_TRUE(same_dimension(prefixed, plain));
    }
  }
}

// With prefixes, two symbols could come to be written alike; the shorter row would silently win.
TEST(Units, NoSymbolHasTwoMeanings) {
  std::set<std::string> seen;
  for (const UnitListing& row : list_units()) EXPECT_TRUE(seen.insert(std::string(row.symbol)).second) << row.symbol;
  for (const UnitListing& row : list_units())
    for (const char prefix : row.prefixes) {
      const std::string text = (prefix == 'u' ? "µ" : std::string(1, prefix)) + std::string(row.symbol);
      if (text == "pH") continue;  // refused on purpose
      EXPECT_TRUE(seen.insert(text).second) << text;
    }
  // Words of the language must not be units, or `in 20 .. 80` would be a length. (`min(a, b)` is told by its bracket.)
  for (const char* word : {"in", "at", "to", "on", "of", "as", "is", "if", "or", "and", "not", "mod", "for", "every"})
    EXPECT_FALSE(seen.contains(word)) << word;
}

TEST(Units, ErrorsSayWhatToDo) {
  EXPECT_EQ(error_of("Kpa"), "'Kpa' is not a unit; did you mean 'kPa'?");
  EXPECT_EQ(error_of("m/sec2"), "'m/sec2' has 'sec2' in it, which is not a unit; did you mean 'm/s²'?");
  EXPECT_EQ(error_of("Nm"), "'Nm' is not a unit; did you mean 'N*m'?");
  EXPECT_EQ(error_of("pH"), "'pH' is not a unit: a pH is a plain number");
  EXPECT_EQ(error_of("J/°C"),
            "'J/°C' has '°C' in a product; a point of a scale has no product: write 'K', the unit of "
            "differences");
  EXPECT_EQ(error_of("W/m*K"),
            "'W/m*K' can be read in two ways: put what is below the '/' in parentheses, as in W/(m*K)");
  EXPECT_EQ(error_of("kW h"), "'kW h' has a blank in it; units are written without");
  EXPECT_EQ(error_of("m^"), "'m^' lacks a whole number after '^'");
  EXPECT_EQ(error_of("m^0"), "'m^0' has an exponent outside -9 .. 9, or 0");
  EXPECT_EQ(error_of("m^10"), "'m^10' has an exponent outside -9 .. 9, or 0");
  EXPECT_EQ(error_of("(m"), "'(m' lacks a ')'");
  EXPECT_EQ(error_of("m)"), "'m)' has a ')' without a '('");
  EXPECT_EQ(error_of("m/"), "'m/' ends where a unit is expected");
  EXPECT_EQ(error_of("*m"), "'*m' has an operator where a unit is expected");
  EXPECT_EQ(error_of("xyzzy"), "'xyzzy' is not a unit; docs/units.md lists them all");
  EXPECT_EQ(error_of("€"), "'€' has a character in it that no unit has; docs/units.md lists them all");
  EXPECT_EQ(error_of(""), "'' is no unit; for a plain number write '1'");
  EXPECT_TRUE(error_of(std::string(200, 'm')).ends_with("is too long for a unit"));
  EXPECT_TRUE(error_of("psi^9").ends_with("is too far from the units of the SI to be computed with"));
  EXPECT_EQ(error_of("(((((((((m)))))))))"), "'(((((((((m)))))))))' has too many parentheses");
}

TEST(Units, Suggestions) {
  const struct {
    std::string_view written, meant;
  } rows[] = {{"celsius", "°C"},    {"KPA", "kPa"}, {"seconds", "s"}, {"kmh", "km/h"},  {"lpm", "L/min"},
              {"RPM", "rpm"},       {"db", "dB"},   {"hz", "Hz"},     {"khz", "kHz"},   {"m3/h", "m³/h"},
              {"amps", "A"},        {"dbm", "dBm"}, {"DBUV", "dBµV"}, {"dBA", "dBSPL"}, {"kWH", "kWh"},
              {"milisecond", "ms"}, {"pecent", "%"}};
  for (const auto& row : rows) {
    EXPECT_EQ(suggest_unit(row.written).value_or("nothing"), row.meant) << row.written;
  }
  EXPECT_EQ(suggest_unit("m"), std::nullopt) << "it is one already";
  EXPECT_EQ(suggest_unit("qq"), std::nullopt);
  EXPECT_EQ(suggest_unit(""), std::nullopt);
}

TEST(Units, WhatMixesByItself) {
  const struct {
    std::string_view from, to;
    Mixing expected;
  } rows[] = {
      {"°C", "°C", Mixing::Same},        {"kWh", "kW*h", Mixing::Same},      {"°F", "°C", Mixing::Converts},
      {"kPa", "bar", Mixing::Converts},  {"psi", "kPa", Mixing::Converts},   {"ppm", "%", Mixing::Converts},
      {"deg", "rad", Mixing::Converts},  {"rpm", "deg/s", Mixing::Converts}, {"m/km", "1", Mixing::Converts},
      {"rpm", "Hz", Mixing::ByTo},       {"Hz", "rpm", Mixing::ByTo},        {"rad/s", "Hz", Mixing::ByTo},
      {"K", "°C", Mixing::ByTo},         {"°C", "K", Mixing::ByTo},          {"°F", "°R", Mixing::ByTo},
      {"1", "%", Mixing::ByTo},          {"%", "1", Mixing::ByTo},           {"rad", "1", Mixing::ByTo},
      {"dB", "1", Mixing::Impossible},   {"dB", "%", Mixing::Impossible},    {"°C", "kPa", Mixing::Impossible},
      {"dBm", "dBW", Mixing::Converts},  {"dBu", "dBV", Mixing::Converts},   {"dBm", "dB", Mixing::Impossible},
      {"dBm", "mW", Mixing::Impossible}, {"dBm", "dBV", Mixing::Impossible}, {"dB/m", "dB/km", Mixing::Converts},
      {"g", "gn", Mixing::Impossible},   {"1", "m", Mixing::Impossible},
  };
  for (const auto& row : rows)
    EXPECT_EQ(mixing(unit(row.from), unit(row.to)), row.expected) << row.from << ' ' << row.to;
}

TEST(Units, HintsForTheUsualConfusions) {
  EXPECT_EQ(mixing_hint(unit("g"), unit("m/s²")), "'g' is the gram; the acceleration of gravity is 'gn'");
  EXPECT_EQ(mixing_hint(unit("gn"), unit("g")), "'g' is the gram; the acceleration of gravity is 'gn'");
  EXPECT_EQ(mixing_hint(unit("C"), unit("°C")), "'C' is the coulomb; degrees Celsius are '°C'");
  EXPECT_EQ(mixing_hint(unit("°F"), unit("F")), "'F' is the farad; degrees Fahrenheit are '°F'");
  EXPECT_EQ(mixing_hint(unit("rpm"), unit("Hz")),
            "not every 'rpm' is a 'Hz' of what one measures: write '.to(Hz)' where it is");
  EXPECT_EQ(mixing_hint(unit("1"), unit("%")), "a plain number is not '%': write the unit behind it, or '.to(%)'");
  EXPECT_EQ(mixing_hint(unit("%"), unit("1")), "write '.to(1)' for the plain number that '%' stands for");
  EXPECT_EQ(
      mixing_hint(unit("°C"), unit("K")),
      "'°C' is a temperature, not a difference; write a difference in 'K', or '.to(K)' for the temperature itself");
  EXPECT_EQ(mixing_hint(unit("m"), unit("s")), "");
  EXPECT_EQ(mixing_hint(unit("m"), unit("mm")), "");
}

TEST(Units, Algebra) {
  EXPECT_EQ(multiply(unit("kW"), unit("h"))->text, "kW*h");
  EXPECT_EQ(divide(unit("m/s"), unit("s"))->text, "m/s²");
  EXPECT_EQ(divide(unit("m"), unit("m"))->text, "");
  EXPECT_EQ(divide(unit("1"), unit("s"))->text, "1/s");
  EXPECT_EQ(power(unit("m/s"), 2)->text, "m²/s²");
  EXPECT_EQ(power(unit("s"), -1)->text, "1/s");
  EXPECT_EQ(power(unit("s"), 0)->text, "");
  EXPECT_EQ(square_root(unit("m²/s²"))->text, "m/s");
  EXPECT_EQ(square_root(unit("J/kg"))->text, "m/s");
  EXPECT_EQ(square_root(unit("km²"))->text, "km");
  EXPECT_EQ(square_root(unit("m")).error().message, "'m' is not the square of a unit");
  EXPECT_FALSE(multiply(unit("°C"), unit("s")));
  EXPECT_FALSE(divide(unit("1"), unit("°F")));
  EXPECT_EQ(square_root(unit("°C")).error().message, "'°C' is a point of a scale, which has no square root");
  // A count of pieces is no plain number, though one of them is 1.
  EXPECT_FALSE(same_unit(*define_unit("piece", "1", unit("1")), unit("1")));
  EXPECT_TRUE(same_unit(*multiply(unit("V"), unit("A")), unit("W")));
  EXPECT_EQ(difference_unit(unit("°C")).text, "K");
  EXPECT_EQ(difference_unit(unit("°F")).text, "°R");
  EXPECT_EQ(difference_unit(unit("kPa")).text, "kPa");
  // A part of a flow is a flow, a part of a part is a number, and so is a slope.
  EXPECT_EQ(settled(*multiply(unit("kg/h"), unit("%"))).text, "kg*%/h");
  EXPECT_EQ(settled(unit("%*%")).text, "");
  EXPECT_EQ(settled(unit("m/km")).text, "");
  EXPECT_EQ(settled(unit("%")).text, "%");
}

TEST(Units, ScalesHaveExactRootsOrNone) {
  EXPECT_EQ(square_root(scale(49, 81, 4, 2)), scale(7, 9, 2, 1));
  for (const Scale& none : {scale(2), scale(1, 3), scale(8, 9), scale(1, 1, 3), scale(1, 1, 0, 1)})
    EXPECT_FALSE(square_root(none));
}

TEST(Units, Durations) {
  EXPECT_EQ(nanoseconds(unit("ns")), 1);
  EXPECT_EQ(nanoseconds(unit("µs")), 1'000);
  EXPECT_EQ(nanoseconds(unit("ms")), 1'000'000);
  EXPECT_EQ(nanoseconds(unit("s")), 1'000'000'000);
  EXPECT_EQ(nanoseconds(unit("min")), 60'000'000'000);
  EXPECT_EQ(nanoseconds(unit("h")), 3'600'000'000'000);
  EXPECT_EQ(nanoseconds(unit("day")), 86'400'000'000'000);
  EXPECT_EQ(nanoseconds(unit("ps")), std::nullopt) << "not a whole number of them";
  EXPECT_EQ(nanoseconds(unit("m")), std::nullopt);
  EXPECT_EQ(nanoseconds(unit("1/s")), std::nullopt);
  EXPECT_EQ(nanoseconds(unit("1")), std::nullopt);
}

// Any bytes: an answer or an error, never a crash, and the canonical text of an answer stands for the same unit.
TEST(Units, AnyTextIsAnswered) {
  constexpr std::string_view kPieces[] = {"m", "°C", "s", "%", "k", "*",    "/",    "^", "(", ")",
                                          "2", "-",  "1", "µ", "²", "\xC2", "\xFF", "W", " ", "psi"};
  std::uint64_t state = 1;
  int units = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    for (std::uint64_t bits = state >> 20, n = bits % 8; n > 0; --n, bits = bits / 20 + 7 * n)
      text += kPieces[bits % 20];
    const auto parsed = parse_unit(text);
    (void)suggest_unit(text);
    if (!parsed) continue;
    ++units;
    const auto again = parse_unit(parsed->text.empty() ? "1" : parsed->text);
    ASSERT_TRUE(again) << text << " → " << parsed->text;
    ASSERT_TRUE(same_dimension(*again, *parsed) && again->scale == parsed->scale) << text << " → " << parsed->text;
  }
  EXPECT_GT(units, 500);
}

}  // namespace
}  // namespace eyeflow::stdlib
