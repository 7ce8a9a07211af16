#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/host/counters.h"
#include "runtime/host/deployment.h"
#include "runtime/host/keeper.h"
#include "runtime/host/render.h"
#include "runtime/host/stats.h"
#include "runtime/payload/command.h"

namespace eyeflow::runtime {

inline constexpr std::string_view kAlarmRecords = "alarms";  // the name of what [alarms] tells
inline constexpr const char* kAlarmColumns[] = {"alarm", "state", "priority", "text"};

// Who an effect comes from. One thread at a time, as its instance.
struct OutputWriter {
  OutputWriter(std::string instance, const vm::Module& of, std::vector<PortId> to, std::vector<std::uint8_t> told);

  std::string name;  // the instance's
  std::string head;  // what its messages say of it
  const vm::Module* module;
  std::vector<PortId> ports;         // by output
  std::vector<std::uint8_t> wishes;  // by output: what a switch was last told
  std::vector<Datum> fields{};       // of a record that is being told …
  std::vector<Buffer> arrays{};      // … and what arrays among them are as text
  Keepsake* kept = nullptr;          // takes rows that are kept; null: none are …
  std::vector<bool> lost{};          // … and, by output, whether they should be; empty: none should
};

// Turns effects into messages on sinks: topics, payloads, shared switches, safe states. Any thread; effects of one
// instance keep their order.
class Outputs {
 public:
  using SinkOf = std::map<std::string, Sink*, std::less<>>;  // by the site's `to`; "console" too, if it is shown

  Outputs(const Site& site, const Deployment& deployment, const SinkOf& sinks, Counters& counters);

  // `scratch` is the calling thread's.
  void emit(OutputWriter& writer, const vm::Effect& effect, Buffer& scratch);

  // An alarm of an instance that goes on after a restart: it stands, which everybody has been told; or its task has it
  // no longer, which is told as an alarm that cleared.
  void recall_alarm(const OutputWriter& writer, const vm::Alarm& alarm, vm::TimeNs now);
  void drop_alarm(const OutputWriter& writer, const std::string& name, vm::TimeNs now);

  // What became of an operator's command, for whoever gave it; where the site has no topic for it, nothing. `text` is a
  // clause about the alarm, or says what is wrong.
  void answer(const AlarmCommand& command, bool done, std::string_view text, vm::TimeNs now);

  // Every switch that is not at its safe state goes there: when the host stops, for good, and at the start those of
  // refused runs.
  void make_safe(vm::TimeNs now);
  void make_refused_safe(const Deployment& deployment, vm::TimeNs now);

  std::vector<AlarmTransition> transitions() const;

 private:
  struct Port {
    const Output* output;
    const OutputSettings* settings;
    std::string topic;
    stdlib::Conversion conversion;
    std::string unit;
    std::uint32_t writers = 0;
    Sink* sink = nullptr;
    bool on_console = false;
    Sink::Takes takes = Sink::Takes::Payloads;
    std::mutex mutex;           // of what follows, and of the order of messages
    std::uint32_t wanting = 0;  // writers whose wish is on
    int state = -1;             // of a switch: what the world was told; -1: nothing yet
    bool over = false;          // it is at `safe` for good: who was still at work is not heard
  };

  static bool is_json(const Port& port) {
    return port.settings->format == PayloadFormat::Json || port.takes == Sink::Takes::Json;
  }
  void write_switch(OutputWriter& writer, const vm::Effect& effect, Port& port, PortId id, Buffer& out);
  void tell_switch(Port& port, PortId id, bool on, vm::TimeNs time, const OutputWriter* writer, Buffer& out);
  void write_value(OutputWriter& writer, const vm::Effect& effect, Port& port, PortId id, Buffer& out);
  void write_row(OutputWriter& writer, const vm::Effect& effect, Port& port, PortId id, Buffer& out);
  struct AlarmNews {
    AlarmTransition told;
    vm::EffectKind kind = vm::EffectKind::AlarmCleared;
    std::string_view by{};  // who acknowledged or shelved it; its text is why then
    vm::TimeNs until = 0;   // of a shelved one
  };
  void write_alarm(const OutputWriter& writer, const AlarmNews& news, Buffer& out);
  void remember(AlarmTransition transition);
  void open_json(Buffer& out, const OutputWriter* writer, vm::TimeNs time);
  void send(Port& port, PortId id, const Buffer& out, bool is_state);
  void send_record(Sink& sink, PortId id, std::string_view name, const OutputWriter* writer, vm::TimeNs time,
                   std::span<const Datum> fields);

  const Site& site_;
  const SinkOf& sinks_;
  Counters& counters_;
  std::deque<Port> ports_;  // by PortId; never moves, as it holds mutexes
  PortId alarm_port_;
  Sink* alarm_sink_ = nullptr;
  std::string answers_;  // the topic
  // What messages begin with: with next_id_ their identity, and this device.
  std::string id_, device_;
  std::atomic<std::uint64_t> next_id_ = 1;
  mutable std::mutex transitions_mutex_;
  std::deque<AlarmTransition> transitions_;
};

}  // namespace eyeflow::runtime
