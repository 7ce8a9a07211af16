#include "vm/isa/array_kernels.h"

#include <limits>

#include "vm/isa/semantics.h"

namespace eyeflow::vm {
namespace {

template <typename T>
T seen(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return canonical(value);
  else
    return value;
}

template <Op Element, typename T>
bool one(T* to, const T* b, std::size_t n) {
  bool fits = true;
  for (std::size_t i = 0; i < n; ++i) {
    T value{};
    fits &= semantics::eval(op_tag<Element>{}, b[i], value) == Trap::None;
    to[i] = seen(value);
  }
  return fits;
}
template <Op Element, typename T>
bool pair(T* to, const T* b, const T* c, std::size_t n) {
  bool fits = true;
  for (std::size_t i = 0; i < n; ++i) {
    T value{};
    fits &= semantics::eval(op_tag<Element>{}, b[i], c[i], value) == Trap::None;
    to[i] = seen(value);
  }
  return fits;
}
template <Op Element, typename T>
bool with(T* to, const T* b, T c, std::size_t n) {
  bool fits = true;
  for (std::size_t i = 0; i < n; ++i) {
    T value{};
    fits &= semantics::eval(op_tag<Element>{}, b[i], c, value) == Trap::None;
    to[i] = seen(value);
  }
  return fits;
}
template <Op Element, typename T>
bool from(T* to, const T* b, T c, std::size_t n) {
  bool fits = true;
  for (std::size_t i = 0; i < n; ++i) {
    T value{};
    fits &= semantics::eval(op_tag<Element>{}, c, b[i], value) == Trap::None;
    to[i] = seen(value);
  }
  return fits;
}

template <typename T>
bool sum_float(T* sum, const T* b, std::size_t n) {
  T partials[kPartials] = {};
  for (std::size_t i = 0; i < n; ++i) partials[i % kPartials] += b[i];
  for (int half = kPartials / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) partials[k] += partials[k + half];
  *sum = canonical(partials[0]);
  return true;
}

// Exact: at most 2^29 elements of 64 bits.
template <typename T>
bool sum_whole(T* sum, const T* b, std::size_t n) {
  __int128 exact = 0;
  for (std::size_t i = 0; i < n; ++i) exact += b[i];
  if (exact < std::numeric_limits<T>::min() || exact > std::numeric_limits<T>::max()) return false;
  *sum = static_cast<T>(exact);
  return true;
}

}  // namespace

const ArrayKernels kPlainArrayKernels = {
#define EYEFLOW_ARRAY_ONE(T, Name, Element) .Name##T = one<Op::Element##T>,
#define EYEFLOW_ARRAY_PAIR(T, Name, Element) .Name##T = pair<Op::Element##T>,
#define EYEFLOW_ARRAY_WITH(T, Name, Element) .Name##T = with<Op::Element##T>,
#define EYEFLOW_ARRAY_FROM(T, Name, Element) .Name##T = from<Op::Element##T>,
#include "vm/isa/array_ops.def"
    .SumF64 = sum_float,
    .SumF32 = sum_float,
    .SumI64 = sum_whole,
    .SumI32 = sum_whole,
};

}  // namespace eyeflow::vm
