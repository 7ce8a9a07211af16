#pragma once

#include <string>
#include <vector>

#include "jit/baseline/analysis.h"
#include "jit/baseline/baseline.h"
#include "jit/baseline/masm.h"
#include "jit/baseline/meanings.h"
#include "vm/isa/memory_ops.h"

namespace eyeflow::jit {

struct CompilerOptions {
  bool metered = false;  // with fuel: the same code otherwise
  bool blind = false;    // constants stay in the task's memory, see PrepareOptions::blind_constants
  bool calls_for_arrays = false;
  bool unplaced = false;  // only to be read: addresses of this process are 0 in it
};

// The driver: walks a function's items and says to the macro-assembler what each does. Several functions, one after the
// other, into one block of code.
template <typename Masm>
class Compiler {
 public:
  using Label = typename Masm::Label;
  static constexpr PinCounts kPins{Masm::kGprs, Masm::kKeptGprs, Masm::kFprs, Masm::kKeptFprs};

  Compiler(const vm::VerifiedModule& verified, vm::IntrinsicTable intrinsics, CompilerOptions options, Masm& masm)
      : verified_(verified),
        module_(verified.module),
        intrinsics_(intrinsics),
        options_(options),
        masm_(masm),
        analysis_(verified, intrinsics, kPins, options.calls_for_arrays ? ArrayLimits{} : masm.array_limits(),
                  options.blind) {}

  // A callee: code that is there, or a label in the same block that is bound sooner or later.
  struct Callee {
    Label label;
    const void* code = nullptr;
  };

  // The code of `function` begins at the label `begin`. `callee_of(function)` gives a Callee; `listen(item)` is called
  // before each item's code, and with nullptr before what is put off until behind the last one.
  template <typename CalleeOf, typename Listen>
  void compile(vm::FunctionId function, Label begin, CalleeOf callee_of, Listen listen) {
    analysis_.run(function);
    labels_.assign(analysis_.items().size() + 1, Label());
    stubs_.clear();
    holds_.clear();
    restart_spans();
    masm_.bind(begin);
    masm_.expect(analysis_.length(), analysis_.float_pins());
    masm_.prologue(used());
    for (at_ = 0; at_ < analysis_.items().size(); ++at_) {
      const Item& item = analysis_.items()[at_];
      if (item.is_label) {
        if (is_loop_start(at_)) masm_.align_loop();
        masm_.bind(label(at_));
      }
      listen(&item);
      emit(item, callee_of);
      note_values(item);
    }
    masm_.bind(label(at_));  // where an inlined callee at the end returns to; nothing gets there
    listen(nullptr);
    for (const Stub& stub : stubs_) {
      if (stub.trap == Trap::None)
        masm_.trap_stub(stub.label, stub.function, stub.instruction);
      else
        masm_.trap_stub(stub.label, stub.trap, stub.function, stub.instruction);
    }
    masm_.end_function();
  }

 private:
  struct Stub {
    Label label;
    Trap trap;  // None: it is known only when it happens
    std::uint16_t function;
    std::uint32_t instruction;
  };
  struct Saved {
    Place pin, home;
  };

  // ---- Where things are

  const vm::Type& type_of(std::uint32_t id) const { return *module_.type(analysis_.value(id).type); }
  Scalar scalar_of(std::uint32_t id) const {
    const vm::Type& type = type_of(id);
    return type.kind == vm::TypeKind::Scalar ? type.element : Scalar::U64;
  }
  static Place home(const Value& v) {
    const auto offset = static_cast<std::int32_t>(v.reg * 8);
    return v.is_limit ? Place::memory32(offset + 4) : v.is_counter ? Place::memory32(offset) : Place::memory(offset);
  }
  static Place home_word(const Value& v) { return Place::memory(static_cast<std::int32_t>(v.reg * 8)); }
  const Value& resolved(std::uint32_t id) const {
    const Value& v = analysis_.value(id);
    return v.same_as == kNoValue ? v : analysis_.value(v.same_as);
  }
  Place place(std::uint32_t id) const {
    const Value& v = resolved(id);
    if (v.known == Known::Constant) return Place::constant(v.bits);
    if (v.known == Known::Reference) return Place::constant(v.bits | verified_.references[v.type]);
    if (v.pin >= 0) return v.is_float ? Place::fpr(v.pin) : Place::gpr(v.pin);
    return home(v);
  }
  bool is_known(std::uint32_t id) const {
    const Known known = resolved(id).known;
    return known == Known::Constant || known == Known::Reference;
  }
  // Operand c: a register, or the number in the field.
  Place third(const Item& item) const {
    if (item.value[2] != kNoValue) return place(item.value[2]);
    const std::int64_t number = static_cast<std::int16_t>(item.i.c);
    switch (item.action.type) {
      case Scalar::U8:
        return Place::constant(static_cast<std::uint8_t>(number));
      case Scalar::U16:
        return Place::constant(static_cast<std::uint16_t>(number));
      case Scalar::U32:
        return Place::constant(static_cast<std::uint32_t>(number));
      default:
        return Place::constant(static_cast<Word>(number));
    }
  }
  Place base(Region region) const {
    const int pin = analysis_.base_pin(region);
    return pin < 0 ? Place{} : Place::gpr(pin);
  }
  Place seen() const { return analysis_.seen_pin() < 0 ? Place{} : Place::gpr(analysis_.seen_pin()); }
  Address slot(Region region, std::uint32_t offset) const {
    return {.region = region, .base = base(region), .displacement = offset};
  }
  Address through(std::uint32_t reference) const {
    const Region region = type_of(reference).region;
    const Value& v = resolved(reference);
    if (v.known == Known::Reference) return slot(region, static_cast<std::uint32_t>(v.bits));
    return {.region = region, .base = base(region), .reference = place(reference)};
  }

  template <typename F>
  const void* address(F function) const {
    return options_.unplaced ? nullptr : reinterpret_cast<const void*>(function);
  }

  PinSet used() const { return {analysis_.used_kept_gprs(), analysis_.used_kept_fprs()}; }

  Label label(std::size_t at) {
    if (!labels_[at].isValid()) labels_[at] = masm_.new_label();
    return labels_[at];
  }
  Label trap(const Item& item, Trap trap) {
    if (!stubs_.empty() && stubs_.back().trap == trap && stubs_.back().function == item.function &&
        stubs_.back().instruction == item.index && trap != Trap::None)
      return stubs_.back().label;
    stubs_.push_back({masm_.new_label(), trap, item.function, item.index});
    return stubs_.back().label;
  }

  // ---- Calls keep what is read after them

  void restart_spans() {
    for (auto& n : next_gpr_) n = 0;
    for (auto& n : next_fpr_) n = 0;
  }
  template <typename F>
  void for_each_live(const std::vector<PinSpan>& spans, std::size_t& next, F f) {
    const auto here = static_cast<std::uint32_t>(2 * at_);
    while (next < spans.size() && spans[next].last < here) ++next;
    if (next < spans.size() && spans[next].first < here && spans[next].last > here) f(spans[next].value);
  }
  // A register holds one value at a time, though spans of several may overlap: the one that was written, or read, last
  // in the order of the code. If an older one could still be wanted, the two would have become one.
  std::uint32_t& held(const Value& v) {
    const std::size_t n = v.reg * std::size_t{2} + v.is_limit;
    if (n >= holds_.size()) holds_.resize(n + 1, kNoValue);
    return holds_[n];
  }
  void note_values(const Item& item) {
    const auto note = [&](std::uint32_t id) {
      if (id != kNoValue) held(analysis_.value(id)) = analysis_.find(id);
    };
    for (std::uint32_t n = 0; n < item.run_count; ++n) note(analysis_.run_value(item.run + n));
    for (std::size_t n = 4; n-- > 0;) note(item.value[n]);  // what is written stands first
    for (std::uint32_t n = item.run_count; n < item.run_count + item.result_count; ++n)
      note(analysis_.run_value(item.run + n));
  }
  void save_pins() {
    saved_.clear();
    for (int pin = Masm::kKeptGprs; pin < Masm::kGprs; ++pin)
      for_each_live(analysis_.gpr_spans(pin), next_gpr_[pin], [&](std::uint32_t id) {
        for (int n = 0; n < vm::kRegionCount; ++n)
          if (analysis_.base_pin(static_cast<Region>(n)) == pin) return;
        if (analysis_.seen_pin() == pin || held(analysis_.value(id)) != id) return;
        saved_.push_back({Place::gpr(pin), home(analysis_.value(id))});
        masm_.move(Scalar::U64, saved_.back().home, saved_.back().pin);
      });
    for (int pin = Masm::kKeptFprs; pin < Masm::kFprs; ++pin)
      for_each_live(analysis_.fpr_spans(pin), next_fpr_[pin], [&](std::uint32_t id) {
        if (held(analysis_.value(id)) != id) return;
        saved_.push_back({Place::fpr(pin), home(analysis_.value(id))});
        masm_.move(Scalar::F64, saved_.back().home, saved_.back().pin);
      });
  }
  // All but those that hold the item's results by now: a value that a loop carries lives before the call and behind it.
  void restore_pins(const Item& item) {
    for (const Saved& s : saved_) {
      bool is_result = false;
      for (std::uint32_t n = item.run_count; n < item.run_count + item.result_count; ++n)
        is_result |= place(analysis_.run_value(item.run + n)) == s.pin;
      if (!is_result) masm_.move(s.pin.is(Place::Kind::Fpr) ? Scalar::F64 : Scalar::U64, s.pin, s.home);
    }
    load_bases(Masm::kKeptGprs);
  }
  void load_bases(int first_pin) {
    for (int n = 0; n < vm::kRegionCount; ++n) {
      const auto region = static_cast<Region>(n);
      if (analysis_.base_pin(region) >= first_pin) masm_.load_base(Place::gpr(analysis_.base_pin(region)), region);
    }
    if (analysis_.seen_pin() >= first_pin) masm_.load_seen(Place::gpr(analysis_.seen_pin()));
  }

  // ---- Items

  // Whether nothing but the next item, a branch, wants to know what this one finds out.
  bool only_branched_on(const Item& item) const {
    if (at_ + 1 >= analysis_.items().size()) return false;
    const Item& next = analysis_.items()[at_ + 1];
    if (next.is_label || (next.action.kind != Kind::JumpIf && next.action.kind != Kind::JumpUnless &&
                          next.action.kind != Kind::WhileTest && next.action.kind != Kind::RepeatBool))
      return false;
    const Value& found = analysis_.value(item.value[0]);
    return found.defs == 1 && found.reads == 1 && analysis_.find(next.value[1]) == analysis_.find(item.value[0]);
  }
  bool is_loop_start(std::size_t at) const { return begins_loop(analysis_.items()[at - 1]); }
  bool is_unused(std::uint32_t id) const { return analysis_.value(id).reads == 0; }

  template <typename CalleeOf>
  void emit(const Item& item, CalleeOf callee_of) {
    const auto& v = item.value;
    const Scalar type = item.action.type;
    const Fields& row = fields(item.i.op);
    if (row.pure && !row.may_trap && item.action.kind != Kind::Enter && v[0] != kNoValue &&
        (is_unused(v[0]) || is_known(v[0])))
      return;
    const auto to_trap = [&](Trap t) { return row.may_trap ? trap(item, t) : Label(); };
    switch (item.action.kind) {
      case Kind::Enter:
        return emit_enter(item);
      case Kind::InlinedCall:
        if (options_.metered) masm_.charge(verified_.bounds[item.i.b].entry_fuel, trap(item, Trap::OutOfFuel));
        return clear_registers(item);
      case Kind::Meaning:
        return emit_meaning(item);
      case Kind::Return:
        return emit_return(item);
      case Kind::Trap:
        return masm_.jump(trap(item, static_cast<Trap>(item.i.a)));
      case Kind::Jump:
        if (item.target != at_ + 1) masm_.jump(label(item.target));
        return;
      case Kind::JumpIf:
      case Kind::JumpUnless:
        return branch(item, item.action.kind == Kind::JumpIf);
      case Kind::LoopBegin:
        return emit_loop_begin(item);
      case Kind::LoopEnter:
        return emit_loop_enter(item);
      case Kind::LoopNext:
        return masm_.loop_next(place(v[0]), place(v[3]), label(item.target));
      case Kind::LoopStep:
        return emit_loop_step(item);
      case Kind::WhileEnter:
        return emit_while_enter(item);
      case Kind::Repeat:
      case Kind::RepeatBool:
      case Kind::RepeatCompare:
        return emit_repeat(item);
      case Kind::JumpCompare:
        return masm_.branch_compare(static_cast<Condition>(item.action.detail), type, place(v[1]), third(item),
                                    item.action.when, label(item.target));
      case Kind::WhileBegin:
        return masm_.move(Scalar::U32, place(v[0]), Place::constant(0));
      case Kind::WhileTest:
        return emit_while_test(item);
      case Kind::WhileNext:
        return masm_.jump(label(item.target));
      case Kind::Call:
        return emit_call(item, callee_of);
      case Kind::CallIntrinsic:
        return emit_intrinsic(item);
      case Kind::Move:
      case Kind::LoopIndex:
        if (is_known(v[0]) || is_unused(v[0]) || analysis_.value(v[0]).same_as != kNoValue) return;
        return masm_.move(scalar_of(v[0]), place(v[0]), place(v[1]));
      case Kind::LoadImm:
        return masm_.move(type, place(v[0]),
                          Place::constant(vm::to_word(std::int64_t{static_cast<std::int16_t>(item.i.b)})));
      case Kind::Ref:
        return masm_.move(
            Scalar::U64, place(v[0]),
            Place::constant(verified_.references[analysis_.value(v[0]).type] | Word{slot_offset(item.i)}));
      case Kind::Load:
        return emit_load(item);
      case Kind::LoadReading:
        masm_.branch_zero_word(slot(Region::Input, std::uint32_t{item.i.b} * 8), trap(item, Trap::NoReading));
        return masm_.load_word(scalar_of(v[0]), place(v[0]), slot(Region::Input, std::uint32_t{item.i.c} * 8));
      case Kind::Store:
        return masm_.store_word(type, slot(Region::State, std::uint32_t{item.i.c} * 8), place(v[0]));
      case Kind::Integer:
        return masm_.int_op(static_cast<IntOp>(item.action.detail), type, place(v[0]), place(v[1]), third(item),
                            to_trap(Trap::Overflow));
      case Kind::Divide: {
        const Label zero = trap(item, Trap::DivideByZero);
        return masm_.int_divide(type, item.action.detail != 0, place(v[0]), place(v[1]), third(item), zero,
                                trap(item, Trap::Overflow));
      }
      case Kind::Unary:
        return masm_.int_unary(static_cast<IntUnary>(item.action.detail), type, place(v[0]), place(v[1]),
                               to_trap(Trap::Overflow));
      case Kind::Float:
        return masm_.float_op(static_cast<FloatOp>(item.action.detail), type, place(v[0]), place(v[1]), place(v[2]));
      case Kind::FloatOne:
        return masm_.float_unary(static_cast<FloatUnary>(item.action.detail), type, place(v[0]), place(v[1]));
      case Kind::MulAdd:
        return masm_.float_mul_add(item.action.detail != 0, type, place(v[0]), place(v[1]), place(v[2]));
      case Kind::IsNan:
        return masm_.is_nan(type, place(v[0]), place(v[1]));
      case Kind::Compare:
        if (only_branched_on(item)) return;  // the branch compares itself
        return masm_.compare(static_cast<Condition>(item.action.detail), type, place(v[0]), place(v[1]), place(v[2]));
      case Kind::Convert:
        return masm_.convert(item.i.op, place(v[0]), place(v[1]), to_trap(Trap::ConversionOutOfRange));
      case Kind::ArrayGet: {
        Address from = through(v[1]);
        if (!index(item, from, v[2], type_of(v[1]).capacity, type)) return;
        return masm_.load_element(type, place(v[0]), from);
      }
      case Kind::ArraySet: {
        Address to = through(v[0]);
        if (!index(item, to, v[1], type_of(v[0]).capacity, type)) return;
        if (to.region == Region::State) masm_.touch(to, seen());
        return masm_.store_element(type, to, place(v[2]));
      }
      case Kind::ListGet: {
        Address from = list_element(item, v[1], v[2], type);
        return masm_.load_element(type, place(v[0]), from);
      }
      case Kind::ListSet: {
        Address to = list_element(item, v[0], v[1], type);
        if (to.region == Region::State) masm_.touch(to, seen());
        return masm_.store_element(type, to, place(v[2]));
      }
      case Kind::ArrayEach:
      case Kind::ArrayFrom:
      case Kind::ArrayFill:
        return emit_array(item);
      case Kind::ArraySum:
        if (is_unused(v[0]) && !row.may_trap) return;
        return masm_.array_sum(type, place(v[0]), through(v[1]), type_of(v[1]).capacity, to_trap(Trap::Overflow));
      case Kind::Emit: {
        Argument fields[kMostEmittedFields];
        for (std::uint32_t n = 0; n < item.run_count; ++n) {
          const std::uint32_t id = analysis_.run_value(item.run + n);
          fields[n] = {scalar_of(id), place(id)};
        }
        return masm_.emit_row(item.i.a, {fields, item.run_count}, trap(item, Trap::OutputOverflow));
      }
      case Kind::ListLen:
        return masm_.load_word(Scalar::I64, place(v[0]), through(v[1]));
    }
  }

  void branch(const Item& item, bool when) { branch_on(item, when, label(item.target)); }
  void branch_on(const Item& item, bool when, Label to) {
    const Item& before = analysis_.items()[at_ - 1];
    if (!item.is_label && before.action.kind == Kind::Compare && compared_before(item)) {
      masm_.branch_compare(static_cast<Condition>(before.action.detail), before.action.type, place(before.value[1]),
                           place(before.value[2]), when, to);
      return;
    }
    masm_.branch_bool(place(item.value[1]), when, to);
  }
  bool compared_before(const Item& item) const {
    const Item& before = analysis_.items()[at_ - 1];
    const Value& found = analysis_.value(before.value[0]);
    return found.defs == 1 && found.reads == 1 && analysis_.find(item.value[1]) == analysis_.find(before.value[0]);
  }

  void clear_registers(const Item& item) {
    for (std::uint32_t n = 0; n < item.result_count; ++n) {
      const std::uint32_t id = analysis_.run_value(item.run + n);
      if (analysis_.value(id).reads != 0) clear(id);
    }
  }
  // A register at a function's start. A counter may be asked for its trips before its loop begins.
  void clear(std::uint32_t id) {
    const Value& v = analysis_.value(id);
    if (v.known != Known::Nothing || v.same_as != kNoValue) return;
    if (v.is_counter)
      masm_.move(Scalar::U32, place(id), Place::constant(0));
    else if (type_of(id).kind == vm::TypeKind::Scalar)
      masm_.move(scalar_of(id), place(id), Place::constant(0));
  }

  void emit_enter(const Item& item) {
    const vm::Function& f = module_.functions[item.function];
    for (std::uint32_t n = 0; n < item.result_count; ++n) {
      const std::uint32_t id = analysis_.run_value(item.run + n);
      const Value& v = analysis_.value(id);
      if (v.reads == 0) continue;
      if (n < f.param_count) {
        if (v.pin >= 0) masm_.move(scalar_of(id), place(id), home_word(v));
        continue;
      }
      clear(id);
    }
    load_bases(0);
  }

  void emit_return(const Item& item) {
    for (std::uint32_t n = 0; n < item.run_count; ++n) {
      const std::uint32_t id = analysis_.run_value(item.run + n);
      masm_.move(scalar_of(id), Place::memory(static_cast<std::int32_t>(n * 8)), place(id));
    }
    masm_.epilogue(used());
  }

  // Puts into the frame what a callee reads there.
  void put_home(std::uint32_t id) {
    const Value& own = analysis_.value(id);
    masm_.move(scalar_of(id), home_word(own), place(id));
  }
  void put_run_home(const Item& item) {
    for (std::uint32_t n = 0; n < item.run_count; ++n) put_home(analysis_.run_value(item.run + n));
  }

  void emit_meaning(const Item& item) {
    const vm::OpInfo& row = vm::info(item.i.op);
    for (std::size_t n = 0; n < 3; ++n)
      if (item.value[n] != kNoValue &&
          (row.operands[n].role == vm::Role::Read || row.operands[n].role == vm::Role::Update))
        put_home(item.value[n]);
    put_run_home(item);
    save_pins();
    const Label trapped = row.has(vm::MayTrap) ? trap(item, Trap::None) : Label();
    masm_.call_meaning(address(meaning(item.i.op)), item.i, static_cast<std::int32_t>(item.base * 8), trapped,
                       row.has(vm::MayTrap));
    restore_pins(item);
    for (std::size_t n = 0; n < 3; ++n) {
      if (item.value[n] == kNoValue ||
          (row.operands[n].role != vm::Role::Write && row.operands[n].role != vm::Role::Update))
        continue;
      const Value& v = analysis_.value(item.value[n]);
      if (v.pin >= 0) masm_.move(scalar_of(item.value[n]), place(item.value[n]), home_word(v));
    }
  }

  template <typename CalleeOf>
  void emit_call(const Item& item, CalleeOf callee_of) {
    const auto frame = static_cast<std::int32_t>((item.base + module_.functions[item.function].registers.size()) * 8);
    for (std::uint32_t n = 0; n < item.run_count; ++n) {
      const std::uint32_t id = analysis_.run_value(item.run + n);
      masm_.move(scalar_of(id), Place::memory(frame + static_cast<std::int32_t>(n * 8)), place(id));
    }
    if (options_.metered) masm_.charge(verified_.bounds[item.i.b].entry_fuel, trap(item, Trap::OutOfFuel));
    save_pins();
    const Callee callee = callee_of(static_cast<vm::FunctionId>(item.i.b));
    callee.code != nullptr ? masm_.call_function(callee.code, frame) : masm_.call_function(callee.label, frame);
    for (std::uint32_t n = 0; n < item.result_count; ++n) {
      const std::uint32_t id = analysis_.run_value(item.run + item.run_count + n);
      if (is_unused(id)) continue;
      masm_.move(scalar_of(id), place(id), Place::memory(frame + static_cast<std::int32_t>(n * 8)));
    }
    restore_pins(item);
  }

  void emit_intrinsic(const Item& item) {
    const vm::IntrinsicDesc& desc = intrinsics_[item.i.b];
    const std::uint32_t result_id = item.result_count == 0 ? kNoValue : analysis_.run_value(item.run + item.run_count);
    const Place result = result_id == kNoValue || is_unused(result_id) ? Place{} : place(result_id);
    if (desc.direct == nullptr) {
      put_run_home(item);
      save_pins();
      masm_.call_intrinsic(address(desc.function), static_cast<std::int32_t>((item.base + item.i.c) * 8), desc.result,
                           result, trap(item, Trap::None));
    } else {
      Argument arguments[vm::kMaxIntrinsicParams];
      for (std::uint32_t n = 0; n < item.run_count; ++n) {
        const std::uint32_t id = analysis_.run_value(item.run + n);
        arguments[n] = {scalar_of(id), place(id)};
      }
      save_pins();
      masm_.call_direct(address(desc.direct), desc.takes_context, {arguments, item.run_count}, desc.may_trap,
                        desc.result, result, desc.may_trap ? trap(item, Trap::None) : Label());
    }
    restore_pins(item);
  }

  void emit_loop_begin(const Item& item) {
    const auto& v = item.value;
    if (!is_known(v[3])) {
      const std::uint32_t most = vm::Reference{verified_.references[item.i.c]}.capacity();
      masm_.trip_count(place(v[3]), place(v[1]), most, trap(item, Trap::TripLimit));
    }
    if (!is_known(v[0])) masm_.move(Scalar::U32, place(v[0]), Place::constant(0));
  }
  void emit_loop_step(const Item& item) {
    const Value& stepped = analysis_.value(item.value[2]);
    const Place at = place(item.value[2]);
    if (is_known(item.value[0])) return masm_.step_next(at, stepped.end, label(item.target));
    if (!is_unused(item.value[2])) masm_.int_op(IntOp::Add, Scalar::U64, at, at, Place::constant(1), Label());
    masm_.loop_next(place(item.value[0]), place(item.value[3]), label(item.target));
  }
  void emit_while_enter(const Item& item) {
    if (type_of(item.value[0]).capacity == 0) return masm_.jump(trap(item, Trap::WhileLimit));
    if (options_.metered) masm_.charge(trip_fuel(item), trap(item, Trap::OutOfFuel));
    masm_.move(Scalar::U32, place(item.value[0]), Place::constant(0));
  }
  void emit_repeat(const Item& item) {
    const auto& v = item.value;
    const bool when = item.action.when;
    const Label out = masm_.new_label();
    if (item.action.kind == Kind::RepeatCompare)
      masm_.branch_compare(static_cast<Condition>(item.action.detail), item.action.type, place(v[1]), third(item),
                           !when, out);
    else if (item.action.kind == Kind::RepeatBool)
      branch_on(item, !when, out);
    const std::uint32_t most = type_of(v[3]).capacity;
    if (options_.metered) {
      // The last trip is refused before its fuel is charged.
      const Label again = masm_.new_label();
      masm_.loop_next(place(v[3]), Place::constant(most), again);
      masm_.jump(trap(item, Trap::WhileLimit));
      masm_.bind(again);
      masm_.charge(verified_.bounds[item.function].trip_fuel[analysis_.items()[item.target - 1].i.a],
                   trap(item, Trap::OutOfFuel));
      masm_.jump(label(item.target));
    } else {
      masm_.loop_next(place(v[3]), Place::constant(most), label(item.target));
      masm_.jump(trap(item, Trap::WhileLimit));
    }
    masm_.bind(out);
  }
  std::uint64_t trip_fuel(const Item& item) const { return verified_.bounds[item.function].trip_fuel[item.i.a]; }
  void emit_loop_enter(const Item& item) {
    const Place limit = place(item.value[3]);
    if (limit == Place::constant(0)) return masm_.jump(label(item.target));
    if (!limit.is(Place::Kind::Constant))
      masm_.branch_compare(Condition::Eq, Scalar::U32, limit, Place::constant(0), true, label(item.target));
    if (options_.metered) masm_.charge_trips(trip_fuel(item), limit, trap(item, Trap::OutOfFuel));
  }
  void emit_while_test(const Item& item) {
    branch(item, false);
    masm_.count_trip(place(item.value[0]), type_of(item.value[0]).capacity, trap(item, Trap::WhileLimit));
    if (options_.metered) masm_.charge(trip_fuel(item), trap(item, Trap::OutOfFuel));
  }

  void emit_load(const Item& item) {
    const std::uint32_t to = item.value[0];
    const auto region = static_cast<Region>(item.i.b);
    const std::uint32_t offset = std::uint32_t{item.i.c} * 8;
    if (is_unused(to)) return;
    if (region == Region::Const && !options_.blind)
      return masm_.move(scalar_of(to), place(to),
                        Place::constant(vm::semantics::load_word(module_.const_image.data() + offset)));
    masm_.load_word(scalar_of(to), place(to), slot(region, offset));
  }

  // ---- Arrays and lists (compiler_arrays.h)

  Elements elements(std::uint32_t id) const;
  void touch_array(const Address& array, std::uint32_t bytes);
  void emit_array(const Item& item);
  bool index(const Item& item, Address& address, std::uint32_t id, std::uint32_t capacity, Scalar type);
  Address list_element(const Item& item, std::uint32_t list, std::uint32_t id, Scalar type);

  const vm::VerifiedModule& verified_;
  const vm::Module& module_;
  vm::IntrinsicTable intrinsics_;
  CompilerOptions options_;
  Masm& masm_;
  Analysis analysis_;
  std::size_t at_ = 0;
  std::vector<Label> labels_;  // by item
  std::vector<Stub> stubs_;
  std::vector<Saved> saved_;
  std::vector<std::uint32_t> holds_;  // by register: the value that it holds where at_ is; limits at odd places
  std::size_t next_gpr_[Masm::kGprs + 1] = {}, next_fpr_[Masm::kFprs + 1] = {};
};

}  // namespace eyeflow::jit

#include "jit/baseline/compiler_arrays.h"
