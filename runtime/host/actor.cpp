#include "runtime/host/actor.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eyeflow::runtime {
namespace {

std::uint64_t saturating(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

vm::TimeNs shorter(vm::TimeNs a, vm::TimeNs b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

}  // namespace

TaskInfo::TaskInfo(const vm::Program& program) : program(&program) {
  const auto& module = program.module();
  const auto& bounds = program.verified().bounds;
  const auto fuel_of = [&](vm::FunctionId f) { return f == vm::kNoFunction ? 0 : bounds[vm::index(f)].fuel; };
  std::uint64_t alarms = 0;
  for (const auto& alarm : module.alarms) {
    for (const auto f : {alarm.when, alarm.clear, alarm.text}) alarms = saturating(alarms, fuel_of(f));
  }
  reading_fuel.assign(module.inputs.size(), alarms);
  within_ns.assign(module.inputs.size(), 0);
  timer_fuel = alarms;
  for (const auto& handler : module.handlers) {
    const auto fuel = saturating(fuel_of(handler.function), fuel_of(handler.condition));
    const auto of_reading = [&](std::size_t input) {
      reading_fuel[input] = saturating(reading_fuel[input], fuel);
      within_ns[input] = shorter(within_ns[input], handler.within_ns);
    };
    const auto of_instant = [&] {
      timer_fuel = saturating(timer_fuel, fuel);
      timer_within_ns = shorter(timer_within_ns, handler.within_ns);
    };
    switch (handler.kind) {
      case vm::HandlerKind::Start:
        break;
      case vm::HandlerKind::Stop:
        has_stop = true;
        break;
      case vm::HandlerKind::Input:
        of_reading(vm::index(handler.input));
        break;
      case vm::HandlerKind::Every:
      case vm::HandlerKind::TimeOfDay:
      case vm::HandlerKind::Stale:
        of_instant();
        break;
      case vm::HandlerKind::Condition:  // any event may begin it
        for (std::size_t input = 0; input < module.inputs.size(); ++input) of_reading(input);
        of_instant();
        break;
      case vm::HandlerKind::Window:
        has_windows = true;
        handler.window.span_ns > 0 ? of_instant() : of_reading(vm::index(handler.input));
        break;
    }
  }
  most_fuel = timer_fuel;
  for (const auto fuel : reading_fuel) most_fuel = std::max(most_fuel, fuel);
}

ReadingQueue::ReadingQueue(const vm::Module& module) {
  std::size_t depth = 0;
  for (const auto& input : module.inputs) {
    const auto own = input.queue == 0 ? kDefaultDepth : std::min(input.queue, kDeepest);
    inputs_.push_back({.depth = own, .drop_oldest = input.drop == vm::DropPolicy::Oldest});
    depth += own;
    const auto* type = module.type(input.value.type);
    if (type->kind == vm::TypeKind::Text) text_stride_ = std::max<std::size_t>(text_stride_, type->capacity);
  }
  slots_.resize(std::max<std::size_t>(1, depth));
  texts_.resize(slots_.size() * text_stride_);
}

bool ReadingQueue::push(const Reading& reading) {
  auto& input = inputs_[vm::index(reading.input)];
  bool dropped = false;
  if (input.waiting >= input.depth) {
    if (!input.drop_oldest) return false;
    std::size_t oldest = 0;
    while (at(oldest).reading.input != reading.input) ++oldest;
    remove(oldest);
    dropped = true;
  }
  Slot& slot = at(size_);
  slot.reading = reading;
  slot.text_bytes = static_cast<std::uint32_t>(std::min(reading.text.size(), text_stride_));
  if (slot.text_bytes > 0) std::memcpy(text_at(size_), reading.text.data(), slot.text_bytes);
  ++size_;
  ++input.waiting;
  return !dropped;
}

// Those before it move up by one, so that the head stays the oldest.
void ReadingQueue::remove(std::size_t i) {
  --inputs_[vm::index(at(i).reading.input)].waiting;
  for (; i > 0; --i) {
    at(i) = at(i - 1);
    if (text_stride_ > 0) std::memcpy(text_at(i), text_at(i - 1), text_stride_);
  }
  head_ = (head_ + 1) % slots_.size();
  --size_;
}

Reading ReadingQueue::pop(std::vector<char>& text) {
  const Slot& slot = at(0);
  Reading reading = slot.reading;
  if (text.size() < text_stride_) text.resize(text_stride_);
  if (slot.text_bytes > 0) std::memcpy(text.data(), text_at(0), slot.text_bytes);
  reading.text = {text.data(), slot.text_bytes};
  remove(0);
  return reading;
}

std::size_t ReadingQueue::clear() {
  for (auto& input : inputs_) input.waiting = 0;
  return std::exchange(size_, 0);
}

Actor::Actor(std::uint32_t number, TaskInfo& task, const Deployment::Instance& planned)
    : number(number),
      task(task),
      instance(*task.program, planned.binding),
      writer{planned.name, &task.program->module(), planned.outputs,
             std::vector<std::uint8_t>(planned.outputs.size(), 0)},
      queue(task.program->module()) {}

}  // namespace eyeflow::runtime
