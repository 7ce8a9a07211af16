#include "tests/unit/sample_module.h"

#include <cstring>
#include <initializer_list>

namespace eyeflow::vm::test {
namespace {

using enum Scalar;
using enum Op;

constexpr TypeId id(Scalar s) { return type_id(s); }
constexpr TypeId kConstText = 16, kScratchText = 17, kStateArray = 18, kCounter = 19, kScratchList = 20, kNameText = 21,
                 kWindow = 22;

void put(std::vector<std::byte>& image, std::size_t at, Word word) {
  std::memcpy(image.data() + at, &word, sizeof word);
}
void put_text(std::vector<std::byte>& image, std::size_t at, const char* text) {
  const auto length = static_cast<std::uint32_t>(std::strlen(text));
  std::memcpy(image.data() + at, &length, sizeof length);
  std::memcpy(image.data() + at + sizeof length, text, length);
}

std::vector<Function> functions() {
  std::vector<Function> all;
  // (i64, i64) -> i64: the sum of a's multiples, in a loop of at most ten trips.
  all.push_back(
      {.name = "times",
       .param_count = 2,
       .results = {id(I64)},
       .registers = {id(I64), id(I64), id(I64), kCounter},
       .code = {{LoopBegin, 3, 1, kCounter}, {LoopEnter, 3, 3}, {AddI64, 2, 2, 0}, {LoopNext, 3, 1}, {Return, 2}},
       .lines = {{0, 3}, {4, 5}}});
  // on t1: history of the array, a count, a row.
  all.push_back({.name = "on t1",
                 .registers = {id(F64), id(I64), kStateArray, id(I64), id(I64), kScratchText, kConstText, id(F64),
                               kScratchText, kScratchList, id(U8)},
                 .code = {{LoadReading, 0, 3, 1},
                          {Load, 1, static_cast<std::uint16_t>(Region::State), 0},
                          {LoadImm, 3, 1},
                          {AddI64, 4, 1, 3},
                          {Store, 4, 0, 0},
                          {Ref, 2, kStateArray, 1},
                          {ArraySetF64, 2, 1, 0},
                          {Ref, 5, kScratchText, 0},
                          {Ref, 6, kConstText, 1},
                          {TextCopy, 5, 6},
                          {Move, 7, 0},
                          {Ref, 8, kScratchText, 0},
                          {Ref, 9, kScratchList, 5},
                          {ListPushU8, 9, 10},
                          {Emit, 1, 7},
                          {Call, 4, 0, 3},
                          {Return}},
                 .lines = {{0, 10}, {5, 12}}});
  all.push_back({.name = "hot when",
                 .results = {id(Bool)},
                 .registers = {id(F64), id(F64), id(Bool)},
                 .code = {{LoadReading, 0, 3, 1},
                          {Load, 1, static_cast<std::uint16_t>(Region::Param), 0},
                          {LtF64, 2, 1, 0},
                          {Return, 2}}});
  all.push_back({.name = "hot text",
                 .results = {kScratchText},
                 .registers = {kScratchText, kConstText},
                 .code = {{Ref, 0, kScratchText, 0}, {Ref, 1, kConstText, 1}, {TextCopy, 0, 1}, {Return, 0}}});
  all.push_back(all[2]);
  all.back().name = "on rising";
  return all;
}

}  // namespace

Module sample_module() {
  Module m;
  m.task = "sample";
  m.doc = "Every kind of row, once.";
  m.source = "sample.eft";
  m.types = {{.kind = TypeKind::Text, .region = Region::Const, .capacity = 8},
             {.kind = TypeKind::Text, .region = Region::Scratch, .capacity = 32},
             {.kind = TypeKind::Array, .element = F64, .region = Region::State, .capacity = 4},
             {.kind = TypeKind::Counter, .capacity = 10},
             {.kind = TypeKind::List, .element = U8, .region = Region::Scratch, .capacity = 5},
             {.kind = TypeKind::Text, .region = Region::Input, .capacity = 12},
             {.kind = TypeKind::Array, .element = F64, .region = Region::Input, .capacity = 10}};
  m.slots = {
      {.region = Region::Const, .type = id(F64), .offset = 0},
      {.region = Region::Const, .type = kConstText, .offset = 8},
      {.region = Region::Param, .type = id(F64), .offset = 0, .name = "limit"},
      {.region = Region::Input, .kind = SlotKind::Now, .type = id(I64), .offset = 0},
      {.region = Region::Input, .kind = SlotKind::InputValue, .type = id(F64), .offset = 8, .name = "t1"},
      {.region = Region::Input, .kind = SlotKind::InputTime, .type = id(I64), .offset = 16, .name = "t1"},
      {.region = Region::Input, .kind = SlotKind::InputReady, .type = id(Bool), .offset = 24, .name = "t1"},
      {.region = Region::Input, .kind = SlotKind::InputName, .type = kNameText, .offset = 32, .name = "t1"},
      {.region = Region::Input, .kind = SlotKind::AlarmActive, .type = id(Bool), .offset = 48, .name = "hot"},
      {.region = Region::Input, .kind = SlotKind::AlarmRaised, .type = id(I64), .offset = 56, .name = "hot"},
      {.region = Region::Input, .kind = SlotKind::OutputLast, .type = id(Bool), .offset = 64, .name = "siren"},
      {.region = Region::Input,
       .kind = SlotKind::OutputCount,
       .type = id(I64),
       .offset = 72,
       .subject = 1,
       .name = "history"},
      {.region = Region::Input, .kind = SlotKind::EventTime, .type = id(I64), .offset = 80},
      {.region = Region::Input, .kind = SlotKind::AlarmAcknowledged, .type = id(Bool), .offset = 88, .name = "hot"},
      {.region = Region::Input, .kind = SlotKind::AlarmShelved, .type = id(Bool), .offset = 96, .name = "hot"},
      {.region = Region::Input,
       .kind = SlotKind::WindowStart,
       .type = id(I64),
       .offset = 104,
       .subject = 2,
       .name = "w.start"},
      {.region = Region::Input,
       .kind = SlotKind::WindowEnd,
       .type = id(I64),
       .offset = 112,
       .subject = 2,
       .name = "w.end"},
      {.region = Region::Input,
       .kind = SlotKind::WindowCount,
       .type = id(I64),
       .offset = 120,
       .subject = 2,
       .name = "w.count"},
      {.region = Region::Input,
       .kind = SlotKind::WindowValues,
       .type = kWindow,
       .offset = 128,
       .subject = 2,
       .name = "w.values"},
      {.region = Region::State, .type = id(I64), .offset = 0, .name = "count"},
      {.region = Region::State, .type = kStateArray, .offset = 8, .name = "last"},
      {.region = Region::Scratch, .type = kScratchText, .offset = 0},
      {.region = Region::Scratch, .type = kScratchList, .offset = 40}};
  m.functions = functions();
  m.inputs = {{.value = {.name = "t1", .type = id(F64), .unit = "°C"}, .stale_after_ns = 30'000'000'000, .queue = 4}};
  m.outputs = {{.name = "siren",
                .kind = OutputKind::Switch,
                .fields = {{.name = "siren", .type = id(Bool)}},
                .has_initial = true,
                .initial = 0,
                .driven = true},
               {.name = "history",
                .kind = OutputKind::Log,
                .fields = {{.name = "temp", .type = id(F64), .unit = "°C"}, {.name = "note", .type = kScratchText}},
                .to_cloud = true}};
  m.params = {{.name = "limit",
               .unit = "°C",
               .type = F64,
               .offset = 0,
               .has_range = true,
               .min = to_word(20.0),
               .max = to_word(120.0)}};
  m.alarms = {{.name = "hot",
               .priority = Priority::High,
               .when = FunctionId{2},
               .text = FunctionId{3},
               .when_for_ns = 5'000'000'000,
               .latch = true,
               .remind_every_ns = 60'000'000'000,
               .needs = {InputId{0}},
               .drives = {OutputId{0}}}};
  m.handlers = {
      {.kind = HandlerKind::Input, .input = InputId{0}, .within_ns = 10'000'000, .function = FunctionId{1}},
      {.kind = HandlerKind::Every, .time_ns = 1'000'000'000, .function = FunctionId{1}},
      {.kind = HandlerKind::Window,
       .window =
           {.span_ns = 1'000'000'000, .values = 10, .step = 5, .least = 9, .late_ns = 200'000'000, .from_start = true},
       .function = FunctionId{1}},
      {.kind = HandlerKind::Condition,
       .time_ns = 2'000'000'000,
       .condition = FunctionId{4},
       .polled = true,
       .needs = {InputId{0}},
       .function = FunctionId{1}},
      {.kind = HandlerKind::Stale, .function = FunctionId{1}},
      {.kind = HandlerKind::TimeOfDay, .time_ns = 21'600'000'000'000, .function = FunctionId{1}},
      {.kind = HandlerKind::Stop, .function = FunctionId{1}}};
  m.const_image.resize(24);
  put(m.const_image, 0, to_word(2.5));
  put_text(m.const_image, 8, "too hot");
  m.param_image.resize(8);
  put(m.param_image, 0, to_word(80.0));
  m.state_image.resize(64);
  put(m.state_image, 0, 7);
  put(m.state_image, 16, to_word(1.5));
  m.input_bytes = 208;
  m.scratch_bytes = 64;
  return m;
}

}  // namespace eyeflow::vm::test
