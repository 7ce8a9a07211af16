#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "compiler/lower/module_builder.h"
#include "vm/module/module.h"

namespace eyeflow::compiler::lowering {

enum class RegId : std::uint16_t {};
constexpr std::uint16_t index(RegId reg) { return static_cast<std::uint16_t>(reg); }

enum class Label : std::uint32_t {};

class CodeBuilder;

// A register for a while: given back when this goes out of scope, unless it belongs to somebody else (a local).
class Temp {
 public:
  Temp() = default;
  static Temp borrowed(RegId reg) { return Temp(nullptr, reg); }
  Temp(CodeBuilder* owner, RegId reg) : owner_(owner), reg_(reg) {}
  Temp(Temp&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), reg_(other.reg_) {}
  Temp& operator=(Temp&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(reg_, other.reg_);
    return *this;
  }
  ~Temp() { release(); }

  RegId reg() const { return reg_; }
  bool is_own() const { return owner_ != nullptr; }
  void release();

 private:
  CodeBuilder* owner_ = nullptr;
  RegId reg_{};
};

// One function's instructions, registers and labels. A register has one type for good, so a released one is only used
// again for its own type. What follows an instruction that never goes on is dropped, up to the next label in use.
class CodeBuilder {
 public:
  explicit CodeBuilder(std::string name) { function_.name = std::move(name); }

  // Registers. A run is consecutive, for calls and outputs.
  Temp take(vm::TypeId type);
  std::vector<Temp> take_run(std::span<const vm::TypeId> types);
  vm::TypeId type_of(RegId reg) const { return function_.registers[index(reg)]; }
  void give_back(RegId reg);

  // Instructions
  std::uint32_t emit(vm::Op op, std::uint16_t a = 0, std::uint16_t b = 0, std::uint16_t c = 0);
  void emit_slot(vm::Op op, std::uint16_t a, std::uint16_t b, SlotId in_c);
  void emit_slots(vm::Op op, std::uint16_t a, SlotId in_b, SlotId in_c);
  bool reachable() const { return reachable_; }
  // What follows is emitted though nothing gets there: a loop's frame must be complete.
  void resume() { reachable_ = true; }
  // A loop's closing instruction, which stands even where the body never reaches its end. The field that the row gives
  // its way back to is filled in.
  void emit_back(vm::Op op, std::uint16_t a, std::uint16_t b, std::uint16_t c, std::uint32_t target);
  std::uint32_t here() const { return static_cast<std::uint32_t>(function_.code.size()); }

  // A nest of loops, from before the outermost one to behind it; calls may nest. What loops read and nothing changes is
  // loaded once, in front of them all, into a register that holds nothing else until the nest ends.
  void begin_nest();
  void end_nest();
  bool in_nest() const { return nest_depth_ > 0; }
  // The register with what `op` loads into a register of this type: a number in field b, or from a slot (field c).
  RegId invariant(vm::Op op, vm::TypeId type, std::uint16_t b, SlotId in_c);

  // Labels: bound once, after every branch to them.
  Label new_label();
  void jump(Label label) { branch(vm::Op::Jump, 0, 0, 0, label); }
  void jump_if(bool when, RegId condition, Label label) {
    branch(when ? vm::Op::JumpIf : vm::Op::JumpUnless, 0, index(condition), 0, label);
  }
  // The field that the row gives its target to is filled in by bind().
  void branch(vm::Op op, std::uint16_t a, std::uint16_t b, std::uint16_t c, Label label);
  void bind(Label label);

  void mark_line(std::uint32_t line);
  void leave_out_lines() { has_lines_ = false; }
  // For a while: whether lines are marked, if they are at all. Gives what it was.
  bool keep_lines(bool keep) { return std::exchange(has_lines_, has_lines_ && keep); }
  void restore_lines(bool had) { has_lines_ = had; }
  void set_parameters(std::uint16_t count) { function_.param_count = count; }
  void set_results(std::vector<vm::TypeId> results) { function_.results = std::move(results); }

  // Too many registers or instructions for the 16-bit fields: the code is not to be used.
  bool overflowed() const { return overflowed_; }
  vm::Function take_function();
  std::vector<SlotUse> take_slot_uses() { return std::move(slot_uses_); }

 private:
  struct Invariant {
    vm::Op op;
    vm::TypeId type;
    std::uint16_t b;
    SlotId slot;
    Temp reg;
  };
  Temp take_new(vm::TypeId type);

  vm::Function function_;
  std::vector<SlotUse> slot_uses_;
  std::uint32_t nest_depth_ = 0, nest_begin_ = 0;
  std::vector<Invariant> invariants_;                  // of the nest
  std::vector<bool> in_use_;                           // by register
  std::map<vm::TypeId, std::vector<RegId>> released_;  // may hold registers that a run has taken since
  std::vector<std::vector<std::uint32_t>> pending_;    // by label: instructions that branch to it
  std::uint32_t last_bound_ = 0;                       // the last place that a branch goes to
  bool reachable_ = true;
  bool has_lines_ = true;
  bool overflowed_ = false;
};

}  // namespace eyeflow::compiler::lowering
