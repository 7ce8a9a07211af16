// Every intrinsic against values that were computed elsewhere: mpmath for math (tests/stdlib/math_expected.py), the
// rules of IEEE 754 and ISO 8601, and slow but plain ways for the rest.
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <string>

#include "stdlib/intrinsics/exact.h"
#include "stdlib/intrinsics/format.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "stdlib/intrinsics/search.h"
#include "tests/unit/intrinsic_machine.h"

namespace eyeflow::stdlib {
namespace {

using vm::Context;
using vm::Reference;
using vm::Region;
using vm::Scalar;
using vm::Word;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kTiny = 5e-324;

double f64(Word word) { return vm::from_word<double>(word); }
float f32(Word word) { return vm::from_word<float>(word); }

template <typename Float>
double ulp(Float value) {
  value = std::abs(value);
  return static_cast<double>(std::nextafter(value, std::numeric_limits<Float>::infinity())) -
         static_cast<double>(value);
}

// ---- Math
// ------------------------------------------------------------------------------------------------------------

struct Expected {
  std::string_view name;
  double a, b, value, rest;
};
constexpr Expected kExpected[] = {
#include "tests/stdlib/math_expected.inc"
};

// Above it sinh and cosh are put together from two factors, see math.cpp.
bool is_far_out(const Expected& e) {
  return (e.name == "math.sinh.f64" || e.name == "math.cosh.f64") && std::abs(e.a) >= 709;
}

TEST(Math, IsWithinItsErrorBound) {
  Machine machine;
  for (const Expected& e : kExpected) {
    const bool two = intrinsic(e.name).param_count == 2;
    double error;
    if (e.name.ends_with("f64")) {
      const double got = f64(two ? machine.call(e.name, e.a, e.b) : machine.call(e.name, e.a));
      error = std::abs((got - e.value) - e.rest) / ulp(e.value);
      EXPECT_LE(error, is_far_out(e) ? 2 : 1) << e.name << ' ' << e.a << ' ' << e.b << " gives " << got;
    } else {
      const float a = static_cast<float>(e.a), b = static_cast<float>(e.b);
      const float got = f32(two ? machine.call(e.name, a, b) : machine.call(e.name, a));
      error = std::abs(static_cast<double>(got) - e.value) / ulp(static_cast<float>(e.value));
      EXPECT_LE(error, 0.501) << e.name << ' ' << e.a << ' ' << e.b << " gives " << got;
    }
  }
}

// IEEE 754-2019, 9.2.1: the special values of the functions.
TEST(Math, KeepsTheSpecialValuesOfTheStandard) {
  const struct {
    std::string_view name;
    double a, expected;
  } one[] = {
      {"math.sin.f64", -0.0, -0.0},
      {"math.sin.f64", kInf, kNan},
      {"math.cos.f64", -kInf, kNan},
      {"math.tan.f64", kInf, kNan},
      {"math.asin.f64", 1.1, kNan},
      {"math.acos.f64", -1.1, kNan},
      {"math.atan.f64", kInf, std::atan2(1, 0)},
      {"math.sinh.f64", kInf, kInf},
      {"math.sinh.f64", -711, -kInf},
      {"math.cosh.f64", -kInf, kInf},
      {"math.cosh.f64", 711, kInf},
      {"math.tanh.f64", kInf, 1},
      {"math.tanh.f64", -kInf, -1},
      {"math.exp.f64", kInf, kInf},
      {"math.exp.f64", -kInf, 0},
      {"math.exp.f64", 710, kInf},
      {"math.exp.f64", -746, 0},
      {"math.exp2.f64", 1024, kInf},
      {"math.exp2.f64", -1080, 0},
      {"math.expm1.f64", -kInf, -1},
      {"math.expm1.f64", -0.0, -0.0},
      {"math.log.f64", 0, -kInf},
      {"math.log.f64", -1, kNan},
      {"math.log.f64", kInf, kInf},
      {"math.log2.f64", 0, -kInf},
      {"math.log2.f64", -1, kNan},
      {"math.log2.f64", kInf, kInf},
      {"math.log10.f64", 0, -kInf},
      {"math.log10.f64", -1, kNan},
      {"math.log10.f64", kInf, kInf},
      {"math.log1p.f64", -1, -kInf},
      {"math.log1p.f64", -1.5, kNan},
      {"math.log1p.f64", kInf, kInf},
      {"math.log1p.f64", -0.0, -0.0},
      {"math.cbrt.f64", -kInf, -kInf},
      {"math.cbrt.f64", -0.0, -0.0},
  };
  Machine machine;
  for (const auto& row : one) {
    EXPECT_EQ(machine.call(row.name, row.a), vm::to_word(row.expected)) << row.name << ' ' << row.a;
  }
  const struct {
    std::string_view name;
    double a, b, expected;
  } two[] = {
      {"math.pow.f64", 0, 0, 1},
      {"math.pow.f64", kNan, 0, 1},
      {"math.pow.f64", 1, kNan, 1},
      {"math.pow.f64", 0, -1, kInf},
      {"math.pow.f64", -0.0, -3, -kInf},
      {"math.pow.f64", -8, 1.0 / 3, kNan},
      {"math.pow.f64", -2, 3, -8},
      {"math.pow.f64", 0.5, kInf, 0},
      {"math.pow.f64", 2, -kInf, 0},
      {"math.pow.f64", 10, 309, kInf},
      {"math.pow.f64", -1, kInf, 1},
      {"math.hypot.f64", kInf, kNan, kInf},
      {"math.hypot.f64", kNan, -kInf, kInf},
      {"math.hypot.f64", 0, -0.0, 0},
      {"math.atan2.f64", 0.0, 1, 0.0},
      {"math.atan2.f64", -0.0, 1, -0.0},
      {"math.atan2.f64", 0.0, 0.0, 0.0},
      {"math.atan2.f64", -0.0, 0.0, -0.0},
  };
  for (const auto& row : two) {
    EXPECT_EQ(machine.call(row.name, row.a, row.b), vm::to_word(row.expected))
        << row.name << ' ' << row.a << ' ' << row.b;
  }
  // π, 3π/4 and their like, from their decimal expansions.
  EXPECT_EQ(f64(machine.call("math.atan2.f64", -0.0, -1.0)), -3.14159265358979323846);
  EXPECT_EQ(f64(machine.call("math.atan2.f64", 0.0, -1.0)), 3.14159265358979323846);
  EXPECT_EQ(f64(machine.call("math.atan2.f64", kInf, kInf)), 0.78539816339744830962);
  EXPECT_EQ(f64(machine.call("math.atan2.f64", kInf, -kInf)), 2.35619449019234492885);
}

TEST(Math, GivesOneNanOnly) {
  Machine machine;
  const double odd_nan = std::bit_cast<double>(0xfff8'dead'beef'0001ull);
  const float odd_nan32 = std::bit_cast<float>(0xffc0'dead);
  for (const vm::IntrinsicDesc& desc : intrinsics()) {
    if (!desc.name.starts_with("math.")) continue;
    const Word expected = desc.result == Scalar::F64 ? 0x7ff8000000000000ull : 0x7fc00000ull;
    const Word nan = desc.result == Scalar::F64 ? vm::to_word(odd_nan) : vm::to_word(odd_nan32);
    const Word got = desc.param_count == 2 ? machine.call(desc.name, nan, nan) : machine.call(desc.name, nan);
    // Rounding a NaN gives a NaN like any other function.
    EXPECT_EQ(got, expected) << desc.name;
  }
}

TEST(Exact, RoundingsByHand) {
  const struct {
    double x, floor, ceil, round, trunc;
  } rows[] = {
      {0.5, 0, 1, 1, 0},
      {-0.5, -1, -0.0, -1, -0.0},
      {1.5, 1, 2, 2, 1},
      {2.5, 2, 3, 3, 2},
      {-2.5, -3, -2, -3, -2},
      {0.49999999999999994, 0, 1, 0, 0},
      {-0.49999999999999994, -1, -0.0, -0.0, -0.0},
      {kTiny, 0, 1, 0, 0},
      {-kTiny, -1, -0.0, -0.0, -0.0},
      {-0.0, -0.0, -0.0, -0.0, -0.0},
      {4503599627370495.5, 4503599627370495, 4503599627370496, 4503599627370496, 4503599627370495},
      {9007199254740992, 9007199254740992, 9007199254740992, 9007199254740992, 9007199254740992},
      {1e300, 1e300, 1e300, 1e300, 1e300},
      {-kInf, -kInf, -kInf, -kInf, -kInf},
  };
  Machine machine;
  for (const auto& row : rows) {
    EXPECT_EQ(machine.call("math.floor.f64", row.x), vm::to_word(row.floor)) << row.x;
    EXPECT_EQ(machine.call("math.ceil.f64", row.x), vm::to_word(row.ceil)) << row.x;
    EXPECT_EQ(machine.call("math.round.f64", row.x), vm::to_word(row.round)) << row.x;
    EXPECT_EQ(machine.call("math.trunc.f64", row.x), vm::to_word(row.trunc)) << row.x;
  }
}

// The system's functions of the same names are exact, too, so they are a second opinion here (and only in this test).
TEST(Exact, AgreesWithTheSystemOnAnyBits) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const Word bits =
        i % 2 ? random() : vm::to_word(static_cast<double>(static_cast<std::int64_t>(random()) >> 20) / 1024);
    const double x = std::bit_cast<double>(bits), y = std::bit_cast<double>(random());
    if (x != x || y != y) continue;
    ASSERT_EQ(vm::to_word(exact::floor(x)), vm::to_word(std::floor(x))) << x;
    ASSERT_EQ(vm::to_word(exact::ceil(x)), vm::to_word(std::ceil(x))) << x;
    ASSERT_EQ(vm::to_word(exact::round(x)), vm::to_word(std::round(x))) << x;
    ASSERT_EQ(vm::to_word(exact::trunc(x)), vm::to_word(std::trunc(x))) << x;
    ASSERT_EQ(vm::to_word(vm::canonical(exact::fmod(x, y))), vm::to_word(vm::canonical(std::fmod(x, y))))
        << x << ' ' << y;
    const double near = x * 1e-3;
    ASSERT_EQ(vm::to_word(vm::canonical(exact::fmod(x, near))), vm::to_word(vm::canonical(std::fmod(x, near)))) << x;
  }
}

TEST(Exact, FmodByHand) {
  Machine machine;
  const auto fmod = [&](double x, double y) { return f64(machine.call("math.fmod.f64", x, y)); };
  EXPECT_EQ(fmod(7.5, 2), 1.5);
  EXPECT_EQ(fmod(-7.5, 2), -1.5);
  EXPECT_EQ(fmod(7.5, -2), 1.5);
  EXPECT_EQ(fmod(5, kInf), 5);
  EXPECT_EQ(fmod(1e300, kTiny), 0);                 // every f64 is a multiple of the smallest
  EXPECT_EQ(fmod(0x1p1023, 3 * kTiny), 2 * kTiny);  // 2^2097 mod 3 = 2, as 2097 is odd
  EXPECT_TRUE(std::signbit(fmod(-4, 2)));
  EXPECT_TRUE(std::isnan(fmod(1, 0)));
  EXPECT_TRUE(std::isnan(fmod(kInf, 1)));
}

// ---- Text
// ------------------------------------------------------------------------------------------------------------

TEST(Text, NumbersWithDigitsBehindThePoint) {
  Machine machine;
  const auto print = [&](double value, std::int64_t precision) {
    const Reference text = machine.text(400, "T=");
    machine.call("text.append.f64", text, value, precision);
    return std::string(machine.read(text).substr(2));
  };
  EXPECT_EQ(print(85.5, 1), "85.5");
  EXPECT_EQ(print(85.5, 0), "86");  // the exact value is a half: to even
  EXPECT_EQ(print(84.5, 0), "84");
  EXPECT_EQ(print(0.125, 2), "0.12");  // likewise
  EXPECT_EQ(print(0.15, 1), "0.1");    // 0.1499999999999999944…
  EXPECT_EQ(print(2.675, 2), "2.67");  // 2.67499999999999982236431605997495353221893310546875
  EXPECT_EQ(print(-0.04, 1), "0.0");
  EXPECT_EQ(print(-0.06, 1), "-0.1");
  EXPECT_EQ(print(-0.0, 3), "0.000");
  EXPECT_EQ(print(0.1, 17), "0.10000000000000001");
  EXPECT_EQ(print(0.1, 99), "0.10000000000000001");
  EXPECT_EQ(print(1e22, 1), "10000000000000000000000.0");
  EXPECT_EQ(print(1.7976931348623157e308, 17).size(), 309u + 1 + 17);
  EXPECT_EQ(print(-kInf, 1), "-inf");
  EXPECT_EQ(print(kInf, -1), "inf");
  EXPECT_EQ(print(-kNan, 2), "nan");
}

TEST(Text, ShortestNumbers) {
  Machine machine;
  const auto print = [&](double value) {
    const Reference text = machine.text(30, "");
    machine.call("text.append.f64", text, value, std::int64_t{-1});
    return std::string(machine.read(text));
  };
  EXPECT_EQ(print(0), "0.0");
  EXPECT_EQ(print(-0.0), "0.0");
  EXPECT_EQ(print(80), "80.0");
  EXPECT_EQ(print(85.5), "85.5");
  EXPECT_EQ(print(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(print(1e-9), "1e-09");
  EXPECT_EQ(print(1e30), "1e+30");
  EXPECT_EQ(print(-kTiny), "-5e-324");

  const Reference text = machine.text(30, "");
  machine.call("text.append.f32", text, 0.1f, std::int64_t{-1});
  machine.call("text.append.f32", text, 0.1f, std::int64_t{9});
  EXPECT_EQ(machine.read(text), "0.10.100000001");  // 0.1f = 0.100000001490116…
}

TEST(Text, ShortestNumbersReadBack) {
  std::mt19937_64 random(2);
  FormatBuffer buffer;
  for (int i = 0; i < 100'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const std::string_view text = format_f64(buffer, value, kShortest);
    double back = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_TRUE(error == std::errc() && end == text.data() + text.size() && back == value) << text;
    ASSERT_LE(text.size(), static_cast<std::size_t>(kMaxShortestBytes));
  }
}

// With digits behind the point: what the C library prints, which knows the exact value too.
TEST(Text, FixedDigitsAreThoseOfTheExactValue) {
  FormatBuffer buffer;
  const auto check = [&](double value) {
    char expected[400];
    for (int digits = 0; digits <= 17; ++digits) {
      std::string_view wanted(
          expected, static_cast<std::size_t>(std::snprintf(expected, sizeof expected, "%.*f", digits, value)));
      if (wanted.starts_with('-') && wanted.find_first_of("123456789") == wanted.npos) wanted.remove_prefix(1);
      ASSERT_EQ(format_f64(buffer, value, digits), wanted) << "digits " << digits;
      if (static_cast<double>(static_cast<float>(value)) == value)
        ASSERT_EQ(format_f32(buffer, static_cast<float>(value), digits), wanted) << "digits " << digits;
    }
  };
  for (const double value : {0.0,
                             -0.0,
                             0.5,
                             1.5,
                             2.5,
                             -0.5,
                             0.05,
                             0.25,
                             0.125,
                             9.5,
                             99.5,
                             0.95,
                             9.995,
                             1e15,
                             1e16,
                             1e17,
                             1e18,
                             0x1p52,
                             0x1p53,
                             0x1p62,
                             0x1p63,
                             0x1p64,
                             0x1p64 - 2048,
                             1844674407370955.1615,
                             18446744073709551.0,
                             184467440737095516.0,
                             kTiny,
                             0x1p-1022,
                             0x1p-60,
                             0x1p-64,
                             0x1p-127,
                             0x1p-128,
                             1e22,
                             1e300,
                             4.9999999999999996})
    for (const double near : {value, std::nextafter(value, kInf), std::nextafter(value, -kInf)})
      check(near), check(-near);
  std::mt19937_64 random(5);
  for (int i = 0; i < 4'000; ++i) {
    const std::uint64_t bits = random();
    if (const double any = std::bit_cast<double>(bits); std::isfinite(any)) check(any);
    check(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits & 0xBFFFFFFF))));  // below 2
    const double whole = static_cast<double>(static_cast<std::int64_t>(bits) >> (i % 60));
    check(whole / 1000);
    check(std::ldexp(whole, -(i % 20)));  // many of them in the middle between two
    check(std::ldexp(whole, -60) * std::pow(10, i % 9));
  }
}

TEST(Text, DigitsOfWholeNumbers) {
  FormatBuffer buffer;
  const auto check = [&](std::uint64_t value) {
    char expected[24];
    std::snprintf(expected, sizeof expected, "%llu", static_cast<unsigned long long>(value));
    ASSERT_EQ(format_u64(buffer, value), expected);
    std::snprintf(expected, sizeof expected, "%lld", static_cast<long long>(value));
    ASSERT_EQ(format_i64(buffer, static_cast<std::int64_t>(value)), expected);
  };
  std::mt19937_64 random(6);
  for (std::uint64_t n = 0; n < 20'000; ++n) check(n), check(0 - n), check(random() >> (n % 64));
  for (std::uint64_t power = 1; power < 10'000'000'000'000'000'000u; power *= 10)
    check(power), check(power - 1), check(0 - power);
  check(std::uint64_t{1} << 63);
}

TEST(Text, WholeNumbersAndWords) {
  Machine machine;
  const Reference text = machine.text(100, "");
  machine.call("text.append.i64", text, std::numeric_limits<std::int64_t>::min());
  machine.call("text.append.bool", text, true);
  machine.call("text.append.u64", text, std::numeric_limits<std::uint64_t>::max());
  machine.call("text.append.bool", text, false);
  EXPECT_EQ(machine.read(text), "-9223372036854775808true18446744073709551615false");
}

TEST(Text, IsCutAtACharacterAndCounted) {
  Machine machine;
  const Reference text = machine.text(8, "12345");
  machine.call("text.append.duration", text, std::int64_t{1500});  // "1.5 µs": the µ would be bytes 9 and 10
  EXPECT_EQ(machine.read(text), "123451.5");
  EXPECT_EQ(machine.texts_cut(), 1u);
  const Reference narrow = machine.text(5, "");
  machine.call("text.append.duration", narrow, std::int64_t{1500});
  EXPECT_EQ(machine.read(narrow), "1.5 ");  // half a µ is none
  EXPECT_EQ(machine.texts_cut(), 2u);
}

TEST(Text, Times) {
  Machine machine;
  const auto print = [&](std::int64_t ns) {
    const Reference text = machine.text(40, "");
    machine.call("text.append.time", text, ns);
    return std::string(machine.read(text));
  };
  // date -u -d @SECONDS +%FT%TZ
  EXPECT_EQ(print(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(print(1'714'566'896'789'000'000), "2024-05-01T12:34:56.789Z");
  EXPECT_EQ(print(1'709'164'800'000'000'000), "2024-02-29T00:00:00Z");
  EXPECT_EQ(print(951'782'400'000'001'000), "2000-02-29T00:00:00.000001Z");
  EXPECT_EQ(print(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(print(-2'203'891'200'000'000'000), "1900-03-01T00:00:00Z");
  EXPECT_EQ(print(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(print(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(Text, Durations) {
  FormatBuffer buffer;
  const auto print = [&](std::int64_t ns) { return std::string(format_duration(buffer, ns)); };
  constexpr std::int64_t kS = 1'000'000'000;
  EXPECT_EQ(print(0), "0 s");
  EXPECT_EQ(print(999), "999 ns");
  EXPECT_EQ(print(12'500), "12.5 µs");
  EXPECT_EQ(print(250'000'000), "250 ms");
  EXPECT_EQ(print(1'000'001), "1.000001 ms");
  EXPECT_EQ(print(1'500'000'000), "1.5 s");
  EXPECT_EQ(print(60 * kS), "1 min");
  EXPECT_EQ(print(7384 * kS + kS / 2), "2 h 3 min 4.5 s");
  EXPECT_EQ(print(86400 * kS), "1 day");
  EXPECT_EQ(print(90000 * kS + 1), "1 day 1 h 0.000000001 s");
  EXPECT_EQ(print(-1'500'000'000), "-1.5 s");
  EXPECT_EQ(print(std::numeric_limits<std::int64_t>::min()), "-106751 day 23 h 47 min 16.854775808 s");
}

TEST(Text, Search) {
  Machine machine;
  const Reference text = machine.text(40, "pump 3: überhitzt"), head = machine.text(8, "pump"),
                  tail = machine.text(8, "hitzt"), none = machine.text(8, "pumps"), empty = machine.text(8, "");
  const auto ask = [&](std::string_view name, Reference a, Reference b) { return machine.call(name, a, b) == 1; };
  EXPECT_TRUE(ask("text.contains", text, head) && ask("text.contains", text, tail) &&
              ask("text.contains", text, empty));
  EXPECT_FALSE(ask("text.contains", text, none) || ask("text.contains", head, text) ||
               ask("text.contains", empty, head));
  EXPECT_TRUE(ask("text.starts_with", text, head) && ask("text.starts_with", text, empty));
  EXPECT_FALSE(ask("text.starts_with", text, tail) || ask("text.starts_with", head, text));
  EXPECT_TRUE(ask("text.ends_with", text, tail) && ask("text.ends_with", text, empty));
  EXPECT_FALSE(ask("text.ends_with", text, head) || ask("text.ends_with", tail, text));
}

// Few letters, so that periods of all kinds come up.
TEST(Text, SearchFindsWhatTheLibraryFinds) {
  std::mt19937 random(3);
  int found = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text, needle;
    for (std::size_t n = random() % 24; n > 0; --n) text += static_cast<char>('a' + random() % 2);
    for (std::size_t n = random() % 9; n > 0; --n) needle += static_cast<char>('a' + random() % 2);
    const bool expected = text.find(needle) != text.npos;
    ASSERT_EQ(contains(text, needle), expected) << text << ' ' << needle;
    found += expected;
  }
  EXPECT_GT(found, 50'000);
  EXPECT_LT(found, 250'000);
}

// ---- Statistics
// ------------------------------------------------------------------------------------------------------

TEST(Stats, OfWholeArrays) {
  Machine machine;
  std::vector<double> values;
  for (int i = 1; i <= 100; ++i) values.push_back(i);  // sums of whole numbers are exact: n(n+1)/2, n(n+1)(2n+1)/6
  const Reference array = machine.array(values);
  EXPECT_EQ(f64(machine.call("stats.mean.f64", array)), 50.5);
  EXPECT_EQ(f64(machine.call("stats.min.f64", array)), 1);
  EXPECT_EQ(f64(machine.call("stats.max.f64", array)), 100);
  EXPECT_EQ(f64(machine.call("stats.rms.f64", array)), std::sqrt(338350.0 / 100));

  values[70] = kNan;
  const Reference broken = machine.array(values), empty = machine.array({});
  for (const char* name : {"stats.mean.f64", "stats.min.f64", "stats.max.f64", "stats.rms.f64"}) {
    EXPECT_EQ(machine.call(name, broken), vm::to_word(kNan)) << name;
    EXPECT_EQ(machine.call(name, empty), vm::to_word(kNan)) << name;
  }
}

// The order of the sum is part of the meaning: 2^53 + 1 is not a number of f64, so the ones survive only where they
// meet each other first. Element 0 and 32 share a partial sum, 1 and 17 meet in the first fold.
TEST(Stats, SumsInThePinnedOrder) {
  Machine machine;
  std::vector<double> values(64, 0.0);
  values[0] = 0x1p53;
  values[32] = 1;  // lost: 2^53 + 1
  EXPECT_EQ(f64(machine.call("stats.mean.f64", machine.array(values))) * 64, 0x1p53);
  values[32] = 0;
  values[1] = 1;
  values[17] = 1;  // kept: 1 + 1 first
  EXPECT_EQ(f64(machine.call("stats.mean.f64", machine.array(values))) * 64, 0x1p53 + 2);
  values[17] = 0;
  values[2] = 1;  // 1 meets 2^53 in the last fold, the other one in the fold before: both lost
  EXPECT_EQ(f64(machine.call("stats.mean.f64", machine.array(values))) * 64, 0x1p53);
}

TEST(Stats, ZerosKeepTheSignThatTheOrderGives) {
  Machine machine;
  EXPECT_EQ(machine.call("stats.min.f64", machine.array({0.0, -0.0})), vm::to_word(0.0));
  EXPECT_EQ(machine.call("stats.min.f64", machine.array({-0.0, 0.0})), vm::to_word(-0.0));
}

TEST(Stats, OfF32InF32) {
  Machine machine;
  std::vector<float> values;
  for (int i = 1; i <= 100; ++i) values.push_back(static_cast<float>(i));
  const Reference array = machine.array_of(values), empty = machine.array_of<float>({});
  EXPECT_EQ(f32(machine.call("stats.mean.f32", array)), 50.5f);
  EXPECT_EQ(f32(machine.call("stats.min.f32", array)), 1);
  EXPECT_EQ(f32(machine.call("stats.max.f32", array)), 100);
  EXPECT_EQ(f32(machine.call("stats.rms.f32", array)), std::sqrt(3383.5f));
  // (n² - 1) / 12; the terms are squares of halves, exact in f32
  EXPECT_EQ(f32(machine.call("stats.variance.f32", array)), 833.25f);
  EXPECT_EQ(f32(machine.call("array.dot.f32", array, array)), 338350.0f);
  values = {16777216, 0, 0, 0};  // 2^24: 1 more is lost in f32 where it meets it
  values.resize(33, 0);
  values[32] = 1;
  EXPECT_EQ(f32(machine.call("stats.mean.f32", machine.array_of(values))), 16777216.0f / 33.0f);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  const Reference broken = machine.array_of(values);
  for (const char* name : {"stats.mean.f32", "stats.min.f32", "stats.max.f32", "stats.rms.f32", "stats.variance.f32"}) {
    EXPECT_EQ(machine.call(name, broken), vm::to_word(std::numeric_limits<float>::quiet_NaN())) << name;
    EXPECT_EQ(machine.call(name, empty), vm::to_word(std::numeric_limits<float>::quiet_NaN())) << name;
  }
}

TEST(Stats, VarianceAndProducts) {
  Machine machine;
  const Reference a = machine.array({2, 4, 4, 4, 5, 5, 7, 9}), b = machine.array({1, 2, 3}), empty = machine.array({});
  EXPECT_EQ(f64(machine.call("stats.variance.f64", a)), 4);  // the usual example: mean 5, deviation 2
  EXPECT_EQ(machine.call("stats.variance.f64", empty), vm::to_word(kNan));
  EXPECT_EQ(f64(machine.call("array.dot.f64", b, b)), 14);
  EXPECT_EQ(f64(machine.call("array.dot.f64", a, b)), 2 + 8 + 12);  // as far as the shorter goes
  EXPECT_EQ(f64(machine.call("array.dot.f64", empty, b)), 0);
}

TEST(Stats, ExtremesOfWholeNumbers) {
  Machine machine;
  constexpr std::int64_t kLow = std::numeric_limits<std::int64_t>::min();
  const Reference a = machine.array_of<std::int64_t>({3, kLow, 7}), b = machine.array_of<std::int32_t>({-3, 5, -9});
  EXPECT_EQ(machine.call("stats.min.i64", a), vm::to_word(kLow));
  EXPECT_EQ(machine.call("stats.max.i64", a), 7u);
  EXPECT_EQ(machine.call("stats.min.i32", b), vm::to_word(std::int32_t{-9}));
  EXPECT_EQ(machine.call("stats.max.i32", b), 5u);
}

TEST(Matrices, FourRowsACall) {
  Machine machine;
  // [1 2; 3 4; 5 6; 7 8; 9 10] [1 0 2; 0 1 3]
  const std::vector<double> a = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, b = {1, 0, 2, 0, 1, 3};
  const std::vector<double> product = {1, 2, 8, 3, 4, 18, 5, 6, 28, 7, 8, 38, 9, 10, 48};
  const Reference ra = machine.array(a), rb = machine.array(b), to = machine.array(std::vector<double>(15, -1));
  machine.call("array.matmul.f64", to, ra, rb, std::int64_t{0}, std::int64_t{3});
  std::vector<double> first(product.begin(), product.begin() + 12);
  first.resize(15, -1);
  EXPECT_EQ(machine.elements<double>(to), first);
  machine.call("array.matmul.f64", to, ra, rb, std::int64_t{4}, std::int64_t{3});
  EXPECT_EQ(machine.elements<double>(to), product);
  // What does not belong together is left alone: sizes, rows that are not there, a matrix times itself in place.
  const Reference square = machine.array({1, 2, 3, 4}), untouched = machine.array(std::vector<double>(15, -1));
  machine.call("array.matmul.f64", untouched, ra, rb, std::int64_t{0}, std::int64_t{4});
  machine.call("array.matmul.f64", untouched, ra, rb, std::int64_t{0}, std::int64_t{0});
  machine.call("array.matmul.f64", untouched, ra, rb, std::int64_t{0}, std::int64_t{-3});
  machine.call("array.matmul.f64", untouched, ra, rb, std::int64_t{5}, std::int64_t{3});
  machine.call("array.matmul.f64", untouched, ra, rb, std::int64_t{-1}, std::int64_t{3});
  machine.call("array.matmul.f64", untouched, rb, ra, std::int64_t{0}, std::int64_t{3});
  EXPECT_EQ(machine.elements<double>(untouched), std::vector<double>(15, -1));
  machine.call("array.matmul.f64", square, square, square, std::int64_t{0}, std::int64_t{2});
  EXPECT_EQ(machine.elements<double>(square), (std::vector<double>{1, 2, 3, 4}));

  const Reference fa = machine.array_of<float>({1, 2, 3, 4}), fb = machine.array_of<float>({5, 6, 7, 8}),
                  ft = machine.array_of<float>({0, 0, 0, 0});
  machine.call("array.matmul.f32", ft, fa, fb, std::int64_t{0}, std::int64_t{2});
  EXPECT_EQ(machine.elements<float>(ft), (std::vector<float>{19, 22, 43, 50}));
}

// ---- The table
// -------------------------------------------------------------------------------------------------------

TEST(Table, NamesFindTheirRows) {
  for (const vm::IntrinsicDesc& desc : intrinsics()) {
    EXPECT_EQ(find_intrinsic(desc.name), desc.id);
    EXPECT_FALSE(desc.meaning.ends_with(".")) << desc.name;
  }
  EXPECT_EQ(find_intrinsic("math.nothing"), std::nullopt);
}

// Numbers are part of the module format. A changed line here is a broken promise to every bundle in the field.
TEST(Table, KeepsItsNumbers) {
  std::ifstream golden(EYEFLOW_SOURCE_DIR "/tests/stdlib/intrinsic_ids.golden");
  std::string line;
  std::size_t id = 0;
  for (; std::getline(golden, line); ++id) {
    ASSERT_LT(id, intrinsics().size());
    const vm::IntrinsicDesc& desc = intrinsics()[id];
    std::string expected =
        std::to_string(desc.id) + " " + std::string(desc.name) + " " + std::string(vm::name(desc.result));
    EXPECT_EQ(line, expected);
  }
  EXPECT_EQ(id, intrinsics().size()) << "append the new row to tests/stdlib/intrinsic_ids.golden";
}

// Calls an intrinsic as compiled code does: words and floats each in registers of their own, in order. The type is not
// the callee's, which reads the registers that its own type names.
struct Registers {
  Word words[6] = {};
  double floats[8] = {};
};
template <typename R>
__attribute__((no_sanitize("undefined"))) R call_as(vm::DirectFunction function, const Registers& r) {
  using Call =
      R (*)(Word, Word, Word, Word, Word, Word, double, double, double, double, double, double, double, double);
  return reinterpret_cast<Call>(function)(r.words[0], r.words[1], r.words[2], r.words[3], r.words[4], r.words[5],
                                          r.floats[0], r.floats[1], r.floats[2], r.floats[3], r.floats[4], r.floats[5],
                                          r.floats[6], r.floats[7]);
}
Word call_direct(const vm::IntrinsicDesc& desc, const Registers& r) {
  if (desc.result == Scalar::F64) return vm::to_word(call_as<double>(desc.direct, r));
  if (desc.result == Scalar::F32) return vm::to_word(call_as<float>(desc.direct, r));
  if (desc.result != Scalar::Void || desc.may_trap) return call_as<Word>(desc.direct, r);
  call_as<void>(desc.direct, r);
  return 0;
}

TEST(Table, EachFunctionIsCalledDirectlyByTheRulesOfItsRow) {
  std::mt19937_64 random(7);
  for (const vm::IntrinsicDesc& desc : intrinsics()) {
    ASSERT_NE(desc.direct, nullptr) << desc.name;
    for (int round = 0; round < 50; ++round) {
      // Two memories with the same content, one for each way to call.
      std::vector<Word> memory[2] = {std::vector<Word>(512), std::vector<Word>(512)};
      Context context[2];
      Word arguments[vm::kMaxIntrinsicParams];
      Registers registers;
      int words = 0, floats = 0;
      if (desc.takes_context) registers.words[words++] = reinterpret_cast<Word>(&context[1]);
      std::uint32_t offset = 0;
      for (int p = 0; p < desc.param_count; ++p) {
        const vm::Operand& param = desc.params[static_cast<std::size_t>(p)];
        if (param.match != vm::Match::Exact) {
          arguments[p] = Reference::make(Region::Scratch, offset, 33).word;
          for (std::uint32_t n = 0; n < 40; ++n)
            memory[0][offset / 8 + n] =
                param.match == vm::Match::Text             ? n == 0 ? 3 + ('a' + random() % 2) * 0x10101'00000000 : 0
                : param.match == vm::Match::List && n == 0 ? 3
                                                           : vm::to_word(static_cast<double>(random() % 1000) / 8);
          offset += 40 * 8;
        } else if (param.scalar == Scalar::F64) {
          arguments[p] = vm::to_word(static_cast<double>(random() % 4000) / 1000 - 1);
        } else if (param.scalar == Scalar::F32) {
          arguments[p] = vm::to_word(static_cast<float>(random() % 4000) / 1000 - 1);
        } else {
          arguments[p] = random() % 2;
        }
        if (param.match == vm::Match::Exact && (param.scalar == Scalar::F64 || param.scalar == Scalar::F32))
          registers.floats[floats++] = f64(arguments[p]);
        else
          registers.words[words++] = arguments[p];
      }
      memory[1] = memory[0];
      for (int way = 0; way < 2; ++way)
        context[way].base[static_cast<int>(Region::Scratch)] = reinterpret_cast<std::byte*>(memory[way].data());
      Word result = 0;
      const vm::Trap trap = desc.function(context[0], arguments, &result);
      if (desc.may_trap) result = static_cast<Word>(trap);
      EXPECT_EQ(call_direct(desc, registers), result) << desc.name;
      EXPECT_EQ(memory[0], memory[1]) << desc.name;
    }
  }
}

// By reading this file, since each test runs in a process of its own.
TEST(Table, EachRowHasATest) {
  std::string tests;
  for (const char* file : {"/tests/unit/intrinsics_test.cpp", "/tests/unit/signal_intrinsics_test.cpp",
                           "/tests/stdlib/math_expected.inc", "/tests/golden/isa/intrinsics/bytes.eva",
                           "/tests/golden/isa/intrinsics/images.eva", "/tests/golden/isa/intrinsics/models.eva"}) {
    std::ifstream in(std::string(EYEFLOW_SOURCE_DIR) + file);
    tests.append(std::istreambuf_iterator<char>(in), {});
  }
  for (const vm::IntrinsicDesc& desc : intrinsics())
    EXPECT_TRUE(tests.contains("\"" + std::string(desc.name) + "\"") ||
                tests.contains(", " + std::string(desc.name) + ","))
        << desc.name;
}

}  // namespace
}  // namespace eyeflow::stdlib
