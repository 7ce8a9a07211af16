#include <algorithm>

#include "compiler/check/checker.h"

// Calls of the author's own: functions, a record's functions, records that are made.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

std::optional<std::vector<std::size_t>> TaskChecker::match_arguments(const syntax::CallExpr& call,
                                                                     const std::vector<syntax::Parameter>& parameters,
                                                                     const std::string& name, const Span& span) {
  std::size_t needed = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (!parameters[i].value) needed = i + 1;
  const auto form = [&] {
    std::string text = name + "(";
    for (const auto& parameter : parameters)
      text += (&parameter == parameters.data() ? "" : ", ") + parameter.name.text;
    return text + ")";
  };
  const auto wrong_count = [&] {
    std::string count = std::to_string(needed);
    if (needed < parameters.size()) count += " to " + std::to_string(parameters.size());
    report(Code::ArgumentCount, span,
           "'" + name + "' takes " + count + (parameters.size() == 1 ? " argument" : " arguments") + ", not " +
               std::to_string(call.arguments.size()),
           parameters.empty() ? "" : "write " + form());
    return std::nullopt;
  };
  std::vector<std::size_t> out;
  std::size_t next = 0;
  if (call.arguments.size() > parameters.size()) return wrong_count();
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const auto& label = call.arguments[i].label;
    if (next == parameters.size()) return wrong_count();
    std::size_t at = next;
    // A label may leave out those before it that have a default.
    while (label && at < parameters.size() && parameters[at].name.text != label->text && parameters[at].value) ++at;
    if (label && (at == parameters.size() || parameters[at].name.text != label->text)) {
      report(Code::ArgumentLabel, label->span,
             "argument " + std::to_string(i + 1) + " of '" + name + "' is '" + parameters[next].name.text + "'",
             "write '" + parameters[next].name.text + ":', or no label");
      return std::nullopt;  // two that changed places are one mistake
    }
    out.push_back(at);
    next = at + 1;
  }
  for (; next < parameters.size(); ++next)
    if (!parameters[next].value) return wrong_count();
  return out;
}

Value TaskChecker::function_call(const syntax::CallExpr& call, std::uint32_t function, const Span& span) {
  const std::string name = functions_[function].name;
  if (place_ == Place::Constant) {
    report(Code::NotConstant, span, quoted(span) + " is not known at compile time, but a constant is needed here");
    return {};
  }
  if (place_ == Place::Test) {
    report(Code::EffectNotAllowed, span, "a test does not call the task's functions",
           "expect what the task shows: outputs and alarms");
    return {};
  }
  return instance_call(call, function, name, {}, span);
}

// x.m(…): the function works on the record where it is, in a state, or on a copy that it gives back.
Value TaskChecker::method_call(const syntax::CallExpr& call, Value object, const syntax::MemberExpr& member,
                               const Span& span) {
  const typed::Record& record = *object.type().record;
  if (record.declared == typed::Record::kNowhere) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::UnknownMember, member.member.span, record.name + " has no '" + member.member.text + "(…)'");
    return {};
  }
  const RecordEntry& entry = records_[record.declared];
  const std::string& name = member.member.text;
  const auto found =
      std::ranges::find(entry.decl->functions, name, [](const syntax::FunctionDecl& f) { return f.name.text; });
  if (found == entry.decl->functions.end() || (name.starts_with('_') && entry.home.module != module_)) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    std::vector<std::string> names;
    for (const syntax::FunctionDecl& f : entry.decl->functions) names.push_back(f.name.text);
    report(Code::UnknownMember, member.member.span, "record " + record.name + " has no '" + name + "(…)'",
           suggestion(name, names));
    return {};
  }
  if (place_ == Place::Constant || place_ == Place::Test) {
    report(place_ == Place::Test ? Code::EffectNotAllowed : Code::NotConstant, span,
           place_ == Place::Test ? "a test does not call the task's functions"
                                 : quoted(span) + " is not known at compile time, but a constant is needed here");
    return {};
  }
  Receiver receiver{object.type(), {}, {}};
  const typed::Expr* place = object.expr.get();
  for (const auto* f = std::get_if<typed::FieldOf>(&place->node); f; f = std::get_if<typed::FieldOf>(&place->node)) {
    receiver.path.insert(receiver.path.begin(), f->field);
    place = f->record.get();
  }
  if (const auto* state = std::get_if<typed::StateExpr>(&place->node))
    receiver.state = state->state;
  else
    receiver.path.clear();
  FunctionEntry of;
  of.decl = &*found;
  of.home = entry.home;
  Sizes sizes;
  for (std::size_t i = 0; i < record.sizes.size(); ++i) sizes[entry.decl->sizes[i].text] = record.sizes[i];
  const std::string where = receiver.state ? place_name(*object.expr) : entry.decl->name.text;
  at_home(entry.home, sizes, [&] { of.has_open_sizes = has_open_sizes(*found); });
  const std::uint32_t function = instance(of, std::move(sizes), receiver, where + "." + name);
  return instance_call(call, function, name, receiver.state ? Value() : std::move(object), span, &member);
}

// `self`: the record to pass to and fro, if there is one; `member` says where it came from.
Value TaskChecker::instance_call(const syntax::CallExpr& call, std::uint32_t function, const std::string& name,
                                 Value self, const Span& span, const syntax::MemberExpr* member) {
  const auto matched = match_arguments(call, functions_[function].decl->parameters, name, span);
  const auto abandon = [&] {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    return Value();
  };
  if (!matched) return abandon();
  std::vector<Value> values(functions_[function].decl->parameters.size());
  bool ok = true;
  if (functions_[function].has_open_sizes) {
    Sizes sizes = functions_[function].sizes;
    for (std::size_t i = 0; i < matched->size(); ++i) {
      const syntax::TypePtr& written = functions_[function].decl->parameters[(*matched)[i]].type;
      Value value = settle(expression(call.arguments[i].value));
      if (!value) {
        ok = false;
        continue;
      }
      bool fits = true;
      const FunctionEntry& of = functions_[function];
      at_home(of.home, of.sizes, [&] { fits = !written || infer(*written, value.type(), sizes); });
      if (!fits) {
        report(Code::TypeMismatch, value.expr->span,
               quoted(value.expr->span) + " is " + to_string(value.type()) + ", but " + source_text(written->span) +
                   " is needed here");
        ok = false;
      }
      values[(*matched)[i]] = std::move(value);
    }
    if (!ok) return {};
    FunctionEntry of;
    of.decl = functions_[function].decl;
    of.home = functions_[function].home;
    of.receiver = functions_[function].receiver;
    of.name = functions_[function].name;
    function = instance(of, std::move(sizes), of.receiver, of.name);
    check_signature(functions_[function]);
    if (!functions_[function].is_sound) return {};
  } else {
    check_signature(functions_[function]);
    if (!functions_[function].is_sound) return abandon();
    for (std::size_t i = 0; i < matched->size(); ++i) {
      const Type type = functions_[function].parameters[(*matched)[i]].type;
      values[(*matched)[i]] = expression(call.arguments[i].value, &type);
    }
  }
  check_callee(function, span);
  const FunctionEntry& callee = functions_[function];
  typed::Call node{callee.id, {}};
  if (self) node.arguments.push_back(std::move(self.expr));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_given = std::ranges::find(*matched, i) != matched->end();
    typed::ExprPtr value =
        is_given ? coerce(std::move(values[i]), callee.parameters[i].type) : make_constant(*callee.defaults[i], span);
    ok = ok && value;
    node.arguments.push_back(std::move(value));
  }
  if (!callee.is_sound || !ok) return {};
  const bool writes_self = effects_->writes_self;
  effects_->merge(callee.effects);
  effects_->writes_self = writes_self;
  if (callee.effects.writes_self && member) {
    typed::ExprPtr place = writable(*member->object);
    if (!place) return {};
    note_write(*place);
    if (const std::size_t* loops = loop_count_of(*place); loops && *loops > 0) {
      report(Code::LoopArrayWritten, span,
             "a loop goes over a part of " + quoted(place->span) + ", which '" + name + "' changes",
             "call it after the loop");
      return {};
    }
    node.arguments[0] = std::move(place);
  }
  for (typed::StateId state : callee.effects.resizes) {
    auto loops = state_loops_.find(state);
    if (loops == state_loops_.end() || loops->second == 0) continue;
    report(Code::LoopArrayWritten, span,
           "a loop goes over '" + task_.states[typed::index(state)].name + "', and '" + name + "' changes its length",
           "call it after the loop");
    ok = false;
  }
  return ok ? Value(make_expr(callee.result, span, std::move(node))) : Value();
}

std::optional<std::vector<typed::ExprPtr>> TaskChecker::labelled(
    const syntax::CallExpr& call, const std::string& what, const std::vector<typed::Field>& fields, const Span& span,
    std::size_t first, const std::vector<std::optional<typed::Constant>>& defaults) {
  std::vector<typed::ExprPtr> values(fields.size());
  std::vector<bool> given(fields.size());
  std::vector<std::string> names;
  for (const typed::Field& f : fields) names.push_back(f.name);
  bool ok = true;
  for (; first < call.arguments.size(); ++first) {
    const syntax::Argument& argument = call.arguments[first];
    auto found = argument.label ? std::ranges::find(names, argument.label->text) : names.end();
    if (found == names.end()) {
      expression(argument.value);
      Span at = argument.label ? argument.label->span : argument.value->span;
      report(Code::ArgumentLabel, at,
             argument.label ? what + " has no field '" + argument.label->text + "'"
                            : "the fields of " + what + " are given by name",
             argument.label ? suggestion(argument.label->text, names) : "write '" + names.front() + ": …'");
      return std::nullopt;
    }
    auto i = static_cast<std::size_t>(found - names.begin());
    if (given[i]) {
      report(Code::ArgumentLabel, argument.label->span, "field '" + names[i] + "' is given twice");
      ok = false;
    }
    given[i] = true;
    values[i] = coerce(expression(argument.value, &fields[i].type), fields[i].type);
    ok = ok && values[i];
  }
  std::string absent;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (given[i]) continue;
    if (i < defaults.size() && defaults[i])
      values[i] = make_constant(*defaults[i], span);
    else
      absent += (absent.empty() ? "" : ", ") + names[i];
  }
  if (!absent.empty()) {
    report(Code::ArgumentCount, span, "these fields of " + what + " are not given: " + absent);
    return std::nullopt;
  }
  return ok ? std::optional(std::move(values)) : std::nullopt;
}

// Point(x: 1.0, y: 2.0); running_spectrum(501): its sizes, then the fields that have no default.
Value TaskChecker::record_call(const syntax::CallExpr& call, std::uint32_t declared, const Span& span) {
  const syntax::RecordDecl& decl = *records_[declared].decl;
  std::vector<std::uint32_t> sizes;
  for (std::size_t i = 0; i < decl.sizes.size(); ++i) {
    const bool is_given = i < call.arguments.size() && !call.arguments[i].label;
    if (!is_given) {
      sizes_of(decl, {}, span);  // says how it is written
      return {};
    }
    auto size = size_of(call.arguments[i].value, kMaxElements, "a size is");
    if (!size) return {};
    sizes.push_back(*size);
  }
  const typed::Record* record = record_of(declared, sizes);
  if (!record) return {};
  auto values = labelled(call, "record " + record->name, record->fields, span, sizes.size(), form_of(*record).defaults);
  if (!values) return {};
  Type type = plain(TypeKind::Record);
  type.record = record;
  return Value(make_expr(type, span, typed::RecordLiteral{std::move(*values)}));
}

}  // namespace eyeflow::compiler::check_detail
