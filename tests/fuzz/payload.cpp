// What a broker delivers under a sensor's topic. The first byte picks how the site reads it. A reading that reaches a
// task is of the declared type, is a number, and is not from the future.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/payload/decoder.h"
#include "vm/base/check.h"

namespace {

using namespace eyeflow;

constexpr vm::TimeNs kNow = 1'800'000'000'000'000'000;
constexpr std::uint32_t kTextBytes = 12;

runtime::DecodePlan plan_of(runtime::Meaning meaning, const char* field, const char* time, vm::Scalar type) {
  runtime::DecodePlan plan;
  plan.meaning = meaning;
  plan.field = field;
  plan.time = time;
  plan.type = type;
  plan.capacity = kTextBytes;
  return plan;
}

std::vector<runtime::DecodePlan> make_plans() {
  using enum vm::Scalar;
  using enum runtime::Meaning;
  std::vector<runtime::DecodePlan> plans;
  for (const vm::Scalar type : {Bool, I64, I32, U8, U16, U32, U64, F32, F64}) {
    plans.push_back(plan_of(Number, "/temp", "/ts", type));
    plans.push_back(plan_of(Number, "", "", type));
  }
  plans.push_back(plan_of(Text, "/a/0/b~1c", "", I64));
  plans.push_back(plan_of(Text, "", "", I64));
  plans.push_back(plan_of(Time, "/when", "", I64));
  plans.push_back(plan_of(Duration, "/v", "/t", I64));
  using runtime::Encoding;
  for (const Encoding encoding : {Encoding::ByType, Encoding::Hex, Encoding::Base64, Encoding::BigEndian}) {
    for (const bool is_list : {false, true}) {
      plans.push_back(plan_of(Elements, is_list ? "/temp" : "", "", U8));
      plans.back().encoding = encoding;
      plans.back().is_list = is_list;
      if (encoding != Encoding::ByType && encoding != Encoding::BigEndian) continue;
      plans.push_back(plan_of(Elements, is_list ? "/temp" : "", is_list ? "/ts" : "", F32));
      plans.back().encoding = encoding;
      plans.back().is_list = is_list;
    }
  }
  plans.push_back(plan_of(Image, "", "", U8));  // JPEG, PNG, anymaps
  plans.back().image = {3, 2, vm::PixelFormat::Rgb8};
  return plans;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t n = 1; n < length; ++n)
      if ((static_cast<unsigned char>(text[at + n]) & 0xC0) != 0x80) return false;
    at += length;
  }
  return true;
}

void check_reading(const runtime::DecodePlan& plan, const runtime::Decoded& reading) {
  EYEFLOW_CHECK(reading.time <= kNow);
  if (plan.meaning == runtime::Meaning::Text) {
    EYEFLOW_CHECK(reading.text.size() <= kTextBytes && is_utf8(reading.text));
    return;
  }
  if (plan.meaning != runtime::Meaning::Number) return;
  EYEFLOW_CHECK(vm::is_canonical(plan.type, reading.value));
  if (plan.type == vm::Scalar::F64) EYEFLOW_CHECK(std::isfinite(vm::from_word<double>(reading.value)));
  if (plan.type == vm::Scalar::F32) EYEFLOW_CHECK(std::isfinite(vm::from_word<float>(reading.value)));
}

// A key with an escape in front, which nobody asks for, sends a document the long way; it must say the same.
void check_long_way(const runtime::DecodePlan& plan, std::string_view payload, const runtime::DecodeResult& quick) {
  static runtime::Decoder decoder;
  if (payload.empty() || payload.front() != '{' || plan.field.empty()) return;
  const std::size_t key = payload.find_first_not_of(" \t\r\n", 1);
  if (key == payload.npos) return;
  std::string longer = payload[key] == '}' ? R"({"\u0041z":0)" : R"({"\u0041z":0,)";
  longer += payload.substr(1);
  const runtime::DecodeResult slow = decoder.decode(plan, longer, kNow);
  EYEFLOW_CHECK(quick.has_value() == slow.has_value());
  if (!quick) {
    EYEFLOW_CHECK(quick.error() == slow.error());
    return;
  }
  EYEFLOW_CHECK(quick->value == slow->value && quick->text == slow->text && quick->time == slow->time &&
                quick->from_future == slow->from_future);
}

// All plans' fields read at once say the same of this one.
void check_ahead(const runtime::DecodePlan& plan, const std::vector<runtime::DecodePlan>& plans,
                 std::string_view payload, const runtime::DecodeResult& expected) {
  static runtime::Decoder decoder;
  static const runtime::FieldsAhead all = [&] {
    runtime::FieldsAhead fields;
    for (const auto& each : plans) fields.add(each);
    return fields;
  }();
  runtime::FieldsAhead fields = all;
  const runtime::Ahead ahead = fields.add(plan);
  decoder.read_ahead(fields, payload);
  const runtime::DecodeResult found = decoder.decode(plan, payload, kNow, ahead);
  EYEFLOW_CHECK(found.has_value() == expected.has_value());
  if (!found) {
    EYEFLOW_CHECK(found.error() == expected.error());
    return;
  }
  EYEFLOW_CHECK(found->value == expected->value && found->text == expected->text && found->time == expected->time &&
                found->from_future == expected->from_future);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<runtime::DecodePlan> plans = make_plans();
  static runtime::Decoder decoder;
  static runtime::JsonRowReader rows;
  if (size == 0) return 0;
  const runtime::DecodePlan& plan = plans[data[0] % plans.size()];
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  const runtime::DecodeResult decoded = decoder.decode(plan, payload, kNow);
  if (decoded) check_reading(plan, *decoded);
  check_long_way(plan, payload, decoded);
  check_ahead(plan, plans, payload, decoded);
  if (const runtime::DecodeResult reading = runtime::decode_bare(plan, payload, kNow)) check_reading(plan, *reading);
  static_cast<void>(rows.read(payload));
  return 0;
}
