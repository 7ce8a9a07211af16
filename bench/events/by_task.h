#pragma once

#include <memory>

#include "bench/events/workload.h"
#include "runtime/payload/decoder.h"
#include "vm/engine/engine.h"

namespace eyeflow::bench {

// The same, by the task: payload decoder, engine and effects as the host uses them, without its threads and sockets.
class ByTask {
 public:
  ByTask(const Workload& workload, const vm::Program& program);
  void start(Outcome& outcome);
  void on_event(const Event& event, Outcome& outcome);

  runtime::DecodeResult decode(const Event& event);
  void decide(std::uint32_t sensor, vm::Word value, vm::TimeNs time, vm::TimeNs now, Outcome& outcome);

  std::size_t memory_bytes() const;  // of all instances

 private:
  void take_effects(std::uint32_t sensor, Outcome& outcome);

  const Workload& workload_;
  runtime::DecodePlan plan_;
  runtime::Decoder decoder_;
  vm::Worker worker_;
  std::vector<vm::Instance> instances_;
};

}  // namespace eyeflow::bench
