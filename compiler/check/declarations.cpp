#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

TaskChecker::TaskChecker(const syntax::File& file, const syntax::TaskDecl& task, std::string_view source,
                         typed::TypeArena& arena, Diagnostics& diagnostics)
    : file_(file), syntax_(task), source_(source), arena_(arena), diagnostics_(diagnostics) {}

std::string TaskChecker::source_text(const Span& span) const {
  std::string text(source_.substr(std::min<std::size_t>(span.offset, source_.size()), span.length));
  for (char& c : text) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  if (text.size() <= 60) return text;
  std::size_t cut = 57;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

Symbol* TaskChecker::find_symbol(std::string_view name) {
  auto found = symbols_.find(name);
  if (found == symbols_.end() || (outside_task_ && !found->second.of_file)) return nullptr;
  return &found->second;
}

std::vector<std::string> TaskChecker::names_of(SymbolKind kind) const {
  std::vector<std::string> out;
  for (const auto& [name, symbol] : symbols_) {
    if (symbol.kind == kind) out.push_back(name);
  }
  return out;
}

std::vector<std::string> TaskChecker::value_names() const {
  std::vector<std::string> out{"now", "on", "off", "pi"};
  for (const auto& scope : body_.scopes) {
    for (const auto& [name, id] : scope) out.push_back(name);
  }
  for (const auto& [name, symbol] : symbols_) {
    if (!outside_task_ || symbol.of_file) out.push_back(name);
  }
  return out;
}

std::set<std::string> TaskChecker::used_file_names() const {
  std::set<std::string> out;
  for (const auto& [name, symbol] : symbols_) {
    if (symbol.of_file && symbol.used) out.insert(name);
  }
  return out;
}

// ---- Names first, so that declarations may stand in any order
// ----------------------------------------------------------

void TaskChecker::declare(const syntax::Name& name, Symbol symbol) {
  if (name.text.empty()) return;
  symbol.span = name.span;
  if (is_reserved(name.text)) {
    report(Code::ReservedName, name.span, "'" + name.text + "' has a meaning in the language", "take another name");
  }
  auto [place, is_new] = symbols_.emplace(name.text, symbol);
  if (is_new) return;
  report(Code::DuplicateName, name.span, "'" + name.text + "' is declared already", "take another name")
      .notes.push_back({place->second.span, "declared here"});
}

void TaskChecker::declare_node(const syntax::Decl& decl, bool of_file) {
  auto add = [&](const syntax::Name& name, SymbolKind kind, std::size_t index) {
    declare(name, {kind, static_cast<std::uint32_t>(index), {}, of_file, false});
  };
  auto missing = [&](const char* construct, const Span& span) {
    report(Code::NotAvailable, span, std::string(construct) + " is not available in this version");
  };
  if (const auto* d = std::get_if<syntax::InputDecl>(&decl.node)) {
    add(d->name, SymbolKind::Input, task_.inputs.size());
    task_.inputs.emplace_back().name = d->name.text;
    task_.inputs.back().span = d->name.span;
  } else if (const auto* d = std::get_if<syntax::OutputDecl>(&decl.node)) {
    add(d->name, SymbolKind::Output, task_.outputs.size());
    task_.outputs.emplace_back().name = d->name.text;
    task_.outputs.back().span = d->name.span;
    task_.outputs.back().kind = static_cast<typed::OutputKind>(d->form);
  } else if (const auto* d = std::get_if<syntax::AlarmDecl>(&decl.node)) {
    add(d->name, SymbolKind::Alarm, task_.alarms.size());
    task_.alarms.emplace_back().name = d->name.text;
    task_.alarms.back().span = d->name.span;
  } else if (const auto* d = std::get_if<syntax::ParamDecl>(&decl.node)) {
    add(d->name, SymbolKind::Param, task_.params.size());
    task_.params.emplace_back().name = d->name.text;
    task_.params.back().span = d->name.span;
  } else if (const auto* d = std::get_if<syntax::StateDecl>(&decl.node)) {
    add(d->name, SymbolKind::State, task_.states.size());
    task_.states.emplace_back().name = d->name.text;
    task_.states.back().span = d->name.span;
  } else if (const auto* d = std::get_if<syntax::ConstDecl>(&decl.node)) {
    add(d->name, SymbolKind::Const, consts_.size());
    consts_.push_back({d, ConstEntry::Waiting, {}});
  } else if (const auto* d = std::get_if<syntax::RecordDecl>(&decl.node)) {
    add(d->name, SymbolKind::Record, records_.size());
    records_.push_back({d, RecordEntry::Waiting, nullptr});
  } else if (const auto* d = std::get_if<syntax::FunctionDecl>(&decl.node)) {
    add(d->name, SymbolKind::Function, functions_.size());
    functions_.emplace_back().decl = d;
    functions_.back().of_file = of_file;
  } else if (const auto* d = std::get_if<syntax::ModelDecl>(&decl.node)) {
    add(d->name, SymbolKind::Unavailable, 0);
    missing("'model'", d->name.span);
  } else if (const auto* d = std::get_if<syntax::EnumDecl>(&decl.node)) {
    add(d->name, SymbolKind::Unavailable, 0);
    for (const syntax::Name& value : d->values) add(value, SymbolKind::Unavailable, 0);
    missing("'enum'", d->name.span);
  } else if (std::get_if<syntax::UseDecl>(&decl.node)) {
    uses_library_ = true;
    missing("'use'", {decl.span.line, decl.span.column, decl.span.offset, 3});
  }
}

void TaskChecker::declare_all() {
  for (const syntax::Decl& decl : file_.declarations) {
    bool shared = std::get_if<syntax::ConstDecl>(&decl.node) || std::get_if<syntax::RecordDecl>(&decl.node) ||
                  std::get_if<syntax::FunctionDecl>(&decl.node) || std::get_if<syntax::EnumDecl>(&decl.node) ||
                  std::get_if<syntax::UseDecl>(&decl.node);
    if (shared) declare_node(decl, true);
  }
  for (const syntax::Decl& decl : syntax_.declarations) declare_node(decl, false);
  written_at_.resize(task_.outputs.size());
}

void TaskChecker::run() {
  task_.name = syntax_.name.text;
  task_.doc = syntax_.doc;
  task_.span = syntax_.name.span;
  declare_all();
  // In the order in which the ones need the others: constants and records, then what has a type, then code.
  for (ConstEntry& entry : consts_) check_const(entry);
  for (std::uint32_t i = 0; i < records_.size(); ++i) record_of(i);
  std::size_t input = 0, output = 0, param = 0, state = 0, alarm = 0;
  for (const syntax::Decl& decl : syntax_.declarations) {
    if (const auto* d = std::get_if<syntax::InputDecl>(&decl.node)) check_input(*d, task_.inputs[input++]);
    if (const auto* d = std::get_if<syntax::OutputDecl>(&decl.node)) check_output(*d, task_.outputs[output++]);
    if (const auto* d = std::get_if<syntax::ParamDecl>(&decl.node)) check_param(*d, task_.params[param++]);
    if (const auto* d = std::get_if<syntax::StateDecl>(&decl.node)) check_state(*d, task_.states[state++]);
  }
  for (FunctionEntry& entry : functions_) check_signature(entry);
  order_functions();
  for (const syntax::Decl& decl : syntax_.declarations) {
    if (const auto* d = std::get_if<syntax::AlarmDecl>(&decl.node)) check_alarm(*d, task_.alarms[alarm++]);
    if (const auto* d = std::get_if<syntax::HandlerDecl>(&decl.node)) check_handler(*d, decl.span);
  }
  check_writers();
  warn_unused();
}

// ---- Constants and records
// ---------------------------------------------------------------------------------------------

void TaskChecker::check_const(ConstEntry& entry) {
  if (entry.progress == ConstEntry::Done) return;
  const syntax::ConstDecl& decl = *entry.decl;
  if (entry.progress == ConstEntry::Busy) {
    report(Code::NotConstant, decl.name.span, "'" + decl.name.text + "' is defined by itself");
    return;
  }
  entry.progress = ConstEntry::Busy;
  Place place = std::exchange(place_, Place::Constant);
  Body body = std::exchange(body_, {});
  if (decl.type) {
    Type type = resolve(decl.type);
    auto value = constant(decl.value, type);
    bool is_simple = value && !std::holds_alternative<typed::Aggregate>(value->value);
    if (is_simple)
      entry.value = Value(make_constant(std::move(*value), decl.value->span));
    else if (value)
      unavailable("a constant array or record", decl.name.span);
  } else {
    Value value = expression(decl.value);
    if (value && !as_constant(*value.expr)) {
      to_constant(std::move(value.expr)) ? unavailable("a constant array or record", decl.name.span) : Value();
    } else {
      entry.value = std::move(value);
    }
  }
  body_ = std::move(body);
  place_ = place;
  entry.progress = ConstEntry::Done;
}

const typed::Record* TaskChecker::record_of(std::uint32_t index) {
  RecordEntry& entry = records_[index];
  const syntax::RecordDecl& decl = *entry.decl;
  if (entry.progress == RecordEntry::Busy) {
    report(Code::EndlessRecord, decl.name.span, "record '" + decl.name.text + "' contains itself");
    return nullptr;
  }
  if (entry.progress == RecordEntry::Done) return entry.record;
  entry.progress = RecordEntry::Busy;
  std::vector<typed::Field> fields = check_fields(decl.fields, true);
  bool sound = !fields.empty() &&
               std::ranges::none_of(fields, [](const typed::Field& f) { return f.type.kind == TypeKind::Error; });
  if (decl.fields.empty()) report(Code::NoFields, decl.name.span, "record '" + decl.name.text + "' has no fields");
  if (sound) {
    typed::Record& record = arena_.new_record();
    record.name = decl.name.text;
    record.span = decl.name.span;
    record.fields = std::move(fields);
    records_[index].record = &record;
  }
  records_[index].progress = RecordEntry::Done;
  return records_[index].record;
}

std::vector<typed::Field> TaskChecker::check_fields(const std::vector<syntax::LogField>& fields, bool of_record) {
  std::vector<typed::Field> out;
  for (const syntax::LogField& field : fields) {
    Type type = resolve(field.type);
    auto same = std::ranges::find(out, field.name.text, &typed::Field::name);
    if (same != out.end() && !field.name.text.empty()) {
      report(Code::DuplicateName, field.name.span, "field '" + field.name.text + "' is declared already")
          .notes.push_back({same->span, "declared here"});
    }
    if (typed::is_array(type.kind)) {
      unavailable(of_record ? "an array in a record" : "an array in a log", field.type->span);
      type = {};
    } else if (!of_record && type.kind == TypeKind::Record) {
      report(Code::InputType, field.type->span, "a field of a log is a scalar or a text, not a record",
             "name its fields one by one");
      type = {};
    }
    out.push_back({field.name.text, type, field.name.span});
  }
  return out;
}

// ---- Inputs, outputs, params, states
// -----------------------------------------------------------------------------------

void TaskChecker::check_input(const syntax::InputDecl& decl, typed::Input& out) {
  out.type = resolve(decl.type);
  TypeKind kind = out.type.kind;
  if (kind != TypeKind::Error && kind != TypeKind::Bool && kind != TypeKind::Text && !typed::is_number(kind)) {
    report(Code::InputType, decl.type->span, "an input is a number, bool or text(N), not " + to_string(out.type));
    out.type = {};
  }
  if (decl.stale_after) out.stale_after_ns = positive_duration(decl.stale_after, "the time after 'stale after'");
  if (decl.every) out.every_ns = positive_duration(decl.every, "a period");
  if (decl.rate) {
    Type hertz = number(TypeKind::F64, *stdlib::parse_unit("Hz"));
    if (auto rate = constant(decl.rate, hertz)) {
      double hz = std::get<double>(rate->value);
      if (hz > 0)
        out.rate_hz = hz;
      else
        report(Code::NotPositive, decl.rate->span,
               "a rate is greater than zero, but this is " + quoted(decl.rate->span));
    }
  }
  if (decl.queue) out.queue = size_of(decl.queue, 65536, "a queue holds");
  out.latest = decl.latest;
  if (!decl.drop || decl.drop->text.empty()) return;
  if (decl.drop->text == "newest")
    out.drop = typed::Drop::Newest;
  else if (decl.drop->text != "oldest") {
    report(Code::UnknownOption, decl.drop->span, "a queue drops oldest or newest, not '" + decl.drop->text + "'",
           suggestion(decl.drop->text, {"oldest", "newest"}));
  }
}

void TaskChecker::check_output(const syntax::OutputDecl& decl, typed::Output& out) {
  out.to_cloud = decl.to_cloud;
  if (out.kind == typed::OutputKind::Switch) {
    out.type = plain(TypeKind::Bool);
    out.initial = make_bool(out.type, false);
  } else if (out.kind == typed::OutputKind::Value) {
    out.type = resolve(decl.type);
    TypeKind kind = out.type.kind;
    if (kind != TypeKind::Error && kind != TypeKind::Bool && kind != TypeKind::Text && !typed::is_number(kind)) {
      report(Code::InputType, decl.type->span, "a value is a number, bool or text(N), not " + to_string(out.type));
      out.type = {};
    }
  } else {
    out.type = plain(TypeKind::None);
    out.fields = check_fields(decl.fields, false);
    if (decl.fields.empty())
      report(Code::NoFields, decl.name.span, "log '" + decl.name.text + "' has no fields",
             "write log { value: f64, at: time }");
    if (decl.initial)
      report(Code::TypeMismatch, decl.initial->span, "a log has no value to start with", "leave it out");
    return;
  }
  if (decl.initial) {
    if (auto value = constant(decl.initial, out.type)) out.initial = std::move(value);
  }
}

void TaskChecker::check_param(const syntax::ParamDecl& decl, typed::Param& out) {
  out.type = resolve(decl.type);
  TypeKind kind = out.type.kind;
  if (kind == TypeKind::Error) return;
  if (kind != TypeKind::Bool && kind != TypeKind::Duration && !typed::is_number(kind)) {
    report(Code::InputType, decl.type->span, "a param is a number, bool or duration, not " + to_string(out.type));
    out.type = {};
    return;
  }
  auto value = constant(decl.value, out.type);
  if (decl.min && decl.max) {
    if (kind == TypeKind::Bool) {
      report(Code::TypeMismatch, decl.min->span, "a bool has no range", "leave it out");
    } else {
      out.min = constant(decl.min, out.type);
      out.max = constant(decl.max, out.type);
    }
  }
  Type boolean = plain(TypeKind::Bool);
  auto less = [&](const typed::Constant& a, const typed::Constant& b) {
    return std::get<bool>(fold_binary(typed::BinaryOp::Lt, boolean, a, b)->value);
  };
  if (!out.min || !out.max) out.min = out.max = std::nullopt;
  if (out.min && less(*out.max, *out.min)) {
    report(Code::EmptyRange, join(decl.min->span, decl.max->span),
           "nothing lies in " + quoted(join(decl.min->span, decl.max->span)), "the lower end stands first");
    out.min = out.max = std::nullopt;
  }
  if (value && out.min && (less(*value, *out.min) || less(*out.max, *value))) {
    report(Code::OutOfRange, decl.value->span,
           quoted(decl.value->span) + " lies outside " + quoted(join(decl.min->span, decl.max->span)));
  }
  if (value) out.value = std::move(*value);
}

void TaskChecker::check_state(const syntax::StateDecl& decl, typed::State& out) {
  Place place = std::exchange(place_, Place::Constant);
  if (decl.type) {
    out.type = resolve(decl.type);
    if (decl.value) {
      if (auto value = constant(decl.value, out.type)) out.initial = std::move(*value);
    } else if (out.type.kind != TypeKind::Error) {
      report(Code::NeedsInitial, decl.name.span, "state '" + decl.name.text + "' has no value to start with",
             "write = …");
    }
  } else if (decl.value) {
    Value value = settle(expression(decl.value));
    if (value) {
      out.type = value.type();
      if (auto constant = to_constant(std::move(value.expr))) out.initial = std::move(*constant);
    }
  } else {
    report(Code::NeedsInitial, decl.name.span, "state '" + decl.name.text + "' has neither type nor value",
           "write : T = …");
  }
  place_ = place;
}

}  // namespace eyeflow::compiler::check_detail
