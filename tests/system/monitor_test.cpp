// The whole product at once: text → eyeflowc → signed bundle → eyeflow-vm → a real broker, with 100 sensors at 10 Hz.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "tests/system/broker.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kSensors = 100;
constexpr int kReadings = 100;  // each: 10 s at 10 Hz

std::string sensor(int number) { return fmt::format("T{}", number); }
std::string topic(int number) { return "factory/line1/" + sensor(number); }

// What is sent, in hundredths of a degree, so that the limits are met exactly as well as crossed: a walk that turns
// around between 74 and 86 °C. The generator is spelled out because its values must be the same everywhere.
std::vector<int> readings_of(int number) {
  std::uint32_t seed = 2654435761u * static_cast<std::uint32_t>(number);
  const auto next = [&](int range) {
    seed = seed * 1664525u + 1013904223u;
    return static_cast<int>((seed >> 8) % static_cast<std::uint32_t>(range));
  };
  std::vector<int> readings;
  int value = 7500 + next(200), direction = 1;
  for (int n = 0; n < kReadings; ++n) {
    value += direction * next(120);
    if (value > 8600 || value < 7400) direction = -direction;
    if (next(20) == 0) value = 8000;  // at the limit: not above it
    if (next(20) == 0) value = 7800;  // at the clearing limit: not below it
    readings.push_back(value);
  }
  return readings;
}

// The reference, on whole numbers: above 80.00 raises, below 78.00 clears. Which reading causes which transition.
struct Transition {
  int reading;
  bool raised;
};
std::vector<Transition> expected_transitions(const std::vector<int>& readings) {
  std::vector<Transition> transitions;
  bool hot = false;
  for (int n = 0; n < static_cast<int>(readings.size()); ++n) {
    if (!hot && readings[n] > 8000)
      transitions.push_back({n, hot = true});
    else if (hot && readings[n] < 7800)
      transitions.push_back({n, hot = false});
  }
  return transitions;
}

std::string payload(int hundredths, std::int64_t ms) {
  return fmt::format(R"({{"sensor":"x","temp":{}.{:02},"ts":{}}})", hundredths / 100, hundredths % 100, ms);
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Monitor : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({EYEFLOWC, "keygen", "-o", (folder_ / "key").string()}, folder_ / "keygen.log"), 0)
        << read_file(folder_ / "keygen.log");
    ASSERT_EQ(run({EYEFLOWC, "build", EYEFLOW_SOURCE_DIR "/examples/monitor_t1.eft", "-o",
                   (folder_ / "monitor_t1.efb").string(), "--key", (folder_ / "key").string()},
                  folder_ / "build.log"),
              0)
        << read_file(folder_ / "build.log");
    write_file(folder_ / "site.toml", fmt::format(R"(
[device]
name = "line1"
trusted_keys = ["key.pub"]

[connection.plant]
mqtt = "mqtt://127.0.0.1:{}"

[sensor."T{{1..100}}"]
from  = "plant"
topic = "factory/line1/{{name}}"
field = "/temp"
unit  = "°C"
time  = "/ts"
qos   = 1

[switch."siren_T{{1..100}}"]
to    = "plant"
topic = "alarm/{{name}}"
safe  = "off"

[log.history]
to = "none"

[[run]]
bundle = "monitor_t1.efb"
each   = {{ t1 = "T*" }}
bind   = {{ siren = "siren_{{t1}}", history = "history" }}
)",
                                                  broker_.port()));
  }

  void start_daemon() {
    daemon_ = std::make_unique<Process>(
        std::vector<std::string>{EYEFLOW_VM, "run", "--site", (folder_ / "site.toml").string(), "--for", "120s"},
        folder_ / "daemon.log");
    // Every siren is told its state at the start: then each instance runs.
    const bool ready = probe_.wait_for(
        [](const std::vector<Message>& messages) {
          std::set<std::string> sirens;
          for (const Message& message : messages) sirens.insert(message.topic);
          return sirens.size() == kSensors;
        },
        20s);
    ASSERT_TRUE(ready) << daemon_->output();
  }

  // What was heard of each siren, the state at the start left out.
  std::map<std::string, std::vector<Message>> transitions() const {
    std::map<std::string, std::vector<Message>> by_topic;
    for (const Message& message : probe_.heard()) by_topic[message.topic].push_back(message);
    for (auto& [name, messages] : by_topic) {
      EXPECT_EQ(messages.front().payload, "off") << name;
      messages.erase(messages.begin());
    }
    return by_topic;
  }

  TemporaryFolder folder_;
  Broker broker_{folder_};
  MqttProbe probe_{broker_.port(), "alarm/#"};
  std::unique_ptr<Process> daemon_;
};

TEST_F(Monitor, EachCrossingSoundsItsSirenOnceAndSilencesItOnce) {
  start_daemon();

  std::vector<std::vector<int>> readings(kSensors + 1);
  std::size_t expected_count = 0;
  for (int s = 1; s <= kSensors; ++s) {
    readings[s] = readings_of(s);
    expected_count += expected_transitions(readings[s]).size();
  }
  ASSERT_GT(expected_count, 200u) << "the readings must cross the limits often";

  // In between, everything that can be wrong with a payload; none of it may change a siren or stop a task.
  const std::vector<std::string> bad = {"",           "not json",          R"({"temp":)",          R"({"temp":null})",
                                        R"({"t":1})", R"({"temp":"hot"})", R"({"temp":NaN})",      R"({"temp":1e999})",
                                        "[]",         "\xff\xfe\x00",      R"({"temp":{"c":99}})", R"({"temp":true})"};
  std::vector<std::vector<Clock::time_point>> sent(kSensors + 1, std::vector<Clock::time_point>(kReadings));
  const auto start = Clock::now();
  int bad_sent = 0;
  for (int n = 0; n < kReadings; ++n) {
    for (int s = 1; s <= kSensors; ++s) {
      std::this_thread::sleep_until(start + n * 100ms + s * 1ms);
      sent[s][n] = Clock::now();
      probe_.publish(topic(s), payload(readings[s][n], wall_ms()));
    }
    probe_.publish(topic(1 + n % kSensors), bad[n % bad.size()]);
    ++bad_sent;
    probe_.publish("factory/line1/T999", payload(9900, wall_ms()));  // nobody's sensor
  }
  probe_.wait_for([&](const auto& messages) { return messages.size() >= kSensors + expected_count; }, 10s);
  std::this_thread::sleep_for(300ms);  // for what must not come

  std::vector<double> latencies_ms;
  auto heard = transitions();
  for (int s = 1; s <= kSensors; ++s) {
    const std::vector<Transition> expected = expected_transitions(readings[s]);
    const std::vector<Message>& got = heard["alarm/siren_" + sensor(s)];
    ASSERT_EQ(got.size(), expected.size()) << sensor(s) << '\n' << daemon_->output();
    for (std::size_t n = 0; n < expected.size(); ++n) {
      EXPECT_EQ(got[n].payload, expected[n].raised ? "on" : "off") << sensor(s) << " transition " << n;
      if (expected[n].raised)
        latencies_ms.push_back(
            std::chrono::duration<double, std::milli>(got[n].at - sent[s][expected[n].reading]).count());
    }
  }

  std::ranges::sort(latencies_ms);
  const auto percentile = [&](double p) {
    return latencies_ms[static_cast<std::size_t>(p * (latencies_ms.size() - 1))];
  };
  fmt::print(
      "{} transitions, {} bad payloads; sensor to siren through the broker: p50 {:.2f} ms, p99 {:.2f} ms, worst {:.2f} "
      "ms\n",
      expected_count, bad_sent, percentile(0.5), percentile(0.99), latencies_ms.back());

  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(5s), 0) << daemon_->output();
  // Bad payloads are counted and told; the exact words are the daemon's.
  EXPECT_NE(daemon_->output().find("bad reading"), std::string::npos) << daemon_->output();
}

TEST_F(Monitor, ABrokerThatGoesAwayAndComesBackIsFoundAgain) {
  start_daemon();
  const auto hear = [&](std::string_view state) {
    for (int tries = 0; tries < 60; ++tries) {
      probe_.publish(topic(1), payload(state == "on" ? 9000 : 7000, wall_ms()));
      if (probe_.wait_for(
              [&](const std::vector<Message>& messages) {
                const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                               [](const Message& m) { return m.topic == "alarm/siren_T1"; });
                return last != messages.rend() && last->payload == state;
              },
              500ms))
        return true;
    }
    return false;
  };
  ASSERT_TRUE(hear("on")) << daemon_->output();
  broker_.stop();
  std::this_thread::sleep_for(500ms);
  EXPECT_TRUE(daemon_->is_running()) << daemon_->output();
  broker_.start();
  EXPECT_TRUE(hear("off")) << daemon_->output();
  EXPECT_TRUE(hear("on")) << daemon_->output();
}

TEST_F(Monitor, WithoutABrokerTheDaemonStartsAndSaysWhatIsMissing) {
  broker_.stop();
  Process daemon({EYEFLOW_VM, "run", "--site", (folder_ / "site.toml").string(), "--for", "2s"}, folder_ / "alone.log");
  EXPECT_EQ(daemon.wait(20s), 0) << daemon.output();
  EXPECT_NE(daemon.output().find(std::to_string(broker_.port())), std::string::npos)
      << "it names the broker that it cannot reach:\n"
      << daemon.output();
}

TEST_F(Monitor, ATamperedBundleIsRefused) {
  std::string bytes = read_file(folder_ / "monitor_t1.efb");
  bytes[bytes.size() / 2] ^= 1;
  write_file(folder_ / "monitor_t1.efb", bytes);
  Process daemon({EYEFLOW_VM, "run", "--site", (folder_ / "site.toml").string(), "--for", "5s"}, folder_ / "bad.log");
  const int status = daemon.wait(20s);
  EXPECT_GT(status, 0) << daemon.output();
  EXPECT_LT(status, 128) << daemon.output();
  EXPECT_NE(daemon.output().find("monitor_t1.efb"), std::string::npos) << daemon.output();
}

}  // namespace
}  // namespace eyeflow::test
