#include <algorithm>
#include <limits>

#include "stdlib/intrinsics/array_access.h"
#include "stdlib/intrinsics/functions.h"
#include "stdlib/kernels/kernels.h"

// Figures of whole arrays and products of matrices: the kernels on a task's memory.
namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Reference;
using vm::Word;

template <typename T>
const Reductions<T>& reductions() {
  if constexpr (sizeof(T) == 8)
    return kernels().f64;
  else
    return kernels().f32;
}

template <typename T>
T least(Context& context, Word a) {
  const T* x = elements<T>(context, a);
  T result = std::numeric_limits<T>::max();
  for (std::size_t i = 0; i < length(a); ++i) result = std::min(result, x[i]);
  return result;
}
template <typename T>
T greatest(Context& context, Word a) {
  const T* x = elements<T>(context, a);
  T result = std::numeric_limits<T>::min();
  for (std::size_t i = 0; i < length(a); ++i) result = std::max(result, x[i]);
  return result;
}

double square_root(double x) { return __builtin_sqrt(x); }
float square_root(float x) { return __builtin_sqrtf(x); }

template <typename T>
T dot(Context& context, Word a, Word b) {
  return reductions<T>().dot(elements<T>(context, a), elements<T>(context, b), std::min(length(a), length(b)));
}

template <typename T>
T covariance(Context& context, Word a, Word b) {
  return reductions<T>().covariance(elements<T>(context, a), elements<T>(context, b), std::min(length(a), length(b)));
}
template <typename T>
T variance(Context& context, Word a, std::size_t n) {
  return reductions<T>().variance(elements<T>(context, a), n);
}
template <typename T>
T slope(Context& context, Word a, Word b) {
  return vm::canonical(covariance<T>(context, a, b) / variance<T>(context, a, std::min(length(a), length(b))));
}
template <typename T>
T correlation(Context& context, Word a, Word b) {
  const std::size_t n = std::min(length(a), length(b));
  const T spread = square_root(variance<T>(context, a, n)) * square_root(variance<T>(context, b, n));
  return vm::canonical(covariance<T>(context, a, b) / spread);
}

constexpr std::size_t kRowsPerCall = 4;

// inner = what is left of b for each column; all three sizes must come out even.
template <typename T>
void matmul(Context& context, Word to, Word a, Word b, std::int64_t first_row, std::int64_t column_count) {
  if (column_count <= 0 || first_row < 0 || to == a || to == b) return;
  const auto columns = static_cast<std::size_t>(column_count), first = static_cast<std::size_t>(first_row);
  const std::size_t rows = length(to) / columns, inner = length(b) / columns;
  if (rows * columns != length(to) || inner * columns != length(b) || rows * inner != length(a) || first >= rows)
    return;
  const std::size_t count = std::min(kRowsPerCall, rows - first);
  const Reference target{to};
  context.begin_write(target, first * columns * sizeof(T), count * columns * sizeof(T));
  reductions<T>().matmul(reinterpret_cast<T*>(context.at(target)) + first * columns,
                         elements<T>(context, a) + first * inner, elements<T>(context, b), count, inner, columns);
}

}  // namespace

#define EYEFLOW_FIGURE(name, T, t) \
  T name##_##t(Context& context, Word a) { return reductions<T>().name(elements<T>(context, a), length(a)); }
#define EYEFLOW_FLOATS(T, t)                                                                                 \
  EYEFLOW_FIGURE(mean, T, t)                                                                                 \
  EYEFLOW_FIGURE(min, T, t)                                                                                  \
  EYEFLOW_FIGURE(max, T, t)                                                                                  \
  EYEFLOW_FIGURE(rms, T, t)                                                                                  \
  EYEFLOW_FIGURE(variance, T, t)                                                                             \
  EYEFLOW_FIGURE(kurtosis, T, t)                                                                             \
  T covariance_##t(Context& context, Word a, Word b) { return covariance<T>(context, a, b); }                \
  T slope_##t(Context& context, Word a, Word b) { return slope<T>(context, a, b); }                          \
  T correlation_##t(Context& context, Word a, Word b) { return correlation<T>(context, a, b); }              \
  T dot_##t(Context& context, Word a, Word b) { return dot<T>(context, a, b); }                              \
  void matmul_##t(Context& context, Word to, Word a, Word b, std::int64_t first_row, std::int64_t columns) { \
    matmul<T>(context, to, a, b, first_row, columns);                                                        \
  }
EYEFLOW_FLOATS(double, f64)
EYEFLOW_FLOATS(float, f32)

std::int64_t min_i64(Context& context, Word a) { return least<std::int64_t>(context, a); }
std::int64_t max_i64(Context& context, Word a) { return greatest<std::int64_t>(context, a); }
Word min_i32(Context& context, Word a) { return vm::to_word(least<std::int32_t>(context, a)); }
Word max_i32(Context& context, Word a) { return vm::to_word(greatest<std::int32_t>(context, a)); }

}  // namespace eyeflow::stdlib::functions
