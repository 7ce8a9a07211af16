#include "vm/isa/evaluate.h"

#include "vm/base/check.h"
#include "vm/isa/semantics.h"

namespace eyeflow::vm {
namespace {

template <Op O>
Trap evaluate_on(Word* registers) {
  if constexpr (info(O).cls == OpClass::Value) {
    return semantics::run_value<info(O).base>(registers, {.op = O, .a = 0, .b = 1, .c = 2});
  } else {
    EYEFLOW_CHECK(!"a value instruction");
    return Trap::None;
  }
}

}  // namespace

Trap evaluate(Op op, Word b, Word c, Word& a) {
  using Evaluate = Trap (*)(Word*);
  static constexpr Evaluate kEvaluate[kOpCount] = {
#define EYEFLOW_OP(Name, ...) &evaluate_on<Op::Name>,
#include "vm/isa/opcodes.def"
  };
  Word registers[] = {a, b, c};
  const Trap trap = kEvaluate[static_cast<std::size_t>(op)](registers);
  a = registers[0];
  return trap;
}

}  // namespace eyeflow::vm
