#pragma once

#include "vm/isa/direct_call.h"

// Every function of intrinsics.def is declared here from its row; a row without its function does not link.
namespace eyeflow::stdlib::functions {

#define EYEFLOW_INTRINSIC(Id, function, name, Result, Cost, CostPerFour, meaning, ...) \
  vm::DirectSignature<false, vm::Scalar::Result, __VA_ARGS__>::type function;
#define EYEFLOW_HOST_CALL(Id, function, name, Result, Cost, CostPerFour, meaning, ...) \
  vm::DirectSignature<true, vm::Scalar::Result, __VA_ARGS__>::type function;
namespace rows {
using namespace vm::isa_rows;
}
using namespace rows;
#include "stdlib/intrinsics/intrinsics.def"

}  // namespace eyeflow::stdlib::functions
