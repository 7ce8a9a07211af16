#include <algorithm>
#include <optional>

#include "vm/module/verify_internal.h"
#include "vm/module/written_registers.h"

// One pass over a function's code, by the rows' operand roles alone; only the flow instructions that frame a loop are
// known by name.
namespace eyeflow::vm::verify_detail {
namespace {

constexpr std::uint32_t kNotYet = kNeverJumpedTo;

class CodeCheck {
 public:
  CodeCheck(Check& check, FunctionId id, CodeFacts& facts, FunctionBound& bound)
      : check_(check),
        m_(check.module),
        id_(id),
        f_(m_.functions[index(id)]),
        facts_(facts),
        bound_(bound),
        references_(f_.registers.size()),
        earliest_source_(f_.code.size(), kNotYet),
        counter_used_(f_.registers.size(), false) {}

  bool run() {
    const std::size_t params = std::min<std::size_t>(f_.param_count, f_.registers.size());
    for (std::size_t n = 0; n < params; ++n) references_.write_at_the_start(static_cast<std::uint16_t>(n));
    facts_.loop_of.reserve(f_.code.size());
    for (at_ = 0; at_ < f_.code.size(); ++at_)
      if (!check_instruction()) return false;
    return demand(Rule::LoopNesting, open_.empty(), [] { return std::string("a loop does not end"); });
  }

 private:
  template <typename Describe>
  bool demand(Rule rule, bool holds, Describe describe) {
    return check_.demand(rule, holds, [&] {
      std::string where = "function " + std::to_string(index(id_)) + " '" + f_.name + "'";
      if (at_ >= f_.code.size()) return where + ": " + describe();
      where += ", instruction " + std::to_string(at_);
      const Op op = f_.code[at_].op;
      if (static_cast<std::size_t>(op) < kOpCount) where += " '" + std::string(info(op).mnemonic) + "'";
      return where + ": " + describe();
    });
  }

  std::uint16_t field(int n) const {
    const Instruction& i = f_.code[at_];
    return n == 0 ? i.a : n == 1 ? i.b : i.c;
  }
  const Type* type_of(std::uint16_t reg) const {
    return reg < f_.registers.size() ? m_.type(f_.registers[reg]) : nullptr;
  }
  Loop* innermost() { return open_.empty() ? nullptr : &facts_.loops[open_.back()]; }

  bool check_instruction() {
    const Instruction& i = f_.code[at_];
    if (!check_label()) return false;
    facts_.loop_of.push_back(open_.empty() ? kNoLoop : open_.back());
    const bool known = static_cast<std::size_t>(i.op) < kOpCount;
    if (!demand(Rule::KnownOp, known,
                [&] { return "there is no instruction " + std::to_string(static_cast<unsigned>(i.op)); }))
      return false;
    if (!known) return true;
    const OpInfo& row = info(i.op);
    if (!check_after_loop_begin(i)) return false;
    // What is written counts as set only when all has been read.
    for (int n = 0; n < 3; ++n)
      if (!check_operand(row, n)) return false;
    for (int n = 0; n < 3; ++n) note_writes(row.operands[static_cast<std::size_t>(n)], n);
    if (row.has(Emits)) bound_.emits = true;
    return !row.has(Loops) || check_loop(i);
  }

  // ---- Branches
  // --------------------------------------------------------------------------------------------------------

  // At the place where branches arrive.
  bool check_label() {
    const std::uint32_t source = earliest_source_[at_];
    if (source == kNotYet) return true;
    references_.join(source);
    const Loop* loop = innermost();
    if (loop == nullptr) return true;
    if (!demand(Rule::IntoLoop, source > loop->begin, [&] {
          return "the branch at " + std::to_string(source) + " comes here, into a loop that it is not in";
        }))
      return false;
    return demand(Rule::WhileTestSkipped, loop->test == kNotYet || source >= loop->test, [&] {
      return "the branch at " + std::to_string(source) + " comes here, past the while.test at " +
             std::to_string(loop->test);
    });
  }

  bool check_target(std::uint16_t distance) {
    const std::size_t target = std::size_t{at_} + distance;
    const bool good = distance >= 1 && target < f_.code.size();
    if (!demand(Rule::Target, good, [&] { return "it goes " + std::to_string(distance) + " forward"; })) return false;
    if (good) earliest_source_[target] = std::min(earliest_source_[target], at_);
    return true;
  }

  // ---- Loops
  // -----------------------------------------------------------------------------------------------------------

  // loop.begin and loop.enter are one: between them the counter says nothing yet.
  bool check_after_loop_begin(const Instruction& i) {
    const bool behind_begin = at_ > 0 && f_.code[at_ - 1].op == Op::LoopBegin;
    const bool pair = behind_begin && i.op == Op::LoopEnter && i.a == f_.code[at_ - 1].a;
    return demand(Rule::LoopEnterPlace, pair || (!behind_begin && i.op != Op::LoopEnter),
                  [] { return std::string("loop.begin and loop.enter of one counter belong together"); });
  }

  bool check_loop(const Instruction& i) {
    switch (i.op) {
      case Op::LoopBegin:
      case Op::WhileBegin:
      case Op::WhileEnter:
        return open_loop(i.a);
      case Op::LoopEnter:
        return note_exit(i.b);
      case Op::WhileTest:
        return check_while_test(i);
      default:
        return close_loop(i);
    }
  }

  bool open_loop(std::uint16_t counter) {
    if (counter < counter_used_.size()) {
      if (!demand(Rule::CounterOnce, !counter_used_[counter],
                  [&] { return "register " + std::to_string(counter) + " already counts another loop"; }))
        return false;
      counter_used_[counter] = true;
    }
    if (!demand(Rule::LoopDepth, open_.size() < kMaxLoopDepth,
                [] { return std::string("too many loops within loops"); }))
      return false;
    const std::uint32_t parent = open_.empty() ? kNoLoop : open_.back();
    open_.push_back(static_cast<std::uint32_t>(facts_.loops.size()));
    facts_.loops.push_back({.begin = at_, .next = kNotYet, .test = kNotYet, .parent = parent, .counter = counter});
    exits_.push_back(kNotYet);
    return true;
  }

  // Where loop.enter or while.test leaves to: compared with the loop's end when that is reached.
  bool note_exit(std::uint16_t distance) {
    if (!open_.empty()) exits_[open_.back()] = std::min(exits_[open_.back()], at_ + distance);
    return true;
  }

  bool check_while_test(const Instruction& i) {
    Loop* loop = innermost();
    const bool of_innermost =
        loop != nullptr && f_.code[loop->begin].op == Op::WhileBegin && loop->counter == i.a && loop->test == kNotYet;
    if (!demand(Rule::WhileTestOnce, of_innermost,
                [] { return std::string("it is not the one test of the loop around it"); }))
      return false;
    if (!of_innermost) return true;
    loop->test = at_;
    return note_exit(i.c);
  }

  // Which instruction begins the loops that this one ends.
  static Op opener(Op op) {
    if (repeats_while(op)) return Op::WhileEnter;
    return op == Op::WhileNext ? Op::WhileBegin : Op::LoopBegin;
  }
  bool close_loop(const Instruction& i) {
    Loop* loop = innermost();
    const Op begins = opener(i.op);
    const bool of_innermost =
        loop != nullptr && f_.code[loop->begin].op == begins && (begins == Op::WhileEnter || loop->counter == i.a);
    if (!demand(Rule::LoopNesting, of_innermost, [] { return std::string("it does not end the loop around it"); }))
      return false;
    if (!of_innermost) return true;
    if (!demand(Rule::WhileTestOnce, begins != Op::WhileBegin || loop->test != kNotYet,
                [] { return std::string("the loop has no while.test of its own"); }))
      return false;
    const std::uint32_t first = loop->begin + (begins == Op::LoopBegin ? 2 : 1);
    const std::uint16_t back = begins == Op::WhileEnter ? i.a : i.b;
    if (!demand(Rule::BackTarget, at_ - back == first,
                [&] { return "it goes " + std::to_string(back) + " back, not to " + std::to_string(first); }))
      return false;
    if (!demand(Rule::LoopExit, exits_[open_.back()] > at_,
                [] { return std::string("the loop's loop.enter or while.test leaves to a place inside it"); }))
      return false;
    loop->next = at_;
    open_.pop_back();
    return true;
  }

  // ---- Operands
  // --------------------------------------------------------------------------------------------------------

  bool check_operand(const OpInfo& row, int n) {
    const Operand& operand = row.operands[static_cast<std::size_t>(n)];
    const std::uint16_t value = field(n);
    const auto number = [&] { return "the number " + std::to_string(value) + " in field " + "abc"[n]; };
    switch (operand.role) {
      case Role::None:
        return demand(Rule::UnusedField, value == 0, number);
      case Role::Imm:
        return true;
      case Role::Read:
      case Role::Write:
      case Role::Update:
      case Role::Counter:
        return check_register(operand, value);
      case Role::Registers:
        return check_run(operand.block, value);
      case Role::TrapCode:
        return demand(Rule::TrapCode, value >= 1 && value < kTrapCount, number);
      case Role::Target:
        return check_target(value);
      case Role::BackTarget:
        return true;  // close_loop knows where to
      case Role::Function:
        return demand(Rule::Callee, value < index(id_), number);
      case Role::Intrinsic:
        return demand(Rule::KnownIntrinsic, value < check_.intrinsics.size(), number);
      case Role::Output:
        return check_output(value);
      case Role::Alarm:
        return demand(Rule::KnownAlarm, value < m_.alarms.size(), number);
      case Role::Region:
        return demand(Rule::RegionField, value < kRegionCount, number);
      case Role::TypeOfA:
        return demand(Rule::TypeField, field(0) < f_.registers.size() && value == f_.registers[field(0)], number);
      case Role::ElementBytes: {
        const Type* a = type_of(field(0));
        return demand(Rule::ElementField, a != nullptr && value == size_bytes(a->element), number);
      }
      case Role::SlotOfA:
        if (field(1) == static_cast<std::uint16_t>(Region::State)) bound_.reads_state = true;
        return field(1) >= kRegionCount || check_slot(static_cast<Region>(field(1)), std::uint32_t{value} * 8);
      case Role::SlotInput:
        return check_slot(Region::Input, std::uint32_t{value} * 8);
      case Role::SlotState:
        bound_.stores.push_back(std::uint32_t{value} * 8);
        return check_slot(Region::State, std::uint32_t{value} * 8);
      case Role::SlotReady: {
        const Slot* slot = m_.slot(Region::Input, std::uint32_t{value} * 8);
        return demand(Rule::SlotField, slot != nullptr && slot->type == type_id(Scalar::Bool), number);
      }
      case Role::SlotRef: {
        const Type* a = type_of(field(0));
        if (a == nullptr) return true;  // RegisterRange or RegisterTypes is switched off
        return check_slot(a->region, std::uint32_t{value} * 8);
      }
      case Role::SlotPage: {
        const Type* a = type_of(field(0));
        if (a == nullptr) return true;  // RegisterRange or RegisterTypes is switched off
        return check_slot(a->region, std::uint32_t{value} * kPageBytes);
      }
    }
    return true;
  }

  // The slot at that byte has register a's type.
  bool check_slot(Region region, std::uint32_t offset) {
    const Slot* slot = m_.slot(region, offset);
    const bool good = slot != nullptr && field(0) < f_.registers.size() && slot->type == f_.registers[field(0)];
    return demand(Rule::SlotField, good, [&] {
      return "byte " + std::to_string(offset) + " of " + std::string(name(region)) +
             (slot == nullptr ? " begins no slot" : " is a slot of another type: " + check_.describe(slot->type));
    });
  }

  bool check_output(std::uint16_t output) {
    const bool known = output < m_.outputs.size();
    if (!demand(Rule::KnownOutput, known, [&] { return "there is no output " + std::to_string(output); })) return false;
    return demand(Rule::EmitDriven, !known || !m_.outputs[output].driven,
                  [&] { return "alarms drive output '" + m_.outputs[output].name + "'"; });
  }

  bool check_in_range(std::uint32_t reg) {
    return demand(Rule::RegisterRange, reg < f_.registers.size(),
                  [&] { return "there is no register " + std::to_string(reg); });
  }
  bool check_is_set(std::uint16_t reg, const Type& type) {
    if (type.kind == TypeKind::Scalar || type.kind == TypeKind::Counter) return true;
    if (type.region == Region::State) bound_.reads_state = true;
    return demand(Rule::RefBeforeUse, references_.is_written(reg), [&] {
      return "reference register " + std::to_string(reg) + " may not have been set on the way here";
    });
  }

  bool check_register(const Operand& operand, std::uint16_t reg) {
    if (!check_in_range(reg)) return false;
    const Type* type = type_of(reg);
    if (type == nullptr) return true;  // RegisterRange or RegisterTypes is switched off
    const TypeId a_id = field(0) < f_.registers.size() ? f_.registers[field(0)] : TypeId{0};
    if (!demand(Rule::RegisterMatch, matches(operand, f_.registers[reg], *type, a_id, type_of(field(0))), [&] {
          return "register " + std::to_string(reg) + ", " + check_.describe(f_.registers[reg]) +
                 ", is of the wrong type";
        }))
      return false;
    const bool reads = operand.role == Role::Read || operand.role == Role::Update;
    return !reads || (check_is_set(reg, *type) && check_written(operand, reg, *type));
  }

  bool check_written(const Operand& operand, std::uint16_t reg, const Type& type) {
    if (!operand.writable || type.kind == TypeKind::Scalar) return true;
    if (type.region == Region::State) bound_.writes_references = true;
    return demand(Rule::Writable, is_writable(type.region), [&] {
      return "register " + std::to_string(reg) + ", " + check_.describe(f_.registers[reg]) +
             ", may only be read through";
    });
  }

  // ---- Runs of registers
  // -------------------------------------------------------------------------------------------------

  const Function* callee() const { return field(1) < index(id_) ? &m_.functions[field(1)] : nullptr; }
  const IntrinsicDesc* intrinsic() const {
    return field(1) < check_.intrinsics.size() ? &check_.intrinsics[field(1)] : nullptr;
  }

  // The registers from `first` on, `count` of them; an empty run stands at register 0.
  bool check_run_place(std::uint16_t first, std::size_t count) {
    if (count == 0)
      return demand(Rule::UnusedField, first == 0, [] { return std::string("an empty run of registers is not at 0"); });
    return check_in_range(static_cast<std::uint32_t>(first + count - 1));
  }

  // Each register of the run, with `fits(n, type id, type)`.
  template <typename Fits>
  bool check_run_types(Rule rule, std::uint16_t first, std::size_t count, bool reads, Fits fits) {
    if (!check_run_place(first, count)) return false;
    for (std::size_t n = 0; n < count; ++n) {
      const auto reg = static_cast<std::uint16_t>(first + n);
      const Type* type = type_of(reg);
      if (type == nullptr) continue;  // RegisterRange or RegisterTypes is switched off
      if (!demand(rule, fits(n, f_.registers[reg], *type), [&] {
            return "register " + std::to_string(reg) + ", " + check_.describe(f_.registers[reg]) +
                   ", is of the wrong type";
          }))
        return false;
      if (reads && !check_is_set(reg, *type)) return false;
    }
    return true;
  }

  bool check_run(Block block, std::uint16_t first) {
    const auto equals = [](const std::vector<TypeId>& types) {
      return [&types](std::size_t n, TypeId id, const Type&) { return types[n] == id; };
    };
    switch (block) {
      case Block::None:
        return true;
      case Block::Results:
        return check_run_types(Rule::ReturnTypes, first, f_.results.size(), true, equals(f_.results));
      case Block::CalleeResults:
        if (callee() == nullptr) return true;  // Callee is switched off
        return check_run_types(Rule::CallTypes, first, callee()->results.size(), false, equals(callee()->results));
      case Block::CalleeParams:
        if (callee() == nullptr || callee()->param_count > callee()->registers.size()) return true;
        return check_run_types(Rule::CallTypes, first, callee()->param_count, true, equals(callee()->registers));
      case Block::IntrinsicParams:
        return check_arguments(first);
      case Block::IntrinsicResult: {
        if (intrinsic() == nullptr) return true;  // KnownIntrinsic is switched off
        const Scalar result = intrinsic()->result;
        return check_run_types(Rule::IntrinsicTypes, first, result == Scalar::Void ? 0 : 1, false,
                               [&](std::size_t, TypeId id, const Type&) { return id == type_id(result); });
      }
      case Block::OutputFields:
        return check_fields(first);
    }
    return true;
  }

  bool check_arguments(std::uint16_t first) {
    const IntrinsicDesc* desc = intrinsic();
    if (desc == nullptr) return true;  // KnownIntrinsic is switched off
    const auto fits = [&](std::size_t n, TypeId id, const Type& type) {
      return matches(desc->params[n], id, type, first < f_.registers.size() ? f_.registers[first] : TypeId{0},
                     type_of(first));
    };
    if (!check_run_types(Rule::IntrinsicTypes, first, desc->param_count, true, fits)) return false;
    for (std::size_t n = 0; n < desc->param_count; ++n) {
      const auto reg = static_cast<std::uint16_t>(first + n);
      const Type* type = type_of(reg);
      if (type != nullptr && !check_written(desc->params[n], reg, *type)) return false;
    }
    return true;
  }

  bool check_fields(std::uint16_t first) {
    if (field(0) >= m_.outputs.size()) return true;  // KnownOutput is switched off
    const std::vector<Field>& fields = m_.outputs[field(0)].fields;
    return check_run_types(Rule::EmitTypes, first, fields.size(), true,
                           [&](std::size_t n, TypeId id, const Type& type) {
                             const Type* declared = m_.type(fields[n].type);
                             if (declared == nullptr || declared->kind == TypeKind::Scalar) return id == fields[n].type;
                             const bool fits = declared->kind == TypeKind::Array ? type.capacity == declared->capacity
                                                                                 : type.capacity <= declared->capacity;
                             return type.kind == declared->kind && type.element == declared->element && fits;
                           });
  }

  // ---- Effects
  // ---------------------------------------------------------------------------------------------------------

  void note_write(std::uint16_t reg) {
    if (reg < f_.registers.size()) references_.write(reg, at_);
  }
  void note_writes(const Operand& operand, int n) {
    if (operand.role == Role::Write || operand.role == Role::Update) note_write(field(n));
    if (operand.role == Role::Function && callee() != nullptr) inherit(check_.bounds[field(1)]);
    if (operand.role != Role::Registers || operand.block != Block::CalleeResults || callee() == nullptr) return;
    for (std::size_t k = 0; k < callee()->results.size(); ++k) note_write(static_cast<std::uint16_t>(field(n) + k));
  }
  void inherit(const FunctionBound& callee_bound) {
    bound_.writes_references = bound_.writes_references || callee_bound.writes_references;
    bound_.reads_state = bound_.reads_state || callee_bound.reads_state;
    bound_.emits = bound_.emits || callee_bound.emits;
  }

  Check& check_;
  const Module& m_;
  FunctionId id_;
  const Function& f_;
  CodeFacts& facts_;
  FunctionBound& bound_;
  std::uint32_t at_ = 0;
  WrittenRegisters references_;  // must be set before they are read: zero would name the first bytes of Const
  std::vector<std::uint32_t> earliest_source_;  // by instruction: the first branch that goes there
  std::vector<bool> counter_used_;
  std::vector<std::uint32_t> open_;   // the loops around this place, as indices of facts_.loops
  std::vector<std::uint32_t> exits_;  // by loop: where its loop.enter or while.test leaves to
};

}  // namespace

bool matches(const Operand& operand, TypeId id, const Type& type, TypeId a_id, const Type* a) {
  const bool scalar = type.kind == TypeKind::Scalar;
  const bool list = type.kind == TypeKind::List, whole = type.kind == TypeKind::Array,
             view = type.kind == TypeKind::View, array = whole || view, text = type.kind == TypeKind::Text;
  switch (operand.match) {
    case Match::Exact:
      return id == type_id(operand.scalar);
    case Match::AnyScalar:
      return scalar;
    case Match::AnyInteger:
      return scalar && type.element != Scalar::F32 && type.element != Scalar::F64;
    case Match::AnyIndex:
      return scalar && type.element >= Scalar::I64 && type.element <= Scalar::U64;
    case Match::SameAsA:
      return id == a_id;
    case Match::AnyCounter:
      return type.kind == TypeKind::Counter;
    case Match::AnyRef:
      return list || whole || text;
    case Match::Array:
      return array && type.element == operand.scalar;
    case Match::List:
      return list && type.element == operand.scalar;
    case Match::AnyArray:
      return array;
    case Match::AnyList:
      return list;
    case Match::LikeA:
      if (a == nullptr || type.element != a->element) return false;
      if (array && (view || a->kind == TypeKind::View)) return a->kind == TypeKind::Array || a->kind == TypeKind::View;
      return type.kind == a->kind && (!array || type.capacity == a->capacity);
    case Match::Text:
      return text;
    case Match::AnyView:
      return view;
    case Match::ListOfA:
      return list && a != nullptr && type.element == a->element && type.capacity == a->capacity &&
             type.region == a->region;
  }
  return false;
}

bool check_code(Check& check, FunctionId id, CodeFacts& facts, FunctionBound& bound) {
  return CodeCheck(check, id, facts, bound).run();
}

}  // namespace eyeflow::vm::verify_detail
