#include <algorithm>

#include "compiler/check/checker.h"

// Calls of the mathematical functions.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

namespace {

constexpr std::size_t kArity[] = {
#define EYEFLOW_MATH(Name, spelling, arity) arity,
#include "compiler/check/math.def"
};

}  // namespace

Value TaskChecker::math_call(const syntax::CallExpr& call, typed::Math function, const Span& span) {
  using enum typed::Math;
  if (call.arguments.size() == 1 && (function == Min || function == Max))
    return array_call(call, function == Min ? typed::ArrayFunction::Min : typed::ArrayFunction::Max, span);
  std::string fn(typed::name(function));
  if ((function == Min || function == Max) && call.arguments.size() > 2) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::ArgumentCount, span, "'" + fn + "' takes 2 arguments, not " + std::to_string(call.arguments.size()),
           "write " + fn + "([a, b, c])");
    return {};
  }
  if (!count_arguments(call, fn, kArity[static_cast<std::size_t>(function)], span)) return {};
  std::vector<Value> values;
  for (const syntax::Argument& a : call.arguments) values.push_back(expression(a.value));
  if (!std::ranges::all_of(values, [](const Value& v) { return static_cast<bool>(v); })) return {};
  bool whole = std::ranges::any_of(values, [](const Value& v) { return typed::is_array(v.type().kind); });
  if (!whole) return math_values(function, std::move(values), span);
  if (function != Abs && function != Sqrt && function != Min && function != Max)
    return no_whole_form("'" + fn + "' takes a single number, not a whole array", span);
  return on_elements(std::move(values), span,
                     [&](std::vector<Value> v) { return math_values(function, std::move(v), span); });
}

Value TaskChecker::math_values(typed::Math function, std::vector<Value> values, const Span& span) {
  using enum typed::Math;
  std::string fn(typed::name(function));
  Value& first = values[0];
  bool keeps_kind = function == Abs || function == Min || function == Max;
  bool literal = std::ranges::all_of(values, &Value::literal);
  auto refuse = [&](const Value& v) {
    report(Code::TypeMismatch, v.expr->span,
           quoted(v.expr->span) + " is " + to_string(v.type()) + ", but '" + fn + "' takes " +
               (keeps_kind ? "numbers, times or durations" : "floats"),
           typed::is_integer(v.type().kind) ? "write f64(" + source_text(v.expr->span) + ")" : "");
    return Value();
  };
  for (Value& v : values) {
    TypeKind kind = v.type().kind;
    bool is_time = kind == TypeKind::Time || kind == TypeKind::Duration;
    if (keeps_kind ? !typed::is_number(kind) && !is_time : !typed::is_number(kind) && kind != TypeKind::Duration)
      return refuse(v);
    if (keeps_kind) continue;
    if (kind == TypeKind::Duration) v = duration_to_float(std::move(v), TypeKind::F64);
    if (v.literal && typed::is_integer(v.type().kind)) v = literal_to_kind(std::move(v), TypeKind::F64);
    if (!v) return {};
    if (!typed::is_float(v.type().kind)) return refuse(v);
  }
  if (values.size() == 2) {
    bool both_numbers = typed::is_number(first.type().kind) && typed::is_number(values[1].type().kind);
    if (!both_numbers && first.type().kind != values[1].type().kind) {
      const Type target = first.type();
      values[1] = Value(coerce(std::move(values[1]), target));
      if (!values[1]) return {};
    }
    if (both_numbers && !unify(first, values[1])) return {};
    if (both_numbers) {
      bool move_first = first.literal && !values[1].literal;
      Value& moved = move_first ? first : values[1];
      Type target = move_first ? values[1].type() : first.type();
      moved = to_unit(std::move(moved), target.unit, typed::unit_of(target));
      if (!moved) return {};
    }
  }
  Type type = first.type();
  auto plain_argument = [&](Value& v) {  // in plain numbers: angles in radians, ratios as such
    const stdlib::Unit& from = typed::unit_of(v.type());
    bool is_angle = (function == Sin || function == Cos || function == Tan) &&
                    from.dimension == stdlib::parse_unit("rad")->dimension;
    if (is_angle) {
      Type radians = number(v.type().kind, *stdlib::parse_unit("rad"));
      v = to_unit(std::move(v), radians.unit, typed::unit_of(radians));
      if (v) v.expr->type.unit = nullptr;
    } else {
      v = to_unit(std::move(v), nullptr, typed::plain_unit(), stdlib::is_dimensionless(from));
    }
    return static_cast<bool>(v);
  };
  if (function == Sqrt && type.unit) {
    auto root = stdlib::square_root(typed::unit_of(type));
    if (!root) {
      report(Code::DimensionMismatch, first.expr->span, root.error().message);
      return {};
    }
    type = number(type.kind, *root);
  } else if (function == IsNan) {
    type = plain(TypeKind::Bool);
  } else if (function == Abs) {
    if (typed::is_point(type)) {
      report(Code::PointArithmetic, first.expr->span,
             quoted(first.expr->span) + " is " + typed::point_name(typed::unit_of(type)) +
                 ": a point has no absolute value",
             "subtract a point first");
      return {};
    }
    if (type.kind == TypeKind::Time || typed::is_modular(type.kind)) return refuse(first);
  } else if (function == Atan2) {
    type.unit = nullptr;  // of two like quantities: an angle in radians
  } else if (function == Hypot && typed::is_point(type)) {
    report(Code::PointArithmetic, span, typed::point_name(typed::unit_of(type)) + " is a point and has no square",
           "subtract a point first");
    return {};
  } else if (!keeps_kind && function != Sqrt && function != Hypot) {
    for (Value& v : values) {
      if (!plain_argument(v)) return {};
    }
    type.unit = nullptr;
  }
  std::vector<const typed::Constant*> constants;
  for (const Value& v : values) {
    if (const typed::Constant* c = as_constant(*v.expr)) constants.push_back(c);
  }
  if (constants.size() == values.size()) {
    if (auto folded = fold_math(function, type, constants)) {
      Value out(make_constant(std::move(*folded), span));
      out.literal = literal && out.type().kind != TypeKind::Bool;
      out.with_unit = first.with_unit;
      return out;
    } else {
      report(folded.error(), span, quoted(span) + " does not fit " + to_string(plain(type.kind)));
      return {};
    }
  }
  typed::MathCall node{function, {}};
  for (Value& v : values) node.arguments.push_back(std::move(v.expr));
  return Value(make_expr(type, span, std::move(node)));
}

}  // namespace eyeflow::compiler::check_detail
