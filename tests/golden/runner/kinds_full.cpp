// The build for development machines: everything.

#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

std::span<const Kind> kinds() {
  static constexpr Kind kKinds[] = {
      {"diagnostics", ".eft", false, &run_diagnostics},
      {"cli", ".txt", false, &run_cli},
  };
  return kKinds;
}

Result<std::vector<vm::Module>> modules_of(const GoldenFile& file, const Environment& environment) {
  return read_precompiled(file, environment);
}

}  // namespace eyeflow::golden
