// The build for development machines: everything.

#include "compiler/diagnostics/diagnostics.h"
#include "tests/golden/runner/compile.h"
#include "tests/golden/runner/coverage.h"

namespace eyeflow::golden {

std::span<const Kind> kinds() {
  static constexpr Kind kKinds[] = {
      {"isa", ".eva", true, &run_isa},
      {"language", ".eft", true, &run_language},
      {"diagnostics", ".eft", false, &run_diagnostics},
      {"english", ".txt", false, &run_english},
      {"bytecode", ".eft", false, &run_bytecode},
      {"cli", ".txt", false, &run_cli},
  };
  return kKinds;
}

Result<std::vector<vm::Module>> modules_of(const GoldenFile& file, const Environment& environment) {
  if (!environment.precompiled.empty()) return read_precompiled(file, environment);
  return compile(file);
}

std::vector<std::string> diagnostic_codes() {
  std::vector<std::string> codes;
  for (const compiler::DiagnosticKind& kind : compiler::diagnostic_kinds()) codes.emplace_back(kind.id);
  return codes;
}

}  // namespace eyeflow::golden
