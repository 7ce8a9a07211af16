// diagnostics/*.eft: a source with mistakes above, below what the author is told.

#include "compiler/lower/lower.h"
#include "compiler/modules/load.h"
#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

Result<std::vector<Section>> run_diagnostics(const GoldenFile& file, const Environment&) {
  const std::string name = file.path.filename().string();
  compiler::Loaded loaded = compiler::load(file.source(), name);
  const std::optional<compiler::typed::Program>& program = loaded.program;
  for (std::size_t task = 0; program && task < program->tasks.size(); ++task)
    compiler::lower(*program, task, {.source_name = name}, loaded.diagnostics);
  return std::vector<Section>{file.sections.front(),
                              {"diagnostics", compiler::render_all(loaded.diagnostics, loaded.sources)}};
}

}  // namespace eyeflow::golden
