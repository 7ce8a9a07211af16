#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/interpreter/tier.h"
#include "vm/module/verifier.h"

// The engine turns (event, now) into (effects, next deadline). It knows no clock, no thread and no device: the daemon,
// `eyeflowc test`, replay and backtest all drive this one. Times are handed in and never go back for an instance; an
// earlier one is taken as the latest so far.
namespace eyeflow::vm {

struct Plan;
struct WorkerBuffers;
struct InstanceMemory;

// The most that one handler may emit in one event; beyond, it traps with OutputOverflow. Where the handlers of a module
// could emit more than kMaxModuleOutputBytes together, each gets an equal part of that instead.
inline constexpr std::uint32_t kMaxOutputBytes = 64 * 1024;
inline constexpr std::uint32_t kMaxModuleOutputBytes = 1024 * 1024;
// An alarm's text is cut here, at a character; shorter in a module with more than a thousand alarms.
inline constexpr std::uint32_t kMaxAlarmTextBytes = 1024;

// When a time of day comes next in the zone of the device: the first instant after `after` at which `since_midnight` of
// some day comes. What a skipped or a doubled hour means is the calendar's business; every day has each time once.
struct Calendar {
  using Next = TimeNs (*)(const void* zone, TimeNs after, TimeNs since_midnight);
  static TimeNs next_in_utc(const void*, TimeNs after, TimeNs since_midnight);

  Next next = &next_in_utc;
  const void* zone = nullptr;  // outlives the programs that use it
};

// A module made ready to run: shared by all its instances, immutable, usable by many threads at once.
class Program {
 public:
  struct Options {
    const Tier* tier = &kInterpreter;
    std::uint64_t fuel_quota = 100'000'000;  // a handler or condition whose bound is above it runs metered
    bool blind_constants = false;            // as PrepareOptions has it
    Calendar calendar{};                     // for handlers at a time of day
  };
  static std::unique_ptr<const Program> make(VerifiedModule module, IntrinsicTable intrinsics, Options options);
  static std::unique_ptr<const Program> make(VerifiedModule module, IntrinsicTable intrinsics);
  ~Program();

  const VerifiedModule& verified() const;
  const Module& module() const { return verified().module; }
  bool is_metered(FunctionId function) const;
  // How often all workers together called it, from any thread. A condition that was looked at counts, too.
  std::uint64_t calls(FunctionId function) const;
  const TierCode& code() const;                // what became of the functions: for logs and tables
  const Plan& plan() const { return *plan_; }  // the engine's own

  // What the bytes of its instances' snapshots mean: kept beside them, once for all instances of a program, so that
  // another version of the task can read them. The same module always gives the same.
  std::span<const std::byte> snapshot_layout() const;

 private:
  explicit Program(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
};

enum class EffectKind : std::uint8_t {
  Switch,
  Value,
  Log,
  AlarmRaised,
  AlarmCleared,
  AlarmAcknowledged,
  AlarmShelved,
  AlarmUnshelved,
  AlarmReminded,  // it still stands and nobody has acknowledged it
};
constexpr bool is_of_alarm(EffectKind kind) { return kind >= EffectKind::AlarmRaised; }

// One thing that the world shall see. Valid until the worker's next call. A switch that is set to what it stands at
// already has no effect; a value has one each time it is set.
struct Effect {
  EffectKind kind;
  std::uint16_t index;                // the output, or the alarm
  TimeNs time;                        // `now` of the event that led to it
  std::span<const std::byte> fields;  // outputs: as OutputBuffer lays them out; shelved: until when, an i64
  std::string_view text;  // raised, reminded: the alarm's text, filled in; otherwise why, as whoever did it says
  std::string_view by{};  // acknowledged, shelved, unshelved: who did it; empty: the task, or time
};

// A handler or condition that stopped before its end; what it had done is undone.
struct Fault {
  Trap trap;
  FunctionId function;  // where, innermost
  std::uint32_t instruction;
  std::uint32_t line;  // in the source; 0 when the module does not say
};

// What one thread needs to run any instance of the programs it serves: registers, scratch, journal, output buffer.
// Belongs to one thread at a time.
class Worker {
 public:
  Worker();
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void serve(const Program& program);  // before its instances run here; grows the buffers, allocates

  std::span<const Effect> effects() const;  // of the last call, in order
  std::span<const Fault> faults() const;
  std::uint64_t fuel_used() const;  // by the last call
  // The shortest deadline (`within`) that a handler of those that ran in the last call declares; 0: none does.
  TimeNs declared_within() const;
  std::uint64_t texts_cut() const;  // since the start

 private:
  friend class Instance;
  std::unique_ptr<WorkerBuffers> buffers_;
};

// What advance() does about timers of which several periods have passed.
enum class CatchUp : std::uint8_t {
  Each,    // every instant is run: tests, replay, backtest
  Latest,  // a device that was suspended: only the latest one of each timer is run, the others are counted; likewise of
           // the reminders of an alarm, which are not counted
};

// How the time that a snapshot speaks of goes on: what was at `then` is taken to be at `now`. With `then` equal to
// `now` the time in between counts: delays and silences went on while nothing ran. With `then` as the last moment that
// is known to have passed it does not: they go on with what remained of them.
struct Resumption {
  TimeNs then = 0;
  TimeNs now = 0;
};

// At most so many raised alarms of an instance are told within the period; further ones of low and medium priority are
// held back until it is over, and told then if they still stand.
inline constexpr int kFloodAlarms = 10;
inline constexpr TimeNs kFloodPeriod = TimeNs{60} * 1'000'000'000;
// The longest that an alarm can be shelved.
inline constexpr TimeNs kLongestShelf = TimeNs{7} * 86'400 * 1'000'000'000;

// What a person, or a system for one, does with an alarm.
struct AlarmAction {
  enum class Kind : std::uint8_t { Acknowledge, Shelve, Unshelve } kind;
  AlarmId alarm{};
  TimeNs until = 0;       // Shelve; at most kLongestShelf from now
  std::string_view by{};  // who, for the record
  std::string_view why{};
};

// What is known of an alarm: why it stands, or why it does not.
struct AlarmStory {
  // A reading that its condition needs: as it was when the condition held last, and when it did not.
  struct Seen {
    InputId input{};
    Word held = 0, otherwise = 0;
    bool has_held = false, has_otherwise = false;
    TimeNs age = 0;  // of the latest reading, or since the start
  };
  bool active = false, acknowledged = true, held_back = false;
  bool waits_for_ack = false;  // it latches, and its condition is over
  std::int64_t raised = 0;
  TimeNs shelved_until = 0;        // 0: it is not
  std::optional<InputId> unheard;  // it is not looked at before this input had a reading
  // Of `when`, as it was looked at last:
  bool looked_at = false, holds = false;
  Trap trap = Trap::None;       // why it could not be told
  TimeNs began = 0, ended = 0;  // when it began to hold last, and when that ended; 0: never, not yet
  TimeNs needed = 0;            // how long it must hold
  std::vector<Seen> seen{};
};
// "t1 81.2 °C: held for 7.4 s of 10 s, then t1 79.5 °C".
std::string describe(const Module& module, const AlarmStory& story, TimeNs now);

// What a restored instance did not take over, because this version of the task has no such thing, or of another type.
struct Restored {
  bool same_layout = true;           // nothing was named or typed otherwise
  std::vector<std::string> dropped;  // "state count: i64", "alarm hot"
  std::vector<std::string> gone;     // of the alarms among them those that stood
};

// One task at work, bound to its inputs and outputs. After its construction nothing here allocates, but for restore().
class Instance {
 public:
  struct Binding {
    std::vector<std::optional<Word>> params;  // by param; nothing: the declared default. Ranges are the host's to check
    std::vector<std::string> input_names;     // by input; `{t1.name}` prints it
  };
  Instance(const Program& program, const Binding& binding);
  ~Instance();
  Instance(Instance&&) noexcept;
  Instance& operator=(Instance&&) noexcept;

  // Who answers what its code asks of models; without one each call traps with ModelFailed. Before start().
  void use_models(ModelHost* host);

  // Initial outputs, then `on start` handlers, then conditions and alarms. Once, before anything else.
  void start(Worker& worker, TimeNs now);

  // A good reading: it becomes the input's latest, alarms that read only inputs and params are evaluated, the
  // handlers run, the other alarms follow, the switches that alarms drive are set. Timers that were due before `now`
  // must have been run by advance(). A scalar is given in `value`, a text in `text`; of an array or a list all elements
  // in use, as they stand in memory and in the canonical form of their type: of an array exactly as many as it has.
  // A fault concerns what faulted alone: a handler is undone, a condition is left as not known to hold, an alarm whose
  // text faults is raised with a text that says so.
  void deliver(Worker& worker, InputId input, Word value, TimeNs event_time, TimeNs now);
  void deliver_text(Worker& worker, InputId input, std::string_view text, TimeNs event_time, TimeNs now);
  void deliver_elements(Worker& worker, InputId input, std::span<const std::byte> elements, TimeNs event_time,
                        TimeNs now);

  // A reading that is none: malformed, NaN, out of range. An input that has no say in it (see SlotKind::InputBad) is
  // left alone; else as for a good one, but the latest reading and its time stay.
  void deliver_bad(Worker& worker, InputId input, TimeNs event_time, TimeNs now);
  bool takes_bad(InputId input) const;

  // Acknowledges, shelves or unshelves an alarm. False, and nothing happens, when there is nothing to do: it is
  // acknowledged already, is not shelved, or the time has passed.
  bool act(Worker& worker, const AlarmAction& action, TimeNs now);

  // Runs everything that is due up to and including `now`, each at its own instant, in order; at one instant, timers
  // in order of declaration. Effects of all of it are in the worker. When the effects' buffer fills up it stops after
  // the instant at hand: call again while next_deadline() <= now.
  void advance(Worker& worker, TimeNs now, CatchUp catch_up = CatchUp::Each);

  // Runs the `on stop` handlers, and what follows from them: before the last save() of a run that ends in order.
  // Nothing is delivered afterwards.
  void stop(Worker& worker, TimeNs now);

  // Everything that a restart must not lose: state, latest readings, alarms and conditions with their delays, outputs,
  // timers, windows. The size is the program's; save() is called between events and fills `into`, of that size.
  std::size_t snapshot_bytes() const;
  void save(std::span<std::byte> into) const;

  // Instead of start(): takes over what save() wrote, by this module or another version of it whose layout is given;
  // then what fits by name and type is kept, and the rest is as at a start. Bytes that no save() can have written are
  // an error, and leave the instance as it was. resume() is to be called next.
  Result<Restored> restore(std::span<const std::byte> layout, std::span<const std::byte> snapshot, Resumption time);
  // A switch was set from outside, such as to its safe state: between restore() and resume().
  void assume(OutputId output, Word value);
  // Tells what each switch and scalar value stands at, driven switches as their alarms stand; then looks at all alarms.
  // `on start` handlers do not run: the instance goes on, it does not begin. What was due in between is left to
  // advance(), and happens at `now`.
  void resume(Worker& worker, TimeNs now);

  // When advance() has something to do next; nothing: never.
  std::optional<TimeNs> next_deadline() const;

  // Runs a function of the module that takes nothing, gives one value, neither stores nor emits, as at `now`: what a
  // test expects, what somebody looking at the instance wants to know. Not part of an event; allocates.
  struct Answer {
    Trap trap = Trap::None;
    Word word = 0;       // a scalar result
    std::string text{};  // a text result
  };
  Answer ask(Worker& worker, FunctionId function, TimeNs now);

  const Program& program() const;
  bool is_active(AlarmId alarm) const;
  std::int64_t raised_count(AlarmId alarm) const;
  AlarmStory story(AlarmId alarm) const;     // allocates
  std::uint64_t alarms_held_back() const;    // since the start: raised within a flood and not told at once
  std::uint64_t missed_periods() const;      // that CatchUp::Latest left out
  std::uint64_t windows_skipped() const;     // since the start: they had too large gaps
  std::uint64_t readings_late() const;       // since the start: their windows had been closed before they came
  TimeNs reading_time(InputId input) const;  // of the latest; before the first: when it began to listen
  Word output_value(OutputId output) const;  // what a switch or scalar value stands at
  std::span<const std::byte> state() const;  // for storage and comparison
  std::size_t memory_bytes() const;          // what this instance adds to the process

 private:
  std::unique_ptr<InstanceMemory> memory_;
};

}  // namespace eyeflow::vm
