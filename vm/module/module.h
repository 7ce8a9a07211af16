#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vm/base/result.h"
#include "vm/isa/isa.h"

namespace eyeflow::vm {

inline constexpr std::uint32_t kMaxRegionBytes = 64u << 20;  // of each region

using TimeNs = std::int64_t;  // since 1970 UTC, or a span of time

// Indices that must not be mixed up.
enum class FunctionId : std::uint16_t {};
enum class InputId : std::uint16_t {};
enum class OutputId : std::uint16_t {};
enum class AlarmId : std::uint16_t {};
inline constexpr FunctionId kNoFunction{0xFFFF};
template <typename Id>
  requires std::is_enum_v<Id>
constexpr std::size_t index(Id id) {
  return static_cast<std::size_t>(id);
}

// What stands at a place in memory. Scalars, texts and arrays each have one slot; slots of a region do not overlap and
// every load, store and reference names exactly one. Everything but Plain lies in Input and is written by the engine;
// `subject` says which input, alarm, output or handler it is about. The numbers are part of the format: append only.
enum class SlotKind : std::uint8_t {
  Plain,
  Now,                // I64: the time that is fixed while a handler runs
  EventTime,          // I64: when the reading at hand was taken
  InputValue,         // the latest good reading
  InputTime,          // I64: its time; before the first reading, the instance's start
  InputReady,         // Bool: there was one
  InputName,          // Text: what the site calls the bound thing
  AlarmActive,        // Bool
  AlarmRaised,        // I64: how often it was raised
  OutputLast,         // what a switch or value stands at; tests read it
  OutputCount,        // I64: rows taken since the start; tests read it
  AlarmAcknowledged,  // Bool: it waits for nobody: it was never raised, or somebody has acknowledged it since
  AlarmShelved,       // Bool: it is set aside for a while
  WindowValues,       // the values of the window that a handler is given: an array of the input's type
  WindowStart,        // I64: where it begins: its first instant; by count, the time of its first reading
  WindowEnd,          // I64: where it ends, which is not in it; by count, the time of its last reading
  WindowCount,        // I64: how many of its values were read; the others were interpolated
  InputBad,           // Bool: the last one delivered was bad. Only an input with this slot is told of bad readings
};
inline constexpr int kSlotKindCount = 18;

struct Slot {
  Region region = Region::Const;
  SlotKind kind = SlotKind::Plain;
  TypeId type = 0;
  std::uint32_t offset = 0;   // bytes, a multiple of 8
  std::uint16_t subject = 0;  // index of the input, alarm, output or handler; 0 where there is none
  std::string name{};         // as in the source; empty for constants and scratch

  friend bool operator==(const Slot&, const Slot&) = default;
};

struct LineMark {
  std::uint32_t instruction = 0;  // from this one on …
  std::uint32_t line = 0;         // … the code stems from this source line
  friend bool operator==(const LineMark&, const LineMark&) = default;
};

struct Function {
  std::string name{};             // "on t1", "limit_of": for traps, cards and profiles
  std::uint16_t param_count = 0;  // registers[0 … param_count) are given by the caller
  std::vector<TypeId> results{};
  std::vector<TypeId> registers{};  // the type of each; all start as zero but the parameters
  std::vector<Instruction> code{};
  std::vector<LineMark> lines{};  // ascending

  friend bool operator==(const Function&, const Function&) = default;
};

// A value with a name, a type and a unit: what crosses the task's border.
struct Field {
  std::string name{};
  TypeId type = 0;     // a scalar, or a text, array or list (its region is ignored)
  std::string unit{};  // "°C"; empty: none. I64 with unit "time" or "duration" is a point in or a span of time, in ns;
                       // with "enum(a, b)" one of those names (enum_unit.h)
  friend bool operator==(const Field&, const Field&) = default;
};

enum class DropPolicy : std::uint8_t { Oldest, Newest };

struct Input {
  Field value{};              // its slots are those with this input as their subject
  TimeNs stale_after_ns = 0;  // 0: never
  TimeNs period_ns = 0;       // `every D` or 1/RATE; 0: not declared
  std::uint32_t queue = 0;    // readings that may wait; 0: the host's default
  DropPolicy drop = DropPolicy::Oldest;
  friend bool operator==(const Input&, const Input&) = default;
};

enum class OutputKind : std::uint8_t { Switch, Value, Log };

struct Output {
  std::string name{};
  OutputKind kind = OutputKind::Switch;
  std::vector<Field> fields{};  // switch and value: one
  bool has_initial = false;     // it is set at the start …
  Word initial = 0;             // … to this (switch and value of scalar type)
  bool to_cloud = false;
  bool driven = false;  // by alarms: no handler emits it
  friend bool operator==(const Output&, const Output&) = default;
};

struct Param {
  std::string name{}, unit{};
  Scalar type = Scalar::F64;
  std::uint32_t offset = 0;  // of its slot in Param; its default stands in `param_image`
  bool has_range = false;
  Word min = 0, max = 0;  // inclusive
  friend bool operator==(const Param&, const Param&) = default;
};

enum class Priority : std::uint8_t { Low, Medium, High, Critical };

struct Alarm {
  std::string name{};
  Priority priority = Priority::Medium;
  FunctionId when{};               // () -> bool; neither it nor the others store or emit
  FunctionId clear = kNoFunction;  // () -> bool; none: it clears when `when` ends
  FunctionId text{};               // () -> text
  TimeNs when_for_ns = 0;          // `when` must hold that long
  TimeNs clear_for_ns = 0;
  bool latch = false;              // it stands until it has been acknowledged, also when it could clear
  TimeNs remind_every_ns = 0;      // while it stands and nobody has acknowledged it; 0: never
  bool reads_state = false;        // one of its functions does: evaluated after the handlers, otherwise before them
  bool polled = false;             // it reads a clock other than by `.stale`: looked at once a second besides
  std::vector<InputId> needs{};    // not evaluated before each of these has had a reading
  std::vector<OutputId> drives{};  // switches
  friend bool operator==(const Alarm&, const Alarm&) = default;
};

// The numbers are part of the format: append only.
enum class HandlerKind : std::uint8_t {
  Start,
  Input,      // each reading of `input`
  Every,      // each `time_ns` since the start
  Stale,      // `input` has had no reading for its stale_after_ns
  Stop,       // the instance ends in order
  Condition,  // `condition` has begun to hold, and has held for `time_ns`
  TimeOfDay,  // each day, `time_ns` after midnight
  Window,     // a window of `input` is complete
};
inline constexpr TimeNs kDayNs = TimeNs{86'400} * 1'000'000'000;

// Readings that are handed over together: by time exactly one value for each of the equal parts of a span, by count the
// latest readings.
struct Window {
  TimeNs span_ns = 0;        // 0: by count
  std::uint32_t values = 0;  // how many it holds
  std::uint32_t step = 0;    // how many values the next window begins after this one
  // By time only:
  std::uint32_t least = 0;  // of its values must have been read; the others are interpolated
  TimeNs late_ns = 0;       // how long it waits for readings that are late
  bool from_start = false;  // counted from the instance's start; otherwise from 1970
  friend bool operator==(const Window&, const Window&) = default;
};
inline constexpr std::uint32_t kMaxWindowValues = 1u << 20;

// How many readings are kept for a window: those of one and of the next, and those that may still be late; rounded up
// to a power of two.
std::uint64_t window_capacity(const Window& window);
// Of the memory behind it: the readings and which of the places are taken; by count, their times as well.
std::uint64_t window_bytes(const Window& window, Scalar element);

struct Handler {
  HandlerKind kind = HandlerKind::Start;
  InputId input{};
  TimeNs time_ns = 0;
  TimeNs within_ns = 0;                      // the deadline; 0: none
  FunctionId condition = kNoFunction;        // () -> bool; it neither stores nor emits
  bool reads_state = false, polled = false;  // of the condition, as with alarms
  std::vector<InputId> needs{};
  Window window{};
  FunctionId function{};  // () -> nothing
  friend bool operator==(const Handler&, const Handler&) = default;
};

inline constexpr std::size_t kMostModelParameters = 16;
// An inference model that the task asks: arrays in, f32 numbers out.
struct Model {
  std::string name{};
  Field parameter{};          // an array of u8 or f32; the unit "image(…)" (image_unit.h) says that it is one
  std::vector<Field> more{};  // parameters behind it, of the same kinds; since instruction set 6
  std::uint32_t results = 0;  // how many numbers it answers
  friend bool operator==(const Model&, const Model&) = default;
};

// A compiled task. The rows stand in the order of declaration; a function calls only functions before it.
struct Module {
  std::uint16_t isa_version = kIsaVersion;
  std::string task;         // its name
  std::string doc;          // its `///` text
  std::string source;       // file name without folders, for messages
  std::vector<Type> types;  // from kFirstModuleType on
  std::vector<Slot> slots;  // sorted by (region, offset)
  std::vector<Function> functions;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Param> params;
  std::vector<Alarm> alarms;
  std::vector<Handler> handlers;
  std::vector<Model> models;                                     // since instruction set 4
  std::vector<std::byte> const_image, param_image, state_image;  // what these regions start as
  std::uint32_t input_bytes = 0, scratch_bytes = 0;              // those start as zero

  // Scalars below kFirstModuleType, the table's rows from there on; nothing for a number that names no type.
  const Type* type(TypeId id) const;
  const Slot* slot(Region region, std::uint32_t offset) const;  // binary search; null when none begins there
  std::uint64_t region_bytes(Region region) const;

  friend bool operator==(const Module&, const Module&) = default;
};

// Bytes ⇄ module, as docs/formats.md lays them out. The same module gives the same bytes. Reading checks that every
// count, length and enumerator is in range and that no byte is left over; whether the module is safe to run is
// verify()'s business.
std::vector<std::byte> write_module(const Module& module);
Result<Module> read_module(std::span<const std::byte> bytes);

}  // namespace eyeflow::vm
