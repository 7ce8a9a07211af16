#include <algorithm>

#include "compiler/check/checker.h"
#include "compiler/check/members.h"
#include "compiler/diagnostics/foreign_words.h"

namespace eyeflow::compiler::check_detail {

using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

namespace {

struct MathRow {
  std::string_view name;
  typed::Math function;
};
constexpr MathRow kMath[] = {
#define EYEFLOW_MATH(Name, spelling, arity) {spelling, typed::Math::Name},
#include "compiler/check/math.def"
};

struct RoundRow {
  std::string_view name;
  ConvertOp op;
};
constexpr RoundRow kRound[] = {
    {"round", ConvertOp::Round}, {"floor", ConvertOp::Floor}, {"ceil", ConvertOp::Ceil}, {"trunc", ConvertOp::Trunc}};

struct ScalarRow {
  std::string_view name;
  TypeKind kind;
};
constexpr ScalarRow kScalars[] = {{"bool", TypeKind::Bool}, {"int", TypeKind::I64},          {"i32", TypeKind::I32},
                                  {"u8", TypeKind::U8},     {"u16", TypeKind::U16},          {"u32", TypeKind::U32},
                                  {"u64", TypeKind::U64},   {"f32", TypeKind::F32},          {"f64", TypeKind::F64},
                                  {"time", TypeKind::Time}, {"duration", TypeKind::Duration}};

}  // namespace

std::optional<typed::Math> math_function(std::string_view name) {
  for (const MathRow& row : kMath) {
    if (row.name == name) return row.function;
  }
  return std::nullopt;
}

std::optional<TypeKind> scalar_type(std::string_view name) {
  for (const ScalarRow& row : kScalars) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

const std::vector<std::string>& builtin_functions() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const MathRow& row : kMath) out.emplace_back(row.name);
    for (const RoundRow& row : kRound) out.emplace_back(row.name);
    for (const ScalarRow& row : kScalars) {
      if (typed::is_number(row.kind)) out.emplace_back(row.name);
    }
    return out;
  }();
  return names;
}

bool is_reserved(std::string_view name) {
  return name == "on" || name == "off" || name == "now" || name == "event" || name == "pi" || name == "self" ||
         std::ranges::find(builtin_functions(), name) != builtin_functions().end();
}

Value TaskChecker::call(const syntax::CallExpr& call, const Span& span) {
  if (const auto* callee = std::get_if<syntax::NameExpr>(&call.callee->node))
    return named_call(call, callee->name, span);
  const auto* member = std::get_if<syntax::MemberExpr>(&call.callee->node);
  if (!member) {
    if (Value callee = expression(call.callee)) {
      report(Code::UnknownFunction, call.callee->span, quoted(call.callee->span) + " is not a function");
    }
    return {};
  }
  // An action of an output or array (siren.on()) gives no value; statements handle those.
  if (const auto* object = std::get_if<syntax::NameExpr>(&member->object->node); object && !find_local(object->name)) {
    if (is_module_name(object->name)) {
      Symbol* symbol = find_in_module(object->name, member->member);
      if (symbol) return symbol_call(call, member->member.text, *symbol, span);
      for (const syntax::Argument& a : call.arguments) expression(a.value);
      return {};
    }
    if (Symbol* symbol = find_symbol(object->name)) {
      if (symbol->kind == SymbolKind::Unavailable) return {};
      if (symbol->kind == SymbolKind::Output) {
        report(Code::NoValue, span, quoted(span) + " is an action and gives no value", "write it as a statement");
        return {};
      }
    }
  }
  Value object = expression(member->object);
  if (!object) return {};
  if (object.type().kind == TypeKind::Record) return method_call(call, std::move(object), *member, span);
  bool is_action =
      object.type().kind == TypeKind::BoundedArray && (member->member.text == "push" || member->member.text == "clear");
  if (is_action) {
    report(Code::NoValue, span, quoted(span) + " is an action and gives no value", "write it as a statement");
  } else if (typed::is_image(object.type())) {
    return image_method(call, std::move(object), member->member, span);
  } else if (is_bytes(object.type())) {
    return bytes_method(call, std::move(object), member->member, span);
  } else {
    const std::string& name = member->member.text;
    const bool is_function = math_function(name) || array_function(name);
    report(Code::UnknownMember, member->member.span, to_string(object.type()) + " has no '" + name + "(…)'",
           is_function
               ? "write " + name + "(" + source_text(member->object->span) + (call.arguments.empty() ? ")" : ", …)")
               : std::string(members_of(object.type())));
  }
  return {};
}

Value TaskChecker::named_call(const syntax::CallExpr& call, const std::string& name, const Span& span) {
  if (find_local(name)) {
    report(Code::UnknownFunction, call.callee->span, "'" + name + "' is a value, not a function");
    return {};
  }
  if (Symbol* symbol = find_symbol(name, &call.callee->span)) return symbol_call(call, name, *symbol, span);
  if (name == "bytes") return bytes_literal(call, span);
  if (auto function = math_function(name)) return math_call(call, *function, span);
  if (auto function = array_function(name)) return array_call(call, *function, span);
  for (const RoundRow& row : kRound) {
    if (row.name == name) return round_call(call, name, row.op, span);
  }
  if (auto kind = scalar_type(name); kind && typed::is_number(*kind)) return convert_call(call, name, *kind, span);
  for (const syntax::Argument& a : call.arguments) expression(a.value);
  if (lacks_module_) return {};
  std::vector<std::string> candidates = builtin_functions();
  for (SymbolKind kind : {SymbolKind::Function, SymbolKind::Record}) {
    for (std::string& n : names_of(kind)) candidates.push_back(std::move(n));
  }
  std::string hint = suggestion(name, candidates);
  // Some words mean one thing as a function and another elsewhere.
  std::string_view instead = instead_of_foreign_word(name + "(");
  if (instead.empty()) instead = instead_of_foreign_word(name);
  if (!instead.empty()) hint = instead;
  if (name == "now") hint = "it is a value: write 'now' alone";
  report(Code::UnknownFunction, call.callee->span, "there is no function '" + name + "'", std::move(hint));
  return {};
}

Value TaskChecker::symbol_call(const syntax::CallExpr& call, const std::string& name, Symbol& symbol,
                               const Span& span) {
  symbol.used = true;
  if (symbol.kind == SymbolKind::Function) return function_call(call, symbol.index, span);
  if (symbol.kind == SymbolKind::Record) return record_call(call, symbol.index, span);
  if (symbol.kind == SymbolKind::Model) return model_call(call, symbol.index, name, span);
  if (symbol.kind == SymbolKind::Unavailable) return {};
  report(Code::UnknownFunction, call.callee->span, "'" + name + "' is not a function")
      .notes.push_back({symbol.span, "declared here"});
  return {};
}

bool TaskChecker::count_arguments(const syntax::CallExpr& call, std::string_view name, std::size_t count,
                                  const Span& span) {
  if (call.arguments.size() == count) return true;
  for (const syntax::Argument& a : call.arguments) expression(a.value);
  report(Code::ArgumentCount, span,
         "'" + std::string(name) + "' takes " + std::to_string(count) + (count == 1 ? " argument" : " arguments") +
             ", not " + std::to_string(call.arguments.size()));
  return false;
}

}  // namespace eyeflow::compiler::check_detail
