#pragma once

#include <cstddef>
#include <cstdint>

#include "vm/isa/type.h"

namespace eyeflow::vm {

// What whole-array instructions do to n elements. `to` is `b` or `c` itself or disjoint from them. Elements are in
// their canonical form, before and after. False: an element, or the sum, does not fit its type; `to` then holds
// anything.
template <typename T>
using OneKernel = bool (*)(T* to, const T* b, std::size_t n);
template <typename T>
using PairKernel = bool (*)(T* to, const T* b, const T* c, std::size_t n);
template <typename T>
using ScalarKernel = bool (*)(T* to, const T* b, T c, std::size_t n);
template <typename T>
using SumKernel = bool (*)(T* sum, const T* b, std::size_t n);

// The host may inject kernels that use the CPU better (see IntrinsicTable); they give the same bits as these.
struct ArrayKernels {
#define EYEFLOW_ARRAY_ONE(T, Name, Element) OneKernel<CppType<Scalar::T>> Name##T;
#define EYEFLOW_ARRAY_PAIR(T, Name, Element) PairKernel<CppType<Scalar::T>> Name##T;
#define EYEFLOW_ARRAY_WITH(T, Name, Element) ScalarKernel<CppType<Scalar::T>> Name##T;
#define EYEFLOW_ARRAY_FROM(T, Name, Element) ScalarKernel<CppType<Scalar::T>> Name##T;
#include "vm/isa/array_ops.def"
  SumKernel<double> SumF64;
  SumKernel<float> SumF32;
  SumKernel<std::int64_t> SumI64;
  SumKernel<std::int32_t> SumI32;
};

// Plain loops over the meaning of the instructions on scalars: the reference, and what runs where nothing is injected.
extern const ArrayKernels kPlainArrayKernels;

// The one order of a floating reduction: element n goes to partial result n mod 32, then the upper half is folded onto
// the lower until one is left. Kernels of any width up to 32 lanes give the same bits.
inline constexpr int kPartials = 32;

}  // namespace eyeflow::vm
