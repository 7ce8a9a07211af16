#include "vm/interpreter/tracing.h"

#include <vector>

#include "vm/interpreter/flow.h"

namespace eyeflow::vm {
namespace {

template <Op O>
bool step_once(Cursor& at, Context& context, Trap& trap) {
  return step<O>(at, context, trap);
}

constexpr bool (*kSteps[kOpCount])(Cursor&, Context&, Trap&) = {
#define EYEFLOW_OP(Name, ...) &step_once<Op::Name>,
#include "vm/isa/opcodes.def"
};

class TracingCode final : public TierCode {
 public:
  TracingCode(const VerifiedModule& verified, IntrinsicTable intrinsics)
      : functions_(function_codes(verified, intrinsics)), counts_(functions_.size()) {
    for (std::size_t n = 0; n < functions_.size(); ++n) counts_[n].resize(verified.module.functions[n].code.size());
  }

  Trap run(FunctionId id, Context& context) const override {
    const FunctionCode& function = functions_[index(id)];
    context.code = functions_.data();
    context.running = &function;
    context.calls[0] = {nullptr, context.registers, nullptr, 0};
    context.call_top = context.calls + 1;
    clear_words(context.registers, function.param_count, function.clear_end);
    Cursor at{function.code, context.registers};
    Trap trap = Trap::OutOfFuel;
    if (context.metered && !charge(context, function.entry_fuel)) return stop(trap, at.pc, context);
    trap = Trap::None;
    for (;;) {
      const Instruction* const pc = at.pc;
      TraceCount& count = counts_[running_number(context)][static_cast<std::size_t>(pc - running(context).code)];
      ++count.runs;
      if (!kSteps[static_cast<std::size_t>(pc->op)](at, context, trap)) return stop(trap, pc, context);
      if (at.pc != pc + 1) ++count.jumps;
    }
  }

  TierReport report() const override { return {.tier = kTracingInterpreter.name, .fallback = {}}; }
  FunctionReport report(FunctionId) const override { return {.tier = kTracingInterpreter.name}; }
  std::span<const TraceCount> counts(FunctionId function) const { return counts_[index(function)]; }

 private:
  std::size_t running_number(const Context& context) const {
    return static_cast<std::size_t>(&running(context) - functions_.data());
  }
  Trap stop(Trap trap, const Instruction* pc, Context& context) const {
    if (trap != Trap::None) {
      context.trap_function = static_cast<std::uint16_t>(running_number(context));
      context.trap_instruction = static_cast<std::uint32_t>(pc - running(context).code);
    }
    return trap;
  }

  std::vector<FunctionCode> functions_;
  mutable std::vector<std::vector<TraceCount>> counts_;  // counting is what running it is for
};

std::unique_ptr<TierCode> prepare(const VerifiedModule& module, IntrinsicTable intrinsics, const PrepareOptions&) {
  return std::make_unique<TracingCode>(module, intrinsics);
}

}  // namespace

const Tier kTracingInterpreter{"tracing", &prepare, true};

std::span<const TraceCount> trace_counts(const TierCode& code, FunctionId function) {
  return static_cast<const TracingCode&>(code).counts(function);
}

bool is_decision(Op op) {
  const Form form = info(op).form;
  return op == Op::JumpIf || op == Op::JumpUnless || form == Form::JumpIf || form == Form::JumpUnless;
}

}  // namespace eyeflow::vm
