#include <fmt/core.h>

#include <memory>

#include "compiler/testing/run_tests.h"
#include "runtime/site/time_zone.h"
#include "tools/common/terminal.h"
#include "tools/eyeflowc/project.h"
#include "tools/eyeflowc/source.h"
#include "tools/eyeflowc/test_reports.h"

namespace eyeflow::eyeflowc {
namespace {

struct Options {
  std::vector<std::string> files;
  std::uint64_t runs = 100, seed = 1;
  bool coverage = false;
  std::string coverage_json, lcov, junit, timezone;
};

std::string runs_of(const compiler::TestReport& report, const Options& options) {
  if (report.has_cases) return fmt::format(" ({} {})", report.runs, report.runs == 1 ? "case" : "cases");
  if (!report.for_any) return {};
  if (!report.found_in) return fmt::format(" ({} runs, seed {})", report.runs, options.seed);
  return fmt::format(" (run {}, seed {})", report.runs, options.seed);
}

void print(const Source& source, const compiler::TestReport& report, const Options& options) {
  const tools::Paint paint = tools::Paint::of(stdout);
  const std::string mark = report.passed ? paint.green("ok    ") : paint.red("FAILED");
  fmt::print("{} {}{}\n", mark, report.title, runs_of(report, options));
  for (const compiler::TestFinding& finding : report.findings) {
    if (finding.row && !(*finding.row == finding.span)) {
      fmt::print("       {}:{}: {}\n", source.path, finding.span.line, words_of(finding));
      fmt::print("           the case stands in {}:{}\n", source.sources.name_at(finding.row->offset),
                 finding.row->line);
    } else {
      const std::string& file = finding.row ? source.sources.name_at(finding.row->offset) : source.path;
      fmt::print("       {}:{}: {}\n", file, finding.span.line, words_of(finding));
    }
    for (const std::string& line : finding.explanation) fmt::print("           {}\n", line);
  }
  if (report.failed_runs > compiler::kFailedRowsTold)
    fmt::print("       {} more cases failed\n", report.failed_runs - compiler::kFailedRowsTold);
}

bool test_task(Source& source, std::size_t index, const Options& options, const vm::Calendar& calendar,
               TestedFile& tested) {
  const bool covers = options.coverage || !options.lcov.empty() || !options.coverage_json.empty();
  auto lowered = compiler::lower(*source.program, index,
                                 {.source_name = source.program_name, .with_tests = true, .for_coverage = covers},
                                 source.diagnostics);
  if (!lowered) return false;
  for (compiler::TestReport& report :
       compiler::run_tests(*source.program, source.program->tasks[index], std::move(*lowered),
                           {.calendar = calendar,
                            .runs = options.runs,
                            .seed = options.seed,
                            .coverage = covers ? &tested.coverage : nullptr,
                            .sources = &source.sources})) {
    print(source, report, options);
    tested.reports.push_back(std::move(report));
  }
  return true;
}

Exit write_reports(const std::vector<TestedFile>& tested, const Options& options) {
  if (options.coverage) {
    for (const TestedFile& file : tested) fmt::print("{}", coverage_summary(file));
  }
  std::fflush(stdout);
  const std::pair<const std::string&, std::string (*)(const std::vector<TestedFile>&)> kReports[] = {
      {options.coverage_json, coverage_json}, {options.lcov, lcov_tracefile}, {options.junit, junit_report}};
  for (const auto& [path, text_of] : kReports) {
    if (path.empty()) continue;
    if (const auto written = write_file(path, text_of(tested)); !written) return complain(written.error());
  }
  return Exit::Ok;
}

Exit test_files(const std::vector<std::string>& files, const Options& options) {
  std::shared_ptr<const runtime::TimeZone> zone;
  if (!options.timezone.empty()) {
    const auto found = runtime::TimeZone::load(options.timezone);
    if (!found) return complain(Exit::Usage, found.error().message);
    zone = *found;
  }
  const vm::Calendar calendar = zone ? vm::Calendar{&runtime::TimeZone::next_of, zone.get()} : vm::Calendar{};
  std::vector<TestedFile> tested;
  Exit exit = Exit::Ok;
  for (const std::string& file : files) {
    auto source = load_source(file);
    if (!source) {
      exit = complain(source.error());
      continue;
    }
    TestedFile& result = tested.emplace_back(TestedFile{file, source->text, {}, {}, {}});
    bool usable = source->program.has_value();
    for (std::size_t task = 0; usable && task < source->program->tasks.size(); ++task)
      usable = test_task(*source, task, options, calendar, result);
    if (!report(*source) && exit == Exit::Ok) exit = Exit::Findings;
    result.sources = std::move(source->sources);
  }
  std::size_t tests = 0, failed = 0, expectations = 0;
  for (const TestedFile& file : tested) {
    for (const compiler::TestReport& report : file.reports) {
      ++tests;
      failed += !report.passed;
      expectations += report.expectations;
    }
  }
  if (tests == 0 && exit == Exit::Ok)
    fmt::print("no tests: write one as  test \"what it shows\" of TASK {{ at 0 s input <- value; expect … }}\n");
  if (tests != 0) fmt::print("{} of {} tests passed, {} expectations\n", tests - failed, tests, expectations);
  if (exit == Exit::Ok) exit = write_reports(tested, options);
  return exit == Exit::Ok && failed > 0 ? Exit::Findings : exit;
}

}  // namespace

Action add_test(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->files, "source files; the tasks of the project if none is given");
  app.add_option("--runs", options->runs, "how often a test with 'for any' runs (100)")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--seed", options->seed, "what its values are drawn from (1); another number gives others");
  app.add_flag("--coverage", options->coverage, "tell which lines, branches and states of alarms no test has reached");
  app.add_option("--coverage-json", options->coverage_json,
                 "write the coverage for programs, as docs/formats.md says; - is stdout");
  app.add_option("--lcov", options->lcov, "write the coverage as a tracefile for lcov and genhtml; - is stdout");
  app.add_option("--junit", options->junit, "write the results as XML for build servers; - is stdout");
  app.add_option("--timezone", options->timezone, "of handlers at a time of day, such as Europe/Berlin (UTC)");
  return [options] {
    const auto named = files_or_project(options->files);
    return named ? test_files(*named, *options) : complain(Exit::Usage, named.error().message);
  };
}

}  // namespace eyeflow::eyeflowc
