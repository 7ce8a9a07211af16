#include "runtime/payload/decoder.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/payload/elements.h"
#include "runtime/payload/json.h"
#include "runtime/payload/number.h"
#include "stdlib/images/image_file.h"
#include "vm/module/enum_unit.h"

namespace eyeflow::runtime {
namespace {

namespace dom = simdjson::dom;
using simdjson::error_code;
using Kind = JsonValue::Kind;

// A document is read whole before anything of it is believed: a payload that breaks off behind the field is malformed.
struct JsonParser {
  dom::parser parser;
  std::vector<char> padded;  // simdjson reads past the end

  simdjson::simdjson_result<dom::element> parse(std::string_view text) {
    if (padded.size() < text.size() + simdjson::SIMDJSON_PADDING)
      padded.resize(text.size() + simdjson::SIMDJSON_PADDING);
    std::ranges::copy(text, padded.begin());  // an empty MQTT message has no address, which memcpy would not take
    std::memset(padded.data() + text.size(), 0, simdjson::SIMDJSON_PADDING);
    return parser.parse(padded.data(), text.size(), false);
  }
};

BadReading reason_of(error_code error) {
  switch (error) {
    case simdjson::NO_SUCH_FIELD:
    case simdjson::INDEX_OUT_OF_BOUNDS:
    case simdjson::INVALID_JSON_POINTER:
    case simdjson::INCORRECT_TYPE:
      return BadReading::MissingField;
    case simdjson::NUMBER_ERROR:  // also a whole number of more than 64 bits
      return BadReading::OutOfRange;
    default:
      return BadReading::Malformed;
  }
}

std::expected<dom::element, BadReading> at(dom::element document, std::string_view pointer) {
  if (pointer.empty()) return document;
  dom::element found;
  // A field of the document itself, by far the usual case: at_pointer() would copy the name and look for escapes in it.
  if (document.is_object() && pointer.starts_with('/') && pointer.find_first_of("/~", 1) == pointer.npos) {
    if (const auto error = document.at_key(pointer.substr(1)).get(found)) return std::unexpected(reason_of(error));
    return found;
  }
  if (const auto error = document.at_pointer(pointer).get(found)) return std::unexpected(reason_of(error));
  return found;
}

JsonValue value_of(dom::element element) {
  switch (element.type()) {
    case dom::element_type::INT64:
      return {.kind = Kind::Signed, .whole = element.get_int64().value_unsafe()};
    case dom::element_type::UINT64:
      return {.kind = Kind::Unsigned, .large = element.get_uint64().value_unsafe()};
    case dom::element_type::DOUBLE:
      return {.kind = Kind::Real, .real = element.get_double().value_unsafe()};
    case dom::element_type::STRING:
      return {.kind = Kind::Text, .whole = 0, .text = element.get_string().value_unsafe()};
    case dom::element_type::BOOL:
      return {.kind = element.get_bool().value_unsafe() ? Kind::True : Kind::False, .whole = 0};
    case dom::element_type::NULL_VALUE:
      return {.kind = Kind::Null, .whole = 0};
    default:
      return {.kind = Kind::Other, .whole = 0};
  }
}

std::expected<Number, BadReading> number_of(const JsonValue& value) {
  switch (value.kind) {
    case Kind::Signed:
      return Number{.kind = Number::Kind::Signed, .whole = value.whole};
    case Kind::Unsigned:
      return Number{.kind = Number::Kind::Unsigned, .large = value.large};
    case Kind::Real:
      return Number{.kind = Number::Kind::Real, .real = value.real};
    case Kind::Text:  // many devices quote their numbers
      return parse_number(value.text);
    case Kind::Null:
      return std::unexpected(BadReading::NotANumber);
    default:
      return std::unexpected(BadReading::WrongType);
  }
}

std::optional<vm::TimeNs> time_of_value(const JsonValue& value, TimeUnit unit) {
  switch (value.kind) {
    case Kind::Signed:
      return time_of(value.whole, unit);
    case Kind::Real:
      return time_of(value.real, unit);
    case Kind::Text:
      return time_of_text(value.text);
    default:
      return std::nullopt;
  }
}

DecodeResult text_reading(const DecodePlan& plan, std::string_view text, vm::TimeNs time) {
  if (text.size() > plan.capacity) return std::unexpected(BadReading::TextTooLong);
  if (!simdjson::validate_utf8(text)) return std::unexpected(BadReading::Malformed);
  return Decoded{.text = text, .time = time};
}

DecodeResult number_reading(const DecodePlan& plan, const Number& number, vm::TimeNs time) {
  const auto word = to_word(plan, number);
  if (!word) return std::unexpected(word.error());
  return Decoded{.value = *word, .time = time};
}

DecodeResult name_reading(const DecodePlan& plan, std::string_view name, vm::TimeNs time) {
  const auto number = vm::enum_number(plan.names, name);
  if (!number) return std::unexpected(BadReading::OutOfRange);
  return Decoded{.value = static_cast<vm::Word>(*number), .time = time};
}

// As controllers send it: which of the values, counted from 0.
DecodeResult ordinal_reading(const DecodePlan& plan, const Number& number, vm::TimeNs time) {
  if (number.kind == Number::Kind::Real && number.real != std::floor(number.real))
    return std::unexpected(BadReading::WrongType);
  const double ordinal = number.as_real();
  if (!(ordinal >= 0 && ordinal < 1e6) || vm::enum_name(plan.names, static_cast<std::int64_t>(ordinal)).empty())
    return std::unexpected(BadReading::OutOfRange);
  return Decoded{.value = static_cast<vm::Word>(ordinal), .time = time};
}

DecodeResult time_reading(std::optional<vm::TimeNs> value, vm::TimeNs time) {
  if (!value) return std::unexpected(BadReading::WrongType);
  return Decoded{.value = static_cast<vm::Word>(*value), .time = time};
}

[[gnu::hot]] DecodeResult reading_of(const DecodePlan& plan, const JsonValue& value, vm::TimeNs time) {
  // By far the usual case.
  if (value.kind == Kind::Real && plan.meaning == Meaning::Number && plan.type == vm::Scalar::F64 &&
      stdlib::is_identity(plan.conversion) && !is_raw(plan))
    return Decoded{.value = std::bit_cast<vm::Word>(value.real), .time = time};
  switch (plan.meaning) {
    case Meaning::Text:
      if (value.kind != Kind::Text)
        return std::unexpected(value.kind == Kind::Null ? BadReading::NotANumber : BadReading::WrongType);
      return text_reading(plan, value.text, time);
    case Meaning::Time:
      return time_reading(time_of_value(value, plan.time_unit), time);
    case Meaning::Enum: {
      if (value.kind == Kind::Text) return name_reading(plan, value.text, time);
      const auto number = number_of(value);
      return number ? ordinal_reading(plan, *number, time) : DecodeResult(std::unexpected(number.error()));
    }
    case Meaning::Number:
    case Meaning::Duration:
    case Meaning::Image:
    case Meaning::Elements:  // not by this way
      break;
  }
  if (plan.type == vm::Scalar::Bool) {
    std::optional<bool> flag;
    if (value.is_bool()) flag = value.kind == Kind::True;
    if (value.kind == Kind::Text) flag = parse_bool(value.text);
    if (flag) return Decoded{.value = *flag, .time = time};
  }
  const auto number = number_of(value);
  if (!number) return std::unexpected(number.error());
  return number_reading(plan, *number, time);
}

// The long way to what scan_json() was not sure of. Why a field is missing is in `missing`. Gives what is wrong with
// the document as a whole.
[[gnu::noinline]] std::optional<BadReading> parse_json(JsonParser& parser, const DecodePlan& plan,
                                                       std::string_view payload, JsonValue& field, JsonValue& time,
                                                       BadReading& missing) {
  field = time = {};
  dom::element document;
  if (const auto error = parser.parse(payload).get(document))
    return error == simdjson::NUMBER_ERROR ? BadReading::OutOfRange : BadReading::Malformed;
  if (!plan.time.empty())
    if (const auto element = at(document, plan.time.text())) time = value_of(*element);
  if (const auto element = at(document, plan.field.text()))
    field = value_of(*element);
  else
    missing = element.error();
  return std::nullopt;
}

// A PNG file may have 16 bits each of red, green, blue and transparency.
constexpr std::size_t kMaxPixelBytes = 8;

Elements image_of_payload(const DecodePlan& plan, std::string_view payload, std::vector<char>& buffer) {
  const auto pixels = stdlib::pixels_of_file(plan.image, payload, buffer);
  if (pixels) return *pixels;
  switch (pixels.error().fault) {
    case stdlib::ImageFault::Broken:
      return std::unexpected(BadReading::Malformed);
    case stdlib::ImageFault::OtherFormat:
      return std::unexpected(BadReading::WrongType);
    case stdlib::ImageFault::NoImage:
    case stdlib::ImageFault::OtherSize:
      break;
  }
  return std::unexpected(BadReading::WrongCount);
}

}  // namespace

struct Decoder::Parser : JsonParser {
  std::vector<char> elements;
  std::array<JsonValue, kMostFields> ahead;
  bool is_ahead = false;  // those of `ahead` that are not Missing are there, and the document is valid

  bool take_ahead(Ahead places, bool timed, JsonValue& field, JsonValue& time) const {
    if (!is_ahead || places.field == Ahead::kNone || ahead[places.field].kind == Kind::Missing) return false;
    if (timed && ahead[places.time].kind == Kind::Missing) return false;
    field = ahead[places.field];
    if (timed) time = ahead[places.time];
    return true;
  }

  DecodeResult decode_elements(const DecodePlan& plan, std::string_view payload, vm::TimeNs now);
  Elements elements_of(const DecodePlan& plan, dom::element element);
};

DecodeResult Decoder::Parser::decode_elements(const DecodePlan& plan, std::string_view payload, vm::TimeNs now) {
  Decoded decoded{.time = now};
  Elements found;
  if (plan.field.empty() && plan.time.empty()) {
    found = plan.meaning == Meaning::Image && plan.encoding == Encoding::ByType
                ? image_of_payload(plan, payload, elements)
                : elements_of_payload(plan, payload, elements);
  } else {
    dom::element document;
    if (const auto error = parse(payload).get(document))
      return std::unexpected(error == simdjson::NUMBER_ERROR ? BadReading::OutOfRange : BadReading::Malformed);
    if (!plan.time.empty()) {
      const auto element = at(document, plan.time.text());
      const auto taken = element ? time_of_value(value_of(*element), plan.time_unit) : std::nullopt;
      if (!taken) return std::unexpected(BadReading::BadTime);
      decoded.from_future = *taken > now;
      decoded.time = std::min(*taken, now);
    }
    const auto element = at(document, plan.field.text());
    if (!element) return std::unexpected(element.error());
    found = elements_of(plan, *element);
  }
  if (!found) return std::unexpected(found.error());
  decoded.text = *found;
  return decoded;
}

Elements Decoder::Parser::elements_of(const DecodePlan& plan, dom::element element) {
  if (element.is_string()) return elements_of_digits(plan, element.get_string().value_unsafe(), elements);
  if (element.is_null()) return std::unexpected(BadReading::NotANumber);
  dom::array array;
  if (element.get(array)) return std::unexpected(BadReading::WrongType);
  elements.clear();
  if (array.size() > plan.capacity) return std::unexpected(BadReading::WrongCount);
  for (const dom::element part : array) {
    const JsonValue value = value_of(part);
    std::expected<vm::Word, BadReading> word = std::unexpected(BadReading::WrongType);
    if (plan.type == vm::Scalar::Bool && value.is_bool()) {
      word = value.kind == Kind::True;
    } else {
      const auto number = number_of(value);
      word = number ? to_word(plan, *number) : std::unexpected(number.error());
    }
    if (!word) return std::unexpected(word.error());
    add_element(plan, *word, elements);
  }
  return checked_count(plan, {elements.data(), elements.size()});
}

Decoder::Decoder() : parser_(std::make_unique<Parser>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;

Ahead FieldsAhead::add(const DecodePlan& plan) {
  const bool timed = !plan.time.empty();
  if (plan.meaning == Meaning::Elements || plan.meaning == Meaning::Image || !plan.field.is_plain()) return {};
  if (timed && !plan.time.is_plain()) return {};
  const Ahead ahead{.field = place_of(plan.field), .time = timed ? place_of(plan.time) : Ahead::kNone};
  return ahead.field == Ahead::kNone || (timed && ahead.time == Ahead::kNone) ? Ahead{} : ahead;
}

std::uint8_t FieldsAhead::place_of(const JsonPointer& pointer) {
  const auto found = std::ranges::find(pointers_, pointer);
  const auto place = static_cast<std::uint8_t>(found - pointers_.begin());
  if (found != pointers_.end()) return place;
  if (pointers_.size() == kMostFields) return Ahead::kNone;
  pointers_.push_back(pointer);
  return place;
}

[[gnu::hot]] void Decoder::read_ahead(const FieldsAhead& fields, std::string_view payload) {
  const auto pointers = fields.pointers();
  parser_->is_ahead = false;
  if (pointers.empty() || payload.size() > kMaxPayloadBytes) return;
  const auto values = std::span(parser_->ahead).first(pointers.size());
  std::ranges::fill(values, JsonValue{});
  parser_->is_ahead = scan_json(payload, pointers, values);
}

[[gnu::hot]] DecodeResult Decoder::decode(const DecodePlan& plan, std::string_view payload, vm::TimeNs now,
                                          Ahead ahead) {
  if (payload.size() > kMaxPayloadBytes &&
      payload.size() > std::size_t{plan.image.width} * plan.image.height * kMaxPixelBytes + kMaxImageHead) [[unlikely]]
    return std::unexpected(BadReading::TooLarge);
  if (plan.meaning == Meaning::Elements || plan.meaning == Meaning::Image)
    return parser_->decode_elements(plan, payload, now);
  if (plan.field.empty() && plan.time.empty()) return runtime::decode_bare(plan, payload, now);
  JsonValue field, time_field;
  auto missing = BadReading::MissingField;
  if (!parser_->take_ahead(ahead, !plan.time.empty(), field, time_field) &&
      !scan_json(payload, plan.field, plan.time, field, time_field)) [[unlikely]] {
    if (const auto wrong = parse_json(*parser_, plan, payload, field, time_field, missing))
      return std::unexpected(*wrong);
  }
  vm::TimeNs time = now;
  bool from_future = false;
  if (!plan.time.empty()) {
    const auto taken = time_of_value(time_field, plan.time_unit);
    if (!taken) return std::unexpected(BadReading::BadTime);
    from_future = *taken > now;
    time = std::min(*taken, now);
  }
  if (field.kind == Kind::Missing) return std::unexpected(missing);
  auto decoded = reading_of(plan, field, time);
  if (decoded) decoded->from_future = from_future;
  return decoded;
}

DecodeResult Decoder::decode_bare(const DecodePlan& plan, std::string_view text, vm::TimeNs time) {
  if (plan.meaning != Meaning::Elements && plan.meaning != Meaning::Image)
    return runtime::decode_bare(plan, text, time);
  const Elements found = elements_of_text(plan, text, parser_->elements);
  if (!found) return std::unexpected(found.error());
  return Decoded{.text = *found, .time = time};
}

DecodeResult decode_bare(const DecodePlan& plan, std::string_view text, vm::TimeNs time) {
  if (plan.meaning == Meaning::Text) return text_reading(plan, text, time);
  if (plan.type == vm::Scalar::Bool) {
    if (const auto flag = parse_bool(text)) return Decoded{.value = *flag, .time = time};
  }
  const auto number = parse_number(text);
  if (plan.meaning == Meaning::Enum)
    return number ? ordinal_reading(plan, *number, time) : name_reading(plan, trimmed(text), time);
  if (plan.meaning == Meaning::Time) {
    if (!number) return time_reading(time_of_text(trimmed(text)), time);
    return time_reading(number->kind == Number::Kind::Signed ? time_of(number->whole, plan.time_unit)
                                                             : time_of(number->as_real(), plan.time_unit),
                        time);
  }
  if (!number) return std::unexpected(trimmed(text) == "null" ? BadReading::NotANumber : number.error());
  return number_reading(plan, *number, time);
}

DecodeResult decode_number(const DecodePlan& plan, double value, vm::TimeNs time) {
  if (plan.meaning == Meaning::Text || plan.meaning == Meaning::Elements || plan.meaning == Meaning::Image)
    return std::unexpected(BadReading::WrongType);
  if (plan.meaning == Meaning::Time) return time_reading(time_of(value, plan.time_unit), time);
  if (plan.meaning == Meaning::Enum)
    return ordinal_reading(plan, Number{.kind = Number::Kind::Real, .real = value}, time);
  return number_reading(plan, Number{.kind = Number::Kind::Real, .real = value}, time);
}

struct JsonRowReader::Parser : JsonParser {
  std::string value;
};
JsonRowReader::JsonRowReader() : parser_(std::make_unique<Parser>()) {}
JsonRowReader::~JsonRowReader() = default;

Result<JsonRow> JsonRowReader::read(std::string_view line) {
  static constexpr const char* kShape = "write {\"time_ms\": 0, \"input\": \"t1\", \"value\": 79}";
  dom::element document;
  JsonRow row;
  if (const auto error = parser_->parse(line).get(document)) {
    return fail(std::string("not JSON (") + simdjson::error_message(error) + "); " + kShape);
  }
  if (document["time_ms"].get(row.time_ms) != simdjson::SUCCESS) {
    return fail(std::string("no number under \"time_ms\"; ") + kShape);
  }
  if (document["input"].get(row.input) != simdjson::SUCCESS) {
    return fail(std::string("no text under \"input\"; ") + kShape);
  }
  dom::element value;
  if (document["value"].get(value) != simdjson::SUCCESS) return fail(std::string("no \"value\"; ") + kShape);
  if (value.is_string()) {
    row.value = value.get_string().value_unsafe();
    return row;
  }
  if (value.is_array() || value.is_object()) {
    return fail(std::string("\"value\" is neither a number, a text nor a boolean; ") + kShape);
  }
  parser_->value = simdjson::minify(value);
  row.value = parser_->value;
  return row;
}

}  // namespace eyeflow::runtime
