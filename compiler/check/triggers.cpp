#include <algorithm>
#include <cmath>

#include "compiler/check/checker.h"
#include "vm/module/module.h"

// What starts a handler: a reading, a time, a silence, a condition, a window.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

void TaskChecker::check_handler(const syntax::HandlerDecl& decl, const Span& span) {
  typed::Handler out;
  out.span = decl.trigger_span.length > 0 ? decl.trigger_span : span;
  out.label = source_text(out.span);
  Effects effects;
  begin_body(Place::Handler, effects);
  check_trigger(decl, out);
  if (decl.within) out.within_ns = positive_duration(decl.within, "a deadline");
  place_ = Place::Handler;
  effects_ = &effects;
  out.body = block(decl.body);
  out.locals = end_body();
  task_.handlers.push_back(std::move(out));
}

void TaskChecker::check_trigger(const syntax::HandlerDecl& decl, typed::Handler& out) {
  using syntax::TriggerForm;
  switch (decl.form) {
    case TriggerForm::Value: {
      out.trigger = typed::Trigger::Input;
      Type type;
      if (const auto input = trigger_input(decl.subject)) {
        out.input = *input;
        out.label = "on " + task_.inputs[typed::index(*input)].name;
        type = task_.inputs[typed::index(*input)].type;
      }
      if (decl.variable) out.value = declare_local(*decl.variable, type, false);
      return;
    }
    case TriggerForm::Every:
      out.trigger = typed::Trigger::Every;
      out.time_ns = positive_duration(decl.subject, "a period").value_or(0);
      return;
    case TriggerForm::Start:
      out.trigger = typed::Trigger::Start;
      return;
    case TriggerForm::Stop:
      out.trigger = typed::Trigger::Stop;
      return;
    case TriggerForm::Stale: {
      out.trigger = typed::Trigger::Stale;
      const auto id = trigger_input(decl.subject);
      if (!id) return;
      out.input = *id;
      const typed::Input& input = task_.inputs[typed::index(*id)];
      if (input.stale_after_ns) return;
      report(Code::StaleWithoutAfter, decl.trigger_span, "'" + input.name + "' does not say when it is stale",
             "add 'stale after 30 s' to its declaration")
          .notes.push_back({input.span, "declared here"});
      return;
    }
    case TriggerForm::Window: {
      out.trigger = typed::Trigger::Window;
      const auto* window = decl.subject ? std::get_if<syntax::WindowExpr>(&decl.subject->node) : nullptr;
      const Type type = window ? check_window(*window, out) : Type{};
      if (decl.variable) out.value = declare_local(*decl.variable, type, false);
      return;
    }
    case TriggerForm::AtTime:
      check_time_of_day(decl, out);
      return;
    case TriggerForm::Rising:
    case TriggerForm::Holds:
      check_condition(decl, out);
      return;
  }
}

std::optional<typed::InputId> TaskChecker::trigger_input(const syntax::ExprPtr& subject) {
  const auto* name = subject ? std::get_if<syntax::NameExpr>(&subject->node) : nullptr;
  if (!name) return std::nullopt;
  Symbol* symbol = find_symbol(name->name);
  if (symbol && symbol->kind == SymbolKind::Input) {
    symbol->used = true;
    return typed::InputId{symbol->index};
  }
  if (!symbol) {
    report(Code::UnknownName, subject->span, "there is no input '" + name->name + "'",
           suggestion(name->name, names_of(SymbolKind::Input)));
  } else if (symbol->kind != SymbolKind::Unavailable) {
    report(Code::NotAnInput, subject->span, "'" + name->name + "' is not an input, so no value of it arrives");
  }
  return std::nullopt;
}

void TaskChecker::check_condition(const syntax::HandlerDecl& decl, typed::Handler& out) {
  out.trigger = typed::Trigger::Condition;
  Effects condition;
  place_ = Place::AlarmCondition;
  effects_ = &condition;
  if (decl.subject) out.condition = coerce(expression(decl.subject), plain(TypeKind::Bool));
  if (decl.hold) out.time_ns = positive_duration(decl.hold, "the time behind 'for'").value_or(0);
  if (condition.emits || !condition.state_writes.empty()) {
    report(Code::EffectNotAllowed, decl.subject->span, "the condition of a handler changes something",
           "call a function that only reads");
  }
  out.needs.assign(condition.needs.begin(), condition.needs.end());
}

void TaskChecker::check_time_of_day(const syntax::HandlerDecl& decl, typed::Handler& out) {
  out.trigger = typed::Trigger::TimeOfDay;
  const auto* text = decl.subject ? std::get_if<syntax::TextExpr>(&decl.subject->node) : nullptr;
  if (!text) return;
  const std::string written = text->parts.size() == 1 && !text->parts[0].expr ? text->parts[0].literal : "";
  const auto pair = [&](std::size_t at, int below) -> std::optional<int> {
    if (at + 2 > written.size() || written[at] < '0' || written[at] > '9' || written[at + 1] < '0' ||
        written[at + 1] > '9')
      return std::nullopt;
    const int number = (written[at] - '0') * 10 + (written[at + 1] - '0');
    return number < below ? std::optional(number) : std::nullopt;
  };
  const bool has_seconds = written.size() == 8;
  const auto hours = pair(0, 24), minutes = pair(3, 60), seconds = has_seconds ? pair(6, 60) : 0;
  if ((has_seconds || written.size() == 5) && hours && minutes && seconds && written[2] == ':' &&
      (!has_seconds || written[5] == ':')) {
    out.time_ns = std::int64_t{(*hours * 60 + *minutes) * 60 + *seconds} * 1'000'000'000;
    return;
  }
  report(Code::BadTimeOfDay, decl.subject->span, quoted(decl.subject->span) + " is not a time of day",
         "write \"06:00\", from \"00:00\" to \"23:59\", or with seconds \"06:00:30\"");
}

// ---- Windows -------------------------------------------------------------------------------------------------------

// Gives the type of what `as w` names; Error where something is wrong.
Type TaskChecker::check_window(const syntax::WindowExpr& window, typed::Handler& out) {
  const auto id = trigger_input(window.input);
  const Place place = std::exchange(place_, Place::Constant);
  const Value size = expression(window.size);
  place_ = place;
  if (!id || !size) return {};
  out.input = *id;
  const typed::Input& input = task_.inputs[typed::index(*id)];
  if (input.type.kind == TypeKind::Error) return {};
  // What may be missing is a gap.
  const Type value = input.type.kind == TypeKind::Optional ? *input.type.element : input.type;
  if (!typed::is_scalar(value.kind)) {
    report(Code::InputType, window.input->span, "a window holds numbers or bools, not " + to_string(input.type));
    return {};
  }
  const bool by_time = size.type().kind == TypeKind::Duration;
  if (!(by_time ? check_window_by_time(window, input, out.window) : check_window_by_count(window, out.window)))
    return {};
  typed::Record& record = arena_.new_record();
  record.name = "window";
  record.span = out.span;
  Type values = plain(TypeKind::FixedArray, out.window.values);
  values.element = arena_.intern(value);
  const Type types[] = {values, plain(TypeKind::Time), plain(TypeKind::Time), plain(TypeKind::I64)};
  for (std::size_t i = 0; i < std::size(types); ++i)
    record.fields.push_back({typed::kWindowFields[i], types[i], out.span});
  Type type = plain(TypeKind::Record);
  type.record = &record;
  return type;
}

bool TaskChecker::check_window_by_time(const syntax::WindowExpr& window, const typed::Input& input,
                                       typed::Window& out) {
  const auto span = positive_duration(window.size, "a window");
  if (!span) return false;
  if (!input.every_ns && !input.rate_hz) {
    report(
        Code::WindowNeedsRate, window.size->span,
        "'" + input.name + "' declares no rate, so nobody knows how many values " + quoted(window.size->span) + " have",
        "declare it with 'at 100 Hz' or 'every 10 ms', or count readings")
        .notes.push_back({input.span, "declared here"});
    return false;
  }
  // How many values a span has; nothing, reported, when it is no whole number of them.
  const auto values_of = [&](std::int64_t ns, const Span& place) -> std::optional<std::uint32_t> {
    const double exact = input.every_ns ? static_cast<double>(ns) / static_cast<double>(*input.every_ns)
                                        : static_cast<double>(ns) * 1e-9 * *input.rate_hz;
    const double values = std::round(exact);
    const bool is_whole = input.every_ns ? ns % *input.every_ns == 0 : std::abs(exact - values) <= 1e-9 * values;
    if (values >= 1 && values <= vm::kMaxWindowValues && is_whole) return static_cast<std::uint32_t>(values);
    if (values > vm::kMaxWindowValues)
      report(Code::BadSize, place, "a window holds at most 1,048,576 values, and " + quoted(place) + " has more");
    else
      report(Code::WindowShape, place, quoted(place) + " is no whole number of the periods of '" + input.name + "'",
             "take a multiple of them")
          .notes.push_back({input.span, "declared here"});
    return std::nullopt;
  };
  out.span_ns = *span;
  const auto values = values_of(*span, window.size->span);
  if (!values) return false;
  out.values = out.step = *values;
  if (window.every) {
    const auto every = positive_duration(window.every, "what stands behind 'every'");
    const auto step = every ? values_of(*every, window.every->span) : std::nullopt;
    if (!step) return false;
    out.step = *step;
  }
  if (window.late) {
    const auto late = positive_duration(window.late, "the time behind 'late'");
    if (!late) return false;
    out.late_ns = *late;
  }
  out.least = out.values - out.values / 20;
  if (window.fill) {
    const auto fill = constant(window.fill, number(TypeKind::F64, *stdlib::parse_unit("%")));
    if (!fill) return false;
    const double percent = std::get<double>(fill->value);
    if (!(percent > 0 && percent <= 100)) {
      report(Code::WindowShape, window.fill->span, quoted(window.fill->span) + " of a window cannot be asked for",
             "write a share from 1 % to 100 %");
      return false;
    }
    out.least = std::max(1u, static_cast<std::uint32_t>(std::ceil(percent * out.values / 100)));
  }
  out.from_start = window.from_start;
  return true;
}

bool TaskChecker::check_window_by_count(const syntax::WindowExpr& window, typed::Window& out) {
  const auto values = size_of(window.size, vm::kMaxWindowValues, "a window holds");
  const auto step = window.every ? size_of(window.every, vm::kMaxWindowValues, "a window steps by") : values;
  if (!values || !step) return false;
  const syntax::Expr* of_time = window.late ? window.late.get() : window.fill.get();
  if (of_time || window.from_start) {
    report(Code::WindowShape, of_time ? of_time->span : window.size->span,
           "a window by count waits for nothing and misses nothing",
           "leave out 'late', 'fill' and 'from start', or give it a length in time");
    return false;
  }
  out.values = *values;
  out.step = *step;
  return true;
}

}  // namespace eyeflow::compiler::check_detail
