#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

TaskChecker::TaskChecker(const syntax::File& file, const syntax::TaskDecl& task, std::string_view source,
                         const Modules& modules, typed::TypeArena& arena, Diagnostics& diagnostics)
    : file_(file), syntax_(task), source_(source), modules_given_(modules), arena_(arena), diagnostics_(diagnostics) {}

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

std::vector<std::string> TaskChecker::names_of(SymbolKind kind) const {
  std::vector<std::string> out;
  const auto add = [&](const auto& symbols, bool all) {
    for (const auto& [name, symbol] : symbols) {
      if (symbol.kind == kind && (all || !name.starts_with('_'))) out.push_back(name);
    }
  };
  add(module_ == kOwnFile ? symbols_ : modules_[static_cast<std::size_t>(module_)].symbols, true);
  for (const Use& use : uses()) add(modules_[use.module].symbols, false);
  return out;
}

std::vector<std::string> TaskChecker::value_names() const {
  std::vector<std::string> out{"now", "on", "off", "pi"};
  for (const auto& scope : body_.scopes) {
    for (const auto& [name, id] : scope) out.push_back(name);
  }
  for (const auto& [name, symbol] :
       module_ == kOwnFile ? symbols_ : modules_[static_cast<std::size_t>(module_)].symbols) {
    if (!outside_task_ || symbol.of_file) out.push_back(name);
  }
  for (const Use& use : uses()) {
    for (const auto& [name, symbol] : modules_[use.module].symbols)
      if (symbol.kind == SymbolKind::Const && !name.starts_with('_')) out.push_back(name);
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
  auto& symbols = module_ == kOwnFile ? symbols_ : modules_[static_cast<std::size_t>(module_)].symbols;
  auto [place, is_new] = symbols.emplace(name.text, symbol);
  if (is_new) return;
  report(Code::DuplicateName, name.span, "'" + name.text + "' is declared already", "take another name")
      .notes.push_back({place->second.span, "declared here"});
}

// Two enums may have a value of one name: then it is known where one of them is expected, and as `Mode.idle`.
void TaskChecker::declare_enum(const syntax::EnumDecl& decl, Home home) {
  const auto index = static_cast<std::uint32_t>(enums_.size());
  declare(decl.name, {SymbolKind::Enum, index, {}, home.of_file, false});
  typed::Enum& made = arena_.new_enum();
  made.name = decl.name.text;
  made.span = decl.name.span;
  for (const syntax::Name& value : decl.values) {
    if (value.text.empty()) continue;
    if (!enum_numbers_[&made].emplace(value.text, made.values.size()).second) {
      report(Code::DuplicateName, value.span, "'" + decl.name.text + "' has the value '" + value.text + "' already",
             "take another name");
      continue;
    }
    made.values.push_back(value.text);
    Symbol* same = find_own_symbol(value.text);
    if (same && same->kind == SymbolKind::EnumValue) {
      same->is_ambiguous = true;
      continue;
    }
    declare(value, {SymbolKind::EnumValue, index, {}, home.of_file, true});
  }
  if (made.values.empty()) {
    report(Code::NoFields, decl.name.span, "enum '" + decl.name.text + "' has no values",
           "write enum Mode { idle, running }");
    made.values.emplace_back();
  }
  enums_.push_back({&decl, &made});
}

Value TaskChecker::enum_value(const typed::Enum& of, const std::string& name, const Span& span) {
  EnumNumbers& numbers = enum_numbers_[&of];
  if (numbers.empty())  // of the language's own
    for (const std::string& value : of.values) numbers.emplace(value, numbers.size());
  const auto found = numbers.find(name);
  if (found == numbers.end()) return {};
  Type type = plain(TypeKind::Enum);
  type.enumeration = &of;
  return Value(make_constant(make_whole(type, found->second), span));
}

bool TaskChecker::is_bare_enum_value(const std::string& name) {
  const Symbol* symbol = find_local(name) ? nullptr : find_symbol(name);
  return symbol && symbol->kind == SymbolKind::EnumValue;
}

Value TaskChecker::enum_member(std::uint32_t index, const syntax::Name& name, const Span& span) {
  const typed::Enum& of = *enums_[index].enumeration;
  Value value = enum_value(of, name.text, span);
  if (!value && !name.text.empty())
    report(Code::UnknownMember, name.span, "'" + of.name + "' has no value '" + name.text + "'",
           suggestion(name.text, of.values));
  return value;
}

void TaskChecker::declare_node(const syntax::Decl& decl, Home home) {
  auto add = [&](const syntax::Name& name, SymbolKind kind, std::size_t index) {
    declare(name, {kind, static_cast<std::uint32_t>(index), {}, home.of_file, false});
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
    consts_.push_back({d, home, ConstEntry::Waiting, {}});
  } else if (const auto* d = std::get_if<syntax::RecordDecl>(&decl.node)) {
    add(d->name, SymbolKind::Record, records_.size());
    records_.push_back({d, home, {}});
  } else if (const auto* d = std::get_if<syntax::FunctionDecl>(&decl.node)) {
    add(d->name, SymbolKind::Function, functions_.size());
    FunctionEntry& entry = functions_.emplace_back();
    entry.decl = d;
    entry.home = home;
    entry.name = d->name.text;
  } else if (const auto* d = std::get_if<syntax::ModelDecl>(&decl.node)) {
    add(d->name, SymbolKind::Model, task_.models.size());
    task_.models.emplace_back().name = d->name.text;
    task_.models.back().span = d->name.span;
  } else if (const auto* d = std::get_if<syntax::EnumDecl>(&decl.node)) {
    declare_enum(*d, home);
  } else if (const auto* d = std::get_if<syntax::UnitDecl>(&decl.node)) {
    add(d->name, SymbolKind::Unit, units_.size());
    units_.push_back({d, home, UnitEntry::Waiting, {}});
  } else if (const auto* d = std::get_if<syntax::UseDecl>(&decl.node)) {
    declare_use(*d, home);
  }
}

bool is_shared(const syntax::Decl& decl) {
  return std::get_if<syntax::ConstDecl>(&decl.node) || std::get_if<syntax::RecordDecl>(&decl.node) ||
         std::get_if<syntax::FunctionDecl>(&decl.node) || std::get_if<syntax::EnumDecl>(&decl.node) ||
         std::get_if<syntax::UnitDecl>(&decl.node) || std::get_if<syntax::UseDecl>(&decl.node);
}

void TaskChecker::declare_all() {
  modules_.resize(modules_given_.used.size());
  for (const syntax::Decl& decl : file_.declarations) {
    if (is_shared(decl)) declare_node(decl, {kOwnFile, true});
  }
  for (const syntax::Decl& decl : syntax_.declarations) declare_node(decl, {});
  for (FunctionEntry& entry : functions_)
    at_home(entry.home, {}, [&] { entry.has_open_sizes = has_open_sizes(*entry.decl); });
  written_at_.resize(task_.outputs.size());
}

void TaskChecker::run() {
  task_.name = syntax_.name.text;
  task_.doc = syntax_.doc;
  task_.span = syntax_.name.span;
  declare_all();
  // In the order in which the ones need the others: constants and records, then what has a type, then code.
  for (ConstEntry& entry : consts_)
    if (entry.home.module == kOwnFile) check_const(entry);
  for (std::uint32_t i = 0; i < units_.size(); ++i)
    if (units_[i].home.module == kOwnFile) own_unit(i);
  for (std::uint32_t i = 0; i < records_.size(); ++i)
    if (records_[i].home.module == kOwnFile && records_[i].decl->sizes.empty()) record_of(i);
  std::size_t input = 0, output = 0, param = 0, state = 0, model = 0, alarm = 0;
  for (const syntax::Decl& decl : syntax_.declarations) {
    if (const auto* d = std::get_if<syntax::InputDecl>(&decl.node)) check_input(*d, task_.inputs[input++]);
    if (const auto* d = std::get_if<syntax::OutputDecl>(&decl.node)) check_output(*d, task_.outputs[output++]);
    if (const auto* d = std::get_if<syntax::ParamDecl>(&decl.node)) check_param(*d, task_.params[param++]);
    if (const auto* d = std::get_if<syntax::StateDecl>(&decl.node)) check_state(*d, task_.states[state++]);
    if (const auto* d = std::get_if<syntax::ModelDecl>(&decl.node)) check_model(*d, task_.models[model++]);
  }
  for (FunctionEntry& entry : functions_)
    if (entry.home.module == kOwnFile && !entry.has_open_sizes) check_signature(entry);
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
  at_home(entry.home, {}, [&] {
    if (decl.type) {
      Type type = resolve(decl.type);
      if (auto value = constant(decl.value, type))
        entry.value = Value(make_constant(std::move(*value), decl.value->span));
    } else {
      Value value = expression(decl.value);
      if (value && !as_constant(*value.expr)) {
        Span span = value.expr->span;
        if (auto known = to_constant(std::move(value.expr)))
          entry.value = Value(make_constant(std::move(*known), span));
      } else {
        entry.value = std::move(value);
      }
    }
  });
  body_ = std::move(body);
  place_ = place;
  entry.progress = ConstEntry::Done;
}

const typed::Record* TaskChecker::record_of(std::uint32_t index, const std::vector<std::uint32_t>& sizes) {
  RecordEntry& entry = records_[index];
  const syntax::RecordDecl& decl = *entry.decl;
  RecordForm& form = entry.forms[sizes];
  if (form.progress == RecordForm::Busy) {
    report(Code::EndlessRecord, decl.name.span, "record '" + decl.name.text + "' contains itself");
    return nullptr;
  }
  if (form.progress == RecordForm::Done) return form.record;
  form.progress = RecordForm::Busy;
  Sizes names;
  for (std::size_t i = 0; i < sizes.size(); ++i) names[decl.sizes[i].text] = sizes[i];
  std::vector<typed::Field> fields;
  at_home(entry.home, std::move(names), [&] {
    for (const syntax::RecordField& field : decl.fields) {
      Type type = resolve(field.type);
      check_field_name(field.name, fields);
      form.defaults.push_back(field.value ? constant(field.value, type) : std::nullopt);
      fields.push_back({field.name.text, type, field.name.span});
    }
  });
  bool sound = !fields.empty() &&
               std::ranges::none_of(fields, [](const typed::Field& f) { return f.type.kind == TypeKind::Error; });
  if (decl.fields.empty()) report(Code::NoFields, decl.name.span, "record '" + decl.name.text + "' has no fields");
  if (sound) {
    typed::Record& record = arena_.new_record();
    record.name = decl.name.text;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      record.name += (i == 0 ? "(" : ", ") + std::to_string(sizes[i]) + (i + 1 == sizes.size() ? ")" : "");
    record.span = decl.name.span;
    record.fields = std::move(fields);
    record.declared = index;
    record.sizes = sizes;
    form.record = &record;
  }
  form.progress = RecordForm::Done;
  return form.record;
}

typed::ExprPtr TaskChecker::default_record(const Type& type, const Span& span) {
  typed::Aggregate values;
  for (const auto& value : form_of(*type.record).defaults) {
    if (!value) return nullptr;
    values.elements.push_back(*value);
  }
  return make_constant({type, std::move(values)}, span);
}

void TaskChecker::check_field_name(const syntax::Name& name, const std::vector<typed::Field>& before) {
  auto same = std::ranges::find(before, name.text, &typed::Field::name);
  if (same == before.end() || name.text.empty()) return;
  report(Code::DuplicateName, name.span, "field '" + name.text + "' is declared already")
      .notes.push_back({same->span, "declared here"});
}

std::vector<typed::Field> TaskChecker::check_log_fields(const std::vector<syntax::LogField>& fields) {
  std::vector<typed::Field> out;
  for (const syntax::LogField& field : fields) {
    Type type = resolve(field.type);
    check_field_name(field.name, out);
    if (typed::is_image(type)) {
      report(Code::InputType, field.type->span, "a row holds no image", "send what was found in it");
      type = {};
    } else if (typed::is_array(type.kind) && !crosses_border(type)) {
      report(Code::InputType, field.type->span,
             "in a row an array holds numbers or bools, and this is " + to_string(type), "send a row for each element");
      type = {};
    } else if (type.kind == TypeKind::Optional && !typed::is_float(type.element->kind)) {
      report(Code::InputType, field.type->span, "in a row only a float can be missing, not " + to_string(*type.element),
             "send it beside a bool that tells");
      type = {};
    } else if (type.kind == TypeKind::Record) {
      report(Code::InputType, field.type->span, "a field of a log is a scalar, a text or an array, not a record",
             "name its fields one by one");
      type = {};
    }
    out.push_back({field.name.text, type, field.name.span});
  }
  return out;
}

// Whether a value of this type can come from or go to the world as a whole: no records, times nor spans of time.
bool crosses_border(const Type& type) {
  if (typed::is_array(type.kind)) return typed::is_number(type.element->kind) || type.element->kind == TypeKind::Bool;
  return type.kind == TypeKind::Bool || type.kind == TypeKind::Text || type.kind == TypeKind::Enum ||
         typed::is_number(type.kind);
}

// ---- Inputs, outputs, params, states
// -----------------------------------------------------------------------------------

void TaskChecker::check_input(const syntax::InputDecl& decl, typed::Input& out) {
  out.type = resolve(decl.type);
  const Type& reading = out.type.kind == TypeKind::Optional ? *out.type.element : out.type;
  if (reading.kind != TypeKind::Error && !crosses_border(reading)) {
    report(Code::InputType, decl.type->span,
           "an input is a number, bool, text(N), enum, bytes(N) or an array of numbers, not " + to_string(out.type));
    out.type = {};
  }
  check_border(out.type, decl.type ? decl.type->span : decl.name.span);
  if (out.type.kind != TypeKind::Error) check_bad_form(decl, out);
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
    if (out.type.kind != TypeKind::Error && !crosses_border(out.type)) {
      report(Code::InputType, decl.type->span,
             "a value is a number, bool, text(N), enum, bytes(N) or an array of numbers, not " + to_string(out.type));
      out.type = {};
    }
  } else {
    out.type = plain(TypeKind::None);
    out.fields = check_log_fields(decl.fields);
    for (std::size_t i = 0; i < out.fields.size(); ++i)
      if (const auto& type = decl.fields[i].type) check_border(out.fields[i].type, type->span);
    if (decl.fields.empty())
      report(Code::NoFields, decl.name.span, "log '" + decl.name.text + "' has no fields",
             "write log { value: f64, at: time }");
    if (decl.initial)
      report(Code::TypeMismatch, decl.initial->span, "a log has no value to start with", "leave it out");
    return;
  }
  if (out.kind == typed::OutputKind::Value && decl.type) check_border(out.type, decl.type->span);
  if (decl.initial) {
    if (out.type.kind == TypeKind::Error) return;
    if (!typed::is_scalar(out.type.kind))
      report(Code::InputType, decl.initial->span,
             to_string(out.type) + " has no value to start with: nothing is sent before a handler sets it",
             "set it in an 'on start'");
    else if (auto value = constant(decl.initial, out.type))
      out.initial = std::move(value);
  }
}

void TaskChecker::check_param(const syntax::ParamDecl& decl, typed::Param& out) {
  out.type = resolve(decl.type);
  TypeKind kind = out.type.kind;
  if (kind == TypeKind::Error) return;
  if (kind != TypeKind::Bool && kind != TypeKind::Duration && kind != TypeKind::Enum && !typed::is_number(kind)) {
    report(Code::InputType, decl.type->span, "a param is a number, bool, duration or enum, not " + to_string(out.type));
    out.type = {};
    return;
  }
  check_border(out.type, decl.type->span);
  auto value = constant(decl.value, out.type);
  if (decl.min && decl.max) {
    if (kind == TypeKind::Bool || kind == TypeKind::Enum) {
      report(Code::TypeMismatch, decl.min->span, to_string(out.type) + " has no range", "leave it out");
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
    } else if (typed::is_image(out.type)) {
      out.initial = {out.type, typed::Aggregate{{make_whole(*out.type.element, 0)}, out.type.size}};  // black
    } else if (typed::ExprPtr value =
                   out.type.kind == TypeKind::Record ? default_record(out.type, decl.name.span) : nullptr) {
      if (auto known = to_constant(std::move(value))) out.initial = std::move(*known);
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
