#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

using vm::Op;
using vm::Scalar;

// A short loop within another one costs more than what it does.
constexpr std::int64_t kMostUnrolledTrips = 8;
constexpr std::size_t kMostUnrolledNodes = 320;

bool assigns_state(const typed::Block& block, std::size_t state) {
  bool found = false;
  for_each_stmt(block, [&](const typed::Stmt& stmt) {
    const auto* assign = std::get_if<typed::Assign>(&stmt.node);
    if (assign == nullptr) return;
    const auto* node = std::get_if<typed::StateExpr>(&root_of(*assign->place).node);
    found = found || (node && typed::index(node->state) == state);
  });
  return found;
}

std::optional<std::int64_t> as_number(std::optional<vm::Word> word) {
  if (!word) return {};
  return vm::from_word<std::int64_t>(*word);
}

}  // namespace

// Each loop has a counter register of its own for good: the verifier lets nothing else write it.
RegId Body::begin_loop(RegId trips, std::uint32_t most_trips, Label exit) {
  const vm::TypeId type = task_.module.counter_type(std::max(most_trips, 1u));
  counters_.push_back(code_.take(type));
  const RegId counter = counters_.back().reg();
  code_.emit(Op::LoopBegin, index(counter), index(trips), type);
  code_.branch(Op::LoopEnter, index(counter), 0, 0, exit);
  return counter;
}

template <typename MakeBody>
void Body::counted_loop(Temp trips, std::uint32_t most_trips, RegId stepped, const MakeBody& body) {
  const std::uint32_t line = line_;
  const Loop loop = {code_.new_label(), code_.new_label()};
  const RegId counter = begin_loop(trips.reg(), most_trips, loop.exit);
  trips.release();
  const std::uint32_t top = code_.here();
  frame_.loops.push_back(loop);
  body();
  frame_.loops.pop_back();
  code_.bind(loop.next);
  code_.mark_line(line);
  code_.emit_back(Op::LoopStep, index(counter), 0, index(stepped), top);
  code_.bind(loop.exit);
}

// ---- What a nest of loops holds -------------------------------------------------------------------------------------

// A trap undoes the handler, and nothing outside looks at its state while it runs. What the functions that it calls
// look at is left where it is.
void Body::begin_nest(const typed::Block& body, const typed::Expr* condition) {
  if (!code_.in_nest()) {
    const StateUse use = states_of(task_, body);
    const bool calls_first = condition != nullptr && has_call(*condition);
    for (std::size_t s = 0; s < use.touched.size() && !calls_first; ++s) {
      const std::vector<SlotId>& slots = task_.states[s];
      if (!use.touched[s] || use.by_callees[s] || slots.size() != 1) continue;
      if (!task_.module.leaf(slots[0]).is_scalar()) continue;
      held_.push_back({slots[0], load(slots[0]), assigns_state(body, s)});
    }
  }
  code_.begin_nest();
}

void Body::end_nest() {
  code_.end_nest();
  if (code_.in_nest()) return;
  store_held();
  held_.clear();
}

void Body::store_held() {
  for (const HeldState& held : held_)
    if (held.is_written) store(Temp::borrowed(held.reg.reg()), Leaf::at(held.slot, task_.module.leaf(held.slot)));
}

bool Body::is_unrolled(std::int64_t trips, const typed::Block& body) const {
  if (task_.as_written) return false;
  return code_.in_nest() && trips <= kMostUnrolledTrips &&
         static_cast<std::size_t>(trips) * size_of(body) <= kMostUnrolledNodes;
}

template <typename DeclareTrip>
void Body::unrolled(std::int64_t trips, const typed::Block& body, const DeclareTrip& declare_trip) {
  const Label exit = code_.new_label();
  for (std::int64_t trip = 0; trip < trips && code_.reachable(); ++trip) {
    const std::size_t first_local = frame_.alive.size();
    declare_trip(trip);
    frame_.loops.push_back({code_.new_label(), exit});
    lower(body);
    code_.bind(frame_.loops.back().next);
    frame_.loops.pop_back();
    end_scope(first_local);
  }
  code_.bind(exit);
}

// Arrays and records: leaf by leaf, until two differ.
Temp Body::eval_whole_equal(const typed::Binary& node, std::optional<RegId> target) {
  Temp equal = code_.take(vm::type_id(Scalar::Bool));
  const Label end = code_.new_label();
  {
    const Place left = settled_place(*node.left, has_call(*node.right));
    const Place right = place(*node.right);
    std::span<const Leaf> a = left.leaves, b = right.leaves;
    compare(node.left->type, a, b, equal.reg(), end);
  }
  code_.bind(end);
  return node.op == typed::BinaryOp::Eq ? moved(std::move(equal), target)
                                        : unary(Op::NotBool, std::move(equal), Scalar::Bool, target);
}

void Body::compare(const Leaf& left, const Leaf& right, RegId equal, Label end) {
  const auto words = [&](const Leaf& a, const Leaf& b) {
    Temp x = load(a, {});
    binary(*kEq[a.type.scalar], std::move(x), load(b, {}), Scalar::Bool, equal);
    code_.jump_if(false, equal, end);
  };
  if (left.type.is_scalar()) return words(left, right);
  if (left.type.kind == vm::TypeKind::Text) {
    const Temp a = reference(left.slot), b = reference(right.slot);
    code_.emit(Op::TextEq, index(equal), index(a.reg()), index(b.reg()));
    code_.jump_if(false, equal, end);
    return;
  }
  Temp trips;
  if (left.type.is_list()) {
    trips = code_.take(vm::type_id(Scalar::I64));
    Temp other = code_.take(vm::type_id(Scalar::I64));
    {
      const Temp a = reference(left.slot), b = reference(right.slot);
      code_.emit(Op::ListLen, index(trips.reg()), index(a.reg()));
      code_.emit(Op::ListLen, index(other.reg()), index(b.reg()));
    }
    binary(Op::EqI64, Temp::borrowed(trips.reg()), std::move(other), Scalar::Bool, equal);
    code_.jump_if(false, equal, end);
  } else {
    trips = code_.take(vm::type_id(Scalar::I64));
    load_constant(Scalar::I64, left.type.capacity, trips.reg());
  }
  Temp at = code_.take(vm::type_id(Scalar::I64));
  load_constant(Scalar::I64, 0, at.reg());
  const auto element = [&](const Leaf& of) { return Leaf::element(at.reg(), of.slot, of.type.scalar); };
  counted_loop(std::move(trips), left.type.capacity, at.reg(), [&] { words(element(left), element(right)); });
}

void Body::assign_slice(const std::vector<Leaf>& to, const typed::Type& type, const typed::Slice& node) {
  const Place from = place(*node.array);
  const vm::TypeId i64 = vm::type_id(Scalar::I64);
  Temp at = code_.take(i64), behind = code_.take(i64), trips = code_.take(i64);
  eval(*node.from, at.reg());
  eval(*node.to, behind.reg());
  const typed::Type& from_type = node.array->type;
  const bool is_fixed = from_type.kind == typed::TypeKind::FixedArray;
  const bool is_known = known(*node.from) && known(*node.to) && is_fixed;
  if (!is_known) {
    const Label outside = code_.new_label(), inside = code_.new_label();
    length_of(from, from_type, trips.reg());
    Temp holds = code_.take(vm::type_id(Scalar::Bool));
    binary(Op::LeI64, Temp::borrowed(behind.reg()), Temp::borrowed(trips.reg()), Scalar::Bool, holds.reg());
    code_.jump_if(false, holds.reg(), outside);
    Temp zero = code_.take(i64);
    load_constant(Scalar::I64, 0, zero.reg());
    binary(Op::LeI64, std::move(zero), Temp::borrowed(at.reg()), Scalar::Bool, holds.reg());
    code_.jump_if(true, holds.reg(), inside);
    code_.bind(outside);
    code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::IndexOutOfRange));
    code_.bind(inside);
  }
  binary(Op::MaxI64, Temp::borrowed(at.reg()), std::move(behind), Scalar::I64, trips.reg());
  binary(Op::SubI64, Temp::borrowed(trips.reg()), Temp::borrowed(at.reg()), Scalar::I64, trips.reg());
  if (!is_of_words(*type.element)) return slice_elements(to, type, from, from_type, at.reg(), std::move(trips));
  const bool is_list = to[0].type.is_list();
  Temp into = code_.take(i64);
  load_constant(Scalar::I64, 0, into.reg());
  if (is_list) {
    for (const Leaf& leaf : to) code_.emit(Op::ListClear, index(reference(leaf.slot).reg()));
  }
  counted_loop(std::move(trips), to[0].type.capacity, into.reg(), [&] {
    for (std::size_t i = 0; i < to.size(); ++i) {
      const Temp value = load(Leaf::element(at.reg(), from.leaves[i].slot, from.leaves[i].type.scalar), {});
      if (is_list)
        push(to[i], value.reg());
      else
        store(Temp::borrowed(value.reg()), Leaf::element(into.reg(), to[i].slot, to[i].type.scalar));
    }
    Temp one = code_.take(i64);
    load_constant(Scalar::I64, 1, one.reg());
    binary(Op::AddI64, Temp::borrowed(at.reg()), std::move(one), Scalar::I64, at.reg());
  });
}

void Body::declare(typed::LocalId local, Place place) {
  frame_.locals[typed::index(local)] = std::move(place);
  frame_.alive.push_back(local);
}

void Body::lower(const typed::ForRange& stmt) {
  const auto from = as_number(known(*stmt.from)), to = as_number(known(*stmt.to));
  const LeafType type = scalar_leaf(Scalar::I64);
  if (from && to && is_unrolled(*to > *from ? *to - *from : 0, stmt.body)) {
    return unrolled(*to > *from ? *to - *from : 0, stmt.body, [&](std::int64_t trip) {
      declare(stmt.counter,
              Place{.leaves = {Leaf::known(vm::to_word(*from + trip), type)}, .registers = {}, .slots = {}});
    });
  }
  const std::size_t first_local = frame_.alive.size();
  Place number;
  number.registers.push_back(code_.take(vm::type_id(Scalar::I64)));
  const RegId at = number.registers[0].reg();
  number.leaves.push_back(Leaf::in(at, type));
  eval(*stmt.from, at);

  Temp trips;
  if (from && to) {
    trips = load_constant(Scalar::I64, vm::to_word(*to > *from ? *to - *from : std::int64_t{0}));
  } else {
    trips = eval(*stmt.to);
    // to - from could overflow only downwards, where there is no trip: start at max(from, to) instead.
    const auto never_negative = [](const typed::Expr& expr, std::optional<std::int64_t> number) {
      return number ? *number >= 0 : std::holds_alternative<typed::Length>(expr.node);
    };
    if (!never_negative(*stmt.from, from) || !never_negative(*stmt.to, to))
      trips = binary(Op::MaxI64, Temp::borrowed(at), std::move(trips), Scalar::I64, {});
    if (!from || *from != 0) trips = binary(Op::SubI64, std::move(trips), Temp::borrowed(at), Scalar::I64, {});
  }
  declare(stmt.counter, std::move(number));
  begin_nest(stmt.body);
  counted_loop(std::move(trips), stmt.max_trips, at, [&] { lower(stmt.body); });
  end_nest();
  end_scope(first_local);
}

void Body::lower(const typed::ForEach& stmt) {
  // A callee's result would not outlive the first call in the body.
  const bool is_result = std::holds_alternative<typed::Call>(stmt.array->node);
  const Place array = is_result ? temporary(*stmt.array) : place(*stmt.array);
  if (array.leaves.empty()) return;
  const bool is_list = stmt.array->type.kind == typed::TypeKind::BoundedArray;
  if (!is_list && is_unrolled(stmt.max_trips, stmt.body)) {
    return unrolled(stmt.max_trips, stmt.body, [&](std::int64_t trip) {
      Place number;
      number.leaves.push_back(Leaf::known(vm::to_word(trip), scalar_leaf(Scalar::I64)));
      Temp at = load_constant(Scalar::I64, vm::to_word(trip));
      declare_element(stmt, array, at.reg());
      number.registers.push_back(std::move(at));
      if (stmt.counter) declare(*stmt.counter, std::move(number));
    });
  }
  Temp trips;
  trips = is_list ? length_of(array, stmt.array->type) : load_constant(Scalar::I64, stmt.max_trips);
  const std::size_t first_local = frame_.alive.size();
  Place number;
  number.registers.push_back(code_.take(vm::type_id(Scalar::I64)));
  const RegId at = number.registers[0].reg();
  number.leaves.push_back(Leaf::in(at, scalar_leaf(Scalar::I64)));
  load_constant(Scalar::I64, 0, at);
  if (stmt.counter) {
    declare(*stmt.counter, std::move(number));
  }
  begin_nest(stmt.body);
  counted_loop(std::move(trips), stmt.max_trips, at, [&] {
    const std::size_t outside = frame_.alive.size();
    declare_element(stmt, array, at);
    lower(stmt.body);
    end_scope(outside);
  });
  end_nest();
  end_scope(first_local);
}

// A scalar is read once a trip, and so is what stands inside of the array; of a record each field where it is used, for
// the array does not change meanwhile.
void Body::declare_element(const typed::ForEach& stmt, const Place& array, RegId at) {
  const typed::Type& type = stmt.array->type;
  if (!is_of_words(*type.element))
    return declare(stmt.element, copied_out(element_at(array.leaves, type, at), *type.element));
  Place element;
  for (const Leaf& leaf : array.leaves) element.leaves.push_back(Leaf::element(at, leaf.slot, leaf.type.scalar));
  if (typed::is_scalar(type.element->kind)) {
    element.registers.push_back(code_.take(vm::type_id(element.leaves[0].type.scalar)));
    load(element.leaves[0], element.registers[0].reg());
    element.leaves[0] = Leaf::in(element.registers[0].reg(), element.leaves[0].type);
  }
  declare(stmt.element, std::move(element));
}

// The condition stands before the first trip and at the end of each. One that fails at once has no trip: it is known
// to, and what follows the first test is not reached.
void Body::lower(const typed::While& stmt) {
  const std::uint32_t line = line_;
  const Loop loop = {code_.new_label(), code_.new_label()};
  begin_nest(stmt.body, stmt.condition.get());
  branch(*stmt.condition, false, loop.exit);
  if (code_.reachable()) {
    const vm::TypeId type = task_.module.counter_type(std::max(stmt.max, 1u));
    counters_.push_back(code_.take(type));
    code_.emit(Op::WhileEnter, index(counters_.back().reg()), type);
    const std::uint32_t top = code_.here();
    frame_.loops.push_back(loop);
    lower(stmt.body);
    frame_.loops.pop_back();
    code_.bind(loop.next);
    code_.mark_line(line);
    repeat_while(*stmt.condition, top, loop.exit);
  }
  code_.bind(loop.exit);
  end_nest();
}

}  // namespace eyeflow::compiler::lowering
