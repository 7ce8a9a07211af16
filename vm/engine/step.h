#pragma once

#include <algorithm>

#include "vm/engine/parts.h"

namespace eyeflow::vm {

// One event of one instance, from the reading or the deadline to its effects.
class Step {
 public:
  // `now` never goes back. For start() and the deliveries this begins a call; an instant belongs to an advance().
  Step(WorkerBuffers& worker, InstanceMemory& memory, TimeNs now)
      : plan_(*memory.plan), worker_(worker), memory_(memory), now_(std::max(now, memory.now)) {
    memory.now = now_;
    if (worker.plan_id != plan_.id) [[unlikely]] {
      worker.set_up(plan_);
    }
    std::byte** base = worker.context.base;
    base[static_cast<int>(Region::Param)] = memory.param;
    base[static_cast<int>(Region::Input)] = memory.input;
    base[static_cast<int>(Region::State)] = memory.state;
    worker.context.model_host = memory.model_host;
    store(input_at(plan_.now), to_word(now_));
  }

  void start();
  void resume();
  [[gnu::always_inline]] void deliver(std::size_t input, Word value, TimeNs event_time);
  void deliver_bytes(std::size_t input, std::span<const std::byte> bytes, TimeNs event_time);
  void deliver_bad(std::size_t input, TimeNs event_time);
  void instant();  // everything that is due at `now`
  void stop();
  bool act(const AlarmAction& action);
  Instance::Answer ask(FunctionId function);

 private:
  void set_input(std::uint32_t offset, const Type& type, std::span<const std::byte> bytes);
  [[gnu::always_inline]] const InputPlan& begin_delivery(std::size_t input, TimeNs event_time);
  [[gnu::always_inline]] void finish_delivery(const InputPlan& input, TimeNs event_time);
  void add_to(std::vector<std::uint64_t>& set, const AlarmList& alarms);
  void evaluate_set(bool after_handlers);
  void evaluate_dependents();
  std::size_t take_due_deadlines();  // gives how many handlers are due

  void count(const FunctionPlan& function) {
    std::atomic<std::uint64_t>& calls = worker_.called[index(function.id)];
    calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // nobody else writes it
  }
  Trap call(const FunctionPlan& function) {
    count(function);
    if (function.metered) [[unlikely]] {
      return call_metered(function);
    }
    worker_.fuel_used += function.fuel;
    return plan_.code->run(function.id, worker_.context);
  }
  // Those of a condition first: what its handler does, an alarm shall see.
  template <typename Visit>
  void for_each_alarm(Visit visit) {
    const auto all = static_cast<AlarmIndex>(plan_.alarms.size());
    for (AlarmIndex n = plan_.alarm_count; n < all; ++n) visit(n);
    for (AlarmIndex n = 0; n < plan_.alarm_count; ++n) visit(n);
  }
  Trap call_metered(const FunctionPlan& function);
  void clean_up(const FunctionPlan& function) {
    if (function.uses_scratch) std::memset(worker_.scratch.data(), 0, plan_.scratch_bytes);
  }
  void fault(Trap trap);

  [[gnu::always_inline]] void run_here(const HandlerPlan& handler);
  void run_handler(const HandlerPlan& handler);   // the same, where a call does not matter
  void run_and_mark(const HandlerPlan& handler);  // what it may have changed is looked at again in settle()
  void undo(const HandlerPlan& handler, Trap trap);
  [[gnu::always_inline]] void release_rows(std::byte* rows, std::uint32_t bytes);
  [[gnu::always_inline]] void emit(std::uint16_t output, std::span<const std::byte> fields);
  bool set_output(std::uint16_t output, std::span<const std::byte> fields);
  void emit_word(std::uint16_t output, Word value);
  void tell_again(std::uint16_t output);
  void settle();  // after the last alarm: alarms that look at changed ones, then the switches that alarms drive

  // ---- Windows (windows.cpp)
  void add_to_windows(const InputPlan& input, Word value, TimeNs event_time);
  void add_by_time(std::size_t window, Word value, TimeNs event_time);
  void add_by_count(std::size_t window, Word value, TimeNs event_time);
  void close_by_count(const InputPlan& input, TimeNs event_time);
  void close_due_windows();
  void gather(std::size_t window, std::int64_t count);
  void hand_over(const WindowPlan& plan, TimeNs start, TimeNs end, std::int64_t count);

  // Looks at alarms: nearly always nothing changes, which is found out here.
  [[gnu::always_inline]] void evaluate_each(std::span<const AlarmIndex> numbers) {
    const AlarmPlan* const alarms = plan_.alarms.data();
    const Rest* const rests = memory_.rests();
    WorkerBuffers& worker = worker_;
    for (const AlarmIndex number : numbers) {
      const Rest rest = rests[number];
      if (rest != Rest::None) [[likely]] {
        const ConditionPlan& condition = rest == Rest::ClearFalse ? alarms[number].clear : alarms[number].when;
        if (condition.quick.evaluate(worker.context.base) == says_at(rest)) [[likely]] {
          count(condition.function);
          worker.fuel_used += condition.function.fuel;
          continue;
        }
      }
      evaluate_fully(number);
    }
  }
  void evaluate(AlarmIndex number) { evaluate_each({&number, 1}); }
  void evaluate_fully(AlarmIndex alarm);
  void look_and_act(AlarmIndex alarm);
  Trap ask(const ConditionPlan& condition, bool& says);
  bool held_long_enough(const AlarmPlan& alarm, AlarmState& state, bool holds);
  void look(const AlarmPlan& alarm, AlarmState& state, Trap trap, bool is_true);
  void raise(AlarmIndex alarm);
  void clear(AlarmIndex alarm);
  void tell(AlarmIndex alarm);
  void remind(AlarmIndex alarm);
  bool acknowledge(AlarmIndex alarm, std::string_view by, std::string_view why);
  bool shelve(AlarmIndex alarm, const AlarmAction& action);
  bool unshelve(AlarmIndex alarm, std::string_view by, std::string_view why);
  bool is_held_back(const AlarmPlan& alarm);
  void drive(const AlarmPlan& alarm, bool on);
  void changed(const AlarmPlan& alarm);
  void wake_at(TimeNs time);
  void wake_alarms();
  std::string_view alarm_text(AlarmIndex alarm);
  [[gnu::always_inline]] void add_effect(EffectKind kind, std::uint16_t index, std::span<const std::byte> fields,
                                         std::string_view text, std::string_view by = {});
  std::byte* input_at(std::uint32_t offset) { return memory_.input + offset; }

  const Plan& plan_;
  WorkerBuffers& worker_;
  InstanceMemory& memory_;
  TimeNs now_;
  bool alarms_changed_ = false;
};

inline void Step::add_effect(EffectKind kind, std::uint16_t index, std::span<const std::byte> fields,
                             std::string_view text, std::string_view by) {
  EYEFLOW_CHECK(worker_.effect_count < worker_.effect_room);
  worker_.effects[worker_.effect_count++] = {
      .kind = kind, .index = index, .time = now_, .fields = fields, .text = text, .by = by};
}

// Timers of which several periods have passed by `now` go to the latest of them; the others are counted.
void skip_missed(InstanceMemory& memory, TimeNs now);

}  // namespace eyeflow::vm
