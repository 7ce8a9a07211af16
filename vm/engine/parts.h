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
  std::uint64_t plan_id = 0;                     // that `context` is set up for
  std::atomic<std::uint64_t>* called = nullptr;  // how often each of its functions was, by this worker
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
  std::vector<std::uint16_t> due;                             // handlers of the instant at hand

  std::vector<std::pair<std::uint64_t, CallCounts*>> counts;  // of each plan that is served, by its id

  std::vector<std::byte> bytes;
  std::vector<Effect> effects;
  std::vector<Fault> faults;
  std::uint32_t effect_room = 0;  // effects.size()
  std::uint32_t bytes_used = 0, effect_count = 0, fault_count = 0;
  std::uint64_t fuel_used = 0;
  TimeNs declared_within = 0;  // see Worker

  void serve(const Plan& plan);
  void set_up(const Plan& plan);  // the context, for a program that is not the last one's
  void begin_call() { bytes_used = effect_count = fault_count = 0, fuel_used = 0, declared_within = 0; }
  bool has_room(const Need& need) const {
    return effects.size() - effect_count >= need.effects && bytes.size() - bytes_used >= need.bytes &&
           faults.size() - fault_count >= need.faults;
  }
};

struct AlarmState {
  TimeNs since = kNever;  // with a delay: since when its condition holds; kNever: it does not
  std::int64_t raised = 0;
  TimeNs shelved_until = 0;  // 0: it is not shelved
  TimeNs remind_at = kNever;
  TimeNs began = 0, ended = 0;  // of `when`, for who asks why
  bool active = false;
  bool acknowledged = true;
  bool told = false;          // it stands, and that was told
  bool over = false;          // it latches, and stands only because nobody has acknowledged it
  bool has_readings = false;  // each input that it needs had one: that stays so
  bool looked_at = false, holds = false;
  bool has_held = false, has_not_held = false;
  Trap trap = Trap::None;
};

struct OutputState {
  Word value = 0;             // switches and scalar values
  bool known = false;         // it was set at least once
  std::uint16_t drivers = 0;  // alarms that stand and drive it
};

// By time, places are numbered through: place n holds the reading of the n-th part of the time since `origin`.
struct WindowState {
  bool open = false;           // there was a reading
  TimeNs origin = 0;           // where place 0 begins
  TimeNs phase = 0;            // where in its part of the time a reading usually stands
  TimeNs newest = 0;           // the latest reading's own time …
  std::int64_t newest_at = 0;  // … its place …
  TimeNs heard = 0;            // … and when it came
  std::int64_t first_at = 0;   // the place of the first reading
  std::int64_t end = 0;    // by time: the place behind the next window to close; by count: how many readings it ends at
  TimeNs end_time = 0;     // by time: where that begins
  std::int64_t count = 0;  // by count: readings so far
  std::uint32_t strays = 0;  // readings in a row that are older than all that is kept
  std::uint64_t skipped = 0, late = 0;
};

// Whether a window's numbers fit each other and its shape; then its end's time is set.
bool take_places(const WindowPlan& plan, WindowState& window);
// When a window by time closes next.
TimeNs window_deadline(const WindowPlan& plan, WindowState& window);

// What the condition that an alarm or a condition of a handler is asked for says as long as nothing happens: it is
// looked at fully, or only `when` or `clear` is asked, and nothing is done if it says this.
enum class Rest : std::uint8_t { None, WhenFalse, WhenTrue, ClearFalse };
inline QuickCondition::Says says_at(Rest rest) {
  return rest == Rest::WhenTrue ? QuickCondition::Yes : QuickCondition::No;
}

// One allocation: this, what few events need, then deadlines, rests and the images. Many instances that are each looked
// at now and then are the usual case, so that an event should touch few cache lines: the first one here, that of the
// deadlines, those of Input.
struct InstanceMemory {
  static constexpr std::size_t kAlignment = 64;

  const Plan* plan = nullptr;
  TimeNs now = 0;
  TimeNs* deadlines = nullptr;  // of timers, times of day, stale inputs, delays, the poll, windows, alarms
  std::byte *param = nullptr, *input = nullptr, *state = nullptr;
  ModelHost* model_host = nullptr;
  bool started = false;
  std::uint32_t size_bytes = 0;
  // From here on what is needed now and then.
  AlarmState* alarms = nullptr;
  OutputState* outputs = nullptr;
  std::uint64_t missed_periods = 0;
  const Program* program = nullptr;
  WindowState* windows = nullptr;
  std::byte* window = nullptr;
  Word* seen = nullptr;       // see AlarmPlan::seen
  TimeNs* told_at = nullptr;  // the latest raised alarms that were told, a ring of kFloodAlarms; kNever: fewer
  std::uint32_t next_told = 0;
  std::uint64_t held_back = 0;

  Rest* rests() const { return reinterpret_cast<Rest*>(deadlines + plan->deadline_count); }  // by alarm

  static std::unique_ptr<InstanceMemory> make(const Program& program);
  static void operator delete(void* memory) { ::operator delete(memory, std::align_val_t{kAlignment}); }
};

}  // namespace eyeflow::vm
