#include "runtime/host/clock.h"

#include <sys/timex.h>

namespace eyeflow::runtime {

vm::TimeNs HostClock::system_time() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The kernel says so once a time service has set it, and no longer once nobody has for hours.
bool HostClock::kernel_is_synchronised() {
  timex status{};
  return adjtimex(&status) != TIME_ERROR && (status.status & STA_UNSYNC) == 0;
}

}  // namespace eyeflow::runtime
