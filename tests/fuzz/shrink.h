#pragma once

#include <functional>

#include "tests/fuzz/scenario.h"

namespace eyeflow::vm::test {

// A scenario that is as small as removing things makes it and still shows what `shows` asks for, as the given one does:
// fewer events, functions, instructions, registers, slots, types, inputs and outputs; zeros where values do not matter.
// `shows` is only asked about what verifies.
Scenario shrink(Scenario scenario, IntrinsicTable intrinsics, const std::function<bool(const Scenario&)>& shows);

}  // namespace eyeflow::vm::test
