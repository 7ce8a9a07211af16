#include "vm/engine/step.h"

#include <algorithm>
#include <bit>

#include "vm/isa/memory_ops.h"

namespace eyeflow::vm {
namespace {

TimeNs later(TimeNs from, TimeNs by) {
  TimeNs sum;
  return __builtin_add_overflow(from, by, &sum) ? kNever : sum;
}

template <typename Visit>
void for_each_bit(std::vector<std::uint64_t>& set, std::size_t from, std::size_t to, Visit visit) {
  for (std::size_t word = from / 64; word * 64 < to; ++word)
    for (std::uint64_t left = set[word]; left != 0; left &= left - 1) {
      const std::size_t bit = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
      if (bit >= from && bit < to) visit(static_cast<AlarmIndex>(bit));
    }
}

void put(std::vector<std::uint64_t>& set, AlarmIndex alarm) { set[alarm / 64] |= 1ull << (alarm % 64); }
void take(std::vector<std::uint64_t>& set, AlarmIndex alarm) { set[alarm / 64] &= ~(1ull << (alarm % 64)); }
bool has(const std::vector<std::uint64_t>& set, AlarmIndex alarm) { return set[alarm / 64] >> (alarm % 64) & 1; }

}  // namespace

void Step::start() {
  EYEFLOW_CHECK(!memory_.started);
  memory_.started = true;
  worker_.begin_call();
  store(input_at(plan_.event_time), to_word(now_));
  for (const InputPlan& input : plan_.inputs) {
    store(input_at(input.time), to_word(now_));
    if (input.stale_deadline != kNowhere) memory_.deadlines[input.stale_deadline] = later(now_, input.stale_after);
  }
  for (std::size_t n = 0; n < plan_.timers.size(); ++n)
    memory_.deadlines[n] = later(now_, plan_.handlers[plan_.timers[n]].time);
  for (std::size_t n = 0; n < plan_.times_of_day.size(); ++n)
    memory_.deadlines[plan_.timers.size() + n] = plan_.next_time_of_day(n, now_);
  for (std::size_t n = 0; n < plan_.windows.size(); ++n)
    if (plan_.windows[n].shape.from_start) memory_.windows[n].origin = now_;
  if (plan_.poll_deadline != kNowhere) memory_.deadlines[plan_.poll_deadline] = later(now_, kPollPeriod);

  for (std::uint16_t n = 0; n < plan_.outputs.size(); ++n) {
    const OutputPlan& output = plan_.outputs[n];
    if (output.has_initial || output.driven) emit_word(n, output.has_initial ? output.initial : 0);
  }
  for (const std::uint16_t handler : plan_.starts) run_handler(plan_.handlers[handler]);
  for_each_alarm([&](AlarmIndex n) { evaluate(n); });
  settle();  // also without a change: a driven switch may start as what its alarms do not say
}

// All that the world may have forgotten is told before anything is decided anew.
void Step::resume() {
  EYEFLOW_CHECK(memory_.started);
  worker_.begin_call();
  store(input_at(plan_.event_time), to_word(now_));
  for (std::uint16_t n = 0; n < plan_.outputs.size(); ++n) {
    const OutputPlan& output = plan_.outputs[n];
    if (output.driven) memory_.outputs[n].value = memory_.outputs[n].drivers > 0 ? 1 : 0;
    if (output.driven || memory_.outputs[n].known)
      tell_again(n);
    else if (output.has_initial)
      emit_word(n, output.initial);
  }
  for_each_alarm([&](AlarmIndex n) { evaluate(n); });
  settle();
}

void Step::stop() {
  EYEFLOW_CHECK(memory_.started);
  worker_.begin_call();
  store(input_at(plan_.event_time), to_word(now_));
  for (const std::uint16_t handler : plan_.stops) run_and_mark(plan_.handlers[handler]);
  if (alarms_changed_) settle();
}

inline const InputPlan& Step::begin_delivery(std::size_t input, TimeNs event_time) {
  EYEFLOW_CHECK(memory_.started && input < plan_.input_count);
  worker_.begin_call();
  const InputPlan& plan = plan_.inputs[input];
  std::byte* const image = memory_.input;  // found once: a store of bytes may change any member, for all that is known
  const std::uint32_t now = plan_.event_time;
  store(image + plan.time, to_word(event_time));
  store(image + plan.ready, 1);
  if (plan.takes_bad) store(image + plan.bad, 0);
  store(image + now, to_word(event_time));
  return plan;
}

inline void Step::finish_delivery(const InputPlan& input, TimeNs event_time) {
  if (input.stale_deadline != kNowhere) {
    // A reading that is old already when it arrives: its alarms are evaluated right here, and its handlers are due now
    // unless they have run since the last fresh one.
    const TimeNs deadline = later(event_time, input.stale_after);
    TimeNs& pending = memory_.deadlines[input.stale_deadline];
    pending = deadline > now_ ? deadline : input.on_stale.empty() || pending == kNever ? kNever : now_;
  }
  evaluate_each(input.before);
  for (const std::uint16_t handler : input.handlers) run_here(plan_.handlers[handler]);
  if (input.has_more) {
    evaluate_each(input.conditions);
    if (!input.windows.empty()) [[unlikely]] {
      close_by_count(input, event_time);
    }
    evaluate_each(input.after);
  }
  if (alarms_changed_) settle();
}

inline void Step::deliver(std::size_t input, Word value, TimeNs event_time) {
  const InputPlan& plan = begin_delivery(input, event_time);
  EYEFLOW_CHECK(plan.type.kind == TypeKind::Scalar);
  store(input_at(plan.value), value);
  if (!plan.windows.empty()) [[unlikely]] {
    add_to_windows(plan, value, event_time);
  }
  finish_delivery(plan, event_time);
}

void Step::deliver_bytes(std::size_t input, std::span<const std::byte> bytes, TimeNs event_time) {
  const InputPlan& plan = begin_delivery(input, event_time);
  EYEFLOW_CHECK(plan.type.kind != TypeKind::Scalar);
  if (plan.value != kNowhere) set_input(plan.value, plan.type, bytes);
  finish_delivery(plan, event_time);
}

// What the engine writes into Input: a text, cut where it does not fit, or an array's elements.
void Step::set_input(std::uint32_t offset, const Type& type, std::span<const std::byte> bytes) {
  if (type.kind == TypeKind::Text) {
    worker_.context.set_text(Reference::make(Region::Input, offset, type.capacity), 0,
                             {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return;
  }
  const auto size = static_cast<std::size_t>(size_bytes(type.element));
  const bool is_list = type.kind == TypeKind::List;
  EYEFLOW_CHECK(is_list ? bytes.size() <= type.capacity * size && bytes.size() % size == 0
                        : bytes.size() == type.capacity * size);
  if (is_list) store(input_at(offset), bytes.size() / size);
  if (!bytes.empty()) std::memcpy(input_at(offset) + (is_list ? 8 : 0), bytes.data(), bytes.size());
}

void Step::deliver_bad(std::size_t input, TimeNs event_time) {
  EYEFLOW_CHECK(memory_.started && input < plan_.input_count);
  worker_.begin_call();
  const InputPlan& plan = plan_.inputs[input];
  if (!plan.takes_bad) return;
  store(input_at(plan.bad), 1);
  store(input_at(plan_.event_time), to_word(event_time));
  evaluate_each(plan.before);
  for (const std::uint16_t handler : plan.handlers) run_handler(plan_.handlers[handler]);
  evaluate_each(plan.conditions);
  evaluate_each(plan.after);
  if (alarms_changed_) settle();
}

// Here, so that a step is one function.
[[gnu::hot]] void Instance::deliver(Worker& worker, InputId input, Word value, TimeNs event_time, TimeNs now) {
  Step(*worker.buffers_, *memory_, now).deliver(index(input), value, event_time);
}

void Instance::deliver_text(Worker& worker, InputId input, std::string_view text, TimeNs event_time, TimeNs now) {
  Step(*worker.buffers_, *memory_, now).deliver_bytes(index(input), std::as_bytes(std::span(text)), event_time);
}

void Instance::deliver_elements(Worker& worker, InputId input, std::span<const std::byte> elements, TimeNs event_time,
                                TimeNs now) {
  Step(*worker.buffers_, *memory_, now).deliver_bytes(index(input), elements, event_time);
}

Instance::Answer Step::ask(FunctionId id) {
  worker_.begin_call();
  const Function& function = plan_.module().functions[index(id)];
  const FunctionBound& bound = plan_.verified.bounds[index(id)];
  EYEFLOW_CHECK(function.param_count == 0 && function.results.size() == 1);
  EYEFLOW_CHECK(bound.stores.empty() && !bound.writes_references && !bound.emits);
  const FunctionPlan asked = {
      .id = id, .metered = bound.fuel > plan_.options.fuel_quota, .uses_scratch = true, .fuel = bound.fuel};
  Instance::Answer answer{.trap = call(asked)};
  if (answer.trap == Trap::None) {
    answer.word = worker_.context.registers[0];
    if (plan_.module().type(function.results[0])->kind == TypeKind::Text)
      answer.text = worker_.context.text(Reference{answer.word});
  }
  clean_up(asked);
  return answer;
}

void Step::add_to(std::vector<std::uint64_t>& set, const AlarmList& alarms) {
  for (const AlarmIndex alarm : alarms) put(set, alarm);
}

// All but windows: they are taken off or set to their next instant, and name the alarms to look at and the handlers to
// run, in order of declaration.
std::size_t Step::take_due_deadlines() {
  TimeNs* const deadlines = memory_.deadlines;
  std::uint16_t* due = worker_.due.data();
  for (std::size_t n = 0; n < plan_.timers.size(); ++n) {
    if (deadlines[n] > now_) continue;
    deadlines[n] = later(deadlines[n], plan_.handlers[plan_.timers[n]].time);
    *due++ = plan_.timers[n];
  }
  for (std::size_t n = 0; n < plan_.times_of_day.size(); ++n) {
    TimeNs& deadline = deadlines[plan_.timers.size() + n];
    if (deadline > now_) continue;
    deadline = plan_.next_time_of_day(n, deadline);
    *due++ = plan_.times_of_day[n];
  }
  for (const std::uint16_t n : plan_.stale_inputs) {
    const InputPlan& input = plan_.inputs[n];
    if (deadlines[input.stale_deadline] > now_) continue;
    deadlines[input.stale_deadline] = kNever;
    add_to(worker_.alarm_set, input.stale);
    due = std::ranges::copy(input.on_stale, due).out;
  }
  for (const AlarmIndex alarm : plan_.delayed) {
    TimeNs& deadline = deadlines[plan_.alarms[alarm].delay];
    if (deadline > now_) continue;
    deadline = kNever;
    put(worker_.alarm_set, alarm);
  }
  if (plan_.poll_deadline != kNowhere && deadlines[plan_.poll_deadline] <= now_) {
    deadlines[plan_.poll_deadline] = later(deadlines[plan_.poll_deadline], kPollPeriod);
    add_to(worker_.alarm_set, plan_.polled);
  }
  std::ranges::sort(worker_.due.data(), due);
  return static_cast<std::size_t>(due - worker_.due.data());
}

void Step::evaluate_set(bool after_handlers) {
  const auto look_at = [&](AlarmIndex alarm) {
    if (!after_handlers && plan_.after_handlers[alarm]) return;
    take(worker_.alarm_set, alarm);
    evaluate(alarm);
  };
  if (after_handlers) for_each_bit(worker_.alarm_set, plan_.alarm_count, plan_.alarms.size(), look_at);
  for_each_bit(worker_.alarm_set, 0, plan_.alarm_count, look_at);
}

void Step::instant() {
  store(input_at(plan_.event_time), to_word(now_));
  const std::size_t due = take_due_deadlines();
  evaluate_set(false);
  for (std::size_t n = 0; n < due; ++n) {
    const HandlerPlan& handler = plan_.handlers[worker_.due[n]];
    run_handler(handler);
    add_to(worker_.alarm_set, handler.after);
  }
  if (!plan_.windows_by_time.empty()) close_due_windows();
  if (plan_.alarm_deadline != kNowhere && memory_.deadlines[plan_.alarm_deadline] <= now_) wake_alarms();
  evaluate_set(true);
  if (alarms_changed_) settle();
}

// Each alarm once more at most: two that look at each other must not go on for ever.
void Step::evaluate_dependents() {
  for (;;) {
    AlarmIndex next = 0;
    while (next < plan_.alarms.size() && !(has(worker_.again_set, next) && !has(worker_.done_set, next))) ++next;
    if (next == plan_.alarms.size()) break;
    put(worker_.done_set, next);
    evaluate(next);
  }
  std::ranges::fill(worker_.again_set, 0);
  std::ranges::fill(worker_.done_set, 0);
}

[[gnu::hot]] void Step::settle() {
  if (plan_.looked_at_again) evaluate_dependents();
  for (const std::uint16_t n : plan_.driven) {
    const Word wanted = memory_.outputs[n].drivers > 0 ? 1 : 0;
    if (memory_.outputs[n].value != wanted) emit_word(n, wanted);
  }
  alarms_changed_ = false;
}

[[gnu::hot]] Trap Step::call_metered(const FunctionPlan& function) {
  Context& context = worker_.context;
  context.metered = true;
  context.fuel = plan_.options.fuel_quota;
  const Trap trap = plan_.code->run(function.id, context);
  context.metered = false;
  // Out of fuel: what the next step would have cost was not there, so all of it counts as used.
  worker_.fuel_used += plan_.options.fuel_quota - (trap == Trap::OutOfFuel ? 0 : context.fuel);
  return trap;
}

void Step::fault(Trap trap) {
  const Context& context = worker_.context;
  const auto& lines = plan_.module().functions[context.trap_function].lines;
  const auto behind = std::ranges::upper_bound(lines, context.trap_instruction, {}, &LineMark::instruction);
  EYEFLOW_CHECK(worker_.fault_count < worker_.faults.size());
  worker_.faults[worker_.fault_count++] = {.trap = trap,
                                           .function = FunctionId{context.trap_function},
                                           .instruction = context.trap_instruction,
                                           .line = behind == lines.begin() ? 0 : std::prev(behind)->line};
}

inline void Step::run_here(const HandlerPlan& handler) {
  WorkerBuffers& worker = worker_;
  if (handler.within != 0) [[unlikely]]
    worker.declared_within =
        worker.declared_within == 0 ? handler.within : std::min(worker.declared_within, handler.within);
  for (std::uint32_t n = 0; n < handler.store_count; ++n) worker.saved[n] = load(memory_.state + handler.stores[n]);
  std::byte* const rows = worker.bytes.data() + worker.bytes_used;
  worker.output = {.data = rows, .capacity = handler.output_bytes, .used = 0};
  const Trap trap = call(handler.function);
  clean_up(handler.function);
  if (trap != Trap::None) [[unlikely]]
    return undo(handler, trap);
  if (worker.journal.count != 0) worker.journal.commit();
  if (worker.output.used != 0) release_rows(rows, worker.output.used);
}

[[gnu::hot]] void Step::run_handler(const HandlerPlan& handler) { run_here(handler); }

// Lines first: one that was saved after a scalar on it had been stored holds the new value of that.
void Step::undo(const HandlerPlan& handler, Trap trap) {
  worker_.journal.roll_back(memory_.state);
  for (std::uint32_t n = 0; n < handler.store_count; ++n) store(memory_.state + handler.stores[n], worker_.saved[n]);
  fault(trap);
}

void Step::run_and_mark(const HandlerPlan& handler) {
  run_handler(handler);
  if (handler.after.empty()) return;
  add_to(worker_.again_set, handler.after);
  alarms_changed_ = true;
}

inline void Step::release_rows(std::byte* rows, std::uint32_t bytes) {
  for (const std::byte *row = rows, *end = rows + bytes; row < end;) {
    const Word head = load(row);
    const auto size = static_cast<std::uint32_t>(head >> 32);
    if ((head >> 16 & 0xFFFF) == semantics::kAcknowledges) [[unlikely]]
      acknowledge(static_cast<AlarmIndex>(head), {}, {});
    else
      emit(static_cast<std::uint16_t>(head), {row + 8, size});
    row += 8 + size;
  }
  worker_.bytes_used += bytes;
}

inline void Step::emit(std::uint16_t number, std::span<const std::byte> fields) {
  const OutputPlan& output = plan_.outputs[number];
  EffectKind kind = EffectKind::Log;
  if (output.kind != OutputKind::Log) {
    if (!set_output(number, fields)) return;
    kind = output.kind == OutputKind::Switch ? EffectKind::Switch : EffectKind::Value;
  }
  if (output.count != kNowhere) store(input_at(output.count), load(input_at(output.count)) + 1);
  add_effect(kind, number, fields, {});
}

// False: a switch that stands there already.
bool Step::set_output(std::uint16_t number, std::span<const std::byte> fields) {
  const OutputPlan& output = plan_.outputs[number];
  OutputState& state = memory_.outputs[number];
  const Word word = load(fields.data());  // of what is no scalar how many bytes it has
  if (!output.is_scalar) {
    if (output.last_type.kind != TypeKind::Scalar) set_input(output.last, output.last_type, fields.subspan(8, word));
  } else {
    if (output.kind == OutputKind::Switch && state.known && state.value == word) return false;
    state.value = word;
    store(input_at(output.last), word);
  }
  state.known = true;
  return true;
}

// Initial values and driven switches: their words live in the output buffer like a handler's.
void Step::emit_word(std::uint16_t output, Word value) {
  std::byte* const place = worker_.bytes.data() + worker_.bytes_used;
  store(place, value);
  worker_.bytes_used += 8;
  emit(output, {place, 8});
}

void Step::tell_again(std::uint16_t number) {
  const OutputPlan& output = plan_.outputs[number];
  if (output.kind == OutputKind::Log || !output.is_scalar) return;
  OutputState& state = memory_.outputs[number];
  state.known = true;
  store(input_at(output.last), state.value);
  std::byte* const place = worker_.bytes.data() + worker_.bytes_used;
  store(place, state.value);
  worker_.bytes_used += 8;
  add_effect(output.kind == OutputKind::Switch ? EffectKind::Switch : EffectKind::Value, number, {place, 8}, {});
}

void skip_missed(InstanceMemory& memory, TimeNs now) {
  const auto skip = [&](TimeNs& deadline, TimeNs period) {
    if (deadline > now || now - deadline < period) return std::uint64_t{0};
    const TimeNs missed = (now - deadline) / period;
    deadline += missed * period;
    return static_cast<std::uint64_t>(missed);
  };
  const Plan& plan = *memory.plan;
  for (std::size_t n = 0; n < plan.timers.size(); ++n)
    memory.missed_periods += skip(memory.deadlines[n], plan.handlers[plan.timers[n]].time);
  for (std::size_t n = 0; n < plan.times_of_day.size(); ++n) {
    TimeNs& deadline = memory.deadlines[plan.timers.size() + n];
    for (TimeNs next; deadline <= now && (next = plan.next_time_of_day(n, deadline)) <= now; deadline = next)
      ++memory.missed_periods;
  }
  if (plan.poll_deadline != kNowhere) skip(memory.deadlines[plan.poll_deadline], kPollPeriod);
  if (plan.alarm_deadline != kNowhere && memory.deadlines[plan.alarm_deadline] <= now)
    for (std::size_t n = 0; n < plan.alarm_count; ++n)
      if (plan.alarms[n].remind > 0)
        skip(memory.alarms[n].remind_at, plan.alarms[n].remind);  // wake_alarms() tells them
}

}  // namespace eyeflow::vm
