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
void Body::counted_loop(RegId trips, std::uint32_t most_trips, const MakeBody& body) {
  const std::uint32_t line = line_;
  const Loop loop = {code_.new_label(), code_.new_label()};
  const RegId counter = begin_loop(trips, most_trips, loop.exit);
  const std::uint32_t top = code_.here();
  loops_.push_back(loop);
  body(counter);
  loops_.pop_back();
  code_.bind(loop.next);
  code_.mark_line(line);
  code_.emit_back(Op::LoopNext, counter, top);
  code_.bind(loop.exit);
}

void Body::declare(typed::LocalId local, Place place) {
  locals_[typed::index(local)] = std::move(place);
  alive_.push_back(local);
}

void Body::lower(const typed::ForRange& stmt) {
  const std::int64_t* first = constant_of(*stmt.from);
  const bool from_zero = first && *first == 0;
  // Its own copy: the body may assign the variable that it was read from.
  Temp from;
  if (!from_zero) {
    from = code_.take(vm::type_id(Scalar::I64));
    eval(*stmt.from, from.reg());
  }
  Temp trips = eval(*stmt.to);
  if (!from_zero) {
    // to - from could overflow only downwards, where there is no trip: start at max(from, to) instead.
    if (!never_negative(*stmt.from) || !never_negative(*stmt.to)) {
      trips = binary(Op::MaxI64, Temp::borrowed(from.reg()), std::move(trips), Scalar::I64, {});
    }
    trips = binary(Op::SubI64, std::move(trips), Temp::borrowed(from.reg()), Scalar::I64, {});
  }
  const RegId trips_reg = trips.reg();
  trips.release();
  counted_loop(trips_reg, stmt.max_trips, [&](RegId counter) {
    const std::size_t first_local = alive_.size();
    Place number;
    number.registers.push_back(code_.take(vm::type_id(Scalar::I64)));
    const RegId reg = number.registers[0].reg();
    number.leaves.push_back(Leaf::in(reg, scalar_leaf(Scalar::I64)));
    declare(stmt.counter, std::move(number));
    code_.emit(Op::LoopIndex, index(reg), index(counter));
    if (!from_zero) code_.emit(Op::AddI64, index(reg), index(reg), index(from.reg()));
    lower(stmt.body);
    end_scope(first_local);
  });
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
  const RegId trips_reg = trips.reg();
  trips.release();
  counted_loop(trips_reg, stmt.max_trips, [&](RegId counter) {
    const std::size_t first_local = alive_.size();
    Place number;
    number.registers.push_back(code_.take(vm::type_id(Scalar::I64)));
    const RegId at = number.registers[0].reg();
    number.leaves.push_back(Leaf::in(at, scalar_leaf(Scalar::I64)));
    code_.emit(Op::LoopIndex, index(at), index(counter));

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
    if (stmt.counter) {
      declare(*stmt.counter, std::move(number));
      lower(stmt.body);
    } else {
      lower(stmt.body);
    }
    end_scope(first_local);
  });
}

void Body::lower(const typed::While& stmt) {
  const std::uint32_t line = line_;
  const Loop loop = {code_.new_label(), code_.new_label()};
  const vm::TypeId type = task_.module.counter_type(std::max(stmt.max, 1u));
  counters_.push_back(code_.take(type));
  const RegId counter = counters_.back().reg();
  code_.emit(Op::WhileBegin, index(counter), type);
  const std::uint32_t top = code_.here();
  const typed::Expr* condition = stmt.condition.get();
  for (const auto* node = std::get_if<typed::Binary>(&condition->node); node && node->op == typed::BinaryOp::And;
       node = std::get_if<typed::Binary>(&condition->node)) {
    branch(*node->left, false, loop.exit);
    condition = node->right.get();
  }
  code_.resume();  // a part of the condition may be known to fail
  {
    const Temp holds = eval(*condition);
    code_.branch(Op::WhileTest, index(counter), index(holds.reg()), 0, loop.exit);
  }
  loops_.push_back(loop);
  lower(stmt.body);
  loops_.pop_back();
  code_.bind(loop.next);
  code_.mark_line(line);
  code_.emit_back(Op::WhileNext, counter, top);
  code_.bind(loop.exit);
}

}  // namespace eyeflow::compiler::lowering
