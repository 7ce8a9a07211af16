// Spectra and filters, once for each target: included anew by foreach_target.
#if defined(EYEFLOW_KERNELS_SIGNALS) == defined(HWY_TARGET_TOGGLE)
#ifdef EYEFLOW_KERNELS_SIGNALS
#undef EYEFLOW_KERNELS_SIGNALS
#else
#define EYEFLOW_KERNELS_SIGNALS
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "stdlib/kernels/elements-inl.h"
#include "stdlib/kernels/fft-inl.h"
#include "stdlib/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <bool kRoot, class D, class V>
HWY_INLINE V size_of(D d, V r, V i, V scale) {
  V size = hn::Add(hn::Mul(r, r), hn::Mul(i, i));
  if constexpr (kRoot) size = hn::Sqrt(size);
  return canonical(d, hn::Mul(size, scale));
}

template <bool kRoot, typename T>
HWY_INLINE void sizes(T* to, const T* pairs, T scale, std::size_t n) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t k = 0;
  if constexpr (hn::MaxLanes(d) > 1) {
    for (; k + lanes <= n; k += lanes) {
      auto r = hn::Zero(d), i = hn::Zero(d);
      hn::LoadInterleaved2(d, pairs + 2 * k, r, i);
      hn::StoreU(size_of<kRoot>(d, r, i, hn::Set(d, scale)), d, to + k);
    }
  }
  const OneLane<T> one;
  for (; k < n; ++k) {
    const auto r = hn::LoadU(one, pairs + 2 * k), i = hn::LoadU(one, pairs + 2 * k + 1);
    hn::StoreU(size_of<kRoot>(one, r, i, hn::Set(one, scale)), one, to + k);
  }
}
template <typename T>
void magnitudes(T* to, const T* pairs, T scale, std::size_t n) {
  sizes<true>(to, pairs, scale, n);
}
template <typename T>
void powers(T* to, const T* pairs, T scale, std::size_t n) {
  sizes<false>(to, pairs, scale, n);
}

template <int kCount, typename T>
HWY_INLINE void some_taps(T* to, const T* x, const T* taps, std::size_t n) {
  const auto some = [&](auto d, std::size_t i) {
    const std::size_t lanes = hn::Lanes(d);
    const auto t0 = hn::Set(d, taps[0]), t1 = hn::Set(d, kCount > 1 ? taps[1] : T(0)),
               t2 = hn::Set(d, kCount > 2 ? taps[2] : T(0)), t3 = hn::Set(d, kCount > 3 ? taps[3] : T(0));
    for (; i + lanes <= n; i += lanes) {
      const T* at = x + i + kCount - 1;
      auto sum = hn::Add(hn::LoadU(d, to + i), hn::Mul(hn::LoadU(d, at), t0));
      if constexpr (kCount > 1) sum = hn::Add(sum, hn::Mul(hn::LoadU(d, at - 1), t1));
      if constexpr (kCount > 2) sum = hn::Add(sum, hn::Mul(hn::LoadU(d, at - 2), t2));
      if constexpr (kCount > 3) sum = hn::Add(sum, hn::Mul(hn::LoadU(d, at - 3), t3));
      hn::StoreU(canonical(d, sum), d, to + i);
    }
    return i;
  };
  some(OneLane<T>(), some(hn::ScalableTag<T>(), 0));
}
template <typename T>
void fir(T* to, const T* x, const T* taps, std::size_t count, std::size_t n) {
  if (count == 1) some_taps<1>(to, x, taps, n);
  if (count == 2) some_taps<2>(to, x, taps, n);
  if (count == 3) some_taps<3>(to, x, taps, n);
  if (count == 4) some_taps<4>(to, x, taps, n);
}

template <typename T>
void fill(Signals<T>& s) {
  s.fft = fft<T>;
  s.points = points<T>;
  s.magnitudes = magnitudes<T>;
  s.powers = powers<T>;
  s.fir = fir<T>;
}

inline void fill_signals(Kernels& k) {
  fill(k.f64_signals);
  fill(k.f32_signals);
}

}  // namespace HWY_NAMESPACE
}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();

#endif
