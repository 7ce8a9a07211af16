#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/site/pins.h"

namespace eyeflow::runtime {

// Tells a contact that bounces from one that has changed: a level counts once it has stood still for `settle`.
class Debouncer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Debouncer(std::chrono::nanoseconds settle, bool level) : settle_(settle), level_(level), seen_(level) {}

  // The line was seen at `level`. True: it counts at once, and has changed.
  bool see(bool level, Time now);
  // When due() is to be asked next; nothing: not before the next see().
  std::optional<Time> deadline() const { return deadline_; }
  // At the deadline or later: true when the level that stood still is another one than before.
  bool due(Time now);
  bool level() const { return level_; }

 private:
  std::chrono::nanoseconds settle_;
  bool level_, seen_;
  std::optional<Time> deadline_;
};

struct GpioInput {
  SensorId sensor;
  PinSettings pin;
};

struct GpioOutput {
  PinSettings pin;      // its line is the topic of the messages that set it
  std::string on_text;  // the payload that sets it; any other clears it
  bool safe = false;    // what it stands at before the first message
};

// One GPIO chip of the kernel: inputs by edges, outputs by levels, on one thread. A chip that is not there, or a line
// that another program holds, is tried again with growing pauses; an output then stands at its latest level. When the
// program ends, the kernel takes the lines back; what they stand at then is the hardware's affair.
class GpioChip final : public Source, public Sink {
 public:
  GpioChip(std::string chip, std::vector<GpioInput> inputs, std::vector<GpioOutput> outputs);
  ~GpioChip() override;

  void start(Receiver& receiver) override;
  void stop() override;
  void write(const Message& message) override;
  void flush() override {}
  std::uint64_t dropped() const override { return 0; }

 private:
  struct Lines;
  void run(Receiver& receiver);
  void watch(Lines& lines, Receiver& receiver);

  std::string chip_;
  std::vector<GpioInput> inputs_;
  std::vector<GpioOutput> outputs_;
  std::mutex mutex_;                                 // of what follows
  std::map<std::string, bool, std::less<>> wanted_;  // by line
  Lines* lines_ = nullptr;                           // while the chip is open
  bool stopping_ = false;
  std::condition_variable stopped_;
  int wake_ = -1;  // an eventfd: stop()
  std::thread thread_;
};

}  // namespace eyeflow::runtime
