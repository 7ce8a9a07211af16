#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "stdlib/intrinsics/array_access.h"
#include "stdlib/intrinsics/functions.h"
#include "stdlib/kernels/kernels.h"

// Spectra, filters, curves: the kernels on a task's memory. Where sizes do not belong together, nothing is done: the
// compiler makes no such call, and a module of somebody else's making reaches nothing beyond its arrays by one.
namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Reference;
using vm::Region;
using vm::Word;

template <typename T>
const Signals<T>& signals() {
  if constexpr (sizeof(T) == 8)
    return kernels().f64_signals;
  else
    return kernels().f32_signals;
}

template <typename T>
void fft(Context& context, Word to, Word x, Word table, Word scratch) {
  const FftShape shape = fft_shape(length(x));
  const bool apart = to != x && to != table && scratch != to && scratch != x && scratch != table;
  if (shape.n == 0 || !apart || length(to) != 2 * shape.bins() || length(table) != shape.table_numbers() ||
      length(scratch) != shape.scratch_numbers() || Reference{scratch}.region() != Region::Scratch)
    return;
  signals<T>().fft(shape, writable<T>(context, to), elements<T>(context, x), elements<T>(context, table),
                   writable<T>(context, scratch));
}

template <typename T, auto Kernel>
void sizes(Context& context, Word to, Word pairs, T scale, std::int64_t halves) {
  const std::size_t n = length(to);
  if (n == 0 || length(pairs) != 2 * n || to == pairs) return;
  T* out = writable<T>(context, to);
  (signals<T>().*Kernel)(out, elements<T>(context, pairs), scale, n);
  if (halves > 0) out[0] *= T(0.5);
  if (halves > 1) out[n - 1] *= T(0.5);
}

// The first whole number that is not below x, to a thousandth, within 0 .. n.
std::size_t first_at(double x, std::size_t n) {
  const double place = x - 1.0 / 1024;
  if (!(place > 0)) return 0;
  if (place >= static_cast<double>(n)) return n;
  const auto whole = static_cast<std::size_t>(place);
  return whole + (static_cast<double>(whole) < place);
}

template <typename T>
T band(Context& context, Word a, T width, T from, T to) {
  const bool sensible = width > 0 && width <= std::numeric_limits<T>::max() && from == from && to == to;
  if (!sensible) return std::numeric_limits<T>::quiet_NaN();
  const std::size_t n = length(a), first = first_at(static_cast<double>(from) / static_cast<double>(width), n);
  const std::size_t end = std::max(first, first_at(static_cast<double>(to) / static_cast<double>(width), n));
  T sum = 0;
  if constexpr (sizeof(T) == 8)
    kernels().arrays.SumF64(&sum, elements<T>(context, a) + first, end - first);
  else
    kernels().arrays.SumF32(&sum, elements<T>(context, a) + first, end - first);
  return vm::canonical(sum * width);
}

constexpr std::size_t kTapsPerCall = 4;

template <typename T>
void fir(Context& context, Word to, Word x, Word taps, std::int64_t first_tap) {
  const std::size_t n = length(to), count = length(taps), first = static_cast<std::size_t>(first_tap);
  if (to == x || to == taps || count == 0 || length(x) != n + count - 1 || first >= count) return;
  const std::size_t here = std::min(kTapsPerCall, count - first);
  T* out = writable<T>(context, to);
  if (first == 0) std::fill(out, out + n, T(0));
  signals<T>().fir(out, elements<T>(context, x) + (count - first - here), elements<T>(context, taps) + first, here, n);
}

template <typename T>
T between(T a, T b, double part) {
  if (part == 0 || a == b) return a;
  return vm::canonical(
      static_cast<T>(static_cast<double>(a) + part * (static_cast<double>(b) - static_cast<double>(a))));
}

template <typename T>
T interpolate(Context& context, Word xs, Word ys, T x) {
  const T *at = elements<T>(context, xs), *y = elements<T>(context, ys);
  const std::size_t n = std::min(length(xs), length(ys));
  if (n == 0 || x != x) return std::numeric_limits<T>::quiet_NaN();
  std::size_t low = 0, high = n;  // the first beyond x is in low .. high
  while (low < high) {
    const std::size_t mid = low + (high - low) / 2;
    if (at[mid] <= x)
      low = mid + 1;
    else
      high = mid;
  }
  if (low == 0) return y[0];
  if (low == n) return y[n - 1];
  const double from = static_cast<double>(at[low - 1]), step = static_cast<double>(at[low]) - from;
  return between(y[low - 1], y[low], (static_cast<double>(x) - from) / step);
}

template <typename T>
void resample(Context& context, Word to, Word from) {
  const std::size_t n = length(from), count = length(to);
  if (n == 0 || count == 0 || to == from) return;
  const T* x = elements<T>(context, from);
  T* out = writable<T>(context, to);
  const std::uint64_t steps = count > 1 ? count - 1 : 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t place = i * (n - 1), at = place / steps;
    const double part = static_cast<double>(place % steps) / static_cast<double>(steps);
    out[i] = at + 1 < n ? between(x[at], x[at + 1], part) : x[at];
  }
}

// A float as a whole number that orders like it, -0 below 0.
template <typename T>
using Key = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
template <typename T>
Key<T> key_of(Key<T> bits) {
  return bits ^ (bits < 0 ? std::numeric_limits<Key<T>>::max() : 0);  // its own inverse
}

// The quantile of Hyndman and Fan's seventh kind.
template <typename T>
T percentile(Context& context, Word a, Word scratch, T percent) {
  const std::size_t n = length(a);
  const T* x = elements<T>(context, a);
  const bool inside = percent >= 0 && percent <= 100;
  if (!inside || n == 0 || length(scratch) != n || scratch == a ||
      std::any_of(x, x + n, [](T value) { return value != value; }))
    return std::numeric_limits<T>::quiet_NaN();
  auto* keys = reinterpret_cast<Key<T>*>(writable<T>(context, scratch));
  std::memcpy(keys, x, n * sizeof(T));
  for (std::size_t i = 0; i < n; ++i) keys[i] = key_of<T>(keys[i]);
  const double place = static_cast<double>(n - 1) * static_cast<double>(percent) / 100;
  const std::size_t at = std::min(static_cast<std::size_t>(place), n - 1);
  std::nth_element(keys, keys + at, keys + n);
  const Key<T> next = at + 1 < n ? *std::min_element(keys + at + 1, keys + n) : keys[at];
  const T low = std::bit_cast<T>(key_of<T>(keys[at])), high = std::bit_cast<T>(key_of<T>(next));
  std::memset(keys, 0, n * sizeof(T));
  return between(low, high, place - static_cast<double>(at));
}

// The first of the greatest or least; the first NaN where there is one. 0 if there are no elements.
template <typename T, bool kGreatest>
std::int64_t extreme_at(Context& context, Word a) {
  const T* x = elements<T>(context, a);
  std::size_t best = 0;
  for (std::size_t i = 1; i < length(a) && x[best] == x[best]; ++i)
    if (x[i] != x[i] || (kGreatest ? x[best] < x[i] : x[i] < x[best])) best = i;
  return static_cast<std::int64_t>(best);
}

}  // namespace

#define EYEFLOW_FLOATS(T, t)                                                                                  \
  void fft_##t(Context& c, Word to, Word x, Word table, Word scratch) { fft<T>(c, to, x, table, scratch); }   \
  void magnitudes_##t(Context& c, Word to, Word pairs, T scale, std::int64_t halves) {                        \
    sizes<T, &Signals<T>::magnitudes>(c, to, pairs, scale, halves);                                           \
  }                                                                                                           \
  void powers_##t(Context& c, Word to, Word pairs, T scale, std::int64_t halves) {                            \
    sizes<T, &Signals<T>::powers>(c, to, pairs, scale, halves);                                               \
  }                                                                                                           \
  void fir_##t(Context& c, Word to, Word x, Word taps, std::int64_t first) { fir<T>(c, to, x, taps, first); } \
  T band_##t(Context& c, Word a, T width, T from, T to) { return band<T>(c, a, width, from, to); }            \
  T interpolate_##t(Context& c, Word xs, Word ys, T x) { return interpolate<T>(c, xs, ys, x); }               \
  void resample_##t(Context& c, Word to, Word from) { resample<T>(c, to, from); }                             \
  T percentile_##t(Context& c, Word a, Word scratch, T percent) { return percentile<T>(c, a, scratch, percent); }
EYEFLOW_FLOATS(double, f64)
EYEFLOW_FLOATS(float, f32)

#define EYEFLOW_INDEX(T, t)                                                                     \
  std::int64_t argmax_##t(Context& context, Word a) { return extreme_at<T, true>(context, a); } \
  std::int64_t argmin_##t(Context& context, Word a) { return extreme_at<T, false>(context, a); }
EYEFLOW_INDEX(double, f64)
EYEFLOW_INDEX(float, f32)
EYEFLOW_INDEX(std::int64_t, i64)
EYEFLOW_INDEX(std::int32_t, i32)

}  // namespace eyeflow::stdlib::functions
