#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/payload/json_pointer.h"
#include "runtime/site/site.h"
#include "stdlib/units/units.h"
#include "vm/base/result.h"
#include "vm/module/image_unit.h"
#include "vm/module/module.h"

// From the bytes of a peer to a typed slot. The only folder that knows simdjson.
namespace eyeflow::runtime {

enum class BadReading : std::uint8_t {
#define EYEFLOW_BAD_READING(Name, text) Name,
#include "runtime/payload/bad_reading.def"
};
inline constexpr std::string_view kBadReadingNames[] = {
#define EYEFLOW_BAD_READING(Name, text) #Name,
#include "runtime/payload/bad_reading.def"
};
inline constexpr std::string_view kBadReadingTexts[] = {
#define EYEFLOW_BAD_READING(Name, text) text,
#include "runtime/payload/bad_reading.def"
};
inline constexpr std::size_t kBadReadingCount = std::size(kBadReadingNames);
constexpr std::string_view name(BadReading reason) { return kBadReadingNames[static_cast<std::size_t>(reason)]; }
constexpr std::string_view describe(BadReading reason) { return kBadReadingTexts[static_cast<std::size_t>(reason)]; }

inline constexpr std::size_t kMaxPayloadBytes = 1u << 20;
inline constexpr std::size_t kMaxImageHead = 4096;  // and no image file is larger than 8 bytes a pixel and this

// What the input's words mean.
enum class Meaning : std::uint8_t {
  Number,    // of DecodePlan::type, converted by DecodePlan::conversion
  Duration,  // ns; the sensor's unit gives DecodePlan::conversion to ns
  Time,      // ns since 1970, read as the reading's own time is
  Enum,      // the name of a value, or its number, of DecodePlan::names
  Text,      // at most DecodePlan::capacity bytes of UTF-8
  Image,     // of DecodePlan::image, from a file or its pixels
  Elements,  // DecodePlan::capacity numbers or bools of DecodePlan::type, or at most so many
};

// How payloads of one sensor become readings of one input. Made once, when the site is bound.
struct DecodePlan {
  JsonPointer field;  // empty: the payload is the bare value
  JsonPointer time;   // empty: the time of arrival
  TimeUnit time_unit = TimeUnit::Recognised;
  Meaning meaning = Meaning::Number;
  vm::Scalar type = vm::Scalar::F64;
  std::uint32_t capacity = 0;
  bool is_list = false;  // Meaning::Elements: there may be fewer
  Encoding encoding = Encoding::ByType;
  vm::ImageForm image{};
  std::string names{};              // Meaning::Enum: the field's unit (vm/module/enum_unit.h)
  double scale = 1, offset = 0;     // raw * scale + offset is in the sensor's unit
  stdlib::Conversion conversion{};  // from the sensor's unit to the one that the task declared
};

inline bool is_raw(const DecodePlan& plan) { return plan.scale != 1 || plan.offset != 0; }

// The plan for an input of a module bound to a sensor; fails on units of different dimensions, or a unit on one side
// only, and says what to write.
Result<DecodePlan> make_plan(const SensorSettings& sensor, const vm::Module& module, const vm::Input& input);

struct Decoded {
  vm::Word value = 0;  // canonical for its type
  // Meaning::Text; of Elements, these as they stand in a task's memory. Valid as long as the payload and until the
  // decoder's next call.
  std::string_view text{};
  vm::TimeNs time = 0;
  bool from_future = false;  // the payload's time was ahead of `now` and was set to it
};

using DecodeResult = std::expected<Decoded, BadReading>;

// Where a plan's field and time stand among those that were read ahead.
struct Ahead {
  static constexpr std::uint8_t kNone = 0xFF;
  std::uint8_t field = kNone, time = kNone;
};

// The fields and times of plans that are for one and the same payload.
class FieldsAhead {
 public:
  // Where decode() finds them; nowhere for what is not read this way, or when there are too many.
  Ahead add(const DecodePlan& plan);
  std::span<const JsonPointer> pointers() const { return pointers_; }

 private:
  std::uint8_t place_of(const JsonPointer& pointer);
  std::vector<JsonPointer> pointers_;
};

// One thread's means to decode. No allocation per reading once the buffers have seen the largest payload.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(Decoder&&) noexcept;

  // A peer's payload, by the plan's JSON pointers. Where several plans are for it, they are read ahead, at once, and
  // `ahead` says where; it gives the same as without.
  void read_ahead(const FieldsAhead& fields, std::string_view payload);
  DecodeResult decode(const DecodePlan& plan, std::string_view payload, vm::TimeNs now, Ahead ahead = {});
  // A bare value, such as a column of a file: fields and times of the plan do not apply.
  DecodeResult decode_bare(const DecodePlan& plan, std::string_view text, vm::TimeNs time);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

// The same of anything but Meaning::Elements.
DecodeResult decode_bare(const DecodePlan& plan, std::string_view text, vm::TimeNs time);
// A number in the sensor's unit.
DecodeResult decode_number(const DecodePlan& plan, double value, vm::TimeNs time);

// A number or a text as a time in ns since 1970; nullopt for what is none.
std::optional<vm::TimeNs> time_of(double value, TimeUnit unit);
std::optional<vm::TimeNs> time_of(std::int64_t value, TimeUnit unit);
std::optional<vm::TimeNs> time_of_text(std::string_view rfc3339);

// One line of a replay file: {"time_ms": 0, "input": "t1", "value": 79}. The views are valid until the next call.
struct JsonRow {
  double time_ms = 0;
  std::string_view input;
  std::string_view value;  // as bare text
};
class JsonRowReader {
 public:
  JsonRowReader();
  ~JsonRowReader();
  Result<JsonRow> read(std::string_view line);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace eyeflow::runtime
