#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "vm/module/module.h"

namespace eyeflow::runtime {

using SteadyTime = std::chrono::steady_clock::time_point;

// The time of day that tasks see: the system's at the start, carried on by the monotonic clock. A clock that is set
// later (by hand, by NTP) would let timers fire all at once, or not for hours; the host says so and stays with its own.
// Only one that was never right before is taken over, by a new start of everything (is_put_right).
class HostClock {
 public:
  // Where the time of day comes from, and whether it is known to be right.
  struct Source {
    std::function<vm::TimeNs()> wall = system_time;
    std::function<bool()> is_synchronised = kernel_is_synchronised;
  };

  HostClock() : HostClock(Source{}) {}
  explicit HostClock(Source source)
      : source_(std::move(source)), steady_(std::chrono::steady_clock::now()), wall_(source_.wall()) {}

  vm::TimeNs at(SteadyTime time) const { return wall_ + std::chrono::nanoseconds(time - steady_).count(); }
  vm::TimeNs now() const { return at(std::chrono::steady_clock::now()); }
  SteadyTime steady_at(vm::TimeNs time) const { return steady_ + std::chrono::nanoseconds(time - wall_); }
  SteadyTime start() const { return steady_; }

  // How far the system's clock is ahead of ours by now.
  std::chrono::nanoseconds drift() const { return std::chrono::nanoseconds(source_.wall() - now()); }

  // Somebody who knows has set the system's clock, and ours agrees with it.
  bool is_believed() const {
    const auto ahead = drift();
    return source_.is_synchronised() && ahead < std::chrono::seconds(1) && ahead > std::chrono::seconds(-1);
  }

  // To be asked now and then, by one thread: the system's clock, which was never to be believed since the start, is
  // now, and ours is another one.
  bool is_put_right() {
    if (!was_believed_) was_believed_ = is_believed();
    return !was_believed_ && source_.is_synchronised();
  }

 private:
  static vm::TimeNs system_time();
  static bool kernel_is_synchronised();

  Source source_;
  SteadyTime steady_;
  vm::TimeNs wall_;
  bool was_believed_ = false;
};

}  // namespace eyeflow::runtime
