#include "compiler/lower/body.h"
#include "vm/isa/evaluate.h"

// What is known while lowering, beyond what the checker has folded: locals that never change and begin with a constant,
// indices of unrolled loops, arguments of inlined functions. Folded by the instructions that would have run; what would
// trap is not known.
namespace eyeflow::compiler::lowering {

using typed::BinaryOp;
using vm::Op;
using vm::Scalar;
using vm::Word;

namespace {

std::optional<Word> run(std::optional<Op> op, Word b, Word c = 0) {
  Word a = 0;
  if (!op || vm::evaluate(*op, b, c, a) != vm::Trap::None) return {};
  return a;
}

// By way of i64 where the table has no direct row, as Body::convert goes.
std::optional<Word> converted(Word word, Scalar from, Scalar to) {
  if (from == to) return word;
  const OpFamily* direct = to == Scalar::F64 ? &kF64From : to == Scalar::F32 ? &kF32From : nullptr;
  if (direct != nullptr && (*direct)[from]) return run((*direct)[from], word);
  if (from == Scalar::I64) return run(direct != nullptr ? (*direct)[Scalar::I64] : kFromI64[to], word);
  const auto number = run(kI64From[from], word);
  return number ? converted(*number, Scalar::I64, to) : std::nullopt;
}

}  // namespace

std::optional<Word> Body::known(const typed::Expr& expr) const {
  if (!typed::is_scalar(expr.type.kind)) return {};
  if (const auto* node = std::get_if<typed::ConstantExpr>(&expr.node)) return scalar_word(node->constant);
  if (const auto* node = std::get_if<typed::LocalExpr>(&expr.node)) {
    const Leaf& leaf = frame_.locals[typed::index(node->local)].leaves[0];
    return leaf.kind == Leaf::Kind::Constant ? std::optional(leaf.word) : std::nullopt;
  }
  if (const auto* node = std::get_if<typed::Binary>(&expr.node)) return known(expr, *node);
  if (const auto* node = std::get_if<typed::Convert>(&expr.node)) return known(expr, *node);
  if (const auto* node = std::get_if<typed::Index>(&expr.node)) return known(*node);
  if (const auto* node = std::get_if<typed::Unary>(&expr.node)) {
    const auto operand = known(*node->operand);
    if (!operand) return {};
    return run((node->op == typed::UnaryOp::Negate ? kNegate : kNot)[scalar_of(expr.type.kind)], *operand);
  }
  return {};
}

std::optional<Word> Body::known(const typed::Expr&, const typed::Binary& node) const {
  const auto left = known(*node.left);
  if (!left) return {};
  if (node.op == BinaryOp::And || node.op == BinaryOp::Or)
    return (*left != 0) == (node.op == BinaryOp::Or) ? left : known(*node.right);
  const auto right = known(*node.right);
  if (!right) return {};
  const OperatorFamily choice = family_of(node.op);
  const auto op = (*choice.family)[scalar_of(node.left->type.kind)];
  return choice.swapped ? run(op, *right, *left) : run(op, *left, *right);
}

std::optional<Word> Body::known(const typed::Expr& expr, const typed::Convert& node) const {
  using enum typed::ConvertOp;
  const auto operand = known(*node.operand);
  if (!operand) return {};
  switch (node.op) {
    case Widen:
    case Narrow:
    case IntToFloat:
    case F32ToF64:
    case F64ToF32:
      return converted(*operand, scalar_of(node.operand->type.kind), scalar_of(expr.type.kind));
    case TimeToInt:
      return operand;
    default:
      return {};
  }
}

// An element of an array that is a constant.
std::optional<Word> Body::known(const typed::Index& node) const {
  const auto* local = std::get_if<typed::LocalExpr>(&node.array->node);
  if (local == nullptr) return {};
  const std::vector<Leaf>& leaves = frame_.locals[typed::index(local->local)].leaves;
  if (leaves.size() != 1 || leaves[0].kind != Leaf::Kind::Slot || leaves[0].type.is_list()) return {};
  const std::vector<Word>* elements = task_.module.elements(leaves[0].slot);
  if (elements == nullptr) return {};
  const auto index = known(*node.index);
  if (!index || *index >= elements->size()) return {};
  return (*elements)[*index];
}

std::optional<Place> Body::known_place(const typed::Expr& value) {
  Place place;
  if (const auto* node = std::get_if<typed::ConstantExpr>(&value.node)) {
    for (LeafConstant& leaf : leaf_constants(node->constant)) {
      if (leaf.type.is_scalar()) {
        place.leaves.push_back(Leaf::known(leaf.word, leaf.type));
        continue;
      }
      if (leaf.type.is_list()) return {};  // its type is as large as what it holds, not as declared
      const SlotId slot = task_.module.constant(leaf);
      place.leaves.push_back(Leaf::at(slot, task_.module.leaf(slot)));
    }
    return place;
  }
  if (const auto word = known(value)) {
    place.leaves.push_back(Leaf::known(*word, scalar_leaf(scalar_of(value.type.kind))));
    return place;
  }
  const auto* literal = std::get_if<typed::ArrayLiteral>(&value.node);
  if (literal == nullptr || literal->elements.empty() || !typed::is_scalar(literal->elements[0]->type.kind)) return {};
  LeafConstant array{.type = leaves_of(value.type)[0]};
  if (array.type.is_list()) return {};
  for (const typed::ExprPtr& element : literal->elements) {
    const auto word = known(*element);
    if (!word) return {};
    array.elements.push_back(*word);
  }
  place.leaves.push_back(Leaf::at(task_.module.constant(array), array.type));
  return place;
}

}  // namespace eyeflow::compiler::lowering
