#include <algorithm>
#include <cstring>
#include <map>

#include "vm/engine/parts.h"
#include "vm/engine/snapshot.h"
#include "vm/engine/step.h"

namespace eyeflow::vm {
namespace {

using Bytes = std::span<const std::byte>;

std::string named(const SnapshotField& field) {
  switch (field.kind) {
    case SnapshotKind::State: {
      Type type = field.type;
      type.region = Region::State;
      std::string text = "state " + (field.name.empty() ? "without a name" : field.name) + ": " + describe(type);
      if (const auto place = text.find('@'); place != std::string::npos) text.resize(place);
      return text;
    }
    case SnapshotKind::Input:
      return "the reading of " + field.name;
    case SnapshotKind::Alarm:
      return "alarm " + field.name;
    case SnapshotKind::Output:
      return "output " + field.name;
    case SnapshotKind::Timer:
      return "timer '" + field.name + "'";
    case SnapshotKind::Condition:
      return "condition '" + field.name + "'";
    case SnapshotKind::TimeOfDay:
      return "time of day '" + field.name + "'";
    case SnapshotKind::Window:
      return "the window of '" + field.name + "'";
    case SnapshotKind::Poll:
      break;
  }
  return {};
}

// A moment or kNever, far enough from the ends of its range that differences of two do not overflow.
bool is_time(const std::byte* at) {
  const auto time = from_word<TimeNs>(load(at));
  return time == kNever || (time > -kNever / 4 && time < kNever / 4 * 3);
}

// Whether save() can have written it; the sizes are right.
bool is_sound(const SnapshotField& field, const std::byte* at) {
  std::size_t used = 0;
  const auto holds = [&](const std::byte* place) {
    return !has_value(field) || is_value(field.type, {place, slot_size_bytes(field.type)}, used);
  };
  switch (field.kind) {
    case SnapshotKind::State:
      return has_value(field) && holds(at);
    case SnapshotKind::Input:
      return load(at + InputWords::kReady) <= (InputWords::kHeard | InputWords::kLastWasBad) &&
             is_time(at + InputWords::kTime) && holds(at + InputWords::kValue);
    case SnapshotKind::Condition:
    case SnapshotKind::Alarm:
      return load(at + AlarmWords::kActive) <= 1 && load(at + AlarmWords::kRaised) < Word{1} << 62 &&
             load(at + AlarmWords::kAcknowledged) <= 1 && load(at + AlarmWords::kTold) <= 1 &&
             load(at + AlarmWords::kOver) <= 1 && load(at + AlarmWords::kHolds) <= 1 &&
             is_time(at + AlarmWords::kSince) && is_time(at + AlarmWords::kBegan) && is_time(at + AlarmWords::kEnded) &&
             is_time(at + AlarmWords::kShelvedUntil) && is_time(at + AlarmWords::kRemindAt);
    case SnapshotKind::Output:
      return load(at + OutputWords::kKnown) <= 1 &&
             (field.type.kind == TypeKind::Text ? holds(at + OutputWords::kText) : holds(at + OutputWords::kValue));
    case SnapshotKind::Timer:
    case SnapshotKind::TimeOfDay:
    case SnapshotKind::Poll:
      return is_time(at);
    case SnapshotKind::Window:
      return load(at + WindowWords::kOpen) <= 1 && is_time(at + WindowWords::kOrigin) &&
             is_time(at + WindowWords::kNewest) && is_time(at + WindowWords::kHeard) &&
             holds(at + WindowWords::kMemory);
  }
  return false;
}

// Where the field of each index of `mine` stands in `old`: at the same place when the layouts are one, else by what
// identifies it, the first of its like with the first.
std::vector<const SnapshotField*> match(const std::vector<SnapshotField>& mine, const std::vector<SnapshotField>& old,
                                        bool same) {
  std::vector<const SnapshotField*> found(mine.size(), nullptr);
  if (same) {
    for (std::size_t n = 0; n < mine.size(); ++n) found[n] = &old[n];
    return found;
  }
  std::multimap<std::vector<std::byte>, const SnapshotField*> by_key;
  for (const SnapshotField& field : old)
    if (field.kind == SnapshotKind::Poll || !field.name.empty()) by_key.emplace(key_of(field), &field);
  for (std::size_t n = 0; n < mine.size(); ++n) {
    const auto first = by_key.lower_bound(key_of(mine[n]));
    if (first == by_key.end() || first->first != key_of(mine[n])) continue;
    found[n] = first->second;
    by_key.erase(first);
  }
  return found;
}

// Puts what a snapshot holds into an instance's memory.
class Restorer {
 public:
  Restorer(InstanceMemory& memory, Bytes snapshot, Resumption time)
      : memory_(memory), plan_(*memory.plan), snapshot_(snapshot), time_(time) {}

  // As at a start, for what the snapshot does not have.
  void begin() {
    memory_.now = time_.now;
    memory_.started = true;
    for (std::size_t n = 0; n < plan_.inputs.size(); ++n) set_time(plan_.inputs[n], time_.now, kNever);
    for (std::size_t n = 0; n < plan_.timers.size(); ++n)
      memory_.deadlines[n] = later(time_.now, plan_.handlers[plan_.timers[n]].time);
    for (std::size_t n = 0; n < plan_.times_of_day.size(); ++n)
      memory_.deadlines[plan_.timers.size() + n] = plan_.next_time_of_day(n, time_.now);
    for (std::size_t n = 0; n < plan_.windows.size(); ++n)
      if (plan_.windows[n].shape.from_start) memory_.windows[n].origin = time_.now;
    if (plan_.poll_deadline != kNowhere) memory_.deadlines[plan_.poll_deadline] = later(time_.now, kPollPeriod);
  }

  void take(const SnapshotField& mine, const SnapshotField& old) {
    const std::byte* const at = snapshot_.data() + old.offset;
    const auto copy = [&](std::byte* to, const std::byte* from) {
      if (has_value(mine)) std::memcpy(to, from, slot_size_bytes(mine.type));
    };
    switch (mine.kind) {
      case SnapshotKind::State:
        copy(memory_.state + plan_.module().slots[mine.subject].offset, at);
        break;
      case SnapshotKind::Input: {
        const InputPlan& input = plan_.inputs[mine.subject];
        const bool is_kept = input.type.kind == TypeKind::Scalar || input.type.kind == TypeKind::Text;
        const Word ready = load(at + InputWords::kReady);
        store(memory_.input + input.ready, is_kept ? ready & InputWords::kHeard : 0);
        if (input.takes_bad) store(memory_.input + input.bad, (ready & InputWords::kLastWasBad) != 0);
        // Before the first reading it is when the instance began to listen, which no reading can be after either.
        // Handlers of its silence that had not run by then are due.
        const auto time = from_word<TimeNs>(load(at + InputWords::kTime));
        const auto then = from_word<TimeNs>(load(snapshot_.data() + SnapshotHead::kNow));
        const bool silence_is_new = !input.on_stale.empty() && later(time, input.stale_after) > then;
        set_time(input, std::min(moved(to_word(time)), time_.now), silence_is_new ? time_.now : kNever);
        copy(memory_.input + input.value, at + InputWords::kValue);
        break;
      }
      case SnapshotKind::Condition:
      case SnapshotKind::Alarm:
        take_alarm(mine.subject, at);
        break;
      case SnapshotKind::Output: {
        OutputState& output = memory_.outputs[mine.subject];
        output.known = load(at + OutputWords::kKnown) != 0;
        output.value = load(at + OutputWords::kValue);
        if (mine.type.kind == TypeKind::Text)
          copy(memory_.input + plan_.outputs[mine.subject].last, at + OutputWords::kText);
        break;
      }
      case SnapshotKind::Timer:
        memory_.deadlines[mine.subject] = next_of(load(at), mine.period);
        break;
      case SnapshotKind::TimeOfDay:
        // The clock on the wall went on. One that passed meanwhile is due where that time counts.
        if (time_.then == time_.now)
          memory_.deadlines[mine.subject] = std::min(memory_.deadlines[mine.subject], from_word<TimeNs>(load(at)));
        break;
      case SnapshotKind::Window:
        take_window(mine, at);
        break;
      case SnapshotKind::Poll:
        memory_.deadlines[plan_.poll_deadline] = next_of(load(at), kPollPeriod);
        break;
    }
  }

 private:
  static TimeNs later(TimeNs from, TimeNs by) {
    TimeNs sum;
    return __builtin_add_overflow(from, by, &sum) ? kNever : sum;
  }
  TimeNs moved(Word word) const {
    const auto at = from_word<TimeNs>(word);
    TimeNs by, sum;
    if (at == kNever || __builtin_sub_overflow(time_.now, time_.then, &by) || __builtin_add_overflow(at, by, &sum))
      return kNever;
    return sum;
  }
  // A timer is never further away than its period: a clock that was ahead must not silence it.
  TimeNs next_of(Word deadline, TimeNs period) const { return std::min(moved(deadline), later(time_.now, period)); }

  void set_time(const InputPlan& input, TimeNs time, TimeNs when_stale) {
    store(memory_.input + input.time, to_word(time));
    if (input.stale_deadline == kNowhere) return;
    const TimeNs deadline = later(time, input.stale_after);
    // resume() looks at the alarms of one that is stale already.
    memory_.deadlines[input.stale_deadline] = deadline > time_.now ? deadline : when_stale;
  }

  // Readings keep their own times: a window is about them, not about when they were heard. One whose places do not go
  // together with this module begins anew.
  void take_window(const SnapshotField& field, const std::byte* at) {
    const WindowPlan& plan = plan_.windows[field.subject];
    const auto number = [&](std::uint32_t word) { return from_word<std::int64_t>(load(at + word)); };
    WindowState window;
    window.open = load(at + WindowWords::kOpen) != 0;
    window.origin = number(WindowWords::kOrigin);
    window.phase = number(WindowWords::kPhase);
    window.newest = number(WindowWords::kNewest);
    window.newest_at = number(WindowWords::kNewestAt);
    window.heard = std::min(moved(load(at + WindowWords::kHeard)), time_.now);
    window.first_at = number(WindowWords::kFirstAt);
    window.end = number(WindowWords::kEndAt);
    window.count = number(WindowWords::kCount);
    window.skipped = load(at + WindowWords::kSkipped);
    window.late = load(at + WindowWords::kLate);
    if (!window.open || !take_places(plan, window)) return;
    memory_.windows[field.subject] = window;
    std::memcpy(memory_.window + plan.ring, at + WindowWords::kMemory, field.size - WindowWords::kMemory);
    if (plan.deadline != kNowhere) memory_.deadlines[plan.deadline] = window_deadline(plan, window);
  }

  void take_alarm(std::size_t number, const std::byte* at) {
    const AlarmPlan& plan = plan_.alarms[number];
    AlarmState& alarm = memory_.alarms[number];
    alarm.active = load(at + AlarmWords::kActive) != 0;
    alarm.raised = from_word<std::int64_t>(load(at + AlarmWords::kRaised));
    alarm.acknowledged = load(at + AlarmWords::kAcknowledged) != 0;
    alarm.told = alarm.active && load(at + AlarmWords::kTold) != 0;
    alarm.over = alarm.active && plan.latch && load(at + AlarmWords::kOver) != 0;
    alarm.holds = load(at + AlarmWords::kHolds) != 0;
    alarm.began = from_word<TimeNs>(load(at + AlarmWords::kBegan));
    alarm.ended = from_word<TimeNs>(load(at + AlarmWords::kEnded));
    alarm.shelved_until = from_word<TimeNs>(load(at + AlarmWords::kShelvedUntil));  // by the clock on the wall
    if (alarm.shelved_until == kNever) alarm.shelved_until = 0;
    store(memory_.input + plan.active, alarm.active);
    store(memory_.input + plan.raised, to_word(alarm.raised));
    store(memory_.input + plan.acknowledged, alarm.acknowledged);
    store(memory_.input + plan.shelved, alarm.shelved_until != 0);
    if (alarm.active && alarm.shelved_until == 0)
      for (const std::uint16_t output : plan.drives) ++memory_.outputs[output].drivers;
    if (number < plan_.alarm_count) {
      TimeNs& wake = memory_.deadlines[plan_.alarm_deadline];
      // A reminder that this version does not give any more, or gives more often, is not further away than its period.
      if (alarm.active && !alarm.acknowledged && plan.remind > 0)
        alarm.remind_at = std::min(moved(load(at + AlarmWords::kRemindAt)), later(time_.now, plan.remind));
      wake = std::min(wake, alarm.remind_at);
      if (alarm.shelved_until != 0) wake = std::min(wake, alarm.shelved_until);
      if (alarm.active && !alarm.told && alarm.shelved_until == 0) wake = time_.now;  // a flood held it back
    }
    const TimeNs since = moved(load(at + AlarmWords::kSince));
    if (plan.delay == kNowhere || since == kNever) return;
    alarm.since = std::min(since, time_.now);
    memory_.deadlines[plan.delay] = later(alarm.since, alarm.active ? plan.clear_for : plan.when_for);
  }

  InstanceMemory& memory_;
  const Plan& plan_;
  Bytes snapshot_;
  Resumption time_;
};

}  // namespace

Result<Restored> Instance::restore(Bytes layout, Bytes snapshot, Resumption time) {
  EYEFLOW_CHECK(!memory_->started);
  const Plan& plan = *memory_->plan;
  const auto fields = read_layout(layout);
  if (!fields) return std::unexpected(fields.error());
  const std::size_t size =
      fields->empty() ? SnapshotHead::kEnd : fields->back().offset + std::size_t{fields->back().size};
  if (snapshot.size() != size || load(snapshot.data() + SnapshotHead::kVersion) != kSnapshotVersion ||
      load(snapshot.data() + SnapshotHead::kLayout) != hash_of(layout))
    return fail("the snapshot does not belong to its layout; the instance starts afresh");
  for (const SnapshotField& field : *fields)
    if (!is_sound(field, snapshot.data() + field.offset))
      return fail("the snapshot holds a wrong value for " + named(field) + "; the instance starts afresh");

  Restored restored;
  restored.same_layout = std::ranges::equal(layout, plan.snapshot_layout);
  const auto found = match(plan.snapshot, *fields, restored.same_layout);
  Restorer restorer(*memory_, snapshot, time);
  restorer.begin();
  std::vector<bool> taken(fields->size(), false);
  for (std::size_t n = 0; n < found.size(); ++n) {
    if (found[n] == nullptr) continue;
    restorer.take(plan.snapshot[n], *found[n]);
    taken[static_cast<std::size_t>(found[n] - fields->data())] = true;
  }
  for (std::size_t n = 0; n < fields->size(); ++n) {
    const SnapshotField& field = (*fields)[n];
    if (field.kind == SnapshotKind::Poll || taken[n]) continue;
    restored.dropped.push_back(named(field));
    if (field.kind == SnapshotKind::Alarm && load(snapshot.data() + field.offset + AlarmWords::kActive) != 0)
      restored.gone.push_back(field.name);
  }
  return restored;
}

void Instance::assume(OutputId output, Word value) {
  OutputState& state = memory_->outputs[index(output)];
  state.value = value;
  state.known = true;
}

void Instance::resume(Worker& worker, TimeNs now) { Step(*worker.buffers_, *memory_, now).resume(); }

}  // namespace eyeflow::vm
