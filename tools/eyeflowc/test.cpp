#include <fmt/core.h>

#include <memory>

#include "compiler/testing/run_tests.h"
#include "compiler/testing/values.h"
#include "tools/common/terminal.h"
#include "tools/eyeflowc/project.h"
#include "tools/eyeflowc/source.h"

namespace eyeflow::eyeflowc {
namespace {

struct Totals {
  std::size_t tests = 0, failed = 0, expectations = 0;
};

void print(const Source& source, const compiler::TestReport& report) {
  const tools::Paint paint = tools::Paint::of(stdout);
  const std::string mark = report.passed ? paint.green("ok    ") : paint.red("FAILED");
  fmt::print("{} {}\n", mark, report.title);
  for (const compiler::TestFinding& finding : report.findings) {
    fmt::print("       {}:{}: at {}: {}\n", source.path, finding.span.line, compiler::show_duration(finding.at),
               finding.message);
    for (const std::string& line : finding.explanation) fmt::print("           {}\n", line);
  }
}

bool test_task(Source& source, std::size_t index, Totals& totals) {
  auto lowered =
      compiler::lower(*source.program, index, {.source_name = source.path, .with_tests = true}, source.diagnostics);
  if (!lowered) return false;
  for (const compiler::TestReport& report :
       compiler::run_tests(*source.program, source.program->tasks[index], std::move(*lowered))) {
    print(source, report);
    ++totals.tests;
    totals.failed += !report.passed;
    totals.expectations += report.expectations;
  }
  return true;
}

Exit test_files(const std::vector<std::string>& files) {
  Totals totals;
  Exit exit = Exit::Ok;
  for (const std::string& file : files) {
    auto source = load_source(file);
    if (!source) {
      exit = complain(source.error());
      continue;
    }
    bool usable = source->program.has_value();
    for (std::size_t task = 0; usable && task < source->program->tasks.size(); ++task)
      usable = test_task(*source, task, totals);
    if (!report(*source) && exit == Exit::Ok) exit = Exit::Findings;
  }
  if (totals.tests == 0) {
    if (exit == Exit::Ok)
      fmt::print("no tests: write one as  test \"what it shows\" of TASK {{ at 0 s input <- value; expect … }}\n");
    return exit;
  }
  fmt::print("{} of {} tests passed, {} expectations\n", totals.tests - totals.failed, totals.tests,
             totals.expectations);
  return exit == Exit::Ok && totals.failed > 0 ? Exit::Findings : exit;
}

}  // namespace

Action add_test(CLI::App& app) {
  const auto files = std::make_shared<std::vector<std::string>>();
  app.add_option("FILE", *files, "source files; the tasks of the project if none is given");
  return [files] {
    const auto named = files_or_project(*files);
    return named ? test_files(*named) : complain(Exit::Usage, named.error().message);
  };
}

}  // namespace eyeflow::eyeflowc
