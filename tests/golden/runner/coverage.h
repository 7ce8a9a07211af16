#pragma once

#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

// Names every instruction, intrinsic, trap and diagnostic that no golden file shows; 0 when there is none.
int report_coverage(const std::filesystem::path& root, const Environment& environment);

// The codes of all diagnostics; none in a build without a compiler.
std::vector<std::string> diagnostic_codes();

}  // namespace eyeflow::golden
