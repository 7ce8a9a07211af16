#include <cmath>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::Constant;
using typed::ConvertOp;
using typed::ExprPtr;
using typed::Type;
using typed::TypeKind;

const Constant* as_constant(const typed::Expr& expr) {
  const auto* node = std::get_if<typed::ConstantExpr>(&expr.node);
  return node ? &node->constant : nullptr;
}

ExprPtr make_constant(Constant constant, const Span& span) {
  Type type = constant.type;
  return make_expr(type, span, typed::ConstantExpr{std::move(constant)});
}

void retag(typed::Expr& expr, const Type& type) {
  expr.type = type;
  if (auto* node = std::get_if<typed::ConstantExpr>(&expr.node)) node->constant.type = type;
}

namespace {

std::string range_text(TypeKind kind) {
  switch (kind) {
    case TypeKind::U8:
      return "0 to 255";
    case TypeKind::U16:
      return "0 to 65535";
    case TypeKind::U32:
      return "0 to 4294967295";
    case TypeKind::U64:
      return "0 to 18446744073709551615";
    case TypeKind::I32:
      return "-2147483648 to 2147483647";
    default:
      return "-9223372036854775808 to 9223372036854775807";
  }
}

// The number of a literal as written, without its unit: "2" of "2 °C".
std::string_view number_text(std::string_view text) {
  std::size_t end = text.find_first_not_of("0123456789._-+eE");
  text = text.substr(0, end);
  while (!text.empty() && (text.back() == ' ' || text.back() == 'e' || text.back() == 'E')) text.remove_suffix(1);
  return text;
}

}  // namespace

// ---- Units
// -------------------------------------------------------------------------------------------------------------

bool TaskChecker::report_units(const Value& value, const stdlib::Unit& target) {
  const stdlib::Unit& from = typed::unit_of(value.type());
  const Span& span = value.expr->span;
  std::string text = source_text(span);
  std::string number(number_text(text));
  bool is_short_literal = value.literal && !number.empty();
  if (stdlib::is_plain(from) && value.literal) {
    report(Code::UnitNeeded, span,
           quoted(span) + " has no unit, but " + typed::quantity_name(target) + " is needed here",
           is_short_literal ? "write '" + number + " " + target.text + "'" : "");
    return false;
  }
  if (from.is_point != target.is_point &&
      stdlib::same_dimension(stdlib::difference_unit(from), stdlib::difference_unit(target))) {
    Span place = from.is_point || !value.subtracted_point ? span : *value.subtracted_point;
    if (from.is_point || value.subtracted_point) {
      std::string point = source_text(place);
      number = number_text(point);
      const stdlib::Unit& point_unit = from.is_point ? from : target;
      report(Code::PointForDifference, place,
             quoted(place) + " is " + typed::point_name(point_unit) + ", but a difference is needed here",
             number.empty() ? stdlib::mixing_hint(from, target)
                            : "write '" + number + " " + stdlib::difference_unit(point_unit).text + "'");
    } else {
      report(Code::PointForDifference, place,
             quoted(place) + " is " + typed::quantity_name(from) + ", but " + typed::quantity_name(target) +
                 " is needed here",
             is_short_literal ? "write '" + number + " " + target.text + "'" : stdlib::mixing_hint(from, target));
    }
    return false;
  }
  report(
      Code::DimensionMismatch, span,
      quoted(span) + " is " + typed::quantity_name(from) + ", but " + typed::quantity_name(target) + " is needed here",
      stdlib::mixing_hint(from, target));
  return false;
}

Value TaskChecker::to_unit(Value value, const typed::UnitInfo* unit, const stdlib::Unit& target, bool on_purpose) {
  const stdlib::Unit& from = typed::unit_of(value.type());
  Type type = value.type();
  type.unit = unit;
  if (on_purpose && from.is_point != target.is_point && (stdlib::level_scale(from) || stdlib::level_scale(target)))
    return level_to_unit(std::move(value), unit, target);
  stdlib::Mixing mixing = stdlib::mixing(from, target);
  auto conversion = stdlib::convert(from, target);
  bool allowed = mixing == stdlib::Mixing::Same || mixing == stdlib::Mixing::Converts || on_purpose;
  if (!allowed || !conversion) {
    report_units(value, target);
    return {};
  }
  if (mixing == stdlib::Mixing::Same || stdlib::is_identity(*conversion)) {
    retag(*value.expr, type);
    return value;
  }
  return scale(std::move(value), *conversion, type);
}

namespace {

// A single step by a number of f32 has one rounding in f32 as well, and the same result: f64 has more than twice its
// digits. Whole arrays have no other way.
bool is_exact_in_f32(const stdlib::Conversion& c) {
  const int steps = (c.before != 0) + (c.multiply != 1) + (c.divide != 1) + (c.after != 0);
  const auto fits = [](double x) { return static_cast<double>(static_cast<float>(x)) == x; };
  return steps == 1 && fits(c.before) && fits(c.multiply) && fits(c.divide) && fits(c.after);
}

}  // namespace

// In f64 even for an f32, so that it is rounded to f32 once.
Value TaskChecker::scale(Value value, const stdlib::Conversion& conversion, const Type& type) {
  Span span = value.expr->span;
  if (const Constant* c = as_constant(*value.expr)) {
    bool is_whole = typed::is_integer(type.kind);
    double result = stdlib::apply(conversion, is_whole ? static_cast<double>(whole(*c)) : std::get<double>(c->value));
    if (!is_whole) {
      value.expr = make_constant(make_float(type, result), span);
      return value;
    }
    if (std::trunc(result) == result && std::fabs(result) < 0x1p53 && fits(static_cast<Wide>(result), type.kind)) {
      value.expr = make_constant(make_whole(type, static_cast<Wide>(result)), span);
      return value;
    }
  }
  if (typed::is_integer(type.kind)) {
    report(Code::NeedsConversion, span,
           quoted(span) + " is a whole number in " + typed::unit_text(value.type()) + ", and " +
               typed::unit_text(type) + " is needed here",
           "whole numbers do not convert their unit: write f64(…)");
    return {};
  }
  const bool widens = type.kind == TypeKind::F32 && !is_exact_in_f32(conversion);
  Type wide = type;
  if (widens) wide.kind = TypeKind::F64;
  ExprPtr expr = std::move(value.expr);
  if (widens) expr = make_expr(wide, span, typed::Convert{ConvertOp::F32ToF64, std::move(expr)});
  auto step = [&](BinaryOp op, double number, double neutral) {
    if (number == neutral) return;
    expr = make_expr(wide, span, typed::Binary{op, std::move(expr), make_constant(make_float(wide, number), span)});
  };
  step(BinaryOp::Add, conversion.before, 0);
  step(BinaryOp::Mul, conversion.multiply, 1);
  step(BinaryOp::Div, conversion.divide, 1);
  step(BinaryOp::Add, conversion.after, 0);
  if (widens) expr = make_expr(type, span, typed::Convert{ConvertOp::F64ToF32, std::move(expr)});
  expr->type = type;
  return Value(std::move(expr));
}

// ---- Kinds of numbers
// --------------------------------------------------------------------------------------------------

Value TaskChecker::literal_to_kind(Value value, TypeKind kind) {
  const Constant& c = *as_constant(*value.expr);
  Type type = value.type();
  type.kind = kind;
  Span span = value.expr->span;
  if (const double* number = std::get_if<double>(&c.value)) {
    if (typed::is_float(kind)) {
      value.expr = make_constant(make_float(type, *number), span);
      return value;
    }
    bool is_whole = value.with_unit && std::trunc(*number) == *number && std::fabs(*number) < 0x1p63;
    if (!is_whole) {
      report(Code::TypeMismatch, span,
             quoted(span) + " is not a whole number, but " + to_string(type) + " is needed here",
             "round(…), floor(…) or trunc(…) make one");
      return {};
    }
  }
  Wide number = std::holds_alternative<double>(c.value) ? static_cast<Wide>(std::get<double>(c.value)) : whole(c);
  if (typed::is_float(kind)) {
    auto folded = fold_convert(ConvertOp::IntToFloat, type, c);
    value.expr = make_constant(std::move(*folded), span);
    return value;
  }
  if (!fits(number, kind)) {
    report(Code::ConstantOverflow, span, quoted(span) + " does not fit " + to_string(plain(kind)),
           to_string(plain(kind)) + " holds " + range_text(kind));
    return {};
  }
  value.expr = make_constant(make_whole(type, number), span);
  return value;
}

Value TaskChecker::duration_to_float(Value value, TypeKind kind) {
  Span span = value.expr->span;
  Type type = number(kind, *stdlib::parse_unit("s"));
  if (value.quantity) {
    type.unit = value.quantity_unit;
    Value out(make_constant(make_float(type, *value.quantity), span));
    out.literal = out.with_unit = true;
    return out;
  }
  Type seconds = type;
  seconds.kind = TypeKind::F64;
  Value out = make_convert(ConvertOp::DurationToSeconds, seconds, std::move(value));
  return kind == TypeKind::F32 ? make_convert(ConvertOp::F64ToF32, type, std::move(out)) : std::move(out);
}

Value TaskChecker::make_convert(ConvertOp op, const Type& type, Value operand) {
  if (!operand) return {};
  Span span = operand.expr->span;
  if (const Constant* c = as_constant(*operand.expr)) {
    auto folded = fold_convert(op, type, *c);
    if (!folded) {
      report(folded.error(), span, quoted(span) + " does not fit " + to_string(plain(type.kind)));
      return {};
    }
    return Value(make_constant(std::move(*folded), span));
  }
  return Value(make_expr(type, span, typed::Convert{op, std::move(operand.expr)}));
}

bool TaskChecker::unify(Value& left, Value& right) {
  TypeKind a = left.type().kind, b = right.type().kind;
  if (a == b) return true;
  // 2.0 beside a whole number: that is what has to be converted. (Elements of an array are converted by no call.)
  const auto is_float_beside = [&](const Value& literal, const Value& other) {
    const auto* local = std::get_if<typed::LocalExpr>(&other.expr->node);
    const bool is_element = local && typed::index(local->local) >= body_.locals.size();
    return typed::is_float(literal.type().kind) && !literal.with_unit && typed::is_integer(other.type().kind) &&
           !is_element;
  };
  if (left.literal && right.literal) {
    bool any_float = typed::is_float(a) || typed::is_float(b);
    TypeKind kind = any_float ? TypeKind::F64 : TypeKind::U64;
    left = literal_to_kind(std::move(left), kind);
    right = literal_to_kind(std::move(right), kind);
  } else if (left.literal && !is_float_beside(left, right)) {
    left = literal_to_kind(std::move(left), b);
  } else if (right.literal && !is_float_beside(right, left)) {
    right = literal_to_kind(std::move(right), a);
  } else {
    // The one to convert: whole numbers to the float, the narrow to the wide, all others to int.
    bool convert_left =
        typed::is_float(b) ? b == TypeKind::F64 || !typed::is_float(a) : !typed::is_float(a) && b == TypeKind::I64;
    const Value& other = convert_left ? right : left;
    const Value& converted = convert_left ? left : right;
    TypeKind to = typed::is_float(other.type().kind) ? other.type().kind : TypeKind::I64;
    report(Code::NeedsConversion, converted.expr->span,
           quoted(left.expr->span) + " is " + to_string(plain(a)) + ", but " + quoted(right.expr->span) + " is " +
               to_string(plain(b)),
           "write " + to_string(plain(to)) + "(" + source_text(converted.expr->span) + ")" +
               (to == TypeKind::I64 && other.type().kind != TypeKind::I64
                    ? ", and int(" + source_text(other.expr->span) + ")"
                    : ""));
    return false;
  }
  return left && right;
}

// ---- To what a place needs
// ---------------------------------------------------------------------------------------------

ExprPtr TaskChecker::mismatch(const Value& value, const Type& target) {
  report(
      Code::TypeMismatch, value.expr->span,
      quoted(value.expr->span) + " is " + to_string(value.type()) + ", but " + to_string(target) + " is needed here");
  return nullptr;
}

ExprPtr TaskChecker::coerce(Value value, const Type& target) {
  if (!value || target.kind == TypeKind::Error) return nullptr;
  const Type& from = value.type();
  if (from.kind == TypeKind::None) {
    report(Code::NoValue, value.expr->span, quoted(value.expr->span) + " gives no value");
    return nullptr;
  }
  if (from == target) return std::move(value.expr);
  if (target.kind == TypeKind::Optional && from.kind != TypeKind::Optional) {
    ExprPtr element = coerce(std::move(value), *target.element);
    if (!element) return nullptr;
    Span span = element->span;
    if (const Constant* c = as_constant(*element)) return make_constant({target, typed::Aggregate{{*c}}}, span);
    return make_expr(target, span, typed::Given{std::move(element)});
  }
  if (target.kind != TypeKind::Optional && report_optional(value)) return nullptr;
  if (typed::is_number(target.kind) && (typed::is_number(from.kind) || from.kind == TypeKind::Duration)) {
    return coerce_number(std::move(value), target);
  }
  if (target.kind == TypeKind::Duration && typed::is_number(from.kind)) {
    if (typed::is_integer(from.kind) && value.literal) {
      std::string text = source_text(value.expr->span);
      report(Code::UnitNeeded, value.expr->span,
             quoted(value.expr->span) + " has no unit, but a duration is needed here",
             "write '" + std::string(number_text(text)) + " s', or ms, min, h");
      return nullptr;
    }
    if (!typed::is_float(from.kind)) return mismatch(value, target);
    if (from.kind == TypeKind::F32) {
      Type wide = from;
      wide.kind = TypeKind::F64;
      value = make_convert(ConvertOp::F32ToF64, wide, std::move(value));
    }
    Type seconds = number(TypeKind::F64, *stdlib::parse_unit("s"));
    value = to_unit(std::move(value), seconds.unit, typed::unit_of(seconds));
    return value ? make_convert(ConvertOp::SecondsToDuration, target, std::move(value)).expr : nullptr;
  }
  // An image and as many bytes as it has are taken for each other.
  if (((typed::is_image(target) && is_bytes(from)) || (typed::is_image(from) && is_bytes(target))) &&
      from.kind == TypeKind::FixedArray && target.kind == TypeKind::FixedArray && from.size == target.size) {
    if (as_constant(*value.expr)) retag(*value.expr, target);
    return std::move(value.expr);
  }
  // There may be room for more. A part, and what is known, is built where it is wanted.
  if (target.kind == TypeKind::BoundedArray && from.kind == TypeKind::BoundedArray &&
      *from.element == *target.element && from.size <= target.size) {
    const bool is_built = as_constant(*value.expr) || std::holds_alternative<typed::Slice>(value.expr->node);
    if (is_built) retag(*value.expr, target);
    return std::move(value.expr);
  }
  if (target.kind == TypeKind::Text && from.kind == TypeKind::Text) return coerce_text(std::move(value), target);
  // A time to start with has no other spelling than what has passed since 1970.
  if (const typed::Constant* c = as_constant(*value.expr);
      c && place_ == Place::Constant && target.kind == TypeKind::Time && from.kind == TypeKind::Duration) {
    typed::Constant time = *c;
    time.type = target;
    return make_constant(std::move(time), value.expr->span);
  }
  return mismatch(value, target);
}

ExprPtr TaskChecker::coerce_number(Value value, const Type& target) {
  if (value.type().kind == TypeKind::Duration) {
    if (!typed::is_float(target.kind) || !target.unit) return mismatch(value, target);
    value = duration_to_float(std::move(value), target.kind);
  }
  if (!value) return nullptr;
  Span span = value.expr->span;
  TypeKind from = value.type().kind;
  if (from != target.kind && !value.literal) {
    std::string name = to_string(plain(target.kind)), text = source_text(span);
    bool to_whole = typed::is_float(from) && typed::is_integer(target.kind);
    report(Code::NeedsConversion, span,
           quoted(span) + " is " + to_string(value.type()) + ", but " + to_string(target) + " is needed here",
           to_whole ? "write round(" + text + "), floor(…) or trunc(…)" : "write " + name + "(" + text + ")");
    return nullptr;
  }
  // A literal's unit is converted while its number is still as exact as written.
  if (value.literal && typed::is_float(target.kind)) value = literal_to_kind(std::move(value), TypeKind::F64);
  if (value) value = to_unit(std::move(value), target.unit, typed::unit_of(target));
  if (value && value.type().kind != target.kind) value = literal_to_kind(std::move(value), target.kind);
  return std::move(value.expr);
}

ExprPtr TaskChecker::coerce_text(Value value, const Type& target) {
  Span span = value.expr->span;
  std::size_t least = value.type().size;  // a formatted text is cut; only what is literal must fit
  if (const auto* node = std::get_if<typed::Interpolate>(&value.expr->node)) {
    least = 0;
    for (const auto& part : node->parts) least += part.literal.size();
  } else if (const Constant* c = as_constant(*value.expr)) {
    least = std::get<std::string>(c->value).size();
  } else if (value.type().size > target.size) {
    report(Code::TypeMismatch, span,
           quoted(span) + " is " + to_string(value.type()) + " and may not fit " + to_string(target),
           "\"{" + source_text(span) + "}\" cuts it to fit");
    return nullptr;
  }
  if (least > target.size) {
    report(
        Code::TextTooLong, span,
        "this text takes at least " + std::to_string(least) + " bytes, but " + to_string(target) + " is needed here");
    return nullptr;
  }
  bool retags = std::holds_alternative<typed::Interpolate>(value.expr->node) || as_constant(*value.expr);
  if (retags) retag(*value.expr, target);
  return std::move(value.expr);
}

Value TaskChecker::settle(Value value) {
  if (!value) return value;
  if (value.type().kind == TypeKind::None) {
    report(Code::NoValue, value.expr->span, quoted(value.expr->span) + " gives no value");
    return {};
  }
  if (value.literal && value.type().kind == TypeKind::U64) value = literal_to_kind(std::move(value), TypeKind::I64);
  value.literal = false;
  value.quantity.reset();
  return value;
}

// ---- Constants
// ---------------------------------------------------------------------------------------------------------

namespace {

std::optional<Constant> constant_of(const typed::Expr& expr) {
  if (const Constant* c = as_constant(expr)) return *c;
  typed::Aggregate out;
  const std::vector<ExprPtr>* elements = nullptr;
  if (const auto* array = std::get_if<typed::ArrayLiteral>(&expr.node)) elements = &array->elements;
  if (const auto* record = std::get_if<typed::RecordLiteral>(&expr.node)) elements = &record->fields;
  if (elements) {
    for (const ExprPtr& e : *elements) {
      auto c = constant_of(*e);
      if (!c) return std::nullopt;
      out.elements.push_back(std::move(*c));
    }
    return Constant{expr.type, std::move(out)};
  }
  if (const auto* given = std::get_if<typed::Given>(&expr.node)) {
    auto c = constant_of(*given->value);
    if (!c) return std::nullopt;
    out.elements.push_back(std::move(*c));
    return Constant{expr.type, std::move(out)};
  }
  if (const auto* fill = std::get_if<typed::ArrayFill>(&expr.node)) {
    auto c = constant_of(*fill->value);
    if (!c) return std::nullopt;
    out.elements.push_back(std::move(*c));
    out.repeat = fill->count;
    return Constant{expr.type, std::move(out)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Constant> TaskChecker::to_constant(ExprPtr expr) {
  if (!expr) return std::nullopt;
  auto constant = constant_of(*expr);
  if (!constant) {
    report(Code::NotConstant, expr->span,
           quoted(expr->span) + " is not known at compile time, but a constant is needed here");
  }
  return constant;
}

std::optional<Constant> TaskChecker::constant(const syntax::ExprPtr& expr, const Type& type) {
  if (type.kind == TypeKind::Error) return std::nullopt;
  Place before = std::exchange(place_, Place::Constant);
  ExprPtr value = coerce(expression(expr, &type), type);
  place_ = before;
  return to_constant(std::move(value));
}

std::optional<std::int64_t> TaskChecker::positive_duration(const syntax::ExprPtr& expr, const char* what) {
  auto c = constant(expr, plain(TypeKind::Duration));
  if (!c) return std::nullopt;
  std::int64_t ns = std::get<std::int64_t>(c->value);
  if (ns > 0) return ns;
  report(Code::NotPositive, expr->span, std::string(what) + " is greater than zero, but this is " + quoted(expr->span));
  return std::nullopt;
}

}  // namespace eyeflow::compiler::check_detail
