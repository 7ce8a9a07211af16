#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "compiler/diagnostics/diagnostics.h"
#include "tools/eyeflowc/command.h"

namespace eyeflow::eyeflowc {
namespace {

Exit explain(std::string code) {
  std::ranges::transform(code, code.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (const compiler::DiagnosticKind* kind = compiler::find_kind(code)) {
    fmt::print("{}: {}\n\n{}\n", kind->id, kind->title, kind->explanation);
    return Exit::Ok;
  }
  std::vector<std::string> known;
  for (const compiler::DiagnosticKind& kind : compiler::diagnostic_kinds()) known.emplace_back(kind.id);
  const std::string meant = compiler::suggestion(code, known);
  return complain(Exit::Usage, fmt::format("there is no diagnostic '{}'{}; 'eyeflowc explain --list' names them all",
                                           code, meant.empty() ? "" : ", " + meant));
}

Exit list() {
  for (const compiler::DiagnosticKind& kind : compiler::diagnostic_kinds()) fmt::print("{}  {}\n", kind.id, kind.title);
  return Exit::Ok;
}

}  // namespace

Action add_explain(CLI::App& app) {
  struct Options {
    std::string code;
    bool all = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::Option* code = app.add_option("CODE", options->code, "the code between the brackets, E0231");
  app.add_flag("--list", options->all, "all codes with their titles")->excludes(code);
  return [options] {
    if (options->all) return list();
    if (options->code.empty()) return complain(Exit::Usage, "name a code, or --list them");
    return explain(options->code);
  };
}

}  // namespace eyeflow::eyeflowc
