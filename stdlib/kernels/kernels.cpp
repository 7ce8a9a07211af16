// Each target that is worth its space: the extensions of AVX3 and SSSE3 have nothing for these loops.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stdlib/kernels/kernels.cpp"
// clang-format off: this must come first
#include <hwy/foreach_target.h>
// clang-format on
#include <hwy/highway.h>

#include "stdlib/kernels/elements-inl.h"
#include "stdlib/kernels/kernels.h"
#include "stdlib/kernels/matmul-inl.h"
#include "stdlib/kernels/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {
namespace HWY_NAMESPACE {

template <typename T>
void fill(Reductions<T>& r) {
  r.mean = mean<T>;
  r.min = least<T>;
  r.max = greatest<T>;
  r.rms = rms<T>;
  r.variance = variance<T>;
  r.kurtosis = kurtosis<T>;
  r.dot = dot<T>;
  r.covariance = covariance<T>;
  r.matmul = matmul<T>;
}

void fill_kernels(Kernels& k) {
  fill_elements(k.arrays);
  k.arrays.SumF64 = sum<double>;
  k.arrays.SumF32 = sum<float>;
  k.arrays.SumI64 = sum_i64;
  k.arrays.SumI32 = sum_i32;
  fill(k.f64);
  fill(k.f32);
}

}  // namespace HWY_NAMESPACE
}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eyeflow::stdlib {

HWY_EXPORT(fill_kernels);

Kernels chosen_kernels() {
  Kernels k{.arrays = vm::kPlainArrayKernels, .f64 = {}, .f32 = {}, .f64_signals = {}, .f32_signals = {}};
  HWY_DYNAMIC_DISPATCH(fill_kernels)(k);
  choose_signals(k);
  return k;
}

const Kernels& kernels() {
  static const Kernels chosen = chosen_kernels();
  return chosen;
}

}  // namespace eyeflow::stdlib
#endif
