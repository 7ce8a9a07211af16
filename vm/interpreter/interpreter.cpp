#include <algorithm>

#include "vm/interpreter/flow.h"
#include "vm/module/written_registers.h"

namespace eyeflow::vm {
namespace {

// Where a handler stopped: kept for the fault's report.
[[gnu::noinline]] EYEFLOW_HANDLER Trap stop(Trap trap, const Instruction* pc, Context& context) {
  if (trap != Trap::None) {
    const FunctionCode& function = running(context);
    context.trap_function = static_cast<std::uint16_t>(&function - &function_code(context, 0));
    context.trap_instruction = static_cast<std::uint32_t>(pc - function.code);
  }
  return trap;
}

#if EYEFLOW_TAIL_CALLS

// All four stay in machine registers from handler to handler. The table is one of them: its address is not made anew.
struct Table;
using Handler = Trap(EYEFLOW_HANDLER*)(const Instruction* pc, Word* r, Context& context, const Table& table);
struct Table {
  Handler handlers[kOpCount];
};

#define EYEFLOW_NEXT(pc, r) \
  [[clang::musttail]] return table.handlers[static_cast<std::size_t>((pc)->op)](pc, r, context, table)

template <Op O>
EYEFLOW_HANDLER Trap handle(const Instruction* pc, Word* r, Context& context, const Table& table) {
  if constexpr (kJumpsOrNot<O>) {
    // A branch each way: were the next place chosen by arithmetic, all that follows would wait for the comparison.
    if (jumps<O>(r, *pc)) {
      pc += pc->a;
      asm volatile("" : "+r"(pc));
      EYEFLOW_NEXT(pc, r);
    }
    ++pc;
    EYEFLOW_NEXT(pc, r);
  }
  Cursor at{pc, r};
  Trap trap = Trap::None;
  if (!step<O>(at, context, trap)) [[unlikely]]
    return stop(trap, pc, context);
  EYEFLOW_NEXT(at.pc, at.r);
}

constexpr Table kTable = {{
#define EYEFLOW_OP(Name, ...) &handle<Op::Name>,
#include "vm/isa/opcodes.def"
}};

Trap dispatch(const Instruction* pc, Word* r, Context& context) {
  return kTable.handlers[static_cast<std::size_t>(pc->op)](pc, r, context, kTable);
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

// Registers start as zero, but clearing a frame costs more than a short condition does: it is only done for functions
// that may read what they have not written.
bool reads_unwritten(const VerifiedModule& verified, IntrinsicTable intrinsics, const Function& function) {
  const Module& module = verified.module;
  WrittenRegisters written(function.registers.size());
  for (std::uint16_t n = 0; n < function.param_count; ++n) written.write_at_the_start(n);
  std::vector<std::uint32_t> earliest_source(function.code.size(), kNeverJumpedTo);
  for (std::uint32_t at = 0; at < function.code.size(); ++at) {
    if (earliest_source[at] != kNeverJumpedTo) written.join(earliest_source[at]);
    const Instruction& i = function.code[at];
    const OpInfo& row = info(i.op);
    const std::uint16_t fields[] = {i.a, i.b, i.c};
    const auto block_size = [&](Block block) -> std::size_t {
      switch (block) {
        case Block::None:
          return 0;
        case Block::Results:
          return function.results.size();
        case Block::OutputFields:
          return module.outputs[i.a].fields.size();
        case Block::CalleeParams:
          return module.functions[i.b].param_count;
        case Block::CalleeResults:
          return module.functions[i.b].results.size();
        case Block::IntrinsicParams:
          return intrinsics[i.b].param_count;
        case Block::IntrinsicResult:
          return intrinsics[i.b].result == Scalar::Void ? 0 : 1;
      }
      return 0;
    };
    const auto is_result = [](Block block) { return block == Block::CalleeResults || block == Block::IntrinsicResult; };
    for (std::size_t n = 0; n < 3; ++n) {  // all reads of an instruction come before its writes
      const Operand& operand = row.operands[n];
      if ((operand.role == Role::Read || operand.role == Role::Update) && !written.is_written(fields[n])) return true;
      if (!is_result(operand.block))
        for (std::size_t k = 0; k < block_size(operand.block); ++k)
          if (!written.is_written(static_cast<std::uint16_t>(fields[n] + k))) return true;
    }
    for (std::size_t n = 0; n < 3; ++n) {
      const Operand& operand = row.operands[n];
      if (operand.role == Role::Write || operand.role == Role::Counter) written.write(fields[n], at);
      if (operand.role == Role::Target) earliest_source[at + fields[n]] = std::min(earliest_source[at + fields[n]], at);
      if (is_result(operand.block))
        for (std::size_t k = 0; k < block_size(operand.block); ++k)
          written.write(static_cast<std::uint16_t>(fields[n] + k), at);
    }
  }
  return false;
}

class InterpreterCode final : public TierCode {
 public:
  InterpreterCode(const VerifiedModule& verified, IntrinsicTable intrinsics)
      : functions_(function_codes(verified, intrinsics)) {}

  Trap run(FunctionId id, Context& context) const override {
    const FunctionCode& function = functions_[index(id)];
    context.code = functions_.data();
    context.running = &function;
    context.calls[0] = {nullptr, context.registers, nullptr, 0};
    context.call_top = context.calls + 1;
    clear_words(context.registers, function.param_count, function.clear_end);
    if (context.metered && !charge(context, function.entry_fuel)) return stop(Trap::OutOfFuel, function.code, context);
    return dispatch(function.code, context.registers, context);
  }

  TierReport report() const override { return {.tier = kInterpreter.name, .fallback = {}}; }
  FunctionReport report(FunctionId) const override { return {.tier = kInterpreter.name}; }

 private:
  std::vector<FunctionCode> functions_;
};

std::unique_ptr<TierCode> prepare(const VerifiedModule& module, IntrinsicTable intrinsics, const PrepareOptions&) {
  return std::make_unique<InterpreterCode>(module, intrinsics);
}

}  // namespace

std::vector<FunctionCode> function_codes(const VerifiedModule& verified, IntrinsicTable intrinsics) {
  std::vector<FunctionCode> codes;
  codes.reserve(verified.module.functions.size());
  for (std::size_t n = 0; n < verified.module.functions.size(); ++n) {
    const Function& function = verified.module.functions[n];
    const FunctionBound& bound = verified.bounds[n];
    codes.push_back({.code = function.code.data(),
                     .trip_fuel = bound.trip_fuel.data(),
                     .entry_fuel = bound.entry_fuel,
                     .register_count = static_cast<std::uint16_t>(function.registers.size()),
                     .param_count = function.param_count,
                     .result_count = static_cast<std::uint16_t>(function.results.size()),
                     .clear_end = reads_unwritten(verified, intrinsics, function)
                                      ? static_cast<std::uint16_t>(function.registers.size())
                                      : function.param_count});
  }
  return codes;
}

const Tier kInterpreter{"interpreter", &prepare};

}  // namespace eyeflow::vm
