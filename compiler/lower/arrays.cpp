#include "compiler/lower/body.h"
#include "vm/base/check.h"

// Whole arrays, by the instructions and intrinsics for them. Sources that are computed are made in Scratch; the last
// instruction alone writes the target, so that an array may be computed from itself in place.
namespace eyeflow::compiler::lowering {
namespace {

using typed::BinaryOp;
using vm::Op;

constexpr OpFamily kAddPair = op_family_detail::find("array.add."), kSubPair = op_family_detail::find("array.sub."),
                   kMulPair = op_family_detail::find("array.mul."), kDivPair = op_family_detail::find("array.div."),
                   kMinPair = op_family_detail::find("array.min."), kMaxPair = op_family_detail::find("array.max."),
                   kAddScalar = op_family_detail::find("array.add_scalar."),
                   kSubScalar = op_family_detail::find("array.sub_scalar."),
                   kMulScalar = op_family_detail::find("array.mul_scalar."),
                   kDivScalar = op_family_detail::find("array.div_scalar."),
                   kMinScalar = op_family_detail::find("array.min_scalar."),
                   kMaxScalar = op_family_detail::find("array.max_scalar."),
                   kSubFrom = op_family_detail::find("array.sub_from."),
                   kDivInto = op_family_detail::find("array.div_into."),
                   kNegEach = op_family_detail::find("array.neg."), kAbsEach = op_family_detail::find("array.abs."),
                   kSqrtEach = op_family_detail::find("array.sqrt."), kArraySum = op_family_detail::find("array.sum.");

constexpr EachFamily kAddEach{&kAddPair, &kAddScalar, &kAddScalar}, kSubEach{&kSubPair, &kSubScalar, &kSubFrom},
    kMulEach{&kMulPair, &kMulScalar, &kMulScalar}, kDivEach{&kDivPair, &kDivScalar, &kDivInto},
    kMinEach{&kMinPair, &kMinScalar, nullptr}, kMaxEach{&kMaxPair, &kMaxScalar, nullptr};

bool is_whole(const typed::Expr& expr) { return typed::is_array(expr.type.kind); }

std::string_view spelling(typed::ArrayFunction function) {
  constexpr std::string_view kNames[] = {
#define EYEFLOW_ARRAY_FUNCTION(Name, spelling, arity) spelling,
#include "compiler/check/array_functions.def"
  };
  return kNames[static_cast<std::size_t>(function)];
}

}  // namespace

bool Body::is_elementwise(const typed::Expr& value) {
  return is_whole(value) &&
         (std::holds_alternative<typed::Binary>(value.node) || std::holds_alternative<typed::Unary>(value.node) ||
          std::holds_alternative<typed::MathCall>(value.node));
}

void Body::assign_each(SlotId to, const typed::Expr& value) {
  if (const auto* node = std::get_if<typed::Binary>(&value.node)) {
    const EachFamily* family = node->op == BinaryOp::Add   ? &kAddEach
                               : node->op == BinaryOp::Sub ? &kSubEach
                               : node->op == BinaryOp::Mul ? &kMulEach
                                                           : &kDivEach;
    EYEFLOW_CHECK(family != &kDivEach || node->op == BinaryOp::Div);
    assign_pair(to, *family, *node->left, *node->right);
  } else if (const auto* unary = std::get_if<typed::Unary>(&value.node)) {
    assign_one(to, kNegEach, *unary->operand);
  } else {
    const auto& call = std::get<typed::MathCall>(value.node);
    switch (call.function) {
      case typed::Math::Abs:
        return assign_one(to, kAbsEach, *call.arguments[0]);
      case typed::Math::Sqrt:
        return assign_one(to, kSqrtEach, *call.arguments[0]);
      case typed::Math::Min:
        return assign_pair(to, kMinEach, *call.arguments[0], *call.arguments[1]);
      case typed::Math::Max:
        return assign_pair(to, kMaxEach, *call.arguments[0], *call.arguments[1]);
      default:
        EYEFLOW_CHECK(!"a function without an instruction on whole arrays");
    }
  }
}

// Traps where two lists are not of one length; arrays are.
void Body::check_lengths(SlotId left, SlotId right) {
  if (!task_.module.leaf(left).is_list() || left == right) return;
  const Label fine = code_.new_label();
  {
    const Temp a = reference(left), b = reference(right);
    Temp x = code_.take(vm::type_id(vm::Scalar::I64)), y = code_.take(vm::type_id(vm::Scalar::I64));
    code_.emit(Op::ListLen, index(x.reg()), index(a.reg()));
    code_.emit(Op::ListLen, index(y.reg()), index(b.reg()));
    const Temp same = binary(Op::EqI64, std::move(x), std::move(y), vm::Scalar::Bool, {});
    code_.jump_if(true, same.reg(), fine);
  }
  code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::LengthsDiffer));
  code_.bind(fine);
}

// Traps where a list has no element to give.
void Body::check_not_empty(SlotId list) {
  if (!task_.module.leaf(list).is_list()) return;
  const Temp zero = load_constant(vm::Scalar::I64, 0), ref = reference(list);
  const Temp first = code_.take(vm::type_id(task_.module.leaf(list).scalar));
  code_.emit(*kListGet[task_.module.leaf(list).scalar], index(first.reg()), index(ref.reg()), index(zero.reg()));
}

// A list takes the length of what it is computed from, and is computed in place.
void Body::begin_as(SlotId to, SlotId from) {
  copy(Leaf::at(from, task_.module.leaf(from)), Leaf::at(to, task_.module.leaf(to)));
}

void Body::assign_one(SlotId to, const OpFamily& family, const typed::Expr& operand) {
  const Place place_of_operand = place(operand);
  SlotId from = place_of_operand.leaves[0].slot;
  const vm::Scalar scalar = task_.module.leaf(to).scalar;
  if (task_.module.leaf(to).is_list()) {
    begin_as(to, from);
    from = to;
  }
  const Temp a = whole_reference(to), b = whole_reference(from);
  code_.emit(*family[scalar], index(a.reg()), index(b.reg()));
}

void Body::assign_pair(SlotId to, const EachFamily& family, const typed::Expr& left, const typed::Expr& right) {
  const vm::Scalar scalar = task_.module.leaf(to).scalar;
  const bool is_list = task_.module.leaf(to).is_list();
  if (is_whole(left) && is_whole(right)) {
    const Place l = settled_place(left, has_call(right));
    Place r = place(right);
    SlotId first = l.leaves[0].slot;
    check_lengths(first, r.leaves[0].slot);
    if (is_list) {
      if (r.leaves[0].slot == to && first != to) {  // it is about to be replaced
        const Leaf kept = scratch_leaf(r, task_.module.leaf(to));
        begin_as(kept.slot, to);
        r.leaves[0] = kept;
      }
      begin_as(to, first);
      first = to;
    }
    const Temp a = whole_reference(to), b = whole_reference(first), c = whole_reference(r.leaves[0].slot);
    code_.emit(*(*family.pair)[scalar], index(a.reg()), index(b.reg()), index(c.reg()));
    return;
  }
  // One of them is a scalar.
  const bool scalar_first = is_whole(right);
  Place whole;
  Temp number;
  if (scalar_first) {
    number = eval(left);
    whole = place(right);
  } else {
    whole = settled_place(left, has_call(right));
    number = eval(right);
  }
  SlotId from = whole.leaves[0].slot;
  if (is_list) {
    begin_as(to, from);
    from = to;
  }
  const Temp a = whole_reference(to), b = whole_reference(from);
  if (const OpFamily* const by = scalar_first ? family.from : family.with; by != nullptr) {
    code_.emit(*(*by)[scalar], index(a.reg()), index(b.reg()), index(number.reg()));
    return;
  }
  // The order tells zeros and NaN apart: an array full of the scalar stands on the left.
  Place full;
  const Leaf filled = scratch_leaf(full, task_.module.leaf(to));
  if (is_list) begin_as(filled.slot, from);
  const Temp f = whole_reference(filled.slot);
  code_.emit(*kArrayFill[scalar], index(f.reg()), index(number.reg()));
  code_.emit(*(*family.pair)[scalar], index(a.reg()), index(f.reg()), index(b.reg()));
}

Temp Body::eval(const typed::Expr& expr, const typed::ArrayCall& node, std::optional<RegId> target) {
  using enum typed::ArrayFunction;
  if (node.function >= Resize) return eval_image(node, target);
  if (node.function >= Crc16) return eval_bytes(expr, node, target);
  const typed::Expr& first = *node.arguments[0];
  const vm::Scalar scalar = scalar_of(first.type.element->kind);
  std::vector<Place> kept;
  // The sum and the mean of products are one pass without an array between: the same order, the same bits.
  const auto* products = std::get_if<typed::Binary>(&first.node);
  const bool is_fixed = first.type.kind == typed::TypeKind::FixedArray;
  if ((node.function == Sum || node.function == Mean) && is_fixed && products && products->op == BinaryOp::Mul &&
      typed::is_float(first.type.element->kind) && is_whole(*products->left) && is_whole(*products->right)) {
    const typed::Expr* const factors[] = {products->left.get(), products->right.get()};
    Temp result = destination(scalar, target);
    emit_on_arrays("array.dot." + std::string(vm::name(scalar)), operands_of(factors, kept), index(result.reg()));
    if (node.function == Mean) {
      const double count = first.type.size;
      const Temp divisor = load_constant(
          scalar, scalar == vm::Scalar::F64 ? vm::to_word(count) : vm::to_word(static_cast<float>(count)));
      code_.emit(*kDiv[scalar], index(result.reg()), index(result.reg()), index(divisor.reg()));
    }
    return result;
  }
  std::vector<ArrayOperand> operands = operands_of(pointers(node.arguments), kept);
  if (operands.size() > 1 && operands[1].slot) check_lengths(*operands[0].slot, *operands[1].slot);
  const bool gives_one = node.function == Argmax || node.function == Argmin ||
                         ((node.function == Min || node.function == Max) && !typed::is_float(first.type.element->kind));
  if (gives_one) check_not_empty(*operands[0].slot);
  if (node.function == Sum) {
    const Temp array = whole_reference(*operands[0].slot);
    Temp result = destination(scalar, target);
    code_.emit(*kArraySum[scalar], index(result.reg()), index(array.reg()));
    return result;
  }
  Place scratch;
  if (node.function == Percentile) {
    // As long as what is sorted in it.
    const Leaf sorted = scratch_leaf(scratch, task_.module.leaf(*operands[0].slot));
    if (!is_fixed) begin_as(sorted.slot, *operands[0].slot);
    operands.insert(operands.begin() + 1, ArrayOperand::at(sorted.slot));
  }
  const std::string area = node.function == Dot                                    ? "array."
                           : node.function == Band || node.function == Interpolate ? "signal."
                                                                                   : "stats.";
  const std::string name = area + std::string(spelling(node.function)) + "." + std::string(vm::name(scalar));
  Temp result = destination(scalar_of(expr.type.kind), target);
  emit_on_arrays(name, std::move(operands), index(result.reg()));
  return result;
}

// Four rows a call, in a loop. `to` is none of the arguments.
void Body::assign_matmul(SlotId to, const typed::ArrayCall& node) {
  constexpr std::uint32_t kRowsPerCall = 4;
  const Place a = settled_place(*node.arguments[0], has_call(*node.arguments[1]));
  const Place b = place(*node.arguments[1]);
  const LeafType& type = task_.module.leaf(to);
  const std::uint32_t rows = type.capacity / node.count;
  const std::uint32_t calls = (rows + kRowsPerCall - 1) / kRowsPerCall;
  const SlotId from_a = a.leaves[0].slot, from_b = b.leaves[0].slot;
  const vm::TypeId number = vm::type_id(vm::Scalar::I64);
  const vm::TypeId types[] = {reference_type(to), reference_type(from_a), reference_type(from_b), number, number};
  const std::vector<Temp> run = code_.take_run(types);
  const std::uint16_t id = task_.intrinsic("array.matmul." + std::string(vm::name(type.scalar))).id;
  const Temp trips = load_constant(vm::Scalar::I64, calls);
  const Label end = code_.new_label();
  const RegId counter = begin_loop(trips.reg(), calls, end);
  const std::uint32_t top = code_.here();
  reference_into(to, run[0].reg());
  reference_into(from_a, run[1].reg());
  reference_into(from_b, run[2].reg());
  code_.emit(Op::LoopIndex, index(run[3].reg()), index(counter));
  load_constant(vm::Scalar::I64, kRowsPerCall, run[4].reg());
  code_.emit(Op::MulI64, index(run[3].reg()), index(run[3].reg()), index(run[4].reg()));
  load_constant(vm::Scalar::I64, node.count, run[4].reg());
  code_.emit(Op::CallIntrinsic, 0, id, index(run[0].reg()));
  code_.emit_back(Op::LoopNext, index(counter), 0, 0, top);
  code_.bind(end);
}

}  // namespace eyeflow::compiler::lowering
