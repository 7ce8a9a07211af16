#pragma once

#include <functional>

#include "compiler/testing/arbitrary.h"
#include "compiler/testing/run_tests.h"

namespace eyeflow::compiler {

// One run of a test: nothing but the steps, or with a row of its table, or with a sample of its `for any`.
struct TestInput {
  const typed::Case* row = nullptr;
  const Sample* sample = nullptr;
};
using Watcher = std::function<void(const vm::Effect&)>;  // sees what happens; may be empty

struct RunResult {
  std::vector<TestFinding> findings{};
  std::size_t expectations = 0;
  std::uint64_t instants = 0;  // at which timers ran: what it took
  bool passed() const;
};

RunResult run_test(const vm::Program& program, const typed::Task& task, const typed::Test& test, const TestCode& code,
                   const TestInput& input, const Watcher& watcher);

}  // namespace eyeflow::compiler
