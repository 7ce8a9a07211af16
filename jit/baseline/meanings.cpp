#include "jit/baseline/meanings.h"

#include "vm/isa/memory_ops.h"
#include "vm/isa/semantics.h"

namespace eyeflow::jit {
namespace {

using namespace eyeflow::vm;

template <Op O>
Trap mean([[maybe_unused]] Context& context, [[maybe_unused]] Word* registers, [[maybe_unused]] Instruction i) {
  if constexpr (info(O).cls == OpClass::Value)
    return semantics::run_value<O>(registers, i);
  else if constexpr (info(O).cls == OpClass::Memory)
    return semantics::execute(op_tag<O>{}, context, registers, i);
  else
    return Trap::Fault;  // flow is each tier's own; nothing asks for it
}

}  // namespace

Meaning meaning(Op op) {
  static constexpr Meaning kMeanings[kOpCount] = {
#define EYEFLOW_OP(Name, ...) &mean<Op::Name>,
#include "vm/isa/opcodes.def"
  };
  return kMeanings[static_cast<std::size_t>(op)];
}

void journal_line(Context& context, std::uint32_t line) {
  context.journal->touch(context.base[static_cast<int>(Region::State)], line * kLineBytes, 1);
}

}  // namespace eyeflow::jit
