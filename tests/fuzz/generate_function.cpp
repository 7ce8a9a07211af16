#include "tests/fuzz/generate_function.h"

#include <algorithm>
#include <map>
#include <span>

#include "vm/module/verify_internal.h"

namespace eyeflow::vm::test {
namespace {

std::uint16_t& field(Instruction& i, std::size_t n) { return n == 0 ? i.a : n == 1 ? i.b : i.c; }
bool is_reference(const Type& type) { return vm::is_reference(type.kind); }

// A branch whose target is not known yet.
struct Pending {
  std::size_t at, field;
};

struct OpenLoop {
  std::vector<Pending> breaks, continues;
};

constexpr std::uint32_t kFewTrips = 4;

// What an instruction can be used for, from its row.
struct Uses {
  std::vector<Op> operations, branches, repeats;
  Op push[kScalarCount] = {};  // onto a list, by its element

  Uses() {
    for (std::size_t n = 0; n < kOpCount; ++n) {
      const auto op = static_cast<Op>(n);
      const OpInfo& row = info(op);
      const auto& [a, b, c] = row.operands;
      if (row.cls != OpClass::Flow) operations.push_back(op);
      if (a.role == Role::Target && !row.has(Ends)) branches.push_back(op);
      if (repeats_while(op)) repeats.push_back(op);
      if (a.match == Match::List && a.writable && b.role == Role::Read && b.match == Match::Exact)
        push[static_cast<std::size_t>(a.scalar)] = op;
    }
  }
};
const Uses& uses() {
  static const Uses found;
  return found;
}

class FunctionMaker {
 public:
  FunctionMaker(Random& random, const Module& module, IntrinsicTable intrinsics)
      : random_(random), m_(module), intrinsics_(intrinsics) {
    for (const Slot& slot : m_.slots)
      if (is_reference(*m_.type(slot.type)) && std::ranges::find(reference_types_, slot.type) == reference_types_.end())
        reference_types_.push_back(slot.type);
    for (std::size_t n = 0; n < m_.types.size(); ++n)
      if (m_.types[n].kind == TypeKind::View) reference_types_.push_back(static_cast<TypeId>(kFirstModuleType + n));
    for (std::size_t n = 0; n < m_.types.size(); ++n)
      if (m_.types[n].kind == TypeKind::Counter) counter_types_.push_back(static_cast<TypeId>(kFirstModuleType + n));
  }

  Function make(bool plain) {
    f_.name = "f" + std::to_string(m_.functions.size());
    careful_ = random_.chance(80);
    if (!plain) signature();
    const std::uint32_t shape = random_.below(100);
    if (shape < 30) {  // short ones are what compiled code puts into their callers
      load_something(1 + random_.below(3));
      for (std::uint32_t n = 1 + random_.below(4); n > 0; --n) operation(random_.one_of(uses().operations));
      if (random_.chance(30)) branches(3);
    } else {
      load_something(kScalarCount - 1);
      block(0, shape == 99 ? 150 + random_.below(250) : 12 + random_.below(20));
    }
    leave();
    return std::move(f_);
  }

 private:
  // ---- Registers
  // -------------------------------------------------------------------------------------------------------

  std::uint16_t new_register(TypeId type) {
    const auto reg = static_cast<std::uint16_t>(f_.registers.size());
    f_.registers.push_back(type);
    of_type_[type].push_back(reg);
    return reg;
  }
  std::uint16_t any_register(TypeId type) {
    const auto& known = of_type_[type];
    return known.empty() || random_.chance(15) ? new_register(type) : random_.one_of(known);
  }
  // One that is set: a parameter, or set right here.
  std::uint16_t reference(TypeId type) {
    std::vector<std::uint16_t> given;
    for (std::uint16_t n = 0; n < f_.param_count; ++n)
      if (f_.registers[n] == type) given.push_back(n);
    if (!given.empty() && random_.chance(50)) return random_.one_of(given);
    const std::uint16_t reg = any_register(type);
    set_reference(reg);
    return reg;
  }
  void set_reference(std::uint16_t reg) {
    const TypeId type = f_.registers[reg];
    if (const Type view = *m_.type(type); view.kind == TypeKind::View) {
      Type list = view;
      list.kind = TypeKind::List;
      const auto at = std::ranges::find(m_.types, list) - m_.types.begin();
      const std::uint16_t of = reference(static_cast<TypeId>(kFirstModuleType + at));
      if (random_.chance(70)) fill_list(of, Op::ListLen);
      f_.code.push_back({Op::ViewList, reg, of});
      return;
    }
    const std::uint16_t word = word_of([&](const Slot& slot) { return slot.type == type; });
    const bool begins_page = word % (kPageBytes / 8) == 0 && random_.chance(50);
    f_.code.push_back(begins_page
                          ? Instruction{Op::RefPage, reg, type, static_cast<std::uint16_t>(word * 8 / kPageBytes)}
                          : Instruction{Op::Ref, reg, type, word});
  }
  std::uint16_t readable(TypeId type) { return is_reference(*m_.type(type)) ? reference(type) : any_register(type); }

  TypeId any_scalar() { return static_cast<TypeId>(1 + random_.below(kScalarCount - 1)); }
  TypeId any_crossing() { return random_.chance(70) ? any_scalar() : random_.one_of(reference_types_); }

  // The registers of a call, an emit or a return: a run of fresh ones, filled from others.
  std::uint16_t fresh_run(const std::vector<TypeId>& types) {
    if (types.empty()) return 0;
    const auto first = static_cast<std::uint16_t>(f_.registers.size());
    std::vector<std::uint16_t> from;
    for (const TypeId type : types) {
      const auto& known = of_type_[type];
      from.push_back(known.empty() ? first : random_.one_of(known));
    }
    for (const TypeId type : types) new_register(type);
    for (std::size_t n = 0; n < types.size(); ++n) {
      const auto reg = static_cast<std::uint16_t>(first + n);
      if (is_reference(*m_.type(types[n])))
        set_reference(reg);
      else if (f_.registers[from[n]] == types[n])
        f_.code.push_back({Op::Move, reg, from[n]});
    }
    return first;
  }

  template <typename Fits>
  std::uint16_t word_of(Fits fits) {
    std::vector<std::uint16_t> words;
    for (const Slot& slot : m_.slots)
      if (fits(slot)) words.push_back(static_cast<std::uint16_t>(slot.offset / 8));
    return random_.one_of(words);
  }

  // ---- One value or memory instruction, a call, an emit: by the operands' roles
  // ------------------------------------------------

  void operation(Op op) {
    const OpInfo& row = info(op);
    Instruction i{op};
    const std::uint16_t callee =
        m_.functions.empty()
            ? 0
            : static_cast<std::uint16_t>(random_.below(static_cast<std::uint32_t>(m_.functions.size())));
    const std::uint16_t intrinsic =
        intrinsics_.empty() ? 0
                            : static_cast<std::uint16_t>(random_.below(static_cast<std::uint32_t>(intrinsics_.size())));
    if ((op == Op::Call && m_.functions.empty()) || (op == Op::CallIntrinsic && intrinsics_.empty())) return;
    if (op == Op::Call) i.b = callee;
    if (op == Op::CallIntrinsic) i.b = intrinsic;
    for (std::size_t n = 0; n < row.operands.size(); ++n) operand(row, n, i);
    f_.code.push_back(i);
  }

  void operand(const OpInfo& row, std::size_t n, Instruction& i) {
    const Operand& operand = row.operands[n];
    std::uint16_t& value = field(i, n);
    const bool whole = row.cost_per_four_elements() > 0;  // on each element
    const TypeId a = n > 0 && i.a < f_.registers.size() ? f_.registers[i.a] : TypeId{0};
    switch (operand.role) {
      case Role::None:
      case Role::Counter:
      case Role::Target:
      case Role::BackTarget:
      case Role::Function:
      case Role::Intrinsic:
        return;
      case Role::Alarm:
        value = static_cast<std::uint16_t>(random_.below(static_cast<std::uint32_t>(m_.alarms.size())));
        return;
      case Role::Write:
      case Role::Update:
        value = any_register(type_for(operand, a));
        return;
      case Role::Read:
        value = readable(type_for(operand, a));
        if (!row.has(MayTrap) || (careful_ ? random_.chance(1) : random_.chance(10))) return;
        if (m_.type(f_.registers[value])->kind == TypeKind::List) return fill_list(value, i.op);
        if (m_.type(f_.registers[value])->kind == TypeKind::Array && whole) clamp(value);
        if (whole && is_checked(f_.registers[value]))
          value = tame(value, row, 1);
        else if (operand.match == Match::AnyIndex)
          value = small_index(value, *m_.type(f_.registers[n == 1 ? i.a : i.b]));
        else if (row.cls == OpClass::Value)
          value = random_.chance(85) || f_.registers[value] != type_id(Scalar::I64) ? tame(value, row, n)
                                                                                    : small_constant(value);
        return;
      case Role::Registers:
        value = fresh_run(run_types(operand.block, i));
        return;
      case Role::Imm:
        value =
            static_cast<std::uint16_t>(random_.chance(60) || row.has(MayTrap) ? random_.below(10) + 1 : random_.next());
        if (random_.chance(5)) value = static_cast<std::uint16_t>(random_.next());
        if (random_.chance(25)) {
          constexpr std::uint16_t kEdges[] = {0xFFFF, 0x7FFF, 0x8000, 7, 8, 15, 16, 31, 32, 63, 64, 255, 256};
          value = random_.one_of(std::span(kEdges));
        }
        if (random_.chance(row.has(MayTrap) && careful_ ? 0 : 2)) value = 0;
        return;
      case Role::TrapCode:
        value = static_cast<std::uint16_t>(1 + random_.below(kTrapCount - 1));
        return;
      case Role::Output:
        value = static_cast<std::uint16_t>(random_.below(static_cast<std::uint32_t>(m_.outputs.size())));
        return;
      case Role::Region: {
        std::vector<std::uint16_t> regions;
        for (const Slot& slot : m_.slots)
          if (slot.type == a) regions.push_back(static_cast<std::uint16_t>(slot.region));
        value = random_.one_of(regions);
        return;
      }
      case Role::SlotOfA:
        value = word_of([&](const Slot& s) { return s.type == a && static_cast<std::uint16_t>(s.region) == i.b; });
        return;
      case Role::SlotReady:
        value = word_of([](const Slot& s) { return s.kind == SlotKind::InputReady; });
        return;
      case Role::SlotInput:
        value = word_of([&](const Slot& s) { return s.type == a && s.region == Region::Input; });
        return;
      case Role::SlotState:
        value = word_of([&](const Slot& s) { return s.type == a && s.region == Region::State; });
        return;
      case Role::SlotRef:
        value = word_of([&](const Slot& s) { return s.type == a; });
        return;
      case Role::SlotPage: {
        const auto at =
            std::ranges::find_if(m_.slots, [&](const Slot& s) { return s.type == a && s.offset % kPageBytes == 0; });
        if (at != m_.slots.end()) {
          value = static_cast<std::uint16_t>(at->offset / kPageBytes);
        } else {
          i.op = Op::Ref;
          value = word_of([&](const Slot& s) { return s.type == a; });
        }
        return;
      }
      case Role::TypeOfA:
        value = a;
        return;
      case Role::ElementBytes:
        value = static_cast<std::uint16_t>(size_bytes(m_.type(a)->element));
        return;
    }
  }

  // ---- Most programs should get far: what an instruction might trap on is mostly made harmless before it, by numbers
  // that compiled code does not know.

  std::uint16_t made(Op op, TypeId to, std::uint16_t b, std::uint16_t c = 0) {
    const std::uint16_t reg = any_register(to);
    f_.code.push_back({op, reg, b, c});
    return reg;
  }
  std::uint16_t small_constant(std::uint16_t reg) {
    f_.code.push_back({Op::LoadImm, reg, static_cast<std::uint16_t>(1 + random_.below(3))});
    return reg;
  }
  // 0 … most, in an i64
  std::uint16_t small_number(std::uint32_t most) {
    const TypeId u8 = type_id(Scalar::U8);
    const std::uint16_t low = made(Op::ModImmU8, u8, any_register(u8), static_cast<std::uint16_t>(most + 1));
    return made(Op::I64FromU8, type_id(Scalar::I64), low);
  }
  std::uint16_t small_index(std::uint16_t reg, const Type& of) {
    const bool sure = of.kind == TypeKind::Array || random_.chance(careful_ ? 1 : 8);
    const auto below = static_cast<std::uint16_t>(sure ? 1 + random_.below(std::min(of.capacity, 60u)) : 1);
    switch (m_.type(f_.registers[reg])->element) {
      case Scalar::U8:
        return made(Op::ModImmU8, f_.registers[reg], reg, below);
      case Scalar::U16:
        return made(Op::ModImmU16, f_.registers[reg], reg, below);
      case Scalar::U32:
        return made(Op::ModImmU32, f_.registers[reg], reg, below);
      case Scalar::U64:
        return made(Op::ModImmU64, f_.registers[reg], reg, below);
      case Scalar::I32:
        return made(Op::I32FromI64, f_.registers[reg], small_number(below - 1u));
      default:
        if (random_.chance(70)) return small_number(below - 1u);
        f_.code.push_back({Op::LoadImm, reg, static_cast<std::uint16_t>(below - 1)});
        return reg;
    }
  }
  // A number of the register's type that the row takes without a trap, as far as one number decides that.
  std::uint16_t tame(std::uint16_t reg, const OpInfo& row, std::size_t n) {
    const bool divides = n == 2;
    const TypeId type = f_.registers[reg], u8 = type_id(Scalar::U8), i32 = type_id(Scalar::I32),
                 i64 = type_id(Scalar::I64);
    const auto narrow = [&](bool not_zero) {
      const std::uint16_t low = any_register(u8);
      return made(Op::I64FromU8, i64, not_zero ? made(Op::OrImmU8, u8, low, 1) : low);
    };
    switch (m_.type(type)->element) {
      case Scalar::I64:
        if (divides || row.operands[0].scalar == Scalar::I32 || random_.chance(40)) return narrow(divides);
        return n == 1 && random_.chance(50) ? made(Op::I64FromU32, i64, any_register(type_id(Scalar::U32)))
                                            : made(Op::I64FromI32, i64, any_register(i32));
      case Scalar::I32:
        return made(Op::I32FromI64, type, narrow(divides));
      case Scalar::U8:
        return divides ? made(Op::OrImmU8, type, reg, 1) : reg;
      case Scalar::U16:
        return divides ? made(Op::OrImmU16, type, reg, 1) : reg;
      case Scalar::U32:
        return divides ? made(Op::OrImmU32, type, reg, 1) : reg;
      case Scalar::U64:
        return divides ? made(Op::OrImmU64, type, reg, 1) : made(Op::ShrImmU64, type, reg, 1);
      case Scalar::F64: {
        const std::uint16_t whole = made(Op::F64FromI64, type, made(Op::I64FromI32, i64, any_register(i32)));
        const std::uint16_t by = new_register(type);
        f_.code.push_back({Op::F64FromI64, by, narrow(true)});
        return made(Op::DivF64, type, whole, by);
      }
      default:
        return reg;
    }
  }
  bool is_checked(TypeId type) const { return type == type_id(Scalar::I64) || type == type_id(Scalar::I32); }
  // Elements of which no sum and no product is too large.
  void clamp(std::uint16_t array) {
    const Type& type = *m_.type(f_.registers[array]);
    if (!is_writable(type.region) || !is_checked(type_id(type.element)) || random_.chance(careful_ ? 2 : 20)) return;
    const bool wide = type.element == Scalar::I64;
    const std::uint16_t most = new_register(type_id(type.element));
    const std::uint16_t number = new_register(type_id(Scalar::I64));
    f_.code.push_back({Op::LoadImm, number, static_cast<std::uint16_t>(random_.below(32767))});
    f_.code.push_back(wide ? Instruction{Op::Move, most, number} : Instruction{Op::I32FromI64, most, number});
    f_.code.push_back({wide ? Op::ArrayMinScalarI64 : Op::ArrayMinScalarI32, array, array, most});
    f_.code.push_back({wide ? Op::NegI64 : Op::NegI32, most, most});
    f_.code.push_back({wide ? Op::ArrayMaxScalarI64 : Op::ArrayMaxScalarI32, array, array, most});
  }
  // Room in it, and mostly something.
  void fill_list(std::uint16_t list, Op op) {
    const Type& type = *m_.type(f_.registers[list]);
    if (!is_writable(type.region) || random_.chance(careful_ ? 2 : 15)) return;
    f_.code.push_back({Op::ListClear, list});
    const bool pushes = uses().push[static_cast<std::size_t>(type.element)] == op;
    std::uint32_t most = std::min(type.capacity, 3u);
    if (pushes && careful_) --most;
    for (std::uint32_t n = most > 0 && random_.chance(careful_ ? 98 : 95) ? 1 + random_.below(most) : 0; n > 0; --n)
      f_.code.push_back(
          {uses().push[static_cast<std::size_t>(type.element)], list, any_register(type_id(type.element))});
  }

  // Some type that the operand takes, in the words of the verifier.
  TypeId type_for(const Operand& operand, TypeId a) {
    if (operand.match == Match::AnyIndex && random_.chance(60)) return type_id(Scalar::I64);
    const bool depends =
        operand.match == Match::SameAsA || operand.match == Match::LikeA || operand.match == Match::ListOfA;
    std::vector<TypeId>& fitting =
        fitting_[static_cast<std::size_t>(operand.match)][static_cast<std::size_t>(operand.scalar)][operand.writable];
    if (depends || fitting.empty()) find_fitting(operand, a, fitting);
    TypeId chosen = random_.one_of(fitting);
    // Lists in scratch start empty: most ways to use them trap.
    for (int tries = 0;
         tries < 3 && m_.type(chosen)->kind == TypeKind::List && m_.type(chosen)->region == Region::Scratch; ++tries)
      chosen = random_.one_of(fitting);
    return chosen;
  }

  void find_fitting(const Operand& operand, TypeId a, std::vector<TypeId>& fitting) const {
    fitting.clear();
    const auto see = [&](TypeId id) {
      const Type& type = *m_.type(id);
      if (!verify_detail::matches(operand, id, type, a, m_.type(a))) return;
      if (!operand.writable || is_writable(type.region)) fitting.push_back(id);
    };
    for (TypeId id = 1; id < kScalarCount; ++id) see(id);
    for (const TypeId id : reference_types_) see(id);
    for (const TypeId id : counter_types_) see(id);
  }

  std::vector<TypeId> run_types(Block block, const Instruction& i) {
    std::vector<TypeId> types;
    switch (block) {
      case Block::None:
        break;
      case Block::Results:
        return f_.results;
      case Block::CalleeResults:
        return m_.functions[i.b].results;
      case Block::CalleeParams: {
        const Function& callee = m_.functions[i.b];
        return {callee.registers.begin(), callee.registers.begin() + callee.param_count};
      }
      case Block::IntrinsicResult:
        if (intrinsics_[i.b].result != Scalar::Void) types.push_back(type_id(intrinsics_[i.b].result));
        break;
      case Block::IntrinsicParams:
        for (std::size_t n = 0; n < intrinsics_[i.b].param_count; ++n)
          types.push_back(type_for(intrinsics_[i.b].params[n], types.empty() ? TypeId{0} : types[0]));
        break;
      case Block::OutputFields:
        for (const Field& field : m_.outputs[i.a].fields) types.push_back(field_type(field));
        break;
    }
    return types;
  }

  TypeId field_type(const Field& field) {
    const Type& declared = *m_.type(field.type);
    if (declared.kind == TypeKind::Scalar) return field.type;
    std::vector<TypeId> fitting;
    for (const TypeId id : reference_types_)
      if (m_.type(id)->kind == declared.kind && m_.type(id)->capacity <= declared.capacity) fitting.push_back(id);
    return random_.one_of(fitting);
  }

  // ---- Flow
  // --------------------------------------------------------------------------------------------------------------

  void signature() {
    for (std::uint32_t n = random_.below(4); n > 0; --n) new_register(any_crossing());
    f_.param_count = static_cast<std::uint16_t>(f_.registers.size());
    for (std::uint32_t n = random_.below(3); n > 0; --n) f_.results.push_back(any_crossing());
  }

  void load_something(std::uint32_t count) {
    for (std::uint32_t n = 0; n < count; ++n) {
      const auto type = static_cast<TypeId>(count < kScalarCount - 1 ? any_scalar() : 1 + n);
      Instruction i{Op::Load, new_register(type)};
      operand(info(Op::Load), 1, i);
      operand(info(Op::Load), 2, i);
      f_.code.push_back(i);
    }
  }

  void leave() {
    Instruction i{Op::Return};
    operand(info(Op::Return), 0, i);
    f_.code.push_back(i);
  }

  std::size_t here() const { return f_.code.size(); }
  void land(const Pending& branch) {
    field(f_.code[branch.at], branch.field) = static_cast<std::uint16_t>(here() - branch.at);
  }
  void land(const std::vector<Pending>& branches) {
    for (const Pending& branch : branches) land(branch);
  }
  Pending branch(Op op, std::size_t target_field, Instruction i) {
    i.op = op;
    f_.code.push_back(i);
    return {here() - 1, target_field};
  }
  // Forward, on any condition.
  Pending any_branch() {
    Instruction i{random_.one_of(uses().branches)};
    operands_behind_target(i);
    f_.code.push_back(i);
    return {here() - 1, 0};
  }
  void operands_behind_target(Instruction& i) {
    for (std::size_t n = 1; n < 3; ++n) operand(info(i.op), n, i);
  }
  std::uint16_t condition() { return any_register(type_id(Scalar::Bool)); }

  void block(int depth, std::uint32_t statements) {
    for (; statements > 0; --statements) {
      const std::uint32_t what = random_.below(100);
      if (what < 75)
        operation(random_.one_of(uses().operations));
      else if (what < 81)
        operation(Op::CallIntrinsic);
      else if (what < 86)
        call(depth);
      else if (what < 90 && depth < 4)
        branches(depth);
      else if (what < 96 && depth < 4)
        loop(depth);
      else if (what < 98 && !loops_.empty())
        jump_out();
      else if (what == 98)
        leave_early();
    }
  }

  // At most once in a loop's body, or the bounds of nested calls in nested loops multiply out of hand.
  void call(int depth) {
    if (loops_.size() <= 1 && depth < 3) operation(Op::Call);
  }

  void branches(int depth) {
    const Pending other = any_branch();
    block(depth + 1, 1 + random_.below(4));
    if (random_.chance(50)) return land(other);
    const Pending both = branch(Op::Jump, 0, {.op = {}});
    land(other);
    block(depth + 1, 1 + random_.below(4));
    land(both);
  }

  void loop(int depth) {
    // Many trips only where no other loop multiplies them.
    TypeId type = random_.one_of(counter_types_);
    while (m_.type(type)->capacity > kFewTrips && (!loops_.empty() || random_.chance(50)))
      type = random_.one_of(counter_types_);
    const std::uint16_t counter = new_register(type);
    if (random_.chance(40)) return counted_loop(depth, type, counter);
    random_.chance(20) ? while_loop(depth, type, counter) : repeated_loop(depth, type, counter);
  }

  void counted_loop(int depth, TypeId type, std::uint16_t counter) {
    const std::uint32_t most = m_.type(type)->capacity;
    std::uint16_t trips = any_register(type_id(Scalar::I64));
    if (random_.chance(50))
      f_.code.push_back({Op::LoadImm, trips, static_cast<std::uint16_t>(random_.below(most + 1))});
    else if (random_.chance(careful_ ? 98 : 85))
      trips = small_number(most);
    f_.code.push_back({Op::LoopBegin, counter, trips, type});
    const Pending skip = branch(Op::LoopEnter, 1, {.op = {}, .a = counter});
    const std::size_t first = here();
    loops_.push_back({});
    block(depth + 1, 1 + random_.below(6));
    if (random_.chance(50))
      end_loop({.op = Op::LoopNext, .a = counter}, first);
    else
      end_loop({.op = Op::LoopStep, .a = counter, .c = any_register(type_id(Scalar::I64))}, first);
    land(skip);
    end_breaks();
  }

  void while_loop(int depth, TypeId type, std::uint16_t counter) {
    f_.code.push_back({Op::WhileBegin, counter, type});
    const std::size_t first = here();
    loops_.push_back({});
    const std::uint16_t b = while_condition(type, counter);
    const Pending exit = branch(Op::WhileTest, 2, {.op = {}, .a = counter, .b = b});
    block(depth + 1, 1 + random_.below(6));
    end_loop({.op = Op::WhileNext, .a = counter}, first);
    land(exit);
    end_breaks();
  }

  // The test stands at the end; mostly the loop is left before its trips are used up.
  void repeated_loop(int depth, TypeId type, std::uint16_t counter) {
    f_.code.push_back({Op::WhileEnter, counter, type});
    const std::size_t first = here();
    loops_.push_back({});
    block(depth + 1, 1 + random_.below(6));
    if (random_.chance(careful_ ? 98 : 85))
      loops_.back().breaks.push_back(branch(Op::JumpIf, 0, {.op = {}, .b = last_trip(type, counter)}));
    end_loop({.op = random_.one_of(uses().repeats)}, first);
    end_breaks();
  }
  std::uint16_t last_trip(TypeId type, std::uint16_t counter) {
    const std::uint16_t b = condition(), index = new_register(type_id(Scalar::I64)),
                        most = new_register(type_id(Scalar::I64));
    f_.code.push_back({Op::LoopIndex, index, counter});
    f_.code.push_back({Op::LoadImm, most, static_cast<std::uint16_t>(random_.below(m_.type(type)->capacity))});
    f_.code.push_back({Op::LeI64, b, most, index});
    return b;
  }

  // Mostly one that ends before the trips are used up.
  std::uint16_t while_condition(TypeId type, std::uint16_t counter) {
    const std::uint16_t b = condition();
    if (random_.chance(careful_ ? 3 : 20)) return b;
    const std::uint16_t index = new_register(type_id(Scalar::I64)), most = new_register(type_id(Scalar::I64));
    f_.code.push_back({Op::LoopIndex, index, counter});
    f_.code.push_back({Op::LoadImm, most, static_cast<std::uint16_t>(random_.below(m_.type(type)->capacity + 1))});
    f_.code.push_back({Op::LtI64, b, index, most});
    return b;
  }

  // `i` lacks where it goes back to, and, when it asks something, what.
  void end_loop(Instruction i, std::size_t first) {
    land(loops_.back().continues);
    if (repeats_while(i.op)) operands_behind_target(i);
    (repeats_while(i.op) ? i.a : i.b) = static_cast<std::uint16_t>(here() - first);
    f_.code.push_back(i);
  }
  void end_breaks() {
    land(loops_.back().breaks);
    loops_.pop_back();
  }

  // break out of any loop around, or continue of the innermost
  void jump_out() {
    const Pending away = any_branch();
    if (random_.chance(40))
      loops_.back().continues.push_back(away);
    else
      loops_[random_.below(static_cast<std::uint32_t>(loops_.size()))].breaks.push_back(away);
  }

  void leave_early() {
    const Pending stay = branch(Op::JumpUnless, 0, {.op = {}, .b = condition()});
    if (random_.chance(careful_ ? 95 : 60))
      leave();
    else
      operation(Op::Trap);
    land(stay);
  }

  Random& random_;
  const Module& m_;
  IntrinsicTable intrinsics_;
  Function f_;
  std::map<TypeId, std::vector<std::uint16_t>> of_type_;
  std::vector<TypeId> reference_types_, counter_types_;
  static constexpr std::size_t kMatches = static_cast<std::size_t>(Match::ListOfA) + 1;
  std::vector<TypeId> fitting_[kMatches][kScalarCount][2];  // by Operand: match, scalar, writable
  std::vector<OpenLoop> loops_;
  bool careful_ = true;  // hardly ever in the way of a trap
};

}  // namespace

Function generate_function(Random& random, const Module& module, IntrinsicTable intrinsics, bool plain) {
  return FunctionMaker(random, module, intrinsics).make(plain);
}

}  // namespace eyeflow::vm::test
