#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

using typed::BinaryOp;
using vm::Op;
using vm::Scalar;

bool is_text_comparison(const typed::Binary& node) { return node.left->type.kind == typed::TypeKind::Text; }

}  // namespace

OperatorFamily family_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::Add:
      return {.family = &kAdd, .immediate = &kAddImm, .commutes = true};
    case BinaryOp::Sub:
      return {&kSub};
    case BinaryOp::Mul:
      return {.family = &kMul, .immediate = &kMulImm, .commutes = true};
    case BinaryOp::Div:
      return {.family = &kDiv, .immediate = &kDivImm};
    case BinaryOp::Mod:
      return {.family = &kMod, .immediate = &kModImm};
    case BinaryOp::BitAnd:
      return {.family = &kAnd, .immediate = &kAndImm, .commutes = true};
    case BinaryOp::BitOr:
      return {.family = &kOr, .immediate = &kOrImm, .commutes = true};
    case BinaryOp::BitXor:
      return {.family = &kXor, .immediate = &kXorImm, .commutes = true};
    case BinaryOp::Shl:
      return {.family = &kShl, .immediate = &kShlImm};
    case BinaryOp::Shr:
      return {.family = &kShr, .immediate = &kShrImm};
    case BinaryOp::Eq:
      return {&kEq};
    case BinaryOp::Ne:
      return {&kNe};
    case BinaryOp::Lt:
      return {&kLt};
    case BinaryOp::Le:
      return {&kLe};
    case BinaryOp::Gt:
      return {&kLt, true};
    case BinaryOp::Ge:
      return {&kLe, true};
    case BinaryOp::And:
    case BinaryOp::Or:
      break;
  }
  EYEFLOW_CHECK(!"logic is control flow");
  return {nullptr};
}

Temp Body::unary(Op op, Temp operand, Scalar result, std::optional<RegId> target) {
  const RegId from = operand.reg();
  operand.release();  // the result may take its register: an instruction reads before it writes
  Temp to = destination(result, target);
  code_.emit(op, index(to.reg()), index(from));
  return to;
}

Temp Body::binary(Op op, Temp left, Temp right, Scalar result, std::optional<RegId> target) {
  const RegId b = left.reg(), c = right.reg();
  right.release();
  left.release();
  Temp to = destination(result, target);
  code_.emit(op, index(to.reg()), index(b), index(c));
  return to;
}

Temp Body::eval(const typed::Expr& expr, const typed::Unary& node, std::optional<RegId> target) {
  const Scalar scalar = scalar_of(expr.type.kind);
  const OpFamily& family = node.op == typed::UnaryOp::Negate ? kNegate : kNot;
  return unary(*family[scalar], eval(*node.operand), scalar, target);
}

// With the number in the instruction itself, where there is such a row and the number fits.
std::optional<Temp> Body::eval_with_number(const typed::Expr& expr, const typed::Binary& node,
                                           std::optional<RegId> target) {
  const Scalar scalar = scalar_of(node.left->type.kind);
  // b - n is b + (-n): the same sum, and out of range for the same b.
  const bool subtracts = node.op == BinaryOp::Sub;
  const OperatorFamily choice = family_of(subtracts ? BinaryOp::Add : node.op);
  if (choice.immediate == nullptr || !(*choice.immediate)[scalar]) return {};
  const auto with = [&](const typed::Expr& operand, const typed::Expr& constant) -> std::optional<Temp> {
    const auto number = immediate(constant, scalar, subtracts);
    if (!number) return {};
    Temp b = eval(operand);
    const RegId from = b.reg();
    b.release();
    Temp to = destination(scalar_of(expr.type.kind), target);
    code_.emit(*(*choice.immediate)[scalar], index(to.reg()), index(from), static_cast<std::uint16_t>(*number));
    return to;
  };
  if (auto result = with(*node.left, *node.right)) return result;
  if (choice.commutes && !subtracts) return with(*node.right, *node.left);
  return {};
}

bool Body::is_at_hand(const typed::Expr& expr) {
  if (known(expr)) return true;
  if (!std::holds_alternative<typed::LocalExpr>(expr.node)) return false;
  const Place local = place(expr);
  return local.leaves.size() == 1 && local.leaves[0].kind == Leaf::Kind::Register && local.registers.empty();
}

// A product that is added or taken away by the instruction that makes it, where that saves one: the other operand must
// be in a register that may become the sum.
std::optional<Temp> Body::eval_with_product(const typed::Expr& expr, const typed::Binary& node,
                                            std::optional<RegId> target) {
  const Scalar scalar = scalar_of(expr.type.kind);
  const bool subtracts = node.op == BinaryOp::Sub;
  if ((node.op != BinaryOp::Add && !subtracts) || (scalar != Scalar::F64 && scalar != Scalar::F32)) return {};
  const auto product_of = [&](const typed::Expr& operand) -> const typed::Binary* {
    const auto* product = std::get_if<typed::Binary>(&operand.node);
    return product != nullptr && product->op == BinaryOp::Mul && !known(operand) ? product : nullptr;
  };
  const bool f64 = scalar == Scalar::F64;
  const Op fused = subtracts ? (f64 ? Op::MulSubF64 : Op::MulSubF32) : f64 ? Op::MulAddF64 : Op::MulAddF32;
  const typed::Binary* product = product_of(*node.right);
  const bool comes_first = product == nullptr && !subtracts;
  if (comes_first) product = product_of(*node.left);
  if (product == nullptr) return {};
  const typed::Expr& other = comes_first ? *node.right : *node.left;
  const auto add = [&](Temp sum, const Temp& b, const Temp& c) {
    code_.emit(fused, index(sum.reg()), index(b.reg()), index(c.reg()));
    return sum;
  };
  const auto apart = [&](Temp sum, Temp b, Temp c) {
    Temp made = binary(f64 ? Op::MulF64 : Op::MulF32, std::move(b), std::move(c), scalar, {});
    const Op op = subtracts ? (f64 ? Op::SubF64 : Op::SubF32) : f64 ? Op::AddF64 : Op::AddF32;
    return binary(op, std::move(sum), std::move(made), scalar, target);
  };
  if (is_at_hand(*product->left) && is_at_hand(*product->right)) {
    Temp b = eval(*product->left), c = eval(*product->right);
    if (target && (*target == b.reg() || *target == c.reg())) {
      return apart(eval(other), std::move(b), std::move(c));
    }
    Temp sum = eval(other, target);
    if (target || sum.is_own()) return add(std::move(sum), b, c);
    return apart(std::move(sum), std::move(b), std::move(c));
  }
  // In the order of the source.
  Temp sum, b, c;
  if (!comes_first) sum = eval(other);
  b = eval(*product->left);
  c = eval(*product->right);
  if (comes_first) sum = eval(other);
  if (!target && sum.is_own()) return add(std::move(sum), b, c);
  return apart(std::move(sum), std::move(b), std::move(c));
}

Temp Body::eval(const typed::Expr& expr, const typed::Binary& node, std::optional<RegId> target) {
  if (node.op == BinaryOp::And || node.op == BinaryOp::Or) return eval_logic(expr, node, target);
  if (is_text_comparison(node)) return eval_text_equal(node, target);
  if (!typed::is_scalar(node.left->type.kind)) return eval_whole_equal(node, target);
  const OperatorFamily choice = family_of(node.op);
  if (auto with_number = eval_with_number(expr, node, target)) return std::move(*with_number);
  if (auto with_product = eval_with_product(expr, node, target)) return std::move(*with_product);
  Temp left = eval(*node.left);
  Temp right = eval(*node.right);
  if (choice.swapped) std::swap(left, right);
  const Op op = *(*choice.family)[scalar_of(node.left->type.kind)];
  return binary(op, std::move(left), std::move(right), scalar_of(expr.type.kind), target);
}

// The left side is the result unless the right side decides. A register of its own: the right side may read what the
// target still holds.
Temp Body::eval_logic(const typed::Expr&, const typed::Binary& node, std::optional<RegId> target) {
  Temp result = code_.take(vm::type_id(Scalar::Bool));
  const Label end = code_.new_label();
  eval(*node.left, result.reg());
  code_.jump_if(node.op == BinaryOp::Or, result.reg(), end);
  eval(*node.right, result.reg());
  code_.bind(end);
  return moved(std::move(result), target);
}

Temp Body::eval_text_equal(const typed::Binary& node, std::optional<RegId> target) {
  Temp equal;
  {
    const Place left = settled_place(*node.left, has_call(*node.right));
    const Place right = place(*node.right);
    const Temp b = reference(left.leaves[0].slot);
    const Temp c = reference(right.leaves[0].slot);
    equal = destination(Scalar::Bool, target);
    code_.emit(Op::TextEq, index(equal.reg()), index(b.reg()), index(c.reg()));
  }
  return node.op == BinaryOp::Eq ? std::move(equal) : unary(Op::NotBool, std::move(equal), Scalar::Bool, target);
}

// ---- Conversions ---------------------------------------------------------------------------------------------------

// Between numbers, by way of i64 where the table has no direct row. Traps where the row does.
Temp Body::convert(Temp value, Scalar from, Scalar to, std::optional<RegId> target) {
  if (from == to) return moved(std::move(value), target);
  if (to == Scalar::F64 || to == Scalar::F32) {
    const OpFamily& direct = to == Scalar::F64 ? kF64From : kF32From;
    if (const auto op = direct[from]) return unary(*op, std::move(value), to, target);
    return unary(*direct[Scalar::I64], convert(std::move(value), from, Scalar::I64, {}), to, target);
  }
  if (to == Scalar::I64) return unary(*kI64From[from], std::move(value), to, target);
  if (from == Scalar::I64) return unary(*kFromI64[to], std::move(value), to, target);
  return convert(convert(std::move(value), from, Scalar::I64, {}), Scalar::I64, to, target);
}

// The low bits. A u64 is masked first, since its way to i64 traps above 2^63.
Temp Body::wrap(Temp value, Scalar from, Scalar to, std::optional<RegId> target) {
  if (from == Scalar::U64 && to != Scalar::U64) {
    const vm::Word mask = (vm::Word{1} << (8 * vm::size_bytes(to))) - 1;
    Temp low = load_constant(Scalar::U64, mask);
    value = binary(Op::AndU64, std::move(value), std::move(low), Scalar::U64, {});
  }
  return convert(std::move(value), from, to, target);
}

Temp Body::eval(const typed::Expr& expr, const typed::Convert& node, std::optional<RegId> target) {
  using enum typed::ConvertOp;
  const Scalar from = scalar_of(node.operand->type.kind), to = scalar_of(expr.type.kind);
  const double kNsPerSecond = 1e9;
  switch (node.op) {
    case Widen:
    case Narrow:
    case IntToFloat:
    case F32ToF64:
    case F64ToF32:
      return convert(eval(*node.operand), from, to, target);
    case Wrap:
      return wrap(eval(*node.operand), from, to, target);
    case Round:
      return unary(Op::I64Round, eval(*node.operand), to, target);
    case Floor:
      return unary(Op::I64Floor, eval(*node.operand), to, target);
    case Ceil:
      return unary(Op::I64Ceil, eval(*node.operand), to, target);
    case Trunc:
      return unary(Op::I64Trunc, eval(*node.operand), to, target);
    case DurationToSeconds: {
      Temp ns = unary(Op::F64FromI64, eval(*node.operand), Scalar::F64, {});
      Temp second = load_constant(Scalar::F64, vm::to_word(kNsPerSecond));
      return binary(Op::DivF64, std::move(ns), std::move(second), Scalar::F64, target);
    }
    case SecondsToDuration: {
      Temp seconds = eval(*node.operand);
      Temp second = load_constant(Scalar::F64, vm::to_word(kNsPerSecond));
      Temp ns = binary(Op::MulF64, std::move(seconds), std::move(second), Scalar::F64, {});
      return unary(Op::I64Round, std::move(ns), Scalar::I64, target);
    }
    case TimeToInt:
      return eval(*node.operand, target);
  }
  EYEFLOW_CHECK(!"a conversion without code");
  return {};
}

// ---- Functions of the library --------------------------------------------------------------------------------------

Temp Body::eval_intrinsic(const vm::IntrinsicDesc& intrinsic, const std::vector<typed::ExprPtr>& arguments,
                          std::optional<RegId> target) {
  EYEFLOW_CHECK(intrinsic.param_count == arguments.size());
  std::vector<vm::TypeId> types;
  for (int i = 0; i < intrinsic.param_count; ++i) types.push_back(vm::type_id(intrinsic.params[i].scalar));
  std::vector<Temp> run = code_.take_run(types);
  for (std::size_t i = 0; i < arguments.size(); ++i) eval(*arguments[i], run[i].reg());
  Temp result = destination(intrinsic.result, target);
  code_.emit(Op::CallIntrinsic, index(result.reg()), intrinsic.id, index(run[0].reg()));
  return result;
}

Temp Body::eval(const typed::Expr& expr, const typed::MathCall& node, std::optional<RegId> target) {
  const Scalar scalar = scalar_of(node.arguments[0]->type.kind);
  const auto one = [&](const OpFamily& family, Scalar result) {
    return unary(*family[scalar], eval(*node.arguments[0]), result, target);
  };
  const auto two = [&](const OpFamily& family) {
    Temp left = eval(*node.arguments[0]);
    return binary(*family[scalar], std::move(left), eval(*node.arguments[1]), scalar, target);
  };
  switch (node.function) {
    case typed::Math::Abs:
      if (typed::is_modular(expr.type.kind)) return eval(*node.arguments[0], target);
      return one(kAbs, scalar);
    case typed::Math::Sqrt:
      return one(kSqrt, scalar);
    case typed::Math::IsNan:
      return one(kIsNan, Scalar::Bool);
    case typed::Math::Min:
      return two(kMin);
    case typed::Math::Max:
      return two(kMax);
    default:
      break;
  }
  const std::string name = "math." + std::string(typed::name(node.function)) + "." + std::string(vm::name(scalar));
  return eval_intrinsic(task_.intrinsic(name), node.arguments, target);
}

}  // namespace eyeflow::compiler::lowering
