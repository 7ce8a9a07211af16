#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/host/histogram.h"
#include "runtime/payload/decoder.h"
#include "runtime/storage/store.h"
#include "runtime/sync/uploader.h"
#include "vm/module/module.h"

// What a host tells about itself: a plain copy, made on request, for screens, metrics and tests. Counts are since the
// start.
namespace eyeflow::runtime {

// One alarm going up or coming down.
struct AlarmTransition {
  vm::TimeNs time = 0;   // since 1970, on the host's clock
  std::string instance;  // "monitor_t1/T5"
  std::string alarm;     // "hot"
  std::string text;      // filled in; empty when it cleared
  vm::Priority priority = vm::Priority::Medium;
  bool raised = false;  // false: cleared
};

struct TaskStats {
  std::string task;    // "monitor_t1"
  std::string bundle;  // as the site names it
  std::uint32_t instances = 0;
  std::uint64_t readings = 0;          // delivered to handlers
  std::uint64_t traps = 0;             // handlers and conditions that stopped before their end
  std::uint64_t deadlines_missed = 0;  // of `within`
  std::uint64_t readings_dropped = 0;  // by full queues
};

struct ConnectionStats {
  std::string name;
  bool up = false;
  std::string detail;     // the last thing it said
  std::uint64_t ups = 0;  // how often it came up
};

struct HostStats {
  std::chrono::nanoseconds uptime{};
  vm::TimeNs now = 0;  // on the host's clock

  std::uint64_t arrivals = 0;      // payloads for sensors of this site
  std::uint64_t readings = 0;      // good ones, delivered to an instance (once for each that has the sensor bound)
  double readings_per_second = 0;  // over the last full second

  // Everything that came in and led to nothing.
  std::array<std::uint64_t, kBadReadingCount> bad{};  // by BadReading
  std::uint64_t bad_total = 0;
  std::uint64_t unknown = 0;         // topics and names of no sensor
  std::uint64_t bad_rows = 0;        // of replays
  std::uint64_t unbound = 0;         // for a sensor that no running task has bound
  std::uint64_t queue_drops = 0;     // readings, by the policy that the task declared
  std::uint64_t sink_drops = 0;      // messages that a sink could not hold any longer
  std::uint64_t from_future = 0;     // times that were ahead and set to now (the reading itself was taken)
  std::uint64_t texts_cut = 0;       // formatted texts that did not fit
  std::uint64_t missed_periods = 0;  // of `every`, while the machine was asleep

  std::uint64_t windows_skipped = 0;   // they had too large gaps
  std::uint64_t readings_late = 0;     // their windows had been closed before they came
  std::uint64_t alarms_held_back = 0;  // raised within a flood and not told at once

  std::uint64_t traps = 0;
  std::uint64_t deadlines_missed = 0;

  // What went out.
  std::uint64_t switch_changes = 0;
  std::uint64_t values = 0;
  std::uint64_t rows = 0;
  std::uint64_t rows_too_long = 0;    // of more than kMaxRowBytes: not kept
  std::uint64_t rows_not_kept = 0;    // that the site wants kept or sent, while there is nothing to keep them in
  std::uint64_t alarms_recalled = 0;  // that stood at the last run's end; they are neither told nor counted as raised
  std::uint64_t alarms_raised = 0;
  std::uint64_t alarms_cleared = 0;
  std::uint64_t alarms_active = 0;  // standing now

  std::vector<AlarmTransition> transitions;  // the last kTransitionsKept, oldest first

  Percentiles reading_latency;  // from a reading's arrival to the end of its handling, outputs handed to sinks
  Percentiles alarm_latency;    // the same, of those readings that raised an alarm

  std::uint64_t resident_bytes = 0;  // of the process
  std::uint64_t instance_bytes = 0;  // of all instances' memory together

  std::vector<TaskStats> tasks;
  std::vector<ConnectionStats> connections;
  std::optional<StoreStats> storage;  // nothing: all is in memory only
  std::optional<UploadStats> cloud;
};

inline constexpr std::size_t kTransitionsKept = 256;

}  // namespace eyeflow::runtime
