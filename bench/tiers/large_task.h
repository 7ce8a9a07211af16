#pragma once

#include <string>

namespace eyeflow::bench {

// A task of many functions, as programs write such code: sums, comparisons, loops, arrays, calls of each other. About
// 40 instructions a function.
std::string large_task(int functions);

}  // namespace eyeflow::bench
