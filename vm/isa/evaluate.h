#pragma once

#include "vm/isa/isa.h"

namespace eyeflow::vm {

// Carries out one value instruction on words, by the very meaning that every tier runs (semantics.h): a = op(b, c),
// with c unused by instructions of one operand. On a trap `a` is not written. For the compiler, which folds with it.
Trap evaluate(Op op, Word b, Word c, Word& a);

}  // namespace eyeflow::vm
