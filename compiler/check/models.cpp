#include <algorithm>
#include <utility>

#include "compiler/check/checker.h"
#include "vm/module/module.h"

// Inference models: declared with what goes in and what comes out, bound by the site, called like functions.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

// model inspect : (image(224, 224, rgb8)) -> { good: f32, bad: f32 }
void TaskChecker::check_model(const syntax::ModelDecl& decl, typed::Model& out) {
  const std::string& name = decl.name.text;
  const bool several = decl.parameters.size() > 1;
  if (decl.parameters.empty() || decl.parameters.size() > vm::kMostModelParameters) {
    report(Code::ArgumentCount, decl.name.span,
           "a model takes 1 to " + std::to_string(vm::kMostModelParameters) + " images, arrays and numbers, and '" +
               name + "' takes " + std::to_string(decl.parameters.size()),
           "write model " + name + " : (image(224, 224, rgb8)) -> …");
  }
  bool told = false;
  for (const syntax::Parameter& parameter : decl.parameters) {
    Type type = resolve(parameter.type);
    const bool is_array = type.kind == TypeKind::FixedArray && !type.element->unit &&
                          (type.element->kind == TypeKind::U8 || type.element->kind == TypeKind::F32);
    const bool fits = is_array || (type.kind == TypeKind::F32 && !type.unit);
    if (type.kind != TypeKind::Error && !fits) {
      report(Code::InputType, parameter.type->span,
             "a model takes an image, an array [f32; N] or [u8; N], or an f32, without a unit, not " + to_string(type));
      type = {};
    }
    if (!parameter.name.text.empty()) {
      check_field_name(parameter.name, out.parameters);
    } else if (several && !std::exchange(told, true)) {
      report(Code::ArgumentLabel, parameter.type->span, "what '" + name + "' takes has no name, and there are several",
             "write each as in (picture: image(224, 224, rgb8), speed: f32): the model knows them by their names");
    }
    out.parameters.push_back({parameter.name.text, type, parameter.name.span});
  }
  check_answer_type(decl, out);
  out.answer = out.result;
  if (!decl.result || !std::holds_alternative<syntax::OptionalType>(decl.result->node)) return;
  if (out.result.kind == TypeKind::Error) return;
  out.answer = plain(TypeKind::Optional);
  out.answer.element = arena_.intern(out.result);
}

// What it answers, with `?` behind it or without.
void TaskChecker::check_answer_type(const syntax::ModelDecl& decl, typed::Model& out) {
  if (!decl.result) return;
  const std::string& name = decl.name.text;
  const auto* optional = std::get_if<syntax::OptionalType>(&decl.result->node);
  const syntax::TypePtr& result = optional ? optional->element : decl.result;
  if (const auto* record = std::get_if<syntax::RecordType>(&result->node)) {
    typed::Record& made = arena_.new_record();
    made.name = name + "'s answer";
    made.span = decl.name.span;
    for (const syntax::LogField& field : record->fields) {
      const Type type = resolve(field.type);
      check_field_name(field.name, made.fields);
      if (type.kind != TypeKind::Error && type.kind != TypeKind::F32) {
        report(Code::InputType, field.type->span, "a model answers numbers of f32, not " + to_string(type));
        return;
      }
      if (type.kind == TypeKind::Error) return;
      made.fields.push_back({field.name.text, type, field.name.span});
    }
    if (made.fields.empty()) {
      report(Code::NoFields, result->span, "'" + name + "' answers nothing", "write -> { good: f32, bad: f32 }");
      return;
    }
    out.result = plain(TypeKind::Record);
    out.result.record = &made;
    out.results = static_cast<std::uint32_t>(made.fields.size());
    return;
  }
  const Type type = resolve(result);
  const bool is_array = type.kind == TypeKind::FixedArray && type.element->kind == TypeKind::F32;
  const bool is_record =
      type.kind == TypeKind::Record &&
      std::ranges::all_of(type.record->fields, [](const typed::Field& f) { return f.type.kind == TypeKind::F32; });
  if (type.kind == TypeKind::Error) return;
  if (type.kind != TypeKind::F32 && !is_array && !is_record) {
    report(Code::InputType, result->span,
           "a model answers f32, [f32; N] or { a: f32, b: f32 }, not " + to_string(type));
    return;
  }
  out.result = type;
  out.results = is_array ? type.size : is_record ? static_cast<std::uint32_t>(type.record->fields.size()) : 1;
}

Value TaskChecker::model_call(const syntax::CallExpr& call, std::uint32_t number, const std::string& name,
                              const Span& span) {
  const typed::Model& model = task_.models[number];
  if (place_ == Place::Constant || place_ == Place::Test) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::EffectNotAllowed, span, "a model is asked by handlers only",
           place_ == Place::Test ? "write " + name + " <- { … } to say what it answers" : "");
    return {};
  }
  effects_->emits = true;  // it asks the world: no condition does that
  std::vector<syntax::Parameter> parameters;
  for (const typed::Field& parameter : model.parameters)
    parameters.push_back({{parameter.name, parameter.span}, {}, {}});
  if (parameters.size() == 1 && parameters[0].name.text.empty()) {
    if (!count_arguments(call, name, 1, span)) return {};
  } else if (!match_arguments(call, parameters, name, span)) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    return {};
  }
  typed::ModelCall asked{typed::ModelId{number}, {}};
  bool ok = model.result.kind != TypeKind::Error;
  for (std::size_t n = 0; n < call.arguments.size(); ++n) {
    const Type type = task_.models[number].parameters[n].type;
    typed::ExprPtr argument = coerce(expression(call.arguments[n].value, &type), type);
    ok = ok && argument;
    asked.arguments.push_back(std::move(argument));
  }
  if (!ok) return {};
  return Value(make_expr(task_.models[number].answer, span, std::move(asked)));
}

// inspect <- { good: 0.1, bad: 0.9 }, [0.1, 0.9], 0.5 or missing: what it answers from there on.
std::optional<typed::Answer> TaskChecker::check_answer(const syntax::TestStep& step, std::uint32_t number) {
  typed::Answer out{typed::ModelId{number}, {}};
  const typed::Model& model = task_.models[number];
  if (model.result.kind == TypeKind::Error) return std::nullopt;
  if (step.value && std::holds_alternative<syntax::MissingExpr>(step.value->node)) return out;
  std::vector<typed::Constant> numbers;
  if (model.result.kind == TypeKind::Record) {
    if (step.fields.empty()) {
      report(Code::TypeMismatch, step.span, "'" + model.name + "' answers a number for each of its fields",
             "write " + model.name + " <- { " + model.result.record->fields[0].name + ": 0.5, … }");
      return std::nullopt;
    }
    std::vector<bool> given(model.result.record->fields.size());
    numbers.resize(given.size());
    for (const syntax::Argument& argument : step.fields) {
      const auto& fields = model.result.record->fields;
      const auto field =
          argument.label ? std::ranges::find(fields, argument.label->text, &typed::Field::name) : fields.end();
      if (field == fields.end()) {
        report(Code::ArgumentLabel, argument.label ? argument.label->span : argument.value->span,
               "'" + model.name + "' answers no such field", "write each as in { " + fields[0].name + ": 0.5 }");
        return std::nullopt;
      }
      auto value = constant(argument.value, field->type);
      if (!value) return std::nullopt;
      const auto at = static_cast<std::size_t>(field - fields.begin());
      numbers[at] = std::move(*value);
      given[at] = true;
    }
    for (std::size_t n = 0; n < given.size(); ++n) {
      if (given[n]) continue;
      report(Code::ArgumentCount, step.span,
             "'" + model.result.record->fields[n].name + "' of '" + model.name + "' is not given");
      return std::nullopt;
    }
  } else if (!step.fields.empty()) {
    report(Code::TypeMismatch, step.span,
           "'" + model.name + "' answers " + to_string(model.result) + ", without fields");
    return std::nullopt;
  } else {
    auto value = constant(step.value, model.result);
    if (!value) return std::nullopt;
    if (model.result.kind == TypeKind::F32) {
      numbers.push_back(std::move(*value));
    } else {
      auto& all = std::get<typed::Aggregate>(value->value);
      for (std::uint32_t n = 0; n < model.result.size; ++n) numbers.push_back(all.elements[all.repeat > 0 ? 0 : n]);
    }
  }
  for (const typed::Constant& number_given : numbers)
    out.numbers.push_back(static_cast<float>(std::get<double>(number_given.value)));
  return out;
}

}  // namespace eyeflow::compiler::check_detail
