#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/site/pins.h"
#include "runtime/site/time_zone.h"
#include "runtime/site/url.h"
#include "vm/base/result.h"
#include "vm/module/module.h"

// What one device grants to tasks, as its site file says it. Plain values; nothing here has been opened or connected.
namespace eyeflow::runtime {

// Where something was written in the site file; 1-based.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// A value that only makes sense once the type it is for is known, such as "75 °C"; a bare number or boolean is kept as
// its text.
struct Written {
  std::string text;
  Place place;
};

// Where a connection leads to: which of these keys its table has says so.
enum class ConnectionKind { Mqtt, Influx, Csv, Jsonl };

struct Connection {
  std::string name;
  Place place;
  ConnectionKind kind = ConnectionKind::Mqtt;
  bool takes_input() const { return kind == ConnectionKind::Mqtt; }

  // Mqtt
  std::string host;
  std::uint16_t port = 1883;
  bool tls = false;
  std::filesystem::path cert_file;
  std::filesystem::path key_file;
  std::string client_id;  // made from the device's name when not given
  std::chrono::seconds keepalive{30};
  std::vector<std::string> subscribe;  // filters to subscribe instead of one subscription per sensor
  std::string status;  // where the broker keeps whether the device is there; may hold {device}; or empty
  std::string online = "online", offline = "offline";  // what it keeps there

  // Mqtt and Influx
  std::string username;
  std::filesystem::path password_file;  // this and those below: empty when not given
  std::filesystem::path ca_file;        // the system's authorities when not given

  // Influx: a database (1.x), or a bucket of an organization (2.x) with a token
  std::string url;  // http(s)://HOST:PORT
  std::string database, bucket, org;
  std::filesystem::path token_file;

  // Csv and Jsonl: a folder, in which each output has a file of its name
  std::filesystem::path folder;
  std::uint64_t max_bytes = 16u << 20;  // a file that has grown so large is followed by a new one
  std::uint32_t max_files = 10;         // of each output, the one at work included; the oldest is removed
};

enum class TimeUnit { Recognised, Seconds, Milliseconds, Microseconds, Nanoseconds };

// A deterministic, temperature-like signal in the sensor's unit: base + drift (a slow wave) + noise, and from time to
// time an excursion to a value beyond a limit and back.
struct Simulation {
  Written base{"20", {}};
  Written noise{"0", {}};  // a difference: standard deviation
  Written drift{"0", {}};  // a difference: amplitude of the slow wave
  std::optional<Written> excursion;
  std::chrono::nanoseconds excursion_every = std::chrono::seconds(30);
  std::chrono::nanoseconds excursion_for = std::chrono::seconds(3);
  std::chrono::nanoseconds period = std::chrono::milliseconds(100);
  std::uint64_t seed = 1;
};

// How the elements of an array stand in a payload.
enum class Encoding {
  ByType,  // bytes as they are, in a document as hexadecimal digits; other elements as a JSON list
  Hex,
  Base64,
  LittleEndian,
  BigEndian,
};
std::string_view name(Encoding encoding);  // "little-endian"

// What all sensors of one [sensor."…"] table have in common.
struct SensorSettings {
  std::string written;  // the name as written, with its pattern
  Place place;
  Written from;  // a connection, "simulate" or "replay"; of a pin its chip's endpoint
  std::optional<PinSettings> pin;
  std::string topic;  // may hold {name} and {device}; may be a filter with + and #
  std::string field;  // JSON pointer into the payload; empty: the payload itself is the value
  std::string unit;   // the unit that payloads are in; empty: none
  Place unit_place;
  double scale = 1, offset = 0;  // raw * scale + offset is in `unit`
  Place scale_place;
  Encoding encoding = Encoding::ByType;
  std::string time;  // JSON pointer to the event's time; empty: the time of arrival
  TimeUnit time_unit = TimeUnit::Recognised;
  int qos = 0;
  Simulation simulation;
  std::filesystem::path file;                               // of a replay; a folder: its files, one after the other …
  std::chrono::nanoseconds every{std::chrono::seconds(1)};  // … as far apart
  double speed = 1.0;  // of a replay: 10 is ten times as fast, 0 is as fast as it can be handled
};

struct Sensor {
  std::string name;
  std::uint32_t settings;  // index into Site::sensor_settings
};

using vm::OutputKind;
enum class Combine { No, Any, All };
// What a switch that handlers write becomes at a start; one that alarms drive always follows them.
enum class Restart {
  AfterCleanStop,  // what it was, when the last run ended in order, else `safe`
  Restore,         // what it was
  Safe,
};
enum class PayloadFormat { Text, Json };

// What all outputs of one [switch."…"], [value."…"] or [log."…"] table have in common.
struct OutputSettings {
  OutputKind kind;
  std::string written;
  Place place;
  Written to;  // a connection, "console", or "none" (logs only: rows are counted, not kept); a chip's endpoint
  std::optional<PinSettings> pin;  // switches only
  std::string topic;               // may hold {name} and {device}
  PayloadFormat format = PayloadFormat::Text;
  int qos = 1;
  bool retain = false;
  bool safe = false;                          // switches: what it becomes when its task faults, stops or is removed
  Combine combine = Combine::No;              // switches: how the wishes of several instances become one state
  Restart restart = Restart::AfterCleanStop;  // switches
  std::optional<std::chrono::nanoseconds> keep{};  // logs: rows are kept for queries, at least so long
  bool sync = false;                               // logs: rows that wish so go to the far side of [cloud]
  std::string on_text = "on";                      // switches: payloads
  std::string off_text = "off";
  std::string unit;  // values: the unit to publish in; empty: as the task declares
  Place unit_place;
};

struct Output {
  std::string name;
  std::uint32_t settings;  // index into Site::output_settings
};

// [model.NAME]: an inference model and the program that computes it (docs/models.md).
struct ModelSettings {
  std::string name;
  Place place;
  std::filesystem::path file;
  std::string sha256;                // of the file: 64 digits
  std::vector<std::string> command;  // what is started, with the file behind it
  std::chrono::nanoseconds timeout{};
  std::optional<std::uint64_t> memory_bytes{};  // the most that its process may take
};

// Where alarm transitions are told, and where people's commands come from.
struct AlarmSettings {
  Written to{"console", {}};  // a connection, "console" or "none"
  std::string topic;          // may hold {name} (of the alarm's instance), {alarm} and {device}
  std::string commands;       // the topic of the same connection for what operators do; empty: nobody does
  std::string answers;        // and the topic for what became of it; empty: only the log says it
  int qos = 1;
  bool retain = false;
};

// [storage]: what the device keeps over a power cut. Without it everything is in memory only.
struct StorageSettings {
  Place place;
  std::filesystem::path folder;
  std::filesystem::path key_file;                             // the device's secret; empty: in the folder
  std::chrono::nanoseconds commit = std::chrono::seconds(1);  // the most that a power cut costs
  std::uint64_t history_bytes = 1u << 30;                     // of rows kept for queries
  std::uint64_t outbox_bytes = 256u << 20;                    // of rows that wait for the far side
  std::uint64_t reserve_bytes = 4u << 20;                     // of disk, held back for state on a full one
  std::uint64_t memory_bytes = 1u << 20;                      // of rows on their way to the disk
  bool drop_new = false;  // when there is no room: new rows are dropped instead of the oldest
};

// [cloud]: where rows go to.
struct CloudSettings {
  Place place;
  HttpUrl url;
  std::string shown;                                   // the URL as written
  std::filesystem::path ca_file, cert_file, key_file;  // empty when not given
  std::chrono::nanoseconds every = std::chrono::seconds(5);
  std::size_t batch_rows = 1000;  // so many go at once, without waiting for the time
  bool status_is_enough = false;  // a status of success acknowledges a batch, whatever the answer says
  bool compress = true;
};

struct Binding {
  std::string need;  // an input, output or param of the task
  Written value;     // may hold {input} of `each`
  Place place;
};

struct Run {
  Place place;
  Written bundle;                     // as written
  std::filesystem::path bundle_path;  // relative to the site file's folder
  std::optional<Binding> each;        // need: the input; value: a glob over sensor names
  std::vector<Binding> bind;
  std::vector<Binding> param;
};

enum class TierChoice : std::uint8_t { Baseline, Interpreter };

struct Site {
  std::string file;  // for messages
  std::string device = "device";
  std::vector<std::filesystem::path> trusted_keys;
  Place trusted_keys_place;
  unsigned workers = 0;                       // 0: one per core, at most 4
  std::shared_ptr<const TimeZone> time_zone;  // of tasks' times of day; null: UTC
  bool battery_clock = false;                 // the clock is right at the start, whether the network said so yet or not
  TierChoice tier = TierChoice::Baseline;
  bool blind_constants = false;  // numbers of tasks do not stand as such in machine code
  std::vector<Connection> connections;
  std::vector<SensorSettings> sensor_settings;
  std::vector<Sensor> sensors;
  std::vector<OutputSettings> output_settings;
  std::vector<Output> outputs;  // names are unique per kind
  std::vector<ModelSettings> models;
  AlarmSettings alarms;
  std::optional<StorageSettings> storage;
  std::optional<CloudSettings> cloud;
  std::vector<Run> runs;

  const Connection* connection(std::string_view name) const;
  const Sensor* sensor(std::string_view name) const;
  const Output* output(OutputKind kind, std::string_view name) const;
  const SensorSettings& settings(const Sensor& sensor) const { return sensor_settings[sensor.settings]; }
  const OutputSettings& settings(const Output& output) const { return output_settings[output.settings]; }
};

std::string_view name_of(OutputKind kind);  // "switch", "value", "log"

// Several mistakes give several lines in one Error, each "FILE:LINE:COLUMN: what was found; what to write".
Result<Site> load_site(const std::filesystem::path& path);

// `file` is for messages; relative paths in the text are taken from `folder`.
Result<Site> parse_site(std::string_view text, std::string file, const std::filesystem::path& folder);

}  // namespace eyeflow::runtime
