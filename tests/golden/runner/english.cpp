// english/*.txt: sentences above, below the task that they stand for and what the author is told.

#include "compiler/lower/lower.h"
#include "compiler/modules/load.h"
#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

Result<std::vector<Section>> run_english(const GoldenFile& file, const Environment&) {
  compiler::Loaded loaded = compiler::load(file.source(), file.path.filename().string());
  const std::optional<compiler::typed::Program>& program = loaded.program;
  for (std::size_t task = 0; program && task < program->tasks.size(); ++task)
    compiler::lower(*program, task, {.source_name = loaded.program_name}, loaded.diagnostics);
  std::vector<Section> sections{file.sections.front()};
  if (!loaded.english_task.empty()) sections.push_back({"task", loaded.english_task});
  const std::string told = compiler::render_all(loaded.diagnostics, loaded.sources);
  if (!told.empty()) sections.push_back({"diagnostics", told});
  return sections;
}

}  // namespace eyeflow::golden
