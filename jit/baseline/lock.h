#pragma once

#include <atomic>

namespace eyeflow::jit {

// Held for as long as it lives. For what is rare and short: a waiter sleeps.
class Lock {
 public:
  explicit Lock(std::atomic_flag& taken) : taken_(taken) {
    while (taken_.test_and_set(std::memory_order_acquire)) taken_.wait(true, std::memory_order_relaxed);
  }
  ~Lock() {
    taken_.clear(std::memory_order_release);
    taken_.notify_one();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  std::atomic_flag& taken_;
};

}  // namespace eyeflow::jit
