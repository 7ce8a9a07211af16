#include "runtime/host/timers.h"

#include <limits>

namespace eyeflow::runtime {

Timers::Timers(std::size_t actors) : position_(actors, kAbsent) { heap_.reserve(actors); }

bool Timers::enter(std::uint32_t actor, vm::TimeNs at) {
  const std::lock_guard lock(mutex_);
  std::size_t i = position_[actor];
  if (i == kAbsent) {
    i = heap_.size();
    heap_.push_back({at, actor});
  } else if (heap_[i].at <= at) {
    return false;
  }
  up(i, {at, actor});
  return position_[actor] == 0;
}

bool Timers::take_due(vm::TimeNs now, std::uint32_t& actor) {
  const std::lock_guard lock(mutex_);
  if (heap_.empty() || heap_.front().at > now) return false;
  actor = heap_.front().actor;
  position_[actor] = kAbsent;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) down(0, last);
  return true;
}

vm::TimeNs Timers::next() const {
  const std::lock_guard lock(mutex_);
  return heap_.empty() ? std::numeric_limits<vm::TimeNs>::max() : heap_.front().at;
}

void Timers::place(std::size_t i, Entry entry) {
  heap_[i] = entry;
  position_[entry.actor] = static_cast<std::uint32_t>(i);
}

void Timers::up(std::size_t i, Entry entry) {
  while (i > 0 && heap_[(i - 1) / 2].at > entry.at) {
    place(i, heap_[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place(i, entry);
}

void Timers::down(std::size_t i, Entry entry) {
  for (;;) {
    std::size_t child = 2 * i + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (heap_[child].at >= entry.at) break;
    place(i, heap_[child]);
    i = child;
  }
  place(i, entry);
}

}  // namespace eyeflow::runtime
