#include "runtime/host/host.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "runtime/host/actor.h"
#include "runtime/host/histogram.h"
#include "runtime/host/inlet.h"
#include "runtime/host/outputs.h"
#include "runtime/host/param.h"
#include "runtime/host/render.h"
#include "runtime/host/runner.h"
#include "runtime/host/start_memory.h"
#include "runtime/host/timers.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tests/unit/denials.h"
#include "tests/unit/task_builder.h"
#include "vm/module/card.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;
using vm::FunctionId;
using vm::HandlerKind;
using vm::Module;
using vm::Op;
using vm::Region;
using vm::Scalar;
using vm::SlotKind;
using vm::Trap;
using vm::type_id;
using vm::test::TaskBuilder;

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// As examples/monitor_t1.eft: above 80 raises `hot`, below 78 clears it, it drives `siren`, each reading is a row.
struct Monitor : TaskBuilder {
  InputSlots t1;
  explicit Monitor(vm::TimeNs stale_after = 0) : t1(input("t1", type_id(Scalar::F64), stale_after)) {
    module.task = "monitor";
    module.inputs[0].value.unit = "°C";
    const auto event = slot(Region::Input, type_id(Scalar::I64), SlotKind::EventTime);
    switch_output("siren", true, true, 0);
    const auto log = output({.name = "history",
                             .kind = vm::OutputKind::Log,
                             .fields = {{"temp", type_id(Scalar::F64), "°C"}, {"at", type_id(Scalar::I64), "time"}}});
    module.alarms.push_back({.name = "hot",
                             .priority = vm::Priority::High,
                             .when = above(t1, 80),
                             .clear = below(t1, 78),
                             .text = constant_text("too hot"),
                             .needs = {t1.id},
                             .drives = {vm::OutputId{0}}});
    const auto value = reading(t1, Scalar::F64);
    load(Region::Input, Scalar::I64, event);
    add(Op::Emit, static_cast<int>(log), value);
    add(Op::Return);
    on(t1, function("on t1"));
    module.params.push_back({.name = "limit",
                             .unit = "°C",
                             .offset = 0,
                             .has_range = true,
                             .min = std::bit_cast<vm::Word>(20.0),
                             .max = std::bit_cast<vm::Word>(120.0)});
    const auto at = slot(Region::Param, type_id(Scalar::F64), SlotKind::Plain, 0, "limit");
    const double limit = 80;
    std::memcpy(module.param_image.data() + at * 8, &limit, 8);
  }
};

// Writes one switch: on above zero. Faults on exactly 13.
struct Relay : TaskBuilder {
  explicit Relay(std::string name = "relay") {
    module.task = std::move(name);
    const auto v = input("v", type_id(Scalar::F64));
    const auto out = switch_output("out", false, true, 0);
    const auto value = reading(v, Scalar::F64);
    const auto zero = load(Region::Const, Scalar::F64, constant(Scalar::F64, 0));
    const auto thirteen = load(Region::Const, Scalar::F64, constant(Scalar::F64, std::bit_cast<vm::Word>(13.0)));
    const auto on_ = reg(Scalar::Bool), unlucky = reg(Scalar::Bool);
    add(Op::LtF64, on_, zero, value);
    add(Op::Emit, static_cast<int>(out), on_);
    add(Op::EqF64, unlucky, value, thirteen);
    add(Op::JumpUnless, 2, unlucky);
    add(Op::Trap, static_cast<int>(Trap::Fault));
    add(Op::Return);
    on(v, function("on v", {}, {{0, 7}}));
  }
};

// Counts its readings and publishes the count; a long loop makes it too long to run inline when `trips` is large.
struct Counting : TaskBuilder {
  InputSlots first{};
  explicit Counting(int inputs, int trips, vm::TimeNs stale_after = 0) {
    module.task = "counting";
    const auto n = state(Scalar::I64, 0, "n");
    const auto out = value_output("count", Scalar::I64);
    const auto counter = type({vm::TypeKind::Counter, Scalar::Void, Region::Const, static_cast<std::uint32_t>(trips)});
    for (int i = 0; i < inputs; ++i) {
      const auto v = input("v" + std::to_string(i), type_id(Scalar::F64), stale_after);
      if (i == 0) first = v;
      const auto count = load(Region::State, Scalar::I64, n), one = number(1);
      const auto times = load(Region::Const, Scalar::I64, constant(Scalar::I64, static_cast<vm::Word>(trips)));
      const auto loop = reg(counter), sum = reg(Scalar::I64);
      add(Op::LoopBegin, loop, times, counter);
      add(Op::LoopEnter, loop, 3);
      add(Op::AddI64, sum, sum, one);
      add(Op::LoopNext, loop, 1);
      add(Op::AddI64, count, count, one);
      add(Op::Store, count, 0, n);
      add(Op::Emit, static_cast<int>(out), count);
      add(Op::Return);
      on(v, function("on v" + std::to_string(i)));
    }
    module.state_image.resize(64);
  }
};

// Sanitizers keep memory of their own beside each allocation.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

class HostTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "eyeflow-host-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    ASSERT_TRUE(generate_key(dir_ / "key"));
    options_.trusted.push_back(load_public_key(dir_ / "key.pub").value());
    console_ = std::tmpfile();
    options_.console = console_;
  }
  void TearDown() override {
    std::fclose(console_);
    std::filesystem::remove_all(dir_);
  }

  // With its card, as the compiler makes it; a module that does not verify has none.
  void bundle(const std::string& name, const Module& module, bool with_card = true) {
    const auto bytes = vm::write_module(module);
    std::vector<vm::BundleSection> sections{{vm::kModuleSection, bytes}};
    std::vector<std::byte> card;
    if (const auto verified = vm::verify(module, stdlib::intrinsics()); verified && with_card) {
      card = vm::write_card(vm::card_of(*verified));
      sections.push_back({vm::kCardSection, card});
    }
    const auto signed_bytes = sign_bundle(sections, load_private_key(dir_ / "key").value()).value();
    std::ofstream(dir_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(signed_bytes.data()), static_cast<std::streamsize>(signed_bytes.size()));
  }
  void file(const std::string& name, const std::string& text) { std::ofstream(dir_ / name) << text; }

  Site site_of(const std::string& text) {
    auto site = parse_site(text, "site.toml", dir_);
    EXPECT_TRUE(site) << site.error().message;
    return site ? *std::move(site) : Site{};
  }
  Result<Host> load(const std::string& text) { return Host::load(site_of(text), options_); }

  // Runs the site until its replays end; the console's lines without their clock.
  std::vector<std::string> run(const std::string& text) {
    options_.stop_when_inputs_end = true;
    auto host = load(text);
    EXPECT_TRUE(host) << host.error().message;
    if (!host) return {};
    EXPECT_TRUE(host->run(20s));
    stats_ = host->stats();
    EXPECT_LT(stats_.uptime, 19s) << "it did not stop at the end of its inputs";
    return lines();
  }
  std::vector<std::string> lines() {
    std::fflush(console_);
    std::rewind(console_);
    std::vector<std::string> out;
    char line[512];
    while (std::fgets(line, sizeof line, console_)) {
      std::string text(line);
      text.pop_back();
      out.push_back(text.substr(text.find("  ") + 2));
    }
    return out;
  }
  std::uint64_t bad(BadReading reason) const { return stats_.bad[static_cast<std::size_t>(reason)]; }
  // What check_site says of a [[run]] of monitor.efb with these lines.
  std::string problems(const std::string& run_lines, const std::string& more = "") {
    std::string text;
    for (const auto& line : check_site(site_of(kMonitorSite + more + "[[run]]\n" + run_lines), options_).problems)
      text += line + "\n";
    return text;
  }

  static inline const std::string kMonitorSite = R"(
[sensor."T{1..3}"]
from = "replay"
file = "tape.csv"
speed = 0
unit = "°C"
[switch."siren_T{1..3}"]
to = "console"
[log.history]
to = "none"
)";

  std::filesystem::path dir_;
  HostOptions options_;
  std::FILE* console_ = nullptr;
  HostStats stats_;
};

// ---- What runs the tasks -------------------------------------------------------------------------------------------

constexpr const char* kMonitorRun = R"(
[[run]]
bundle = "monitor.efb"
each = { t1 = "T*" }
bind = { siren = "siren_{t1}", history = "history" }
)";

// A clock that stands `shift` ahead of the monotonic one, and may be synchronised.
TEST(Clock, IsPutRightOnceAndOnlyIfItNeverWasRight) {
  vm::TimeNs shift = 0;
  bool is_synchronised = false;
  const HostClock::Source source{
      .wall =
          [&] { return shift + std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); },
      .is_synchronised = [&] { return is_synchronised; }};
  HostClock wrong(source);
  EXPECT_FALSE(wrong.is_put_right()) << "nobody has set it";
  shift = 1'700'000'000'000'000'000;
  EXPECT_FALSE(wrong.is_put_right()) << "somebody has, who may not know";
  is_synchronised = true;
  EXPECT_TRUE(wrong.is_put_right());
  HostClock right(source);
  EXPECT_FALSE(right.is_put_right());
  shift += 3'600'000'000'000;
  EXPECT_FALSE(right.is_put_right()) << "it was right: an hour more is somebody's hand";
}

TEST_F(HostTest, MachineCodeRunsTheTasksUnlessToldOtherwise) {
  bundle("monitor.efb", Monitor().module);
  file("tape.csv", "time_ms,input,value\n");
  const auto tier = [&](const std::string& text) {
    const auto host = load(text);
    return host ? host->deployment().tasks[0].program->code().report().tier : host.error().message;
  };
  EXPECT_EQ(tier(kMonitorSite + kMonitorRun), "baseline");
  const std::string interpreted = "[device]\ntier = \"interpreter\"\n" + kMonitorSite + kMonitorRun;
  EXPECT_EQ(tier(interpreted), "interpreter");
  options_.tier = TierChoice::Baseline;
  EXPECT_EQ(tier(interpreted), "baseline");
  options_.tier = TierChoice::Interpreter;
  EXPECT_EQ(tier(kMonitorSite + kMonitorRun), "interpreter");
}

TEST_F(HostTest, TheInterpreterRunsThemWhereCodePagesAreDenied) {
  bundle("monitor.efb", Monitor().module);
  std::filesystem::copy_file(dir_ / "monitor.efb", dir_ / "again.efb");
  file("tape.csv", "time_ms,input,value\n0,T1,85\n");
  const Site site = site_of(kMonitorSite + kMonitorRun +
                            "[[run]]\nbundle = \"again.efb\"\nbind = { t1 = \"T1\", siren = \"horn\", history = "
                            "\"history\" }\n[switch.horn]\nto = \"console\"\n");
  const int status = denials::in_child([&] {
    if (!denials::refuse({{SYS_mmap, 2, PROT_EXEC}})) return denials::kNotHere;
    const Deployment deployment = deploy(site, options_);
    if (!deployment.problems.empty() || deployment.tasks.size() != 2) return 2;
    for (const auto& task : deployment.tasks)
      if (task.program->code().report().tier != "interpreter") return 3;
    return deployment.notes ==
                   std::vector<std::string>{
                       "site.toml: task monitor runs in the interpreter, which is slower: code pages are "
                       "denied: mapping them executable: Operation not permitted; write tier = "
                       "\"interpreter\" in [device] if that is how it shall be"}
               ? denials::kWorked
               : denials::kRefused;
  });
  if (status == denials::kNotHere) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, denials::kWorked);
}

// ---- Who runs an instance ------------------------------------------------------------------------------------------

// The pool's threads come last when the processor is short of time; here they never come.
TEST_F(HostTest, ShortHandlersDoNotWaitForThePool) {
  bundle("monitor.efb", Monitor().module);
  const Site site = site_of(kMonitorSite + kMonitorRun);
  const Deployment deployment = deploy(site, options_);
  HostClock clock;
  Counters counters;
  const Outputs::SinkOf sinks;
  Outputs outputs(site, deployment, sinks, counters);
  std::vector<std::unique_ptr<TaskInfo>> tasks;
  tasks.push_back(std::make_unique<TaskInfo>(*deployment.tasks[0].program));
  Runner runner(clock, outputs, counters, std::move(tasks), deployment, [] {});
  const auto lane = runner.make_lane();
  runner.start_instances(*lane, site, deployment);
  Actor& actor = *runner.actors()[0];
  const auto reading = [&](double value) {
    return Reading{.input = vm::InputId{0},
                   .value = std::bit_cast<vm::Word>(value),
                   .event_time = clock.now(),
                   .arrived = std::chrono::steady_clock::now()};
  };
  // As many as fit were left to the pool while another thread had the instance.
  for (std::uint32_t n = 0; n < ReadingQueue::kDefaultDepth; ++n)
    ASSERT_TRUE(actor.queue.push(reading(n % 2 ? 70 : 85)));
  actor.state = Actor::State::Scheduled;
  actor.is_listed = true;
  const Reading last = reading(85);
  runner.deliver(*lane, actor, std::span(&last, 1));
  EXPECT_EQ(actor.state, Actor::State::Idle);
  EXPECT_EQ(value(counters.queue_drops), 0u);
  EXPECT_EQ(value(runner.tasks()[0]->counters.readings), ReadingQueue::kDefaultDepth + 1u);
  // In their order, or `hot` would not have come and gone with each.
  EXPECT_EQ(value(counters.alarms_raised), ReadingQueue::kDefaultDepth / 2 + 1u);
  EXPECT_EQ(value(counters.alarms_cleared), ReadingQueue::kDefaultDepth / 2);
}

// One message for two sensors of one instance: each of its readings is handled once, in order, on the thread that
// brought them or, where handlers are too long for it, in the pool.
TEST_F(HostTest, WhatAMessageBringsIsHandedOverTogether) {
  struct Collected : Sink {
    std::mutex mutex;
    std::vector<std::string> lines;
    void write(const Message& message) override {
      const std::lock_guard lock(mutex);
      lines.emplace_back(message.payload.substr(message.payload.find("value")));
    }
    void flush() override {}
    std::uint64_t dropped() const override { return 0; }
  };
  for (const int trips : {1, 5000}) {
    bundle("counting.efb", Counting(2, trips).module);
    const Site site = site_of(R"(
[connection.plant]
mqtt = "mqtt://127.0.0.1"
[sensor.a]
from = "plant"
topic = "machine"
field = "/a"
[sensor.b]
from = "plant"
topic = "machine"
field = "/deep/b"
[value.count]
to = "console"
[[run]]
bundle = "counting.efb"
bind = { v0 = "a", v1 = "b", count = "count" }
)");
    const Deployment deployment = deploy(site, options_);
    ASSERT_EQ(deployment.instances.size(), 1u);
    HostClock clock;
    Counters counters;
    Collected collected;
    Outputs outputs(site, deployment, {{"console", &collected}}, counters);
    std::vector<std::unique_ptr<TaskInfo>> tasks;
    tasks.push_back(std::make_unique<TaskInfo>(*deployment.tasks[0].program));
    Runner runner(clock, outputs, counters, std::move(tasks), deployment, [] {});
    const auto lane = runner.make_lane();
    runner.start_instances(*lane, site, deployment);
    runner.start_pool(1);
    const auto routes = make_routes(site, deployment, runner);
    ASSERT_EQ(routes.size(), 2u);
    ASSERT_NE(routes[0].fields, nullptr);
    EXPECT_EQ(routes[0].fields, routes[1].fields);
    ConnectionBoard board;
    Inlet inlet(site, clock, counters, runner, routes, board, [] {});
    const SensorId both[] = {SensorId{0}, SensorId{1}};
    for (const auto* payload :
         {R"({"a":1,"deep":{"b":2}})", R"({"a":1})", R"({"deep":{"b":2},"x":[],"a":1})", "{\"a\":"})
      inlet.on_arrivals(both, {.bytes = payload});
    runner.stop();
    EXPECT_EQ(value(counters.arrivals), 8u);
    EXPECT_EQ(value(counters.readings), 5u);
    EXPECT_EQ(value(runner.tasks()[0]->counters.readings), 5u);
    EXPECT_EQ(value(counters.bad[static_cast<std::size_t>(BadReading::MissingField)]), 1u);
    EXPECT_EQ(value(counters.bad[static_cast<std::size_t>(BadReading::Malformed)]), 2u);
    EXPECT_EQ(collected.lines, (std::vector<std::string>{"value   count 1", "value   count 2", "value   count 3",
                                                         "value   count 4", "value   count 5"}));
  }
}

// ---- From readings to outputs --------------------------------------------------------------------------------------

TEST_F(HostTest, ABundleWithoutACardRunsAndIsTold) {
  bundle("monitor.efb", Monitor().module, false);
  file("tape.csv", "time_ms,input,value\n0,T1,85\n");
  const Deployment deployment = deploy(site_of(kMonitorSite + kMonitorRun), options_);
  EXPECT_EQ(deployment.problems, std::vector<std::string>{});
  EXPECT_EQ(deployment.notes,
            std::vector<std::string>{(dir_ / "monitor.efb").string() +
                                     ": it has no card: who signed it does not state what the task can cost, and this "
                                     "device's own figures alone hold; 'eyeflowc build' adds one"});
  bundle("monitor.efb", Monitor().module);
  EXPECT_EQ(deploy(site_of(kMonitorSite + kMonitorRun), options_).notes, std::vector<std::string>{});
}

// What nobody has written to can be dropped at any time: it comes back from its files.
TEST_F(HostTest, TheMemoryOfTheStartGoesBack) {
  const auto of_files = [] {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t total = 0, resident = 0, shared = 0;
    statm >> total >> resident >> shared;
    return shared;
  };
  // Reading it is what maps it.
  bundle("monitor.efb", Monitor().module);
  file("tape.csv", "0,T1,79\n1,T1,85\n");
  const auto once = run(kMonitorSite + kMonitorRun);
  const auto before = of_files();
  release_start_memory();
#if defined(__x86_64__)  // under an emulator what is resident is the emulator's
  if (!kSanitized) {
    EXPECT_LT(of_files(), before / 2);
  }
#endif
  EXPECT_GT(before, 0u);
  EXPECT_THROW(throw std::runtime_error("unwinding reads tables that were dropped"), std::runtime_error);
  std::rewind(console_);
  EXPECT_EQ(ftruncate(fileno(console_), 0), 0);
  EXPECT_EQ(run(kMonitorSite + kMonitorRun), once);
}

TEST_F(HostTest, ReadingsBecomeAlarmsSwitchesAndRows) {
  bundle("monitor.efb", Monitor().module);
  file("tape.csv", "time_ms,input,value\n0,T1,79\n1,T1,85.5\n2,T2,81\n3,T1,79\n4,T1,70\n5,T1,90\n");
  const auto got = run(kMonitorSite + R"(
[[run]]
bundle = "monitor.efb"
each = { t1 = "T*" }
bind = { siren = "siren_{t1}", history = "history" }
)");
  const std::vector<std::string> expected = {
      "switch  siren_T1 off", "switch  siren_T2 off",
      "switch  siren_T3 off", "ALARM   monitor/T1 hot: too hot [high]",
      "switch  siren_T1 on",  "ALARM   monitor/T2 hot: too hot [high]",
      "switch  siren_T2 on",  "clear   monitor/T1 hot",
      "switch  siren_T1 off", "ALARM   monitor/T1 hot: too hot [high]",
      "switch  siren_T1 on",  "switch  siren_T1 off",
      "switch  siren_T2 off",  // safe, as the host stopped
  };
  EXPECT_EQ(got, expected);
  EXPECT_EQ(stats_.arrivals, 6u);
  EXPECT_EQ(stats_.readings, 6u);
  EXPECT_EQ(stats_.rows, 6u);
  EXPECT_EQ(stats_.alarms_raised, 3u);
  EXPECT_EQ(stats_.alarms_cleared, 1u);
  EXPECT_EQ(stats_.alarms_active, 2u);
  EXPECT_EQ(stats_.reading_latency.count, 6u);
  EXPECT_EQ(stats_.alarm_latency.count, 3u);
  ASSERT_EQ(stats_.transitions.size(), 4u);
  EXPECT_EQ(stats_.transitions[0].instance, "monitor/T1");
  EXPECT_EQ(stats_.transitions[0].text, "too hot");
  EXPECT_TRUE(stats_.transitions[0].raised);
  EXPECT_FALSE(stats_.transitions[2].raised);
  ASSERT_EQ(stats_.tasks.size(), 1u);
  EXPECT_EQ(stats_.tasks[0].instances, 3u);
  EXPECT_EQ(stats_.tasks[0].readings, 6u);
}

TEST_F(HostTest, BadInputIsCountedAndTheRestGoesOn) {
  bundle("monitor.efb", Monitor().module);
  file("tape.csv", "0,T1,79\n1,T1,nan\n2,T1,\n3,T1,1e999\n4,T9,80\n5,T1\n6,T1,null\n7,T1,hot\n8,T1,85\n");
  run(kMonitorSite + R"(
[[run]]
bundle = "monitor.efb"
each = { t1 = "T1" }
bind = { siren = "siren_{t1}", history = "history" }
)");
  EXPECT_EQ(stats_.readings, 2u);
  EXPECT_EQ(stats_.alarms_raised, 1u);
  EXPECT_EQ(bad(BadReading::NotANumber), 2u);
  EXPECT_EQ(bad(BadReading::Malformed), 2u);
  EXPECT_EQ(bad(BadReading::OutOfRange), 1u);
  EXPECT_EQ(stats_.bad_total, 5u);
  EXPECT_EQ(stats_.unknown, 1u);
  EXPECT_EQ(stats_.bad_rows, 1u);
}

TEST_F(HostTest, ATrapIsCountedAndTheTaskGoesOn) {
  bundle("relay.efb", Relay().module);
  file("tape.csv", "0,S,1\n1,S,13\n2,S,-1\n3,S,13\n4,S,2\n");
  const auto got = run(R"(
[sensor.S]
from = "replay"
file = "tape.csv"
speed = 0
[switch.out]
to = "console"
safe = "on"
[[run]]
bundle = "relay.efb"
bind = { v = "S", out = "out" }
)");
  EXPECT_EQ(got, (std::vector<std::string>{"switch  out off", "switch  out on", "switch  out off", "switch  out on"}));
  EXPECT_EQ(stats_.traps, 2u);
  EXPECT_EQ(stats_.tasks[0].traps, 2u);
}

constexpr const char* kSharedSite = R"(
[sensor."S{1..2}"]
from = "replay"
file = "tape.csv"
speed = 0
[switch.horn]
to = "console"
%s
[[run]]
bundle = "relay.efb"
each = { v = "S*" }
bind = { out = "horn" }
)";
std::string shared_site(const char* combine) {
  char text[1024];
  std::snprintf(text, sizeof text, kSharedSite, combine);
  return text;
}

TEST_F(HostTest, ASharedSwitchNeedsCombine) {
  bundle("relay.efb", Relay().module);
  const auto host = load(shared_site(""));
  ASSERT_FALSE(host);
  EXPECT_CONTAINS(host.error().message,
                  "site.toml:6:1: switch 'horn' is written by more than one (relay/S1, relay/S2)");
  EXPECT_CONTAINS(host.error().message, "add combine = \"any\" or \"all\" to [switch.\"horn\"]");
}

TEST_F(HostTest, AnyIsOnWhileOneWantsIt) {
  bundle("relay.efb", Relay().module);
  file("tape.csv", "0,S1,1\n1,S2,1\n2,S1,-1\n3,S2,-1\n4,S2,1\n");
  EXPECT_EQ(run(shared_site("combine = \"any\"")),
            (std::vector<std::string>{"switch  horn off", "switch  horn on", "switch  horn off", "switch  horn on",
                                      "switch  horn off"}));
}

TEST_F(HostTest, AllIsOnWhileEveryOneWantsIt) {
  bundle("relay.efb", Relay().module);
  file("tape.csv", "0,S1,1\n1,S2,1\n2,S1,-1\n3,S2,-1\n4,S2,1\n");
  EXPECT_EQ(run(shared_site("combine = \"all\"")),
            (std::vector<std::string>{"switch  horn off", "switch  horn on", "switch  horn off"}));
}

TEST_F(HostTest, HandlersOfOneInstanceNeverRunTogether) {
  // Two sources bring readings at once, and the handler is too long to run inline: every count must come out once, in
  // its order.
  constexpr int kReadings = 400;
  bundle("counting.efb", Counting(2, 5000).module);
  for (const auto* name : {"a", "b"}) {
    std::string rows;
    for (int i = 0; i < kReadings; ++i) rows += std::string("0,") + name + ",1\n";
    file(std::string(name) + ".csv", rows);
  }
  const auto got = run(R"(
[sensor.a]
from = "replay"
file = "a.csv"
speed = 0
[sensor.b]
from = "replay"
file = "b.csv"
speed = 0
[value.count]
to = "console"
[[run]]
bundle = "counting.efb"
bind = { v0 = "a", v1 = "b", count = "count" }
)");
  EXPECT_EQ(stats_.queue_drops, 0u);
  ASSERT_EQ(got.size(), 2u * kReadings);
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], "value   count " + std::to_string(i + 1));
}

TEST_F(HostTest, ASlowTaskDropsByItsPolicyAndCountsIt) {
  auto task = Counting(1, 200'000).module;
  task.inputs[0].queue = 4;
  bundle("counting.efb", task);
  auto host = load(R"(
[sensor.s]
from = "simulate"
simulate = { period = "100 us" }
[value.count]
to = "console"
[[run]]
bundle = "counting.efb"
bind = { v0 = "s", count = "count" }
)");
  ASSERT_TRUE(host) << host.error().message;
  auto running = std::move(const_cast<Host&>(*host));
  ASSERT_TRUE(running.run(500ms));
  const auto s = running.stats();
  EXPECT_GT(s.queue_drops, 0u);
  EXPECT_EQ(s.queue_drops, s.tasks[0].readings_dropped);
  EXPECT_EQ(s.readings, s.tasks[0].readings + s.queue_drops);  // each was handled or counted as dropped
}

// The condition "its newest reading is `stale_after` old or older".
FunctionId silence(TaskBuilder& task, const TaskBuilder::InputSlots& input, vm::TimeNs stale_after) {
  const auto now_slot = task.slot(Region::Input, type_id(Scalar::I64), SlotKind::Now);
  const auto limit = task.constant(Scalar::I64, static_cast<vm::Word>(stale_after));
  const auto now = task.load(Region::Input, Scalar::I64, now_slot),
             time = task.load(Region::Input, Scalar::I64, input.time);
  const auto age = task.reg(Scalar::I64), most = task.load(Region::Const, Scalar::I64, limit),
             result = task.reg(Scalar::Bool);
  task.add(Op::SubI64, age, now, time);
  task.add(Op::LeI64, result, most, age);
  return task.condition("silent", result);
}

TEST_F(HostTest, ASilentSensorRaisesByTheClock) {
  constexpr vm::TimeNs kStale = 150'000'000;
  Monitor task(kStale);
  task.module.alarms.push_back(
      {.name = "silent", .when = silence(task, task.t1, kStale), .text = task.constant_text("silent")});
  bundle("monitor.efb", task.module);
  file("tape.csv", "0,T1,70\n60,T2,70\n100,T1,70\n");
  auto text = kMonitorSite + R"(
[[run]]
bundle = "monitor.efb"
each = { t1 = "T?" }
bind = { siren = "siren_{t1}", history = "history" }
)";
  text.replace(text.find("speed = 0"), 9, "speed = 1");
  auto host = load(text);
  ASSERT_TRUE(host) << host.error().message;
  ASSERT_TRUE(host->run(1s));
  // No reading comes after 100 ms, so the clock alone raises it, each at its own time. A slow machine may add silences
  // before, each of which a reading ends. T3 never speaks.
  const auto s = host->stats();
  EXPECT_EQ(s.readings, 3u);
  ASSERT_FALSE(s.transitions.empty());
  EXPECT_EQ(s.transitions.back().alarm, "silent");
  EXPECT_TRUE(s.transitions.back().raised);
  EXPECT_EQ(s.alarms_active, 3u);
}

TEST_F(HostTest, ATaskThatIsBehindDoesNotCallItsSensorSilent) {
  // Each reading takes some 100 ms, 32 of them wait: seconds behind a sensor that speaks every 2 ms. Stopping does not
  // wait for all of them.
  constexpr vm::TimeNs kStale = 500'000'000;
  Counting task(1, 8'000'000, kStale);
  task.module.alarms.push_back(
      {.name = "silent", .when = silence(task, task.first, kStale), .text = task.constant_text("silent")});
  task.module.inputs[0].queue = 32;
  task.module.inputs[0].drop = vm::DropPolicy::Newest;
  bundle("counting.efb", task.module);
  auto host = load(R"(
[sensor.s]
from = "simulate"
simulate = { period = "2 ms" }
[value.count]
to = "console"
[[run]]
bundle = "counting.efb"
bind = { v0 = "s", count = "count" }
)");
  ASSERT_TRUE(host) << host.error().message;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(host->run(2s));
  const auto took = std::chrono::steady_clock::now() - begin;
  const auto s = host->stats();
  EXPECT_EQ(s.alarms_raised, 0u);
  EXPECT_GT(s.tasks[0].readings, 0u);
  EXPECT_EQ(s.readings, s.tasks[0].readings + s.queue_drops);
  if (!kSanitized) {
    EXPECT_LT(took, 2s + Runner::kStopLimit + 1s);
  }
}

TEST_F(HostTest, TheRateIsThatOfAWholeSecond) {
  bundle("relay.efb", Relay().module);
  std::string site = "[switch.\"out_S{0..39}\"]\nto = \"console\"\n";
  for (int i = 0; i < 40; ++i) {
    const auto n = std::to_string(i);
    std::string rows;
    for (int row = 0; row < 100; ++row) rows += "0,S" + n + ",1\n";
    file(n + ".csv", rows);
    site += "[sensor.S" + n + "]\nfrom = \"replay\"\nspeed = 0\nfile = \"" + n + ".csv\"\n";
  }
  auto host = load(site + "[[run]]\nbundle = \"relay.efb\"\neach = { v = \"S*\" }\nbind = { out = \"out_{v}\" }\n");
  ASSERT_TRUE(host) << host.error().message;
  ASSERT_TRUE(host->run(300ms));
  EXPECT_GT(host->stats().readings, 0u);
  EXPECT_EQ(host->stats().readings_per_second, 0.0);  // not of the microseconds since the start
}

TEST_F(HostTest, BurstsAreToldWithTheirCount) {
  Counters counters;
  EXPECT_EQ(counters.trap_log.pass(), 0u);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(counters.trap_log.pass());
  EXPECT_EQ(counters.trap_log.take_held_back(false), 0u);  // ten seconds are not over
  EXPECT_EQ(counters.trap_log.take_held_back(true), 5u);
  EXPECT_EQ(counters.trap_log.take_held_back(true), 0u);
}

TEST_F(HostTest, OnceSafeASwitchStaysThere) {
  // A reading that is at work while the host stops must not move a switch afterwards.
  bundle("relay.efb", Relay().module);
  const auto site = site_of(
      "[sensor.S]\nfrom = \"simulate\"\n[switch.out]\nto = \"console\"\n[[run]]\n"
      "bundle = \"relay.efb\"\nbind = { v = \"S\", out = \"out\" }\n");
  const auto deployment = deploy(site, options_);
  ASSERT_EQ(deployment.instances.size(), 1u);
  Counters counters;
  const Outputs::SinkOf sinks;
  Outputs outputs(site, deployment, sinks, counters);
  OutputWriter writer{"relay", deployment.tasks[0].program->module(), deployment.instances[0].outputs, {0}};
  Buffer scratch;
  const auto set = [&](vm::Word on) {
    outputs.emit(writer, {vm::EffectKind::Switch, 0, 0, std::as_bytes(std::span(&on, 1)), {}}, scratch);
    return value(counters.switch_changes);
  };
  EXPECT_EQ(set(1), 1u);
  outputs.make_safe(0);
  EXPECT_EQ(value(counters.switch_changes), 2u);
  EXPECT_EQ(set(0), 2u);
  EXPECT_EQ(set(1), 2u);
}

TEST_F(HostTest, AMissedDeadlineIsCounted) {
  auto task = Monitor().module;
  task.handlers[0].within_ns = 1;
  bundle("monitor.efb", task);
  file("tape.csv", "0,T1,70\n1,T1,71\n");
  run(kMonitorSite +
      "[[run]]\nbundle = \"monitor.efb\"\nbind = { t1 = \"T1\", siren = \"siren_T1\", history = \"history\" }\n");
  EXPECT_EQ(stats_.deadlines_missed, 2u);
  EXPECT_EQ(stats_.tasks[0].deadlines_missed, 2u);
}

TEST_F(HostTest, ARefusedRunLeavesTheOthersAndItsSwitchGoesSafe) {
  bundle("monitor.efb", Monitor().module);
  bundle("relay.efb", Relay().module);
  std::fstream(dir_ / "relay.efb", std::ios::in | std::ios::out).seekp(100).put('!');
  file("tape.csv", "0,T1,85\n");
  const auto got = run(kMonitorSite + R"(
[switch.out]
to = "console"
safe = "on"
[[run]]
bundle = "relay.efb"
bind = { v = "T2", out = "out" }
[[run]]
bundle = "monitor.efb"
each = { t1 = "T1" }
bind = { siren = "siren_{t1}", history = "history" }
)");
  EXPECT_EQ(
      got, (std::vector<std::string>{"switch  out on", "switch  siren_T1 off", "ALARM   monitor/T1 hot: too hot [high]",
                                     "switch  siren_T1 on", "switch  siren_T1 off"}));
}

TEST_F(HostTest, BundlesThatCannotBeTrustedAreNamed) {
  const auto error = [&](const std::string& name) {
    const auto host = load(kMonitorSite + "[[run]]\nbundle = \"" + name +
                           "\"\nbind = { t1 = \"T1\", siren = \"siren_T1\", history = \"history\" }\n");
    return host ? "no error" : host.error().message;
  };
  EXPECT_CONTAINS(error("absent.efb"), "absent.efb: cannot open the bundle: No such file");
  EXPECT_CONTAINS(error("absent.efb"), "site.toml:12:10");
  bundle("monitor.efb", Monitor().module);
  EXPECT_EQ(error("monitor.efb"), "no error");
  std::fstream(dir_ / "monitor.efb", std::ios::in | std::ios::out).seekp(100).put('!');
  EXPECT_CONTAINS(error("monitor.efb"), "changed after it was signed");
  bundle("monitor.efb", Monitor().module);
  options_.trusted.clear();
  EXPECT_CONTAINS(error("monitor.efb"), "none is trusted");
  Module broken = Monitor().module;
  broken.functions[0].code.clear();
  options_.trusted.push_back(load_public_key(dir_ / "key.pub").value());
  bundle("monitor.efb", broken);
  EXPECT_CONTAINS(error("monitor.efb"), "monitor.efb: ");
}

TEST_F(HostTest, WhenNothingCanRunItsSwitchesAreToldToBeSafe) {
  const auto host = load(kMonitorSite + R"(
[[run]]
bundle = "absent.efb"
each = { t1 = "T*" }
bind = { siren = "siren_{t1}", history = "history" }
)");
  ASSERT_FALSE(host);
  EXPECT_CONTAINS(host.error().message, "absent.efb: cannot open the bundle");
  EXPECT_EQ(lines(),
            (std::vector<std::string>{"switch  siren_T1 off", "switch  siren_T2 off", "switch  siren_T3 off"}));
}

TEST_F(HostTest, TheSitesOwnKeysAreTrusted) {
  bundle("monitor.efb", Monitor().module);
  options_.trusted.clear();
  const std::string run =
      "[[run]]\nbundle = \"monitor.efb\"\nbind = { t1 = \"T1\", siren = \"siren_T1\", history = \"history\" }\n";
  EXPECT_TRUE(load("[device]\ntrusted_keys = [\"key.pub\"]\n" + kMonitorSite + run));
  const auto report = check_site(site_of("[device]\ntrusted_keys = [\"no.pub\"]\n" + kMonitorSite + run), options_);
  ASSERT_FALSE(report.problems.empty());
  EXPECT_CONTAINS(report.problems[0], "site.toml:2:16: 'trusted_keys' in [device]: ");
  EXPECT_CONTAINS(report.problems[0], "no.pub: cannot read the public key");
}

TEST_F(HostTest, EveryNeedIsBoundOrTheLineToAddIsTold) {
  bundle("monitor.efb", Monitor().module);
  const std::string b = "bundle = \"monitor.efb\"\n";
  EXPECT_EQ(problems(b + "each = { t1 = \"T*\" }\nbind = { siren = \"siren_{t1}\", history = \"history\" }"), "");
  EXPECT_CONTAINS(problems(b), "site.toml:11:1: input 't1' of task monitor is not bound; add bind = { t1 = \"T1\" }");
  EXPECT_CONTAINS(problems(b + "each = { t1 = \"T*\" }\nbind = { history = \"history\" }"),
                  "output 'siren' of task monitor is not bound; add siren = \"siren_{t1}\" to its bind");
  EXPECT_CONTAINS(problems(b + "bind = { t1 = \"T1\", siren = \"siren_T1\" }"),
                  "output 'history' of task monitor is not bound; add history = \"history\" to its bind");
  EXPECT_CONTAINS(problems(b + "bind = { t1 = \"T4\", siren = \"siren_T1\", history = \"history\" }"),
                  "no such sensor; add [sensor.T4]");
  EXPECT_CONTAINS(problems(b + "bind = { t1 = \"TT1\", siren = \"siren_T1\", history = \"history\" }"),
                  "no such sensor; did you mean 'T1'?");
  EXPECT_CONTAINS(problems(b + "bind = { t1 = \"T1\", siren = \"horn\", history = \"history\" }"),
                  "no such switch; add [switch.horn]");
  EXPECT_CONTAINS(problems(b + "bind = { t1 = \"T1\", siren = \"history\", history = \"history\" }"),
                  "is a switch, but 'history' is a log");
  EXPECT_CONTAINS(problems(b + "bind = { tt1 = \"T1\", siren = \"siren_T1\", history = \"history\" }"),
                  "task monitor has no input or output 'tt1'; did you mean 't1'?");
  EXPECT_CONTAINS(problems(b + "each = { t1 = \"X*\" }\nbind = { siren = \"siren_{t1}\", history = \"history\" }"),
                  "no sensor of this site matches 'X*'");
  EXPECT_CONTAINS(problems(b + "each = { t1 = \"T*\" }\nbind = { siren = \"siren_{t}\", history = \"history\" }"),
                  "'{t}' cannot be filled in here; known are {t1}");
  EXPECT_CONTAINS(problems(b + "bind = { t1 = \"P\", siren = \"siren_T1\", history = \"history\" }",
                           "[sensor.P]\nfrom = \"simulate\"\nunit = \"kPa\"\n"),
                  "site.toml:13:8: sensor 'P' for task monitor: input 't1' is in °C, and the sensor's unit kPa is of "
                  "another dimension");
}

TEST_F(HostTest, WhatAPatternLacksIsToldOnceWithACount) {
  bundle("monitor.efb", Monitor().module);
  const std::string b = "bundle = \"monitor.efb\"\neach = { t1 = \"*\" }\n";
  const auto lines = [&](const std::string& bind, const std::string& more = "") {
    const auto text = problems(b + "bind = { " + bind + " }", more);
    return std::pair(std::ranges::count(text, '\n'), text);
  };
  auto [count, text] = lines("siren = \"siren_{t1}\", history = \"archive\"");
  EXPECT_EQ(count, 1);
  EXPECT_CONTAINS(text,
                  "no such log; add [log.archive] with to = \"console\" or a connection (and for 2 more instances)");
  std::tie(count, text) = lines("siren = \"horn_{t1}\", history = \"archive\"");
  EXPECT_EQ(count, 2) << text;  // two needs, each once
  std::tie(count, text) = lines("siren = \"siren_T1\"");
  EXPECT_EQ(count, 1) << text;
  std::tie(count, text) = lines("siren = \"siren_{t1}\", history = \"history\"",
                                "[sensor.\"P{1..2}\"]\nfrom = \"simulate\"\nunit = \"kPa\"\n"
                                "[switch.\"siren_P{1..2}\"]\nto = \"console\"\n");
  EXPECT_EQ(count, 1);
  EXPECT_CONTAINS(text, "sensor 'P1' for task monitor");
  EXPECT_CONTAINS(text, "(and for 1 more instance)");
}

TEST_F(HostTest, EverySharedOutputIsToldAndItsRunsAreRefusedWhole) {
  bundle("monitor.efb", Monitor().module);
  bundle("relay.efb", Relay().module);
  const std::string both = kMonitorSite + R"(
[switch.horn]
to = "console"
[[run]]
bundle = "monitor.efb"
each = { t1 = "T*" }
bind = { siren = "siren_{t1}", history = "history" }
[[run]]
bundle = "relay.efb"
bind = { v = "R", out = "siren_T1" }
[[run]]
bundle = "relay.efb"
each = { v = "R?" }
bind = { out = "horn" }
[[run]]
bundle = "relay.efb"
bind = { v = "R", out = "free" }
[switch.free]
to = "console"
[sensor."{R,R1,R2}"]
from = "replay"
file = "tape.csv"
speed = 0
)";
  const auto report = check_site(site_of(both), options_);
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_CONTAINS(report.problems[0], "switch 'siren_T1' is written by more than one (monitor/T1, relay)");
  EXPECT_CONTAINS(report.problems[1], "switch 'horn' is written by more than one (relay/R1, relay/R2)");
  EXPECT_EQ(report.instances, 1u);
  // Each switch of a refused run is told its safe state once, at the start.
  file("tape.csv", "0,R,1\n0,T1,90\n");
  auto got = run(both);
  std::ranges::sort(got);
  EXPECT_EQ(got,
            (std::vector<std::string>{"switch  free off", "switch  free off", "switch  free on", "switch  horn off",
                                      "switch  siren_T1 off", "switch  siren_T2 off", "switch  siren_T3 off"}));
}

TEST_F(HostTest, ParamsAreCheckedAgainstTypeUnitAndRange) {
  bundle("monitor.efb", Monitor().module);
  const auto with = [&](const std::string& param) {
    return problems(
        "bundle = \"monitor.efb\"\nbind = { t1 = \"T1\", siren = \"siren_T1\", history = \"history\" }\nparam = { " +
        param + " }");
  };
  EXPECT_EQ(with("limit = \"75 °C\""), "");
  EXPECT_EQ(with("limit = \"20 °C\""), "");
  EXPECT_EQ(with("limit = \"194 °F\""), "");
  EXPECT_CONTAINS(with("limit = \"130 °C\""),
                  "site.toml:14:19: param 'limit' of task monitor: '130 °C' is outside the param's range; write a "
                  "value from 20 °C to 120 °C");
  EXPECT_CONTAINS(with("limit = \"19.99 °C\""), "outside");
  EXPECT_CONTAINS(with("limit = 75"), "has no unit; write \"75 °C\"");
  EXPECT_CONTAINS(with("limit = \"75 kPa\""), "does not stand for a param in °C");
  EXPECT_CONTAINS(with("limit = \"75 K\""), "does not stand for a param in °C");
  EXPECT_CONTAINS(with("limit = \"hot\""), "is not a number with its unit");
  EXPECT_CONTAINS(with("limt = \"75 °C\""), "has no param 'limt'; did you mean 'limit'?");
}

TEST(Param, OtherTypes) {
  const auto parse = [](Scalar type, std::string unit, std::string_view text) {
    return parse_param({.name = "p", .unit = std::move(unit), .type = type}, text);
  };
  EXPECT_EQ(parse(Scalar::Bool, "", "true"), 1u);
  EXPECT_FALSE(parse(Scalar::Bool, "", "maybe"));
  EXPECT_EQ(parse(Scalar::I64, "", "-3"), static_cast<vm::Word>(-3));
  EXPECT_FALSE(parse(Scalar::U8, "", "256"));
  EXPECT_FALSE(parse(Scalar::I64, "", "1.5"));
  EXPECT_EQ(parse(Scalar::I64, "duration", "5 min"), 300'000'000'000u);
  EXPECT_FALSE(parse(Scalar::I64, "duration", "5"));
  EXPECT_EQ(parse(Scalar::I64, "time", "1970-01-01T00:00:01Z"), 1'000'000'000u);
  EXPECT_EQ(parse(Scalar::F64, "kPa", "1.5bar"), std::bit_cast<vm::Word>(150.0));
  EXPECT_FALSE(parse(Scalar::F64, "", "5 m"));
}

TEST_F(HostTest, ABundleOnTheCommandLineReplacesTheSites) {
  auto site = site_of(kMonitorSite + "[[run]]\nbundle = \"a.efb\"\n[[run]]\nbundle = \"b.efb\"\n");
  EXPECT_CONTAINS(select_bundle(site, "/tmp/c.efb").error().message, "no [[run]] runs c.efb");
  ASSERT_TRUE(select_bundle(site, "/tmp/b.efb"));
  ASSERT_EQ(site.runs.size(), 1u);
  EXPECT_EQ(site.runs[0].bundle_path, "/tmp/b.efb");
}

TEST_F(HostTest, AThousandInstancesAreSmall) {
  bundle("monitor.efb", Monitor().module);
  const auto resident = [] {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t total = 0, pages = 0;
    statm >> total >> pages;
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  };
  const auto site = [&](int count) {
    return "[sensor.\"T{1.." + std::to_string(count) + "}\"]\nfrom = \"simulate\"\nunit = \"°C\"\n[switch.\"s_T{1.." +
           std::to_string(count) +
           "}\"]\nto = \"console\"\n[log.history]\nto = \"none\"\n[[run]]\nbundle = \"monitor.efb\"\neach = { t1 = "
           "\"T*\" }\nbind = { siren = \"s_{t1}\", history = \"history\" }\n";
  };
  const auto one = load(site(1));
  ASSERT_TRUE(one) << one.error().message;
  const auto before = resident();
  const auto thousand = load(site(1000));
  ASSERT_TRUE(thousand);
  if (!kSanitized) {
    EXPECT_LT(resident() - before, 10u << 20);
  }
  EXPECT_EQ(thousand->stats().tasks[0].instances, 1000u);
  std::printf("1,000 instances add %.2f MB, of which %.2f MB are the tasks' own\n",
              static_cast<double>(resident() - before) / 1e6,
              static_cast<double>(thousand->stats().instance_bytes) / 1e6);
}

// ---- Parts
// -----------------------------------------------------------------------------------------------------------

Module two_inputs(vm::DropPolicy policy) {
  TaskBuilder t;
  t.input("a", type_id(Scalar::F64));
  t.input("b", t.text(Region::Input, 8));
  t.module.inputs[0].queue = 3;
  t.module.inputs[0].drop = policy;
  t.module.inputs[1].queue = 2;
  return t.module;
}
Reading a(vm::Word value) { return {.input = vm::InputId{0}, .value = value}; }
Reading b(std::string_view text) { return {.input = vm::InputId{1}, .bytes = text}; }
std::string contents(ReadingQueue& queue) {
  std::string all;
  std::vector<char> text;
  while (!queue.empty()) {
    const auto r = queue.pop(text);
    all += (all.empty() ? "" : " ") + (r.input == vm::InputId{0} ? std::to_string(r.value) : std::string(r.bytes));
  }
  return all;
}

TEST(Queue, KeepsTheOrderOfArrival) {
  const auto module = two_inputs(vm::DropPolicy::Oldest);
  ReadingQueue queue(module);
  for (int round = 0; round < 10; ++round) {  // around the ring
    EXPECT_TRUE(queue.push(a(1)));
    EXPECT_TRUE(queue.push(b("x")));
    EXPECT_TRUE(queue.push(a(2)));
    EXPECT_EQ(contents(queue), "1 x 2");
  }
}

TEST(Queue, DropsTheOldestOfItsInput) {
  const auto module = two_inputs(vm::DropPolicy::Oldest);
  ReadingQueue queue(module);
  queue.push(b("x"));
  for (vm::Word i = 1; i <= 3; ++i) EXPECT_TRUE(queue.push(a(i)));
  EXPECT_FALSE(queue.has_room(vm::InputId{0}));
  EXPECT_TRUE(queue.has_room(vm::InputId{1}));
  EXPECT_FALSE(queue.push(a(4)));
  EXPECT_TRUE(queue.push(b("y")));
  EXPECT_FALSE(queue.push(b("z")));
  EXPECT_FALSE(queue.push(a(5)));
  EXPECT_EQ(contents(queue), "3 4 y z 5");
}

TEST(Queue, DropsTheNewest) {
  const auto module = two_inputs(vm::DropPolicy::Newest);
  ReadingQueue queue(module);
  for (vm::Word i = 1; i <= 3; ++i) EXPECT_TRUE(queue.push(a(i)));
  EXPECT_FALSE(queue.push(a(4)));
  EXPECT_EQ(contents(queue), "1 2 3");
}

TEST(TimersTest, ComeInOrderAndKeepTheEarliest) {
  std::mt19937 random(1);
  constexpr std::uint32_t kActors = 200;
  Timers timers(kActors);
  std::map<std::uint32_t, vm::TimeNs> reference;
  for (int i = 0; i < 5000; ++i) {
    const auto actor = static_cast<std::uint32_t>(random() % kActors);
    const auto at = static_cast<vm::TimeNs>(random() % 1000);
    timers.enter(actor, at);
    const auto [entry, is_new] = reference.emplace(actor, at);
    if (!is_new) entry->second = std::min(entry->second, at);
    if (i % 3 == 0) {
      const auto now = static_cast<vm::TimeNs>(random() % 300);
      const auto first = std::ranges::min_element(reference, {}, [](const auto& e) { return e.second; });
      EXPECT_EQ(timers.next(), first->second);
      std::uint32_t taken = 0;
      ASSERT_EQ(timers.take_due(now, taken), first->second <= now);
      if (first->second <= now) {
        ASSERT_EQ(reference.at(taken), first->second);
        reference.erase(taken);
      }
    }
  }
}

TEST(HistogramTest, PercentilesAreNearTheTruthAndNeverBelow) {
  std::mt19937_64 random(2);
  std::vector<double> values;
  Histogram histogram;
  for (int i = 0; i < 20000; ++i) {
    const auto ns = static_cast<std::int64_t>(std::exp(std::uniform_real_distribution(0.0, 25.0)(random)));
    values.push_back(static_cast<double>(ns));
    histogram.record(std::chrono::nanoseconds(ns));
  }
  std::ranges::sort(values);
  const auto p = histogram.percentiles();
  EXPECT_EQ(p.count, 20000u);
  const auto check = [&](std::chrono::nanoseconds got, double share) {
    const double truth = values[static_cast<std::size_t>(std::ceil(share * 20000)) - 1];
    EXPECT_GE(static_cast<double>(got.count()), truth) << share;
    EXPECT_LE(static_cast<double>(got.count()), truth * 1.0325 + 1) << share;
  };
  check(p.p50, 0.5);
  check(p.p99, 0.99);
  check(p.p999, 0.999);
  EXPECT_EQ(static_cast<double>(p.worst.count()), values.back());
  EXPECT_EQ(Histogram().percentiles().worst, 0ns);
  Histogram extremes;
  extremes.record(-5ns);
  extremes.record(100h);
  EXPECT_EQ(extremes.percentiles().worst, 100h);
  EXPECT_EQ(extremes.percentiles().p50, 0ns);
}

TEST(Render, ASchemaTellsWhatArraysHold) {
  Module module;
  module.types = {{vm::TypeKind::List, Scalar::U8, Region::Const, 8},
                  {vm::TypeKind::Array, Scalar::F32, Region::Const, 3},
                  {vm::TypeKind::List, Scalar::Bool, Region::Const, 4},
                  {vm::TypeKind::Array, Scalar::I64, Region::Const, 2}};
  const auto type = [](int row) { return static_cast<vm::TypeId>(vm::kFirstModuleType + row); };
  const vm::Output log{.name = "rows",
                       .kind = vm::OutputKind::Log,
                       .fields = {{"raw", type(0), ""},
                                  {"block", type(1), "m/s²"},
                                  {"flags", type(2), ""},
                                  {"counts", type(3), ""},
                                  {"one", type_id(Scalar::U8), ""}}};
  EXPECT_EQ(runtime::schema_of(module, log),
            R"([{"name":"raw","type":"bytes"},{"name":"block","type":"[f32]","unit":"m/s²"},)"
            R"({"name":"flags","type":"[bool]"},{"name":"counts","type":"[int]"},{"name":"one","type":"u8"}])");
}

TEST(Render, ValuesAsTextAndJson) {
  Module module;
  module.types.push_back({vm::TypeKind::Text, Scalar::Void, Region::Const, 20});
  const auto render = [&](Scalar type, std::string unit, vm::Word word, Style style) {
    Buffer out;
    EXPECT_EQ(
        append_value(out, module, {"f", type_id(type), std::move(unit)}, std::as_bytes(std::span(&word, 1)), style),
        8u);
    return fmt::to_string(out);
  };
  EXPECT_EQ(render(Scalar::F64, "°C", std::bit_cast<vm::Word>(85.5), Style::Plain), "85.5");
  EXPECT_EQ(render(Scalar::F64, "", std::bit_cast<vm::Word>(-0.0), Style::Json), "0");
  EXPECT_EQ(render(Scalar::F64, "", std::bit_cast<vm::Word>(std::nan("")), Style::Json), "null");
  EXPECT_EQ(render(Scalar::F32, "", std::bit_cast<std::uint32_t>(0.1f), Style::Plain), "0.1");
  EXPECT_EQ(render(Scalar::I64, "", static_cast<vm::Word>(-3), Style::Plain), "-3");
  EXPECT_EQ(render(Scalar::U64, "", ~vm::Word{0}, Style::Plain), "18446744073709551615");
  EXPECT_EQ(render(Scalar::Bool, "", 1, Style::Json), "true");
  EXPECT_EQ(render(Scalar::I64, "time", 1'769'839'200'123'000'000, Style::Json), "\"2026-01-31T06:00:00.123Z\"");
  EXPECT_EQ(render(Scalar::I64, "duration", 1'500'000'000, Style::Plain), "1.5");
  struct {
    vm::Word length = 10;
    char bytes[16] = "a\"b\\c\n\x01\xc3\xa9!";
  } text;
  Buffer out;
  EXPECT_EQ(append_value(out, module, {"f", vm::kFirstModuleType, ""}, std::as_bytes(std::span(&text, 1)), Style::Json),
            24u);
  EXPECT_EQ(fmt::to_string(out), "\"a\\\"b\\\\c\\u000a\\u0001é!\"");
}

TEST(Render, ArraysAsListsAndBytesAsDigits) {
  Module module;
  module.types.push_back({vm::TypeKind::Array, Scalar::F32, Region::Const, 3});
  module.types.push_back({vm::TypeKind::List, Scalar::U8, Region::Const, 8});
  struct {
    vm::Word bytes = 12;
    float elements[4] = {0.1f, -0.0f, std::nanf(""), 0};
  } floats;
  struct {
    vm::Word bytes = 2;
    std::uint8_t elements[8] = {0x0a, 0xff};
  } bytes;
  const auto render = [&](const auto& row, vm::TypeId type, Style style, std::size_t size) {
    Buffer out;
    EXPECT_EQ(append_value(out, module, {"f", type, ""}, std::as_bytes(std::span(&row, 1)), style), size);
    return fmt::to_string(out);
  };
  EXPECT_EQ(render(floats, vm::kFirstModuleType, Style::Json, 24), "[0.1,0,null]");
  EXPECT_EQ(render(bytes, vm::kFirstModuleType + 1, Style::Json, 16), "\"0aff\"");
  EXPECT_EQ(render(bytes, vm::kFirstModuleType + 1, Style::Plain, 16), "0aff");
  EXPECT_EQ(render(bytes, vm::kFirstModuleType + 1, Style::Payload, 16), "\x0a\xff");
  Datum datum;
  Buffer text;
  datum_of(module, {"f", vm::kFirstModuleType, ""}, std::as_bytes(std::span(&floats, 1)), {}, datum, text);
  EXPECT_EQ(std::get<std::string_view>(datum.value), "[0.1,0,null]");
}

}  // namespace
}  // namespace eyeflow::runtime
