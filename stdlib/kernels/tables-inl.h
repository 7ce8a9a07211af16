// The tables of kernels.h for the target at hand: included anew by foreach_target.
#if defined(EYEFLOW_KERNELS_TABLES) == defined(HWY_TARGET_TOGGLE)
#ifdef EYEFLOW_KERNELS_TABLES
#undef EYEFLOW_KERNELS_TABLES
#else
#define EYEFLOW_KERNELS_TABLES
#endif

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

// All but signals.
inline void fill_kernels(Kernels& k) {
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

#endif
