#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

using vm::Op;
using vm::Scalar;

const std::int64_t* constant_of(const typed::Expr& expr) {
  const auto* node = std::get_if<typed::ConstantExpr>(&expr.node);
  return node ? std::get_if<std::int64_t>(&node->constant.value) : nullptr;
}

bool never_negative(const typed::Expr& expr) {
  const std::int64_t* number = constant_of(expr);
  return number ? *number >= 0 : std::holds_alternative<typed::Length>(expr.node);
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
  code_.begin_nest();
  const RegId counter = begin_loop(trips.reg(), most_trips, loop.exit);
  trips.release();
  const std::uint32_t top = code_.here();
  loops_.push_back(loop);
  body();
  loops_.pop_back();
  code_.bind(loop.next);
  code_.mark_line(line);
  code_.emit_back(Op::LoopStep, index(counter), 0, index(stepped), top);
  code_.end_nest();
  code_.bind(loop.exit);
}

void Body::declare(typed::LocalId local, Place place) {
  locals_[typed::index(local)] = std::move(place);
  alive_.push_back(local);
}

void Body::lower(const typed::ForRange& stmt) {
  const std::size_t first_local = alive_.size();
  Place number;
  number.registers.push_back(code_.take(vm::type_id(Scalar::I64)));
  const RegId at = number.registers[0].reg();
  number.leaves.push_back(Leaf::in(at, scalar_leaf(Scalar::I64)));
  eval(*stmt.from, at);

  const std::int64_t* const from = constant_of(*stmt.from);
  const std::int64_t* const to = constant_of(*stmt.to);
  Temp trips;
  if (from && to) {
    trips = load_constant(Scalar::I64, vm::to_word(*to <= *from ? std::int64_t{0} : *to - *from));
  } else {
    trips = eval(*stmt.to);
    // to - from could overflow only downwards, where there is no trip: start at max(from, to) instead.
    if (!never_negative(*stmt.from) || !never_negative(*stmt.to))
      trips = binary(Op::MaxI64, Temp::borrowed(at), std::move(trips), Scalar::I64, {});
    if (!from || *from != 0) trips = binary(Op::SubI64, std::move(trips), Temp::borrowed(at), Scalar::I64, {});
  }
  declare(stmt.counter, std::move(number));
  counted_loop(std::move(trips), stmt.max_trips, at, [&] { lower(stmt.body); });
  end_scope(first_local);
}

void Body::lower(const typed::ForEach& stmt) {
  // A callee's result would not outlive the first call in the body.
  const bool is_result = std::holds_alternative<typed::Call>(stmt.array->node);
  const Place array = is_result ? temporary(*stmt.array) : place(*stmt.array);
  if (array.leaves.empty()) return;
  Temp trips;
  if (array.leaves[0].type.is_list()) {
    const Temp ref = reference(array.leaves[0].slot);
    trips = code_.take(vm::type_id(Scalar::I64));
    code_.emit(Op::ListLen, index(trips.reg()), index(ref.reg()));
  } else {
    trips = load_constant(Scalar::I64, stmt.max_trips);
  }
  const std::size_t first_local = alive_.size();
  Place number;
  number.registers.push_back(code_.take(vm::type_id(Scalar::I64)));
  const RegId at = number.registers[0].reg();
  number.leaves.push_back(Leaf::in(at, scalar_leaf(Scalar::I64)));
  load_constant(Scalar::I64, 0, at);
  if (stmt.counter) {
    declare(*stmt.counter, std::move(number));
  }
  counted_loop(std::move(trips), stmt.max_trips, at, [&] {
    const std::size_t outside = alive_.size();
    // A scalar is read once a trip; of a record each field where it is used, for the array does not change meanwhile.
    Place element;
    for (const Leaf& leaf : array.leaves)
      element.leaves.push_back({Leaf::Kind::Element, scalar_leaf(leaf.type.scalar), at, leaf.slot});
    if (typed::is_scalar(stmt.array->type.element->kind)) {
      element.registers.push_back(code_.take(vm::type_id(element.leaves[0].type.scalar)));
      load(element.leaves[0], element.registers[0].reg());
      element.leaves[0] = Leaf::in(element.registers[0].reg(), element.leaves[0].type);
    }
    declare(stmt.element, std::move(element));
    lower(stmt.body);
    end_scope(outside);
  });
  end_scope(first_local);
}

// The condition stands before the first trip and at the end of each. One that fails at once has no trip: it is known
// to, and what follows the first test is not reached.
void Body::lower(const typed::While& stmt) {
  const std::uint32_t line = line_;
  const Loop loop = {code_.new_label(), code_.new_label()};
  code_.begin_nest();
  branch(*stmt.condition, false, loop.exit);
  if (code_.reachable()) {
    const vm::TypeId type = task_.module.counter_type(std::max(stmt.max, 1u));
    counters_.push_back(code_.take(type));
    code_.emit(Op::WhileEnter, index(counters_.back().reg()), type);
    const std::uint32_t top = code_.here();
    loops_.push_back(loop);
    lower(stmt.body);
    loops_.pop_back();
    code_.bind(loop.next);
    code_.mark_line(line);
    repeat_while(*stmt.condition, top, loop.exit);
  }
  code_.end_nest();
  code_.bind(loop.exit);
}

}  // namespace eyeflow::compiler::lowering
