#include "compiler/testing/run_tests.h"

#include <algorithm>

#include "compiler/testing/run_test.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/engine/engine.h"
#include "vm/interpreter/tracing.h"

namespace eyeflow::compiler {
namespace {

void run_cases(const auto& run, const typed::Test& test, TestReport& report) {
  report.runs = test.cases.size();
  report.has_cases = true;
  for (std::size_t i = 0; i < test.cases.size(); ++i) {
    const typed::Case& row = test.cases[i];
    RunResult result = run(TestInput{.row = &row});
    report.expectations += result.expectations;
    if (!result.passed() && ++report.failed_runs > kFailedRowsTold) continue;
    for (TestFinding& finding : result.findings) {
      finding.circumstances = "case " + std::to_string(i + 1) + (row.words.empty() ? "" : " (" + row.words + ")");
      finding.row = row.span;
      report.findings.push_back(std::move(finding));
    }
  }
}

// A title is what makes two tests with one seed try different values.
std::uint64_t mixed(std::uint64_t seed, const std::string& title) {
  std::uint64_t hash = 0xCBF29CE484222325 ^ seed;  // FNV-1a
  for (const char c : title) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

void run_samples(const auto& run, const typed::Task& task, const typed::Test& test, const TestOptions& options,
                 TestReport& report) {
  const Arbitrary arbitrary(task, test, mixed(options.seed, test.title));
  report.for_any = true;
  report.runs = options.runs;
  for (std::uint64_t number = 0; number < options.runs; ++number) {
    const Sample sample = arbitrary.sample(number);
    const RunResult result = run(TestInput{.sample = &sample});
    report.expectations = result.expectations;
    if (result.passed()) continue;
    // The same expectation is to fail, or what was found would change on the way.
    const auto first = std::ranges::find_if(result.findings, &TestFinding::is_failure);
    const Span failing = first->span;
    const auto fails = [&](const Sample& candidate) {
      const RunResult tried = run(TestInput{.sample = &candidate});
      return std::ranges::any_of(
          tried.findings, [&](const TestFinding& finding) { return finding.is_failure && finding.span == failing; });
    };
    constexpr std::uint64_t kMostInstants = 20'000'000;  // for all of it: a run may take long
    const Sample small = arbitrary.shrink(
        sample, fails,
        std::min(Arbitrary::kMostShrinkRuns, kMostInstants / std::max<std::uint64_t>(result.instants, 1)));
    report.findings = run(TestInput{.sample = &small}).findings;
    for (TestFinding& finding : report.findings) finding.circumstances = arbitrary.words(small);
    report.found_in = number;
    report.runs = number + 1;
    return;
  }
}

}  // namespace

std::vector<TestReport> run_tests(const typed::Program& program, const typed::Task& task, Lowered lowered,
                                  const TestOptions& options) {
  const std::size_t own_functions = lowered.own_functions;
  const std::vector<FunctionLines> module_lines = std::move(lowered.module_lines);
  const auto code = vm::Program::make(
      std::move(lowered.verified), stdlib::intrinsics(),
      {.tier = options.coverage ? &vm::kTracingInterpreter : &vm::kInterpreter, .calendar = options.calendar});
  std::vector<std::uint64_t> alarm_effects(task.alarms.size() * kAlarmEffectKinds);
  Watcher watcher;
  if (options.coverage) {
    watcher = [&](const vm::Effect& effect) {
      if (vm::is_of_alarm(effect.kind)) ++alarm_effects[alarm_effect(effect.index, effect.kind)];
    };
  }
  std::vector<TestReport> reports;
  for (const TestCode& test_code : lowered.tests) {
    const typed::Test& test = program.tests[test_code.test];
    TestReport& report = reports.emplace_back();
    report.title = test.title;
    report.span = test.span;
    const auto run = [&](const TestInput& input) { return run_test(*code, task, test, test_code, input, watcher); };
    if (test.has_cases) {
      run_cases(run, test, report);
    } else if (test.for_any) {
      run_samples(run, task, test, options, report);
    } else {
      RunResult result = run({});
      report.expectations = result.expectations;
      report.findings = std::move(result.findings);
    }
    report.passed = std::ranges::none_of(report.findings, &TestFinding::is_failure);
  }
  if (options.coverage)
    options.coverage->add(task, *code, own_functions, module_lines, *options.sources, alarm_effects);
  return reports;
}

}  // namespace eyeflow::compiler
