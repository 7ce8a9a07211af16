#include <algorithm>
#include <array>

#include "compiler/check/checker.h"

// Calls that make one type of another: f32(x), int(x), round(x).
namespace eyeflow::compiler::check_detail {

using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

Value TaskChecker::convert_call(const syntax::CallExpr& call, const std::string& name, TypeKind to, const Span& span) {
  if (!count_arguments(call, name, 1, span)) return {};
  Value value = expression(call.arguments[0].value);
  if (!value) return {};
  TypeKind from = value.type().kind;
  Type type = value.type();
  type.kind = to;
  auto done = [&](Value out) {
    out.literal = out.with_unit = false;
    out.quantity.reset();
    if (out) out.expr->span = span;
    return out;
  };
  bool is_time = from == TypeKind::Time || from == TypeKind::Duration;
  if (is_time && to == TypeKind::I64) return done(make_convert(ConvertOp::TimeToInt, type, std::move(value)));
  if (from == TypeKind::Enum && to == TypeKind::I64)
    return done(make_convert(ConvertOp::TimeToInt, plain(to), std::move(value)));
  if (from == TypeKind::Bool && to == TypeKind::I64)
    return done(make_convert(ConvertOp::Widen, type, std::move(value)));
  std::string text = source_text(value.expr->span);
  if (!typed::is_number(from)) {
    report(Code::BadConversion, span, to_string(value.type()) + " does not convert to " + name,
           is_time ? "divide by a duration: " + text + " / 1 s" : "");
    return {};
  }
  if (typed::is_float(from) && !typed::is_float(to)) {
    if (value.literal && value.with_unit) return done(literal_to_kind(std::move(value), to));
    report(Code::BadConversion, span,
           name + "(…) takes a whole number, and " + quoted(value.expr->span) + " is " + to_string(value.type()),
           to == TypeKind::I64 ? "write round(" + text + "), floor(…), ceil(…) or trunc(…)"
                               : "write " + name + "(trunc(" + text + "))");
    return {};
  }
  if (from == to) return done(std::move(value));
  if (typed::is_float(to)) {
    if (value.literal) return done(literal_to_kind(std::move(value), to));
    ConvertOp op = !typed::is_float(from) ? ConvertOp::IntToFloat
                   : to == TypeKind::F64  ? ConvertOp::F32ToF64
                                          : ConvertOp::F64ToF32;
    return done(make_convert(op, type, std::move(value)));
  }
  if (typed::is_modular(to)) {
    static constexpr std::array<TypeKind, 4> kOrder{TypeKind::U8, TypeKind::U16, TypeKind::U32, TypeKind::U64};
    bool widens = typed::is_modular(from) && std::ranges::find(kOrder, from) < std::ranges::find(kOrder, to);
    return done(make_convert(widens ? ConvertOp::Widen : ConvertOp::Wrap, type, std::move(value)));
  }
  bool widens = to == TypeKind::I64 ? from != TypeKind::U64 : from == TypeKind::U8 || from == TypeKind::U16;
  return done(make_convert(widens ? ConvertOp::Widen : ConvertOp::Narrow, type, std::move(value)));
}

Value TaskChecker::round_call(const syntax::CallExpr& call, const std::string& name, ConvertOp op, const Span& span) {
  if (!count_arguments(call, name, 1, span)) return {};
  Value value = expression(call.arguments[0].value);
  if (!value) return {};
  if (value.type().kind == TypeKind::Duration && value.quantity)
    value = duration_to_float(std::move(value), TypeKind::F64);
  if (!typed::is_float(value.type().kind)) {
    report(Code::BadConversion, span,
           "'" + name + "' takes a float, and " + quoted(value.expr->span) + " is " + to_string(value.type()),
           typed::is_integer(value.type().kind) ? "it is whole already" : "");
    return {};
  }
  Type wide = value.type();
  if (wide.kind == TypeKind::F32) {
    wide.kind = TypeKind::F64;
    value = make_convert(ConvertOp::F32ToF64, wide, std::move(value));
  }
  Type type = wide;
  type.kind = TypeKind::I64;
  Value out = make_convert(op, type, std::move(value));
  if (out) out.expr->span = span;
  return out;
}

}  // namespace eyeflow::compiler::check_detail
