// What people do about alarms, through a real broker: each command does what docs/site.md says, is told on with who did
// it, and one that is wrong is answered in the log by what is wrong with it.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/broker.h"
#include "tests/system/device.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTask = R"(
task guard {
  input t : f64
  output horn : switch = off
  output heard : value f64
  alarm hot "t is {t}" when t > 80.0 clear below 70.0 latch priority high drives horn
  on t as v { heard.set(v) }
}
)";

class Operator : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(set_up_device(folder_, broker_.port(), "guard", kTask, R"(
[sensor.t]
from  = "plant"
topic = "in/t"
[switch.horn]
to    = "plant"
topic = "out/horn"
[value.heard]
to    = "plant"
topic = "out/heard"
[alarms]
to       = "plant"
topic    = "out/alarm/{alarm}"
commands = "in/{device}/commands"
answers  = "out/answers/{device}"
[[run]]
bundle = "guard.efb"
bind   = { t = "t", horn = "horn", heard = "heard" }
)"));
    daemon_ = std::make_unique<Process>(device_in(folder_), folder_ / "daemon.log");
    // Once it hears readings it hears commands, too: it asks for both in one request.
    ASSERT_TRUE(until([&] {
      probe_.publish("in/t", "20");
      return !said("out/heard").empty();
    })) << log();
  }

  std::vector<std::string> said(std::string_view topic) const {
    std::vector<std::string> payloads;
    for (const auto& message : probe_.heard())
      if (message.topic == topic) payloads.push_back(message.payload);
    return payloads;
  }
  template <typename F>
  bool until(F&& holds) {
    for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end;) {
      if (holds()) return true;
      std::this_thread::sleep_for(20ms);
    }
    return holds();
  }
  void reading(const std::string& value) {
    const auto before = said("out/heard").size();
    probe_.publish("in/t", value);
    ASSERT_TRUE(until([&] { return said("out/heard").size() > before; })) << value << log();
  }
  void command(const std::string& json, bool retain = false) { probe_.publish("in/d1/commands", json, retain); }
  // The answer to a command of this `id`, without what differs each time; empty: there is none.
  std::string answer_to(const std::string& id) {
    std::string found;
    until([&] {
      for (const auto& answer : said("out/answers/d1"))
        if (answer.find("\"to\":\"" + id + "\"") != answer.npos) found = answer.substr(answer.find(",\"to\""));
      return !found.empty();
    });
    return found;
  }
  // The alarm's transitions so far, once there are `count` of them.
  std::vector<std::string> transitions(std::size_t count) {
    EXPECT_TRUE(until([&] { return said("out/alarm/hot").size() >= count; })) << count << log();
    return said("out/alarm/hot");
  }
  // The last of `count` transitions has all these parts.
  void expect_told(std::size_t count, const std::vector<std::string>& parts) {
    const auto all = transitions(count);
    ASSERT_EQ(all.size(), count);
    for (const auto& part : parts) EXPECT_NE(all.back().find(part), std::string::npos) << part << " in " << all.back();
  }
  void expect_in_log(const std::string& line) {
    EXPECT_TRUE(until([&] { return log().find(line) != std::string::npos; })) << line << " in\n" << log();
  }
  std::string log() const { return read_file(folder_ / "daemon.log"); }

  TemporaryFolder folder_;
  Broker broker_{folder_};
  MqttProbe probe_{broker_.port(), "out/#"};
  std::unique_ptr<Process> daemon_;
};

TEST_F(Operator, AcknowledgesShelvesAndAsks) {
  reading("90");
  expect_told(1, {R"("state":"raised")", R"("text":"t is 90.0")"});
  EXPECT_EQ(said("out/horn").back(), "on");

  command(R"({"alarm":"hot","instance":"guard","do":"why"})");
  expect_in_log("guard: alarm hot: ");

  // Latched: it stands until somebody has seen it, however cold it is.
  reading("20");
  EXPECT_EQ(said("out/horn").back(), "on");
  command(R"({"alarm":"hot","instance":"guard","do":"ack","by":"Ann","why":"on my way"})");
  ASSERT_TRUE(until([&] { return said("out/horn").back() == "off"; })) << log();
  const auto all = transitions(3);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NE(all[1].find(R"("state":"acknowledged")"), std::string::npos) << all[1];
  EXPECT_NE(all[1].find(R"("why":"on my way","by":"Ann")"), std::string::npos) << all[1];
  EXPECT_NE(all[2].find(R"("state":"cleared")"), std::string::npos) << all[2];
  expect_in_log("guard: alarm hot is acknowledged by Ann: on my way");

  command(R"({"alarm":"hot","instance":"guard","do":"shelve","for":"1 h","by":"Bob"})");
  expect_told(4, {R"("state":"shelved")", R"("by":"Bob")", R"("until":")"});
  command(R"({"alarm":"hot","instance":"guard","do":"unshelve","by":"Bob"})");
  expect_told(5, {R"("state":"unshelved")", R"("by":"Bob")"});
  reading("95");
  expect_told(6, {R"("state":"raised")", R"("text":"t is 95.0")"});
}

TEST_F(Operator, AWrongCommandIsAnsweredAndChangesNothing) {
  reading("90");
  expect_told(1, {R"("state":"raised")"});
  const std::string not_understood = "a command for alarms: not understood: ";
  command("ack hot");
  expect_in_log(not_understood +
                R"(it is no JSON object; write {"alarm":"hot","instance":"NAME","do":"ack","by":"WHO"}: 'ack hot')");
  command(R"({"alarm":"hot","do":"ack","by":"Ann"})");
  expect_in_log(not_understood + "it names no alarm or no instance");
  command(R"({"alarm":"hot","instance":"guard","do":"silence","by":"Ann"})");
  expect_in_log(not_understood + "'do' is 'silence'; write ack, shelve, unshelve or why");
  command(R"({"alarm":"hot","instance":"guard","do":"ack"})");
  expect_in_log(not_understood + "it does not say who asks; add \"by\"");
  command(R"({"alarm":"hot","instance":"guard","do":"shelve","by":"Ann"})");
  expect_in_log(not_understood + "'for' belongs to shelve, and shelve needs it; write \"for\":\"1 h\"");
  command(R"({"alarm":"hot","instance":"guard","do":"shelve","for":"8 days","by":"Ann"})");
  expect_in_log(not_understood + "'for' is '8 days'; write a time up to 7 days, such as \"1 h\"");
  command(R"({"alarm":"hot","instance":"guards","do":"ack","by":"Ann"})");
  expect_in_log("a command for alarms: there is no instance 'guards'");
  command(R"({"alarm":"cold","instance":"guard","do":"ack","by":"Ann"})");
  expect_in_log("a command for alarms: guard has no alarm 'cold'");
  command(R"({"alarm":"hot","instance":"guard","do":"unshelve","by":"Ann"})");
  expect_in_log("guard: alarm hot was already, or cannot be, unshelved by Ann");
  reading("91");
  EXPECT_EQ(transitions(1).size(), 1u) << "nothing of this is a transition";
  EXPECT_EQ(said("out/horn").back(), "on");
}

// Whoever gave a command hears what became of it, and knows it by the `id` that they gave.
TEST_F(Operator, EachCommandIsAnswered) {
  reading("90");
  expect_told(1, {R"("state":"raised")"});
  command(R"({"alarm":"hot","instance":"guard","do":"ack","by":"Ann","why":"on my way","id":"a1"})");
  EXPECT_EQ(answer_to("a1"), R"(,"to":"a1","instance":"guard","alarm":"hot","do":"ack","by":"Ann","done":true,)"
                             R"("text":"is acknowledged by Ann: on my way"})")
      << log();
  command(R"({"alarm":"hot","instance":"guard","do":"ack","by":"Bob","id":"b2"})");
  EXPECT_EQ(answer_to("b2"), R"(,"to":"b2","instance":"guard","alarm":"hot","do":"ack","by":"Bob","done":false,)"
                             R"("text":"was already, or cannot be, acknowledged by Bob"})");
  command(R"({"alarm":"hot","instance":"guard","do":"why","id":"c3"})");
  const auto why = answer_to("c3");
  EXPECT_NE(why.find(R"("do":"why","done":true,"text":"stands, raised by t 90)"), std::string::npos) << why;
  command(R"({"alarm":"cold","instance":"guard","do":"ack","by":"Ann","id":"d4"})");
  EXPECT_NE(answer_to("d4").find(R"("done":false,"text":"guard has no alarm 'cold'"})"), std::string::npos);
  command(R"({"alarm":"hot","instance":"guards","do":"ack","by":"Ann","id":"e5"})");
  EXPECT_NE(answer_to("e5").find(R"("done":false,"text":"there is no instance 'guards'"})"), std::string::npos);
  command(R"({"alarm":"hot","instance":"guard","do":"silence","by":"Ann","id":"f6"})");
  EXPECT_NE(answer_to("f6").find(R"(,"to":"f6","done":false,"text":"not understood: 'do' is 'silence';)"),
            std::string::npos)
      << answer_to("f6");
  command("no JSON");
  ASSERT_TRUE(until([&] { return said("out/answers/d1").size() == 7; }));
  EXPECT_EQ(said("out/answers/d1").back().find("\"to\""), std::string::npos);
}

// A broker gives a retained message to whoever comes later: who acknowledged yesterday has not seen today's alarm.
TEST_F(Operator, ACommandThatTheBrokerKeptIsOld) {
  command(R"({"alarm":"hot","instance":"guard","do":"why"})", true);
  expect_in_log("guard: alarm hot: ");
  daemon_->signal(SIGTERM);
  ASSERT_EQ(daemon_->wait(10'000ms), 0);
  daemon_ = std::make_unique<Process>(device_in(folder_), folder_ / "daemon.log");
  expect_in_log(
      "a command for alarms: alarm hot of guard: it was kept by the broker and is old; send it without 'retain'");
}

// Twelve alarms at once, of which ten are told; a sensor that says too little in a window, then something old.
TEST(Losses, WhatWasHeldBackSkippedOrLateIsCounted) {
  const TemporaryFolder folder;
  Broker broker(folder);
  std::string task = "task crowd {\n  input x : f64 every 100 ms\n  output n : log { sum: f64 }\n";
  for (int n = 0; n < 12; ++n) task += "  alarm a" + std::to_string(n) + " \"a\" when x > 80.0\n";
  task += "  on window x[1 s] as w { n.send(sum: sum(w.values)) }\n}\n";
  ASSERT_NO_FATAL_FAILURE(set_up_device(folder, broker.port(), "crowd", task, R"(
[sensor.x]
from  = "plant"
topic = "in/x"
field = "/v"
time  = "/at"
[log.n]
to = "none"
[alarms]
to    = "plant"
topic = "out/alarm/{alarm}"
[[run]]
bundle = "crowd.efb"
bind   = { x = "x", n = "n" }
)"));
  MqttProbe probe(broker.port(), "out/#");
  Process daemon(device_in(folder), folder / "daemon.log");
  const auto say = [&](const char* value, std::chrono::milliseconds ago) {
    const auto at = std::chrono::system_clock::now() - ago;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    probe.publish("in/x", std::string(R"({"v":)") + value + R"(,"at":)" + std::to_string(ms) + "}");
  };
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (probe.heard().empty() && std::chrono::steady_clock::now() < end) {
    say("90", 0s);
    std::this_thread::sleep_for(50ms);
  }
  // A window of three readings instead of ten, and then nothing.
  std::this_thread::sleep_for(1500ms);
  for (int n = 0; n < 3; ++n) say("90", 0s);
  std::this_thread::sleep_for(2500ms);
  say("90", 10s);
  std::this_thread::sleep_for(300ms);
  daemon.signal(SIGTERM);
  ASSERT_EQ(daemon.wait(10'000ms), 0) << daemon.output();
  const std::string log = daemon.output();
  EXPECT_EQ(probe.heard().size(), 10u) << "ten are told a minute";
  for (const char* part :
       {"windows skipped for their gaps", "readings too late for their windows", "2 alarms held back in a flood"})
    EXPECT_NE(log.find(part), std::string::npos) << part << " in\n" << log;
}

}  // namespace
}  // namespace eyeflow::test
