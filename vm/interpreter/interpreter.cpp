#include <algorithm>

#include "vm/interpreter/flow.h"

namespace eyeflow::vm {
namespace {

// Where a handler stopped: kept for the fault's report.
[[gnu::noinline]] Trap stop(Trap trap, const Instruction* pc, Context& context) {
  if (trap != Trap::None) {
    context.trap_function = context.function;
    context.trap_instruction = static_cast<std::uint32_t>(pc - function_code(context, context.function).code);
  }
  return trap;
}

#if EYEFLOW_TAIL_CALLS

using Handler = Trap (*)(const Instruction* pc, Word* r, Context& context);
extern const Handler kHandlers[kOpCount];

template <Op O>
Trap handle(const Instruction* pc, Word* r, Context& context) {
  Cursor at{pc, r};
  Trap trap = Trap::None;
  if (!step<O>(at, context, trap)) [[unlikely]] {
    return stop(trap, pc, context);
  }
  [[clang::musttail]] return kHandlers[static_cast<std::size_t>(at.pc->op)](at.pc, at.r, context);
}

const Handler kHandlers[kOpCount] = {
#define EYEFLOW_OP(Name, ...) &handle<Op::Name>,
#include "vm/isa/opcodes.def"
};

Trap dispatch(const Instruction* pc, Word* r, Context& context) {
  return kHandlers[static_cast<std::size_t>(pc->op)](pc, r, context);
}

#else

Trap dispatch(const Instruction* pc, Word* r, Context& context) {
  static const void* const kLabels[kOpCount] = {
#define EYEFLOW_OP(Name, ...) &&Label##Name,
#include "vm/isa/opcodes.def"
  };
  Cursor at{pc, r};
  Trap trap = Trap::None;
  goto* kLabels[static_cast<std::size_t>(at.pc->op)];
#define EYEFLOW_OP(Name, ...)                                                      \
  Label##Name : if (!step<Op::Name>(at, context, trap)) [[unlikely]] goto stopped; \
  goto* kLabels[static_cast<std::size_t>(at.pc->op)];
#include "vm/isa/opcodes.def"
stopped:
  return stop(trap, at.pc, context);
}

#endif

// Registers start as zero, but clearing a frame costs more than a short condition does. Code that goes straight on and
// writes each register before it reads it does not notice what was there; where that is not plain to see, it is
// cleared.
bool reads_unwritten(const Module& module, const Function& function) {
  std::vector<bool> written(function.registers.size(), false);
  std::fill_n(written.begin(), function.param_count, true);
  const auto all_written = [&](std::size_t first, std::size_t count) {
    return std::all_of(written.begin() + first, written.begin() + first + count, [](bool w) { return w; });
  };
  for (const Instruction& i : function.code) {
    const OpInfo& row = info(i.op);
    if (row.flags & (Branches | Loops)) return true;
    const std::uint16_t fields[] = {i.a, i.b, i.c};
    for (int pass = 0; pass < 2; ++pass) {  // all reads of an instruction come before its writes
      for (int n = 0; n < 3; ++n) {
        const Operand& operand = row.operands[n];
        const std::uint16_t reg = fields[n];
        if (pass == 0 && operand.role == Role::Read && !written[reg]) return true;
        if (pass == 1 && operand.role == Role::Write) written[reg] = true;
        switch (operand.block) {
          case Block::None:
            break;
          case Block::Results:
            if (pass == 0 && !all_written(reg, function.results.size())) return true;
            break;
          case Block::OutputFields:
            if (pass == 0 && !all_written(reg, module.outputs[i.a].fields.size())) return true;
            break;
          default:
            return true;  // calls are long enough for clearing not to matter
        }
      }
    }
  }
  return false;
}

class InterpreterCode final : public TierCode {
 public:
  explicit InterpreterCode(const VerifiedModule& verified) {
    functions_.reserve(verified.module.functions.size());
    for (std::size_t n = 0; n < verified.module.functions.size(); ++n) {
      const Function& function = verified.module.functions[n];
      const FunctionBound& bound = verified.bounds[n];
      functions_.push_back({.code = function.code.data(),
                            .trip_fuel = bound.trip_fuel.data(),
                            .entry_fuel = bound.entry_fuel,
                            .register_count = static_cast<std::uint16_t>(function.registers.size()),
                            .param_count = function.param_count,
                            .result_count = static_cast<std::uint16_t>(function.results.size()),
                            .clear_end = reads_unwritten(verified.module, function)
                                             ? static_cast<std::uint16_t>(function.registers.size())
                                             : function.param_count});
    }
  }

  Trap run(FunctionId id, Context& context) const override {
    context.code = functions_.data();
    context.call_top = context.calls;
    context.function = static_cast<std::uint16_t>(id);
    const FunctionCode& function = functions_[index(id)];
    for (std::uint16_t n = function.param_count; n < function.clear_end; ++n) context.registers[n] = 0;
    if (context.metered && !charge(context, function.entry_fuel)) {
      return stop(Trap::OutOfFuel, function.code, context);
    }
    return dispatch(function.code, context.registers, context);
  }

  TierReport report() const override { return {.tier = kInterpreter.name, .fallback = {}}; }
  FunctionReport report(FunctionId) const override { return {.tier = kInterpreter.name}; }

 private:
  std::vector<FunctionCode> functions_;
};

std::unique_ptr<TierCode> prepare(const VerifiedModule& module, IntrinsicTable, const PrepareOptions&) {
  return std::make_unique<InterpreterCode>(module);
}

}  // namespace

const Tier kInterpreter{"interpreter", &prepare};

}  // namespace eyeflow::vm
