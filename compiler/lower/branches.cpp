#include "compiler/lower/body.h"
#include "vm/base/check.h"

// Conditions as branches: a comparison is joined with what is done about it.
namespace eyeflow::compiler::lowering {

using op_family_detail::find;
using typed::BinaryOp;
using vm::Op;
using vm::Scalar;

struct BranchFamilies {
  Op when, unless;  // a bool
  OpFamily eq, ne, lt, le, eq_number, ne_number, lt_number, unless_lt_number;
  OpFamily unless_lt, unless_le;  // of floats, for which they are not the opposite comparison
};

namespace {

constexpr BranchFamilies kJumps{.when = Op::JumpIf,
                                .unless = Op::JumpUnless,
                                .eq = find("jump_if.eq."),
                                .ne = find("jump_if.ne."),
                                .lt = find("jump_if.lt."),
                                .le = find("jump_if.le."),
                                .eq_number = find("jump_if.eq.imm."),
                                .ne_number = find("jump_if.ne.imm."),
                                .lt_number = find("jump_if.lt.imm."),
                                .unless_lt_number = find("jump_unless.lt.imm."),
                                .unless_lt = find("jump_unless.lt."),
                                .unless_le = find("jump_unless.le.")};
constexpr BranchFamilies kRepeats{.when = Op::WhileRepeatIf,
                                  .unless = Op::WhileRepeatUnless,
                                  .eq = find("while.repeat_if.eq."),
                                  .ne = find("while.repeat_if.ne."),
                                  .lt = find("while.repeat_if.lt."),
                                  .le = find("while.repeat_if.le."),
                                  .eq_number = find("while.repeat_if.eq.imm."),
                                  .ne_number = find("while.repeat_if.ne.imm."),
                                  .lt_number = find("while.repeat_if.lt.imm."),
                                  .unless_lt_number = find("while.repeat_unless.lt.imm."),
                                  .unless_lt = find("while.repeat_unless.lt."),
                                  .unless_le = find("while.repeat_unless.le.")};

bool is_float(Scalar scalar) { return scalar == Scalar::F32 || scalar == Scalar::F64; }

// Unsigned numbers have one sign less: -1 in the field stands for their largest.
std::optional<std::int16_t> in_field(Scalar scalar, vm::Word word) {
  auto number = vm::from_word<std::int64_t>(word);
  if (scalar == Scalar::U8 && number > 0x7F) number -= 0x100;
  if (scalar == Scalar::U16 && number > 0x7FFF) number -= 0x10000;
  if (scalar == Scalar::U32 && number > 0x7FFFFFFF) number -= std::int64_t{1} << 32;
  const auto narrow = static_cast<std::int16_t>(number);
  return narrow == number ? std::optional(narrow) : std::nullopt;
}

// The number after this one, if the type has it.
std::optional<vm::Word> successor(Scalar scalar, vm::Word word) {
  vm::Word most = 0;
  switch (scalar) {
    case Scalar::I64:
      most = 0x7FFFFFFFFFFFFFFF;
      break;
    case Scalar::I32:
      most = 0x7FFFFFFF;
      break;
    case Scalar::U64:
      most = ~vm::Word{0};
      break;
    default:
      most = (vm::Word{1} << (8 * vm::size_bytes(scalar))) - 1;
  }
  return word == most ? std::nullopt : std::optional(word + 1);
}

BinaryOp mirrored(BinaryOp op) {
  switch (op) {
    case BinaryOp::Lt:
      return BinaryOp::Gt;
    case BinaryOp::Le:
      return BinaryOp::Ge;
    case BinaryOp::Gt:
      return BinaryOp::Lt;
    case BinaryOp::Ge:
      return BinaryOp::Le;
    default:
      return op;
  }
}

bool is_comparison(BinaryOp op) { return op >= BinaryOp::Eq && op <= BinaryOp::Ge; }

}  // namespace

std::optional<vm::Word> Body::integer_constant(const typed::Expr& expr, Scalar scalar) const {
  if (is_float(scalar) || scalar == Scalar::Bool) return {};
  return known(expr);
}

std::optional<std::int16_t> Body::immediate(const typed::Expr& expr, Scalar scalar, bool negated) const {
  const auto word = integer_constant(expr, scalar);
  if (!word) return {};
  const auto number = in_field(scalar, *word);
  if (!number || !negated) return number;
  if (*number == INT16_MIN) return {};
  return static_cast<std::int16_t>(-*number);
}

// b OP number, as one instruction; nothing if there is no row for it.
bool Body::choose_with_number(BranchChoice& choice, BinaryOp op, bool when, Scalar scalar, const typed::Expr& operand,
                              const typed::Expr& constant, const BranchFamilies& families) {
  auto word = integer_constant(constant, scalar);
  if (!word) return false;
  const OpFamily* family = nullptr;
  switch (op) {
    case BinaryOp::Eq:
      family = when ? &families.eq_number : &families.ne_number;
      break;
    case BinaryOp::Ne:
      family = when ? &families.ne_number : &families.eq_number;
      break;
    case BinaryOp::Le:
    case BinaryOp::Gt:  // b <= n is b < n + 1
      word = successor(scalar, *word);
      when = when == (op == BinaryOp::Le);
      family = when ? &families.lt_number : &families.unless_lt_number;
      break;
    default:
      when = when == (op == BinaryOp::Lt);
      family = when ? &families.lt_number : &families.unless_lt_number;
  }
  if (!word) return false;
  const auto number = in_field(scalar, *word);
  if (!number) return false;
  choice.op = *(*family)[scalar];
  choice.left = eval(operand);
  choice.b = index(choice.left.reg());
  choice.c = static_cast<std::uint16_t>(*number);
  return true;
}

// Evaluates the sides of the condition, and says which instruction goes there when it is `when`.
BranchChoice Body::choose_branch(const typed::Expr& condition, bool when, const BranchFamilies& families) {
  BranchChoice choice;
  if (const auto* node = std::get_if<typed::Unary>(&condition.node); node && node->op == typed::UnaryOp::Not)
    return choose_branch(*node->operand, !when, families);
  const auto* node = std::get_if<typed::Binary>(&condition.node);
  const Scalar scalar = node ? scalar_of(node->left->type.kind) : Scalar::Void;
  if (node == nullptr || !is_comparison(node->op) || scalar == Scalar::Void || scalar == Scalar::Bool) {
    choice.left = eval(condition);
    choice.op = when ? families.when : families.unless;
    choice.b = index(choice.left.reg());
    return choice;
  }
  if (choose_with_number(choice, node->op, when, scalar, *node->left, *node->right, families)) return choice;
  if (choose_with_number(choice, mirrored(node->op), when, scalar, *node->right, *node->left, families)) return choice;

  choice.left = eval(*node->left);
  choice.right = eval(*node->right);
  choice.b = index(choice.left.reg());
  choice.c = index(choice.right.reg());
  BinaryOp op = node->op;
  if (op == BinaryOp::Gt || op == BinaryOp::Ge) {
    op = mirrored(op);
    std::swap(choice.b, choice.c);
  }
  const OpFamily* family = nullptr;
  switch (op) {
    case BinaryOp::Eq:
      family = when ? &families.eq : &families.ne;
      break;
    case BinaryOp::Ne:
      family = when ? &families.ne : &families.eq;
      break;
    default: {
      const bool less = op == BinaryOp::Lt;
      if (when) {
        family = less ? &families.lt : &families.le;
      } else if (is_float(scalar)) {
        family = less ? &families.unless_lt : &families.unless_le;
      } else {  // not b < c is c <= b
        family = less ? &families.le : &families.lt;
        std::swap(choice.b, choice.c);
      }
    }
  }
  choice.op = *(*family)[scalar];
  return choice;
}

void Body::branch(const typed::Expr& condition, bool when, Label label) {
  if (const auto word = known(condition)) {
    if ((*word != 0) == when) code_.jump(label);
    return;
  }
  if (const auto* node = std::get_if<typed::Unary>(&condition.node); node && node->op == typed::UnaryOp::Not) {
    branch(*node->operand, !when, label);
    return;
  }
  if (const auto* node = std::get_if<typed::Binary>(&condition.node)) {
    if (node->op == BinaryOp::And || node->op == BinaryOp::Or) {
      // `a or b` holds when a does; `a and b` fails when a does: one side is enough, the other way both are needed.
      const bool one_is_enough = (node->op == BinaryOp::Or) == when;
      if (one_is_enough) {
        branch(*node->left, when, label);
        branch(*node->right, when, label);
      } else {
        const Label past = code_.new_label();
        branch(*node->left, !when, past);
        branch(*node->right, when, label);
        code_.bind(past);
      }
      return;
    }
    if (node->op == BinaryOp::Ne && node->left->type.kind == typed::TypeKind::Text) {
      const Place left = settled_place(*node->left, has_call(*node->right));
      const Place right = place(*node->right);
      const Temp b = reference(left.leaves[0].slot);
      const Temp c = reference(right.leaves[0].slot);
      const Temp equal = code_.take(vm::type_id(Scalar::Bool));
      code_.emit(Op::TextEq, index(equal.reg()), index(b.reg()), index(c.reg()));
      code_.jump_if(!when, equal.reg(), label);
      return;
    }
  }
  if (const auto* call = std::get_if<typed::Call>(&condition.node); call && branch_inlined(*call, when, label)) return;
  const BranchChoice choice = choose_branch(condition, when, kJumps);
  code_.branch(choice.op, 0, choice.b, choice.c, label);
}

void Body::repeat_while(const typed::Expr& condition, std::uint32_t top, Label exit) {
  const auto* node = std::get_if<typed::Binary>(&condition.node);
  if (node && node->op == BinaryOp::And) {  // the last part goes back
    branch(*node->left, false, exit);
    return repeat_while(*node->right, top, exit);
  }
  if (!code_.reachable() || known(condition) || std::holds_alternative<typed::Call>(condition.node) ||
      (node && (node->op == BinaryOp::Or || node->left->type.kind == typed::TypeKind::Text))) {
    branch(condition, false, exit);
    return code_.emit_back(Op::WhileRepeat, 0, 0, 0, top);
  }
  const BranchChoice choice = choose_branch(condition, true, kRepeats);
  code_.emit_back(choice.op, 0, choice.b, choice.c, top);
}

}  // namespace eyeflow::compiler::lowering
