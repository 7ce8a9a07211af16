#include "compiler/check/members.h"

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

Value TaskChecker::member(const syntax::MemberExpr& member, const Span& span) {
  if (const auto* object = std::get_if<syntax::NameExpr>(&member.object->node); object && !find_local(object->name)) {
    if (is_module_name(object->name)) {
      Symbol* symbol = find_in_module(object->name, member.member);
      return symbol ? symbol_value(member.member.text, *symbol, span) : Value();
    }
    if (Symbol* symbol = find_symbol(object->name)) {
      if (symbol->kind == SymbolKind::Enum) {
        symbol->used = true;
        return enum_member(symbol->index, member.member, span);
      }
      if (symbol->kind == SymbolKind::Input || symbol->kind == SymbolKind::Alarm ||
          symbol->kind == SymbolKind::Output) {
        symbol->used = symbol->used || symbol->kind != SymbolKind::Output || place_ == Place::Test;
        if (place_ == Place::Constant) {
          report(Code::NotConstant, span,
                 quoted(span) + " is not known at compile time, but a constant is needed here");
          return {};
        }
        if (symbol->kind == SymbolKind::Input) return input_member(typed::InputId{symbol->index}, member.member, span);
        if (symbol->kind == SymbolKind::Alarm) return alarm_member(typed::AlarmId{symbol->index}, member.member, span);
        return output_member(typed::OutputId{symbol->index}, member.member, span);
      }
    } else if (object->name == "event") {
      if (member.member.text != "time") {
        report(Code::UnknownMember, member.member.span, "an event has no '" + member.member.text + "'",
               "write event.time");
        return {};
      }
      if (place_ == Place::Constant || place_ == Place::Test) {
        report(Code::NotConstant, span, "there is no event here");
        return {};
      }
      effects_->reads_clock = true;
      return Value(make_expr(plain(TypeKind::Time), span, typed::ClockExpr{typed::ClockField::EventTime}));
    }
  }
  return value_member(expression(member.object), member.member, span);
}

Value TaskChecker::input_member(typed::InputId id, const syntax::Name& name, const Span& span) {
  const typed::Input& input = task_.inputs[typed::index(id)];
  using typed::InputField;
  if (name.text == "name") {
    return Value(make_expr(plain(TypeKind::Text, typed::kNameSize), span, typed::InputExpr{id, InputField::Name}));
  }
  if (name.text == "age") {
    effects_->reads_clock = true;
    return Value(make_expr(plain(TypeKind::Duration), span, typed::InputExpr{id, InputField::Age}));
  }
  if (name.text == "stale") {
    if (!input.stale_after_ns) {
      report(Code::StaleWithoutAfter, span, "'" + input.name + "' does not say when it is stale",
             "add 'stale after 30 s' to its declaration")
          .notes.push_back({input.span, "declared here"});
      return {};
    }
    effects_->reads_clock = true;
    return Value(make_expr(plain(TypeKind::Bool), span, typed::InputExpr{id, InputField::Stale}));
  }
  if (name.text == "quality") {
    effects_->reads_clock = true;
    task_.inputs[typed::index(id)].has_quality = true;
    Type type = plain(TypeKind::Enum);
    type.enumeration = &quality();
    return Value(make_expr(type, span, typed::InputExpr{id, InputField::Quality}));
  }
  report(Code::UnknownMember, name.span, "an input has no '" + name.text + "'",
         "it has .name, .age, .stale and .quality; " + input.name + " alone is its latest value");
  return {};
}

Value TaskChecker::alarm_member(typed::AlarmId id, const syntax::Name& name, const Span& span) {
  effects_->reads_state = true;
  if (name.text == "active") {
    return Value(make_expr(plain(TypeKind::Bool), span, typed::AlarmExpr{id, typed::AlarmField::Active}));
  }
  if (name.text == "raised") {
    return Value(make_expr(plain(TypeKind::I64), span, typed::AlarmExpr{id, typed::AlarmField::Raised}));
  }
  if (name.text == "acknowledged" || name.text == "shelved") {
    const auto field = name.text == "shelved" ? typed::AlarmField::Shelved : typed::AlarmField::Acknowledged;
    return Value(make_expr(plain(TypeKind::Bool), span, typed::AlarmExpr{id, field}));
  }
  report(Code::UnknownMember, name.span, "an alarm has no '" + name.text + "'",
         "it has .active, .raised, .acknowledged and .shelved");
  return {};
}

Value TaskChecker::output_member(typed::OutputId id, const syntax::Name& name, const Span& span) {
  const typed::Output& output = task_.outputs[typed::index(id)];
  if (place_ == Place::Test && output.kind == typed::OutputKind::Log && name.text == "count") {
    return Value(make_expr(plain(TypeKind::I64), span, typed::OutputCount{id}));
  }
  bool is_action = output.kind == typed::OutputKind::Switch && (name.text == "on" || name.text == "off");
  report(Code::UnknownMember, name.span, "'" + output.name + "." + name.text + "' is not a value",
         is_action                               ? "write " + output.name + "." + name.text + "()"
         : output.kind == typed::OutputKind::Log ? std::string("a task writes a log with .send(…); tests read .count")
                                                 : std::string("a task writes an output and does not read it"));
  return {};
}

Value TaskChecker::value_member(Value object, const syntax::Name& name, const Span& span) {
  if (!object || name.text.empty()) return {};
  const Type& type = object.type();
  if (type.kind == TypeKind::Record) {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < type.record->fields.size(); ++i) {
      const typed::Field& field = type.record->fields[i];
      if (field.name == name.text) {
        if (const typed::Constant* c = as_constant(*object.expr))
          return Value(make_constant(std::get<typed::Aggregate>(c->value).elements[i], span));
        return Value(make_expr(field.type, span, typed::FieldOf{std::move(object.expr), i}));
      }
      names.push_back(field.name);
    }
    static const std::vector<syntax::FunctionDecl> kNone;
    const bool is_declared = type.record->declared != typed::Record::kNowhere;
    const auto& functions = is_declared ? records_[type.record->declared].decl->functions : kNone;
    const bool is_function =
        std::ranges::any_of(functions, [&](const syntax::FunctionDecl& f) { return f.name.text == name.text; });
    report(Code::UnknownMember, name.span, "record " + type.record->name + " has no field '" + name.text + "'",
           is_function ? "call it: " + name.text + "(…)" : suggestion(name.text, names));
    return {};
  }
  if (typed::is_image(type)) return image_member(std::move(object), name, span);
  if (name.text == "len" && type.kind == TypeKind::FixedArray) {
    Value out(make_constant(make_whole(plain(TypeKind::I64), type.size), span));
    out.literal = true;
    return out;
  }
  if (name.text == "len" && (type.kind == TypeKind::BoundedArray || type.kind == TypeKind::Text)) {
    return Value(make_expr(plain(TypeKind::I64), span, typed::Length{std::move(object.expr)}));
  }
  report(Code::UnknownMember, name.span, to_string(type) + " has no '" + name.text + "'",
         std::string(members_of(type)));
  return {};
}

std::string_view members_of(const Type& type) {
  if (typed::is_array(type.kind)) return "an array has .len; one with a bound has .push(x) and .clear() as well";
  return type.kind == TypeKind::Text ? "a text has .len, its bytes" : "";
}

}  // namespace eyeflow::compiler::check_detail
