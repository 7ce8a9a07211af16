// The kernels once more, for vectors whose width is the processor's (SVE), as the one target of a file that is compiled
// for such processors alone: Highway 1.0.3 does not choose this one when a program runs. Nothing else may stand here,
// and no inline function that others have too may be left out of line: the linker could take this one for all.
#define HWY_COMPILE_ONLY_STATIC
#include <hwy/highway.h>

#include "stdlib/kernels/fft-inl.h"
#include "stdlib/kernels/signals-inl.h"
#include "stdlib/kernels/sve.h"
#include "stdlib/kernels/tables-inl.h"

#if HWY_TARGET != HWY_SVE
#error "compile this file for armv8.2-a+sve"
#endif

HWY_BEFORE_NAMESPACE();
namespace eyeflow::stdlib {

void fill_sve_kernels(Kernels& kernels) {
  HWY_NAMESPACE::fill_kernels(kernels);
  HWY_NAMESPACE::fill_signals(kernels);
}

}  // namespace eyeflow::stdlib
HWY_AFTER_NAMESPACE();
