#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eyeflow::stdlib {

// The Fourier transform of n real numbers, X[k] = Σ x[j] e^(-2πi jk/n) for k = 0 .. n/2; the others are conjugates of
// these. Any n from 2 to kMaxFft.
//
// An even n is done as n/2 complex numbers. Their transform goes in stages of radix 4, 2, 3 and 5 (Stockham's order, in
// which nothing has to be sorted); where other primes divide their count, as a convolution of a power of two (Bluestein
// 1970). Roots of unity are a table that the compiler makes (fft_table) and the module carries: every CPU gets the
// same.
inline constexpr std::uint32_t kMaxFft = 65'536;

// What follows from n alone; kernels and tables agree by it.
struct FftShape {
  std::uint32_t n = 0;
  std::uint32_t points = 0;  // of the complex transform: n / 2 for even n, else n
  std::uint32_t inner = 0;   // of the one that is done in stages: `points`, or the length of the convolution
  std::uint32_t stages = 0;
  std::array<std::uint8_t, 16> radices = {};  // in the order in which they are done

  bool is_halved() const { return points != n; }
  bool by_convolution() const { return inner != points; }
  std::size_t bins() const { return n / 2 + 1; }

  // A table is a row of numbers, real and imaginary parts apart. For each stage but the last, of radix r and m = (what
  // is left) / r: e^(-2πi kp/(r m)) for k = 1 .. r-1, p = 0 .. m-1. For a convolution: the chirp c[k] = e^(-πi
  // k²/points), then the transform of its conjugate, divided by `inner`. For even n: e^(-2πi k/n) for k = 0 ..
  // points/2.
  std::size_t stage_numbers() const;
  std::size_t table_numbers() const;
  std::size_t scratch_numbers() const { return std::size_t{4} * inner; }
};

// Nothing (n = 0) where n is out of range.
FftShape fft_shape(std::uint64_t n);

// The table of a shape, rounded to T from f64, which is within 1 ulp (roots of unity) or 1e-15 (the chirp's transform).
template <typename T>
std::vector<T> fft_table(const FftShape& shape);
extern template std::vector<double> fft_table(const FftShape&);
extern template std::vector<float> fft_table(const FftShape&);

// Windows for spectra: periodic, as spectra want them: w[k] = w(k / n), k = 0 .. n-1 (Harris 1978, "On the use of
// windows for harmonic analysis with the discrete Fourier transform").
enum class Window : std::uint8_t {
  None,      // 1
  Hann,      // 0.5 - 0.5 cos(2πk/n)
  Hamming,   // 0.54 - 0.46 cos(2πk/n)
  Blackman,  // 0.42 - 0.5 cos(2πk/n) + 0.08 cos(4πk/n)
};
std::vector<double> window(Window kind, std::uint32_t n);

}  // namespace eyeflow::stdlib
