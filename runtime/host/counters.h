#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "runtime/host/histogram.h"
#include "runtime/host/log.h"
#include "runtime/payload/decoder.h"

namespace eyeflow::runtime {

using Count = std::atomic<std::uint64_t>;
inline void add(Count& count, std::uint64_t n = 1) { count.fetch_add(n, std::memory_order_relaxed); }
inline std::uint64_t value(const Count& count) { return count.load(std::memory_order_relaxed); }

// What HostStats is made from; any thread adds. The rate limits stand beside what they speak of.
struct Counters {
  Count arrivals = 0, readings = 0, unknown = 0, bad_rows = 0, unbound = 0, queue_drops = 0, from_future = 0,
        texts_cut = 0;
  std::array<Count, kBadReadingCount> bad{};
  Count traps = 0, deadlines_missed = 0, missed_periods = 0;
  Count windows_skipped = 0, readings_late = 0, alarms_held_back = 0;
  Count switch_changes = 0, values = 0, rows = 0, rows_too_long = 0, rows_not_kept = 0, alarms_raised = 0,
        alarms_cleared = 0, alarms_recalled = 0;
  Histogram reading_latency, alarm_latency;

  std::array<RateLimit, kBadReadingCount> bad_log;
  RateLimit unknown_log, bad_row_log, unbound_log, drop_log, future_log, trap_log, deadline_log;
};

// Tells how many of each kind were held back by the rate limits: those of a burst that is over, or `all`.
void tell_held_back(Counters& counters, bool all);

struct TaskCounters {
  Count readings = 0, traps = 0, deadlines_missed = 0, dropped = 0;
};

}  // namespace eyeflow::runtime
