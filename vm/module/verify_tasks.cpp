#include <algorithm>

#include "vm/module/verify_internal.h"

// Handlers and alarms: what the engine calls, and with which promises.
namespace eyeflow::vm::verify_detail {
namespace {

const Function* find(const Module& m, FunctionId id) {
  return index(id) < m.functions.size() ? &m.functions[index(id)] : nullptr;
}

bool is_condition(const Module& m, FunctionId id) {
  const Function* f = find(m, id);
  return f != nullptr && f->param_count == 0 && f->results == std::vector<TypeId>{type_id(Scalar::Bool)};
}

bool is_text_function(const Module& m, FunctionId id) {
  const Function* f = find(m, id);
  if (f == nullptr || f->param_count != 0 || f->results.size() != 1) return false;
  const Type* result = m.type(f->results[0]);
  return result != nullptr && result->kind == TypeKind::Text;
}

bool is_span(TimeNs span) { return span >= 0 && span <= kMaxSpanNs; }

// Nothing more than what the kind of the handler needs.
bool trigger_fits(const Module& m, const Handler& handler) {
  const HandlerKind kind = handler.kind;
  const bool of_input = kind == HandlerKind::Input || kind == HandlerKind::Stale || kind == HandlerKind::Window;
  const bool conditional = kind == HandlerKind::Condition;
  const bool timed = conditional || kind == HandlerKind::Every || kind == HandlerKind::TimeOfDay;
  if (of_input ? index(handler.input) >= m.inputs.size() : handler.input != InputId{}) return false;
  if (kind == HandlerKind::Stale && m.inputs[index(handler.input)].stale_after_ns == 0) return false;
  if (!timed && handler.time_ns != 0) return false;
  if (kind == HandlerKind::TimeOfDay && handler.time_ns >= kDayNs) return false;
  if (kind != HandlerKind::Window && handler.window != Window{}) return false;
  const auto is_input = [&](InputId input) { return index(input) < m.inputs.size(); };
  return conditional
             ? std::ranges::all_of(handler.needs, is_input)
             : handler.condition == kNoFunction && !handler.reads_state && !handler.polled && handler.needs.empty();
}

bool check_condition(Check& check, const Handler& handler, std::size_t n) {
  if (handler.kind != HandlerKind::Condition) return true;
  const auto where = [&] { return "the condition of handler " + std::to_string(n); };
  if (!check.demand(Rule::HandlerCondition, is_condition(check.module, handler.condition), where)) return false;
  if (index(handler.condition) >= check.bounds.size()) return true;  // only when HandlerCondition is switched off
  const FunctionBound& bound = check.bounds[index(handler.condition)];
  const bool sound =
      bound.stores.empty() && !bound.writes_references && !bound.emits && bound.reads_state == handler.reads_state;
  return check.demand(Rule::HandlerCondition, sound, where);
}

bool check_window(Check& check, const Handler& handler, std::size_t n, std::uint64_t& bytes) {
  if (handler.kind != HandlerKind::Window) return true;
  const auto where = [&] { return "the window of handler " + std::to_string(n); };
  const Window& window = handler.window;
  const Module& m = check.module;
  const Type* type =
      index(handler.input) < m.inputs.size() ? m.type(m.inputs[index(handler.input)].value.type) : nullptr;
  const bool by_time = window.span_ns > 0;
  const bool fits = type != nullptr && type->kind == TypeKind::Scalar && is_span(window.span_ns) &&
                    is_span(window.late_ns) && window.values >= 1 && window.values <= kMaxWindowValues &&
                    window.step >= 1 && window.least <= window.values &&
                    (by_time ? window.least >= 1 && window.span_ns >= window.values
                             : window.least == 0 && window.late_ns == 0 && !window.from_start);
  if (!check.demand(Rule::WindowShape, fits, where)) return false;
  bytes = add_saturated(bytes, window_bytes(window, type != nullptr ? type->element : Scalar::U64));
  return check.demand(Rule::WindowMemory, bytes <= kMaxRegionBytes, where);
}

bool check_handler(Check& check, std::size_t n) {
  const Handler& handler = check.module.handlers[n];
  const auto where = [&] { return "handler " + std::to_string(n); };
  const Function* function = find(check.module, handler.function);
  const bool callable = function != nullptr && function->param_count == 0 && function->results.empty();
  if (!check.demand(Rule::HandlerFunction, callable, where)) return false;
  if (!check.demand(Rule::HandlerTrigger, trigger_fits(check.module, handler), where)) return false;
  const bool spans_fit = is_span(handler.within_ns) && is_span(handler.time_ns) &&
                         !(handler.kind == HandlerKind::Every && handler.time_ns == 0);
  return check.demand(Rule::TimeSpan, spans_fit, where) && check_condition(check, handler, n);
}

bool check_alarm(Check& check, const Alarm& alarm) {
  const Module& m = check.module;
  const auto where = [&] { return "alarm '" + alarm.name + "'"; };
  const bool has_clear = alarm.clear != kNoFunction;
  const bool callable =
      is_condition(m, alarm.when) && (!has_clear || is_condition(m, alarm.clear)) && is_text_function(m, alarm.text);
  if (!check.demand(Rule::AlarmFunctions, callable, where)) return false;

  bool reads_state = false;
  for (const FunctionId id : {alarm.when, alarm.clear, alarm.text}) {
    if (index(id) >= check.bounds.size()) continue;  // no clear, or AlarmFunctions is switched off
    const FunctionBound& bound = check.bounds[index(id)];
    reads_state = reads_state || bound.reads_state;
    const bool harmless = bound.stores.empty() && !bound.writes_references && !bound.emits;
    if (!check.demand(Rule::AlarmEffects, harmless, where)) return false;
  }
  if (!check.demand(Rule::AlarmReadsState, alarm.reads_state == reads_state, where)) return false;

  for (const InputId input : alarm.needs)
    if (!check.demand(Rule::AlarmNeeds, index(input) < m.inputs.size(), where)) return false;
  for (const OutputId output : alarm.drives) {
    const bool driven = index(output) < m.outputs.size() && m.outputs[index(output)].driven;
    if (!check.demand(Rule::AlarmDrives, driven, where)) return false;
  }
  const bool spans_fit = is_span(alarm.when_for_ns) && is_span(alarm.clear_for_ns) && is_span(alarm.remind_every_ns);
  return check.demand(Rule::TimeSpan, spans_fit, where);
}

}  // namespace

bool check_tasks(Check& check) {
  std::uint64_t window_bytes = 0;
  for (std::size_t n = 0; n < check.module.handlers.size(); ++n)
    if (!check_handler(check, n) || !check_window(check, check.module.handlers[n], n, window_bytes)) return false;
  for (const Alarm& alarm : check.module.alarms)
    if (!check_alarm(check, alarm)) return false;
  return true;
}

}  // namespace eyeflow::vm::verify_detail
