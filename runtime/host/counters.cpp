#include "runtime/host/counters.h"

namespace eyeflow::runtime {

void tell_held_back(Counters& counters, bool all) {
  const auto tell = [&](RateLimit& limit, std::string_view what) {
    if (const auto held_back = limit.take_held_back(all); held_back > 0) log()->warn("{} more: {}", held_back, what);
  };
  for (std::size_t i = 0; i < kBadReadingCount; ++i) {
    const auto reason = describe(static_cast<BadReading>(i));
    if (const auto held_back = counters.bad_log[i].take_held_back(all); held_back > 0) {
      log()->warn("{} more: bad readings: {}", held_back, reason);
    }
  }
  tell(counters.unknown_log, "for no sensor of this site");
  tell(counters.bad_row_log, "bad rows of replays");
  tell(counters.unbound_log, "readings of sensors that no running task has bound");
  tell(counters.drop_log, "readings dropped by full queues");
  tell(counters.future_log, "times ahead of this device's clock, set to now");
  tell(counters.trap_log, "faults of handlers and conditions");
  tell(counters.deadline_log, "missed deadlines");
}

}  // namespace eyeflow::runtime
