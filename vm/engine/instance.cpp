#include <algorithm>

#include "vm/engine/step.h"

namespace eyeflow::vm {

std::unique_ptr<InstanceMemory> InstanceMemory::make(const Program& program) {
  const Plan& plan = program.plan();
  std::size_t size = sizeof(InstanceMemory);
  const auto place = [&](std::size_t bytes, std::size_t alignment = 8) {
    size = (size + alignment - 1) / alignment * alignment;
    const std::size_t at = size;
    size += bytes;
    return at;
  };
  const std::size_t outputs = place(plan.outputs.size() * sizeof(OutputState));
  const std::size_t alarms = place(plan.alarms.size() * sizeof(AlarmState));
  const std::size_t windows = place(plan.windows.size() * sizeof(WindowState));
  const std::size_t told = plan.alarm_count > 0 ? kFloodAlarms : 0, told_at = place(told * sizeof(TimeNs));
  const std::size_t seen = place(plan.seen_words * sizeof(Word));
  const std::size_t deadlines = place(plan.deadline_count * sizeof(TimeNs), InstanceMemory::kAlignment);
  place(plan.alarms.size() * sizeof(Rest), 1);
  const std::size_t param = place(plan.param_bytes);
  const std::size_t input = place(plan.input_bytes, InstanceMemory::kAlignment);
  const std::size_t state = place(plan.state_bytes), window = place(plan.window_bytes);

  auto* base = static_cast<std::byte*>(::operator new(size, std::align_val_t{InstanceMemory::kAlignment}));
  auto* memory = new (base) InstanceMemory;
  memory->program = &program;
  memory->plan = &plan;
  memory->size_bytes = static_cast<std::uint32_t>(size);
  memory->deadlines = reinterpret_cast<TimeNs*>(base + deadlines);
  memory->alarms = reinterpret_cast<AlarmState*>(base + alarms);
  memory->outputs = reinterpret_cast<OutputState*>(base + outputs);
  memory->windows = reinterpret_cast<WindowState*>(base + windows);
  memory->seen = reinterpret_cast<Word*>(base + seen);
  memory->param = base + param;
  memory->input = base + input;
  memory->state = base + state;
  memory->window = base + window;
  std::uninitialized_fill_n(memory->deadlines, plan.deadline_count, kNever);
  std::uninitialized_fill_n(memory->rests(), plan.alarms.size(), Rest::None);
  std::uninitialized_default_construct_n(memory->alarms, plan.alarms.size());
  std::uninitialized_default_construct_n(memory->outputs, plan.outputs.size());
  std::uninitialized_default_construct_n(memory->windows, plan.windows.size());
  std::uninitialized_fill_n(memory->seen, plan.seen_words, Word{0});
  memory->told_at = reinterpret_cast<TimeNs*>(base + told_at);
  std::uninitialized_fill_n(memory->told_at, told, kNever);
  std::fill_n(memory->window, plan.window_bytes, std::byte{0});
  const auto fill = [](std::byte* image, const std::vector<std::byte>& from, std::size_t bytes) {
    std::fill_n(std::copy(from.begin(), from.end(), image), bytes - from.size(), std::byte{0});
  };
  fill(memory->param, plan.module().param_image, plan.param_bytes);
  fill(memory->input, {}, plan.input_bytes);
  fill(memory->state, plan.module().state_image, plan.state_bytes);
  for (const AlarmPlan& alarm : plan.alarms) store(memory->input + alarm.acknowledged, 1);
  return std::unique_ptr<InstanceMemory>(memory);
}

Instance::Instance(const Program& program, const Binding& binding) : memory_(InstanceMemory::make(program)) {
  const Module& module = program.module();
  for (std::size_t n = 0; n < binding.params.size() && n < module.params.size(); ++n)
    if (binding.params[n]) store(memory_->param + module.params[n].offset, *binding.params[n]);
  for (const Slot& slot : module.slots) {
    if (slot.region != Region::Input || slot.kind != SlotKind::InputName || slot.subject >= binding.input_names.size())
      continue;
    Context context;
    context.base[static_cast<int>(Region::Input)] = memory_->input;
    context.set_text(Reference::make(Region::Input, slot.offset, module.type(slot.type)->capacity), 0,
                     binding.input_names[slot.subject]);
  }
}
Instance::~Instance() = default;
Instance::Instance(Instance&&) noexcept = default;
Instance& Instance::operator=(Instance&&) noexcept = default;

void Instance::use_models(ModelHost* host) { memory_->model_host = host; }

void Instance::start(Worker& worker, TimeNs now) { Step(*worker.buffers_, *memory_, now).start(); }

void Instance::deliver_bad(Worker& worker, InputId input, TimeNs event_time, TimeNs now) {
  Step(*worker.buffers_, *memory_, now).deliver_bad(index(input), event_time);
}

bool Instance::takes_bad(InputId input) const { return memory_->plan->inputs[index(input)].takes_bad; }

void Instance::advance(Worker& worker, TimeNs now, CatchUp catch_up) {
  EYEFLOW_CHECK(memory_->started);
  WorkerBuffers& buffers = *worker.buffers_;
  buffers.begin_call();
  if (catch_up == CatchUp::Latest) skip_missed(*memory_, now);
  for (;;) {
    const std::optional<TimeNs> next = next_deadline();
    if (!next || *next > now) break;
    if (!buffers.has_room(memory_->plan->at_instant)) return;
    Step(buffers, *memory_, *next).instant();
  }
  memory_->now = std::max(memory_->now, now);
}

void Instance::stop(Worker& worker, TimeNs now) { Step(*worker.buffers_, *memory_, now).stop(); }

bool Instance::act(Worker& worker, const AlarmAction& action, TimeNs now) {
  return Step(*worker.buffers_, *memory_, now).act(action);
}

Instance::Answer Instance::ask(Worker& worker, FunctionId function, TimeNs now) {
  EYEFLOW_CHECK(memory_->started);
  return Step(*worker.buffers_, *memory_, now).ask(function);
}

[[gnu::hot]] std::optional<TimeNs> Instance::next_deadline() const {
  TimeNs next = kNever;
  for (std::uint32_t n = 0; n < memory_->plan->deadline_count; ++n) next = std::min(next, memory_->deadlines[n]);
  if (next == kNever) return std::nullopt;
  return next;
}

const Program& Instance::program() const { return *memory_->program; }
bool Instance::is_active(AlarmId alarm) const { return memory_->alarms[index(alarm)].active; }
std::int64_t Instance::raised_count(AlarmId alarm) const { return memory_->alarms[index(alarm)].raised; }
AlarmStory Instance::story(AlarmId alarm) const {
  const Alarm& declared = memory_->plan->module().alarms[index(alarm)];
  const AlarmState& state = memory_->alarms[index(alarm)];
  AlarmStory story{.active = state.active,
                   .acknowledged = state.acknowledged,
                   .held_back = state.active && !state.told && state.shelved_until == 0,
                   .waits_for_ack = state.over,
                   .raised = state.raised,
                   .shelved_until = state.shelved_until,
                   .unheard = {},
                   .looked_at = state.looked_at,
                   .holds = state.holds,
                   .trap = state.trap,
                   .began = state.began,
                   .ended = state.ended,
                   .needed = declared.when_for_ns};
  const AlarmPlan& plan = memory_->plan->alarms[index(alarm)];
  for (std::size_t n = 0; n < plan.seen_inputs.size(); ++n) {
    const InputId input{plan.seen_inputs[n]};
    const Word* const words = memory_->seen + plan.seen + 2 * n;
    story.seen.push_back({.input = input,
                          .held = words[0],
                          .otherwise = words[1],
                          .has_held = state.has_held,
                          .has_otherwise = state.has_not_held,
                          .age = memory_->now - reading_time(input)});
  }
  for (const InputId input : declared.needs)
    if (load(memory_->input + memory_->plan->inputs[index(input)].ready) == 0) {
      story.unheard = input;
      break;
    }
  return story;
}
[[gnu::hot]] std::uint64_t Instance::alarms_held_back() const { return memory_->held_back; }
std::uint64_t Instance::missed_periods() const { return memory_->missed_periods; }
std::uint64_t Instance::windows_skipped() const {
  std::uint64_t sum = 0;
  for (std::size_t n = 0; n < memory_->plan->windows.size(); ++n) sum += memory_->windows[n].skipped;
  return sum;
}
std::uint64_t Instance::readings_late() const {
  std::uint64_t sum = 0;
  for (std::size_t n = 0; n < memory_->plan->windows.size(); ++n) sum += memory_->windows[n].late;
  return sum;
}
TimeNs Instance::reading_time(InputId input) const {
  return from_word<TimeNs>(load(memory_->input + memory_->plan->inputs[index(input)].time));
}
Word Instance::output_value(OutputId output) const { return memory_->outputs[index(output)].value; }
std::span<const std::byte> Instance::state() const {
  return {memory_->state, memory_->plan->module().state_image.size()};
}
std::size_t Instance::memory_bytes() const { return sizeof *this + memory_->size_bytes; }

}  // namespace eyeflow::vm
