#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "runtime/host/clock.h"
#include "runtime/host/counters.h"
#include "runtime/host/keeper.h"
#include "runtime/host/model_process.h"
#include "runtime/host/outputs.h"
#include "runtime/payload/command.h"
#include "vm/engine/engine.h"

namespace eyeflow::runtime {

// What the host derives from a module once, shared by its instances.
struct TaskInfo {
  const vm::Program* program;
  TaskCounters counters;
  std::vector<std::uint64_t> reading_fuel;  // by input: the most that one reading can cost
  std::uint64_t timer_fuel = 0;             // the most that one instant of timers can cost
  std::uint64_t most_fuel = 0;              // of those: nothing that happens to it costs more
  bool has_stop = false;                    // it has handlers for its end
  bool has_windows = false;                 // likewise

  explicit TaskInfo(const vm::Program& program);
};

// The time of a reading that does not say how old it is: it is taken, but is no sign of life. Its input's time stays,
// so that `stale` comes when it would have come without it.
inline constexpr vm::TimeNs kAgeUnknown = std::numeric_limits<vm::TimeNs>::min();

// A reading on its way to a handler.
struct Reading {
  vm::InputId input{};
  vm::Word value = 0;
  std::string_view bytes{};  // of what is no scalar: a text, or elements
  vm::TimeNs event_time = 0;
  SteadyTime arrived{};
  bool may_wait = false;  // its source would rather wait than have something dropped
  bool is_bad = false;    // nothing that could be decoded; only for inputs that take such
};

// The readings that wait while an instance is busy, in their order of arrival. Bounded for each input, with the policy
// that the task declared; no allocation after its construction. Guarded by its actor's mutex.
class ReadingQueue {
 public:
  static constexpr std::uint32_t kDefaultDepth = 16;
  static constexpr std::uint32_t kDeepest = 4096;
  static constexpr std::size_t kMostBytes = 1u << 20;  // that wait for an input, unless it declares how many may wait

  explicit ReadingQueue(const vm::Module& module);

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  bool has_room(vm::InputId input) const { return inputs_[vm::index(input)].waiting < inputs_[vm::index(input)].depth; }
  // False when a reading was dropped: this one, or the oldest of its input.
  bool push(const Reading& reading);
  // The oldest; its bytes are copied into `bytes`.
  Reading pop(std::vector<char>& bytes);
  std::size_t clear();  // how many there were

 private:
  struct Slot {
    Reading reading;
    std::uint32_t size_bytes = 0;
    std::uint32_t place = 0;  // of its bytes, among those of its input
  };
  // What is no scalar has room of its own for each reading that may wait.
  struct PerInput {
    std::uint32_t depth, waiting = 0;
    bool drop_oldest;
    std::size_t stride = 0, first = 0;  // bytes of each, and where they begin in bytes_
    std::vector<std::uint32_t> free{};  // places
  };
  Slot& at(std::size_t i) { return slots_[(head_ + i) % slots_.size()]; }
  char* bytes_of(const Slot& slot) {
    const PerInput& input = inputs_[vm::index(slot.reading.input)];
    return bytes_.data() + input.first + slot.place * input.stride;
  }
  void remove(std::size_t i);

  std::vector<PerInput> inputs_;
  std::vector<Slot> slots_;
  std::vector<char> bytes_;
  std::size_t head_ = 0, size_ = 0;
};

inline constexpr vm::TimeNs kNever = std::numeric_limits<vm::TimeNs>::max();

// An instance with its mailbox. Whoever sets `state` to Running runs it, alone.
struct Actor {
  enum class State : std::uint8_t { Idle, Running, Scheduled };

  Actor(std::uint32_t number, TaskInfo& task, const Deployment::Instance& planned);

  std::uint32_t number;
  TaskInfo& task;
  std::unique_ptr<ModelTable> models;  // before the instance that asks them; null: it has none
  vm::Instance instance;               // of whoever is Running
  OutputWriter writer;                 // likewise
  std::unique_ptr<Keepsake> kept;      // likewise; null: nothing of it is kept
  std::mutex mutex;                    // of those below
  std::uint64_t skipped_before = 0, late_before = 0, held_back_before = 0;  // of whoever is Running: what is counted
  State state = State::Idle;
  bool timer_due = false, keep_due = false;
  bool is_listed = false;  // it stands in the pool's list, maybe though somebody else has run it meanwhile
  ReadingQueue queue;
  std::vector<AlarmCommand> commands;         // guarded by the mutex, too; they come before readings that wait
  std::atomic<vm::TimeNs> deadline = kNever;  // what the instance waits for next
  std::atomic<vm::TimeNs> entered = kNever;   // at most the time that it stands with in the timers
};

}  // namespace eyeflow::runtime
