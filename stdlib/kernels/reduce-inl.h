// Reductions in the one order, once for each target: included anew by foreach_target.
#if defined(EYEFLOW_KERNELS_REDUCE) == defined(HWY_TARGET_TOGGLE)
#ifdef EYEFLOW_KERNELS_REDUCE
#undef EYEFLOW_KERNELS_REDUCE
#else
#define EYEFLOW_KERNELS_REDUCE
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "stdlib/kernels/elements-inl.h"
#include "vm/isa/array_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kPartials = vm::kPartials;

// As wide as the CPU has it, at most one vector for all partials. Vectors whose width is not known at compile time
// (SVE) are used 128 bits at a time, so that the number of vectors is.
template <typename T>
#if HWY_HAVE_SCALABLE
using ReduceTag = hn::CappedTag<T, 16 / sizeof(T)>;
#else
using ReduceTag = hn::CappedTag<T, kPartials>;
#endif

struct AddStep {
  template <class D>
  static HWY_INLINE hn::Vec<D> start(D d) {
    return hn::Zero(d);
  }
  template <class V>
  static HWY_INLINE V step(V p, V x) {
    return hn::Add(p, x);
  }
};
struct MinStep {
  template <class D>
  static HWY_INLINE hn::Vec<D> start(D d) {
    return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
  }
  template <class V>
  static HWY_INLINE V step(V p, V x) {
    return hn::IfThenElse(hn::Lt(x, p), x, p);
  }
};
struct MaxStep {
  template <class D>
  static HWY_INLINE hn::Vec<D> start(D d) {
    return hn::Set(d, -std::numeric_limits<hn::TFromD<D>>::infinity());
  }
  template <class V>
  static HWY_INLINE V step(V p, V x) {
    return hn::IfThenElse(hn::Lt(p, x), x, p);
  }
};

// The terms that are reduced: at(d, i) for whole vectors of them, and rest(d, i, count) for the last, whose lanes from
// count on may be anything.
template <typename T>
struct Plain {
  const T* x;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return hn::LoadU(d, x + i);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> rest(D d, std::size_t i, std::size_t count) const {
    HWY_ALIGN T copy[kPartials] = {};
    for (std::size_t n = 0; n < count; ++n) copy[n] = x[i + n];
    return hn::Load(d, copy);
  }
};
template <typename T>
struct Squares {
  Plain<T> x;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    const auto v = x.at(d, i);
    return hn::Mul(v, v);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> rest(D d, std::size_t i, std::size_t count) const {
    const auto v = x.rest(d, i, count);
    return hn::Mul(v, v);
  }
};
template <typename T>
struct Deviations {
  Plain<T> x;
  T mean;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    const auto v = hn::Sub(x.at(d, i), hn::Set(d, mean));
    return hn::Mul(v, v);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> rest(D d, std::size_t i, std::size_t count) const {
    const auto v = hn::Sub(x.rest(d, i, count), hn::Set(d, mean));
    return hn::Mul(v, v);
  }
};
template <typename T>
struct FourthPowers {
  Deviations<T> squares;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    const auto v = squares.at(d, i);
    return hn::Mul(v, v);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> rest(D d, std::size_t i, std::size_t count) const {
    const auto v = squares.rest(d, i, count);
    return hn::Mul(v, v);
  }
};
template <typename T>
struct Products {
  Plain<T> x, y;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return hn::Mul(x.at(d, i), y.at(d, i));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> rest(D d, std::size_t i, std::size_t count) const {
    return hn::Mul(x.rest(d, i, count), y.rest(d, i, count));
  }
};

template <typename T>
struct JointDeviations {
  Plain<T> x, y;
  T mean_x, mean_y;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return hn::Mul(hn::Sub(x.at(d, i), hn::Set(d, mean_x)), hn::Sub(y.at(d, i), hn::Set(d, mean_y)));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> rest(D d, std::size_t i, std::size_t count) const {
    return hn::Mul(hn::Sub(x.rest(d, i, count), hn::Set(d, mean_x)), hn::Sub(y.rest(d, i, count), hn::Set(d, mean_y)));
  }
};

// As many vectors of partials as there are partials, at most: with g++ 12 a target of Highway has one lane. They have
// names of their own, since vectors without a size are in no array.
// clang-format off
#define EYEFLOW_EACH_VECTOR(F)                                              \
  F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) \
  F(14) F(15) F(16) F(17) F(18) F(19) F(20) F(21) F(22) F(23) F(24) F(25)   \
  F(26) F(27) F(28) F(29) F(30) F(31)
// clang-format on

// With kFindNan, a NaN among the terms is the result; the steps alone would pass over it.
template <class Step, bool kFindNan, typename T, class Terms>
HWY_INLINE T reduce(const Terms& terms, std::size_t n) {
  const ReduceTag<T> d;
  constexpr std::size_t kLanes = hn::MaxLanes(d), kVectors = kPartials / kLanes;
  static_assert(kVectors * kLanes == kPartials && kVectors <= 32);
#define EYEFLOW_F(k) auto p##k = Step::start(d);
  EYEFLOW_EACH_VECTOR(EYEFLOW_F)
#undef EYEFLOW_F
  auto good = hn::Eq(hn::Zero(d), hn::Zero(d));
  std::size_t i = 0;
  for (; i + kPartials <= n; i += kPartials) {
#define EYEFLOW_F(k)                                            \
  if constexpr (k < kVectors) {                                 \
    const auto x = terms.at(d, i + k * kLanes);                 \
    p##k = Step::step(p##k, x);                                 \
    if constexpr (kFindNan) good = hn::And(good, hn::Eq(x, x)); \
  }
    EYEFLOW_EACH_VECTOR(EYEFLOW_F)
#undef EYEFLOW_F
  }
#define EYEFLOW_F(k)                                                                                                  \
  if constexpr (k < kVectors) {                                                                                       \
    const std::size_t left = n - i > k * kLanes ? n - i - k * kLanes : 0;                                             \
    if (left >= kLanes) {                                                                                             \
      const auto x = terms.at(d, i + k * kLanes);                                                                     \
      p##k = Step::step(p##k, x);                                                                                     \
      if constexpr (kFindNan) good = hn::And(good, hn::Eq(x, x));                                                     \
    } else if (left > 0) {                                                                                            \
      const auto x = terms.rest(d, i + k * kLanes, left);                                                             \
      const auto used = hn::FirstN(d, left);                                                                          \
      p##k = hn::IfThenElse(used, Step::step(p##k, x), p##k);                                                         \
      if constexpr (kFindNan) good = hn::And(good, hn::Eq(hn::IfThenElseZero(used, x), hn::IfThenElseZero(used, x))); \
    }                                                                                                                 \
  }
  EYEFLOW_EACH_VECTOR(EYEFLOW_F)
#undef EYEFLOW_F
  if constexpr (kFindNan) {
    if (!hn::AllTrue(d, good)) return std::numeric_limits<T>::quiet_NaN();
  }
  // clang-format off
#define EYEFLOW_FOLD(k, other) if constexpr (kVectors > other) p##k = Step::step(p##k, p##other);
  EYEFLOW_FOLD(0, 16) EYEFLOW_FOLD(1, 17) EYEFLOW_FOLD(2, 18) EYEFLOW_FOLD(3, 19)
  EYEFLOW_FOLD(4, 20) EYEFLOW_FOLD(5, 21) EYEFLOW_FOLD(6, 22) EYEFLOW_FOLD(7, 23)
  EYEFLOW_FOLD(8, 24) EYEFLOW_FOLD(9, 25) EYEFLOW_FOLD(10, 26) EYEFLOW_FOLD(11, 27)
  EYEFLOW_FOLD(12, 28) EYEFLOW_FOLD(13, 29) EYEFLOW_FOLD(14, 30) EYEFLOW_FOLD(15, 31)
  EYEFLOW_FOLD(0, 8) EYEFLOW_FOLD(1, 9) EYEFLOW_FOLD(2, 10) EYEFLOW_FOLD(3, 11)
  EYEFLOW_FOLD(4, 12) EYEFLOW_FOLD(5, 13) EYEFLOW_FOLD(6, 14) EYEFLOW_FOLD(7, 15)
  EYEFLOW_FOLD(0, 4) EYEFLOW_FOLD(1, 5) EYEFLOW_FOLD(2, 6) EYEFLOW_FOLD(3, 7)
  EYEFLOW_FOLD(0, 2) EYEFLOW_FOLD(1, 3)
  EYEFLOW_FOLD(0, 1)
// clang-format on
#undef EYEFLOW_FOLD
                          HWY_ALIGN T lanes[kLanes];
  hn::Store(p0, d, lanes);
  const OneLane<T> one;
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t k = 0; k < half; ++k)
      hn::StoreU(Step::step(hn::LoadU(one, lanes + k), hn::LoadU(one, lanes + k + half)), one, lanes + k);
  return lanes[0];
}
#undef EYEFLOW_EACH_VECTOR

template <typename T>
bool sum(T* to, const T* x, std::size_t n) {
  *to = vm::canonical(reduce<AddStep, false, T>(Plain<T>{x}, n));
  return true;
}
template <typename T>
T mean(const T* x, std::size_t n) {
  return vm::canonical(reduce<AddStep, false, T>(Plain<T>{x}, n) / static_cast<T>(n));
}
template <typename T>
T least(const T* x, std::size_t n) {
  return n == 0 ? std::numeric_limits<T>::quiet_NaN() : reduce<MinStep, true, T>(Plain<T>{x}, n);
}
template <typename T>
T greatest(const T* x, std::size_t n) {
  return n == 0 ? std::numeric_limits<T>::quiet_NaN() : reduce<MaxStep, true, T>(Plain<T>{x}, n);
}
template <typename T>
T square_root(T x) {
  if constexpr (sizeof(T) == 8)
    return __builtin_sqrt(x);
  else
    return __builtin_sqrtf(x);
}
template <typename T>
T rms(const T* x, std::size_t n) {
  return vm::canonical(square_root(reduce<AddStep, false, T>(Squares<T>{{x}}, n) / static_cast<T>(n)));
}
// What deviations are taken from: the mean; of equal elements just that, which their rounded sum divided by their
// number may miss, so that what does not vary has no variance and no slope or kurtosis made of errors.
template <typename T>
T center(const T* x, std::size_t n) {
  std::size_t equal = 0;
  while (equal < n && x[equal] == x[0]) ++equal;
  return equal > 0 && equal == n ? x[0] : reduce<AddStep, false, T>(Plain<T>{x}, n) / static_cast<T>(n);
}
template <typename T>
T variance(const T* x, std::size_t n) {
  const T m = center(x, n);
  return vm::canonical(reduce<AddStep, false, T>(Deviations<T>{{x}, m}, n) / static_cast<T>(n));
}
template <typename T>
T kurtosis(const T* x, std::size_t n) {
  const T count = static_cast<T>(n);
  const T m = center(x, n);
  const T squares = reduce<AddStep, false, T>(Deviations<T>{{x}, m}, n) / count;
  return vm::canonical(reduce<AddStep, false, T>(FourthPowers<T>{{{x}, m}}, n) / count / (squares * squares));
}
template <typename T>
T covariance(const T* x, const T* y, std::size_t n) {
  const JointDeviations<T> products{{x}, {y}, center(x, n), center(y, n)};
  return vm::canonical(reduce<AddStep, false, T>(products, n) / static_cast<T>(n));
}
template <typename T>
T dot(const T* x, const T* y, std::size_t n) {
  return vm::canonical(reduce<AddStep, false, T>(Products<T>{{x}, {y}}, n));
}

// Exact. The halves of each number are added on their own: below 2^29 of them neither sum overflows.
inline bool sum_i64(std::int64_t* to, const std::int64_t* x, std::size_t n) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* u = reinterpret_cast<const std::uint64_t*>(x);
  const auto sign = hn::Set(d, std::uint64_t{1} << 63), low_half = hn::Set(d, 0xFFFFFFFFull);
  auto low = hn::Zero(d), high = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::Xor(hn::LoadU(d, u + i), sign);  // x + 2^63
    low = hn::Add(low, hn::And(v, low_half));
    high = hn::Add(high, hn::ShiftRight<32>(v));
  }
  __int128 exact = static_cast<__int128>(hn::GetLane(hn::SumOfLanes(d, low))) +
                   (static_cast<__int128>(hn::GetLane(hn::SumOfLanes(d, high))) << 32) -
                   (static_cast<__int128>(i) << 63);
  for (; i < n; ++i) exact += x[i];
  if (exact < std::numeric_limits<std::int64_t>::min() || exact > std::numeric_limits<std::int64_t>::max())
    return false;
  *to = static_cast<std::int64_t>(exact);
  return true;
}
inline bool sum_i32(std::int32_t* to, const std::int32_t* x, std::size_t n) {
  const hn::ScalableTag<std::int64_t> d;
  const hn::Rebind<std::int32_t, decltype(d)> half;
  const std::size_t lanes = hn::Lanes(d);
  auto sums = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) sums = hn::Add(sums, hn::PromoteTo(d, hn::LoadU(half, x + i)));
  std::int64_t exact = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; i < n; ++i) exact += x[i];
  if (exact < std::numeric_limits<std::int32_t>::min() || exact > std::numeric_limits<std::int32_t>::max())
    return false;
  *to = static_cast<std::int32_t>(exact);
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();

#endif
