#include "runtime/payload/decoder.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "tests/unit/allocations.h"

namespace eyeflow::runtime {
namespace {

using vm::Scalar;
using vm::Word;

constexpr vm::TimeNs kNow = 1'800'000'000'000'000'000;  // 2027-01-15T08:00:00Z

double as_f64(Word w) { return std::bit_cast<double>(w); }

// A task with one input of the given type and unit.
vm::Module module_with(Scalar type, std::string unit) {
  vm::Module m;
  m.task = "t";
  m.inputs.push_back({.value = {"t1", vm::type_id(type), std::move(unit)}});
  return m;
}
vm::Module module_with_text(std::uint32_t bytes) {
  vm::Module m;
  m.types.push_back({vm::TypeKind::Text, Scalar::Void, vm::Region::Input, bytes});
  m.inputs.push_back({.value = {"t1", vm::kFirstModuleType, ""}});
  return m;
}
vm::Module module_with_elements(Scalar type, std::uint32_t capacity, bool is_list = false, std::string unit = "") {
  vm::Module m;
  m.types.push_back({is_list ? vm::TypeKind::List : vm::TypeKind::Array, type, vm::Region::Input, capacity});
  m.inputs.push_back({.value = {"t1", vm::kFirstModuleType, std::move(unit)}});
  return m;
}
SensorSettings sensor(std::string field, std::string unit = "", std::string time = "") {
  SensorSettings s;
  s.written = "T1";
  s.field = std::move(field);
  s.unit = std::move(unit);
  s.time = std::move(time);
  return s;
}
DecodePlan plan_of(const SensorSettings& s, const vm::Module& m) {
  auto plan = make_plan(s, m, m.inputs[0]);
  EXPECT_TRUE(plan) << plan.error().message;
  return *plan;
}
DecodePlan plan_of(Scalar type, std::string field = "", std::string from = "", std::string to = "",
                   std::string time = "") {
  return plan_of(sensor(std::move(field), std::move(from), std::move(time)), module_with(type, std::move(to)));
}

std::string bad(const DecodePlan& plan, std::string_view payload) {
  Decoder decoder;
  const auto r = decoder.decode(plan, payload, kNow);
  return r ? "decoded" : std::string(name(r.error()));
}
Word word(const DecodePlan& plan, std::string_view payload) {
  Decoder decoder;
  const auto r = decoder.decode(plan, payload, kNow);
  EXPECT_TRUE(r) << payload << ": " << name(r.error());
  return r ? r->value : 0xDEAD;
}

TEST(Payload, NumbersInJson) {
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "/temp"), R"({"temp": 85.5})")), 85.5);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "/temp"), R"({"temp": 85})")), 85.0);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "/temp"), R"({"temp": "85.5"})")), 85.5);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "/a/b/2/c"), R"({"a": {"b": [1, 2, {"c": -1e3}]}})")), -1000.0);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "/a~1b/m~0n"), R"({"a/b": {"m~n": 1}})")), 1.0);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "/0"), "[7]")), 7.0);
}

TEST(Payload, BareNumbers) {
  const auto plan = plan_of(Scalar::F64);
  EXPECT_EQ(as_f64(word(plan, "85.5")), 85.5);
  EXPECT_EQ(as_f64(word(plan, " +85.5\r\n")), 85.5);
  EXPECT_EQ(as_f64(word(plan, "1e-3")), 1e-3);
  EXPECT_EQ(as_f64(word(plan, "18446744073709551615")), 18446744073709551615.0);
  for (const auto* wrong : {"", " ", "x", "85.5 C", "1,5", "0x10", "--1", "+-1", "1e", "{}", "85.5\n86"}) {
    EXPECT_EQ(bad(plan, wrong), "Malformed") << wrong;
  }
}

TEST(Payload, NanAndItsKin) {
  for (const auto* nan : {"nan", "NaN", "-nan", "null"}) EXPECT_EQ(bad(plan_of(Scalar::F64), nan), "NotANumber") << nan;
  for (const auto* inf : {"inf", "-Infinity", "1e999"}) EXPECT_EQ(bad(plan_of(Scalar::F64), inf), "OutOfRange") << inf;
  const auto plan = plan_of(Scalar::F64, "/t");
  EXPECT_EQ(bad(plan, R"({"t": null})"), "NotANumber");
  EXPECT_EQ(bad(plan, R"({"t": "NaN"})"), "NotANumber");
  EXPECT_EQ(bad(plan, R"({"t": NaN})"), "Malformed");
  EXPECT_EQ(bad(plan, R"({"t": 1e999})"), "OutOfRange");
  EXPECT_EQ(decode_number(plan, std::nan(""), 0).error(), BadReading::NotANumber);
  EXPECT_EQ(decode_number(plan, -std::numeric_limits<double>::infinity(), 0).error(), BadReading::OutOfRange);
}

TEST(Payload, MalformedJson) {
  const auto plan = plan_of(Scalar::F64, "/t");
  for (const auto* wrong : {"", "{", R"({"t": 1)", R"({"t": 1} x)", R"({"t": 1, })", R"({"t" 1})", "\xff"}) {
    EXPECT_EQ(bad(plan, wrong), "Malformed") << wrong;
  }
  EXPECT_EQ(bad(plan, std::string_view()), "Malformed");
  EXPECT_EQ(bad(plan, R"({"u": 1})"), "MissingField");
  EXPECT_EQ(bad(plan, "3"), "MissingField");
  EXPECT_EQ(bad(plan_of(Scalar::F64, "/t/5"), R"({"t": [1]})"), "MissingField");
  EXPECT_EQ(bad(plan, R"({"t": {}})"), "WrongType");
  EXPECT_EQ(bad(plan, R"({"t": true})"), "WrongType");
  EXPECT_EQ(bad(plan, std::string(kMaxPayloadBytes + 1, ' ')), "TooLarge");
}

TEST(Payload, IntegerRanges) {
  struct Row {
    Scalar type;
    const char *low, *high, *below, *above;
    Word low_word, high_word;
  };
  const Row rows[] = {
      {Scalar::I64, "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808",
       Word{1} << 63, ~Word{0} >> 1},
      {Scalar::I32, "-2147483648", "2147483647", "-2147483649", "2147483648", 0xFFFFFFFF80000000, 0x7FFFFFFF},
      {Scalar::U8, "0", "255", "-1", "256", 0, 255},
      {Scalar::U16, "0", "65535", "-1", "65536", 0, 65535},
      {Scalar::U32, "0", "4294967295", "-1", "4294967296", 0, 4294967295},
      {Scalar::U64, "0", "18446744073709551615", "-1", "18446744073709551616", 0, ~Word{0}},
  };
  for (const auto& row : rows) {
    const auto bare = plan_of(row.type);
    const auto json = plan_of(row.type, "/v");
    const auto wrap = [](const char* v) { return std::string("{\"v\":") + v + "}"; };
    EXPECT_EQ(word(bare, row.low), row.low_word);
    EXPECT_EQ(word(bare, row.high), row.high_word);
    EXPECT_EQ(bad(bare, row.below), "OutOfRange") << row.below;
    EXPECT_EQ(bad(bare, row.above), "OutOfRange") << row.above;
    EXPECT_EQ(word(json, wrap(row.low)), row.low_word);
    EXPECT_EQ(word(json, wrap(row.high)), row.high_word);
    EXPECT_EQ(bad(json, wrap(row.below)), "OutOfRange") << row.below;
    EXPECT_EQ(bad(json, wrap(row.above)), "OutOfRange") << row.above;
    EXPECT_EQ(word(bare, "3.0"), 3u);
    EXPECT_EQ(bad(bare, "3.5"), "WrongType");
    EXPECT_TRUE(vm::is_canonical(row.type, word(bare, row.low)));
  }
}

TEST(Payload, SmallFloats) {
  EXPECT_EQ(word(plan_of(Scalar::F32), "0.1"), std::bit_cast<std::uint32_t>(0.1f));
  EXPECT_EQ(bad(plan_of(Scalar::F32), "1e39"), "OutOfRange");
}

TEST(Payload, Booleans) {
  const auto bare = plan_of(Scalar::Bool);
  for (const auto* yes : {"1", "on", "ON", "true", " True "}) EXPECT_EQ(word(bare, yes), 1u) << yes;
  for (const auto* no : {"0", "off", "false"}) EXPECT_EQ(word(bare, no), 0u) << no;
  EXPECT_EQ(bad(bare, "2"), "WrongType");
  EXPECT_EQ(bad(bare, "yes"), "Malformed");
  const auto json = plan_of(Scalar::Bool, "/v");
  EXPECT_EQ(word(json, R"({"v": true})"), 1u);
  EXPECT_EQ(word(json, R"({"v": "off"})"), 0u);
  EXPECT_EQ(word(json, R"({"v": 1})"), 1u);
}

TEST(Payload, Texts) {
  const auto bare = plan_of(sensor(""), module_with_text(5));
  Decoder decoder;
  EXPECT_EQ(decoder.decode(bare, "abcde", kNow)->text, "abcde");
  EXPECT_EQ(bad(bare, "abcdef"), "TextTooLong");
  EXPECT_EQ(bad(bare, "\xc3"), "Malformed");
  const auto json = plan_of(sensor("/s"), module_with_text(5));
  EXPECT_EQ(decoder.decode(json, R"({"s": "a\u00e9\n"})", kNow)->text, "aé\n");
  EXPECT_EQ(bad(json, R"({"s": "abcdef"})"), "TextTooLong");
  EXPECT_EQ(bad(json, R"({"s": 3})"), "WrongType");
}

TEST(Payload, UnitsConvertOnce) {
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "", "°F", "°C"), "185")), 85.0);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "", "K", "°C"), "373.15")), 100.0);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "", "bar", "kPa"), "1.5")), 150.0);
  EXPECT_EQ(as_f64(word(plan_of(Scalar::F64, "", "km/h", "m/s"), "90")), 25.0);
  EXPECT_EQ(word(plan_of(Scalar::I32, "", "m", "mm"), "1.2345"), 1234u);  // 1234.5 to nearest even
  EXPECT_EQ(word(plan_of(Scalar::I64, "", "ms", "duration"), "2.5"), 2'500'000u);
  EXPECT_EQ(bad(plan_of(Scalar::F64, "", "km", "mm"), "1e305"), "OutOfRange");
}

TEST(Payload, UnitsThatDoNotFitAreRefused) {
  const auto error = [](std::string from, std::string to) {
    const auto m = module_with(Scalar::F64, std::move(to));
    const auto plan = make_plan(sensor("/t", std::move(from)), m, m.inputs[0]);
    return plan ? "no error" : plan.error().message;
  };
#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
  EXPECT_CONTAINS(error("kPa", "°C"), "another dimension");
  EXPECT_CONTAINS(error("", "°C"), "add unit = \"°C\"");
  EXPECT_CONTAINS(error("°C", ""), "remove unit");
  EXPECT_CONTAINS(error("°X", "°C"), "°X");
  EXPECT_CONTAINS(error("", "duration"), "add unit = \"s\"");
  const auto m = module_with_text(5);
  EXPECT_CONTAINS(make_plan(sensor("", "m"), m, m.inputs[0]).error().message, "text, which has no unit");
}

// 650 counts of 0.1 °C from -40 °C are 25 °C, which is 77 °F.
TEST(Payload, RawCountsHaveAScale) {
  SensorSettings raw = sensor("/v", "°C");
  raw.scale = 0.1;
  raw.offset = -40;
  EXPECT_EQ(as_f64(word(plan_of(raw, module_with(Scalar::F64, "°C")), R"({"v": 650})")), 25.0);
  EXPECT_EQ(as_f64(word(plan_of(raw, module_with(Scalar::F64, "°F")), R"({"v": 650.0})")), 77.0);
  EXPECT_EQ(word(plan_of(raw, module_with(Scalar::I64, "°C")), R"({"v": 655})"), 26u);  // 25.5 to nearest even
  raw.unit = "dBm";
  raw.offset = -120;  // 650 counts of 0.1 dBm from -120 dBm: 30 less in dBW
  EXPECT_EQ(as_f64(word(plan_of(raw, module_with(Scalar::F64, "dBW")), R"({"v": 650})")), -85.0);
  raw.unit = "";
  raw.offset = 0;
  EXPECT_EQ(as_f64(word(plan_of(raw, module_with(Scalar::F64, "")), R"({"v": 5.0})")), 0.5);
  const auto m = module_with(Scalar::Bool, "");
  EXPECT_CONTAINS(make_plan(raw, m, m.inputs[0]).error().message, "remove scale");
}

TEST(Payload, EnumsByNameOrNumber) {
  const vm::Module m = module_with(Scalar::I64, "enum(idle, starting, fault)");
  const DecodePlan json = plan_of(sensor("/mode"), m), bare = plan_of(sensor(""), m);
  EXPECT_EQ(word(json, R"({"mode": "starting"})"), 1u);
  EXPECT_EQ(word(json, R"({"mode": 2})"), 2u);
  EXPECT_EQ(word(bare, " fault "), 2u);
  EXPECT_EQ(word(bare, "0"), 0u);
  EXPECT_EQ(bad(json, R"({"mode": "start"})"), "OutOfRange");
  EXPECT_EQ(bad(json, R"({"mode": 3})"), "OutOfRange");
  EXPECT_EQ(bad(json, R"({"mode": -1})"), "OutOfRange");
  EXPECT_EQ(bad(json, R"({"mode": 1.5})"), "WrongType");
  EXPECT_EQ(bad(json, R"({"mode": true})"), "WrongType");
  EXPECT_EQ(bad(bare, ""), "OutOfRange");
  EXPECT_CONTAINS(make_plan(sensor("", "m"), m, m.inputs[0]).error().message,
                  "(idle, starting, fault), which has no unit");
}

TEST(Payload, TimesOfReadings) {  // expected values: date -u -d … +%s
  const auto plan = plan_of(Scalar::F64, "/v", "", "", "/ts");
  Decoder decoder;
  const auto time = [&](const std::string& ts) {
    const auto r = decoder.decode(plan, "{\"v\": 1, \"ts\": " + ts + "}", kNow);
    return r ? r->time : -1;
  };
  EXPECT_EQ(time("1769839200"), 1769839200'000'000'000);
  EXPECT_EQ(time("1769839200.5"), 1769839200'500'000'000);
  EXPECT_EQ(time("1769839200123"), 1769839200'123'000'000);
  EXPECT_EQ(time("1769839200123456"), 1769839200'123'456'000);
  EXPECT_EQ(time("1769839200123456789"), 1769839200'123'456'789);
  EXPECT_EQ(time("\"2026-01-31T06:00:00Z\""), 1769839200'000'000'000);
  EXPECT_EQ(time("\"2026-01-31 07:30:00.123456789123+01:30\""), 1769839200'123'456'789);
  EXPECT_EQ(time("\"2024-02-29T00:00:00Z\""), 1709164800'000'000'000);
  for (const auto* wrong :
       {"-1", "null", "true", "\"\"", "\"2026-02-29T00:00:00Z\"", "\"2026-01-31T24:00:00Z\"", "\"2026-01-31T06:00:00\"",
        "\"2026-01-31T06:00:00.Z\"", "\"2026-01-31T06:00:00Z \"", "1e300"}) {
    EXPECT_EQ(time(wrong), -1) << wrong;
  }
  EXPECT_EQ(bad(plan, R"({"v": 1})"), "BadTime");
}

TEST(Payload, ATimeAheadIsNow) {
  const auto plan = plan_of(Scalar::F64, "/v", "", "", "/ts");
  Decoder decoder;
  const auto r = decoder.decode(plan, R"({"v": 1, "ts": 1800000000.5})", kNow);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->time, kNow);
  EXPECT_TRUE(r->from_future);
  EXPECT_FALSE(decoder.decode(plan, R"({"v": 1, "ts": 1800000000})", kNow)->from_future);
}

TEST(Payload, AGivenTimeUnitIsNotGuessed) {
  auto s = sensor("/v", "", "/ts");
  s.time_unit = TimeUnit::Milliseconds;
  Decoder decoder;
  EXPECT_EQ(decoder.decode(plan_of(s, module_with(Scalar::F64, "")), R"({"v": 1, "ts": 5})", kNow)->time, 5'000'000);
}

TEST(Payload, BareValuesOfFiles) {
  const auto plan = plan_of(Scalar::F64, "/ignored", "°F", "°C", "/ignored");
  EXPECT_EQ(as_f64(decode_bare(plan, "185", 7)->value), 85.0);
  EXPECT_EQ(decode_bare(plan, "185", 7)->time, 7);
  EXPECT_EQ(as_f64(decode_number(plan, 185, 7)->value), 85.0);
}

TEST(Payload, JsonRows) {
  JsonRowReader reader;
  const auto row = reader.read(R"({"time_ms": 1.5, "input": "t1", "value": 79})");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->time_ms, 1.5);
  EXPECT_EQ(row->input, "t1");
  EXPECT_EQ(row->value, "79");
  EXPECT_EQ(reader.read(R"({"time_ms": 1, "input": "t1", "value": "x"})")->value, "x");
  EXPECT_EQ(reader.read(R"({"time_ms": 1, "input": "t1", "value": null})")->value, "null");
  for (const auto* wrong : {"", "{}", R"({"time_ms": "1", "input": "t", "value": 1})", R"({"time_ms": 1, "value": 1})",
                            R"({"time_ms": 1, "input": "t"})", R"({"time_ms": 1, "input": "t", "value": []})"}) {
    EXPECT_FALSE(reader.read(wrong)) << wrong;
  }
}

// The quick way through a document against the long one, to which a key with an escape in front sends it: on whole
// documents and on what becomes of them when bytes change.
TEST(Payload, TheQuickWaySaysWhatTheLongOneSays) {
  const std::string seeds[] = {
      R"({"temp":79.43,"ts":1714566896789})",
      R"({ "ts" : "2026-01-31T06:00:00Z" , "temp" : -1.5e-7 , "more" : [ 1 , {"temp" : 2}, "x", true, null ] })",
      R"({"a":{"temp":12345678.87654321,"b":{}},"temp":123456789012345678,"ts":1e9})",
      R"({"temp":"21.5","temp":3,"ts":1714566896.789,"unit":"°C"})",
      R"({"a":{"ts":5},"temp":0.1234567890123456789,"ts":17145668967890000000})",
      R"({"temp":true,"ts":-0,"a":{"temp":4503599627370497.5}})",
      R"({"temp":9007199254740993.5,"ts":1,"a":{"temp":-0.0}})",
      R"({"temperature":3.5,"temperatur":1,"temp":2,"grün":4,"b":{"a":{"temp":7}}})",
      R"({"b":1})",
      R"({"":{"b":5},"grün":-2.5e3,"b":true})",
  };
  const DecodePlan plans[] = {plan_of(Scalar::F64, "/temp", "", "", "/ts"),
                              plan_of(Scalar::F64, "/a/temp"),
                              plan_of(Scalar::I64, "/temp", "", "", "/a/ts"),
                              plan_of(Scalar::Bool, "/temp"),
                              plan_of(Scalar::F32, "/a/temp", "°F", "°C", "/ts"),
                              plan_of(Scalar::F64, "/temperature", "", "", "/temp"),
                              plan_of(Scalar::F64, "/b"),
                              plan_of(Scalar::F64, "/grün"),
                              plan_of(Scalar::F64, "/b/a/temp"),
                              plan_of(Scalar::F64, "//b"),
                              plan_of(Scalar::F64, "/a", "", "", "/a/ts")};
  // And all of them at once, which must not change what each of them says.
  FieldsAhead fields;
  std::vector<Ahead> ahead;
  for (const DecodePlan& plan : plans) ahead.push_back(fields.add(plan));
  EXPECT_EQ(fields.pointers().size(), 10u);
  constexpr std::string_view kBytes = "0123456789.eE+-{}[]\",: tfn\\\x80\xC2\x01";
  Decoder quick, together, slow;
  std::uint64_t random = 1;
  const auto below = [&](std::size_t limit) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<std::size_t>(random >> 33) % limit;
  };
  int good = 0, refused = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string payload = seeds[below(std::size(seeds))];
    for (std::size_t changes = below(4); changes > 0; --changes) {
      const std::size_t at = 1 + below(payload.size() - 1);
      switch (below(3)) {
        case 0:
          payload[at] = kBytes[below(kBytes.size())];
          break;
        case 1:
          payload.insert(at, 1, kBytes[below(kBytes.size())]);
          break;
        default:
          payload.erase(at, 1);
      }
    }
    const std::size_t key = payload.find_first_not_of(" \t\r\n", 1);
    const bool empty = key != payload.npos && payload[key] == '}';
    const std::string longer = (empty ? R"({"\u0041z":0)" : R"({"\u0041z":0,)") + payload.substr(1);
    together.read_ahead(fields, payload);
    for (std::size_t n = 0; n < std::size(plans); ++n) {
      const DecodePlan& plan = plans[n];
      const auto a = quick.decode(plan, payload, kNow), b = slow.decode(plan, longer, kNow);
      const auto c = together.decode(plan, payload, kNow, ahead[n]);
      ASSERT_EQ(c.has_value(), a.has_value()) << payload << " " << n;
      if (c)
        ASSERT_TRUE(c->value == a->value && c->time == a->time && c->from_future == a->from_future) << payload << n;
      else
        ASSERT_EQ(name(c.error()), name(a.error())) << payload << " " << n;
      ASSERT_EQ(a.has_value(), b.has_value()) << payload;
      if (!a) {
        ASSERT_EQ(name(a.error()), name(b.error())) << payload;
        ++refused;
        continue;
      }
      ASSERT_EQ(a->value, b->value) << payload;
      ASSERT_EQ(a->time, b->time) << payload;
      ASSERT_EQ(a->from_future, b->from_future) << payload;
      ++good;
    }
  }
  EXPECT_GT(good, 10'000);
  EXPECT_GT(refused, 10'000);
}

TEST(Payload, SeveralFieldsAreReadAtOnce) {
  FieldsAhead fields;
  const auto seq = plan_of(Scalar::I64, "/seq"), temp = plan_of(Scalar::F64, "/temp", "", "", "/ts"),
             late = plan_of(Scalar::F64, "/late"), deep = plan_of(Scalar::F64, "/a/b"),
             same = plan_of(Scalar::F32, "/temp", "", "", "/ts");
  const Ahead at_seq = fields.add(seq), at_temp = fields.add(temp), at_late = fields.add(late),
              at_deep = fields.add(deep), at_same = fields.add(same);
  EXPECT_EQ(at_same.field, at_temp.field);
  EXPECT_EQ(fields.add(plan_of(Scalar::F64, "")).field, Ahead::kNone);       // the payload itself
  EXPECT_EQ(fields.add(plan_of(Scalar::F64, "/a~1b")).field, Ahead::kNone);  // not plain
  ASSERT_EQ(fields.pointers().size(), 5u);
  const std::string_view payload = R"({"a":{"b":2},"ts":1714566896,"temp":21.5,"seq":7,"temp":99})";
  Decoder decoder;
  decoder.read_ahead(fields, payload);
  EXPECT_EQ(decoder.decode(seq, payload, kNow, at_seq)->value, Word{7});
  EXPECT_EQ(as_f64(decoder.decode(temp, payload, kNow, at_temp)->value), 21.5);  // the first one counts
  EXPECT_EQ(decoder.decode(temp, payload, kNow, at_temp)->time, vm::TimeNs{1714566896} * 1'000'000'000);
  EXPECT_EQ(as_f64(decoder.decode(deep, payload, kNow, at_deep)->value), 2.0);
  EXPECT_EQ(decoder.decode(late, payload, kNow, at_late).error(), BadReading::MissingField);
  // What was read ahead of one payload says nothing of the next.
  decoder.read_ahead({}, R"({"seq":8})");
  EXPECT_EQ(decoder.decode(seq, R"({"seq":8})", kNow, at_seq)->value, Word{8});
  // More than there is room for are read one by one.
  FieldsAhead many;
  int ahead = 0;
  for (int n = 0; n < 100; ++n) ahead += many.add(plan_of(Scalar::F64, "/f" + std::to_string(n))).field != Ahead::kNone;
  EXPECT_EQ(ahead, 64);
  EXPECT_EQ(many.add(plan_of(Scalar::F64, "/f3")).field, 3);
  std::string wide = "{";
  for (int n = 99; n >= 0; --n) wide += "\"f" + std::to_string(n) + "\":" + std::to_string(n) + (n > 0 ? "," : "}");
  decoder.read_ahead(many, wide);
  for (int n = 0; n < 100; ++n) {
    const auto plan = plan_of(Scalar::F64, "/f" + std::to_string(n));
    const auto found = decoder.decode(plan, wide, kNow, many.add(plan));
    ASSERT_TRUE(found) << n;
    EXPECT_EQ(as_f64(found->value), n);
  }
}

TEST(Payload, NoAllocationPerReading) {
  const auto json = plan_of(Scalar::F64, "/a/temp", "°F", "°C", "/ts");
  const auto bare = plan_of(Scalar::F64);
  Decoder decoder;
  const std::string payload = R"({"a": {"temp": 85.5, "other": "text"}, "ts": "2026-01-31T06:00:00Z"})";
  FieldsAhead fields;
  const Ahead ahead = fields.add(json);
  const auto both = [&] {
    decoder.read_ahead(fields, payload);
    return decoder.decode(json, payload, kNow, ahead) && decoder.decode(bare, "85.5", kNow);
  };
  EXPECT_TRUE(both());
  const auto before = allocations();
  bool good = true;
  for (int i = 0; i < 1000; ++i) good &= both();
  EXPECT_EQ(allocations(), before);
  EXPECT_TRUE(good);
}

// ---- Elements

// What a payload becomes, as the digits of its bytes; or why it does not.
std::string elements(const SensorSettings& s, const vm::Module& m, std::string_view payload) {
  Decoder decoder;
  const auto r = decoder.decode(plan_of(s, m), payload, kNow);
  if (!r) return std::string(name(r.error()));
  std::string digits;
  for (const char c : r->text) {
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    digits += "0123456789abcdef"[c & 15];
  }
  return digits;
}
SensorSettings encoded(Encoding encoding, std::string field = "") {
  SensorSettings s = sensor(std::move(field));
  s.encoding = encoding;
  return s;
}

TEST(Payload, BytesAreTakenAsTheyAre) {
  const auto exactly = module_with_elements(Scalar::U8, 3), at_most = module_with_elements(Scalar::U8, 3, true);
  EXPECT_EQ(elements(sensor(""), exactly, std::string_view("\0\xff\n", 3)), "00ff0a");
  EXPECT_EQ(elements(sensor(""), exactly, "ab"), "WrongCount");
  EXPECT_EQ(elements(sensor(""), at_most, "ab"), "6162");
  EXPECT_EQ(elements(sensor(""), at_most, ""), "");
  EXPECT_EQ(elements(sensor(""), at_most, "abcd"), "WrongCount");
}

TEST(Payload, BytesAsDigits) {
  const auto m = module_with_elements(Scalar::U8, 4, true);
  EXPECT_EQ(elements(encoded(Encoding::Hex), m, " 01 fF0a\n"), "01ff0a");
  EXPECT_EQ(elements(encoded(Encoding::Hex), m, "01f"), "Malformed");
  EXPECT_EQ(elements(encoded(Encoding::Hex), m, "0 1f"), "Malformed");
  EXPECT_EQ(elements(sensor("/v"), m, R"({"v": "01 ff"})"), "01ff");
  EXPECT_EQ(elements(sensor("/v"), m, R"({"v": [1, 255]})"), "01ff");
  EXPECT_EQ(elements(sensor("/v"), m, R"({"v": [1, 256]})"), "OutOfRange");
  EXPECT_EQ(elements(sensor("/v"), m, R"({"v": 1})"), "WrongType");
  // RFC 4648, section 10.
  EXPECT_EQ(elements(encoded(Encoding::Base64), m, "Zm9v"), "666f6f");
  EXPECT_EQ(elements(encoded(Encoding::Base64, "/v"), m, R"({"v": "Zm9vYg=="})"), "666f6f62");
  EXPECT_EQ(elements(encoded(Encoding::Base64), m, "Zg"), "66");
  EXPECT_EQ(elements(encoded(Encoding::Base64), m, "Z"), "Malformed");
  EXPECT_EQ(elements(encoded(Encoding::Base64), m, "Zh=="), "Malformed");
  EXPECT_EQ(elements(encoded(Encoding::Base64), m, "Zm9vYmFy"), "WrongCount");
}

TEST(Payload, BlocksOfNumbers) {
  const auto m = module_with_elements(Scalar::F32, 2);
  EXPECT_EQ(elements(sensor(""), m, "[1.5, -2]"), "0000c03f000000c0");
  EXPECT_EQ(elements(sensor("/v"), m, R"({"v": [1.5, "-2"]})"), "0000c03f000000c0");
  EXPECT_EQ(elements(sensor(""), m, "[1.5]"), "WrongCount");
  EXPECT_EQ(elements(sensor(""), m, "[1, 2, 3]"), "WrongCount");
  EXPECT_EQ(elements(sensor(""), m, "[1.5, null]"), "NotANumber");
  EXPECT_EQ(elements(sensor("/v"), m, R"({"v": [1.5, null]})"), "NotANumber");
  EXPECT_EQ(elements(sensor(""), m, "[1.5, x]"), "Malformed");
  EXPECT_EQ(elements(sensor(""), m, "1.5, 2"), "Malformed");
  EXPECT_EQ(elements(encoded(Encoding::BigEndian), m, std::string_view("\x3f\xc0\0\0\xc0\0\0\0", 8)),
            "0000c03f000000c0");
  EXPECT_EQ(elements(encoded(Encoding::LittleEndian), m, std::string_view("\0\0\xc0\x3f\0\0\0\xc0", 8)),
            "0000c03f000000c0");
  EXPECT_EQ(elements(encoded(Encoding::BigEndian), m, std::string_view("\x7f\xc0\0\0\xc0\0\0\0", 8)), "NotANumber");
  EXPECT_EQ(elements(encoded(Encoding::BigEndian), m, "12345"), "WrongCount");
  EXPECT_EQ(elements(encoded(Encoding::BigEndian), module_with_elements(Scalar::I32, 1), "\xff\xff\xff\xfe"),
            "feffffff");
  EXPECT_EQ(elements(sensor("/v", "°F"), module_with_elements(Scalar::F64, 1, false, "°C"), R"({"v": [185]})"),
            "0000000000405540");
}

vm::Module module_with_image(const vm::ImageForm& form) {
  vm::Module m = module_with_elements(Scalar::U8, static_cast<std::uint32_t>(form.bytes()));
  m.inputs[0].value.unit = vm::image_unit(form);
  return m;
}

TEST(Payload, ImagesFromFilesAndPixels) {
  using enum vm::PixelFormat;
  const auto rgb = module_with_image({2, 1, Rgb8});
  EXPECT_EQ(elements(sensor(""), rgb, "abcdef"), "616263646566");  // the pixels themselves
  EXPECT_EQ(elements(sensor(""), rgb, "P6\n# two pixels\n2 1\n255\nabcdef"), "616263646566");
  EXPECT_EQ(elements(sensor(""), module_with_image({2, 1, Bgr8}), "P6 2 1 255\nabcdef"), "636261666564");
  EXPECT_EQ(elements(sensor(""), rgb, "P5 2 1 255\nab"), "616161626262");
  EXPECT_EQ(elements(sensor(""), module_with_image({2, 1, Gray8}), "P5 2 1 255\nab"), "6162");
  EXPECT_EQ(elements(sensor(""), rgb, "P6 1 2 255\nabcdef"), "WrongCount");  // another size
  EXPECT_EQ(elements(sensor(""), rgb, "P6 2 1 255\nabcde"), "WrongCount");   // it breaks off
  EXPECT_EQ(elements(sensor(""), rgb, "P6 2 1 65535\nabcdef"), "WrongCount");
  EXPECT_EQ(elements(sensor(""), rgb, ""), "WrongCount");
}

// 8 × 8 pixels of 100, by another program of libjpeg's.
constexpr std::string_view kJpeg =
    "ffd8ffdb00430001010101010101010101010101010101010101010101010101010101010101010101010101010101010101"
    "010101010101010101010101010101010101010101ffc0000b080008000801011100ffc40014000100000000000000000000"
    "000000000008ffc40014100100000000000000000000000000000000ffda0008010100003f000fbfffd9";

std::string from_digits(std::string_view digits) {
  std::string bytes;
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
    bytes += static_cast<char>(value(digits[at]) << 4 | value(digits[at + 1]));
  return bytes;
}

TEST(Payload, ImagesFromJpeg) {
  using enum vm::PixelFormat;
  const std::string file = from_digits(kJpeg);
  std::string hundreds;
  for (int n = 0; n < 64; ++n) hundreds += "64";
  EXPECT_EQ(elements(sensor(""), module_with_image({8, 8, Gray8}), file), hundreds);
  EXPECT_EQ(elements(sensor(""), module_with_image({8, 8, Rgb8}), file), hundreds + hundreds + hundreds);
  EXPECT_EQ(elements(sensor(""), module_with_image({8, 7, Gray8}), file), "WrongCount");
  EXPECT_EQ(elements(sensor(""), module_with_image({8, 8, Yuyv}), file), "WrongType");
  for (std::size_t size = 2; size + 2 < file.size(); ++size)  // none that breaks off is taken, but for 64 pixels
    if (size != 64)
      EXPECT_EQ(elements(sensor(""), module_with_image({8, 8, Gray8}), file.substr(0, size)), "Malformed");
}

// 3 × 2 pixels each, written from the standard by a script of zlib's compressor and CRC alone.
constexpr std::size_t kPngMarkBytes = 8;
constexpr std::string_view kGrayPng =
    "89504e470d0a1a0a0000000d4948445200000003000000020800000000b81f39c6000000104944415478da636048f9cfc0ce"
    "c109000789017c1b5a55960000000049454e44ae426082";
constexpr std::string_view kRgbPng =
    "89504e470d0a1a0a0000000d49484452000000030000000208020000001216f14d000000184944415478da63f8cfc0c000c1"
    "8c4ccc1a4636ffffff070035e9069714e3c6700000000049454e44ae426082";
constexpr std::string_view kGray16Png =
    "89504e470d0a1a0a0000000d4948445200000003000000021000000000e88fe585000000164944415478da6360604849f9ff"
    "9f819d9dbd9dbd03001bc503f22d2189f60000000049454e44ae426082";
constexpr std::string_view kRgbaPng =
    "89504e470d0a1a0a0000000d49484452000000030000000208060000009d74661a0000001e4944415478da63f8cf0004ff19"
    "1a80c47f06462666060d239b86ff400000638c0995cca673b90000000049454e44ae426082";
constexpr std::string_view kGrayAlphaPng =
    "89504e470d0a1a0a0000000d4948445200000003000000020804000000377dae91000000164944415478da6360604869f8ff"
    "9f819d81a381f33f001d24047ab78444ee0000000049454e44ae426082";
constexpr std::string_view kPalettePng =
    "89504e470d0a1a0a0000000d49484452000000030000000204030000006f5a7b2900000012504c5445ff000000ff000000ff"
    "01020328323cffffff4173f4530000000274524e53ff00e5b7304a0000000e4944415478da6360546030090000014300a6c3"
    "a5112b0000000049454e44ae426082";
constexpr std::string_view kBitsPng =
    "89504e470d0a1a0a0000000d4948445200000003000000020100000000b50f5bb70000000c4944415478da6358c090000002"
    "44010150b8206c0000000049454e44ae426082";
constexpr std::string_view kInterlacedPng =
    "89504e470d0a1a0a0000000d4948445200000003000000020800000001cf180950000000124944415478da636060f8cf90c2"
    "c0cec109000925017c51154fc40000000049454e44ae426082";

TEST(Payload, ImagesFromPng) {
  using enum vm::PixelFormat;
  const auto read = [](std::string_view file, vm::PixelFormat format) {
    return elements(sensor(""), module_with_image({3, 2, format}), from_digits(file));
  };
  const std::string gray = "0064ff070809", rgb = "ff000000ff000000ff01020328323cffffff";
  EXPECT_EQ(read(kGrayPng, Gray8), gray);
  EXPECT_EQ(read(kGrayPng, Rgb8), "000000646464ffffff070707080808090909");
  EXPECT_EQ(read(kRgbPng, Rgb8), rgb);
  EXPECT_EQ(read(kRgbPng, Bgr8), "0000ff00ff00ff00000302013c3228ffffff");
  EXPECT_EQ(read(kRgbPng, Gray8), "4d951d0230ff");     // (77 r + 150 g + 29 b + 128) / 256
  EXPECT_EQ(read(kGray16Png, Gray8), "0064ff070708");  // of 65535, rounded: 1927 is 7.498, 1928 is 7.502
  EXPECT_EQ(read(kRgbaPng, Rgb8), rgb);                // transparency is left out
  EXPECT_EQ(read(kGrayAlphaPng, Gray8), gray);
  EXPECT_EQ(read(kPalettePng, Rgb8), rgb);  // also of a palette
  EXPECT_EQ(read(kBitsPng, Gray8), "ff00ff00ffff");
  EXPECT_EQ(read(kInterlacedPng, Gray8), gray);
  EXPECT_EQ(read(kGrayPng, Yuyv), "WrongType");
  EXPECT_EQ(elements(sensor(""), module_with_image({2, 3, Gray8}), from_digits(kGrayPng)), "WrongCount");
}

TEST(Payload, DamagedPngsAreRefused) {
  using enum vm::PixelFormat;
  const auto plan = module_with_image({3, 2, Gray8});
  for (const std::string_view digits : {kGrayPng, kInterlacedPng, kPalettePng, kGray16Png}) {
    const std::string file = from_digits(digits);
    for (std::size_t size = kPngMarkBytes; size < file.size(); ++size)
      EXPECT_EQ(elements(sensor(""), plan, file.substr(0, size)), "Malformed") << size;
    // A bit in the head, in the pixels or in what checks them; a palette's transparency alone is beside the point.
    for (std::size_t at = kPngMarkBytes; at < file.size(); ++at) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      if (elements(sensor(""), plan, file) == elements(sensor(""), plan, damaged))
        EXPECT_EQ(digits, kPalettePng) << at;
      else
        EXPECT_EQ(elements(sensor(""), plan, damaged), "Malformed") << at;
    }
  }
  // More pixels than there are, none at all, and a size that no memory holds.
  std::string endless = from_digits(kGrayPng);
  endless[16] = endless[20] = '\x7f';
  EXPECT_EQ(elements(sensor(""), plan, endless), "Malformed");
  EXPECT_EQ(elements(sensor(""), plan, std::string(endless, 0, 8) + "and then no PNG at all"), "Malformed");
}

TEST(Payload, EncodingsAreForArrays) {
  EXPECT_FALSE(make_plan(encoded(Encoding::Hex), module_with(Scalar::U8, ""), module_with(Scalar::U8, "").inputs[0]));
  const auto floats = module_with_elements(Scalar::F32, 2);
  EXPECT_FALSE(make_plan(encoded(Encoding::Base64), floats, floats.inputs[0]));
}

TEST(Payload, EveryReasonHasAPayload) {
  const auto json = plan_of(Scalar::U8, "/v", "", "", "/ts");
  const std::pair<const char*, BadReading> rows[] = {
      {"{", BadReading::Malformed},
      {R"({"ts": 1})", BadReading::MissingField},
      {R"({"ts": 1, "v": []})", BadReading::WrongType},
      {R"({"ts": 1, "v": null})", BadReading::NotANumber},
      {R"({"ts": 1, "v": 256})", BadReading::OutOfRange},
      {R"({"v": 1})", BadReading::BadTime},
  };
  std::set<BadReading> seen;
  for (const auto& [payload, reason] : rows) {
    EXPECT_EQ(bad(json, payload), name(reason));
    seen.insert(reason);
  }
  EXPECT_EQ(bad(plan_of(sensor(""), module_with_text(1)), "xy"), "TextTooLong");
  seen.insert(BadReading::TextTooLong);
  EXPECT_EQ(bad(json, std::string(kMaxPayloadBytes + 1, ' ')), "TooLarge");
  seen.insert(BadReading::TooLarge);
  EXPECT_EQ(bad(plan_of(sensor(""), module_with_elements(Scalar::U8, 1)), "xy"), "WrongCount");
  seen.insert(BadReading::WrongCount);
  EXPECT_EQ(seen.size(), kBadReadingCount);
}

}  // namespace
}  // namespace eyeflow::runtime
