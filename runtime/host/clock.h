#pragma once

#include <chrono>

#include "vm/module/module.h"

namespace eyeflow::runtime {

using SteadyTime = std::chrono::steady_clock::time_point;

// The time of day that tasks see: the system's at the start, carried on by the monotonic clock. A clock that is set
// later (by hand, by NTP) would let timers fire all at once, or not for hours; the host says so and stays with its own.
class HostClock {
 public:
  HostClock() : steady_(std::chrono::steady_clock::now()), wall_(wall()) {}

  vm::TimeNs at(SteadyTime time) const { return wall_ + std::chrono::nanoseconds(time - steady_).count(); }
  vm::TimeNs now() const { return at(std::chrono::steady_clock::now()); }
  SteadyTime steady_at(vm::TimeNs time) const { return steady_ + std::chrono::nanoseconds(time - wall_); }
  SteadyTime start() const { return steady_; }

  // How far the system's clock is ahead of ours by now.
  std::chrono::nanoseconds drift() const { return std::chrono::nanoseconds(wall() - now()); }

 private:
  static vm::TimeNs wall() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  SteadyTime steady_;
  vm::TimeNs wall_;
};

}  // namespace eyeflow::runtime
