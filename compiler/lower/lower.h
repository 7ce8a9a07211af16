#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/diagnostics/diagnostics.h"
#include "vm/module/verifier.h"

namespace eyeflow::compiler {

struct LowerOptions {
  std::string source_name;    // for the module's messages; folders are left out
  bool with_tests = false;    // adds what the file's tests of this task ask, see TestCode
  bool for_coverage = false;  // nothing is inlined or unrolled: each line and each branch is in the code once
};

// What a test asks between events, as functions of no parameters that neither store nor emit.
struct ExpectCode {
  // A part whose value explains why the condition does not hold: a side of a comparison, a flag below an `and`.
  struct Part {
    vm::FunctionId function;
    typed::Type type;
    Span span;
    bool is_switch = false;  // it is on or off
  };
  vm::FunctionId condition = vm::kNoFunction;  // () -> bool
  std::vector<Part> parts{};
};
struct StepCode {
  vm::FunctionId at = vm::kNoFunction;     // () -> when it is, in nanoseconds; where TestStep::at_computed is given
  vm::FunctionId value = vm::kNoFunction;  // () -> what is fed; where Feed::computed is given
  ExpectCode expect{};                     // of an Expect
};
struct TestCode {
  std::size_t test;                       // index into Program::tests
  std::size_t first_given = 0;            // its givens are params of the module, from this one on
  std::vector<StepCode> steps{};          // by its steps
  std::vector<vm::FunctionId> columns{};  // by Test::columns: () -> its value
};

// A function of a module that the task uses. Its code has no lines, which would be taken for those of the task's file.
struct FunctionLines {
  vm::FunctionId function;
  Span span;
  std::vector<vm::LineMark> lines;
};

struct Lowered {
  vm::VerifiedModule verified;
  std::vector<TestCode> tests;
  std::size_t own_functions = 0;              // of the task itself; behind them stand those of its tests
  std::vector<FunctionLines> module_lines{};  // for_coverage: of the project's modules

  const vm::Module& module() const { return verified.module; }
};

// One task of a checked program as a module. The same program and options give the same module. What is wrong with a
// correct task can only be its size: nothing is returned and `diagnostics` says what is too large. The module has
// passed verify(); one that did not would be our own mistake and stops the process.
std::optional<Lowered> lower(const typed::Program& program, std::size_t task, const LowerOptions& options,
                             Diagnostics& diagnostics);

}  // namespace eyeflow::compiler
