#include "compiler/check/checker.h"

// Values that may be missing: T?, `missing`, `is missing`, `??`, and what an input's bad readings are taken for.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

typed::ExprPtr TaskChecker::part_of(typed::ExprPtr optional, std::uint32_t part, const Span& span) {
  const Type type = part == typed::kGiven ? plain(TypeKind::Bool) : *optional->type.element;
  if (const typed::Constant* c = as_constant(*optional)) {
    const auto& elements = std::get<typed::Aggregate>(c->value).elements;
    if (part == typed::kGiven) return make_constant(make_bool(type, !elements.empty()), span);
    if (!elements.empty()) return make_constant(elements.front(), span);
  }
  return make_expr(type, span, typed::FieldOf{std::move(optional), part});
}

bool TaskChecker::report_optional(const Value& value) {
  if (value.type().kind != TypeKind::Optional) return false;
  const std::string text = source_text(value.expr->span);
  report(Code::MayBeMissing, value.expr->span, quoted(value.expr->span) + " may be missing",
         "write (" + text + " ?? …), or if let v = " + text + " { … }");
  return true;
}

Value TaskChecker::is_missing(const syntax::IsMissingExpr& test, const Span& span) {
  Value value = expression(test.operand);
  if (!value) return {};
  if (value.type().kind != TypeKind::Optional) {
    const bool is_input = std::holds_alternative<typed::InputExpr>(value.expr->node);
    report(Code::NeverMissing, span,
           quoted(value.expr->span) + " is " + to_string(value.type()) + ", which is never missing",
           is_input ? "declare the input as " + to_string(value.type()) + "?" : "");
    return {};
  }
  typed::ExprPtr given = part_of(std::move(value.expr), typed::kGiven, span);
  if (const typed::Constant* c = as_constant(*given))
    return Value(make_constant(make_bool(plain(TypeKind::Bool), !std::get<bool>(c->value)), span));
  return Value(make_expr(plain(TypeKind::Bool), span, typed::Unary{typed::UnaryOp::Not, std::move(given)}));
}

Value TaskChecker::default_for(const syntax::BinaryExpr& binary, const Span& span) {
  Value optional = expression(binary.left);
  if (!optional) {
    expression(binary.right);
    return {};
  }
  if (optional.type().kind != TypeKind::Optional) {
    report(Code::NeverMissing, binary.op_span,
           quoted(optional.expr->span) + " is " + to_string(optional.type()) + ", which is never missing",
           "leave out what stands behind it");
    return {};
  }
  const Type element = *optional.type().element;
  Value otherwise = expression(binary.right, &optional.type());
  if (!otherwise) return {};
  const Type type = otherwise.type().kind == TypeKind::Optional ? optional.type() : element;
  typed::ExprPtr value = coerce(std::move(otherwise), type);
  if (!value) return {};
  if (const typed::Constant* c = as_constant(*optional.expr)) {
    const auto& elements = std::get<typed::Aggregate>(c->value).elements;
    if (elements.empty()) return Value(std::move(value));
    return type.kind == TypeKind::Optional ? std::move(optional) : Value(make_constant(elements.front(), span));
  }
  return Value(make_expr(type, span, typed::Default{std::move(optional.expr), std::move(value)}));
}

const typed::Enum& TaskChecker::quality() {
  if (!quality_) {
    typed::Enum& made = arena_.new_enum();
    made.name = "quality";
    made.values = {"good", "stale", "bad"};
    quality_ = &made;
  }
  return *quality_;
}

void TaskChecker::check_bad_form(const syntax::InputDecl& decl, typed::Input& out) {
  using syntax::BadForm;
  const bool is_optional = out.type.kind == TypeKind::Optional;
  if (is_optional) out.policy = typed::BadPolicy::Missing;
  if (decl.bad_form == BadForm::None) return;
  if (is_optional) {
    report(Code::ClauseTwice, decl.bad_span,
           "'" + decl.name.text + "' is " + to_string(out.type) + ": what is bad is missing already",
           "leave out the '?' or this");
    return;
  }
  if (decl.bad_form == BadForm::Hold) out.policy = typed::BadPolicy::Hold;
  if (decl.bad_form != BadForm::Else) return;
  out.policy = typed::BadPolicy::Instead;
  if (!typed::is_scalar(out.type.kind)) {
    report(Code::InputType, decl.bad_span, to_string(out.type) + " has nothing that stands for a bad one",
           "declare it as " + to_string(out.type) + "?");
    return;
  }
  out.instead = constant(decl.instead, out.type);
  if (!out.instead) out.policy = typed::BadPolicy::Skip;
}

}  // namespace eyeflow::compiler::check_detail
