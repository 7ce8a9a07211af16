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

bool check_handler(Check& check, std::size_t n) {
  const Handler& handler = check.module.handlers[n];
  const auto where = [&] { return "handler " + std::to_string(n); };
  const Function* function = find(check.module, handler.function);
  const bool callable = function != nullptr && function->param_count == 0 && function->results.empty();
  if (!check.demand(Rule::HandlerFunction, callable, where)) return false;

  const bool of_input = handler.kind == HandlerKind::Input, every = handler.kind == HandlerKind::Every;
  const bool trigger_fits =
      (of_input ? index(handler.input) < check.module.inputs.size() : handler.input == InputId{}) &&
      (every || handler.period_ns == 0);
  if (!check.demand(Rule::HandlerTrigger, trigger_fits, where)) return false;
  const bool spans_fit = handler.within_ns >= 0 && handler.within_ns <= kMaxSpanNs && handler.period_ns >= 0 &&
                         handler.period_ns <= kMaxSpanNs && !(every && handler.period_ns == 0);
  return check.demand(Rule::TimeSpan, spans_fit, where);
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
  const auto is_span = [](TimeNs t) { return t >= 0 && t <= kMaxSpanNs; };
  return check.demand(Rule::TimeSpan, is_span(alarm.when_for_ns) && is_span(alarm.clear_for_ns), where);
}

}  // namespace

bool check_tasks(Check& check) {
  for (std::size_t n = 0; n < check.module.handlers.size(); ++n)
    if (!check_handler(check, n)) return false;
  for (const Alarm& alarm : check.module.alarms)
    if (!check_alarm(check, alarm)) return false;
  return true;
}

}  // namespace eyeflow::vm::verify_detail
