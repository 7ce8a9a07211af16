#pragma once

#include "vm/isa/context.h"

// How the interpreter gets from one instruction to the next, the only place that depends on the compiler.
//
// clang: each instruction is a function that tail-calls the next one (`musttail`), so that pc, registers and context
// stay in machine registers and every instruction has an indirect jump of its own.
// gcc 12 has no musttail, and its sibling calls are lost at -O0: there each instruction is a label and a computed goto.
#if defined(__clang__)
#define EYEFLOW_TAIL_CALLS 1
// What the handlers hand on needs no saving around the calls that some of them make. Not under the address sanitizer:
// clang 19 cannot realign a stack, as that needs to, in this convention.
#if __has_attribute(preserve_none) && !__has_feature(address_sanitizer)
#define EYEFLOW_HANDLER __attribute__((preserve_none))
#endif
#else
#define EYEFLOW_TAIL_CALLS 0
#endif

#ifndef EYEFLOW_HANDLER
#define EYEFLOW_HANDLER
#endif

namespace eyeflow::vm {

// What the machine holds between two instructions.
struct Cursor {
  const Instruction* pc;
  Word* r;  // the running function's frame
};

// Carries out the instruction at cursor.pc and moves the cursor to the next. False: the handler is over, `trap` says
// how.
template <Op O>
[[gnu::always_inline]] inline bool step(Cursor& cursor, Context& context, Trap& trap);

}  // namespace eyeflow::vm
