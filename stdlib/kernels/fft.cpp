#include "stdlib/kernels/fft.h"

#include <sleef.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "stdlib/kernels/kernels.h"

namespace eyeflow::stdlib {
namespace {

struct Complex {
  double re, im;
};

// cos and sin of 2πk/n. The angle is brought into an eighth of the circle while it is a fraction of whole numbers, so
// that symmetric places are symmetric to the bit.
Complex circle(std::uint64_t k, std::uint64_t n) {
  const std::uint64_t eighths = k % n * 8, octant = eighths / n, rest = eighths % n;
  const bool mirrored = octant % 2 == 1;
  const double part = static_cast<double>(mirrored ? n - rest : rest) / static_cast<double>(4 * n);
  double c = Sleef_cinz_cospid1_u05purec(part), s = Sleef_cinz_sinpid1_u05purec(part);
  if (mirrored) std::swap(c, s);
  switch (octant / 2) {
    case 0:
      return {c, s};
    case 1:
      return {-s, c};
    case 2:
      return {-c, -s};
    default:
      return {s, -c};
  }
}

// Numbers apart: real parts, then imaginary ones.
template <typename T>
class TableWriter {
 public:
  explicit TableWriter(std::vector<T>& to) : to_(to) {}
  template <typename Make>
  void add(std::size_t count, Make make) {
    const std::size_t at = to_.size();
    to_.resize(at + 2 * count);
    for (std::size_t k = 0; k < count; ++k) {
      const Complex z = make(k);
      to_[at + k] = static_cast<T>(z.re + 0.0);  // no negative zeros
      to_[at + count + k] = static_cast<T>(z.im + 0.0);
    }
  }

 private:
  std::vector<T>& to_;
};

// e^(-2πi k/n)
Complex root(std::uint64_t k, std::uint64_t n) {
  const Complex z = circle(k, n);
  return {z.re, -z.im};
}
// e^(-πi k²/n): k² modulo 2n, in whole numbers.
Complex chirp(std::uint64_t k, std::uint64_t n) { return root(k * k % (2 * n), 2 * n); }

template <typename T>
void add_stages(const FftShape& shape, TableWriter<T>& writer) {
  std::size_t m = shape.inner;
  for (std::uint32_t stage = 0; stage < shape.stages; ++stage) {
    const std::size_t radix = shape.radices[stage], length = m;
    m /= radix;
    if (m == 1) break;
    for (std::size_t k = 1; k < radix; ++k) writer.add(m, [&](std::size_t p) { return root(k * p, length); });
  }
}

// The transform of the chirp's conjugate, laid around the circle of the convolution, divided by its length.
std::vector<double> chirp_filter(const FftShape& shape) {
  FftShape inside = shape;
  inside.points = shape.inner;  // in stages alone
  std::vector<double> stages;
  TableWriter<double> writer(stages);
  add_stages(shape, writer);
  std::vector<double> scratch(shape.scratch_numbers());
  double *re = scratch.data(), *im = re + shape.inner;
  for (std::size_t k = 0; k < shape.points; ++k) {
    const Complex c = chirp(k, shape.points);
    const std::size_t mirror = k == 0 ? 0 : shape.inner - k;
    re[k] = re[mirror] = c.re / shape.inner;
    im[k] = im[mirror] = -c.im / shape.inner;
  }
  const double* result = kernels().f64_signals.points(shape, stages.data(), scratch.data());
  return {result, result + 2 * std::size_t{shape.inner}};
}

}  // namespace

FftShape fft_shape(std::uint64_t n) {
  FftShape shape;
  if (n < 2 || n > kMaxFft) return shape;
  shape.n = static_cast<std::uint32_t>(n);
  shape.points = shape.n % 2 == 0 ? shape.n / 2 : shape.n;
  std::uint32_t left = shape.points;
  const auto divide = [&](std::uint32_t radix) {
    while (left % radix == 0) {
      shape.radices[shape.stages++] = static_cast<std::uint8_t>(radix);
      left /= radix;
    }
  };
  for (const std::uint32_t radix : {4, 2, 3, 5}) divide(radix);
  shape.inner = shape.points;
  if (left == 1) return shape;
  shape.inner = left = std::bit_ceil(2 * shape.points - 1);
  shape.stages = 0;
  for (const std::uint32_t radix : {4, 2}) divide(radix);
  return shape;
}

std::size_t FftShape::stage_numbers() const {
  // Each stage of radix r turns all but one in r of its numbers; the last, which is one of m = 1, none.
  if (stages == 0) return 0;
  return 2 * (std::size_t{inner} - radices[stages - 1]);
}

std::size_t FftShape::table_numbers() const {
  std::size_t numbers = stage_numbers();
  if (by_convolution()) numbers += 2 * (std::size_t{points} + inner);
  if (is_halved()) numbers += 2 * (std::size_t{points} / 2 + 1);
  return std::max<std::size_t>(numbers, 1);
}

template <typename T>
std::vector<T> fft_table(const FftShape& shape) {
  std::vector<T> table;
  TableWriter<T> writer(table);
  add_stages(shape, writer);
  if (shape.by_convolution()) {
    writer.add(shape.points, [&](std::size_t k) { return chirp(k, shape.points); });
    const std::vector<double> filter = chirp_filter(shape);
    writer.add(shape.inner, [&](std::size_t k) { return Complex{filter[k], filter[shape.inner + k]}; });
  }
  if (shape.is_halved()) writer.add(shape.points / 2 + 1, [&](std::size_t k) { return root(k, shape.n); });
  table.resize(shape.table_numbers());  // no array is empty
  return table;
}
template std::vector<double> fft_table(const FftShape&);
template std::vector<float> fft_table(const FftShape&);

std::vector<double> window(Window kind, std::uint32_t n) {
  std::vector<double> values(n, 1.0);
  for (std::uint32_t k = 0; k < n; ++k) {
    const double once = circle(k, n).re, twice = circle(2 * std::uint64_t{k}, n).re;
    if (kind == Window::Hann) values[k] = 0.5 - 0.5 * once;
    if (kind == Window::Hamming) values[k] = 0.54 - 0.46 * once;
    if (kind == Window::Blackman) values[k] = 0.42 - 0.5 * once + 0.08 * twice;
  }
  return values;
}

}  // namespace eyeflow::stdlib
