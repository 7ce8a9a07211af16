#pragma once

#include <cstddef>

#include "stdlib/kernels/kernels.h"

// Only on AArch64.
namespace eyeflow::stdlib {

// How wide this processor's vectors of any width are, in bytes; 0: it has none.
std::size_t sve_bytes();

// All kernels with such vectors. Only where there are some.
void fill_sve_kernels(Kernels& kernels);

}  // namespace eyeflow::stdlib
