// Products of matrices, once for each target: included anew by foreach_target.
#if defined(EYEFLOW_KERNELS_MATMUL) == defined(HWY_TARGET_TOGGLE)
#ifdef EYEFLOW_KERNELS_MATMUL
#undef EYEFLOW_KERNELS_MATMUL
#else
#define EYEFLOW_KERNELS_MATMUL
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "stdlib/kernels/elements-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// kRows rows by two vectors of columns, in registers. The lanes are columns: each element has its own sum.
template <int kRows, class D, typename T>
HWY_INLINE void tile(D d, T* to, const T* a, const T* b, std::size_t inner, std::size_t columns) {
  const std::size_t lanes = hn::Lanes(d);
  auto s00 = hn::Zero(d), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  for (std::size_t k = 0; k < inner; ++k, b += columns) {
    const auto b0 = hn::LoadU(d, b), b1 = hn::LoadU(d, b + lanes);
#define EYEFLOW_F(row)                              \
  if constexpr (row < kRows) {                      \
    const auto x = hn::Set(d, a[row * inner + k]);  \
    s##row##0 = hn::Add(s##row##0, hn::Mul(x, b0)); \
    s##row##1 = hn::Add(s##row##1, hn::Mul(x, b1)); \
  }
    EYEFLOW_F(0) EYEFLOW_F(1) EYEFLOW_F(2) EYEFLOW_F(3)
#undef EYEFLOW_F
  }
#define EYEFLOW_F(row)                                                  \
  if constexpr (row < kRows) {                                          \
    hn::StoreU(canonical(d, s##row##0), d, to + row * columns);         \
    hn::StoreU(canonical(d, s##row##1), d, to + row * columns + lanes); \
  }
  EYEFLOW_F(0) EYEFLOW_F(1) EYEFLOW_F(2) EYEFLOW_F(3)
#undef EYEFLOW_F
}

template <int kRows, typename T>
HWY_INLINE void some_rows(T* to, const T* a, const T* b, std::size_t inner, std::size_t columns) {
  const hn::ScalableTag<T> d;
  const std::size_t wide = 2 * hn::Lanes(d);
  std::size_t column = 0;
  for (; column + wide <= columns; column += wide) tile<kRows>(d, to + column, a, b + column, inner, columns);
  const hn::CappedTag<T, 2> two;
  if (hn::Lanes(two) == 2)
    for (; column + 4 <= columns; column += 4) tile<kRows>(two, to + column, a, b + column, inner, columns);
  for (; column < columns; ++column)
    for (int row = 0; row < kRows; ++row) {
      T sum = 0;
      for (std::size_t k = 0; k < inner; ++k) {
        const T product = a[row * inner + k] * b[k * columns + column];
        sum += product;
      }
      to[row * columns + column] = vm::canonical(sum);
    }
}

template <typename T>
void matmul(T* to, const T* a, const T* b, std::size_t rows, std::size_t inner, std::size_t columns) {
  std::size_t row = 0;
  for (; row + 4 <= rows; row += 4) some_rows<4>(to + row * columns, a + row * inner, b, inner, columns);
  for (; row < rows; ++row) some_rows<1>(to + row * columns, a + row * inner, b, inner, columns);
}

}  // namespace HWY_NAMESPACE
}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();

#endif
