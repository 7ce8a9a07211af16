#include "compiler/lower/body.h"
#include "vm/base/check.h"

// Scalars that are read from somewhere. Operators and conversions stand in operators.cpp.
namespace eyeflow::compiler::lowering {

using vm::Op;
using vm::Scalar;

Temp Body::destination(Scalar scalar, std::optional<RegId> target) {
  return target ? Temp::borrowed(*target) : code_.take(vm::type_id(scalar));
}

Temp Body::moved(Temp value, std::optional<RegId> target) {
  if (!target || value.reg() == *target) return value;
  code_.emit(Op::Move, index(*target), index(value.reg()));
  return Temp::borrowed(*target);
}

Temp Body::load_constant(Scalar scalar, vm::Word word, std::optional<RegId> target) {
  const auto number = vm::from_word<std::int64_t>(word);
  const bool in_field = scalar == Scalar::I64 && number == static_cast<std::int16_t>(number);
  if (!target && in_field && code_.in_nest())
    return Temp::borrowed(
        code_.invariant(Op::LoadImm, vm::type_id(scalar), static_cast<std::uint16_t>(number), kNoSlot));
  if (!target && !in_field) return load(task_.module.constant({.type = scalar_leaf(scalar), .word = word}));
  Temp result = destination(scalar, target);
  if (in_field) {
    code_.emit(Op::LoadImm, index(result.reg()), static_cast<std::uint16_t>(number));
  } else {
    const SlotId slot = task_.module.constant({.type = scalar_leaf(scalar), .word = word});
    code_.emit_slot(Op::Load, index(result.reg()), static_cast<std::uint16_t>(vm::Region::Const), slot);
  }
  return result;
}

Temp Body::load(SlotId slot, std::optional<RegId> target) {
  // What lies elsewhere than in state does not change while a handler runs.
  const vm::Region region = task_.module.region(slot);
  if (!target && region != vm::Region::State && code_.in_nest())
    return Temp::borrowed(code_.invariant(Op::Load, vm::type_id(task_.module.leaf(slot).scalar),
                                          static_cast<std::uint16_t>(region), slot));
  Temp result = destination(task_.module.leaf(slot).scalar, target);
  code_.emit_slot(Op::Load, index(result.reg()), static_cast<std::uint16_t>(task_.module.region(slot)), slot);
  return result;
}

Temp Body::load(const Leaf& leaf, std::optional<RegId> target) {
  switch (leaf.kind) {
    case Leaf::Kind::Constant:
      return load_constant(leaf.type.scalar, leaf.word, target);
    case Leaf::Kind::Register:
      return moved(Temp::borrowed(leaf.reg), target);
    case Leaf::Kind::Slot:
      return load(leaf.slot, target);
    case Leaf::Kind::Part:
      EYEFLOW_CHECK(!"no scalar");
      [[fallthrough]];
    case Leaf::Kind::Element:
      break;
  }
  const Temp array = reference(leaf.slot);
  const OpFamily& get = task_.module.leaf(leaf.slot).is_list() ? kListGet : kArrayGet;
  Temp result = destination(leaf.type.scalar, target);
  code_.emit(*get[leaf.type.scalar], index(result.reg()), index(array.reg()), index(leaf.reg));
  return result;
}

Temp Body::eval(const typed::Expr& expr, std::optional<RegId> target) {
  if (const auto word = known(expr)) return load_constant(scalar_of(expr.type.kind), *word, target);
  return std::visit([&](const auto& node) { return eval(expr, node, target); }, expr.node);
}

Temp Body::eval_place_scalar(const typed::Expr& expr, std::optional<RegId> target) {
  if (const auto* node = std::get_if<typed::Call>(&expr.node)) {
    Place result = call(*node, target);
    EYEFLOW_CHECK(result.leaves.size() == 1 && result.leaves[0].kind == Leaf::Kind::Register);
    if (result.registers.empty()) return Temp::borrowed(result.leaves[0].reg);
    return moved(std::move(result.registers[0]), target);
  }
  Place from = place(expr);  // a model's answer is in a register of its own
  EYEFLOW_CHECK(from.leaves.size() == 1);
  const Leaf& leaf = from.leaves[0];
  // A field of a value that has no other owner: its register outlives the place.
  if (leaf.kind == Leaf::Kind::Register)
    for (Temp& held : from.registers)
      if (held.reg() == leaf.reg) return moved(std::move(held), target);
  return load(leaf, target);
}

Temp Body::eval(const typed::Expr&, const typed::ConstantExpr& node, std::optional<RegId> target) {
  return load_constant(scalar_of(node.constant.type.kind), scalar_word(node.constant), target);
}

Temp Body::age_of(typed::InputId input, std::optional<RegId> target) {
  Temp now = load(task_.clock(typed::ClockField::Now));
  Temp time = load(task_.inputs[typed::index(input)].time);
  return binary(Op::SubI64, std::move(now), std::move(time), Scalar::I64, target);
}

// Whether there is a good reading that counts: not followed by a bad one, and not stale where that is declared.
Temp Body::is_good(typed::InputId input) {
  const auto& slots = task_.inputs[typed::index(input)];
  const auto& declared = task_.task.inputs[typed::index(input)];
  Temp good = code_.take(vm::type_id(Scalar::Bool));
  const Label end = code_.new_label();
  load(slots.ready, good.reg());
  code_.jump_if(false, good.reg(), end);
  unary(Op::NotBool, load(slots.bad), Scalar::Bool, good.reg());
  if (declared.stale_after_ns) {
    code_.jump_if(false, good.reg(), end);
    is_fresh(input, good.reg());
  }
  code_.bind(end);
  return good;
}

void Body::is_fresh(typed::InputId input, RegId target) {
  Temp age = age_of(input, {});
  Temp limit =
      load_constant(Scalar::I64, static_cast<vm::Word>(*task_.task.inputs[typed::index(input)].stale_after_ns));
  binary(Op::LtI64, std::move(age), std::move(limit), Scalar::Bool, target);
}

Temp Body::reading_or(const typed::Input& input, Temp good, SlotId value, std::optional<RegId> target) {
  const Scalar scalar = task_.module.leaf(value).scalar;
  Temp result = code_.take(vm::type_id(scalar));
  const Label end = code_.new_label();
  load(value, result.reg());
  code_.jump_if(true, good.reg(), end);
  good.release();
  load_constant(scalar, scalar_word(*input.instead), result.reg());
  code_.bind(end);
  return moved(std::move(result), target);
}

// 0 good, 1 stale, 2 bad: what came last decides, then its age.
Temp Body::quality_of(typed::InputId input, std::optional<RegId> target) {
  const auto& slots = task_.inputs[typed::index(input)];
  Temp result = code_.take(vm::type_id(Scalar::I64));
  const Label end = code_.new_label();
  Temp flag = code_.take(vm::type_id(Scalar::Bool));
  load_constant(Scalar::I64, 2, result.reg());
  load(slots.bad, flag.reg());
  code_.jump_if(true, flag.reg(), end);
  load_constant(Scalar::I64, 1, result.reg());
  load(slots.ready, flag.reg());
  code_.jump_if(false, flag.reg(), end);
  if (task_.task.inputs[typed::index(input)].stale_after_ns) {
    is_fresh(input, flag.reg());
    code_.jump_if(false, flag.reg(), end);
  }
  load_constant(Scalar::I64, 0, result.reg());
  code_.bind(end);
  return moved(std::move(result), target);
}

Temp Body::eval(const typed::Expr&, const typed::Default& node, std::optional<RegId> target) {
  const Place from = place(*node.optional);
  Temp result = code_.take(vm::type_id(from.leaves[1].type.scalar));
  const Label absent = code_.new_label(), end = code_.new_label();
  {
    const Temp given = load(from.leaves[0], {});
    code_.jump_if(false, given.reg(), absent);
  }
  load(from.leaves[1], result.reg());
  code_.jump(end);
  code_.bind(absent);
  eval(*node.otherwise, result.reg());
  code_.bind(end);
  return moved(std::move(result), target);
}

Temp Body::eval(const typed::Expr& expr, const typed::InputExpr& node, std::optional<RegId> target) {
  const auto& slots = task_.inputs[typed::index(node.input)];
  switch (node.field) {
    case typed::InputField::Value: {
      if (const auto& input = task_.task.inputs[typed::index(node.input)]; input.policy == typed::BadPolicy::Instead)
        return reading_or(input, is_good(node.input), slots.value, target);
      if (is_ready(node.input)) return load(slots.value, target);
      Temp result = destination(scalar_of(expr.type.kind), target);
      code_.emit_slots(Op::LoadReading, index(result.reg()), slots.ready, slots.value);
      return result;
    }
    case typed::InputField::Age:
      return age_of(node.input, target);
    case typed::InputField::Stale: {
      const auto& declared = task_.task.inputs[typed::index(node.input)];
      EYEFLOW_CHECK(declared.stale_after_ns.has_value());
      Temp age = age_of(node.input, {});
      Temp limit = load_constant(Scalar::I64, static_cast<vm::Word>(*declared.stale_after_ns));
      return binary(Op::LeI64, std::move(limit), std::move(age), Scalar::Bool, target);
    }
    case typed::InputField::Quality:
      return quality_of(node.input, target);
    case typed::InputField::Name:
      break;
  }
  EYEFLOW_CHECK(!"a text is not a scalar");
  return {};
}

Temp Body::eval(const typed::Expr&, const typed::AlarmExpr& node, std::optional<RegId> target) {
  return load(task_.alarm(node.alarm, node.field), target);
}

Temp Body::eval(const typed::Expr&, const typed::ClockExpr& node, std::optional<RegId> target) {
  return load(task_.clock(node.field), target);
}

Temp Body::eval(const typed::Expr&, const typed::OutputValue& node, std::optional<RegId> target) {
  return load(task_.output(node.output), target);
}

Temp Body::eval(const typed::Expr&, const typed::OutputCount& node, std::optional<RegId> target) {
  return load(task_.output(node.output), target);
}

Temp Body::eval(const typed::Expr&, const typed::Length& node, std::optional<RegId> target) {
  const Place of = node.operand->type.kind == typed::TypeKind::Text ? place(*node.operand) : raw_place(*node.operand);
  if (of.leaves[0].type.is_scalar()) return load(of.leaves[0], target);
  const Temp ref = reference(of.leaves[0].slot);
  Temp result = destination(Scalar::I64, target);
  const bool is_list = of.leaves[0].type.is_list();
  code_.emit(is_list ? Op::ListLen : Op::TextLen, index(result.reg()), index(ref.reg()));
  return result;
}

}  // namespace eyeflow::compiler::lowering
