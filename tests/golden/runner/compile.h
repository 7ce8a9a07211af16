#pragma once

#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

// The whole compiler: one module a task. A mistake in the source is an error with all that the author would be told.
Result<std::vector<vm::Module>> compile(const GoldenFile& file);

}  // namespace eyeflow::golden
