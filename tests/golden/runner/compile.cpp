#include "tests/golden/runner/compile.h"

#include "compiler/lower/lower.h"
#include "compiler/modules/load.h"

namespace eyeflow::golden {

Result<std::vector<vm::Module>> compile(const GoldenFile& file) {
  const std::string name = file.path.filename().string();
  compiler::Loaded loaded = compiler::load(file.source(), name);
  const std::optional<compiler::typed::Program>& program = loaded.program;
  const auto refuse = [&] { return fail(compiler::render_all(loaded.diagnostics, loaded.sources)); };
  if (!program) return refuse();

  std::vector<vm::Module> modules;
  for (std::size_t task = 0; task < program->tasks.size(); ++task) {
    std::optional<compiler::Lowered> lowered =
        compiler::lower(*program, task, {.source_name = name}, loaded.diagnostics);
    if (!lowered) return refuse();
    modules.push_back(std::move(lowered->verified.module));
  }
  return modules;
}

}  // namespace eyeflow::golden
