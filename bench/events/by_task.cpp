#include "bench/events/by_task.h"

#include <cstdio>
#include <cstdlib>

namespace eyeflow::bench {
namespace {

using vm::EffectKind;
using vm::InputId;

runtime::DecodePlan plan_of(const vm::Module& module) {
  runtime::SensorSettings sensor;
  sensor.field = "/temp";
  sensor.time = "/ts";
  sensor.unit = "°C";
  auto plan = runtime::make_plan(sensor, module, module.inputs[0]);
  if (!plan) {
    std::fprintf(stderr, "%s\n", plan.error().message.c_str());
    std::exit(1);
  }
  return *plan;
}

}  // namespace

ByTask::ByTask(const Workload& workload, const vm::Program& program)
    : workload_(workload), plan_(plan_of(program.module())) {
  worker_.serve(program);
  instances_.reserve(workload.names.size());
  for (const std::string& name : workload.names)
    instances_.emplace_back(program, vm::Instance::Binding{.params = {}, .input_names = {name}});
}

void ByTask::start(Outcome& outcome) {
  for (std::uint32_t n = 0; n < instances_.size(); ++n) {
    instances_[n].start(worker_, kStartNs);
    take_effects(n, outcome);
  }
}

runtime::DecodeResult ByTask::decode(const Event& event) {
  return decoder_.decode(plan_, workload_.payload(event), event.now_ns);
}

void ByTask::decide(std::uint32_t sensor, vm::Word value, vm::TimeNs time, vm::TimeNs now, Outcome& outcome) {
  vm::Instance& instance = instances_[sensor];
  if (const auto due = instance.next_deadline(); due && *due < now) {
    instance.advance(worker_, now - 1);
    take_effects(sensor, outcome);
  }
  instance.deliver(worker_, InputId{0}, value, time, now);
  take_effects(sensor, outcome);
}

void ByTask::on_event(const Event& event, Outcome& outcome) {
  const auto reading = decode(event);
  if (reading)
    decide(event.sensor, reading->value, reading->time, event.now_ns, outcome);
  else
    ++outcome.bad;
}

void ByTask::take_effects(std::uint32_t sensor, Outcome& outcome) {
  for (const vm::Effect& effect : worker_.effects()) {
    vm::Word words[2] = {};
    switch (effect.kind) {
      case EffectKind::Log:
        std::memcpy(words, effect.fields.data(), sizeof words);
        outcome.row(sensor, words[0], static_cast<std::int64_t>(words[1]));
        break;
      case EffectKind::Switch:
        std::memcpy(words, effect.fields.data(), sizeof words[0]);
        outcome.set_siren(sensor, words[0] != 0);
        break;
      case EffectKind::AlarmRaised:
        outcome.raise(sensor, effect.text);
        break;
      case EffectKind::AlarmCleared:
        outcome.clear(sensor);
        break;
      default:
        break;
    }
  }
  outcome.bad += worker_.faults().size();
}

std::size_t ByTask::memory_bytes() const {
  std::size_t bytes = 0;
  for (const vm::Instance& instance : instances_) bytes += instance.memory_bytes();
  return bytes;
}

}  // namespace eyeflow::bench
