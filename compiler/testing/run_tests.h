#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/lower/lower.h"
#include "compiler/testing/coverage.h"
#include "vm/engine/engine.h"

namespace eyeflow::compiler {

// What a test saw that it did not expect, or that stopped on the way.
struct TestFinding {
  Span span;
  vm::TimeNs at = 0;                       // since the test's start
  bool is_failure = true;                  // otherwise a fault that no expectation noticed
  std::string message;                     // "expected hot.raised == 1"; "'on t1' stopped: division by zero"
  std::vector<std::string> explanation{};  // "hot.raised is 0"
  std::string circumstances{};             // "case 2 (t1 81 °C)", "t1 81 °C at 1 s"; empty where a test runs once
  std::optional<Span> row{};               // of the case
};

struct TestReport {
  std::string title;
  Span span;
  bool passed = true;
  std::size_t expectations = 0;  // of a test that runs many times with any values: those of one run
  std::size_t runs = 1;          // rows of its table, samples of `for any`
  bool has_cases = false, for_any = false;
  std::size_t failed_runs = 0;            // rows that did not pass; findings are told of the first kFailedRowsTold
  std::optional<std::uint64_t> found_in;  // the sample that did not pass, from 0
  std::vector<TestFinding> findings{};
};
inline constexpr std::size_t kFailedRowsTold = 10;

struct TestOptions {
  vm::Calendar calendar{};   // UTC unless it says otherwise
  std::uint64_t runs = 100;  // of each test with `for any`
  std::uint64_t seed = 1;
  Coverage* coverage = nullptr;        // what the tests ran is added here
  const SourceMap* sources = nullptr;  // for it: what the program was read from
};

// Runs the tests of a task that was lowered with_tests, each run on an instance of its own and a virtual clock that
// starts at 0: readings arrive at their times, timers fire between them, an expectation is evaluated when everything of
// its instant up to it is done. The same program and options give the same reports.
std::vector<TestReport> run_tests(const typed::Program& program, const typed::Task& task, Lowered lowered,
                                  const TestOptions& options = {});

}  // namespace eyeflow::compiler
