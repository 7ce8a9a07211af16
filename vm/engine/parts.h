#pragma once

#include <new>

#include "vm/base/check.h"
#include "vm/engine/plan.h"

// The memory behind Worker and Instance, shared by the engine's own files.
namespace eyeflow::vm {

inline Word load(const std::byte* place) {
  Word word;
  std::memcpy(&word, place, sizeof word);
  return word;
}
inline void store(std::byte* place, Word word) { std::memcpy(place, &word, sizeof word); }

// Buffers only grow, and only in serve(). The output buffer holds the rows of handlers, the texts of alarms and the
// values of driven switches: all that the effects of a call point to.
struct WorkerBuffers {
  std::uint64_t plan_id = 0;  // that `context` is set up for
  Context context;
  Journal journal;
  OutputBuffer output;  // the running handler's share of `bytes`

  std::vector<Word> registers, saved;  // saved: state scalars at a handler's entry
  std::vector<CallRecord> calls;
  std::vector<std::byte> scratch;  // zero between runs
  std::vector<std::uint64_t> seen_lines;
  std::vector<std::uint32_t> line_numbers;
  std::vector<std::byte> saved_lines;
  std::vector<std::uint64_t> alarm_set, again_set, done_set;  // one bit an alarm; clear between instants

  std::vector<std::byte> bytes;
  std::vector<Effect> effects;
  std::vector<Fault> faults;
  std::uint32_t bytes_used = 0, effect_count = 0, fault_count = 0;
  std::uint64_t fuel_used = 0;

  void serve(const Plan& plan);
  void set_up(const Plan& plan);  // the context, for a program that is not the last one's
  void begin_call() { bytes_used = effect_count = fault_count = 0, fuel_used = 0; }
  bool has_room(const Need& need) const {
    return effects.size() - effect_count >= need.effects && bytes.size() - bytes_used >= need.bytes &&
           faults.size() - fault_count >= need.faults;
  }
};

struct AlarmState {
  TimeNs since = kNever;  // with a delay: since when its condition holds; kNever: it does not
  std::int64_t raised = 0;
  bool active = false;
};

struct OutputState {
  Word value = 0;             // switches and scalar values
  bool known = false;         // it was set at least once
  std::uint16_t drivers = 0;  // alarms that stand and drive it
};

// One allocation: this, the arrays, then the images of Param, Input and State.
struct InstanceMemory {
  const Program* program = nullptr;
  const Plan* plan = nullptr;
  TimeNs now = 0;
  std::uint64_t missed_periods = 0;
  std::uint32_t size_bytes = 0;
  bool started = false;
  TimeNs* deadlines = nullptr;  // of timers, stale inputs, delayed alarms, the poll
  AlarmState* alarms = nullptr;
  OutputState* outputs = nullptr;
  std::byte *param = nullptr, *input = nullptr, *state = nullptr;

  static std::unique_ptr<InstanceMemory> make(const Program& program);
  static void operator delete(void* memory) { ::operator delete(memory); }
};

}  // namespace eyeflow::vm
