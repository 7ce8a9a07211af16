#pragma once

#include <string>
#include <string_view>

#include "vm/base/result.h"
#include "vm/isa/intrinsic.h"
#include "vm/module/module.h"

// Modules as text, for people and for tests written by hand. docs/isa.md says what the text looks like. A module whose
// tables verify becomes text that assembles to the same module; its code may be as wrong as it likes.
namespace eyeflow::vm {

struct DisassembleOptions {
  IntrinsicTable intrinsics;  // for their names; numbers stand in for those that are not there
  bool with_numbers = false;  // each instruction's number in a comment, as traps and the verifier report it
};
std::string disassemble(const Module& module, const DisassembleOptions& options = {});

// Does not verify. An error names the line, what was found there and what belongs there.
Result<Module> assemble(std::string_view text, IntrinsicTable intrinsics = {});

}  // namespace eyeflow::vm
