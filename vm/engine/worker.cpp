#include <algorithm>

#include "vm/engine/parts.h"

namespace eyeflow::vm {
namespace {

// An advance() may run many instants in one call: room for more than one saves the host round trips. What a large
// task needs for one is enough, though.
constexpr std::size_t kInstantsPerCall = 16, kEnoughEntries = 1024, kEnoughBytes = 64 * 1024;

template <typename T>
void grow(std::vector<T>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
}

}  // namespace

void WorkerBuffers::serve(const Plan& plan) {
  grow(registers, plan.frame_words + 1);
  grow(saved, plan.most_stores);
  grow(calls, plan.call_depth + 1);
  grow(scratch, std::max(plan.scratch_bytes, kLineBytes));
  const std::size_t lines = plan.state_bytes / kLineBytes;
  grow(seen_lines, (lines + 63) / 64);
  grow(line_numbers, lines);
  grow(saved_lines, plan.state_bytes);
  grow(due, plan.handlers.size());
  const std::size_t words = (plan.alarms.size() + 63) / 64;
  grow(alarm_set, words);
  grow(again_set, words);
  grow(done_set, words);
  const auto room = [](std::size_t most, std::size_t instant, std::size_t enough) {
    return std::max(most, std::min(instant * kInstantsPerCall, enough));
  };
  grow(effects, room(plan.most.effects, plan.at_instant.effects, kEnoughEntries));
  effect_room = static_cast<std::uint32_t>(effects.size());
  grow(bytes, room(plan.most.bytes, plan.at_instant.bytes, kEnoughBytes));
  grow(faults, room(plan.most.faults, plan.at_instant.faults, kEnoughEntries));

  const auto served = std::ranges::lower_bound(counts, plan.id, {}, [](const auto& entry) { return entry.first; });
  if (served == counts.end() || served->first != plan.id) {
    auto* const made = new CallCounts(plan.module().functions.size());  // the plan's from now on
    made->next = plan.counts.load(std::memory_order_relaxed);
    while (!plan.counts.compare_exchange_weak(made->next, made, std::memory_order_release)) {
    }
    counts.insert(served, {plan.id, made});
  }

  journal = {.seen = seen_lines.data(), .line_numbers = line_numbers.data(), .saved_lines = saved_lines.data()};
  context.journal = &journal;
  context.output = &output;
  context.registers = registers.data();
  context.calls = calls.data();
  plan_id = 0;
}

void WorkerBuffers::set_up(const Plan& plan) {
  EYEFLOW_CHECK(registers.size() > plan.frame_words && saved.size() >= plan.most_stores &&
                calls.size() > plan.call_depth && scratch.size() >= plan.scratch_bytes &&
                saved_lines.size() >= plan.state_bytes && alarm_set.size() * 64 >= plan.alarms.size() &&
                due.size() >= plan.handlers.size() && effects.size() >= plan.most.effects &&
                bytes.size() >= plan.most.bytes && faults.size() >= plan.most.faults);  // serve() the program first
  context.base[static_cast<int>(Region::Const)] = const_cast<std::byte*>(plan.module().const_image.data());
  context.base[static_cast<int>(Region::Scratch)] = scratch.data();
  context.references = plan.verified.references.data();
  context.outputs = plan.layouts.data();
  context.intrinsics = plan.intrinsics;
  const auto served = std::ranges::lower_bound(counts, plan.id, {}, [](const auto& entry) { return entry.first; });
  EYEFLOW_CHECK(served != counts.end() && served->first == plan.id);  // serve() it first
  called = served->second->calls.get();
  plan_id = plan.id;
}

Worker::Worker() : buffers_(std::make_unique<WorkerBuffers>()) {}
Worker::~Worker() = default;

void Worker::serve(const Program& program) { buffers_->serve(program.plan()); }
[[gnu::hot]] std::span<const Effect> Worker::effects() const {
  return {buffers_->effects.data(), buffers_->effect_count};
}
[[gnu::hot]] std::span<const Fault> Worker::faults() const { return {buffers_->faults.data(), buffers_->fault_count}; }
std::uint64_t Worker::fuel_used() const { return buffers_->fuel_used; }
[[gnu::hot]] TimeNs Worker::declared_within() const { return buffers_->declared_within; }
[[gnu::hot]] std::uint64_t Worker::texts_cut() const { return buffers_->context.texts_cut; }

}  // namespace eyeflow::vm
