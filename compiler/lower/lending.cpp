#include <algorithm>

#include "compiler/lower/body.h"

// Arguments by value without a copy: a function only reads what it is given, so it may read it where it stands, as long
// as nothing changes it meanwhile. A slot is part of the code, so the function is made for that place; whoever calls it
// with another one has a function of its own, where that takes less than the copies would.
namespace eyeflow::compiler::lowering {
namespace {

constexpr std::uint64_t kBytesOfNode = 16;  // about what a node of a tree becomes, in bytes of code

std::uint64_t bytes_of(const LeafType& leaf) {
  return vm::slot_size_bytes({.kind = leaf.kind, .element = leaf.scalar, .capacity = leaf.capacity});
}

}  // namespace

std::optional<std::vector<Leaf>> Body::standing(const typed::Expr& expr) const {
  std::vector<Leaf> leaves;
  const auto add_slot = [&](SlotId slot) { leaves.push_back(Leaf::at(slot, task_.module.leaf(slot))); };
  if (const auto* local = std::get_if<typed::LocalExpr>(&expr.node))
    return frame_.locals[typed::index(local->local)].leaves;
  if (const auto* state = std::get_if<typed::StateExpr>(&expr.node)) {
    for (const SlotId slot : task_.states[typed::index(state->state)]) add_slot(slot);
    return leaves;
  }
  if (const auto* input = std::get_if<typed::InputExpr>(&expr.node)) {
    if (input->field != typed::InputField::Value || expr.type.kind == typed::TypeKind::Optional) return {};
    add_slot(task_.inputs[typed::index(input->input)].value);
    return leaves;
  }
  const auto* field = std::get_if<typed::FieldOf>(&expr.node);
  if (field == nullptr || field->record->type.kind != typed::TypeKind::Record) return {};
  const auto all = standing(*field->record);
  if (!all || std::ranges::any_of(*all, [](const Leaf& leaf) { return leaf.kind == Leaf::Kind::Part; })) return {};
  const auto first =
      all->begin() + static_cast<std::ptrdiff_t>(first_leaf_of_field(*field->record->type.record, field->field));
  return std::vector<Leaf>(first, first + static_cast<std::ptrdiff_t>(leaf_count(expr.type)));
}

// While its body runs.
bool Body::never_changes(const typed::Expr& expr) const {
  const typed::Expr& root = root_of(expr);
  const auto* local = std::get_if<typed::LocalExpr>(&root.node);
  return local ? !frame_.declared[typed::index(local->local)].is_variable
               : std::holds_alternative<typed::InputExpr>(root.node);
}

// A parameter that stands in a state was lent itself, so nothing that is called from here on touches that state.
bool Body::may_be_lent(const typed::Expr& argument, const CalleeInfo& callee, bool calls_follow) const {
  if (never_changes(argument)) return true;
  if (calls_follow) return false;  // one of them could change it behind the moment at which it counts
  const auto* state = std::get_if<typed::StateExpr>(&root_of(argument).node);
  return state == nullptr || !callee.states.touched[typed::index(state->state)];
}

Lent Body::lent_to(const typed::Call& node) const {
  const CalleeInfo& callee = task_.callees[typed::index(node.function)];
  const typed::Function& function = task_.task.functions[typed::index(node.function)];
  if (task_.as_written) return {};
  Lent lent;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    const std::vector<LeafType> types = leaves_of(function.locals[i].type);
    lent.insert(lent.end(), types.size(), kNoSlot);
    if (i == 0 && callee.returns_self) continue;
    const bool calls_follow =
        std::any_of(node.arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, node.arguments.end(),
                    [](const typed::ExprPtr& argument) { return has_call(*argument); });
    const auto leaves = standing(*node.arguments[i]);
    if (!leaves || leaves->size() != types.size() || !may_be_lent(*node.arguments[i], callee, calls_follow)) continue;
    // A text or array of another capacity is copied, and then the rest of the argument as well.
    const auto is_fit = [&](const Leaf& leaf) {
      const LeafType& type = types[static_cast<std::size_t>(&leaf - leaves->data())];
      return type.is_scalar() || (leaf.kind == Leaf::Kind::Slot && leaf.type == type);
    };
    if (!std::ranges::all_of(*leaves, is_fit)) continue;
    for (std::size_t n = 0; n < types.size(); ++n) {
      if (types[n].is_scalar()) continue;
      lent[lent.size() - types.size() + n] = (*leaves)[n].slot;
      bytes += bytes_of(types[n]);
    }
  }
  const bool is_worth_it = callee.calls == 1 || callee.made.contains(lent) || bytes >= kBytesOfNode * callee.size;
  return bytes > 0 && is_worth_it ? lent : Lent{};
}

// What it is made of has been looked at when its turn comes, as for a copy: an input may lack its reading.
void Body::pass_lent(const typed::Expr& argument, std::span<const SlotId> lent, const std::vector<Leaf>& to) {
  const Place from = raw_place(argument);
  for (std::size_t leaf = 0; leaf < to.size(); ++leaf)
    if (lent[leaf] == kNoSlot) copy(from.leaves[leaf], to[leaf]);
}

}  // namespace eyeflow::compiler::lowering
