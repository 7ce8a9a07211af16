#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::Constant;
using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

namespace {

BinaryOp typed_op(syntax::BinaryOp op) {
  // Both list the operators in one order; the syntax has one more at the end.
  return static_cast<BinaryOp>(op);
}
static_assert(static_cast<int>(syntax::BinaryOp::Or) == static_cast<int>(BinaryOp::Or));
static_assert(static_cast<int>(syntax::BinaryOp::Shr) == static_cast<int>(BinaryOp::Shr));

bool is_comparison(syntax::BinaryOp op) { return op >= syntax::BinaryOp::Eq && op <= syntax::BinaryOp::Ge; }

bool is_time(const Value& v) { return v.type().kind == TypeKind::Time || v.type().kind == TypeKind::Duration; }
bool is_duration(const Value& v) { return v.type().kind == TypeKind::Duration; }
bool is_whole(const Type& type) { return typed::is_array(type.kind) || type.kind == TypeKind::Record; }

// Whether all of it is looked at by ==: what is missing equals nothing.
bool has_equality(const Type& type) {
  if (typed::is_array(type.kind)) return has_equality(*type.element);
  if (type.kind == TypeKind::Record)
    return std::ranges::all_of(type.record->fields, [](const typed::Field& f) { return has_equality(f.type); });
  return type.kind != TypeKind::Optional;
}

bool is_number(const Value& v) { return typed::is_number(v.type().kind); }

const char* spelling(BinaryOp op) {
  static constexpr const char* kText[] = {"+",  "-",  "*",  "/", "mod", "&", "|",  "^",   "<<",
                                          ">>", "==", "!=", "<", "<=",  ">", ">=", "and", "or"};
  return kText[static_cast<std::size_t>(op)];
}

}  // namespace

Value TaskChecker::operand_error(std::string_view op, const Value& left, const Value& right, const Span& span) {
  std::string hint;
  TypeKind a = left.type().kind, b = right.type().kind;
  if (op == "+" && (a == TypeKind::Text || b == TypeKind::Text)) hint = "texts are joined by interpolation: \"{a}{b}\"";
  if (op == "^" && (typed::is_float(a) || typed::is_float(b))) hint = "a power is x * x, or pow(x, y)";
  report(Code::OperandType, span,
         "'" + std::string(op) + "' is not defined for " + to_string(left.type()) + " and " + to_string(right.type()),
         hint);
  return {};
}

Value TaskChecker::make_binary(BinaryOp op, const Type& type, Value left, Value right, const Span& span) {
  const Constant* a = as_constant(*left.expr);
  const Constant* b = as_constant(*right.expr);
  bool literal = left.literal && right.literal;
  bool divides = op == BinaryOp::Div || op == BinaryOp::Mod;
  if (a && b) {
    auto folded = fold_binary(op, type, *a, *b);
    // A literal has no type yet: it may grow beyond int until it meets one.
    if (!folded && folded.error() == Code::ConstantOverflow && literal && type.kind == TypeKind::I64) {
      Type wide = type;
      wide.kind = TypeKind::U64;
      Wide x = whole(*a), y = whole(*b);
      Wide exact = op == BinaryOp::Add ? x + y : op == BinaryOp::Sub ? x - y : x * y;
      if (fits(exact, TypeKind::U64)) folded = make_whole(wide, exact);
    }
    if (!folded) {
      report(folded.error(), span,
             folded.error() == Code::ConstantDivision ? quoted(span) + " divides by zero"
                                                      : quoted(span) + " does not fit " + to_string(plain(type.kind)));
      return {};
    }
    Value out(make_constant(std::move(*folded), span));
    out.literal = literal && out.type().kind != TypeKind::Bool;
    out.with_unit = left.with_unit || right.with_unit;
    return out;
  }
  if (divides && b && !typed::is_float(b->type.kind) && whole(*b) == 0) {
    report(Code::ConstantDivision, right.expr->span, quoted(span) + " divides by zero");
    return {};
  }
  return Value(make_expr(type, span, typed::Binary{op, std::move(left.expr), std::move(right.expr)}));
}

Value TaskChecker::binary(const syntax::BinaryExpr& binary, const Span& span) {
  if (binary.op == syntax::BinaryOp::Default) return default_for(binary, span);
  for (const syntax::ExprPtr* side : {&binary.left, &binary.right}) {
    if (!*side || !std::holds_alternative<syntax::MissingExpr>((*side)->node)) continue;
    const syntax::ExprPtr& other = side == &binary.left ? binary.right : binary.left;
    report(Code::OperandType, binary.op_span, "nothing equals 'missing', not even it",
           other ? "write " + source_text(other->span) + " is missing" : "");
    return {};
  }
  // Beside a value of an enum, `idle` is one of its names.
  const bool right_tells = binary.left && std::holds_alternative<syntax::NameExpr>(binary.left->node) &&
                           is_bare_enum_value(std::get<syntax::NameExpr>(binary.left->node).name);
  Value left = right_tells ? Value() : expression(binary.left);
  Value right = expression(binary.right, left && left.type().kind == TypeKind::Enum ? &left.type() : nullptr);
  if (right_tells)
    left = expression(binary.left, right && right.type().kind == TypeKind::Enum ? &right.type() : nullptr);
  if (!left || !right) return {};
  const auto* chain = std::get_if<syntax::BinaryExpr>(&binary.left->node);
  bool is_chain = chain && is_comparison(chain->op) && is_comparison(binary.op) && left.type().kind == TypeKind::Bool &&
                  right.type().kind != TypeKind::Bool;
  if (is_chain) {
    std::string middle = source_text(chain->right->span);
    report(Code::ChainedComparison, binary.op_span, "comparisons do not chain",
           "write '… and " + middle + " " + source_text(binary.op_span) + " …'");
    return {};
  }
  return combine(typed_op(binary.op), std::move(left), std::move(right), binary.op_span, span);
}

Value TaskChecker::combine(BinaryOp op, Value left, Value right, const Span& op_span, const Span& span) {
  if (!left || !right) return {};
  for (const Value* v : {&left, &right}) {
    if (v->type().kind == TypeKind::None) {
      report(Code::NoValue, v->expr->span, quoted(v->expr->span) + " gives no value");
      return {};
    }
    if (report_optional(*v)) return {};
  }
  if ((op == BinaryOp::Eq || op == BinaryOp::Ne) && is_whole(left.type()) && is_whole(right.type())) {
    const bool are_lists = left.type().kind == TypeKind::BoundedArray && right.type().kind == TypeKind::BoundedArray &&
                           *left.type().element == *right.type().element;
    if ((left.type() != right.type() && !are_lists) || !has_equality(left.type()))
      return operand_error(spelling(op), left, right, op_span);
    return Value(
        make_expr(plain(TypeKind::Bool), span, typed::Binary{op, std::move(left.expr), std::move(right.expr)}));
  }
  if (typed::is_array(left.type().kind) || typed::is_array(right.type().kind)) {
    if (op < BinaryOp::Add || op > BinaryOp::Div)
      return no_whole_form(
          "'" + std::string(spelling(op)) + "' takes single values; of whole arrays there are + - * / == and !=",
          op_span);
    std::vector<Value> operands;
    operands.push_back(std::move(left));
    operands.push_back(std::move(right));
    return on_elements(std::move(operands), span, [&](std::vector<Value> v) {
      return combine(op, std::move(v[0]), std::move(v[1]), op_span, span);
    });
  }
  switch (op) {
    case BinaryOp::And:
    case BinaryOp::Or:
      return logic(op, std::move(left), std::move(right), span);
    case BinaryOp::Eq:
    case BinaryOp::Ne:
    case BinaryOp::Lt:
    case BinaryOp::Le:
    case BinaryOp::Gt:
    case BinaryOp::Ge:
      return comparison(op, std::move(left), std::move(right), op_span, span);
    case BinaryOp::BitAnd:
    case BinaryOp::BitOr:
    case BinaryOp::BitXor:
    case BinaryOp::Shl:
    case BinaryOp::Shr:
      return bits(op, std::move(left), std::move(right), op_span, span);
    default:
      return arithmetic(op, std::move(left), std::move(right), op_span, span);
  }
}

// ---- + - * / mod
// -------------------------------------------------------------------------------------------------------

Value TaskChecker::arithmetic(BinaryOp op, Value left, Value right, const Span& op_span, const Span& span) {
  if (is_time(left) || is_time(right)) return time_arithmetic(op, std::move(left), std::move(right), op_span, span);
  if (!is_number(left) || !is_number(right)) return operand_error(spelling(op), left, right, op_span);
  if (op == BinaryOp::Mod && (typed::is_float(left.type().kind) || typed::is_float(right.type().kind))) {
    const Type& type = typed::is_float(left.type().kind) ? left.type() : right.type();
    report(Code::OperandType, op_span, "'mod' is for whole numbers and durations, not " + to_string(type),
           "write a - b * f64(floor(a / b))");
    return {};
  }
  if (!unify(left, right)) return {};
  if (op == BinaryOp::Add || op == BinaryOp::Sub) return sum(op, std::move(left), std::move(right), span);
  if (op == BinaryOp::Mul || op == BinaryOp::Div) return product(op, std::move(left), std::move(right), span);
  right = to_unit(std::move(right), left.type().unit, typed::unit_of(left.type()));
  if (!right) return {};
  Type type = left.type();
  return make_binary(op, type, std::move(left), std::move(right), span);
}

Value TaskChecker::points_added(const Value& left, const Value& right, const Span& span) {
  const stdlib::Unit& point = typed::unit_of(left.type());
  const auto level = stdlib::level_scale(point);
  const std::string linear = stdlib::linear_text(point);
  std::string hint = "a difference is in " + stdlib::difference_unit(point).text;
  if (!level)
    hint += "; a mean is a + (b - a) / 2";
  else if (linear == "Pa")
    hint += typed::level_of_all(point);
  else
    hint += "; " + std::string(level->factor == 10 ? "powers" : "voltages") + " add as (a.to(" + linear + ") + b.to(" +
            linear + ")).to(" + point.text + ")";
  report(Code::PointsAdded, span,
         quoted(left.expr->span) + " and " + quoted(right.expr->span) + " are both " + typed::points_name(point) +
             ": their sum means nothing",
         std::move(hint));
  return {};
}

Value TaskChecker::sum(BinaryOp op, Value left, Value right, const Span& span) {
  Type a = left.type(), b = right.type();
  if (typed::is_point(a) && typed::is_point(b)) {
    if (op == BinaryOp::Add) {
      return points_added(left, right, span);
    }
    std::optional<Span> point;
    if (right.literal) point = right.expr->span;
    right = to_unit(std::move(right), a.unit, typed::unit_of(a));
    if (!right) return {};
    Type type = number(a.kind, stdlib::difference_unit(typed::unit_of(a)));
    Value out = make_binary(op, type, std::move(left), std::move(right), span);
    out.subtracted_point = point;
    return out;
  }
  if (typed::is_point(b)) {
    if (op == BinaryOp::Add) {  // K + °C: the point moves by the difference
      Type difference = number(b.kind, stdlib::difference_unit(typed::unit_of(b)));
      left = to_unit(std::move(left), difference.unit, typed::unit_of(difference));
      if (!left) return {};
      return make_binary(op, b, std::move(left), std::move(right), span);
    }
    report_units(right, typed::unit_of(a));
    return {};
  }
  Type difference = typed::is_point(a) ? number(a.kind, stdlib::difference_unit(typed::unit_of(a))) : a;
  // `2 + x` with a quantity x: the literal is what lacks a unit.
  if (left.literal && !a.unit && b.unit && !right.literal) {
    report_units(left, typed::unit_of(b));
    return {};
  }
  right = to_unit(std::move(right), difference.unit, typed::unit_of(difference));
  if (!right) return {};
  return make_binary(op, a, std::move(left), std::move(right), span);
}

Value TaskChecker::product(BinaryOp op, Value left, Value right, const Span& span) {
  Type type = left.type();
  const stdlib::Unit& a = typed::unit_of(left.type());
  const stdlib::Unit& b = typed::unit_of(right.type());
  for (const Value* v : {&left, &right}) {
    if (!typed::is_point(v->type())) continue;
    report(Code::PointArithmetic, v->expr->span,
           quoted(v->expr->span) + " is " + typed::point_name(typed::unit_of(v->type())) +
               ": a point on a scale has no multiple",
           "subtract one first, or write .to(" + stdlib::linear_text(typed::unit_of(v->type())) + ")");
    return {};
  }
  if (stdlib::is_plain(a) && stdlib::is_plain(b)) {
    return make_binary(op, type, std::move(left), std::move(right), span);
  }
  auto unit = op == BinaryOp::Mul ? stdlib::multiply(a, b) : stdlib::divide(a, b);
  if (!unit) {
    report(Code::DimensionMismatch, span, unit.error().message);
    return {};
  }
  stdlib::Unit settled = stdlib::settled(*unit);
  type.unit = arena_.intern_unit({*unit});
  Value out = make_binary(op, type, std::move(left), std::move(right), span);
  if (!out || stdlib::mixing(*unit, settled) == stdlib::Mixing::Same) return out;
  return to_unit(std::move(out), arena_.intern_unit({settled}), settled, true);
}

Value TaskChecker::time_arithmetic(BinaryOp op, Value left, Value right, const Span& op_span, const Span& span) {
  Type duration = plain(TypeKind::Duration), time = plain(TypeKind::Time), whole_type = plain(TypeKind::I64);
  bool additive = op == BinaryOp::Add || op == BinaryOp::Sub;
  bool left_float = typed::is_float(left.type().kind), right_float = typed::is_float(right.type().kind);

  if (left.type().kind == TypeKind::Time || right.type().kind == TypeKind::Time) {
    if (left.type() == time && right.type() == time) {
      if (op == BinaryOp::Sub) return make_binary(op, duration, std::move(left), std::move(right), span);
      if (op == BinaryOp::Add) {
        report(Code::PointsAdded, span, "the sum of two times means nothing", "a difference is a duration: a - b");
        return {};
      }
      return operand_error(spelling(op), left, right, op_span);
    }
    bool moves = additive && (left.type() == time || op == BinaryOp::Add);
    Value& step = left.type() == time ? right : left;
    if (!moves || (!is_duration(step) && !is_number(step))) return operand_error(spelling(op), left, right, op_span);
    typed::ExprPtr by = coerce(std::move(step), duration);
    if (!by) return {};
    Value point = left.expr && left.type() == time ? std::move(left) : std::move(right);
    return make_binary(op, time, std::move(point), Value(std::move(by)), span);
  }

  if (is_duration(left) && is_duration(right)) {
    if (additive || op == BinaryOp::Mod) return make_binary(op, duration, std::move(left), std::move(right), span);
    left = duration_to_float(std::move(left), TypeKind::F64);
    right = duration_to_float(std::move(right), TypeKind::F64);
    return arithmetic(op, std::move(left), std::move(right), op_span, span);
  }
  if (left_float || right_float) {
    // With a float a duration is a quantity in seconds; a sum keeps what stands on the left.
    if (op == BinaryOp::Mod) return operand_error("mod", left, right, op_span);
    if (additive && is_duration(left) && !left.literal) {
      typed::ExprPtr by = coerce(std::move(right), duration);
      if (!by) return {};
      return make_binary(op, duration, std::move(left), Value(std::move(by)), span);
    }
    TypeKind kind = left_float ? left.type().kind : right.type().kind;
    if (is_duration(left)) left = duration_to_float(std::move(left), kind);
    if (is_duration(right)) right = duration_to_float(std::move(right), kind);
    return arithmetic(op, std::move(left), std::move(right), op_span, span);
  }

  // A duration and a whole number.
  if (!is_number(left) && !is_number(right)) return operand_error(spelling(op), left, right, op_span);
  if (!(is_duration(left) ? is_number(right) : is_number(left)))
    return operand_error(spelling(op), left, right, op_span);
  if (additive) {
    Value& bare = is_duration(left) ? right : left;
    coerce(std::move(bare), duration);  // says that it has no unit
    return {};
  }
  if (op == BinaryOp::Mul || (op == BinaryOp::Div && is_duration(left))) {
    Value& count = is_duration(left) ? right : left;
    if (count.type().unit) return operand_error(spelling(op), left, right, op_span);
    bool both_literal = left.literal && right.literal;
    TypeKind kind = count.type().kind;
    if (count.literal)
      count = literal_to_kind(std::move(count), TypeKind::I64);
    else if (kind == TypeKind::U64)
      count = make_convert(ConvertOp::Narrow, whole_type, std::move(count));
    else if (kind != TypeKind::I64)
      count = make_convert(ConvertOp::Widen, whole_type, std::move(count));
    if (!count) return {};
    if (!is_duration(left)) std::swap(left, right);
    Value out = make_binary(op, duration, std::move(left), std::move(right), span);
    out.literal = out && both_literal;
    return out;
  }
  if (op == BinaryOp::Div && left.literal) {
    left = literal_to_kind(std::move(left), TypeKind::F64);
    right = duration_to_float(std::move(right), TypeKind::F64);
    return combine(op, std::move(left), std::move(right), op_span, span);
  }
  if (op == BinaryOp::Div) {
    report(Code::NeedsConversion, left.expr->span,
           quoted(left.expr->span) + " is " + to_string(left.type()) + ", but a frequency is a float",
           "write f64(" + source_text(left.expr->span) + ")");
    return {};
  }
  return operand_error(spelling(op), left, right, op_span);
}

// ---- Comparison, bits, logic
// -------------------------------------------------------------------------------------------

Value TaskChecker::comparison(BinaryOp op, Value left, Value right, const Span& op_span, const Span& span) {
  Type boolean = plain(TypeKind::Bool);
  if (is_duration(left) && is_number(right) && !typed::is_integer(right.type().kind)) {
    left = duration_to_float(std::move(left), right.type().kind);
  } else if (is_duration(right) && is_number(left) && !typed::is_integer(left.type().kind)) {
    right = duration_to_float(std::move(right), left.type().kind);
  } else if (is_duration(left) && is_number(right)) {
    right = Value(coerce(std::move(right), left.type()));
  } else if (is_duration(right) && is_number(left)) {
    left = Value(coerce(std::move(left), right.type()));
  }
  if (!left || !right) return {};
  // `last == 0 s`: a time that is known is written as what has passed since 1970, as in a state that begins with it.
  if (is_time(left) && is_time(right) && left.type().kind != right.type().kind) {
    Value& since = is_duration(left) ? left : right;
    if (const Constant* c = since.literal ? as_constant(*since.expr) : nullptr) {
      Constant time = *c;
      time.type = plain(TypeKind::Time);
      since = Value(make_constant(std::move(time), since.expr->span));
    }
  }
  if (is_number(left) && is_number(right)) {
    if (!unify(left, right)) return {};
    // The literal is what converts: nothing is left to do at run time, and a missing unit is reported where it lacks.
    bool convert_left = left.literal && !right.literal;
    Value& moved = convert_left ? left : right;
    Type target = convert_left ? right.type() : left.type();
    moved = to_unit(std::move(moved), target.unit, typed::unit_of(target));
    if (!moved) return {};
    return make_binary(op, boolean, std::move(left), std::move(right), span);
  }
  TypeKind kind = left.type().kind;
  bool ordered = op != BinaryOp::Eq && op != BinaryOp::Ne;
  bool comparable = kind == right.type().kind &&
                    (kind == TypeKind::Time || kind == TypeKind::Duration ||
                     (!ordered && (kind == TypeKind::Bool || kind == TypeKind::Text || kind == TypeKind::Enum)));
  if (comparable && kind == TypeKind::Enum) comparable = left.type() == right.type();
  if (!comparable) return operand_error(spelling(op), left, right, op_span);
  return make_binary(op, boolean, std::move(left), std::move(right), span);
}

Value TaskChecker::bits(BinaryOp op, Value left, Value right, const Span& op_span, const Span& span) {
  auto is_plain_whole = [](const Value& v) { return typed::is_integer(v.type().kind) && !v.type().unit; };
  if (!is_plain_whole(left) || !is_plain_whole(right)) return operand_error(spelling(op), left, right, op_span);
  if (left.literal && right.literal) {
    left = literal_to_kind(std::move(left), TypeKind::U64);
    right = literal_to_kind(std::move(right), TypeKind::U64);
    if (!left || !right) return {};
    Value out = make_binary(op, plain(TypeKind::U64), std::move(left), std::move(right), span);
    if (out && fits(whole(*as_constant(*out.expr)), TypeKind::I64))
      return literal_to_kind(std::move(out), TypeKind::I64);
    return out;
  }
  if (!unify(left, right)) return {};
  if (!typed::is_modular(left.type().kind)) {
    report(Code::OperandType, op_span,
           "'" + std::string(spelling(op)) + "' is for u8, u16, u32 and u64, not " + to_string(left.type()),
           "write u64(…)");
    return {};
  }
  Type type = left.type();
  return make_binary(op, type, std::move(left), std::move(right), span);
}

Value TaskChecker::logic(BinaryOp op, Value left, Value right, const Span& span) {
  bool ok = true;
  for (const Value* v : {&left, &right}) {
    if (v->type().kind == TypeKind::Bool) continue;
    report(Code::TypeMismatch, v->expr->span,
           quoted(v->expr->span) + " is " + to_string(v->type()) + ", but '" + spelling(op) + "' takes bool");
    ok = false;
  }
  if (!ok) return {};
  return make_binary(op, plain(TypeKind::Bool), std::move(left), std::move(right), span);
}

// An element of an array: neither a literal nor a constant.
Value TaskChecker::negate(Value operand, const Span& span) {
  Type type = operand.type();
  if (typed::is_point(type)) {
    report(
        Code::PointArithmetic, span,
        quoted(operand.expr->span) + " holds " + typed::points_name(typed::unit_of(type)) + ": a point has no opposite",
        "subtract a point first");
    return {};
  }
  return Value(make_expr(type, span, typed::Unary{typed::UnaryOp::Negate, std::move(operand.expr)}));
}

Value TaskChecker::unary(const syntax::UnaryExpr& unary, const Span& span) {
  Value operand = expression(unary.operand);
  if (!operand || report_optional(operand)) return {};
  if (unary.op == syntax::UnaryOp::Negate && typed::is_array(operand.type().kind)) {
    std::vector<Value> operands;
    operands.push_back(std::move(operand));
    return on_elements(std::move(operands), span, [&](std::vector<Value> v) { return negate(std::move(v[0]), span); });
  }
  TypeKind kind = operand.type().kind;
  auto refuse = [&](std::string message, std::string hint = {}) {
    report(Code::OperandType, span, std::move(message), std::move(hint));
    return Value();
  };
  std::string type_text = to_string(operand.type());
  typed::UnaryOp op{};
  switch (unary.op) {
    case syntax::UnaryOp::Not:
      op = typed::UnaryOp::Not;
      if (kind != TypeKind::Bool) return refuse("'not' takes bool, not " + type_text);
      break;
    case syntax::UnaryOp::BitNot:
      op = typed::UnaryOp::BitNot;
      if (operand.literal)
        return refuse("a literal has no width to turn its bits in", "write ~u8(…), or another u type");
      if (!typed::is_modular(kind)) return refuse("'~' is for u8, u16, u32 and u64, not " + type_text, "write u64(…)");
      break;
    case syntax::UnaryOp::Negate:
      op = typed::UnaryOp::Negate;
      if (typed::is_point(operand.type()) && !operand.literal) {
        const stdlib::Unit& point = typed::unit_of(operand.type());
        report(Code::PointArithmetic, span,
               quoted(operand.expr->span) + " is " + typed::point_name(point) + ": a point has no opposite",
               "subtract it from a point: 0 " + point.text + " - …");
        return {};
      }
      if (kind != TypeKind::Duration && (!typed::is_number(kind) || (typed::is_modular(kind) && !operand.literal))) {
        return refuse("'-' is not defined for " + type_text);
      }
      break;
  }
  Type type = operand.type();
  const Constant* c = as_constant(*operand.expr);
  if (!c) return Value(make_expr(type, span, typed::Unary{op, std::move(operand.expr)}));
  // The lowest int is written with a number that is only an int behind its minus.
  bool is_large = operand.literal && kind == TypeKind::U64;
  auto folded = is_large && fits(-whole(*c), TypeKind::I64)
                    ? std::expected<Constant, Code>(make_whole(plain(TypeKind::I64), -whole(*c)))
                : is_large ? std::unexpected(Code::ConstantOverflow)
                           : fold_unary(op, *c);
  if (!folded) {
    report(folded.error(), span, quoted(span) + " does not fit " + to_string(plain(TypeKind::I64)));
    return {};
  }
  operand.expr = make_constant(std::move(*folded), span);
  if (operand.quantity) operand.quantity = -*operand.quantity;
  return operand;
}

}  // namespace eyeflow::compiler::check_detail
