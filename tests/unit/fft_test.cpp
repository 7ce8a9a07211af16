// The Fourier transform of every vector width that this CPU has: the bits of a plain loop, and the values of the
// definition, summed in more digits.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "stdlib/kernels/fft.h"
#include "tests/unit/kernel_data.h"

namespace eyeflow::stdlib {
namespace {

// ---- One number at a time, in the order that fft.h promises
// ----------------------------------------------------------

template <typename T>
struct Complex {
  T re, im;
  friend Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
  friend Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
  friend Complex operator*(Complex a, Complex b) {
    const T rr = a.re * b.re, ii = a.im * b.im, ri = a.re * b.im, ir = a.im * b.re;
    return {rr - ii, ri + ir};
  }
  Complex operator*(T s) const { return {re * s, im * s}; }
  Complex swapped() const { return {im, re}; }
};

template <typename T>
void small(std::array<Complex<T>, 5>& x, int radix) {
  // Added and subtracted by parts, so that -i z costs no sign of a zero.
  const auto less_i = [](Complex<T> a, Complex<T> b) { return Complex<T>{a.re + b.im, a.im - b.re}; };
  const auto plus_i = [](Complex<T> a, Complex<T> b) { return Complex<T>{a.re - b.im, a.im + b.re}; };
  const auto y = x;
  if (radix == 2) {
    x[0] = y[0] + y[1], x[1] = y[0] - y[1];
  } else if (radix == 3) {
    const Complex<T> sum = y[1] + y[2], side = (y[1] - y[2]) * T(0.86602540378443864676), mid = y[0] - sum * T(0.5);
    x[0] = y[0] + sum, x[1] = less_i(mid, side), x[2] = plus_i(mid, side);
  } else if (radix == 4) {
    const Complex<T> a = y[0] + y[2], b = y[0] - y[2], c = y[1] + y[3], d = y[1] - y[3];
    x[0] = a + c, x[1] = less_i(b, d), x[2] = a - c, x[3] = plus_i(b, d);
  } else {
    const T c1 = T(0.30901699437494742410), c2 = T(-0.80901699437494742410);
    const T s1 = T(0.95105651629515357212), s2 = T(0.58778525229247312917);
    const Complex<T> a = y[1] + y[4], b = y[2] + y[3], d = y[1] - y[4], e = y[2] - y[3];
    const Complex<T> m1 = y[0] + a * c1 + b * c2, m2 = y[0] + a * c2 + b * c1;
    const Complex<T> n1 = d * s1 + e * s2, n2 = d * s2 - e * s1;
    x[0] = y[0] + (a + b);
    x[1] = less_i(m1, n1), x[4] = plus_i(m1, n1), x[2] = less_i(m2, n2), x[3] = plus_i(m2, n2);
  }
}

template <typename T>
std::vector<Complex<T>> stages(const FftShape& shape, const std::vector<T>& table, std::vector<Complex<T>> x) {
  std::size_t m = shape.inner, s = 1, w = 0;
  for (std::uint32_t stage = 0; stage < shape.stages; ++stage) {
    const std::size_t radix = shape.radices[stage];
    m /= radix;
    std::vector<Complex<T>> to(x.size());
    for (std::size_t p = 0; p < m; ++p)
      for (std::size_t q = 0; q < s; ++q) {
        std::array<Complex<T>, 5> some{};
        for (std::size_t j = 0; j < radix; ++j) some[j] = x[q + s * (p + m * j)];
        small(some, static_cast<int>(radix));
        for (std::size_t k = 0; k < radix; ++k) {
          if (m > 1 && k > 0)
            some[k] = some[k] * Complex<T>{table[w + 2 * (k - 1) * m + p], table[w + (2 * k - 1) * m + p]};
          to[q + s * (radix * p + k)] = some[k];
        }
      }
    if (m > 1) w += 2 * (radix - 1) * m;
    s *= radix;
    x = std::move(to);
  }
  return x;
}

template <typename T>
std::vector<T> reference(const FftShape& shape, const std::vector<T>& table, const Row<T>& x) {
  std::vector<Complex<T>> z(shape.points);
  for (std::size_t k = 0; k < shape.points; ++k)
    z[k] = shape.is_halved() ? Complex<T>{x.data()[2 * k], x.data()[2 * k + 1]} : Complex<T>{x.data()[k], 0};
  const auto root = [&](std::size_t from, std::size_t count, std::size_t k) {
    return Complex<T>{table[from + k], table[from + count + k]};
  };
  std::size_t next = shape.stage_numbers();
  if (shape.by_convolution()) {
    const std::size_t chirp = next, filter = chirp + 2 * shape.points;
    next = filter + 2 * shape.inner;
    std::vector<Complex<T>> padded(shape.inner, Complex<T>{0, 0});
    for (std::size_t k = 0; k < shape.points; ++k) padded[k] = z[k] * root(chirp, shape.points, k);
    padded = stages(shape, table, std::move(padded));
    for (std::size_t k = 0; k < shape.inner; ++k) padded[k] = (padded[k] * root(filter, shape.inner, k)).swapped();
    padded = stages(shape, table, std::move(padded));
    for (std::size_t k = 0; k < shape.points; ++k) z[k] = padded[k].swapped() * root(chirp, shape.points, k);
  } else {
    z = stages(shape, table, std::move(z));
  }
  std::vector<Complex<T>> bins(shape.bins());
  if (shape.is_halved()) {
    const std::size_t points = shape.points;
    bins[0] = {z[0].re + z[0].im, 0}, bins[points] = {z[0].re - z[0].im, 0};
    if (points % 2 == 0) bins[points / 2] = {z[points / 2].re, -z[points / 2].im};
    for (std::size_t k = 1; k < (points + 1) / 2; ++k) {
      const Complex<T> a = z[k], b = z[points - k];
      const Complex<T> even{(a.re + b.re) * T(0.5), (a.im - b.im) * T(0.5)};
      const Complex<T> odd = Complex<T>{(a.im + b.im) * T(0.5), (b.re - a.re) * T(0.5)} * root(next, points / 2 + 1, k);
      bins[k] = even + odd;
      bins[points - k] = {even.re - odd.re, odd.im - even.im};
    }
  } else {
    for (std::size_t k = 0; k < shape.bins(); ++k) bins[k] = z[k];
  }
  std::vector<T> pairs;
  for (const Complex<T>& bin : bins) pairs.push_back(vm::canonical(bin.re)), pairs.push_back(vm::canonical(bin.im));
  return pairs;
}

const std::vector<std::uint32_t>& lengths() {
  static const std::vector<std::uint32_t> all = [] {
    std::vector<std::uint32_t> some;
    for (std::uint32_t n = 2; n <= 70; ++n) some.push_back(n);
    for (const std::uint32_t n : {96,  100, 125, 128, 243, 250,  255,  256,  257,  360,  480, 500,
                                  512, 600, 625, 750, 997, 1000, 1009, 1024, 1025, 2000, 4096})
      some.push_back(n);
    return some;
  }();
  return all;
}

template <typename T>
const Signals<T>& signals(const Kernels& k) {
  if constexpr (sizeof(T) == 8)
    return k.f64_signals;
  else
    return k.f32_signals;
}

template <typename T>
void same_bits() {
  for (const std::uint32_t n : lengths()) {
    const FftShape shape = fft_shape(n);
    const std::vector<T> table = fft_table<T>(shape);
    ASSERT_EQ(table.size(), shape.table_numbers()) << n;
    const Row<T> table_row(table);
    std::mt19937_64 random(n);
    for (int kind = 0; kind < 4; ++kind) {
      const Row<T> x = some_row<T>(random, n, kind);
      const Row<T> expected(reference(shape, table, x));
      on_each_target([&](const Kernels& k, const std::string& target) {
        Row<T> got(std::vector<T>(2 * shape.bins())), scratch(std::vector<T>(shape.scratch_numbers()));
        signals<T>(k).fft(shape, got.data(), x.data(), table_row.data(), scratch.data());
        EXPECT_TRUE(got == expected) << n << " kind " << kind << ' ' << target;
      });
    }
  }
}
TEST(Fft, EveryTargetHasTheBitsOfPlainLoops) {
  same_bits<double>();
  same_bits<float>();
}

// Against the definition in long double. What a transform loses grows with the logarithm of its length; a convolution
// goes through three.
template <typename T>
void near_the_definition(double epsilon) {
  for (const std::uint32_t n : lengths()) {
    const FftShape shape = fft_shape(n);
    const Row<T> table(fft_table<T>(shape));
    std::mt19937_64 random(n);
    const Row<T> x = some_row<T>(random, n, 0);
    Row<T> got(std::vector<T>(2 * shape.bins())), scratch(std::vector<T>(shape.scratch_numbers()));
    signals<T>(kernels()).fft(shape, got.data(), x.data(), table.data(), scratch.data());
    std::vector<std::complex<long double>> roots;
    for (std::size_t k = 0; k < n; ++k)
      roots.push_back(std::polar(
          1.0L, -2 * std::numbers::pi_v<long double> * static_cast<long double>(k) / static_cast<long double>(n)));
    long double missed = 0, size = 0;
    for (std::size_t k = 0; k < shape.bins(); ++k) {
      std::complex<long double> sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += static_cast<long double>(x.data()[j]) * roots[j * k % n];
      missed += std::norm(sum - std::complex<long double>(got.data()[2 * k], got.data()[2 * k + 1]));
      size += std::norm(sum);
    }
    const double bound = epsilon * (shape.by_convolution() ? 3 : 1) * std::log2(static_cast<double>(2 * n));
    EXPECT_LT(static_cast<double>(std::sqrt(missed / size)), bound) << n;
  }
}
TEST(Fft, ValuesAreThoseOfTheDefinition) {
  near_the_definition<double>(0x1p-53);
  near_the_definition<float>(0x1p-24);
}

// Roots of unity against long double, and the symmetries that make a spectrum of something symmetric exact.
TEST(Fft, RootsOfUnity) {
  for (const std::uint32_t n : {4u, 10u, 1000u, 1024u, 65536u}) {
    const FftShape shape = fft_shape(n);
    const std::vector<double> table = fft_table<double>(shape);
    const std::size_t count = shape.points / 2 + 1, from = table.size() - 2 * count;
    for (std::size_t k = 0; k < count; ++k) {
      const long double angle = 2 * std::numbers::pi_v<long double> * static_cast<long double>(k) / n;
      EXPECT_NEAR(table[from + k], static_cast<double>(std::cos(angle)), 0x1p-53) << k << " of " << n;
      EXPECT_NEAR(table[from + count + k], static_cast<double>(-std::sin(angle)), 0x1p-53) << k << " of " << n;
    }
    EXPECT_EQ(table[from], 1);
    EXPECT_EQ(table[from + count], 0);
    EXPECT_FALSE(std::signbit(table[from + count]));
    if (n % 4 != 0) continue;
    EXPECT_EQ(table[from + count - 1], 0);  // a quarter of the circle
    EXPECT_EQ(table[from + 2 * count - 1], -1);
  }
}

TEST(Fft, ShapesAreBounded) {
  EXPECT_EQ(fft_shape(0).n, 0u);
  EXPECT_EQ(fft_shape(1).n, 0u);
  EXPECT_EQ(fft_shape(kMaxFft + 1).n, 0u);
  EXPECT_EQ(fft_shape(std::uint64_t{1} << 32 | 8).n, 0u);
  for (std::uint32_t n = 2; n <= kMaxFft; ++n) {
    const FftShape shape = fft_shape(n);
    ASSERT_EQ(shape.n, n);
    std::uint64_t product = 1;
    for (std::uint32_t k = 0; k < shape.stages; ++k) product *= shape.radices[k];
    ASSERT_EQ(product, shape.inner) << n;
    ASSERT_TRUE(shape.inner == shape.points || shape.inner >= 2 * shape.points - 1) << n;
  }
}

// Harris 1978: a window's coherent gain is the mean of its values, its noise bandwidth n Σ w² / (Σ w)².
TEST(Fft, Windows) {
  const auto figures = [](Window kind) {
    double sum = 0, squares = 0;
    const std::vector<double> w = window(kind, 1000);
    for (const double value : w) sum += value, squares += value * value;
    for (std::size_t k = 1; k < w.size(); ++k) EXPECT_EQ(w[k], w[w.size() - k]) << k;
    return std::pair(sum / 1000, 1000 * squares / (sum * sum));
  };
  EXPECT_EQ(figures(Window::None), std::pair(1.0, 1.0));
  const auto [hann, hann_noise] = figures(Window::Hann);
  EXPECT_NEAR(hann, 0.5, 1e-12);
  EXPECT_NEAR(hann_noise, 1.5, 1e-12);
  const auto [hamming, hamming_noise] = figures(Window::Hamming);
  EXPECT_NEAR(hamming, 0.54, 1e-12);
  EXPECT_NEAR(hamming_noise, 1 + 0.46 * 0.46 / (2 * 0.54 * 0.54), 1e-12);
  const auto [blackman, blackman_noise] = figures(Window::Blackman);
  EXPECT_NEAR(blackman, 0.42, 1e-12);
  EXPECT_NEAR(blackman_noise, (0.42 * 0.42 + 0.25 / 2 + 0.08 * 0.08 / 2) / (0.42 * 0.42), 1e-12);
  EXPECT_EQ(window(Window::Hann, 4), (std::vector<double>{0, 0.5, 1, 0.5}));
}

}  // namespace
}  // namespace eyeflow::stdlib
