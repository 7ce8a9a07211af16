// diagnostics/*.eft: a source with mistakes above, below what the author is told.

#include "compiler/check/check.h"
#include "compiler/lower/lower.h"
#include "compiler/parse/parse.h"
#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

Result<std::vector<Section>> run_diagnostics(const GoldenFile& file, const Environment&) {
  const std::string name = file.path.filename().string();
  compiler::ParseResult parsed = compiler::parse(file.source(), name);
  const std::optional<compiler::typed::Program> program =
      compiler::check(parsed.file, file.source(), parsed.diagnostics, parsed.broken);
  for (std::size_t task = 0; program && task < program->tasks.size(); ++task)
    compiler::lower(*program, task, {.source_name = name}, parsed.diagnostics);
  return std::vector<Section>{file.sections.front(),
                              {"diagnostics", compiler::render_all(parsed.diagnostics, file.source(), name)}};
}

}  // namespace eyeflow::golden
