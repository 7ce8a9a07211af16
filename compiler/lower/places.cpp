#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

// Where values are, and moving them about. Texts and arrays are in memory for good; references to them are made right
// before they are used, or before the loops that use them, and never kept.
namespace eyeflow::compiler::lowering {

using vm::Op;

ScratchTemp::ScratchTemp(Body& owner, LeafType type)
    : owner_(&owner), slot_(owner.scratch_.take(owner.task_.module, type)), type_(type) {}

ScratchTemp::~ScratchTemp() {
  if (owner_ != nullptr) owner_->scratch_.give_back(slot_, type_);
}

void Body::reference_into(SlotId slot, RegId reg) { code_.emit_slot(Op::Ref, index(reg), code_.type_of(reg), slot); }

Temp Body::reference(SlotId slot) {
  if (code_.in_nest()) {
    const vm::TypeId type = reference_type(slot);
    return Temp::borrowed(code_.invariant(Op::Ref, type, type, slot));
  }
  Temp result = code_.take(reference_type(slot));
  reference_into(slot, result.reg());
  return result;
}

// What of a list is in use.
void Body::view_into(SlotId list, RegId reg) {
  const Temp ref = reference(list);
  code_.emit(Op::ViewList, index(reg), index(ref.reg()));
}

// An array as instructions on whole arrays take it.
Temp Body::whole_reference(SlotId slot) {
  if (!task_.module.leaf(slot).is_list()) return reference(slot);
  Temp view = code_.take(view_type(slot));
  view_into(slot, view.reg());
  return view;
}

Leaf Body::scratch_leaf(Place& owner, LeafType type) {
  owner.slots.emplace_back(*this, type);
  return Leaf::at(owner.slots.back().slot(), type);
}

Place Body::temporary(const typed::Expr& expr) {
  Place copy;
  for (const LeafType& type : leaves_of(expr.type)) {
    if (!type.is_scalar()) {
      copy.leaves.push_back(scratch_leaf(copy, type));
      continue;
    }
    copy.registers.push_back(code_.take(vm::type_id(type.scalar)));
    copy.leaves.push_back(Leaf::in(copy.registers.back().reg(), type));
  }
  assign(copy.leaves, expr, false);
  return copy;
}

Place Body::element_of(const typed::Index& node) {
  const typed::Type& type = node.array->type;
  Place result = raw_place(*node.array);
  if (is_nested(result) || !is_of_words(*type.element)) {
    result.registers.push_back(eval(*node.index));
    const RegId at = result.registers.back().reg();
    check_below(at, length_of(result, type));
    Place element = element_at(result.leaves, type, at);
    result.leaves = std::move(element.leaves);
    std::ranges::move(element.registers, std::back_inserter(result.registers));
    return result;
  }
  // The word is what counts, whichever integer it is of.
  const auto* widened = std::get_if<typed::Convert>(&node.index->node);
  const bool as_it_is = widened && widened->op == typed::ConvertOp::Widen && !known(*node.index) &&
                        widened->operand->type.kind != typed::TypeKind::Bool;
  result.registers.push_back(eval(as_it_is ? *widened->operand : *node.index));
  for (Leaf& leaf : result.leaves) {
    EYEFLOW_CHECK(leaf.kind == Leaf::Kind::Slot);
    leaf.kind = Leaf::Kind::Element;
    leaf.type = scalar_leaf(leaf.type.scalar);
    leaf.reg = result.registers.back().reg();
  }
  return result;
}

Place Body::raw_place(const typed::Expr& expr) {
  Place result;
  const auto add_slot = [&](SlotId slot) { result.leaves.push_back(Leaf::at(slot, task_.module.leaf(slot))); };
  std::visit(Overloaded{
                 [&](const typed::LocalExpr& n) { result.leaves = frame_.locals[typed::index(n.local)].leaves; },
                 [&](const typed::ParamExpr& n) { add_slot(task_.params[typed::index(n.param)]); },
                 [&](const typed::StateExpr& n) {
                   for (const SlotId slot : task_.states[typed::index(n.state)]) {
                     const auto held = std::ranges::find(held_, slot, &HeldState::slot);
                     if (held == held_.end()) {
                       add_slot(slot);
                     } else {
                       result.leaves.push_back(Leaf::in(held->reg.reg(), task_.module.leaf(slot)));
                     }
                   }
                 },
                 [&](const typed::OutputValue& n) { add_slot(task_.output(n.output)); },
                 [&](const typed::ConstantExpr& n) {
                   for (LeafConstant& leaf : leaf_constants(n.constant)) {
                     if (leaf.type.is_list())
                       leaf.type.capacity = std::max(1u, static_cast<std::uint32_t>(leaf.elements.size()));
                     add_slot(task_.module.constant(leaf));
                   }
                 },
                 [&](const typed::InputExpr& n) {
                   if (n.field == typed::InputField::Name) {
                     add_slot(task_.input_name(n.input));
                     return;
                   }
                   const auto& slots = task_.inputs[typed::index(n.input)];
                   if (expr.type.kind == typed::TypeKind::Optional) {
                     result.registers.push_back(is_good(n.input));
                     result.leaves.push_back(Leaf::in(result.registers[0].reg(), scalar_leaf(vm::Scalar::Bool)));
                     add_slot(slots.value);
                     return;
                   }
                   if (!is_ready(n.input)) {
                     const Label ready = code_.new_label();
                     const Temp flag = load(slots.ready);
                     code_.jump_if(true, flag.reg(), ready);
                     code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::NoReading));
                     code_.bind(ready);
                   }
                   add_slot(slots.value);
                 },
                 [&](const typed::Index& n) { result = element_of(n); },
                 [&](const typed::FieldOf& n) {
                   result = raw_place(*n.record);
                   if (n.record->type.kind == typed::TypeKind::Optional) {
                     const auto behind_flag = result.leaves.begin() + 1;
                     if (n.field == typed::kGiven)
                       result.leaves.erase(behind_flag, result.leaves.end());
                     else
                       result.leaves.erase(result.leaves.begin(), behind_flag);
                     return;
                   }
                   const typed::Record& record = *n.record->type.record;
                   const bool nested = is_nested(result);
                   const typed::Type& type = record.fields[n.field].type;
                   const auto first = static_cast<std::ptrdiff_t>(nested ? first_nested_leaf_of_field(record, n.field)
                                                                         : first_leaf_of_field(record, n.field));
                   const auto count = static_cast<std::ptrdiff_t>(nested ? nested_leaf_count(type) : leaf_count(type));
                   const std::vector<Leaf> all = std::move(result.leaves);
                   result.leaves.assign(all.begin() + first, all.begin() + first + count);
                 },
                 [&](const typed::Call& n) { result = call(n, {}); },
                 [&](const typed::ModelCall& n) { result = ask_model(n); },
                 [&](const auto&) { result = temporary(expr); },  // a literal, or an operator's result
             },
             expr.node);
  return result;
}

Place Body::settled_place(const typed::Expr& expr, bool calls_follow) {
  const typed::Expr& root = root_of(expr);
  const bool may_change =
      std::holds_alternative<typed::Call>(root.node) || std::holds_alternative<typed::StateExpr>(root.node);
  return calls_follow && may_change ? temporary(expr) : place(expr);
}

void Body::store(Temp value, const Leaf& to) {
  const vm::Scalar scalar = to.type.scalar;
  switch (to.kind) {
    case Leaf::Kind::Constant:
    case Leaf::Kind::Part:
      EYEFLOW_CHECK(!"no place for a scalar");
      return;
    case Leaf::Kind::Register:
      moved(std::move(value), to.reg);
      return;
    case Leaf::Kind::Slot: {
      const Op op = scalar == vm::Scalar::F64 ? Op::StoreF64 : scalar == vm::Scalar::F32 ? Op::StoreF32 : Op::Store;
      code_.emit_slot(op, index(value.reg()), 0, to.slot);
      return;
    }
    case Leaf::Kind::Element: {
      const Temp array = reference(to.slot);
      const OpFamily& set = task_.module.leaf(to.slot).is_list() ? kListSet : kArraySet;
      code_.emit(*set[scalar], index(array.reg()), index(to.reg), index(value.reg()));
      return;
    }
  }
}

void Body::copy(const Leaf& from, const Leaf& to) {
  if (to.type.is_scalar()) {
    if (to.kind == Leaf::Kind::Register) {
      load(from, to.reg);
    } else {
      store(load(from, {}), to);
    }
    return;
  }
  if (from.slot == to.slot) return;
  const Temp a = reference(to.slot);
  const Temp b = reference(from.slot);
  const Op op = to.type.kind == vm::TypeKind::Text ? Op::TextCopy : to.type.is_list() ? Op::ListCopy : Op::ArrayCopy;
  code_.emit(op, index(a.reg()), index(b.reg()), static_cast<std::uint16_t>(vm::size_bytes(to.type.scalar)));
}

// ---- Whole values --------------------------------------------------------------------------------------------------

// `may_read_target`: the value reads, somewhere, what it is about to replace. A scalar is written last anyway; a text
// or record that is built piece by piece is then built beside it.
void Body::assign(const std::vector<Leaf>& to, const typed::Expr& value, bool may_read_target) {
  if (typed::is_scalar(value.type.kind)) {
    if (to[0].kind == Leaf::Kind::Register) {
      eval(value, to[0].reg);
    } else {
      store(eval(value), to[0]);
    }
    return;
  }
  if (const auto* constant = std::get_if<typed::ConstantExpr>(&value.node)) {
    assign_constant(to, constant->constant);
    return;
  }
  if (is_elementwise(value)) {
    assign_each(to[0].slot, value);
    return;
  }
  if (may_read_target) {
    const Place copied = temporary(value);
    for (std::size_t i = 0; i < to.size(); ++i) copy(copied.leaves[i], to[i]);
    return;
  }
  std::visit(Overloaded{
                 [&](const typed::Interpolate& n) { interpolate(to[0].slot, n); },
                 [&](const typed::ArrayLiteral& n) { assign_literal(to, value.type, n); },
                 [&](const typed::ArrayFill& n) { assign_fill(to, value.type, n); },
                 [&](const typed::ArrayCall& n) { assign_array_call(to[0].slot, n, value.type); },
                 [&](const typed::Slice& n) { assign_slice(to, value.type, n); },
                 [&](const typed::Given& n) {
                   assign({to.begin() + 1, to.end()}, *n.value, false);
                   if (to[0].kind == Leaf::Kind::Register)
                     load_constant(vm::Scalar::Bool, 1, to[0].reg);
                   else
                     store(load_constant(vm::Scalar::Bool, 1), to[0]);
                 },
                 [&](const typed::Default& n) {
                   const Place from = place(*n.optional);
                   const std::size_t skipped = value.type.kind == typed::TypeKind::Optional ? 0 : 1;
                   const Label absent = code_.new_label(), end = code_.new_label();
                   {
                     const Temp given = load(from.leaves[0], {});
                     code_.jump_if(false, given.reg(), absent);
                   }
                   for (std::size_t i = 0; i < to.size(); ++i) copy(from.leaves[i + skipped], to[i]);
                   code_.jump(end);
                   code_.bind(absent);
                   assign(to, *n.otherwise, false);
                   code_.bind(end);
                 },
                 [&](const typed::RecordLiteral& n) {
                   auto next = to.begin();
                   for (const typed::ExprPtr& field : n.fields) {
                     const auto end = next + static_cast<std::ptrdiff_t>(leaf_count(field->type));
                     assign({next, end}, *field, false);
                     next = end;
                   }
                 },
                 [&](const auto&) {
                   const Place from = place(value);
                   for (std::size_t i = 0; i < to.size(); ++i) copy(from.leaves[i], to[i]);
                 },
             },
             value.node);
}

void Body::assign_constant(const std::vector<Leaf>& to, const typed::Constant& constant) {
  std::vector<LeafConstant> values = leaf_constants(constant);
  for (std::size_t i = 0; i < to.size(); ++i) {
    LeafConstant& value = values[i];
    if (to[i].type.is_scalar()) {
      if (to[i].kind == Leaf::Kind::Register) {
        load_constant(to[i].type.scalar, value.word, to[i].reg);
      } else {
        store(load_constant(to[i].type.scalar, value.word), to[i]);
      }
      continue;
    }
    const bool is_text = to[i].type.kind == vm::TypeKind::Text;
    if (is_text ? value.text.empty() : to[i].type.is_list() && value.elements.empty()) {
      const Temp ref = reference(to[i].slot);
      code_.emit(is_text ? Op::TextClear : Op::ListClear, index(ref.reg()));
      continue;
    }
    if (to[i].type.kind == vm::TypeKind::Array &&
        std::equal(value.elements.begin() + 1, value.elements.end(), value.elements.begin())) {
      const Temp element = load_constant(value.type.scalar, value.elements[0]);
      const Temp ref = reference(to[i].slot);
      code_.emit(*kArrayFill[value.type.scalar], index(ref.reg()), index(element.reg()));
      continue;
    }
    if (value.type.is_list()) value.type.capacity = static_cast<std::uint32_t>(value.elements.size());
    const SlotId slot = task_.module.constant(value);
    copy(Leaf::at(slot, task_.module.leaf(slot)), to[i]);
  }
}

void Body::push(const Leaf& list, RegId value) {
  const Temp ref = reference(list.slot);
  code_.emit(*kListPush[list.type.scalar], index(ref.reg()), index(value));
}

void Body::assign_literal(const std::vector<Leaf>& to, const typed::Type& type, const typed::ArrayLiteral& node) {
  if (to.empty()) return;
  if (!is_of_words(*type.element)) return assign_elements(to, type, pointers(node.elements));
  const bool is_list = to[0].type.is_list();
  if (is_list) {
    for (const Leaf& leaf : to) code_.emit(Op::ListClear, index(reference(leaf.slot).reg()));
  }
  for (std::size_t i = 0; i < node.elements.size(); ++i) {
    const Place element = temporary(*node.elements[i]);
    Temp at;
    if (!is_list) at = load_constant(vm::Scalar::I64, i);
    for (std::size_t leaf = 0; leaf < to.size(); ++leaf) {
      const RegId value = element.leaves[leaf].reg;
      if (is_list) {
        push(to[leaf], value);
      } else {
        store(Temp::borrowed(value), Leaf::element(at.reg(), to[leaf].slot, to[leaf].type.scalar));
      }
    }
  }
}

void Body::assign_fill(const std::vector<Leaf>& to, const typed::Type& type, const typed::ArrayFill& node) {
  if (!is_of_words(*type.element)) return fill_elements(to, type, node);
  const Place element = temporary(*node.value);
  for (std::size_t i = 0; i < to.size(); ++i) {
    const RegId value = element.leaves[i].reg;
    if (!to[i].type.is_list()) {
      const Temp ref = reference(to[i].slot);
      code_.emit(*kArrayFill[to[i].type.scalar], index(ref.reg()), index(value));
      continue;
    }
    code_.emit(Op::ListClear, index(reference(to[i].slot).reg()));
    const Temp trips = load_constant(vm::Scalar::I64, node.count);
    const Label skip = code_.new_label();
    const RegId counter = begin_loop(trips.reg(), node.count, skip);
    const std::uint32_t top = code_.here();
    push(to[i], value);
    code_.emit_back(Op::LoopNext, index(counter), 0, 0, top);
    code_.bind(skip);
  }
}

}  // namespace eyeflow::compiler::lowering
