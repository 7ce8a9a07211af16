#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/connectors/connector.h"

namespace eyeflow::runtime {

// A temperature-like signal, in the sensor's unit.
struct Signal {
  double base = 20;
  double noise = 0;  // standard deviation
  double drift = 0;  // amplitude of a slow triangle wave
  bool has_excursion = false;
  double excursion = 0;
  std::chrono::nanoseconds excursion_every{};
  std::chrono::nanoseconds excursion_for{};
  std::chrono::nanoseconds period{};
  std::uint64_t seed = 1;
};

// The reading of sensor `number` at its `sample`-th period: a pure function, the same in every run and on every CPU.
double simulated_value(const Signal& signal, std::uint32_t number, std::uint64_t sample);

struct SimulatedSensor {
  SensorId sensor;
  Signal signal;
  std::uint32_t number;  // tells the sensors of one table apart
};

// One thread for all simulated sensors. Their readings are spread evenly over the period.
class SimulateSource final : public Source {
 public:
  explicit SimulateSource(std::vector<SimulatedSensor> sensors) : sensors_(std::move(sensors)) {}
  ~SimulateSource() override { stop(); }
  void start(Receiver& receiver) override;
  void stop() override;

 private:
  void run(Receiver& receiver);

  std::vector<SimulatedSensor> sensors_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace eyeflow::runtime
