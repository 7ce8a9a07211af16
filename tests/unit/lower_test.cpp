// What the lowering makes of sources: the values that come out of handlers, worked out by hand here, and the tables and
// code where their shape matters. Every module has passed the verifier by then.

#include "compiler/lower/lower.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "compiler/check/check.h"
#include "compiler/parse/parse.h"
#include "stdlib/intrinsics/format.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/engine/engine.h"

namespace eyeflow::compiler {
namespace {

struct Compiled {
  std::optional<Lowered> lowered;
  std::string errors;
};

Compiled compile(const std::string& source, const std::string& name = "t.eft") {
  ParseResult parsed = parse(source, name);
  auto program = check(parsed.file, source, parsed.diagnostics, parsed.broken);
  Compiled compiled;
  if (program) compiled.lowered = lower(*program, 0, {.source_name = name}, parsed.diagnostics);
  if (parsed.diagnostics.has_errors()) compiled.errors = render_all(parsed.diagnostics, source, name);
  return compiled;
}

struct Event {
  std::string input;
  std::variant<double, std::int64_t, std::string> value;
};

std::string show(const vm::Module& module, const vm::Effect& effect) {
  std::string out;
  const std::byte* at = effect.fields.data();
  for (const vm::Field& field : module.outputs[effect.index].fields) {
    const vm::Type& type = *module.type(field.type);
    vm::Word word;
    std::memcpy(&word, at, sizeof word);
    at += sizeof word;
    stdlib::FormatBuffer buffer;
    if (!out.empty()) out += ",";
    if (type.kind == vm::TypeKind::Text) {
      out += std::string(reinterpret_cast<const char*>(at), word);
      at += (word + 7) / 8 * 8;
    } else if (type.element == vm::Scalar::F64) {
      out += stdlib::format_f64(buffer, vm::from_word<double>(word), stdlib::kShortest);
    } else if (type.element == vm::Scalar::F32) {
      out += stdlib::format_f32(buffer, vm::from_word<float>(word), stdlib::kShortest);
    } else if (type.element == vm::Scalar::U64) {
      out += stdlib::format_u64(buffer, word);
    } else {
      out += stdlib::format_i64(buffer, vm::from_word<std::int64_t>(word));
    }
  }
  return out;
}

// What a task sends, in order, separated by spaces; a handler that stops shows as !Trap.
std::string run(const std::string& source, const std::vector<Event>& events) {
  Compiled compiled = compile(source);
  if (!compiled.lowered) return compiled.errors;
  const auto program = vm::Program::make(std::move(compiled.lowered->verified), stdlib::intrinsics());
  const vm::Module& module = program->module();
  vm::Worker worker;
  worker.serve(*program);
  vm::Instance instance(*program, {.params = {}, .input_names = std::vector<std::string>(module.inputs.size(), "T9")});
  std::string out;
  const auto take = [&] {
    for (const vm::Effect& effect : worker.effects())
      if (effect.kind <= vm::EffectKind::Log) out += (out.empty() ? "" : " ") + show(module, effect);
    for (const vm::Fault& fault : worker.faults())
      out += (out.empty() ? "!" : " !") + std::string(vm::name(fault.trap));
  };
  instance.start(worker, 0);
  take();
  vm::TimeNs now = 0;
  for (const Event& event : events) {
    now += 1'000'000'000;
    const auto at = std::ranges::find(module.inputs, event.input, [](const vm::Input& i) { return i.value.name; });
    const vm::InputId input{static_cast<std::uint16_t>(at - module.inputs.begin())};
    if (const auto* text = std::get_if<std::string>(&event.value)) {
      instance.deliver_text(worker, input, *text, now, now);
    } else if (const auto* number = std::get_if<double>(&event.value)) {
      instance.deliver(worker, input, vm::to_word(*number), now, now);
    } else {
      instance.deliver(worker, input, vm::to_word(std::get<std::int64_t>(event.value)), now, now);
    }
    take();
  }
  return out;
}

// A task with an input n : int, an output o of the type, `above` in front of the handler and its body.
std::string task(const std::string& type, const std::string& above, const std::string& body) {
  return "task t {\n input n : int\n output o : value " + type + "\n" + above + "\n on n as v {\n" + body + "\n }\n}\n";
}

std::string of_int(std::int64_t n, const std::string& body, const std::string& above = "",
                   const std::string& type = "int") {
  return run(task(type, above, body), {{"n", n}});
}

constexpr std::int64_t kMax = INT64_MAX, kMin = INT64_MIN;

// ---- Arithmetic
// ------------------------------------------------------------------------------------------------------

TEST(Lower, IntegersDivideTowardsZeroAndTrapOnOverflow) {
  EXPECT_EQ(
      of_int(7, "o.set(v + 3)\n o.set(v - 10)\n o.set(v * -6)\n o.set(v / -2)\n o.set(v mod -2)\n o.set(-v mod 4)"),
      "10 -3 -42 -3 1 -3");
  EXPECT_EQ(of_int(kMax, "o.set(v + 1)"), "!Overflow");
  EXPECT_EQ(of_int(kMin, "o.set(-v)"), "!Overflow");
  EXPECT_EQ(of_int(kMin, "o.set(v / -1)"), "!Overflow");
  EXPECT_EQ(of_int(0, "o.set(5 / v)"), "!DivideByZero");
  EXPECT_EQ(of_int(2147483647, "let s = i32(v)\n o.set(s + i32(1))", "", "i32"), "!Overflow");
}

TEST(Lower, ModularTypesWrapAndMaskTheirShifts) {
  EXPECT_EQ(
      of_int(250, "let u = u8(v)\n o.set(u + 10)\n o.set(u * 2)\n o.set(u << 9)\n o.set(u >> 3)\n o.set(~u)", "", "u8"),
      "4 244 244 31 5");
  EXPECT_EQ(of_int(-1, "let u = u64(v)\n o.set(u)\n o.set(u >> 63)\n o.set(u & 6)\n o.set((u ^ 1) | 1)", "", "u64"),
            "18446744073709551615 1 6 18446744073709551615");
  EXPECT_EQ(of_int(3, "let u = u16(v)\n o.set(u - 4)\n o.set(u mod 2)", "", "u16"), "65535 1");
}

TEST(Lower, FloatsFollowIeee754InTheirOwnWidth) {
  EXPECT_EQ(of_int(10, "let x = f64(v)\n o.set(x / 4.0)\n o.set(x / 0.0)\n o.set(-x)\n o.set(sqrt(x * x))", "", "f64"),
            "2.5 inf -10.0 10.0");
  // 0.1f + 0.2f is 0.3f (0.3 in f64 arithmetic would be 0.30000000000000004).
  EXPECT_EQ(of_int(1, "let x = f32(v) * 0.1\n o.set(x + 0.2)", "", "f32"), "0.3");
  // 2^24 + 1 has no f32.
  EXPECT_EQ(of_int(16777217, "o.set(f32(v))", "", "f32"), "16777216.0");
  EXPECT_EQ(of_int(0,
                   "let x = 0.0 / f64(v)\n o.set(int(x == x))\n o.set(int(x < 1.0))\n o.set(int(not (x < 1.0)))\n "
                   "o.set(int(x != x))"),
            "0 0 1 1");
}

TEST(Lower, ComparisonsOfEveryKindHoldBothWays) {
  EXPECT_EQ(of_int(3, "o.set(v > 2)\n o.set(v >= 3)\n o.set(v < 3)\n o.set(v <= 2)\n o.set(v != 3)\n o.set(v == 3)", "",
                   "bool"),
            "1 1 0 0 0 1");
  // Unsigned: the top bit is not a sign.
  EXPECT_EQ(of_int(-1, "let u = u64(v)\n o.set(u > 5)\n o.set(5 >= u)", "", "bool"), "1 0");
}

TEST(Lower, ConversionsRoundWrapAndTrapAsWritten) {
  EXPECT_EQ(of_int(5,
                   "let x = f64(v) / 2.0\n o.set(round(x))\n o.set(floor(-x))\n o.set(ceil(x))\n o.set(trunc(-x))\n "
                   "o.set(round(-x))"),
            "3 -3 3 -2 -3");
  EXPECT_EQ(of_int(1, "o.set(round(1.0e19 * f64(v)))"), "!ConversionOutOfRange");
  EXPECT_EQ(of_int(2147483648, "o.set(int(i32(v)))"), "!ConversionOutOfRange");
  EXPECT_EQ(of_int(-2, "o.set(int(u64(v)))"), "!ConversionOutOfRange");
  // By way of i64, where the table has no row of its own; above 2^63 too.
  EXPECT_EQ(
      of_int(
          -2,
          "let u = u64(v)\n o.set(int(u8(u)))\n o.set(int(u32(u)))\n o.set(int(u16(u8(v))))\n o.set(int(i32(u8(v))))"),
      "254 4294967294 254 254");
  EXPECT_EQ(of_int(-1, "o.set(f64(u64(v)))\n o.set(f64(u8(v)))\n o.set(f64(i32(v)))", "", "f64"),
            "18446744073709551616.0 255.0 -1.0");
  EXPECT_EQ(of_int(4, "o.set(int(v > 3) + int(v > 4))"), "1");
}

TEST(Lower, DurationsAreNanosecondsAndSecondsInFloatArithmetic) {
  EXPECT_EQ(of_int(3, "let d = 10 ms * v\n r.send(a: d, b: d / 4, c: -d, d: d + 1 s, e: d mod 7 ms, f: event.time)",
                   "output r : log { a: duration, b: duration, c: duration, d: duration, e: duration, f: time }"),
            "30000000,7500000,-30000000,1030000000,2000000,1000000000");
  EXPECT_EQ(of_int(3, "let d = 10 ms * v\n o.set(2.0 W * d)", "", "f64 J"), "0.06");
}

TEST(Lower, MathGoesToInstructionsOrToTheLibrary) {
  EXPECT_EQ(of_int(-3, "o.set(abs(v))\n o.set(min(v, 2))\n o.set(max(v, 2))"), "3 -3 2");
  EXPECT_EQ(of_int(kMin, "o.set(abs(v))"), "!Overflow");
  EXPECT_EQ(of_int(0,
                   "let x = f64(v)\n o.set(sin(x))\n o.set(cos(x))\n o.set(pow(2.0, 10.0 + x))\n o.set(hypot(3.0 + x, "
                   "4.0))\n o.set(atan2(x, 1.0))",
                   "", "f64"),
            "0.0 1.0 1024.0 5.0 0.0");
  EXPECT_EQ(of_int(9, "let x = f32(v)\n o.set(sqrt(x))\n o.set(cbrt(x - 1.0))", "", "f32"), "3.0 2.0");
  EXPECT_EQ(of_int(0, "let x = 0.0 / f64(v)\n o.set(is_nan(x))", "", "bool"), "1");
}

// ---- Control flow
// ----------------------------------------------------------------------------------------------------

TEST(Lower, LogicEvaluatesItsRightSideOnlyWhenItDecides) {
  const std::string zero = "fn divides(a: int, b: int) -> bool { return b mod a == 0 }";
  EXPECT_EQ(run(zero + task("bool", "", "o.set(v != 0 and divides(v, 12))\n o.set(v == 0 or divides(v, 12))"),
                {{"n", std::int64_t{0}}, {"n", std::int64_t{5}}, {"n", std::int64_t{6}}}),
            "0 1 0 0 1 1");
  EXPECT_EQ(run(zero + task("bool", "", "o.set(divides(v, 12) and v != 0)"), {{"n", std::int64_t{0}}}),
            "!DivideByZero");
  // As a condition, with every mixture of not, and, or.
  const std::string mixed =
      "let a = v mod 2 == 1\n let b = v / 2 mod 2 == 1\n let c = v / 4 == 1\n"
      "if (a and not b) or (c and (b or not a)) { o.set(1) } else { o.set(0) }\n"
      "if not (a or b) and not (b and c) { o.set(1) } else { o.set(0) }";
  // v:      0    1    2    3    4    5    6    7
  const char* expected[] = {"0 1", "1 0", "0 0", "0 0", "1 1", "1 0", "1 0", "1 0"};
  for (std::int64_t v = 0; v < 8; ++v) EXPECT_EQ(of_int(v, mixed), expected[v]) << v;
  // The target of an assignment is read by the right side after the left one is known.
  EXPECT_EQ(of_int(1, "var a = true\n a = v > 5 or a\n o.set(a)\n a = v < 5 and not a\n o.set(a)", "", "bool"), "1 0");
}

TEST(Lower, TheFirstArmThatHoldsIsTaken) {
  const std::string chain =
      "if v < 0 { o.set(-1) } else if v == 0 { o.set(0) } else if v < 10 { o.set(1) } else { o.set(2) }\n o.set(9)";
  EXPECT_EQ(of_int(-4, chain) + "|" + of_int(0, chain) + "|" + of_int(9, chain) + "|" + of_int(10, chain),
            "-1 9|0 9|1 9|2 9");
  EXPECT_EQ(of_int(3, "if true { o.set(1) }\n if false { o.set(2) } else { o.set(3) }"), "1 3");
}

TEST(Lower, RangesCountUpAndDoNotOverflowWhereThereIsNoTrip) {
  EXPECT_EQ(
      of_int(4, "var s = 0\n for i in 0 ..< 10 { if i == v { continue }\n if i > 7 { break }\n s = s + i }\n o.set(s)"),
      "24");
  EXPECT_EQ(of_int(4, "var s = 0\n for i in -3 ..< 4 { s = s * 2 + i }\n o.set(s)"), "-261");
  // The bounds are read once, before the first trip.
  const std::string list = "state xs : [int; <=5] = [1, 2, 3]";
  EXPECT_EQ(
      of_int(
          4,
          "var t = 0\n for i in 0 ..< xs.len { t = t + xs[i]\n if i == 0 { xs.push(50) } }\n o.set(t)\n o.set(xs.len)",
          list),
      "6 4");
  EXPECT_EQ(of_int(4,
                   "var t = 0\n for i in 1 ..< xs.len { t = t * 10 + i }\n o.set(t)\n xs.clear()\n for i in 1 ..< "
                   "xs.len { o.set(-1) }",
                   list),
            "12");
}

TEST(Lower, NestedLoopsHaveTheirOwnBreakAndContinue) {
  EXPECT_EQ(of_int(0, R"(
    var s = 0
    for i in 0 ..< 4 {
      for j in 0 ..< 4 {
        if j == i { continue }
        if j == 3 { break }
        s = s * 3 + j
      }
      if i == 2 { break }
    }
    o.set(s))"),
            // (i, j): (0,1) (0,2) (1,0) (1,2) (2,0) (2,1)
            std::to_string(((((1 * 3 + 2) * 3 + 0) * 3 + 2) * 3 + 0) * 3 + 1));
}

TEST(Lower, ALoopMayEndBeforeItsEnd) {
  EXPECT_EQ(of_int(1, "for i in 0 ..< 3 { o.set(i)\n break }\n while v > 0 max 3 { o.set(7)\n return }\n o.set(8)"),
            "0 7");
  EXPECT_EQ(of_int(1, "o.set(f(v))",
                   "fn f(m: int) -> int { for i in 0 ..< 9 { if i > m { return i * 10 }\n continue }\n return -1 }"),
            "20");
}

TEST(Lower, AWhileRunsToItsConditionOrFaultsAtItsMax) {
  const std::string gcd = R"(
    var x = v
    var y = 36
    while y != 0 max 4 { let t = x mod y  x = y  y = t }
    o.set(x))";
  EXPECT_EQ(of_int(48, gcd), "12");           // 48 36, 36 12, 12 0: two trips
  EXPECT_EQ(of_int(23, gcd), "!WhileLimit");  // 23 36, 36 23, 23 13, 13 10, 10 3, …
  EXPECT_EQ(of_int(3, "var i = 0\n while i < v and i != 2 max 9 { i = i + 1 }\n o.set(i)"), "2");
  EXPECT_EQ(of_int(3, "var i = 0\n while true max 9 { i = i + 1\n if i < v { continue }\n break }\n o.set(i)"), "3");
}

TEST(Lower, AWhileThatNeverTurnsIsStillALoop) {
  EXPECT_EQ(
      of_int(3, "while (v > 5 and 2 > 3) and v > 1 max 4 { o.set(1) }\n while false max 4 { o.set(2) }\n o.set(3)"),
      "3");
}

TEST(Lower, AStoppedHandlerHasDoneNothing) {
  EXPECT_EQ(run(task("int", "state c : int = 0\n state xs : [int; 2] = [7, 7]\n state s : text(8) = \"old\"",
                     "o.set(c + xs[0] + s.len)\n c = 100\n xs[0] = 100\n s = \"longer\"\n o.set(1 / v)"),
                {{"n", std::int64_t{0}}, {"n", std::int64_t{1}}}),
            "!DivideByZero 10 1");
}

// ---- Values in memory
// ------------------------------------------------------------------------------------------------

TEST(Lower, ArraysAreValues) {
  const std::string rev = "fn rev(xs: [int; 3]) -> [int; 3] { return [xs[2], xs[1], xs[0]] }\n";
  EXPECT_EQ(run(rev + task("int", "state g : [int; 3] = [1, 2, 3]", R"(
              var a = g
              a[0] = v
              o.set(g[0] * 100 + a[0])
              g = rev(rev(a))
              o.set(g[0])
              g = [g[2], g[0], g[1]]
              o.set(g[0] * 10000 + g[1] * 100 + g[2])
              let f = [v; 3]
              o.set(f[2])
              a = [0, 0, 0]
              o.set(a[0] + a[1] + a[2]))"),
                {{"n", std::int64_t{42}}}),
            "142 42 34202 42 0");
  EXPECT_EQ(of_int(3, "o.set(g[v])", "state g : [int; 3] = [1, 2, 3]"), "!IndexOutOfRange");
  EXPECT_EQ(of_int(-1, "g[v] = 1", "state g : [int; 3] = [1, 2, 3]"), "!IndexOutOfRange");
  EXPECT_EQ(of_int(2, "var f : [f32; 5] = [0.5; 5]\n f[v] = 1.5\n o.set(f[v] + f[0])", "", "f32"), "2.0");
}

TEST(Lower, ListsGrowToTheirSize) {
  const std::string state = "state xs : [int; <=3] = [5]";
  EXPECT_EQ(of_int(1, R"(
      xs.push(v)
      var ys : [int; <=3] = [9, 8]
      ys = xs
      xs[0] = 6
      o.set(ys.len * 100 + ys[0] * 10 + ys[1])
      for i, y in ys { o.set(i * 10 + y) }
      xs.clear()
      o.set(xs.len)
      ys.push(1)
      ys.push(2))",
                   state),
            "!ListFull");
  EXPECT_EQ(
      of_int(
          1,
          "xs.push(v)\n var ys : [int; <=3] = [9, 8]\n ys = xs\n xs[0] = 6\n o.set(ys.len * 100 + ys[0] * 10 + ys[1])\n"
          "for i, y in ys { o.set(i * 10 + y) }\n xs.clear()\n o.set(xs.len)",
          state),
      "251 5 11 0");
  EXPECT_EQ(of_int(1, "o.set(xs[v])", state), "!IndexOutOfRange");
}

TEST(Lower, RecordsAreTheirFields) {
  const std::string above = R"(
    record Spot { x: f64, y: f64, tag: text(4), inner: Pair }
    record Pair { a: int, b: bool }
    fn spot(x: f64, tag: text(4)) -> Spot { return Spot(x: x, y: -x, tag: tag, inner: Pair(a: 3, b: x > 0.0)) }
    fn sum(s: Spot) -> f64 { return s.x + f64(s.inner.a) }
  )";
  EXPECT_EQ(
      run(above + task("text(60)", "state s : Spot = Spot(x: 1.0, y: 2.0, tag: \"ab\", inner: Pair(a: 1, b: true))", R"(
              s = Spot(x: s.y, y: s.x, tag: s.tag, inner: s.inner)
              o.set("{s.x} {s.y} {s.tag} {s.inner.a} {s.inner.b}")
              var c = s
              c.x = f64(v)
              c.inner.b = false
              c.tag = "c"
              s.inner = c.inner
              o.set("{c.x} {s.x} {c.tag} {s.tag} {s.inner.b} {sum(c)} {sum(s)}")
              let made = spot(-f64(v), "m")
              o.set("{made.x} {made.y} {made.tag} {made.inner.b}"))"),
          {{"n", std::int64_t{4}}}),
      "2.0 1.0 ab 1 true 4.0 2.0 c ab false 5.0 3.0 -4.0 4.0 m false");
}

TEST(Lower, TextsAreBuiltBesideWhatTheyReplace) {
  const std::string above = "state s : text(12) = \"ab\"";
  EXPECT_EQ(
      of_int(5, "s = \"{s}-{s}\"\n o.set(s)\n s = \"<{v}>{s}\"\n o.set(s)\n o.set(\"{s.len}\")", above, "text(20)"),
      "ab-ab <5>ab-ab 8");
  // Cut at a character: ° has two bytes, and the second of one is the 14th.
  EXPECT_EQ(of_int(5, "s = \"{v}°{v}°{v}°{v}°{v}\"\n o.set(s)\n s = \"12{s}\"\n o.set(s)", "state s : text(13) = \"\"",
                   "text(20)"),
            "5°5°5°5°5 125°5°5°5");
  EXPECT_EQ(of_int(5, "o.set(\"{f64(v):.2} {f64(v) / 3.0} {f32(v) / 3.0} {v > 3} {u64(v) - 6} {1.5 s * v} {i32(v)}\")",
                   "", "text(120)"),
            "5.00 1.6666666666666667 1.6666666 true 18446744073709551615 7.5 s 5");
  EXPECT_EQ(of_int(5, "o.set(\"x\")\n o.set(\"\")\n o.set(\"{v}\")", "", "text(9)"), "x  5");
}

TEST(Lower, TextsCompareByTheirBytes) {
  const std::string greet = "fn greet(who: text(16)) -> text(40) { return \"hi {who}\" }\n";
  EXPECT_EQ(run(greet + task("bool", "state s : text(16) = \"a\"", R"(
              o.set(greet(s) == greet("a"))
              o.set(greet("b") == greet(s))
              o.set(greet(s) != "hi a")
              o.set(s == "a" and greet("{greet("a")}") == "hi hi a")
              if greet(s) != greet("c") { o.set(true) })"),
                {{"n", std::int64_t{1}}}),
            "1 0 0 1 1");
}

TEST(Lower, AReadingIsWhatTheHandlerNamesIt) {
  EXPECT_EQ(run("task t {\n input name : text(10)\n input k : int\n output o : value text(30)\n state last : text(10) "
                "= \"-\"\n"
                " on name as s { o.set(\"{last}>{s}\")\n last = s }\n on k as v { o.set(\"{k}{name}{v + v}\") } }",
                {{"k", std::int64_t{1}}, {"name", "one"}, {"name", "two"}, {"k", std::int64_t{4}}}),
            "!NoReading ->one one>two 4two8");
}

// ---- Calls
// -----------------------------------------------------------------------------------------------------------

TEST(Lower, ArgumentsAreEvaluatedFromLeftToRight) {
  const std::string source =
      "task t {\n input n : int\n output o : value int\n state trail : int = 0\n"
      " fn mark(d: int) -> int { trail = trail * 10 + d\n return d }\n"
      " fn three(a: int, b: int, c: int) -> int { return a * 100 + b * 10 + c }\n"
      " on n as v { o.set(three(mark(1), mark(2) + mark(3), mark(4)))\n o.set(trail)\n"
      "   o.set(trail + mark(5) - trail)\n o.set(trail) } }";
  EXPECT_EQ(run(source, {{"n", std::int64_t{0}}}), "154 1234 -11106 12345");
}

TEST(Lower, ATextIsReadBeforeTheCallThatChangesIt) {
  EXPECT_EQ(run("task t {\n input n : int\n output o : value bool\n state s : text(9) = \"a\"\n fn change() -> text(9) "
                "{ s = \"b\"\n return \"a\" }\n"
                " on n { o.set(s == change())\n s = \"a\"\n if s != change() { o.set(false) } else { o.set(true) }\n "
                "o.set(change() == s) } }",
                {{"n", std::int64_t{0}}}),
            "1 1 0");
}

TEST(Lower, TextArgumentsSurviveCallsOfTheSameFunction) {
  const std::string join = "fn join(a: text(20), b: text(20)) -> text(20) { return \"{a}{b}\" }\n";
  EXPECT_EQ(run(join + task("text(20)", "", "o.set(join(\"a\", join(join(\"b\", \"c\"), join(\"d\", \"{v}\"))))"),
                {{"n", std::int64_t{7}}}),
            "abcd7");
}

// ---- Tables and code
// ---------------------------------------------------------------------------------------------------

const char* const kMonitor = R"(
/// Doc.
task monitor {
  input  t1      : °C stale after 30 s
  input  p       : kPa at 100 Hz queue 9 drop newest
  output siren   : switch = off
  output lamp    : switch = on
  output history : log { temp: °C, at: time, d: duration } to cloud
  param limit : °C = 80 °C in 20 °C .. 120 °C
  state seen : int = 3
  alarm hot "{t1.name} is {t1:.1 °C}" when t1 > limit for 2 s clear below limit - 2 K priority high drives siren
  alarm silent "silent" when t1.stale drives siren
  alarm old "old" when t1.age > 5 s
  alarm many "{seen}" when p > 3 kPa
  on t1 as temp within 10 ms { history.send(temp: temp, at: event.time, d: 1 s) }
  every 10 s { seen = seen + 1 }
  on start { lamp.off() }
})";

TEST(LowerTables, SayWhatTheTaskDeclares) {
  const Compiled compiled = compile(kMonitor, "some/folder/monitor.eft");
  ASSERT_TRUE(compiled.lowered) << compiled.errors;
  const vm::Module& m = compiled.lowered->module();
  EXPECT_EQ(m.task, "monitor");
  EXPECT_EQ(m.doc, "Doc.");
  EXPECT_EQ(m.source, "monitor.eft");
  ASSERT_EQ(m.inputs.size(), 2u);
  EXPECT_EQ(m.inputs[0],
            (vm::Input{.value = {"t1", vm::type_id(vm::Scalar::F64), "°C"}, .stale_after_ns = 30'000'000'000}));
  EXPECT_EQ(m.inputs[1], (vm::Input{.value = {"p", vm::type_id(vm::Scalar::F64), "kPa"},
                                    .period_ns = 10'000'000,
                                    .queue = 9,
                                    .drop = vm::DropPolicy::Newest}));
  ASSERT_EQ(m.outputs.size(), 3u);
  EXPECT_TRUE(m.outputs[0].driven && m.outputs[0].has_initial && m.outputs[0].initial == 0);
  EXPECT_TRUE(!m.outputs[1].driven && m.outputs[1].has_initial && m.outputs[1].initial == 1);
  EXPECT_TRUE(m.outputs[2].to_cloud && !m.outputs[2].has_initial);
  EXPECT_EQ(m.outputs[2].fields[1].unit, "time");
  EXPECT_EQ(m.outputs[2].fields[2].unit, "duration");
  ASSERT_EQ(m.params.size(), 1u);
  EXPECT_EQ(m.params[0], (vm::Param{.name = "limit",
                                    .unit = "°C",
                                    .type = vm::Scalar::F64,
                                    .offset = 0,
                                    .has_range = true,
                                    .min = vm::to_word(20.0),
                                    .max = vm::to_word(120.0)}));
  ASSERT_EQ(m.handlers.size(), 3u);
  EXPECT_EQ(m.handlers[0].within_ns, 10'000'000);
  EXPECT_EQ(m.handlers[1].time_ns, 10'000'000'000);
  EXPECT_EQ(m.handlers[2].kind, vm::HandlerKind::Start);

  ASSERT_EQ(m.alarms.size(), 4u);
  EXPECT_EQ(m.alarms[0].when_for_ns, 2'000'000'000);
  EXPECT_EQ(m.alarms[0].priority, vm::Priority::High);
  EXPECT_EQ(m.alarms[0].needs, std::vector<vm::InputId>{vm::InputId{0}});
  EXPECT_EQ(m.alarms[0].drives, std::vector<vm::OutputId>{vm::OutputId{0}});
  EXPECT_FALSE(m.alarms[0].polled || m.alarms[0].reads_state);
  EXPECT_TRUE(m.alarms[1].needs.empty() && m.alarms[1].clear == vm::kNoFunction);
  EXPECT_FALSE(m.alarms[1].polled);  // the engine knows when it becomes stale
  EXPECT_TRUE(m.alarms[2].polled);
  EXPECT_TRUE(m.alarms[3].reads_state);  // by its text
  // A slot for what is read, no other: no `raised`, no `active`, one name.
  for (const vm::Slot& slot : m.slots) {
    EXPECT_NE(slot.kind, vm::SlotKind::AlarmActive);
    EXPECT_FALSE(slot.kind == vm::SlotKind::InputName && slot.subject != 0);
  }
}

const vm::Function& function(const vm::Module& module, std::string_view name) {
  return *std::ranges::find(module.functions, name, &vm::Function::name);
}

TEST(LowerCode, IsAHandfulOfInstructionsForAReading) {
  const Compiled compiled = compile(kMonitor);
  ASSERT_TRUE(compiled.lowered) << compiled.errors;
  const vm::Module& m = compiled.lowered->module();
  using vm::Op;
  const auto ops = [&](const char* name) {
    std::vector<Op> ops;
    for (const vm::Instruction& instruction : function(m, name).code) ops.push_back(instruction.op);
    return ops;
  };
  EXPECT_EQ(ops("hot when"), (std::vector{Op::Load, Op::Load, Op::LtF64, Op::Return}));
  EXPECT_EQ(ops("silent when"), (std::vector{Op::Load, Op::Load, Op::SubI64, Op::Load, Op::LeI64, Op::Return}));
  EXPECT_EQ(ops("on t1"), (std::vector{Op::Load, Op::Load, Op::Load, Op::Emit, Op::Return}));
  EXPECT_EQ(ops("every 10 s"), (std::vector{Op::Load, Op::AddImmI64, Op::Store, Op::Return}));
}

TEST(LowerCode, KnowsItsLines) {
  const Compiled compiled = compile(
      "task t {\n input n : int\n output o : value int\n on n as v {\n  o.set(1)\n  if v > 2 {\n"
      "   o.set(2)\n  }\n  o.set(3) } }");
  ASSERT_TRUE(compiled.lowered) << compiled.errors;
  std::vector<std::uint32_t> lines;
  for (const vm::LineMark& mark : function(compiled.lowered->module(), "on n").lines) lines.push_back(mark.line);
  EXPECT_EQ(lines, (std::vector<std::uint32_t>{5, 6, 7, 9}));
}

TEST(LowerCode, TheSameSourceGivesTheSameBytes) {
  const Compiled first = compile(kMonitor, "/a/monitor.eft"), second = compile(kMonitor, "b/c/monitor.eft");
  ASSERT_TRUE(first.lowered && second.lowered);
  EXPECT_EQ(vm::write_module(first.lowered->module()), vm::write_module(second.lowered->module()));
}

TEST(LowerCode, EqualConstantsAreOne) {
  const Compiled compiled =
      compile(task("f64", "", "let x = f64(v)\n o.set(x * 2.5 + 2.5)\n o.set(2.5 - x)\n o.set(x + 0.0)"));
  ASSERT_TRUE(compiled.lowered) << compiled.errors;
  EXPECT_EQ(compiled.lowered->module().const_image.size(), 16u);
}

// ---- Limits
// ------------------------------------------------------------------------------------------------------------

TEST(LowerLimits, ScalarsAreReachableWhateverTheArrays) {
  EXPECT_EQ(of_int(3, "big[v] = 2\n c = c + big[v] + small[1]\n o.set(c)",
                   "state small : [int; 5] = [1; 5]\n state big : [int; 1000000] = [0; 1000000]\n state c : int = 1"),
            "4");
}

TEST(LowerLimits, WhatLiesFarInTheStateIsReached) {
  EXPECT_EQ(of_int(3, "b[v] = 41\n c[v] = 1\n a[v] = b[v] + c[v]\n o.set(a[v])",
                   "state a : [int; 70000] = [0; 70000]\n state b : [int; 70001] = [0; 70001]\n state "
                   "c : [int; 70002] = [0; 70002]\n on start { c[0] = 1 }"),
            "42");
}

TEST(LowerLimits, WhatDoesNotFitTheMemoryIsRefused) {
  std::string states = "on start { a0[0] = 1 }";
  for (int n = 0; n < 9; ++n) states = "state a" + std::to_string(n) + " : [int; 1000000] = [0; 1000000]\n " + states;
  const std::string error = of_int(3, "a1[v] = 1\n o.set(a1[v])", states);
  EXPECT_TRUE(error.find("E0601") != std::string::npos && error.find("state memory") != std::string::npos) << error;
}

TEST(LowerLimits, WhatTheVerifierLimitsIsTheAuthorsToKnow) {
  std::string loops, ends, functions = "fn fn_0(x: text(1)) -> int { return 1 }\n";
  for (int i = 0; i < 65; ++i) loops += "for k_" + std::to_string(i) + " in 0 ..< 9 { ", ends += " }";
  const std::string deep = of_int(1, "var s = 0\n" + loops + "s = s + 1" + ends + "\n o.set(s)");
  EXPECT_TRUE(deep.find("E0601") != std::string::npos && deep.find("at most 64 loops nest") != std::string::npos)
      << deep;
  for (int i = 1; i < 260; ++i)
    functions += "fn fn_" + std::to_string(i) + "(x: text(1)) -> int { return fn_" + std::to_string(i - 1) + "(x) }\n";
  const std::string chain = run(functions + task("int", "", "o.set(fn_259(\"a\"))"), {{"n", std::int64_t{1}}});
  EXPECT_TRUE(chain.find("E0601") != std::string::npos &&
              chain.find("calls nest at most 256 deep") != std::string::npos)
      << chain;
  const std::string span = run("task t {\n output o : value int\n every 1000000 h { o.set(1) } }", {});
  EXPECT_TRUE(span.find("E0601") != std::string::npos && span.find("100 years") != std::string::npos) << span;
}

// By hand: a source of this length would take longer to parse than the test may last.
TEST(LowerLimits, AFunctionThatIsTooLongIsRefused) {
  typed::Program program;
  typed::Task& task = program.tasks.emplace_back();
  task.name = "t";
  const typed::Type type{.kind = typed::TypeKind::I64};
  task.states.push_back({.name = "s", .span = {}, .type = type, .initial = {type, std::int64_t{0}}});
  typed::Handler& handler = task.handlers.emplace_back();
  handler.label = "on start";
  handler.trigger = typed::Trigger::Start;
  const auto state = [&] { return std::make_unique<typed::Expr>(typed::Expr{type, {}, typed::StateExpr{}}); };
  const auto assignments = [&](int count) {
    handler.body.clear();
    for (int i = 0; i < count; ++i) handler.body.push_back({{}, typed::Assign{state(), state()}});  // two instructions
  };
  Diagnostics diagnostics;
  assignments(32'767);  // and the return: 65,535
  EXPECT_TRUE(lower(program, 0, {}, diagnostics));
  EXPECT_FALSE(diagnostics.has_errors());
  assignments(32'768);
  EXPECT_FALSE(lower(program, 0, {}, diagnostics));
  ASSERT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(kind_of(diagnostics.all()[0].code).id, "E0601");
}

}  // namespace
}  // namespace eyeflow::compiler
