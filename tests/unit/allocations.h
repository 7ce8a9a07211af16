#pragma once

#include <cstdint>

namespace eyeflow {

// How many allocations this process has made so far, in all its threads: compare before and after what must not
// allocate. Counts operator new; under a sanitizer, which has its own, also malloc.
std::uint64_t allocations();

}  // namespace eyeflow
