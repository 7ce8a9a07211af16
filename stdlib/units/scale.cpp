#include "stdlib/units/scale.h"

namespace eyeflow::stdlib {
namespace {

constexpr std::int64_t kMax = INT64_MAX;
constexpr int kMaxPower = 400;

// Unevaluated sum of two f64, about 106 bits. Plain IEEE operations only: no fma, no libm, no long double, whose widths
// differ between the machine that compiles and the one that runs.
struct Double2 {
  double high, low;
};
constexpr Double2 quick_sum(double a, double b) {  // |a| >= |b|
  const double sum = a + b;
  return {sum, b - (sum - a)};
}
constexpr Double2 product(double a, double b) {  // Dekker
  constexpr double kSplit = 134217729.0;         // 2^27 + 1
  const double p = a * b;
  const double ta = kSplit * a, ah = ta - (ta - a), al = a - ah;
  const double tb = kSplit * b, bh = tb - (tb - b), bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}
constexpr Double2 operator*(Double2 a, Double2 b) {
  const Double2 p = product(a.high, b.high);
  return quick_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}
constexpr Double2 operator/(Double2 a, Double2 b) {
  const double q = a.high / b.high;
  const Double2 qb = b * Double2{q, 0};
  const double rest = ((a.high - qb.high) - qb.low) + a.low;
  return quick_sum(q, rest / b.high);
}
constexpr Double2 exact(Wide whole) {  // up to 106 bits without loss
  const double high = static_cast<double>(whole);
  return quick_sum(high, static_cast<double>(whole - static_cast<Wide>(high)));
}
constexpr Double2 kPi = {3.141592653589793116, 1.224646799147353207e-16};

constexpr Double2 raised(Double2 base, int exponent) {
  Double2 result{1, 0};
  for (int i = 0; i < (exponent < 0 ? -exponent : exponent); ++i) result = result * base;
  return exponent < 0 ? Double2{1, 0} / result : result;
}

bool times(Wide& value, int factor, int count) {
  for (; count > 0; --count) {
    if (value > (Wide{1} << 120) / factor) return false;
    value *= factor;
  }
  return true;
}

std::optional<std::int64_t> whole_root(std::int64_t square) {
  std::int64_t low = 1, high = 3037000499;  // floor(sqrt(2^63 - 1))
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (middle <= square / middle)
      low = middle;
    else
      high = middle - 1;
  }
  if (low * low != square) return std::nullopt;
  return low;
}

}  // namespace

std::optional<Scale> multiply(const Scale& a, const Scale& b) {
  const Wide x = greatest_common_divisor(a.numerator, b.denominator);
  const Wide y = greatest_common_divisor(b.numerator, a.denominator);
  const Wide numerator = (a.numerator / x) * (b.numerator / y);
  const Wide denominator = (a.denominator / y) * (b.denominator / x);
  const int twos = a.twos + b.twos, fives = a.fives + b.fives, pis = a.pis + b.pis;
  const auto too_big = [](int power) { return power > kMaxPower || power < -kMaxPower; };
  if (numerator > kMax || denominator > kMax || too_big(twos) || too_big(fives) || too_big(pis)) return std::nullopt;
  return Scale{static_cast<std::int64_t>(numerator), static_cast<std::int64_t>(denominator),
               static_cast<std::int16_t>(twos), static_cast<std::int16_t>(fives), static_cast<std::int16_t>(pis)};
}

std::optional<Scale> power(const Scale& base, int exponent) {
  const Scale factor = exponent < 0 ? inverse(base) : base;
  Scale result;
  for (int i = 0; i < (exponent < 0 ? -exponent : exponent); ++i) {
    const auto next = multiply(result, factor);
    if (!next) return std::nullopt;
    result = *next;
  }
  return result;
}

std::optional<Scale> square_root(const Scale& square) {
  const auto numerator = whole_root(square.numerator), denominator = whole_root(square.denominator);
  if (!numerator || !denominator || square.twos % 2 || square.fives % 2 || square.pis % 2) return std::nullopt;
  return Scale{*numerator, *denominator, static_cast<std::int16_t>(square.twos / 2),
               static_cast<std::int16_t>(square.fives / 2), static_cast<std::int16_t>(square.pis / 2)};
}

std::optional<Rational> as_rational(const Scale& s) {
  Wide numerator = s.numerator, denominator = s.denominator;
  if (s.pis != 0) return std::nullopt;
  if (!times(numerator, 2, s.twos) || !times(numerator, 5, s.fives)) return std::nullopt;
  if (!times(denominator, 2, -s.twos) || !times(denominator, 5, -s.fives)) return std::nullopt;
  return rational(numerator, denominator);
}

double to_double(const Scale& s) {
  Double2 value = exact(s.numerator) / exact(s.denominator);
  value = value * raised({5, 0}, s.fives) * raised(kPi, s.pis);
  double result = value.high + value.low;
  for (int i = s.twos; i > 0; --i) result *= 2;
  for (int i = s.twos; i < 0; ++i) result *= 0.5;
  return result;
}

double to_double(const Rational& r) {
  const Double2 value = exact(r.numerator) / exact(r.denominator);
  return value.high + value.low;
}

bool fits_double(const Rational& r) {
  constexpr Wide kWhole = Wide{1} << 53;
  const bool dyadic = (r.denominator & (r.denominator - 1)) == 0;
  return dyadic && r.denominator <= kWhole && r.numerator <= kWhole && r.numerator >= -kWhole;
}

}  // namespace eyeflow::stdlib
