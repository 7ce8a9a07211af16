// As kernels.cpp, for signals: a file of its own, since it takes as long to compile as all others together.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stdlib/kernels/signals.cpp"
// clang-format off: this must come first
#include <hwy/foreach_target.h>
// clang-format on
#include <hwy/highway.h>

#include "stdlib/kernels/signals-inl.h"

#if HWY_ONCE
namespace eyeflow::stdlib {

HWY_EXPORT(fill_signals);

void choose_signals(Kernels& k) { HWY_DYNAMIC_DISPATCH(fill_signals)(k); }

}  // namespace eyeflow::stdlib
#endif
