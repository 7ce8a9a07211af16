#include "compiler/check/check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "compiler/check/units.h"
#include "compiler/parse/parse.h"

namespace eyeflow::compiler {
namespace {

using namespace typed;

struct Checked {
  std::optional<Program> program;
  std::string report;
};
Checked check_source(const std::string& source) {
  ParseResult parsed = parse(source, "t.eft");
  Checked out;
  out.program = check(parsed.file, source, parsed.diagnostics, parsed.broken);
  out.report = render_all(parsed.diagnostics, source, "t.eft");
  return out;
}
Checked check_task(const std::string& body) { return check_source("task t {\n" + body + "\n}\n"); }

// The folded value of `expression` as a `type`.
std::string folded(const std::string& type, const std::string& expression) {
  Checked c = check_task("state _x : " + type + " = " + expression);
  if (!c.program) return c.report;
  const Constant& value = c.program->tasks[0].states[0].initial;
  std::ostringstream out;
  out.precision(17);
  if (const auto* b = std::get_if<bool>(&value.value)) out << (*b ? "true" : "false");
  if (const auto* i = std::get_if<std::int64_t>(&value.value)) out << *i;
  if (const auto* d = std::get_if<double>(&value.value)) out << *d;
  if (const auto* s = std::get_if<std::string>(&value.value)) out << *s;
  if (const auto* a = std::get_if<Aggregate>(&value.value)) out << a->elements.size() << "*" << a->repeat;
  return out.str();
}

TEST(Check, TheExampleIsAccepted) {
  std::ifstream file(EYEFLOW_SOURCE_DIR "/examples/monitor_t1.eft");
  std::stringstream source;
  source << file.rdbuf();
  Checked c = check_source(source.str());
  EXPECT_EQ(c.report, "");
  ASSERT_TRUE(c.program);
  const Task& task = c.program->tasks.at(0);
  EXPECT_EQ(task.doc, "Sounds the alarm as soon as T1 runs hot, and keeps its history in the cloud.");
  EXPECT_EQ(task.inputs.at(0).stale_after_ns, 30'000'000'000);
  EXPECT_EQ(to_string(task.inputs.at(0).type), "f64 °C");
  EXPECT_TRUE(task.outputs.at(0).driven_by_alarms);
  EXPECT_TRUE(task.outputs.at(1).to_cloud);
  ASSERT_EQ(task.alarms.size(), 2u);
  const Alarm& hot = task.alarms[0];
  EXPECT_EQ(hot.priority, Priority::High);
  EXPECT_EQ(hot.needs, std::vector<InputId>{InputId{0}});
  EXPECT_FALSE(hot.reads_state);
  EXPECT_FALSE(hot.reads_clock);
  const auto& clear = std::get<Binary>(hot.clear->node);  // t1 < limit - 2
  EXPECT_EQ(clear.op, BinaryOp::Lt);
  EXPECT_TRUE(std::get_if<InputExpr>(&clear.left->node));
  const auto& deadband = std::get<Binary>(clear.right->node);
  EXPECT_EQ(deadband.op, BinaryOp::Sub);
  EXPECT_EQ(std::get<double>(std::get<ConstantExpr>(deadband.right->node).constant.value), 2.0);
  const auto& text = std::get<Interpolate>(hot.text->node);  // "{t1.name} is {t1:.1 °C}"
  ASSERT_EQ(text.parts.size(), 3u);
  EXPECT_EQ(text.parts[1].literal, " is ");
  EXPECT_EQ(text.parts[1].precision, 1);
  EXPECT_EQ(text.parts[2].literal, " °C");
  EXPECT_TRUE(task.alarms[1].reads_clock);
  EXPECT_TRUE(task.alarms[1].needs.empty());
  EXPECT_EQ(task.handlers.at(0).within_ns, 10'000'000);
  const typed::Test& test = c.program->tests.at(0);
  ASSERT_EQ(test.steps.size(), 5u);
  EXPECT_EQ(std::get<Expect>(test.steps[4].action).source, "history.count == 2");
  EXPECT_EQ(test.steps[4].at_ns, 1'000'000'000);
  EXPECT_EQ(std::get<double>(std::get<Feed>(test.steps[1].action).value->value), 85.5);
}

TEST(Check, ConstantsFoldAsTheMachineComputes) {
  EXPECT_EQ(folded("int", "7 / -2"), "-3");
  EXPECT_EQ(folded("int", "-7 mod 3"), "-1");
  EXPECT_EQ(folded("int", "(1 << 4 | 0x0F) ^ 0b1"), "30");
  EXPECT_EQ(folded("int", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(folded("u64", "18446744073709551615"), "-1");  // its bit pattern
  EXPECT_EQ(folded("u64", "9223372036854775807 + 1"), "-9223372036854775808");
  EXPECT_EQ(folded("u8", "u8(300)"), "44");
  EXPECT_EQ(folded("u8", "u8(250) + u8(10)"), "4");
  EXPECT_EQ(folded("u8", "~u8(1)"), "254");
  EXPECT_EQ(folded("u8", "u8(1) << u8(9)"), "2");
  EXPECT_EQ(folded("f64", "1 / 4.0"), "0.25");
  EXPECT_EQ(folded("f32", "0.1"), "0.10000000149011612");
  EXPECT_EQ(folded("f32", "16777217"), "16777216");
  EXPECT_EQ(folded("f64", "f64(f32(0.1))"), "0.10000000149011612");
  EXPECT_EQ(folded("int", "round(-2.5) + floor(-2.5) + ceil(-2.5) + trunc(-2.5)"), "-10");
  EXPECT_EQ(folded("bool", "1 < 2 and not (2.5 >= 3) or false"), "true");
  EXPECT_EQ(folded("bool", "\"a\" == \"a\""), "true");
  EXPECT_EQ(folded("int", "min(3, max(1, 7)) + abs(-4)"), "7");
  EXPECT_EQ(folded("f64", "sqrt(2)"), "1.4142135623730951");
  EXPECT_EQ(folded("[f64; 64]", "[0.0; 64]"), "1*64");
  EXPECT_EQ(folded("[int; <=8]", "[1, 2, 3]"), "3*0");
  EXPECT_EQ(folded("text(8)", "\"a{\"b\"}c\""), "abc");
}

TEST(Check, UnitsConvertExactly) {
  EXPECT_EQ(folded("bar", "100 kPa"), "1");
  EXPECT_EQ(folded("°C", "212 °F"), "100");
  EXPECT_EQ(folded("°F", "37 °C"), "98.599999999999994");
  EXPECT_EQ(folded("m/s", "90 km/h"), "25");
  EXPECT_EQ(folded("K", "30 °C - 20 °C"), "10");
  EXPECT_EQ(folded("°C", "20 °C + 5 K"), "25");
  EXPECT_EQ(folded("°C", "5 K + 20 °C"), "25");
  EXPECT_EQ(folded("K", "(0 °C).to(K)"), "273.14999999999998");
  EXPECT_EQ(folded("kW*h", "2 kW * 30 min"), "1");
  EXPECT_EQ(folded("f64", "50 kPa / 1 bar"), "0.5");
  EXPECT_EQ(folded("f64", "(50 %).to(1)"), "0.5");
  EXPECT_EQ(folded("Hz", "(60 rpm).to(Hz)"), "1");
  EXPECT_EQ(folded("Hz", "1 / 2 ms"), "500");
  EXPECT_EQ(folded("kPa", "1 bar + 5 kPa"), "105");  // a bar and 5 kPa are 1.05 bar
  EXPECT_EQ(folded("int rpm", "1500 rpm"), "1500");
  EXPECT_EQ(folded("bool", "1 bar > 99 kPa"), "true");
  EXPECT_EQ(folded("m/s", "sqrt(4 m²/s²)"), "2");
}

TEST(Check, DurationsCountNanoseconds) {
  EXPECT_EQ(folded("duration", "10 ms"), "10000000");
  EXPECT_EQ(folded("duration", "1.5 h"), "5400000000000");
  EXPECT_EQ(folded("duration", "2 * 30 s + 1 min"), "120000000000");
  EXPECT_EQ(folded("duration", "0.5 * 10 s"), "5000000000");
  EXPECT_EQ(folded("duration", "10 s / 4"), "2500000000");
  EXPECT_EQ(folded("f64", "10 s / 4 ms"), "2500");
  EXPECT_EQ(folded("duration", "7 s mod 3 s"), "1000000000");
  EXPECT_EQ(folded("min", "90 s"), "1.5");
  EXPECT_EQ(folded("int", "int(3 us)"), "3000");
}

// The most trips of the loop `for i in RANGE`, or 0 when it is refused.
std::uint32_t trips(const std::string& range, const std::string& before = "") {
  Checked c = check_task(
      "input n : int\nparam top : int = 5 in 2 .. 50\nparam share : f64 = 1.5 in 0.5 .. 9.5\nstate b : u8 = 0\n"
      "state xs : [int; <=64] = []\n on n as v {\n" +
      before + "\n for i in " + range + " { let _i = i + top + int(b) }\n}");
  if (!c.program) return 0;
  for (const Stmt& stmt : c.program->tasks[0].handlers[0].body) {
    if (const auto* loop = std::get_if<ForRange>(&stmt.node)) return loop->max_trips;
  }
  return 0;
}

TEST(Check, LoopsAreBounded) {
  EXPECT_EQ(trips("0 ..< 10"), 10u);
  EXPECT_EQ(trips("-3 ..< 10"), 13u);
  EXPECT_EQ(trips("0 ..< v"), 0u);
  EXPECT_EQ(trips("0 ..< b"), 255u);
  EXPECT_EQ(trips("0 ..< top"), 50u);
  EXPECT_EQ(trips("top ..< 100"), 98u);
  EXPECT_EQ(trips("0 ..< top * 3 - 1"), 149u);
  EXPECT_EQ(trips("0 ..< xs.len"), 64u);
  EXPECT_EQ(trips("0 ..< min(v, 100)"), 100u);
  EXPECT_EQ(trips("max(v, 0) ..< min(v, 100)"), 100u);
  EXPECT_EQ(trips("0 ..< n", "let n2 = min(v, 9)\nlet _n = n2"), 0u);
  EXPECT_EQ(trips("0 ..< k", "let k = min(v, 9)"), 9u);
  EXPECT_EQ(trips("0 ..< k", "var k = 9\nk = v"), 0u);
  EXPECT_EQ(trips("0 ..< v mod 7"), 6u);
  EXPECT_EQ(trips("0 ..< int(b) / 2"), 127u);
  EXPECT_EQ(trips("0 ..< round(share)"), 10u);
  EXPECT_EQ(trips("0 ..< int(u8(v))"), 255u);
  EXPECT_EQ(trips("0 ..< int(b + b)"), 255u);
  EXPECT_EQ(trips("0 ..< abs(min(max(v, -5), 3))"), 5u);
  EXPECT_EQ(trips("0 ..< 600000000"), 0u);
}

TEST(Check, FunctionsStandBehindWhatTheyCall) {
  Checked c = check_source(R"(
fn shared(x: f64) -> f64 { return x * 2 }
task a {
  state n : f64 = 0.0
  fn outer(x: f64) -> f64 { return inner(x) + shared(x) }
  fn inner(x: f64) -> f64 {
    n = n + x
    return n
  }
  on start { let _x = outer(1) }
}
task b { on start { let _x = shared(1) } }
)");
  EXPECT_EQ(c.report, "");
  ASSERT_TRUE(c.program);
  const auto& functions = c.program->tasks[0].functions;
  ASSERT_EQ(functions.size(), 3u);
  EXPECT_EQ(functions[0].name, "shared");
  EXPECT_EQ(functions[1].name, "inner");
  EXPECT_EQ(functions[2].name, "outer");
  EXPECT_FALSE(functions[0].touches_state);
  EXPECT_TRUE(functions[2].touches_state);
  const auto& sum = std::get<Binary>(std::get<Return>(functions[2].body[0].node).value->node);
  EXPECT_EQ(std::get<Call>(sum.left->node).function, FunctionId{1});
  EXPECT_EQ(c.program->tasks[1].functions.size(), 1u);
}

TEST(Check, ConversionsAreNodes) {
  Checked c = check_task(
      "input p : kPa\ninput f : f32 °C\nstate s : bar = 0 bar\nstate t : f32 °F = 0 °F\nstate d : duration = 0 s\n"
      "on p as v {\n s = v\n t = f\n d = (v / 1 kPa) * 1 s\n let _u = [s, s]\n let _v = t\n let _w = d\n}");
  EXPECT_EQ(c.report, "");
  ASSERT_TRUE(c.program);
  const Block& body = c.program->tasks[0].handlers[0].body;
  const auto& to_bar = std::get<Binary>(std::get<Assign>(body[0].node).value->node);
  EXPECT_EQ(to_bar.op, BinaryOp::Div);  // by the exact 100, not times the inexact 0.01
  EXPECT_EQ(std::get<double>(std::get<ConstantExpr>(to_bar.right->node).constant.value), 100.0);
  // An f32 converts in f64 and is rounded once, at the end.
  const auto& narrow = std::get<Convert>(std::get<Assign>(body[1].node).value->node);
  EXPECT_EQ(narrow.op, ConvertOp::F64ToF32);
  EXPECT_EQ(narrow.operand->type.kind, TypeKind::F64);
  EXPECT_EQ(std::get<Convert>(std::get<Assign>(body[2].node).value->node).op, ConvertOp::SecondsToDuration);
}

TEST(Check, AlarmsKnowWhatTheyRead) {
  Checked c = check_task(
      "input a : °C stale after 5 s\ninput b : °C\nstate n : int = 0\nfn far() -> bool { return b > 5 °C and n > 3 }\n"
      "alarm x \"x\" when far()\nalarm y \"y\" when a.stale clear when a > 5 °C\n"
      "alarm z \"z\" when 5 °C >= a clear above 7 °C\non a as v { n = n + round((v - 0 °C) / 1 K) }");
  EXPECT_EQ(c.report, "");
  ASSERT_TRUE(c.program);
  const auto& alarms = c.program->tasks[0].alarms;
  EXPECT_EQ(alarms[0].needs, std::vector<InputId>{InputId{1}});
  EXPECT_TRUE(alarms[0].reads_state);
  EXPECT_EQ(alarms[1].needs, std::vector<InputId>{InputId{0}});
  EXPECT_TRUE(alarms[1].reads_clock);
  EXPECT_FALSE(alarms[1].reads_state);
  EXPECT_EQ(std::get<Binary>(alarms[2].clear->node).op, BinaryOp::Gt);
}

TEST(Check, OneMistakeIsOneError) {
  // Neither what is built on the mistake nor what only the mistake would have used is reported.
  Checked c = check_task(
      "input a : °C\noutput o : switch\nstate n : int = nothing\non a as v {\n let x = vv + 1\n let y = x * 2\n"
      " if y > n { o.set(y == x) }\n}");
  std::size_t errors = 0;
  for (std::size_t at = 0; (at = c.report.find("error[", at)) != std::string::npos; ++at) ++errors;
  EXPECT_EQ(errors, 2u) << c.report;
  EXPECT_EQ(c.report.find("warning"), std::string::npos);
}

TEST(Check, DiagnosticsAreLimited) {
  std::string body = "on start {\n";
  for (int i = 0; i < 60; ++i) body += " let _a" + std::to_string(i) + " = nothing" + std::to_string(i) + "\n";
  Checked c = check_task(body + "}");
  EXPECT_NE(c.report.find("10 more errors are not shown"), std::string::npos);
}

TEST(Diagnostics, EveryKindHasItsCodeAndStory) {
  std::string last;
  for (const DiagnosticKind& kind : diagnostic_kinds()) {
    EXPECT_EQ(kind.id[0], kind.severity == Severity::Error ? 'E' : 'W');
    EXPECT_LT(last, kind.id.substr(1)) << kind.id;
    EXPECT_GT(kind.explanation.size(), 40u) << kind.id;
    EXPECT_EQ(find_kind(kind.id), &kind);
    last = kind.id.substr(1);
  }
  EXPECT_EQ(find_kind("E9999"), nullptr);
}

}  // namespace
}  // namespace eyeflow::compiler
