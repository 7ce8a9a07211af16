#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

namespace {

constexpr std::uint32_t kMaxFormatted = 1024;  // what a text without a declared size is bounded to

// The most bytes that a value prints, its unit aside. A float with a fixed number of digits can be longer (1e300 has
// 301 digits before the point): then it is cut like any text that does not fit.
std::uint32_t printed_bytes(const Type& type, std::optional<int> precision) {
  switch (type.kind) {
    case TypeKind::Bool:
      return 5;
    case TypeKind::F32:
    case TypeKind::F64:
      return 26 + static_cast<std::uint32_t>(precision.value_or(0));
    case TypeKind::Text:
      return type.size;
    case TypeKind::Enum: {
      std::size_t longest = 0;
      for (const std::string& value : type.enumeration->values) longest = std::max(longest, value.size());
      return static_cast<std::uint32_t>(longest);
    }
    case TypeKind::Time:
      return 32;
    case TypeKind::Duration:
      return 32;
    default:
      return 20;
  }
}

}  // namespace

// Converts the value to the unit it is printed in and says what follows it: " °C".
bool TaskChecker::format_part(const syntax::TextPart& part, typed::FormatPart& out, std::string& suffix,
                              std::uint32_t& bound) {
  Value value = settle(expression(part.expr));
  if (!value || report_optional(value)) return false;
  if (is_bytes(value.type())) {  // as digits, two a byte
    const Type digits = plain(TypeKind::Text, std::min(kMaxTextBytes, 2 * value.type().size));
    const Span span = value.expr->span;
    typed::ArrayCall node{typed::ArrayFunction::Hex, {}};
    node.arguments.push_back(std::move(value.expr));
    value = Value(make_expr(digits, span, std::move(node)));
  }
  if (!typed::is_scalar(value.type().kind) && value.type().kind != TypeKind::Text) {
    report(Code::BadFormat, part.span,
           quoted(value.expr->span) + " is " + to_string(value.type()) + ", which has no text",
           "print its elements or fields");
    return false;
  }
  if (part.unit) {
    bool ok = true;
    const typed::UnitInfo* info = unit(*part.unit, ok);
    if (!ok) return false;
    if (value.type().kind == TypeKind::Duration) value = duration_to_float(std::move(value), TypeKind::F64);
    if (!value || !typed::is_number(value.type().kind)) {
      if (value) report(Code::BadFormat, part.span, to_string(value.type()) + " has no unit", "leave out the unit");
      return false;
    }
    value = to_unit(std::move(value), info, info->unit);
    if (!value) return false;
  }
  if (part.precision && !typed::is_float(value.type().kind)) {
    report(Code::BadFormat, part.span, to_string(value.type()) + " has no digits behind a point",
           "leave out '." + std::to_string(*part.precision) + "'");
    return false;
  }
  if (value.type().unit) suffix = " " + typed::unit_text(value.type());
  bound += printed_bytes(value.type(), part.precision) + static_cast<std::uint32_t>(suffix.size());
  if (part.precision) out.precision = static_cast<std::uint8_t>(*part.precision);
  out.value = std::move(value.expr);
  return true;
}

Value TaskChecker::text(const syntax::TextExpr& text, const Span& span, const Type* expected) {
  typed::Interpolate node;
  std::string literal;
  std::uint32_t bound = 0;
  bool ok = true;
  for (const syntax::TextPart& part : text.parts) {
    if (!part.expr) {
      literal += part.literal;
      continue;
    }
    typed::FormatPart out;
    std::string suffix;
    if (!format_part(part, out, suffix, bound)) {
      ok = false;
      continue;
    }
    const typed::Constant* c = as_constant(*out.value);
    if (const auto* fixed = c ? std::get_if<std::string>(&c->value) : nullptr) {
      literal += *fixed;
      continue;
    }
    out.literal = std::exchange(literal, suffix);
    bound += static_cast<std::uint32_t>(out.literal.size());
    node.parts.push_back(std::move(out));
  }
  if (!ok) return {};
  (void)expected;  // coerce() gives the text its target's size
  if (node.parts.empty()) {
    auto size = static_cast<std::uint32_t>(std::max<std::size_t>(1, literal.size()));
    return Value(make_constant({plain(TypeKind::Text, size), std::move(literal)}, span));
  }
  if (!literal.empty()) {
    bound += static_cast<std::uint32_t>(literal.size());
    typed::FormatPart tail;
    tail.literal = std::move(literal);
    node.parts.push_back(std::move(tail));
  }
  return Value(make_expr(plain(TypeKind::Text, std::min(bound, kMaxFormatted)), span, std::move(node)));
}

}  // namespace eyeflow::compiler::check_detail
