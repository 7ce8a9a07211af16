#pragma once

#include <cstdint>
#include <optional>

namespace eyeflow::stdlib {

using Wide = __int128;

// An exact fraction in lowest terms, the denominator positive. For the few zeros of temperature scales.
struct Rational {
  Wide numerator = 0;
  Wide denominator = 1;

  friend constexpr bool operator==(const Rational&, const Rational&) = default;
};
constexpr Wide greatest_common_divisor(Wide a, Wide b) {
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a == 0 ? 1 : a;
}
constexpr Rational rational(Wide numerator, Wide denominator = 1) {
  if (denominator < 0) numerator = -numerator, denominator = -denominator;
  const Wide common = greatest_common_divisor(numerator, denominator);
  return {numerator / common, denominator / common};
}
constexpr Rational operator-(Rational a, Rational b) {
  return rational(a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator);
}
constexpr Rational operator*(Rational a, Rational b) {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}
constexpr Rational operator/(Rational a, Rational b) {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

// An exact positive factor: numerator / denominator * 2^twos * 5^fives * π^pis. The fraction is in lowest terms and has
// no 2 or 5 in it, so equal factors have equal fields, and prefixes never make it overflow.
struct Scale {
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;
  std::int16_t twos = 0;
  std::int16_t fives = 0;
  std::int16_t pis = 0;

  friend constexpr bool operator==(const Scale&, const Scale&) = default;
};

// numerator / denominator * 10^tens * π^pis, both whole and positive.
constexpr Scale scale(std::int64_t numerator, std::int64_t denominator = 1, int tens = 0, int pis = 0) {
  Scale s{numerator, denominator, static_cast<std::int16_t>(tens), static_cast<std::int16_t>(tens),
          static_cast<std::int16_t>(pis)};
  const auto common = static_cast<std::int64_t>(greatest_common_divisor(s.numerator, s.denominator));
  s.numerator /= common;
  s.denominator /= common;
  for (; s.numerator % 2 == 0; s.numerator /= 2) ++s.twos;
  for (; s.numerator % 5 == 0; s.numerator /= 5) ++s.fives;
  for (; s.denominator % 2 == 0; s.denominator /= 2) --s.twos;
  for (; s.denominator % 5 == 0; s.denominator /= 5) --s.fives;
  return s;
}

// None where the result does not fit: no unit that means anything comes near.
std::optional<Scale> multiply(const Scale& a, const Scale& b);
std::optional<Scale> power(const Scale& base, int exponent);
std::optional<Scale> square_root(const Scale& square);
constexpr Scale inverse(const Scale& s) {
  return {s.denominator, s.numerator, static_cast<std::int16_t>(-s.twos), static_cast<std::int16_t>(-s.fives),
          static_cast<std::int16_t>(-s.pis)};
}

// The factor as a fraction of whole numbers; none where π is in it or where they do not fit.
std::optional<Rational> as_rational(const Scale& s);

// The f64 nearest to the factor, computed with 100 bits and rounded once; the same on every CPU.
double to_double(const Scale& s);
double to_double(const Rational& r);

// Whether the f64 is the fraction, exactly.
bool fits_double(const Rational& r);

}  // namespace eyeflow::stdlib
