#pragma once

#include "vm/isa/context.h"

namespace eyeflow::jit {

// The one meaning of an instruction, on the registers of its function. Only of rows of class Value and Memory.
using Meaning = vm::Trap (*)(vm::Context& context, vm::Word* registers, vm::Instruction instruction);
Meaning meaning(vm::Op op);

// Saves a line of State in the journal, which has not seen it.
void journal_line(vm::Context& context, std::uint32_t line);

}  // namespace eyeflow::jit
