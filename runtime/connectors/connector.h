#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

// What the host knows of the world outside: sources give arrivals, sinks take messages. One file a connector.
namespace eyeflow::runtime {

enum class SensorId : std::uint32_t {};           // index into Site::sensors
inline constexpr SensorId kCommands{0xFFFFFFFF};  // none of them: what operators do about alarms
enum class PortId : std::uint32_t {};             // an output or the alarms' channel, counted by the host

// Something that came in for a sensor. Views are valid during the call only.
struct Arrival {
  enum class Form : std::uint8_t {
    Payload,  // bytes as the sensor's binding describes them
    Bare,     // a value as text, such as a column of a file
    Number,   // a number in the sensor's unit
  };
  SensorId sensor{};
  Form form = Form::Payload;
  std::string_view bytes{};
  double number = 0;
  bool may_wait = false;  // the source would rather wait than have a full queue drop something
  // It was kept for whoever asks later (a retained MQTT message): nobody knows how old it is. A time in its payload
  // still counts.
  bool is_kept = false;
};

// The host's side of a source. A source calls it from one thread of its own, one call at a time.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void on_arrival(const Arrival& arrival) = 0;
  // The same for several sensors, at least one, in this order; `arrival.sensor` means nothing.
  virtual void on_arrivals(std::span<const SensorId> sensors, const Arrival& arrival) {
    Arrival one = arrival;
    for (const auto sensor : sensors) {
      one.sensor = sensor;
      on_arrival(one);
    }
  }
  virtual void on_unknown(std::string_view what) = 0;  // for no sensor of this site: a topic, an input's name
  virtual void on_bad_row(std::string_view what) = 0;  // could not even be told which sensor it is for
  // A connection came up or went down (or could not be made); `detail` is a clause for the log.
  virtual void on_state(std::string_view connector, bool up, std::string_view detail) = 0;
  // There will be no more, and that is as it should be; `detail` is a clause for the log.
  virtual void on_finished(std::string_view connector, std::string_view detail) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual void start(Receiver& receiver) = 0;  // returns at once
  virtual void stop() = 0;                     // no calls to the receiver after it returns; may be called twice
};

// A field of a record. A NaN or an infinity of a task is nothing.
struct Datum {
  using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, float, double, std::string_view,
                             std::chrono::sys_time<std::chrono::nanoseconds>>;
  std::string_view name;
  Value value{};
};

// What a message says, for sinks that have a form of their own for it.
struct Record {
  std::string_view name;            // of the output; of alarms: "alarms"
  std::string_view task, instance;  // empty where the host itself speaks
  std::chrono::sys_time<std::chrono::nanoseconds> time;
  std::span<const Datum> fields;
};

// Something to tell, ready to send. Views are valid during the call only.
struct Message {
  PortId port{};
  std::string_view topic{};
  std::string_view payload{};
  int qos = 0;
  bool retain = false;
  bool is_state = false;           // a switch or value: a newer one of the same port makes this one pointless
  const Record* record = nullptr;  // for a sink that takes records; topic and payload are empty then
};

class Sink {
 public:
  enum class Takes { Payloads, Json, Records };  // as the site's `format` says; JSON always; what it says, unwritten

  virtual ~Sink() = default;
  virtual Takes takes() const { return Takes::Payloads; }
  // From any thread; never blocks on a peer. What cannot be sent now is held, up to a bound, and counted when dropped.
  virtual void write(const Message& message) = 0;
  virtual void flush() = 0;  // waits up to a second for what was written
  virtual std::uint64_t dropped() const = 0;
};

}  // namespace eyeflow::runtime
