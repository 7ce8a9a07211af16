#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/lower/lower.h"
#include "vm/engine/engine.h"

namespace eyeflow::compiler {

// What a test saw that it did not expect, or that stopped on the way.
struct TestFinding {
  Span span;
  vm::TimeNs at = 0;                       // since the test's start
  bool is_failure = true;                  // otherwise a fault that no expectation noticed
  std::string message;                     // "expected hot.raised == 1"; "'on t1' stopped: division by zero"
  std::vector<std::string> explanation{};  // "hot.raised is 0"
};

struct TestReport {
  std::string title;
  Span span;
  bool passed = true;
  std::size_t expectations = 0;
  std::vector<TestFinding> findings{};
};

// Runs the tests of a task that was lowered with_tests, each on an instance of its own and a virtual clock that starts
// at 0, in UTC unless a calendar says otherwise: readings arrive at their times, timers fire between them, an
// expectation is evaluated when everything of its instant up to it is done.
std::vector<TestReport> run_tests(const typed::Program& program, const typed::Task& task, Lowered lowered,
                                  vm::Calendar calendar = {});

}  // namespace eyeflow::compiler
