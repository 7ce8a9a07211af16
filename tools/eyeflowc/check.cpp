#include <fmt/core.h>

#include <map>
#include <memory>

#include "compiler/diagnostics/for_programs.h"
#include "tools/eyeflowc/project.h"
#include "tools/eyeflowc/source.h"

namespace eyeflow::eyeflowc {
namespace {

enum class Form { Text, Json, Sarif };

std::optional<Source> check_file(const std::string& file, Exit& exit) {
  auto source = load_source(file);
  if (!source) {
    exit = complain(source.error());
    return std::nullopt;
  }
  // Lowered too: a task can be correct and still too large.
  if (source->program) {
    for (std::size_t task = 0; task < source->program->tasks.size(); ++task)
      compiler::lower(*source->program, task, {.source_name = source->program_name}, source->diagnostics);
  }
  source->diagnostics.sort_by_place();
  return std::move(*source);
}

Exit check_files(const std::vector<std::string>& files, Form form) {
  std::size_t mistakes = 0;
  Exit exit = Exit::Ok;
  std::vector<Source> sources;
  for (const std::string& file : files) {
    auto source = check_file(file, exit);
    if (!source) continue;
    if (form == Form::Text) report(*source);
    if (form == Form::Json) fmt::print("{}", compiler::json_lines({&source->sources, &source->diagnostics}));
    mistakes += source->diagnostics.error_count();
    sources.push_back(std::move(*source));
  }
  if (form == Form::Sarif) {
    std::vector<compiler::FileDiagnostics> found;
    for (const Source& source : sources) found.push_back({&source.sources, &source.diagnostics});
    fmt::print("{}", compiler::sarif_log(found, EYEFLOW_VERSION));
  }
  if (mistakes == 0) return exit;
  if (form == Form::Text)
    fmt::print(stderr, "{} {}; 'eyeflowc explain CODE' says more about one\n", mistakes,
               mistakes == 1 ? "mistake" : "mistakes");
  return exit == Exit::Ok ? Exit::Findings : exit;
}

}  // namespace

Action add_check(CLI::App& app) {
  struct Options {
    std::vector<std::string> files;
    std::string form = "text";
  };
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->files, "source files; the tasks of the project if none is given");
  app.add_option("--diagnostics", options->form,
                 "text for people (default, on stderr), json (an object a line) or sarif (one log), on stdout");
  return [options] {
    static const std::map<std::string, Form> kForms{{"text", Form::Text}, {"json", Form::Json}, {"sarif", Form::Sarif}};
    const auto form = kForms.find(options->form);
    if (form == kForms.end())
      return complain(Exit::Usage, "--diagnostics takes text, json or sarif, not '" + options->form + "'");
    const auto files = files_or_project(options->files);
    return files ? check_files(*files, form->second) : complain(Exit::Usage, files.error().message);
  };
}

}  // namespace eyeflow::eyeflowc
