#include <fmt/core.h>

#include <memory>

#include "tools/eyeflowc/source.h"

namespace eyeflow::eyeflowc {
namespace {

Exit check_files(const std::vector<std::string>& files) {
  std::size_t mistakes = 0;
  Exit exit = Exit::Ok;
  for (const std::string& file : files) {
    auto source = load_source(file);
    if (!source) {
      exit = complain(source.error());
      continue;
    }
    // Lowered too: a task can be correct and still too large.
    if (source->program) {
      for (std::size_t task = 0; task < source->program->tasks.size(); ++task)
        compiler::lower(*source->program, task, {.source_name = file}, source->diagnostics);
    }
    report(*source);
    mistakes += source->diagnostics.error_count();
  }
  if (mistakes == 0) return exit;
  fmt::print(stderr, "{} {}; 'eyeflowc explain CODE' says more about one\n", mistakes,
             mistakes == 1 ? "mistake" : "mistakes");
  return exit == Exit::Ok ? Exit::Findings : exit;
}

}  // namespace

Action add_check(CLI::App& app) {
  const auto files = std::make_shared<std::vector<std::string>>();
  app.add_option("FILE", *files, "source files")->required();
  return [files] { return check_files(*files); };
}

}  // namespace eyeflow::eyeflowc
