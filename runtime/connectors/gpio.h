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

// What is told of a contact: its level at each change, or one of the edges each time. With a time to settle, a level
// counts once it has stood still for that long, so that a contact that bounces and a spike on the line change nothing.
class Debouncer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `level`: what the line stands at now.
  Debouncer(const PinSettings& pin, bool level) : settle_(pin.debounce), edge_(pin.edge), level_(level), seen_(level) {}

  // The line changed to `level` at that time, or was found there. What is to be told now, if anything.
  std::optional<bool> see(bool level, Time at);
  // When due() is to be asked next; nothing: not before the next see().
  std::optional<Time> deadline() const { return deadline_; }
  // At the deadline or later: what is to be told, if a level that counts stood still until then.
  std::optional<bool> due(Time now);
  bool level() const { return level_; }  // that counts
  bool seen() const { return seen_; }    // the last one

 private:
  std::optional<bool> told(bool level) const;

  std::chrono::nanoseconds settle_;
  PinEdge edge_;
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

// One GPIO chip of the kernel: inputs by edges, outputs by levels, on one thread. A chip that is not there, and each
// line that cannot be had (another program holds it, the chip has none of that number), is named and tried again with
// growing pauses, while the other lines work; an output then stands at its latest level. When the program ends, the
// kernel takes the lines back; what they stand at then is the hardware's affair.
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
  void tell_lines(const Lines& lines, Receiver& receiver);
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
