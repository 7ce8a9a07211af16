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
#include "stdlib/kernels/sve.h"
#endif

namespace eyeflow::stdlib {

HWY_EXPORT(fill_kernels);

namespace {

Kernels plain_kernels() {
  return {.arrays = vm::kPlainArrayKernels, .f64 = {}, .f32 = {}, .f64_signals = {}, .f32_signals = {}};
}

#ifndef EYEFLOW_SVE_KERNELS
constexpr std::size_t sve_bytes() { return 0; }
void fill_sve_kernels(Kernels&) {}
#endif
constexpr std::size_t kNeonBytes = 16;

}  // namespace

std::optional<Kernels> sve_kernels() {
  if (sve_bytes() == 0) return std::nullopt;
  Kernels k = plain_kernels();
  fill_sve_kernels(k);
  return k;
}

Kernels chosen_kernels() {
  Kernels k = plain_kernels();
  HWY_DYNAMIC_DISPATCH(fill_kernels)(k);
  choose_signals(k);
  return k;
}

const Kernels& kernels() {
  static const Kernels chosen = sve_bytes() > kNeonBytes ? *sve_kernels() : chosen_kernels();
  return chosen;
}

}  // namespace eyeflow::stdlib
#endif
