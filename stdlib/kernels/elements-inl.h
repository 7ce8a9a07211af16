// Element-wise kernels, once for each target: included anew by foreach_target.
#if defined(EYEFLOW_KERNELS_ELEMENTS) == defined(HWY_TARGET_TOGGLE)
#ifdef EYEFLOW_KERNELS_ELEMENTS
#undef EYEFLOW_KERNELS_ELEMENTS
#else
#define EYEFLOW_KERNELS_ELEMENTS
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <limits>
#include <type_traits>

#include "vm/isa/array_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One lane is how the rest of an array is done: nothing is read or written beyond its end.
template <typename T>
using OneLane = hn::CappedTag<T, 1>;

template <class D>
HWY_INLINE hn::Vec<D> canonical(D d, hn::Vec<D> v) {
  return hn::IfThenElse(hn::Eq(v, v), v, hn::Set(d, std::numeric_limits<hn::TFromD<D>>::quiet_NaN()));
}

// What an element becomes. kNewNan: a NaN may come out that is not the canonical one, though all are that go in.
// Whole numbers say what does not fit in the sign of `wrong`.
struct AddOp {
  static constexpr bool kNewNan = true;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b, V c) const {
    return hn::Add(b, c);
  }
  template <class V>
  static HWY_INLINE V wrong(V a, V b, V c) {
    return hn::And(hn::Xor(a, b), hn::Xor(a, c));
  }
};
struct SubOp {
  static constexpr bool kNewNan = true;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b, V c) const {
    return hn::Sub(b, c);
  }
  template <class V>
  static HWY_INLINE V wrong(V a, V b, V c) {
    return hn::And(hn::Xor(b, c), hn::Xor(a, b));
  }
};
struct MulOp {
  static constexpr bool kNewNan = true;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b, V c) const {
    return hn::Mul(b, c);
  }
};
struct DivOp {
  static constexpr bool kNewNan = true;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b, V c) const {
    return hn::Div(b, c);
  }
};
struct MinOp {
  static constexpr bool kNewNan = false;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b, V c) const {
    return hn::IfThenElse(hn::Lt(c, b), c, b);
  }
  template <class V>
  static HWY_INLINE V wrong(V a, V, V) {
    return hn::Xor(a, a);
  }
};
struct MaxOp {
  static constexpr bool kNewNan = false;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b, V c) const {
    return hn::IfThenElse(hn::Lt(b, c), c, b);
  }
  template <class V>
  static HWY_INLINE V wrong(V a, V, V) {
    return hn::Xor(a, a);
  }
};
struct NegOp {
  static constexpr bool kNewNan = true;  // its sign
  template <class D, class V>
  HWY_INLINE V operator()(D, V b) const {
    return hn::Neg(b);
  }
  template <class V>
  static HWY_INLINE V wrong(V a, V b) {
    return hn::And(a, b);
  }
};
struct AbsOp {
  static constexpr bool kNewNan = false;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b) const {
    return hn::Abs(b);
  }
  template <class V>
  static HWY_INLINE V wrong(V a, V) {
    return a;
  }
};
struct SqrtOp {
  static constexpr bool kNewNan = true;
  template <class D, class V>
  HWY_INLINE V operator()(D, V b) const {
    return hn::Sqrt(b);
  }
};

// Not an offset from another place: an address that is a sum takes an x86 processor one step more in each instruction.
HWY_INLINE void keep_in_register(auto*& place) { asm("" : "+r"(place)); }

// Where the operands of one vector come from. step() leaves the first n elements behind.
template <class Op, typename T>
struct One {
  const T* b;
  HWY_INLINE void step(std::size_t n) { keep_in_register(b += n); }
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return Op()(d, hn::LoadU(d, b + i));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> wrong(D d, hn::Vec<D> a, std::size_t i) const {
    return Op::wrong(a, hn::LoadU(d, b + i));
  }
};
template <class Op, typename T>
struct Pair {
  const T *b, *c;
  HWY_INLINE void step(std::size_t n) {
    keep_in_register(b += n);
    keep_in_register(c += n);
  }
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return Op()(d, hn::LoadU(d, b + i), hn::LoadU(d, c + i));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> wrong(D d, hn::Vec<D> a, std::size_t i) const {
    return Op::wrong(a, hn::LoadU(d, b + i), hn::LoadU(d, c + i));
  }
};
template <class Op, typename T>
struct With {
  const T* b;
  T c;
  HWY_INLINE void step(std::size_t n) { keep_in_register(b += n); }
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return Op()(d, hn::LoadU(d, b + i), hn::Set(d, c));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> wrong(D d, hn::Vec<D> a, std::size_t i) const {
    return Op::wrong(a, hn::LoadU(d, b + i), hn::Set(d, c));
  }
};
template <class Op, typename T>
struct From {
  const T* b;
  T c;
  HWY_INLINE void step(std::size_t n) { keep_in_register(b += n); }
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::size_t i) const {
    return Op()(d, hn::Set(d, c), hn::LoadU(d, b + i));
  }
  template <class D>
  HWY_INLINE hn::Vec<D> wrong(D d, hn::Vec<D> a, std::size_t i) const {
    return Op::wrong(a, hn::Set(d, c), hn::LoadU(d, b + i));
  }
};

// Floats. A NaN is rare: four vectors are looked at together, and put right when one has any.
template <bool kNewNan, typename T, class Source>
HWY_INLINE void each_float(T* to, Source source, std::size_t n) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d), four = 4 * lanes;
  for (T* const end = to + n / four * four; to != end;) {
    const auto v0 = source.at(d, 0);
    const auto v1 = source.at(d, lanes);
    const auto v2 = source.at(d, 2 * lanes);
    const auto v3 = source.at(d, 3 * lanes);
    hn::StoreU(v0, d, to);
    hn::StoreU(v1, d, to + lanes);
    hn::StoreU(v2, d, to + 2 * lanes);
    hn::StoreU(v3, d, to + 3 * lanes);
    if constexpr (kNewNan) {
      const auto good01 = hn::And(hn::Eq(v0, v0), hn::Eq(v1, v1));
      const auto good23 = hn::And(hn::Eq(v2, v2), hn::Eq(v3, v3));
      if (HWY_UNLIKELY(!hn::AllTrue(d, hn::And(good01, good23)))) {
        hn::StoreU(canonical(d, v0), d, to);
        hn::StoreU(canonical(d, v1), d, to + lanes);
        hn::StoreU(canonical(d, v2), d, to + 2 * lanes);
        hn::StoreU(canonical(d, v3), d, to + 3 * lanes);
      }
    }
    source.step(four);
    keep_in_register(to += four);
  }
  n %= four;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(canonical(d, source.at(d, i)), d, to + i);
  const OneLane<T> one;
  for (; i < n; ++i) hn::StoreU(canonical(one, source.at(one, i)), one, to + i);
}

// Whole numbers; whether all fit. `wrong` reads its operands before the result is written over them.
template <typename T, class Source>
HWY_INLINE bool each_whole(T* to, const Source& source, std::size_t n) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  auto wrong = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = source.at(d, i);
    wrong = hn::Or(wrong, source.wrong(d, v, i));
    hn::StoreU(v, d, to + i);
  }
  bool fits = hn::AllFalse(d, hn::Lt(wrong, hn::Zero(d)));
  const OneLane<T> one;
  for (; i < n; ++i) {
    const auto v = source.at(one, i);
    fits &= hn::GetLane(source.wrong(one, v, i)) >= 0;
    hn::StoreU(v, one, to + i);
  }
  return fits;
}

template <class Op, typename T, class Source>
HWY_INLINE bool each(T* to, const Source& source, std::size_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    each_float<Op::kNewNan>(to, source, n);
    return true;
  } else {
    return each_whole(to, source, n);
  }
}
template <class Op, typename T>
bool each_one(T* to, const T* b, std::size_t n) {
  return each<Op>(to, One<Op, T>{b}, n);
}
template <class Op, typename T>
bool each_pair(T* to, const T* b, const T* c, std::size_t n) {
  return each<Op>(to, Pair<Op, T>{b, c}, n);
}
template <class Op, typename T>
bool each_with(T* to, const T* b, T c, std::size_t n) {
  return each<Op>(to, With<Op, T>{b, c}, n);
}
template <class Op, typename T>
bool each_from(T* to, const T* b, T c, std::size_t n) {
  return each<Op>(to, From<Op, T>{b, c}, n);
}

// Products of whole numbers stay as they are: few CPUs have a vector of those that tells an overflow.
template <class Op, typename T>
inline constexpr bool kHasKernel = std::is_floating_point_v<T> || !std::is_same_v<Op, MulOp>;

inline void fill_elements(vm::ArrayKernels& k) {
#define EYEFLOW_FILL(T, Name, Element, each)                           \
  if constexpr (kHasKernel<Element##Op, vm::CppType<vm::Scalar::T>>) { \
    k.Name##T = each<Element##Op, vm::CppType<vm::Scalar::T>>;         \
  }
#define EYEFLOW_ARRAY_ONE(T, Name, Element) EYEFLOW_FILL(T, Name, Element, each_one)
#define EYEFLOW_ARRAY_PAIR(T, Name, Element) EYEFLOW_FILL(T, Name, Element, each_pair)
#define EYEFLOW_ARRAY_WITH(T, Name, Element) EYEFLOW_FILL(T, Name, Element, each_with)
#define EYEFLOW_ARRAY_FROM(T, Name, Element) EYEFLOW_FILL(T, Name, Element, each_from)
#include "vm/isa/array_ops.def"
#undef EYEFLOW_FILL
}

}  // namespace HWY_NAMESPACE
}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();

#endif
