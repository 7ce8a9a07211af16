#pragma once

#include <bit>
#include <cstdint>
#include <limits>

// Functions of f64 whose result is exact, in plain integer and IEEE operations: the compiler's built-ins become calls
// of libm where the CPU has no instruction for them. Signed zeros are kept: trunc(-0.5) is -0.
namespace eyeflow::stdlib::exact {

inline constexpr std::uint64_t kSign = 1ull << 63;
inline constexpr int kFractionBits = 52;

constexpr double with_sign_of(double magnitude, double sign) {
  return std::bit_cast<double>((std::bit_cast<std::uint64_t>(magnitude) & ~kSign) |
                               (std::bit_cast<std::uint64_t>(sign) & kSign));
}

constexpr double trunc(double x) {
  // From 2^52 on every f64 is whole; NaN and infinities come this way too.
  if (!(x < 0x1p52 && x > -0x1p52)) return x;
  return with_sign_of(static_cast<double>(static_cast<std::int64_t>(x)), x);
}
constexpr double floor(double x) {
  const double t = trunc(x);
  return t > x ? t - 1 : t;
}
constexpr double ceil(double x) {
  const double t = trunc(x);
  return t < x ? with_sign_of(t + 1, x) : t;
}
constexpr double round(double x) {  // halves away from zero
  const double t = trunc(x);
  const double rest = x - t;  // exact, as both are close
  if (rest >= 0.5) return t + 1;
  if (rest <= -0.5) return t - 1;
  return t;
}

// Long division of the significands, 11 bits a step; at most 186 steps.
constexpr double fmod(double x, double y) {
  const std::uint64_t bx = std::bit_cast<std::uint64_t>(x) & ~kSign, by = std::bit_cast<std::uint64_t>(y) & ~kSign;
  constexpr std::uint64_t kInfinity = 0x7FFull << kFractionBits;
  if (by == 0 || bx >= kInfinity || by > kInfinity) return std::numeric_limits<double>::quiet_NaN();
  if (bx < by) return x;

  // value = significand * 2^(exponent - 1075); subnormals have the exponent of the smallest normal numbers
  const auto exponent = [](std::uint64_t b) {
    return b >> kFractionBits == 0 ? 1 : static_cast<int>(b >> kFractionBits);
  };
  const auto significand = [](std::uint64_t b) {
    const std::uint64_t fraction = b & ((1ull << kFractionBits) - 1);
    return b >> kFractionBits == 0 ? fraction : fraction | 1ull << kFractionBits;
  };
  std::uint64_t rest = significand(bx);
  const std::uint64_t divisor = significand(by);
  int shift = exponent(bx) - exponent(by);
  rest %= divisor;
  for (; shift > 0 && rest != 0; shift -= 11) rest = (rest << (shift < 11 ? shift : 11)) % divisor;
  if (rest == 0) return with_sign_of(0, x);

  int e = exponent(by);
  const int up = std::countl_zero(rest) - (63 - kFractionBits);  // until the leading one is where it belongs
  const int moved = up < e - 1 ? up : e - 1;                     // or the smallest exponent is reached
  rest <<= moved;
  e -= moved;
  const std::uint64_t biased = rest >> kFractionBits == 0 ? 0 : static_cast<std::uint64_t>(e);
  const std::uint64_t bits = (biased << kFractionBits) | (rest & ((1ull << kFractionBits) - 1));
  return with_sign_of(std::bit_cast<double>(bits), x);
}

}  // namespace eyeflow::stdlib::exact
