// Fourier transforms, once for each target: included anew by foreach_target.
#if defined(EYEFLOW_KERNELS_FFT) == defined(HWY_TARGET_TOGGLE)
#ifdef EYEFLOW_KERNELS_FFT
#undef EYEFLOW_KERNELS_FFT
#else
#define EYEFLOW_KERNELS_FFT
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <utility>

#include "stdlib/kernels/elements-inl.h"
#include "stdlib/kernels/fft.h"

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Real and imaginary parts are in rows of their own, so that a lane is a complex number and no lane sees another. What
// one lane does is written here once; vectors of any width, and single lanes where a row ends, do it alike.

// (r, i) *= (wr, wi)
template <class V>
HWY_INLINE void turn(V& r, V& i, V wr, V wi) {
  const V real = hn::Sub(hn::Mul(r, wr), hn::Mul(i, wi));
  i = hn::Add(hn::Mul(r, wi), hn::Mul(i, wr));
  r = real;
}

// The transform of kRadix numbers, in place.
template <int kRadix, class D, class V>
HWY_INLINE void butterfly(D d, V& r0, V& i0, V& r1, V& i1, V& r2, V& i2, V& r3, V& i3, V& r4, V& i4) {
  using T = hn::TFromD<D>;
  if constexpr (kRadix == 2) {
    const V r = r1, i = i1;
    r1 = hn::Sub(r0, r), i1 = hn::Sub(i0, i);
    r0 = hn::Add(r0, r), i0 = hn::Add(i0, i);
  } else if constexpr (kRadix == 3) {
    const V half = hn::Set(d, T(0.5)), sine = hn::Set(d, T(0.86602540378443864676));
    const V sum_r = hn::Add(r1, r2), sum_i = hn::Add(i1, i2);
    const V side_r = hn::Mul(hn::Sub(r1, r2), sine), side_i = hn::Mul(hn::Sub(i1, i2), sine);
    const V mid_r = hn::Sub(r0, hn::Mul(sum_r, half)), mid_i = hn::Sub(i0, hn::Mul(sum_i, half));
    r0 = hn::Add(r0, sum_r), i0 = hn::Add(i0, sum_i);
    r1 = hn::Add(mid_r, side_i), i1 = hn::Sub(mid_i, side_r);
    r2 = hn::Sub(mid_r, side_i), i2 = hn::Add(mid_i, side_r);
  } else if constexpr (kRadix == 4) {
    const V ar = hn::Add(r0, r2), ai = hn::Add(i0, i2), br = hn::Sub(r0, r2), bi = hn::Sub(i0, i2);
    const V cr = hn::Add(r1, r3), ci = hn::Add(i1, i3), dr = hn::Sub(r1, r3), di = hn::Sub(i1, i3);
    r0 = hn::Add(ar, cr), i0 = hn::Add(ai, ci);
    r1 = hn::Add(br, di), i1 = hn::Sub(bi, dr);
    r2 = hn::Sub(ar, cr), i2 = hn::Sub(ai, ci);
    r3 = hn::Sub(br, di), i3 = hn::Add(bi, dr);
  } else {
    static_assert(kRadix == 5);
    const V c1 = hn::Set(d, T(0.30901699437494742410)), c2 = hn::Set(d, T(-0.80901699437494742410));
    const V s1 = hn::Set(d, T(0.95105651629515357212)), s2 = hn::Set(d, T(0.58778525229247312917));
    const V ar = hn::Add(r1, r4), ai = hn::Add(i1, i4), dr = hn::Sub(r1, r4), di = hn::Sub(i1, i4);
    const V br = hn::Add(r2, r3), bi = hn::Add(i2, i3), er = hn::Sub(r2, r3), ei = hn::Sub(i2, i3);
    const V m1r = hn::Add(hn::Add(r0, hn::Mul(ar, c1)), hn::Mul(br, c2));
    const V m1i = hn::Add(hn::Add(i0, hn::Mul(ai, c1)), hn::Mul(bi, c2));
    const V m2r = hn::Add(hn::Add(r0, hn::Mul(ar, c2)), hn::Mul(br, c1));
    const V m2i = hn::Add(hn::Add(i0, hn::Mul(ai, c2)), hn::Mul(bi, c1));
    const V n1r = hn::Add(hn::Mul(dr, s1), hn::Mul(er, s2)), n1i = hn::Add(hn::Mul(di, s1), hn::Mul(ei, s2));
    const V n2r = hn::Sub(hn::Mul(dr, s2), hn::Mul(er, s1)), n2i = hn::Sub(hn::Mul(di, s2), hn::Mul(ei, s1));
    r0 = hn::Add(r0, hn::Add(ar, br)), i0 = hn::Add(i0, hn::Add(ai, bi));
    r1 = hn::Add(m1r, n1i), i1 = hn::Sub(m1i, n1r);
    r2 = hn::Add(m2r, n2i), i2 = hn::Sub(m2i, n2r);
    r3 = hn::Sub(m2r, n2i), i3 = hn::Add(m2i, n2r);
    r4 = hn::Sub(m1r, n1i), i4 = hn::Add(m1i, n1r);
  }
}

// Where a stage reads and writes: input j of column p stands at from + p + j * m, in rows of `stride`.
template <typename T>
struct StageRows {
  const T *from_r, *from_i;
  T *to_r, *to_i;
  const T* w;             // this stage's roots: for k = 1 …, m real and m imaginary parts
  std::size_t m, stride;  // what is left to be done; how many transforms lie beside each other
};

// Columns from q on of group p, as far as whole vectors go: all of them turn by the same roots. Gives the next q.
template <int kRadix, bool kTurn, class D, typename T>
HWY_INLINE std::size_t columns(D d, const StageRows<T>& rows, std::size_t p, std::size_t q) {
  const std::size_t lanes = hn::Lanes(d), m = rows.m, s = rows.stride;
  if (q + lanes > s) return q;
  const T* w = rows.w + p;
#define EYEFLOW_F(k)                                                                     \
  const auto wr##k = kTurn && k < kRadix ? hn::Set(d, w[2 * (k - 1) * m]) : hn::Zero(d); \
  const auto wi##k = kTurn && k < kRadix ? hn::Set(d, w[(2 * k - 1) * m]) : hn::Zero(d);
  EYEFLOW_F(1)
  EYEFLOW_F(2)
  EYEFLOW_F(3)
  EYEFLOW_F(4)
#undef EYEFLOW_F
  const std::size_t step = s * m;
  for (; q + lanes <= s; q += lanes) {
    const T *from_r = rows.from_r + p * s + q, *from_i = rows.from_i + p * s + q;
    T *to_r = rows.to_r + p * kRadix * s + q, *to_i = rows.to_i + p * kRadix * s + q;
    auto r0 = hn::LoadU(d, from_r), i0 = hn::LoadU(d, from_i);
    auto r1 = hn::LoadU(d, from_r + step), i1 = hn::LoadU(d, from_i + step);
    auto r2 = r1, i2 = i1, r3 = r1, i3 = i1, r4 = r1, i4 = i1;
    if constexpr (kRadix > 2) r2 = hn::LoadU(d, from_r + 2 * step), i2 = hn::LoadU(d, from_i + 2 * step);
    if constexpr (kRadix > 3) r3 = hn::LoadU(d, from_r + 3 * step), i3 = hn::LoadU(d, from_i + 3 * step);
    if constexpr (kRadix > 4) r4 = hn::LoadU(d, from_r + 4 * step), i4 = hn::LoadU(d, from_i + 4 * step);
    butterfly<kRadix>(d, r0, i0, r1, i1, r2, i2, r3, i3, r4, i4);
    if constexpr (kTurn) {
      turn(r1, i1, wr1, wi1);
      if constexpr (kRadix > 2) turn(r2, i2, wr2, wi2);
      if constexpr (kRadix > 3) turn(r3, i3, wr3, wi3);
      if constexpr (kRadix > 4) turn(r4, i4, wr4, wi4);
    }
    hn::StoreU(r0, d, to_r), hn::StoreU(i0, d, to_i);
    hn::StoreU(r1, d, to_r + s), hn::StoreU(i1, d, to_i + s);
    if constexpr (kRadix > 2) hn::StoreU(r2, d, to_r + 2 * s), hn::StoreU(i2, d, to_i + 2 * s);
    if constexpr (kRadix > 3) hn::StoreU(r3, d, to_r + 3 * s), hn::StoreU(i3, d, to_i + 3 * s);
    if constexpr (kRadix > 4) hn::StoreU(r4, d, to_r + 4 * s), hn::StoreU(i4, d, to_i + 4 * s);
  }
  return q;
}

// kRadix vectors, so that their lanes alternate at `to`.
template <int kRadix, class D, class V>
HWY_INLINE void store_alternating(D d, V v0, V v1, V v2, V v3, V v4, hn::TFromD<D>* to) {
  using T = hn::TFromD<D>;
  const std::size_t lanes = hn::Lanes(d);
  if constexpr (kRadix == 2 && hn::MaxLanes(d) > 1) {
    hn::StoreInterleaved2(v0, v1, d, to);
  } else if constexpr (kRadix == 4 && hn::MaxLanes(d) > 1) {
    hn::StoreInterleaved4(v0, v1, v2, v3, d, to);
  } else {
    HWY_ALIGN T lane[5 * hn::MaxLanes(d)];
    hn::StoreU(v0, d, lane), hn::StoreU(v1, d, lane + lanes);
    if constexpr (kRadix > 2) hn::StoreU(v2, d, lane + 2 * lanes);
    if constexpr (kRadix > 3) hn::StoreU(v3, d, lane + 3 * lanes);
    if constexpr (kRadix > 4) hn::StoreU(v4, d, lane + 4 * lanes);
    for (std::size_t n = 0; n < lanes; ++n)
      for (std::size_t k = 0; k < kRadix; ++k) to[n * kRadix + k] = lane[k * lanes + n];
  }
}

// The same where each column is a group of its own (the first stage): lanes have different roots.
template <int kRadix, bool kTurn, class D, typename T>
HWY_INLINE std::size_t groups(D d, const StageRows<T>& rows, std::size_t p) {
  const std::size_t lanes = hn::Lanes(d), m = rows.m;
  for (; p + lanes <= m; p += lanes) {
    const T *from_r = rows.from_r + p, *from_i = rows.from_i + p;
    auto r0 = hn::LoadU(d, from_r), i0 = hn::LoadU(d, from_i);
    auto r1 = hn::LoadU(d, from_r + m), i1 = hn::LoadU(d, from_i + m);
    auto r2 = r1, i2 = i1, r3 = r1, i3 = i1, r4 = r1, i4 = i1;
    if constexpr (kRadix > 2) r2 = hn::LoadU(d, from_r + 2 * m), i2 = hn::LoadU(d, from_i + 2 * m);
    if constexpr (kRadix > 3) r3 = hn::LoadU(d, from_r + 3 * m), i3 = hn::LoadU(d, from_i + 3 * m);
    if constexpr (kRadix > 4) r4 = hn::LoadU(d, from_r + 4 * m), i4 = hn::LoadU(d, from_i + 4 * m);
    butterfly<kRadix>(d, r0, i0, r1, i1, r2, i2, r3, i3, r4, i4);
    if constexpr (kTurn) {
      const T* w = rows.w + p;
      turn(r1, i1, hn::LoadU(d, w), hn::LoadU(d, w + m));
      if constexpr (kRadix > 2) turn(r2, i2, hn::LoadU(d, w + 2 * m), hn::LoadU(d, w + 3 * m));
      if constexpr (kRadix > 3) turn(r3, i3, hn::LoadU(d, w + 4 * m), hn::LoadU(d, w + 5 * m));
      if constexpr (kRadix > 4) turn(r4, i4, hn::LoadU(d, w + 6 * m), hn::LoadU(d, w + 7 * m));
    }
    store_alternating<kRadix>(d, r0, r1, r2, r3, r4, rows.to_r + p * kRadix);
    store_alternating<kRadix>(d, i0, i1, i2, i3, i4, rows.to_i + p * kRadix);
  }
  return p;
}

template <int kRadix, bool kTurn, typename T>
HWY_INLINE void stage(const StageRows<T>& rows) {
  const hn::ScalableTag<T> d;
  const OneLane<T> one;
  if (rows.stride == 1) {
    groups<kRadix, kTurn>(one, rows, groups<kRadix, kTurn>(d, rows, 0));
    return;
  }
  for (std::size_t p = 0; p < rows.m; ++p) {
    std::size_t q = columns<kRadix, kTurn>(d, rows, p, 0);
    if constexpr (hn::MaxLanes(d) > 4) q = columns<kRadix, kTurn>(hn::CappedTag<T, 4>(), rows, p, q);
    columns<kRadix, kTurn>(one, rows, p, q);
  }
}
template <int kRadix, typename T>
HWY_NOINLINE void stage(const StageRows<T>& rows) {
  if (rows.m == 1)
    stage<kRadix, false>(rows);
  else
    stage<kRadix, true>(rows);
}

// Complex numbers in rows, and rows of the same length for what is made of them.
template <typename T>
struct Rows {
  T *r, *i, *other_r, *other_i;
  Rows swapped() const { return {i, r, other_i, other_r}; }
};

template <typename T>
HWY_NOINLINE void all_stages(const FftShape& shape, const T* w, Rows<T>& rows) {
  std::size_t m = shape.inner, stride = 1;
  for (std::uint32_t n = 0; n < shape.stages; ++n) {
    const std::size_t radix = shape.radices[n];
    m = radix == 4 ? m / 4 : radix == 2 ? m / 2 : m / radix;
    const StageRows<T> one{rows.r, rows.i, rows.other_r, rows.other_i, w, m, stride};
    switch (radix) {
      case 4:
        stage<4>(one);
        break;
      case 2:
        stage<2>(one);
        break;
      case 3:
        stage<3>(one);
        break;
      default:
        stage<5>(one);
        break;
    }
    w += 2 * (radix - 1) * m;
    stride *= radix;
    std::swap(rows.r, rows.other_r), std::swap(rows.i, rows.other_i);
  }
}
template <typename T>
Rows<T> rows_in(const FftShape& shape, T* scratch) {
  const std::size_t inner = shape.inner;
  return {scratch, scratch + inner, scratch + 2 * inner, scratch + 3 * inner};
}
template <typename T>
const T* points(const FftShape& shape, const T* table, T* scratch) {
  Rows<T> rows = rows_in(shape, scratch);
  all_stages(shape, table, rows);
  return rows.r;
}

// rows[k] *= w[k], for k below n
template <typename T>
HWY_NOINLINE void turn_all(const Rows<T>& rows, const T* wr, const T* wi, std::size_t n) {
  const auto some = [&](auto d, std::size_t k) {
    const std::size_t lanes = hn::Lanes(d);
    for (; k + lanes <= n; k += lanes) {
      auto r = hn::LoadU(d, rows.r + k), i = hn::LoadU(d, rows.i + k);
      turn(r, i, hn::LoadU(d, wr + k), hn::LoadU(d, wi + k));
      hn::StoreU(r, d, rows.r + k), hn::StoreU(i, d, rows.i + k);
    }
    return k;
  };
  some(OneLane<T>(), some(hn::ScalableTag<T>(), 0));
}

// Bluestein: jk = (j² + k² - (k - j)²) / 2, so a transform is a convolution with a chirp. The way back is the same
// transform with real and imaginary parts swapped.
template <typename T>
HWY_INLINE void convolve(const FftShape& shape, const T* table, Rows<T>& rows) {
  const std::size_t inner = shape.inner, n = shape.points;
  const T *chirp = table + shape.stage_numbers(), *filter = chirp + 2 * n;
  turn_all(rows, chirp, chirp + n, n);
  for (std::size_t k = n; k < inner; ++k) rows.r[k] = rows.i[k] = 0;
  all_stages(shape, table, rows);
  turn_all(rows, filter, filter + inner, inner);
  Rows<T> back = rows.swapped();
  all_stages(shape, table, back);
  rows = back.swapped();
  turn_all(rows, chirp, chirp + n, n);
}

// Even numbers of x become real parts, odd ones imaginary parts.
template <typename T>
HWY_INLINE void pack(const Rows<T>& rows, const T* x, std::size_t points) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t k = 0;
  if constexpr (hn::MaxLanes(d) > 1) {
    for (; k + lanes <= points; k += lanes) {
      auto r = hn::Zero(d), i = hn::Zero(d);
      hn::LoadInterleaved2(d, x + 2 * k, r, i);
      hn::StoreU(r, d, rows.r + k), hn::StoreU(i, d, rows.i + k);
    }
  }
  for (; k < points; ++k) rows.r[k] = x[2 * k], rows.i[k] = x[2 * k + 1];
}

// From the transform Z of M packed points to that of the 2M numbers: with E = (Z[k] + conj Z[M-k]) / 2 and
// O = -i (Z[k] - conj Z[M-k]) / 2, X[k] = E + w O and X[M-k] = conj(E - w O), w = e^(-2πi k/2M).
template <class D, class V>
HWY_INLINE void unpack_pair(D d, V& ar, V& ai, V& br, V& bi, V wr, V wi) {
  const V half = hn::Set(d, hn::TFromD<D>(0.5));
  const V even_r = hn::Mul(hn::Add(ar, br), half), even_i = hn::Mul(hn::Sub(ai, bi), half);
  V odd_r = hn::Mul(hn::Add(ai, bi), half), odd_i = hn::Mul(hn::Sub(br, ar), half);
  turn(odd_r, odd_i, wr, wi);
  ar = canonical(d, hn::Add(even_r, odd_r)), ai = canonical(d, hn::Add(even_i, odd_i));
  br = canonical(d, hn::Sub(even_r, odd_r)), bi = canonical(d, hn::Sub(odd_i, even_i));
}
template <typename T>
HWY_INLINE void unpack(T* to, const Rows<T>& rows, const T* w, std::size_t points) {
  const T *r = rows.r, *i = rows.i, *wi = w + points / 2 + 1;
  to[0] = vm::canonical(r[0] + i[0]), to[1] = 0;
  to[2 * points] = vm::canonical(r[0] - i[0]), to[2 * points + 1] = 0;
  if (points % 2 == 0) {
    to[points] = vm::canonical(r[points / 2]);
    to[points + 1] = vm::canonical(-i[points / 2]);
  }
  const std::size_t end = (points + 1) / 2;  // beyond the last pair
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t k = 1;
  if constexpr (hn::MaxLanes(d) > 1) {
    for (; k + lanes <= end; k += lanes) {
      const std::size_t mirror = points - k - lanes + 1;
      auto ar = hn::LoadU(d, r + k), ai = hn::LoadU(d, i + k);
      auto br = hn::Reverse(d, hn::LoadU(d, r + mirror)), bi = hn::Reverse(d, hn::LoadU(d, i + mirror));
      unpack_pair(d, ar, ai, br, bi, hn::LoadU(d, w + k), hn::LoadU(d, wi + k));
      hn::StoreInterleaved2(ar, ai, d, to + 2 * k);
      hn::StoreInterleaved2(hn::Reverse(d, br), hn::Reverse(d, bi), d, to + 2 * mirror);
    }
  }
  const OneLane<T> one;
  for (; k < end; ++k) {
    const std::size_t mirror = points - k;
    auto ar = hn::LoadU(one, r + k), ai = hn::LoadU(one, i + k);
    auto br = hn::LoadU(one, r + mirror), bi = hn::LoadU(one, i + mirror);
    unpack_pair(one, ar, ai, br, bi, hn::LoadU(one, w + k), hn::LoadU(one, wi + k));
    hn::StoreU(ar, one, to + 2 * k), hn::StoreU(ai, one, to + 2 * k + 1);
    hn::StoreU(br, one, to + 2 * mirror), hn::StoreU(bi, one, to + 2 * mirror + 1);
  }
}

template <typename T>
void fft(const FftShape& shape, T* to, const T* x, const T* table, T* scratch) {
  Rows<T> rows = rows_in(shape, scratch);
  if (shape.is_halved()) {
    pack(rows, x, shape.points);
  } else {
    for (std::size_t k = 0; k < shape.points; ++k) rows.r[k] = x[k], rows.i[k] = 0;
  }
  if (shape.by_convolution())
    convolve(shape, table, rows);
  else
    all_stages(shape, table, rows);
  if (shape.is_halved()) {
    const std::size_t roots = 2 * (std::size_t{shape.points} / 2 + 1);
    unpack(to, rows, table + shape.table_numbers() - roots, shape.points);
  } else {
    for (std::size_t k = 0; k < shape.bins(); ++k) {
      to[2 * k] = vm::canonical(rows.r[k]);
      to[2 * k + 1] = vm::canonical(rows.i[k]);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();

#endif
