#include "runtime/host/actor.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eyeflow::runtime {
namespace {

std::uint64_t saturating(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

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
  timer_fuel = alarms;
  for (const auto& handler : module.handlers) {
    const auto fuel = saturating(fuel_of(handler.function), fuel_of(handler.condition));
    const auto of_reading = [&](std::size_t input) { reading_fuel[input] = saturating(reading_fuel[input], fuel); };
    const auto of_instant = [&] { timer_fuel = saturating(timer_fuel, fuel); };
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
  std::size_t depth = 0, bytes = 0;
  for (const auto& input : module.inputs) {
    const auto& type = *module.type(input.value.type);
    const auto stride = type.kind == vm::TypeKind::Scalar ? 0
                        : type.kind == vm::TypeKind::Text
                            ? std::size_t{type.capacity}
                            : std::size_t{type.capacity} * static_cast<std::size_t>(vm::size_bytes(type.element));
    const auto usual = static_cast<std::uint32_t>(
        stride == 0 ? kDefaultDepth : std::clamp<std::size_t>(kMostBytes / stride, 1, kDefaultDepth));
    const auto own = input.queue == 0 ? usual : std::min(input.queue, kDeepest);
    PerInput& queue = inputs_.emplace_back(
        PerInput{.depth = own, .drop_oldest = input.drop == vm::DropPolicy::Oldest, .stride = stride, .first = bytes});
    if (stride > 0)
      for (std::uint32_t place = 0; place < own; ++place) queue.free.push_back(place);
    bytes += own * stride;
    depth += own;
  }
  slots_.resize(std::max<std::size_t>(1, depth));
  bytes_.resize(bytes);
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
  slot.size_bytes = static_cast<std::uint32_t>(std::min(reading.bytes.size(), input.stride));
  if (input.stride > 0) {
    slot.place = input.free.back();
    input.free.pop_back();
    if (slot.size_bytes > 0) std::memcpy(bytes_of(slot), reading.bytes.data(), slot.size_bytes);
  }
  ++size_;
  ++input.waiting;
  return !dropped;
}

// Those before it move up by one, so that the head stays the oldest.
void ReadingQueue::remove(std::size_t i) {
  auto& input = inputs_[vm::index(at(i).reading.input)];
  --input.waiting;
  if (input.stride > 0) input.free.push_back(at(i).place);
  for (; i > 0; --i) at(i) = at(i - 1);
  head_ = (head_ + 1) % slots_.size();
  --size_;
}

Reading ReadingQueue::pop(std::vector<char>& bytes) {
  const Slot& slot = at(0);
  Reading reading = slot.reading;
  bytes.resize(std::max<std::size_t>(bytes.size(), slot.size_bytes));
  if (slot.size_bytes > 0) std::memcpy(bytes.data(), bytes_of(slot), slot.size_bytes);
  reading.bytes = {bytes.data(), slot.size_bytes};
  remove(0);
  return reading;
}

std::size_t ReadingQueue::clear() {
  const std::size_t waiting = size_;
  while (size_ > 0) remove(0);
  return waiting;
}

Actor::Actor(std::uint32_t number, TaskInfo& task, const Deployment::Instance& planned)
    : number(number),
      task(task),
      instance(*task.program, planned.binding),
      writer{planned.name, task.program->module(), planned.outputs,
             std::vector<std::uint8_t>(planned.outputs.size(), 0)},
      queue(task.program->module()) {}

}  // namespace eyeflow::runtime
