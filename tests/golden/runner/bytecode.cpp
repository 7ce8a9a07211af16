// bytecode/*.eft: a task above, below what the compiler makes of it.

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/golden/runner/compile.h"
#include "vm/assembly/assembly.h"

namespace eyeflow::golden {

Result<std::vector<Section>> run_bytecode(const GoldenFile& file, const Environment&) {
  const Result<std::vector<vm::Module>> modules = compile(file);
  if (!modules) return std::unexpected(modules.error());
  std::string text;
  for (const vm::Module& module : *modules) text += vm::disassemble(module, {.intrinsics = stdlib::intrinsics()});
  return std::vector<Section>{file.sections.front(), {"bytecode", std::move(text)}};
}

}  // namespace eyeflow::golden
