#pragma once

#include "stdlib/kernels/kernels.h"

namespace eyeflow::stdlib {

// All kernels with vectors of any width. Only where the processor has SVE.
void fill_sve_kernels(Kernels& kernels);

}  // namespace eyeflow::stdlib
