#pragma once

#include "vm/isa/context.h"
#include "vm/isa/intrinsic.h"

// Every function of intrinsics.def is declared here from its row; a row without its function does not link.
namespace eyeflow::stdlib::functions {

#define EYEFLOW_INTRINSIC(Id, function, ...) vm::Trap function(vm::Context&, const vm::Word*, vm::Word*);
#include "stdlib/intrinsics/intrinsics.def"

}  // namespace eyeflow::stdlib::functions
