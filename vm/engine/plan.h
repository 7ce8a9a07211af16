#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "vm/engine/engine.h"
#include "vm/engine/quick.h"

// All that an event needs to know of its program, found once at load: offsets instead of slots, and for each trigger
// the alarms that it can change, so that no event looks at all of them.
namespace eyeflow::vm {

inline constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
inline constexpr TimeNs kNever = INT64_MAX;
inline constexpr TimeNs kPollPeriod = 1'000'000'000;

// Alarms by their numbers, and behind them the conditions of handlers: they are looked at, held and cleared like
// alarms, but run their handler instead of being told.
using AlarmIndex = std::uint16_t;
using AlarmList = std::vector<AlarmIndex>;  // ascending: the order of declaration

struct FunctionPlan {
  FunctionId id = kNoFunction;
  bool metered = false;
  bool uses_scratch = false;
  std::uint64_t fuel = 0;  // charged when not metered
};

struct HandlerPlan {
  FunctionPlan function;
  const std::uint32_t* stores = nullptr;  // state scalars, saved at entry
  std::uint32_t store_count = 0;
  std::uint32_t output_bytes = 0;  // its share of the output buffer
  std::uint32_t most_rows = 0;
  TimeNs time = 0;    // Every: its period; TimeOfDay: since midnight
  TimeNs within = 0;  // its deadline; 0: none
  AlarmList after;    // alarms and conditions that its stores may change; not of Input handlers, whose inputs have it
};

inline constexpr std::uint16_t kNoHandler = 0xFFFF;

// What is kept for a window, and where: places of the instance's window memory and of Input.
struct WindowPlan {
  Window shape;
  std::uint16_t handler = kNoHandler;
  std::uint16_t input = 0;
  Scalar element = Scalar::F64;
  std::uint32_t value_bytes = 8;
  std::int64_t capacity = 0;
  std::uint32_t ring = 0;             // the readings, one after the other
  std::uint32_t marks = 0;            // by time: a bit for each place that is taken; by count: the readings' times
  std::uint32_t deadline = kNowhere;  // by time
  std::uint32_t values = kNowhere;    // in Input, like those below; kNowhere: the module has no slot
  std::uint32_t start, end, count;
};

struct InputPlan {
  std::uint32_t value, time, ready, bad;  // offsets in Input
  bool takes_bad = false;
  Type type;
  TimeNs stale_after = 0;
  std::uint32_t stale_deadline = kNowhere;  // index in the instance's deadlines; none: no alarm looks
  std::vector<std::uint16_t> handlers;      // in Plan::handlers
  std::vector<std::uint16_t> windows;       // in Plan::windows
  std::vector<std::uint16_t> on_stale;      // handlers
  AlarmList before, after;                  // the handlers
  AlarmList conditions;                     // looked at directly behind the handlers
  bool has_more = false;                    // conditions, windows, or alarms after the handlers
  AlarmList stale;                          // those that look at the reading's time
};

struct ConditionPlan {
  FunctionPlan function;
  bool is_quick = false;
  QuickCondition quick;
};

struct AlarmPlan {
  ConditionPlan when, clear;
  FunctionPlan text;
  bool has_clear = false;
  bool is_plain = false;  // without delays, with quick conditions only
  TimeNs when_for = 0, clear_for = 0, remind = 0;
  bool latch = false, urgent = false;                   // urgent: never held back
  std::uint16_t handler = kNoHandler;                   // of a condition
  std::uint32_t active, raised, acknowledged, shelved;  // offsets in Input
  std::uint32_t delay = kNowhere;                       // index in the deadlines; only with a delay
  std::uint32_t text_room = 0;                          // bytes in the output buffer, the fallback text included
  std::vector<std::uint32_t> needs;                     // offsets of `ready` flags in Input
  // For who asks why: the scalar readings among them, and where those are kept: two words each, as the condition held
  // last and as it did not.
  std::vector<std::uint16_t> seen_inputs;
  std::uint32_t seen = 0;
  std::vector<std::uint16_t> drives;
  AlarmList dependents;  // alarms whose conditions read this one
};

struct OutputPlan {
  OutputKind kind;
  bool driven, has_initial, is_scalar;
  Word initial;
  std::uint32_t last;   // offset in Input
  std::uint32_t count;  // likewise; kNowhere: the module does not look at it
  Type last_type;       // of what is no scalar and is looked at
};

// What one call needs at most of the worker's buffers.
struct Need {
  std::uint32_t effects = 0, bytes = 0, faults = 0;
};

// One thing in a snapshot. The numbers are part of the format: append only.
enum class SnapshotKind : std::uint8_t { State, Input, Alarm, Output, Timer, Poll, Condition, TimeOfDay, Window };
inline constexpr int kSnapshotKindCount = 9;

struct SnapshotField {
  SnapshotKind kind = SnapshotKind::State;
  Type type{};               // of State, Input, Output: what is kept; Void: no value is; of Window: its readings
  std::string name{};        // State: empty for a slot that has none
  std::string unit{};        // Input, Output
  TimeNs period = 0;         // Timer; TimeOfDay: since midnight; Window: its span
  std::uint32_t offset = 0;  // in the snapshot
  std::uint32_t size = 0;
  std::uint32_t subject = 0;  // which slot of the module, input, alarm … of the plan; not part of the layout's bytes
};

// How often one worker called each function: written by it alone, read by anybody.
struct CallCounts {
  explicit CallCounts(std::size_t functions) : calls(std::make_unique<std::atomic<std::uint64_t>[]>(functions)) {}
  std::unique_ptr<std::atomic<std::uint64_t>[]> calls;
  CallCounts* next = nullptr;
};

struct Plan {
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan();

  std::uint64_t id = 0;  // of this plan alone, ever: a worker recognises the program it is set up for
  VerifiedModule verified;
  IntrinsicTable intrinsics;
  Program::Options options;
  std::unique_ptr<TierCode> code;

  std::vector<Type> layout_types;
  std::vector<OutputLayout> layouts;
  std::vector<HandlerPlan> handlers;         // by the module's handlers
  std::vector<std::uint16_t> starts, stops;  // handlers
  std::vector<std::uint16_t> timers;         // handlers; the first deadlines are theirs
  std::vector<std::uint16_t> times_of_day;   // handlers; the next deadlines are theirs
  std::vector<std::uint16_t> stale_inputs;   // the next deadlines are theirs
  std::vector<InputPlan> inputs;
  std::uint32_t input_count = 0;
  std::vector<AlarmPlan> alarms;  // then the conditions
  AlarmIndex alarm_count = 0;     // without the conditions
  std::vector<WindowPlan> windows;
  std::vector<std::uint16_t> windows_by_time;
  std::vector<OutputPlan> outputs;
  std::vector<std::uint16_t> driven;  // outputs
  std::vector<bool> after_handlers;   // by alarm
  AlarmList polled;
  bool looked_at_again = false;     // one alarm may change what another looks at, within an instant
  std::uint32_t first_delay = 0;    // the alarms' deadlines from here on
  std::vector<AlarmIndex> delayed;  // the alarm of each
  std::uint32_t poll_deadline = kNowhere;
  std::uint32_t alarm_deadline = kNowhere;  // shelves that end, reminders, alarms that were held back
  std::uint32_t deadline_count = 0;

  mutable std::atomic<CallCounts*> counts = nullptr;  // of all workers that ever served it: a list that only grows

  std::uint32_t now, event_time;  // offsets in Input
  // An instance's images. Input ends with a spare word: a slot that the module does not have is written there.
  std::uint32_t param_bytes, input_bytes, state_bytes, scratch_bytes, window_bytes = 0;
  std::uint32_t seen_words = 0;

  std::vector<SnapshotField> snapshot;
  std::vector<std::byte> snapshot_layout;
  std::uint64_t snapshot_hash = 0;
  std::uint32_t snapshot_bytes = 0;

  std::uint32_t frame_words = 0, call_depth = 0, most_stores = 0;
  Need at_start, at_instant, most;  // `most`: over start, every input and an instant of timers

  const Module& module() const { return verified.module; }
  TimeNs next_time_of_day(std::size_t n, TimeNs after) const {
    return options.calendar.next(options.calendar.zone, after, handlers[times_of_day[n]].time);
  }
};

void plan_snapshot(Plan& plan);

std::unique_ptr<const Plan> make_plan(VerifiedModule verified, IntrinsicTable intrinsics, Program::Options options);

}  // namespace eyeflow::vm
