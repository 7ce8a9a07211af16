#pragma once

#include <memory>

#include "bench/events/workload.h"

namespace eyeflow::bench {

// What examples/monitor_t1.eft says, for all sensors, as one would write it in C++ without EyeFlow: no checks beyond
// those that the task makes, no isolation, no rollback, one fixed payload format.
class ByHand {
 public:
  explicit ByHand(const Workload& workload);
  ~ByHand();
  void start(Outcome& outcome);
  void on_event(const Event& event, Outcome& outcome);

  // The parts alone: JSON to a reading, and a reading to what follows from it.
  struct Reading {
    double temp;
    std::int64_t time_ns;
  };
  bool decode(const Event& event, Reading& reading);
  void decide(std::uint32_t sensor, const Reading& reading, std::int64_t now_ns, Outcome& outcome);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eyeflow::bench
