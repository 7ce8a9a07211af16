// The build for devices: no compiler, so tasks come as modules that another machine made.

#include "tests/golden/runner/coverage.h"

namespace eyeflow::golden {

std::span<const Kind> kinds() {
  static constexpr Kind kKinds[] = {
      {"isa", ".eva", true, &run_isa},
      {"language", ".eft", true, &run_language},
  };
  return kKinds;
}

Result<std::vector<vm::Module>> modules_of(const GoldenFile& file, const Environment& environment) {
  if (environment.precompiled.empty())
    return fail("this program has no compiler in it; give --precompiled DIR with what golden_runner --precompile made");
  return read_precompiled(file, environment);
}

std::vector<std::string> diagnostic_codes() { return {}; }

}  // namespace eyeflow::golden
