#include "compiler/lower/code_builder.h"

#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

constexpr std::size_t kMostRegisters = 65'535;
constexpr std::size_t kMostInstructions = 65'535;
constexpr std::uint32_t kDropped = 0xFFFFFFFF;

std::uint16_t& field_of(vm::Role role, vm::Instruction& instruction) {
  const auto& operands = vm::info(instruction.op).operands;
  if (operands[0].role == role) return instruction.a;
  if (operands[1].role == role) return instruction.b;
  EYEFLOW_CHECK(operands[2].role == role);
  return instruction.c;
}

}  // namespace

void Temp::release() {
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back(reg_);
}

Temp CodeBuilder::take(vm::TypeId type) {
  std::vector<RegId>& released = released_[type];
  while (!released.empty()) {
    const RegId reg = released.back();
    released.pop_back();
    if (in_use_[index(reg)]) continue;
    in_use_[index(reg)] = true;
    return {this, reg};
  }
  return take_new(type);
}

Temp CodeBuilder::take_new(vm::TypeId type) {
  if (function_.registers.size() >= kMostRegisters) {
    overflowed_ = true;
    return Temp::borrowed(RegId{});
  }
  function_.registers.push_back(type);
  in_use_.push_back(true);
  return {this, RegId(function_.registers.size() - 1)};
}

std::vector<Temp> CodeBuilder::take_run(std::span<const vm::TypeId> types) {
  std::vector<Temp> run;
  if (types.size() == 1) {
    run.push_back(take(types[0]));
    return run;
  }
  // The first stretch that is free and has these types; it may reach past the end.
  const auto fits = [&](std::size_t first) {
    for (std::size_t i = 0; i < types.size() && first + i < in_use_.size(); ++i)
      if (in_use_[first + i] || function_.registers[first + i] != types[i]) return false;
    return true;
  };
  std::size_t first = 0;
  while (!fits(first)) ++first;
  if (first + types.size() > kMostRegisters) {
    overflowed_ = true;
    run.resize(types.size());
    return run;
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (first + i == in_use_.size()) {
      function_.registers.push_back(types[i]);
      in_use_.push_back(true);
    }
    in_use_[first + i] = true;
    run.emplace_back(this, RegId(first + i));
  }
  return run;
}

void CodeBuilder::give_back(RegId reg) {
  EYEFLOW_CHECK(in_use_[index(reg)]);
  in_use_[index(reg)] = false;
  released_[type_of(reg)].push_back(reg);
}

std::uint32_t CodeBuilder::emit(vm::Op op, std::uint16_t a, std::uint16_t b, std::uint16_t c) {
  if (!reachable_) return kDropped;
  if (function_.code.size() >= kMostInstructions) {
    overflowed_ = true;
    return kDropped;
  }
  function_.code.push_back({op, a, b, c});
  reachable_ = !vm::info(op).has(vm::Flag::Ends);
  return here() - 1;
}

void CodeBuilder::emit_slot(vm::Op op, std::uint16_t a, std::uint16_t b, SlotId in_c) {
  const std::uint32_t at = emit(op, a, b, 0);
  if (at != kDropped) slot_uses_.push_back({at, false, in_c});
}

void CodeBuilder::emit_slots(vm::Op op, std::uint16_t a, SlotId in_b, SlotId in_c) {
  const std::uint32_t at = emit(op, a, 0, 0);
  if (at == kDropped) return;
  slot_uses_.push_back({at, true, in_b});
  slot_uses_.push_back({at, false, in_c});
}

void CodeBuilder::emit_back(vm::Op op, std::uint16_t a, std::uint16_t b, std::uint16_t c, std::uint32_t target) {
  resume();
  const std::uint32_t at = emit(op, a, b, c);
  if (at != kDropped) field_of(vm::Role::BackTarget, function_.code[at]) = static_cast<std::uint16_t>(at - target);
}

// ---- Nests of loops ------------------------------------------------------------------------------------------------

void CodeBuilder::begin_nest() {
  if (nest_depth_++ == 0) nest_begin_ = here();
}

RegId CodeBuilder::invariant(vm::Op op, vm::TypeId type, std::uint16_t b, SlotId in_c) {
  for (const Invariant& known : invariants_)
    if (known.op == op && known.type == type && known.b == b && known.slot == in_c) return known.reg.reg();
  // A register that nothing has used: at the nest's begin, any other may hold something else.
  invariants_.push_back({op, type, b, in_c, take_new(type)});
  return invariants_.back().reg.reg();
}

// Nothing branches into loops, and distances within them stay: what moves is where instructions are remembered.
void CodeBuilder::end_nest() {
  if (--nest_depth_ > 0) return;
  const auto count = static_cast<std::uint32_t>(invariants_.size());
  if (count == 0) return;
  if (function_.code.size() + count > kMostInstructions) overflowed_ = true;
  if (overflowed_) return invariants_.clear();
  for (std::vector<std::uint32_t>& branches : pending_)
    for (std::uint32_t& at : branches)
      if (at >= nest_begin_) at += count;
  if (last_bound_ > nest_begin_) last_bound_ += count;
  for (SlotUse& use : slot_uses_)
    if (use.instruction >= nest_begin_) use.instruction += count;
  for (vm::LineMark& mark : function_.lines)
    if (mark.instruction > nest_begin_) mark.instruction += count;
  std::vector<vm::Instruction> loads;
  for (const Invariant& known : invariants_) {
    const auto at = nest_begin_ + static_cast<std::uint32_t>(loads.size());
    loads.push_back({known.op, index(known.reg.reg()), known.b, 0});
    if (known.slot != kNoSlot) slot_uses_.push_back({at, false, known.slot});
  }
  function_.code.insert(function_.code.begin() + nest_begin_, loads.begin(), loads.end());
  invariants_.clear();
}

// ---- Labels and lines ----------------------------------------------------------------------------------------------

Label CodeBuilder::new_label() {
  pending_.emplace_back();
  return Label(pending_.size() - 1);
}

void CodeBuilder::branch(vm::Op op, std::uint16_t a, std::uint16_t b, std::uint16_t c, Label label) {
  const std::uint32_t at = emit(op, a, b, c);
  if (at != kDropped) pending_[static_cast<std::size_t>(label)].push_back(at);
}

void CodeBuilder::bind(Label label) {
  std::vector<std::uint32_t>& branches = pending_[static_cast<std::size_t>(label)];
  // A jump to the next instruction is none, unless something else arrives behind it.
  const std::vector<vm::LineMark>& lines = function_.lines;
  if (!branches.empty() && branches.back() + 1 == here() && function_.code.back().op == vm::Op::Jump &&
      last_bound_ != here() && nest_begin_ != here() && (lines.empty() || lines.back().instruction != here())) {
    branches.pop_back();
    function_.code.pop_back();
    reachable_ = true;
  }
  for (const std::uint32_t at : branches) {
    field_of(vm::Role::Target, function_.code[at]) = static_cast<std::uint16_t>(here() - at);
    reachable_ = true;
  }
  if (!branches.empty()) last_bound_ = here();
  branches.clear();
}

// A branch to a jump goes where that goes.
vm::Function CodeBuilder::take_function() {
  std::vector<vm::Instruction>& code = function_.code;
  for (std::size_t at = code.size(); !overflowed_ && at-- > 0;) {
    const vm::OpInfo& row = vm::info(code[at].op);
    if (!row.has(vm::Flag::Branches) || row.has(vm::Flag::Loops)) continue;
    std::uint16_t& distance = field_of(vm::Role::Target, code[at]);
    const vm::Instruction& target = code[at + distance];
    if (target.op == vm::Op::Jump && std::size_t{distance} + target.a <= kMostInstructions)
      distance = static_cast<std::uint16_t>(distance + target.a);
  }
  return std::move(function_);
}

void CodeBuilder::mark_line(std::uint32_t line) {
  if (!reachable_ || !has_lines_) return;
  std::vector<vm::LineMark>& lines = function_.lines;
  if (!lines.empty() && lines.back().line == line) return;
  if (!lines.empty() && lines.back().instruction == here()) lines.pop_back();
  if (!lines.empty() && lines.back().line == line) return;
  lines.push_back({here(), line});
}

}  // namespace eyeflow::compiler::lowering
