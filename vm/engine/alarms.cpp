#include "vm/engine/step.h"

#include <algorithm>
#include <utility>

// The life of an alarm, in the words of ISA-18.2: its condition is looked at and held for its delay, each crossing
// raises it once and clears it once; meanwhile it is acknowledged, shelved and reminded of. Conditions neither store
// nor emit, so there is nothing to undo.
namespace eyeflow::vm {
namespace {

// Until the next look, when its condition says something else.
Rest rest_of(const AlarmPlan& alarm, const AlarmState& state) {
  if (!alarm.is_plain || !state.has_readings || state.over) return Rest::None;
  if (state.active && alarm.has_clear) return Rest::ClearFalse;
  if (!state.looked_at || state.trap != Trap::None || state.holds != state.active) return Rest::None;
  return state.active ? Rest::WhenTrue : Rest::WhenFalse;
}

}  // namespace

// What the condition says; a trap where it says nothing.
Trap Step::ask(const ConditionPlan& condition, bool& says) {
  if (condition.is_quick) [[likely]] {
    if (const auto said = condition.quick.evaluate(worker_.context.base); said != QuickCondition::Trapped) [[likely]] {
      count(condition.function);
      worker_.fuel_used += condition.function.fuel;
      says = said == QuickCondition::Yes;
      return Trap::None;
    }
  }
  const Trap trap = call(condition.function);
  clean_up(condition.function);
  says = worker_.context.registers[0] != 0;
  if (trap != Trap::None && trap != Trap::NoReading) fault(trap);  // a missing reading is no fault
  return trap;
}

void Step::evaluate_fully(AlarmIndex number) {
  look_and_act(number);
  memory_.rests()[number] = rest_of(plan_.alarms[number], memory_.alarms[number]);
}

void Step::look_and_act(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  if (!state.has_readings) [[unlikely]] {
    for (const std::uint32_t ready : alarm.needs)
      if (load(input_at(ready)) == 0) return;
    state.has_readings = true;
  }

  const bool by_clear = state.active && alarm.has_clear;
  bool says = false;
  const Trap trap = ask(by_clear ? alarm.clear : alarm.when, says);
  const bool is_true = trap == Trap::None && says;
  const bool is_news = is_true != state.holds || trap != state.trap || !state.looked_at;
  if (!by_clear && (is_news || (is_true && alarm.delay != kNowhere))) look(alarm, state, trap, is_true);
  // What cannot be told is not known to hold.
  const bool holds = trap == Trap::None && is_true == (!state.active || by_clear);

  if (state.over && !holds) state.over = false;  // its condition is back before anybody came
  if (alarm.delay == kNowhere ? !holds : !held_long_enough(alarm, state, holds)) return;
  if (!state.active)
    raise(number);
  else if (alarm.latch && !state.acknowledged)
    state.over = true;
  else
    clear(number);
}

// For who asks why: when the condition began to hold, when that ended, and by which readings.
void Step::look(const AlarmPlan& alarm, AlarmState& state, Trap trap, bool is_true) {
  if (is_true && !state.holds) {
    state.began = now_;
    state.ended = 0;
  } else if (!is_true && state.holds) {
    state.ended = now_;
  }
  for (std::size_t n = 0; n < alarm.seen_inputs.size(); ++n)
    memory_.seen[alarm.seen + 2 * n + (is_true ? 0 : 1)] = load(input_at(plan_.inputs[alarm.seen_inputs[n]].value));
  (is_true ? state.has_held : state.has_not_held) = true;
  state.looked_at = true;
  state.holds = is_true;
  state.trap = trap;
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
  state.acknowledged = state.over = false;
  store(input_at(alarm.active), 1);
  store(input_at(alarm.raised), to_word(state.raised));
  store(input_at(alarm.acknowledged), 0);
  tell(number);
  if (state.shelved_until == 0) drive(alarm, true);
  changed(alarm);
}

void Step::clear(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  state.active = state.over = false;
  if (alarm.handler != kNoHandler) return;
  state.remind_at = kNever;
  store(input_at(alarm.active), 0);
  if (std::exchange(state.told, false)) add_effect(EffectKind::AlarmCleared, number, {}, {});
  if (state.shelved_until == 0) drive(alarm, false);
  changed(alarm);
}

void Step::drive(const AlarmPlan& alarm, bool on) {
  for (const std::uint16_t output : alarm.drives) {
    auto& drivers = memory_.outputs[output].drivers;
    drivers = static_cast<std::uint16_t>(on ? drivers + 1 : drivers - 1);
  }
}

void Step::changed(const AlarmPlan& alarm) {
  alarms_changed_ = true;
  if (plan_.looked_at_again) add_to(worker_.again_set, alarm.dependents);
}

// That it stands, to whoever listens: not while it is shelved or held back; then wake_alarms() comes back to it.
void Step::tell(AlarmIndex number) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  if (state.shelved_until != 0 || is_held_back(alarm)) return;
  state.told = true;
  add_effect(EffectKind::AlarmRaised, number, {}, alarm_text(number));
  if (alarm.remind == 0 || state.acknowledged) return;
  state.remind_at = now_ + alarm.remind;
  wake_at(state.remind_at);
}

bool Step::is_held_back(const AlarmPlan& alarm) {
  TimeNs& oldest = memory_.told_at[memory_.next_told];
  if (oldest != kNever && now_ - oldest < kFloodPeriod && !alarm.urgent) {
    ++memory_.held_back;
    wake_at(oldest + kFloodPeriod);
    return true;
  }
  oldest = now_;
  memory_.next_told = (memory_.next_told + 1) % kFloodAlarms;
  return false;
}

void Step::remind(AlarmIndex number) {
  AlarmState& state = memory_.alarms[number];
  const TimeNs period = plan_.alarms[number].remind;
  state.remind_at += ((now_ - state.remind_at) / period + 1) * period;
  if (state.shelved_until == 0) add_effect(EffectKind::AlarmReminded, number, {}, alarm_text(number));
}

void Step::wake_at(TimeNs time) {
  TimeNs& deadline = memory_.deadlines[plan_.alarm_deadline];
  deadline = std::min(deadline, time);
}

// Shelves that are over, alarms that a flood held back, the most urgent first, and reminders.
void Step::wake_alarms() {
  memory_.deadlines[plan_.alarm_deadline] = kNever;
  for (AlarmIndex n = 0; n < plan_.alarm_count; ++n) {
    AlarmState& state = memory_.alarms[n];
    if (state.shelved_until != 0 && state.shelved_until <= now_) unshelve(n, {}, "its time is over");
  }
  for (int priority = static_cast<int>(Priority::Critical); priority >= 0; --priority)
    for (AlarmIndex n = 0; n < plan_.alarm_count; ++n) {
      const AlarmState& state = memory_.alarms[n];
      if (state.active && !state.told && static_cast<int>(plan_.module().alarms[n].priority) == priority) tell(n);
    }
  for (AlarmIndex n = 0; n < plan_.alarm_count; ++n) {
    AlarmState& state = memory_.alarms[n];
    if (state.remind_at <= now_) remind(n);
    wake_at(state.remind_at);
    if (state.shelved_until != 0) wake_at(state.shelved_until);
  }
}

// ---- What people do ------------------------------------------------------------------------------------------------

bool Step::act(const AlarmAction& action) {
  EYEFLOW_CHECK(memory_.started && index(action.alarm) < plan_.alarm_count);
  worker_.begin_call();
  store(input_at(plan_.event_time), to_word(now_));
  const auto number = static_cast<AlarmIndex>(action.alarm);
  bool done = false;
  switch (action.kind) {
    case AlarmAction::Kind::Acknowledge:
      done = acknowledge(number, action.by, action.why);
      break;
    case AlarmAction::Kind::Shelve:
      done = shelve(number, action);
      break;
    case AlarmAction::Kind::Unshelve:
      done = unshelve(number, action.by, action.why);
      break;
  }
  if (alarms_changed_) settle();
  return done;
}

bool Step::acknowledge(AlarmIndex number, std::string_view by, std::string_view why) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  if (state.acknowledged) return false;
  state.acknowledged = true;
  state.remind_at = kNever;
  store(input_at(alarm.acknowledged), 1);
  add_effect(EffectKind::AlarmAcknowledged, number, {}, why, by);
  changed(alarm);
  if (!state.over) return true;
  clear(number);
  memory_.rests()[number] = Rest::None;
  return true;
}

bool Step::shelve(AlarmIndex number, const AlarmAction& action) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  if (action.until <= now_ || action.until - now_ > kLongestShelf) return false;
  if (state.shelved_until == 0 && state.active) drive(alarm, false);
  state.shelved_until = action.until;
  store(input_at(alarm.shelved), 1);
  std::byte* const until = worker_.bytes.data() + worker_.bytes_used;
  store(until, to_word(action.until));
  worker_.bytes_used += 8;
  add_effect(EffectKind::AlarmShelved, number, {until, 8}, action.why, action.by);
  wake_at(action.until);
  changed(alarm);
  return true;
}

bool Step::unshelve(AlarmIndex number, std::string_view by, std::string_view why) {
  const AlarmPlan& alarm = plan_.alarms[number];
  AlarmState& state = memory_.alarms[number];
  if (state.shelved_until == 0) return false;
  state.shelved_until = 0;
  store(input_at(alarm.shelved), 0);
  add_effect(EffectKind::AlarmUnshelved, number, {}, why, by);
  if (state.active) {
    drive(alarm, true);
    if (!state.told) tell(number);
  }
  changed(alarm);
  return true;
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
