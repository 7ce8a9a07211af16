#include "compiler/check/checker.h"

// Levels (dBm, dBV, dBSPL) and the quantities whose logarithms they are: p.to(dBm), x.to(mW).
namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

// In f64 even for an f32, so that it is rounded to f32 once; by the machine's log10 and pow, also when it is folded.
Value TaskChecker::level_to_unit(Value value, const typed::UnitInfo* unit, const stdlib::Unit& target) {
  const stdlib::Unit& from = typed::unit_of(value.type());
  const bool from_level = from.is_point;
  const auto scale = stdlib::level_scale(from_level ? from : target);
  if (!scale || !stdlib::same_dimension(from_level ? target : from, scale->linear)) {
    report_units(value, target);
    return {};
  }
  const Span span = value.expr->span;
  const bool literal = value.literal, is_narrow = value.type().kind == TypeKind::F32;
  if (!typed::is_float(value.type().kind)) {
    report(Code::NeedsConversion, span,
           quoted(span) + " is a whole number in " + typed::unit_text(value.type()) + ", and " + target.text +
               " is needed here",
           "whole numbers do not convert their unit: write f64(…)");
    return {};
  }
  if (is_narrow) value = make_convert(ConvertOp::F32ToF64, number(TypeKind::F64, from), std::move(value));
  const Type plain_number = plain(TypeKind::F64);
  const stdlib::Unit& first = from_level ? scale->level : scale->linear;
  const stdlib::Unit& second = from_level ? scale->linear : scale->level;
  const auto step = [&](BinaryOp op, double by) {
    if (value && by != 1)
      value = make_binary(op, plain_number, std::move(value), Value(make_constant(make_float(plain_number, by), span)),
                          span);
  };
  const auto call = [&](typed::Math function, std::vector<Value> arguments) {
    value = math_values(function, std::move(arguments), span);
  };
  value = to_unit(std::move(value), arena_.intern_unit({first}), first);
  if (!value) return {};
  retag(*value.expr, plain_number);
  std::vector<Value> arguments;
  if (from_level) {
    step(BinaryOp::Div, scale->factor);
    arguments.emplace_back(make_constant(make_float(plain_number, 10), span));
    arguments.push_back(std::move(value));
    call(typed::Math::Pow, std::move(arguments));
    step(BinaryOp::Mul, scale->reference);
  } else {
    step(BinaryOp::Div, scale->reference);
    arguments.push_back(std::move(value));
    call(typed::Math::Log10, std::move(arguments));
    step(BinaryOp::Mul, scale->factor);
  }
  if (!value) return {};
  retag(*value.expr, number(TypeKind::F64, second));
  value = to_unit(std::move(value), unit, target);
  if (value && is_narrow) {
    Type narrow = value.type();
    narrow.kind = TypeKind::F32;
    value = make_convert(ConvertOp::F64ToF32, narrow, std::move(value));
  }
  if (value && as_constant(*value.expr)) value.literal = value.with_unit = literal;
  return value;
}

}  // namespace eyeflow::compiler::check_detail
