#pragma once

#include "vm/module/module.h"

namespace eyeflow::vm::test {

// A module with every kind of row in it, small enough to flip each of its bits: what the tests break in one place.
Module sample_module();

}  // namespace eyeflow::vm::test
