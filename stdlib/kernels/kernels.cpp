// Each target that is worth its space: the extensions of AVX3 and SSSE3 have nothing for these loops.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stdlib/kernels/kernels.cpp"
// clang-format off: this must come first
#include <hwy/foreach_target.h>
// clang-format on
#include <hwy/highway.h>

#include "stdlib/kernels/tables-inl.h"

#if HWY_ONCE
#ifdef EYEFLOW_SVE_KERNELS
#include <sys/auxv.h>
#include <sys/prctl.h>

#include "stdlib/kernels/sve.h"
#endif

namespace eyeflow::stdlib {

HWY_EXPORT(fill_kernels);

namespace {

Kernels plain_kernels() {
  return {.arrays = vm::kPlainArrayKernels, .f64 = {}, .f32 = {}, .f64_signals = {}, .f32_signals = {}};
}

// Where vectors of any width are wider than those that every AArch64 has.
bool has_wide_sve() {
#ifdef EYEFLOW_SVE_KERNELS
  constexpr int kNeonBytes = 16;
  if ((getauxval(AT_HWCAP) & HWCAP_SVE) == 0) return false;
  const int length = prctl(PR_SVE_GET_VL);
  return length > 0 && (length & PR_SVE_VL_LEN_MASK) > kNeonBytes;
#else
  return false;
#endif
}

}  // namespace

std::optional<Kernels> sve_kernels() {
#ifdef EYEFLOW_SVE_KERNELS
  if ((getauxval(AT_HWCAP) & HWCAP_SVE) != 0) {
    Kernels k = plain_kernels();
    fill_sve_kernels(k);
    return k;
  }
#endif
  return std::nullopt;
}

Kernels chosen_kernels() {
  Kernels k = plain_kernels();
  HWY_DYNAMIC_DISPATCH(fill_kernels)(k);
  choose_signals(k);
  return k;
}

const Kernels& kernels() {
  static const Kernels chosen = has_wide_sve() ? *sve_kernels() : chosen_kernels();
  return chosen;
}

}  // namespace eyeflow::stdlib
#endif
