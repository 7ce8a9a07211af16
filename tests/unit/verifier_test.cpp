#include "vm/module/verifier.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>

#include "tests/unit/sample_module.h"
#include "vm/assembly/assembly.h"

namespace eyeflow::vm {
namespace {

using test::sample_module;
using enum Scalar;

constexpr IntrinsicDesc kIntrinsics[] = {
    {0, "test.half", F64, 1, {isa_rows::S(F64)}, 10, 0, nullptr, "a = b / 2"},
    {1, "test.print", Void, 2, {isa_rows::TextOut, isa_rows::S(F64)}, 5, 1, nullptr, "a = b as text"},
};

constexpr std::string_view kRuleNames[] = {
#define EYEFLOW_VERIFY_RULE(Name, text) #Name,
#include "vm/module/verify_rules.def"
};

// ---- One broken module a row
// -----------------------------------------------------------------------------------------

struct Broken {
  VerifyRule rule;
  std::string how;
  std::function<Module()> make;
};

// The sample module after one change.
Broken changed(VerifyRule rule, std::string how, void (*change)(Module&)) {
  return {rule, std::move(how), [change] {
            Module m = sample_module();
            change(m);
            return m;
          }};
}

constexpr std::string_view kAround = R"(
output rows: log (value: i64, note: text(4)@state)
output horn: switch (horn: bool) driven
output block: log (xs: [f64; 2]@state, bs: [u8; <=4]@state)
slot const fixed: [f64; 2]@const
slot const word: text(4)@const = "ab"
slot const three: [f64; 3]@const
slot input ready: bool
slot input reading: f64
slot state n: i64
slot state x: f64
slot state a: [f64; 2]@state
slot state t: text(4)@state
slot scratch s: text(8)@scratch
slot scratch bs: [u8; <=4]@scratch
slot scratch more: [u8; <=5]@scratch
slot scratch is: [i32; <=4]@scratch
function pair (n: i64, x: f64) -> (f64, i64)
  registers x1: f64, n1: i64
  move n1, n
  return x1
end
)";

// A function f with this body, in a module that has something of everything.
Module with_code(std::string_view body) {
  auto module = assemble(std::string(kAround) + "function f\n" + std::string(body) + "\nend\n", kIntrinsics);
  if (!module) ADD_FAILURE() << module.error().message << "\n" << body;
  return module ? std::move(*module) : Module{};
}
Broken coded(VerifyRule rule, std::string how, std::string body) {
  return {rule, std::move(how), [body = std::move(body)] { return with_code(body); }};
}

std::string nested_loops(int depth) {
  std::string head = "registers n: i64", open, close;
  for (int d = 0; d < depth; ++d) {
    const std::string c = "c" + std::to_string(d), out = "out" + std::to_string(d), back = "back" + std::to_string(d);
    head += ", " + c + ": counter(2)";
    open += "loop.begin " + c + ", n\nloop.enter " + c + ", " + out + "\n" + back + ":\n";
    close = "loop.next " + c + ", " + back + "\n" + out + ":\n" + close;
  }
  return head + "\n" + open + close + "return";
}

Module call_chain(int functions, std::size_t registers) {
  Module m;
  for (int n = 0; n < functions; ++n) {
    Function f;
    f.name = "f" + std::to_string(n);
    f.registers.assign(registers, type_id(I64));
    if (n > 0) f.code.push_back({Op::Call, 0, static_cast<std::uint16_t>(n - 1), 0});
    f.code.push_back({Op::Return});
    m.functions.push_back(std::move(f));
  }
  return m;
}

Module many_stores() {
  Module m;
  Function first{.name = "stores", .registers = {type_id(I64)}};
  for (std::uint16_t n = 0; n < 1100; ++n) {
    m.slots.push_back({.region = Region::State, .type = type_id(I64), .offset = n * 8u});
    first.code.push_back({Op::Store, 0, 0, n});
  }
  first.code.push_back({Op::Return});
  m.state_image.resize(8832);
  m.functions.push_back(first);
  for (int n = 0; n < 960; ++n) m.functions.push_back({.name = "again", .code = {{Op::Call, 0, 0, 0}, {Op::Return}}});
  return m;
}

void put(std::vector<std::byte>& image, std::size_t at, Word word) {
  std::memcpy(image.data() + at, &word, sizeof word);
}

const std::vector<Broken>& broken_modules() {
  using enum VerifyRule;
  static const std::vector<Broken> all = {
      changed(IsaVersion, "newer", [](Module& m) { m.isa_version = kIsaVersion + 1; }),
      changed(IsaVersion, "none", [](Module& m) { m.isa_version = 0; }),
      changed(Counts, "handlers", [](Module& m) { m.handlers.resize(65'536, m.handlers[0]); }),
      changed(NameText, "line end", [](Module& m) { m.task = "a\nb"; }),
      changed(NameText, "no UTF-8", [](Module& m) { m.functions[0].name = "\xC0\x80"; }),
      changed(NameText, "escape sequence", [](Module& m) { m.doc = "\x1B[2J"; }),
      changed(NameText, "unit", [](Module& m) { m.outputs[1].fields[0].unit = "\x7F"; }),
      changed(NamesDiffer, "same", [](Module& m) { m.outputs[1].name = "siren"; }),
      changed(NamesDiffer, "empty", [](Module& m) { m.alarms[0].name = ""; }),
      changed(TypeRow, "scalar", [](Module& m) { m.types.push_back({.element = F64, .capacity = 1}); }),
      changed(TypeRow, "array of void", [](Module& m) { m.types.push_back({.kind = TypeKind::Array, .capacity = 1}); }),
      changed(TypeRow, "text of u8",
              [](Module& m) { m.types.push_back({.kind = TypeKind::Text, .element = U8, .capacity = 1}); }),
      changed(TypeRow, "counter in state",
              [](Module& m) { m.types.push_back({.kind = TypeKind::Counter, .region = Region::State, .capacity = 1}); }),
      changed(TypeCapacity, "empty array", [](Module& m) { m.types.push_back({.kind = TypeKind::Array, .element = F64}); }),
      changed(TypeCapacity, "2^29", [](Module& m) { m.types.push_back({.kind = TypeKind::Counter, .capacity = 1u << 29}); }),
      changed(TypeTwice, "same row", [](Module& m) { m.types.push_back(m.types[0]); }),
      changed(RegionSize, "half a line", [](Module& m) { m.scratch_bytes = 96; }),
      changed(RegionSize, "half a word", [](Module& m) { m.input_bytes = 212; }),
      changed(RegionSize, "too large", [](Module& m) { m.input_bytes = kMaxRegionBytes + 8; }),
      changed(SlotType, "counter",
              [](Module& m) { m.slots.push_back({.region = Region::Scratch, .type = 19, .offset = 56}); }),
      changed(SlotType, "other region",
              [](Module& m) {
                m.scratch_bytes = 128;
                m.slots.push_back({.region = Region::Scratch, .type = 18, .offset = 56});
              }),
      changed(SlotType, "no type", [](Module& m) { m.slots.push_back({.region = Region::Scratch, .type = 99, .offset = 56}); }),
      changed(SlotPlace, "overlap",
              [](Module& m) {
                m.slots.insert(m.slots.begin() + 21, {.region = Region::State, .type = type_id(I64), .offset = 16});
              }),
      changed(SlotPlace, "beyond the region",
              [](Module& m) { m.slots.push_back({.region = Region::Scratch, .type = type_id(I64), .offset = 64}); }),
      changed(SlotPlace, "odd place",
              [](Module& m) {
                m.scratch_bytes = 128;
                m.slots.push_back({.region = Region::Scratch, .type = type_id(I64), .offset = 60});
              }),
      changed(SlotPlace, "out of order", [](Module& m) { std::swap(m.slots[11], m.slots[12]); }),
      changed(SlotKind, "type", [](Module& m) { m.slots[3].type = type_id(U64); }),
      changed(SlotKind, "subject", [](Module& m) { m.slots[5].subject = 1; }),
      changed(SlotKind, "subject of nothing", [](Module& m) { m.slots[3].subject = 1; }),
      changed(SlotKind, "region",
              [](Module& m) {
                m.slots.push_back(
                    {.region = Region::Scratch, .kind = vm::SlotKind::OutputCount, .type = type_id(I64), .offset = 56});
              }),
      changed(SlotKind, "the last row of a log",
              [](Module& m) {
                m.slots[11].kind = vm::SlotKind::OutputLast;
                m.slots[11].type = type_id(F64);
              }),
      changed(SlotTwice, "two clocks",
              [](Module& m) {
                m.input_bytes = 216;
                m.slots.insert(m.slots.begin() + 19,
                               {.region = Region::Input, .kind = vm::SlotKind::Now, .type = type_id(I64), .offset = 208});
              }),
      changed(ImageValue, "NaN with a message", [](Module& m) { put(m.param_image, 0, 0x7FF8000000000001); }),
      changed(ImageValue, "text too long", [](Module& m) { m.const_image[8] = std::byte{9}; }),
      changed(ImageValue, "text no UTF-8", [](Module& m) { m.const_image[12] = std::byte{0xFF}; }),
      changed(ImageValue, "NaN in an array", [](Module& m) { put(m.state_image, 16, ~0ull); }),
      changed(ImageValue, "list too long",
              [](Module& m) {
                m.types.push_back({.kind = TypeKind::List, .element = Bool, .region = Region::State, .capacity = 3});
                m.slots.insert(m.slots.begin() + 21, {.region = Region::State, .type = 23, .offset = 40});
                m.state_image[40] = std::byte{4};
              }),
      changed(ImageValue, "bool in a list",
              [](Module& m) {
                m.types.push_back({.kind = TypeKind::List, .element = Bool, .region = Region::State, .capacity = 3});
                m.slots.insert(m.slots.begin() + 21, {.region = Region::State, .type = 23, .offset = 40});
                m.state_image[40] = std::byte{1};
                m.state_image[48] = std::byte{2};
              }),
      changed(ImageGap, "between slots", [](Module& m) { m.state_image[60] = std::byte{1}; }),
      changed(ImageGap, "behind a text", [](Module& m) { m.const_image[19] = std::byte{'x'}; }),
      changed(TimeSpan, "negative", [](Module& m) { m.inputs[0].stale_after_ns = -1; }),
      changed(TimeSpan, "beyond the clock's range", [](Module& m) { m.alarms[0].when_for_ns = INT64_MAX; }),
      changed(TimeSpan, "a timer that never stops", [](Module& m) { m.handlers[1].time_ns = 0; }),
      changed(TimeSpan, "deadline", [](Module& m) { m.handlers[0].within_ns = -1; }),
      changed(InputType, "counter", [](Module& m) { m.inputs.push_back({.value = {.name = "t2", .type = 19}}); }),
      changed(OutputFields, "no value", [](Module& m) { m.outputs.push_back({.name = "o", .kind = OutputKind::Value}); }),
      changed(OutputFields, "switch of f64",
              [](Module& m) {
                m.outputs.push_back({.name = "o", .fields = {{.name = "o", .type = type_id(F64)}}});
              }),
      changed(OutputFields, "counter",
              [](Module& m) {
                m.outputs.push_back({.name = "o", .kind = OutputKind::Log, .fields = {{.name = "o", .type = 19}}});
              }),
      changed(ModelShape, "of texts",
              [](Module& m) { m.models.push_back({.name = "m", .parameter = {.name = "x", .type = 16}, .results = 1}); }),
      changed(ModelShape, "no answer",
              [](Module& m) { m.models.push_back({.name = "m", .parameter = {.name = "x", .type = 18}, .results = 0}); }),
      changed(ModelShape, "more of texts",
              [](Module& m) {
                m.models.push_back({.name = "m", .parameter = {.name = "x", .type = 18}, .more = {{.name = "y", .type = 16}}, .results = 1});
              }),
      changed(ModelShape, "more than set 5 has",
              [](Module& m) {
                m.isa_version = 5;
                m.models.push_back({.name = "m", .parameter = {.name = "x", .type = 18}, .more = {{.name = "y", .type = 18}}, .results = 1});
              }),
      changed(OutputInitial, "no bool", [](Module& m) { m.outputs[0].initial = 2; }),
      changed(OutputInitial, "of a log", [](Module& m) { m.outputs[1].has_initial = true; }),
      changed(OutputInitial, "without one", [](Module& m) { m.outputs[1].initial = 1; }),
      changed(OutputDriven, "value",
              [](Module& m) {
                m.outputs.push_back({.name = "o",
                                     .kind = OutputKind::Value,
                                     .fields = {{.name = "o", .type = type_id(F64)}},
                                     .driven = true});
              }),
      changed(ParamSlot, "no slot", [](Module& m) { m.params[0].offset = 8; }),
      changed(ParamSlot, "other type",
              [](Module& m) { m.params[0] = {.name = "limit", .type = I64, .min = 0, .max = 0}; }),
      changed(ParamRange, "no f64", [](Module& m) { m.params[0].max = ~0ull; }),
      changed(ParamRange, "without one", [](Module& m) { m.params[0].has_range = false; }),

      changed(RegisterTypes, "unknown", [](Module& m) { m.functions[2].registers.push_back(10); }),
      changed(RegisterTypes, "65,536", [](Module& m) { m.functions[2].registers.resize(65'536, type_id(I64)); }),
      changed(Signature, "more parameters than registers",
              [](Module& m) { m.functions.push_back({.name = "x", .param_count = 1, .code = {{Op::Return}}}); }),
      changed(Signature, "counter as parameter",
              [](Module& m) {
                m.functions.push_back({.name = "x", .param_count = 1, .registers = {19}, .code = {{Op::Return}}});
              }),
      changed(Signature, "counter as result",
              [](Module& m) {
                m.functions.push_back({.name = "x", .results = {19}, .registers = {19}, .code = {{Op::Return}}});
              }),
      changed(LineMarks, "descending", [](Module& m) { m.functions[0].lines = {{2, 1}, {1, 2}}; }),
      changed(LineMarks, "beyond the code", [](Module& m) { m.functions[0].lines = {{5, 1}}; }),
      changed(CodeEnds, "no code", [](Module& m) { m.functions.push_back({.name = "x"}); }),
      changed(CodeEnds, "falls out",
              [](Module& m) {
                m.functions.push_back({.name = "x", .registers = {type_id(I64)}, .code = {{Op::LoadImm, 0, 1}}});
              }),
      changed(KnownOp, "after the last",
              [](Module& m) {
                m.functions.push_back({.name = "x", .code = {{static_cast<Op>(kOpCount)}, {Op::Return}}});
              }),

      coded(UnusedField, "move", "registers n: i64\nmove n, n, !1\nreturn"),
      coded(UnusedField, "an empty run", "registers n: i64, m: i64\nreturn m"),
      coded(RegisterRange, "one operand", "registers n: i64\nload.imm #1, 7\nreturn"),
      coded(RegisterRange, "a run", "registers n: i64, x: f64, y: f64, m: i64, k: i64\ncall y, pair, k\nreturn"),
      coded(RegisterMatch, "f64 for i64", "registers n: i64, x: f64\nadd.i64 n, n, x\nreturn"),
      coded(RegisterMatch, "result", "registers n: i64, x: f64\nadd.i64 x, n, n\nreturn"),
      coded(RegisterMatch, "a number as a reference", "registers n: i64\ntext.clear n\nreturn"),
      coded(RegisterMatch, "move of a counter", "registers n: counter(2), m: counter(2)\nmove n, m\nreturn"),
      coded(RegisterMatch, "move of a reference",
            "registers t: text(4)@state, u: text(4)@state\nref t, t\nmove u, t\nreturn"),
      coded(RegisterMatch, "loop.step steps a counter",
            "registers n: i64, c: counter(2), d: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\nloop.step c, back, "
            "d\nout:\nreturn"),
      coded(RegisterMatch, "compared numbers of another type",
            "registers n: i64, x: f64\njump_if.lt.f64 out, x, n\nout:\nreturn"),
      coded(RegisterMatch, "a bool as index",
            "registers b: bool, x: f64, r: [f64; 2]@const\nref r, fixed\narray.get.f64 x, r, b\nreturn"),
      coded(RegisterMatch, "move between types", "registers n: i64, x: f64\nmove n, x\nreturn"),
      coded(RegisterMatch, "arrays of other lengths",
            "registers a: [f64; 2]@state, b: [f64; 3]@const\nref a, a\nref b, three\narray.copy a, b\nreturn"),
      coded(Writable, "const array", "registers a: [f64; 2]@const, i: i64, x: f64\nref a, fixed\narray.set.f64 a, i, x\nreturn"),
      coded(Writable, "const text", "registers t: text(4)@const\nref t, word\ntext.clear t\nreturn"),
      coded(Writable, "by an intrinsic", "registers t: text(4)@const, x: f64\nref t, word\nintrinsic -, test.print, t\nreturn"),
      coded(RefBeforeUse, "never set", "registers s: text(8)@scratch\ntext.clear s\nreturn"),
      coded(RefBeforeUse, "jumped over",
            "registers s: text(8)@scratch, b: bool\njump_if skip, b\nref s, s\nskip:\ntext.clear s\nreturn"),
      coded(RefBeforeUse, "set in one branch",
            "registers s: text(8)@scratch, b: bool\njump_if other, b\nref s, s\njump both\nother:\nload.reading b, ready, "
            "ready\nboth:\ntext.clear s\nreturn"),
      coded(RefBeforeUse, "jumped over by the first of two branches",
            "registers s: text(8)@scratch, b: bool\njump_if skip, b\nref s, s\njump_if skip, b\nskip:\ntext.clear "
            "s\nreturn"),
      coded(RefBeforeUse, "set in a loop that may make no trip",
            "registers s: text(8)@scratch, n: i64, c: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\nref s, "
            "s\nloop.next c, back\nout:\ntext.clear s\nreturn"),
      coded(RefBeforeUse, "set by the call that reads it",
            "registers n: i64, t: text(4)@state\nemit rows, n\nref t, t\nreturn"),
      coded(TrapCode, "none", "trap #0"),
      coded(TrapCode, "beyond the last", "trap #200"),
      coded(RegionField, "fifth", "registers n: i64\nload n, #5, #0\nreturn"),
      coded(TypeField, "ref", "registers s: text(8)@scratch\nref s, !17, s\nreturn"),
      coded(TypeField, "loop.begin",
            "registers n: i64, c: counter(2)\nloop.begin c, n, !17\nloop.enter c, out\nback:\nloop.next c, back\nout:\nreturn"),
      coded(ElementField, "array.copy", "registers a: [f64; 2]@state\nref a, a\narray.copy a, a, !16\nreturn"),
      coded(SlotField, "no slot", "registers n: i64\nload n, state, #100\nreturn"),
      coded(SlotField, "other type", "registers n: i64\nload n, state, x\nreturn"),
      coded(SlotField, "inside an array", "registers x: f64\nload x, state, #3\nreturn"),
      coded(SlotField, "store", "registers x: f64\nstore.f64 x, n\nreturn"),
      coded(SlotField, "ref", "registers t: text(4)@state\nref t, a\nreturn"),
      coded(SlotField, "ready is no bool", "registers x: f64\nload.reading x, reading, reading\nreturn"),
      coded(SlotField, "reading", "registers x: f64\nload.reading x, ready, ready\nreturn"),
      coded(Target, "to itself", "jump #0"),
      coded(Target, "beyond the code", "registers b: bool\njump_if #5, b\nreturn"),
      coded(IntoLoop, "jump",
            "registers n: i64, b: bool, c: counter(2)\njump_if in, b\nloop.begin c, n\nloop.enter c, "
            "out\nin:\nload.imm n, 1\nloop.next c, in\nout:\nreturn"),
      coded(IntoLoop, "to loop.enter",
            "registers n: i64, b: bool, c: counter(2)\njump_if in, b\nloop.begin c, n\nin:\nloop.enter c, "
            "out\nback:\nloop.next c, back\nout:\nreturn"),
      coded(IntoLoop, "out of one into the next",
            "registers n: i64, b: bool, c: counter(2), d: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\njump "
            "in\nloop.next c, back\nout:\nwhile.begin d\nin:\nwhile.test d, b, stop\nwhile.next d, in\nstop:\nreturn"),
      coded(LoopNesting, "no end",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nloop.enter c, out\nload.imm n, 1\nout:\nreturn"),
      coded(LoopNesting, "end without a loop", "registers c: counter(2)\nloop.next c, #0\nreturn"),
      coded(LoopNesting, "while.enter closed by loop.next",
            "registers c: counter(2)\nwhile.enter c\nback:\nloop.next c, back\nreturn"),
      coded(LoopNesting, "while.begin closed by while.repeat",
            "registers b: bool, c: counter(2)\nwhile.begin c\nback:\nwhile.test c, b, out\nwhile.repeat_if back, "
            "b\nout:\nreturn"),
      coded(LoopNesting, "loop.begin closed by while.repeat",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\nwhile.repeat_if.lt.i64 back, n, "
            "n\nout:\nreturn"),
      coded(LoopNesting, "while.repeat without a loop", "registers n: i64\nwhile.repeat_if.lt.imm.i64 #0, n, 1\nreturn"),
      coded(LoopNesting, "loop.step of another counter",
            "registers n: i64, c: counter(2), d: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\nloop.step d, back, "
            "n\nout:\nreturn"),
      coded(LoopDepth, "65", nested_loops(65)),
      coded(CounterOnce, "two loops",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nloop.enter c, out\nback:\nloop.next c, "
            "back\nout:\nloop.begin c, n\nloop.enter c, out2\nback2:\nloop.next c, back2\nout2:\nreturn"),
      coded(LoopEnterPlace, "something between",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nload.imm n, 1\nback:\nloop.enter c, out\nloop.next c, "
            "back\nout:\nreturn"),
      coded(LoopEnterPlace, "none",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nload.imm n, 1\nback:\nloop.next c, back\nreturn"),
      coded(LoopEnterPlace, "of another counter",
            "registers n: i64, c: counter(2), d: counter(2)\nloop.begin c, n\nloop.enter d, out\nback:\nloop.next c, back\nout:\nreturn"),
      coded(BackTarget, "to loop.enter",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nback:\nloop.enter c, out\nloop.next c, back\nout:\nreturn"),
      coded(BackTarget, "over the first instruction",
            "registers n: i64, b: bool, c: counter(2)\nwhile.begin c\nload.imm n, 1\nback:\nwhile.test c, b, "
            "out\nwhile.next c, back\nout:\nreturn"),
      coded(BackTarget, "to while.enter",
            "registers b: bool, c: counter(2)\nback:\nwhile.enter c\nwhile.repeat_if back, b\nreturn"),
      coded(BackTarget, "of a repeat over the first instruction",
            "registers n: i64, c: counter(2)\nwhile.enter c\nload.imm n, 1\nback:\nwhile.repeat_if.lt.i64 back, n, "
            "n\nreturn"),
      coded(BackTarget, "of loop.step to loop.enter",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nback:\nloop.enter c, out\nloop.step c, back, n\nout:\nreturn"),
      coded(IntoLoop, "of while.enter",
            "registers b: bool, n: i64, c: counter(2)\njump_if in, b\nwhile.enter c\nback:\nload.imm n, 1\nin:\n"
            "while.repeat_if back, b\nreturn"),
      coded(CounterOnce, "two while loops",
            "registers b: bool, c: counter(2)\nwhile.enter c\nback:\nwhile.repeat_if back, b\nwhile.enter c\nback2:\n"
            "while.repeat_if back2, b\nreturn"),
      coded(LoopExit, "loop.enter to inside",
            "registers n: i64, c: counter(2)\nloop.begin c, n\nloop.enter c, in\nback:\nload.imm n, 1\nin:\nloop.next "
            "c, back\nreturn"),
      coded(LoopExit, "while.test to inside",
            "registers b: bool, c: counter(2)\nwhile.begin c\nback:\nwhile.test c, b, in\nin:\nwhile.next c, back\nreturn"),
      coded(WhileTestOnce, "none", "registers c: counter(2)\nwhile.begin c\nback:\nwhile.next c, back\nreturn"),
      coded(WhileTestOnce, "two",
            "registers b: bool, c: counter(2)\nwhile.begin c\nback:\nwhile.test c, b, out\nwhile.test c, b, "
            "out\nwhile.next c, back\nout:\nreturn"),
      coded(WhileTestSkipped, "jump to the end",
            "registers b: bool, c: counter(2)\nwhile.begin c\nback:\njump_if next, b\nwhile.test c, b, "
            "out\nnext:\nwhile.next c, back\nout:\nreturn"),
      coded(Callee, "itself", "call -, #1, -\nreturn"),
      coded(Callee, "beyond the last", "call -, #9, -\nreturn"),
      coded(CallTypes, "argument", "registers n: i64, x: f64, y: f64, m: i64\ncall y, pair, y\nreturn"),
      coded(CallTypes, "result", "registers n: i64, x: f64, m: i64, y: f64\ncall m, pair, n\nreturn"),
      {ReturnTypes, "result",
       [] {
         Module m = with_code("registers n: i64\nreturn");
         m.functions[1].results = {type_id(F64)};
         return m;
       }},
      coded(KnownIntrinsic, "beyond the last", "registers x: f64\nintrinsic x, #2, x\nreturn"),
      coded(IntrinsicTypes, "argument", "registers x: f64, n: i64\nintrinsic x, test.half, n\nreturn"),
      coded(IntrinsicTypes, "result", "registers x: f64, n: i64\nintrinsic n, test.half, x\nreturn"),
      coded(KnownOutput, "beyond the last", "registers b: bool\nemit #3, b\nreturn"),
      coded(EmitDriven, "horn", "registers b: bool\nemit horn, b\nreturn"),
      coded(EmitTypes, "scalar", "registers x: f64, t: text(4)@state\nref t, t\nemit rows, x\nreturn"),
      coded(EmitTypes, "longer text", "registers n: i64, s: text(8)@scratch\nref s, s\nemit rows, n\nreturn"),
      coded(EmitTypes, "longer array", "registers x: [f64; 3]@const, b: [u8; <=4]@scratch\nref x, three\nref b, bs\nemit block, x\nreturn"),
      coded(EmitTypes, "longer list", "registers x: [f64; 2]@const, b: [u8; <=5]@scratch\nref x, fixed\nref b, more\nemit block, x\nreturn"),
      coded(EmitTypes, "other elements", "registers x: [f64; 2]@const, b: [i32; <=4]@scratch\nref x, fixed\nref b, is\nemit block, x\nreturn"),
      {FrameSize, "two frames", [] { return call_chain(2, 40'000); }},
      {CallDepth, "258 functions", [] { return call_chain(258, 1); }},
      {StoreLists, "960 lists of 1,100", many_stores},

      changed(HandlerFunction, "with parameters", [](Module& m) { m.handlers[0].function = FunctionId{0}; }),
      changed(HandlerFunction, "with a result", [](Module& m) { m.handlers[0].function = FunctionId{2}; }),
      changed(HandlerFunction, "none", [](Module& m) { m.handlers[0].function = FunctionId{9}; }),
      changed(HandlerTrigger, "input", [](Module& m) { m.handlers[0].input = InputId{1}; }),
      changed(HandlerTrigger, "a timer of an input", [](Module& m) { m.handlers[1].input = InputId{1}; }),
      changed(HandlerTrigger, "period of an input", [](Module& m) { m.handlers[0].time_ns = 1; }),
      changed(HandlerTrigger, "a stale input that never is", [](Module& m) { m.inputs[0].stale_after_ns = 0; }),
      changed(HandlerTrigger, "a day of 25 hours", [](Module& m) { m.handlers[5].time_ns = kDayNs; }),
      changed(HandlerTrigger, "a window without one", [](Module& m) { m.handlers[4].window.values = 1; }),
      changed(HandlerTrigger, "a condition of a timer", [](Module& m) { m.handlers[1].condition = FunctionId{2}; }),
      changed(HandlerTrigger, "a condition needs no input", [](Module& m) { m.handlers[3].needs = {InputId{1}}; }),
      changed(HandlerCondition, "none", [](Module& m) { m.handlers[3].condition = kNoFunction; }),
      changed(HandlerCondition, "a text", [](Module& m) { m.handlers[3].condition = FunctionId{3}; }),
      changed(HandlerCondition, "says that it reads state", [](Module& m) { m.handlers[3].reads_state = true; }),
      changed(WindowShape, "no step", [](Module& m) { m.handlers[2].window.step = 0; }),
      changed(WindowShape, "more than it holds", [](Module& m) { m.handlers[2].window.least = 11; }),
      changed(WindowShape, "finer than a nanosecond", [](Module& m) { m.handlers[2].window = {.span_ns = 9, .values = 10, .step = 5, .least = 9}; }),
      changed(WindowShape, "late by count",
              [](Module& m) { m.handlers[2].window.span_ns = 0, m.handlers[2].window.least = 0; }),
      changed(WindowMemory, "too late", [](Module& m) { m.handlers[2].window.late_ns = 1'000'000'000'000'000; }),
      changed(SlotKind, "values of a timer", [](Module& m) { m.slots[18].subject = 1; }),
      changed(SlotKind, "too many values", [](Module& m) { m.handlers[2].window.values = 9; }),
      coded(KnownAlarm, "none", "alarm.ack #0\nreturn"),
      changed(AlarmFunctions, "when", [](Module& m) { m.alarms[0].when = FunctionId{3}; }),
      changed(AlarmFunctions, "clear", [](Module& m) { m.alarms[0].clear = FunctionId{0}; }),
      changed(AlarmFunctions, "text", [](Module& m) { m.alarms[0].text = FunctionId{2}; }),
      changed(AlarmFunctions, "no text", [](Module& m) { m.alarms[0].text = kNoFunction; }),
      changed(AlarmEffects, "stores",
              [](Module& m) {
                m.functions[2].registers.push_back(type_id(I64));
                m.functions[2].code.insert(m.functions[2].code.begin(), {Op::Store, 3, 0, 0});
              }),
      changed(AlarmEffects, "changes an array",
              [](Module& m) {
                m.functions[2].registers.push_back(18);
                m.functions[2].code.insert(m.functions[2].code.begin(), {{Op::Ref, 3, 18, 1}, {Op::ArrayFillF64, 3, 0}});
                m.alarms[0].reads_state = true;
              }),
      {AlarmEffects, "emits by a function that it calls",
       [] {
         Module m = sample_module();
         m.functions.push_back(m.functions[2]);
         m.functions[5].code.insert(m.functions[5].code.begin(), {Op::Call, 0, 1, 0});
         m.functions[1].code.erase(m.functions[1].code.begin() + 1, m.functions[1].code.begin() + 7);
         m.functions[1].code.insert(m.functions[1].code.begin() + 1, {Op::LoadImm, 1, 0});
         m.functions[1].lines.clear();
         m.alarms[0].when = FunctionId{5};
         return m;
       }},
      changed(AlarmReadsState, "does not", [](Module& m) { m.alarms[0].reads_state = true; }),
      changed(AlarmReadsState, "does",
              [](Module& m) {
                m.functions[2].registers.push_back(type_id(I64));
                m.functions[2].code.insert(m.functions[2].code.begin(), {Op::Load, 3, 3, 0});
              }),
      changed(AlarmNeeds, "no input", [](Module& m) { m.alarms[0].needs = {InputId{1}}; }),
      changed(AlarmDrives, "not driven", [](Module& m) { m.alarms[0].drives = {OutputId{1}}; }),
      changed(AlarmDrives, "no output", [](Module& m) { m.alarms[0].drives = {OutputId{2}}; }),
  };
  return all;
}

TEST(Verifier, TheSampleModulesVerify) {
  const auto verified = verify(sample_module(), {});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->module, sample_module());
  const auto coded = verify(with_code("return"), kIntrinsics);
  EXPECT_TRUE(coded) << coded.error().message;
}

TEST(Verifier, EveryBrokenModuleIsRefusedByItsRule) {
  for (const Broken& broken : broken_modules()) {
    const std::string_view name = kRuleNames[static_cast<int>(broken.rule)];
    const auto verified = verify(broken.make(), kIntrinsics);
    ASSERT_FALSE(verified) << name << ": " << broken.how;
    EXPECT_NE(verified.error().message.find("Rule " + std::string(name) + ":"), std::string::npos)
        << name << ": " << broken.how << ": " << verified.error().message;
  }
}

// One rule switched off at a time: exactly its own broken modules get through, so the test above would notice. What
// gets through breaks no other rule; and the verifier itself survives what it has let through.
TEST(Verifier, ARuleSwitchedOffIsNoticed) {
  for (const Broken& broken : broken_modules()) {
    const auto verified = verify(broken.make(), kIntrinsics, &broken.rule);
    EXPECT_TRUE(verified) << kRuleNames[static_cast<int>(broken.rule)] << ": " << broken.how << ": "
                          << verified.error().message;
  }
  for (std::size_t off = 0; off < std::size(kRuleNames); ++off) {
    const auto rule = static_cast<VerifyRule>(off);
    for (const Broken& broken : broken_modules())
      if (broken.rule != rule) {
        EXPECT_FALSE(verify(broken.make(), kIntrinsics, &rule)) << kRuleNames[off] << ": " << broken.how;
      }
  }
}

TEST(Verifier, EveryRuleHasABrokenModule) {
  std::set<VerifyRule> seen;
  for (const Broken& broken : broken_modules()) seen.insert(broken.rule);
  for (std::size_t n = 0; n < std::size(kRuleNames); ++n)
    EXPECT_TRUE(seen.contains(static_cast<VerifyRule>(n))) << kRuleNames[n];
}

TEST(Verifier, ARefusalNamesFunctionAndInstruction) {
  const auto verified = verify(with_code("registers n: i64, x: f64\nadd.i64 n, n, x\nreturn"), kIntrinsics);
  ASSERT_FALSE(verified);
  EXPECT_NE(
      verified.error().message.find("function 1 'f', instruction 0 'add.i64': register 1, f64, is of the wrong type"),
      std::string::npos)
      << verified.error().message;
}

}  // namespace
}  // namespace eyeflow::vm
