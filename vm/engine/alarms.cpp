#include "vm/engine/step.h"

#include <algorithm>

// The life of an alarm: its condition is looked at, held for its delay, and each crossing raises it once and clears it
// once. Conditions neither store nor emit, so there is nothing to undo.
namespace eyeflow::vm {

// Whether the condition says anything, and what.
bool Step::ask(const ConditionPlan& condition, bool& holds) {
  if (Word said; condition.is_quick && condition.quick.evaluate(worker_.context.base, said)) [[likely]] {
    count(condition.function);
    worker_.fuel_used += condition.function.fuel;
    holds = said != 0;
    return true;
  }
  const Trap trap = call(condition.function);
  clean_up(condition.function);
  holds = worker_.context.registers[0] != 0;
  if (trap == Trap::None) [[likely]]
    return true;
  if (trap != Trap::NoReading) fault(trap);  // a missing reading leaves the question open and is no fault
  return false;
}

void Step::evaluate_fully(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  if (!state.has_readings) [[unlikely]] {
    for (const std::uint32_t ready : alarm.needs)
      if (load(input_at(ready)) == 0) return;
    state.has_readings = true;
  }

  const bool by_clear = state.active && alarm.has_clear;
  bool says = false;
  // What cannot be told is not known to hold.
  const bool holds = ask(by_clear ? alarm.clear : alarm.when, says) && says == (!state.active || by_clear);

  if (alarm.delay == kNowhere ? !holds : !held_long_enough(alarm, state, holds)) return;
  change(number);
}

// Keeps the deadline at which a condition that holds now has held for its delay.
bool Step::held_long_enough(const AlarmPlan& alarm, AlarmState& state, bool holds) {
  const TimeNs delay = state.active ? alarm.clear_for : alarm.when_for;
  TimeNs& deadline = memory_.deadlines[alarm.delay];
  if (holds && delay > 0) {
    if (state.since == kNever) state.since = now_;
    if (now_ - state.since < delay) {
      if (__builtin_add_overflow(state.since, delay, &deadline)) deadline = kNever;
      return false;
    }
  }
  state.since = kNever;
  deadline = kNever;
  return holds;
}

void Step::raise(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  state.active = true;
  if (alarm.handler != kNoHandler) return run_and_mark(plan_.handlers[alarm.handler]);
  ++state.raised;
  store(input_at(alarm.active), 1);
  store(input_at(alarm.raised), to_word(state.raised));
  add_effect(EffectKind::AlarmRaised, number, {}, alarm_text(number));
  for (const std::uint16_t output : alarm.drives) ++memory_.outputs[output].drivers;
  alarms_changed_ = true;
  if (plan_.looked_at_again) add_to(worker_.again_set, alarm.dependents);
}

void Step::clear(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  memory_.alarms[number].active = false;
  if (alarm.handler != kNoHandler) return;
  store(input_at(alarm.active), 0);
  add_effect(EffectKind::AlarmCleared, number, {}, {});
  for (const std::uint16_t output : alarm.drives) --memory_.outputs[output].drivers;
  alarms_changed_ = true;
  if (plan_.looked_at_again) add_to(worker_.again_set, alarm.dependents);
}

// The text at this moment. An alarm is more important than its text: when that faults, the alarm is told with its name.
std::string_view Step::alarm_text(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  char* const begin = reinterpret_cast<char*>(worker_.bytes.data()) + worker_.bytes_used;
  std::size_t length = 0;
  const auto add = [&](std::string_view part) {
    std::size_t taken = std::min(part.size(), alarm.text_room - length);
    if (taken < part.size()) {
      while (taken > 0 && (static_cast<unsigned char>(part[taken]) & 0xC0) == 0x80)
        --taken;  // to where a character begins
      ++worker_.context.texts_cut;
    }
    std::copy_n(part.begin(), taken, begin + length);
    length += taken;
  };
  const Trap trap = call(alarm.text);
  if (trap == Trap::None) {
    add(worker_.context.text(Reference{worker_.context.registers[0]}));
  } else {
    fault(trap);
    add(plan_.module().alarms[number].name);
    add(" (its text could not be made: ");
    add(describe(trap));
    add(")");
  }
  clean_up(alarm.text);
  worker_.bytes_used += static_cast<std::uint32_t>((length + 7) / 8 * 8);
  return {begin, length};
}

}  // namespace eyeflow::vm
