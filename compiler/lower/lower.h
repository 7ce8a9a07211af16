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
  std::string source_name;  // for the module's messages; folders are left out
  bool with_tests = false;  // adds what the file's tests of this task ask, see TestCode
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
  vm::FunctionId condition;  // () -> bool
  std::vector<Part> parts{};
};
struct TestCode {
  std::size_t test;                 // index into Program::tests
  std::vector<ExpectCode> expects;  // by its Expect steps, in order
};

struct Lowered {
  vm::VerifiedModule verified;
  std::vector<TestCode> tests;

  const vm::Module& module() const { return verified.module; }
};

// One task of a checked program as a module. The same program and options give the same module. What is wrong with a
// correct task can only be its size: nothing is returned and `diagnostics` says what is too large. The module has
// passed verify(); one that did not would be our own mistake and stops the process.
std::optional<Lowered> lower(const typed::Program& program, std::size_t task, const LowerOptions& options,
                             Diagnostics& diagnostics);

}  // namespace eyeflow::compiler
