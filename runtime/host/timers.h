#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "vm/module/module.h"

namespace eyeflow::runtime {

// When each actor is due next: one heap, one entry an actor at most, no allocation after its construction. Any thread.
//
// A deadline that moves away (each reading puts `stale` off) is not told here: the heap keeps the earlier time, the
// actor is found not to be due when it comes, and is entered again with what it then waits for.
class Timers {
 public:
  explicit Timers(std::size_t actors);

  // Enters the actor at `at`, unless it stands there with an earlier time. True when it became the first of all.
  bool enter(std::uint32_t actor, vm::TimeNs at);

  // Takes out one that is due by `now`; false when none is.
  bool take_due(vm::TimeNs now, std::uint32_t& actor);

  // The first one's time; the largest TimeNs when there is none.
  vm::TimeNs next() const;

 private:
  static constexpr std::uint32_t kAbsent = 0xFFFFFFFF;
  struct Entry {
    vm::TimeNs at;
    std::uint32_t actor;
  };
  void place(std::size_t i, Entry entry);
  void up(std::size_t i, Entry entry);
  void down(std::size_t i, Entry entry);

  mutable std::mutex mutex_;
  std::vector<Entry> heap_;
  std::vector<std::uint32_t> position_;  // by actor
};

}  // namespace eyeflow::runtime
