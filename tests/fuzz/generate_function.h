#pragma once

#include "tests/fuzz/generate.h"

namespace eyeflow::vm::test {

// The next function of a module whose tables are complete. `plain`: it takes and gives nothing, as handlers need it.
Function generate_function(Random& random, const Module& module, IntrinsicTable intrinsics, bool plain);

}  // namespace eyeflow::vm::test
