// Whether a device is there, as the broker keeps it: a mosquitto, and a daemon that starts, ends, is killed.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/system/broker.h"
#include "tests/system/device.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;

class Status : public ::testing::Test {
 protected:
  void SetUp() override {
    set_up_device(folder_, broker_.port(), "t", "task t {\n  input v : f64\n  alarm hot \"hot\" when v > 80.0\n}\n", R"(
[sensor.v]
from  = "plant"
topic = "in/v"
[[run]]
bundle = "t.efb"
bind   = { v = "v" }
)",
                  "status = \"plant/{device}/status\"\nonline = \"here\"\nkeepalive = \"5 s\"\n");
  }
  // What one who comes now is told at once.
  std::string kept() {
    MqttProbe probe(broker_.port(), "plant/d1/status");
    probe.wait_for([](const auto& heard) { return !heard.empty(); }, 5s);
    return probe.heard().empty() ? "nothing" : probe.heard().front().payload;
  }
  // What one who has been there all along heard so far, once there are `count` of them.
  std::vector<std::string> heard(std::size_t count) {
    watching_.wait_for([&](const auto& heard) { return heard.size() >= count; }, 20s);
    std::vector<std::string> payloads;
    for (const auto& message : watching_.heard()) payloads.push_back(message.payload);
    return payloads;
  }
  void start() { daemon_ = std::make_unique<Process>(device_in(folder_), folder_ / "daemon.log"); }

  TemporaryFolder folder_;
  Broker broker_{folder_};
  MqttProbe watching_{broker_.port(), "plant/+/status"};
  std::unique_ptr<Process> daemon_;
};

using Heard = std::vector<std::string>;

TEST_F(Status, IsKeptByTheBrokerThroughAnOrderlyEnd) {
  start();
  EXPECT_EQ(heard(1), (Heard{"here"})) << daemon_->output();
  EXPECT_EQ(kept(), "here");
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(10'000ms), 0) << daemon_->output();
  EXPECT_EQ(heard(2), (Heard{"here", "offline"}));
  EXPECT_EQ(kept(), "offline");
}

TEST_F(Status, IsToldByTheBrokerWhenTheDeviceIsKilled) {
  start();
  EXPECT_EQ(heard(1), (Heard{"here"})) << daemon_->output();
  daemon_->signal(SIGKILL);
  EXPECT_EQ(daemon_->wait(10'000ms), 128 + SIGKILL);
  EXPECT_EQ(heard(2), (Heard{"here", "offline"}));
  EXPECT_EQ(kept(), "offline");
  start();
  EXPECT_EQ(heard(3), (Heard{"here", "offline", "here"}));
  EXPECT_EQ(kept(), "here");
}

// It stands still, and nobody has closed its connection: the broker misses its signs of life.
TEST_F(Status, IsToldByTheBrokerWhenTheDeviceFallsSilent) {
  start();
  EXPECT_EQ(heard(1), (Heard{"here"})) << daemon_->output();
  daemon_->signal(SIGSTOP);
  EXPECT_EQ(heard(2), (Heard{"here", "offline"}));
  daemon_->signal(SIGCONT);
  EXPECT_EQ(heard(3), (Heard{"here", "offline", "here"})) << daemon_->output();
}

TEST_F(Status, IsToldAnewWhenTheBrokerComesBack) {
  start();
  EXPECT_EQ(heard(1), (Heard{"here"})) << daemon_->output();
  broker_.stop();  // and forgets what it kept
  broker_.start();
  heard(2);
  EXPECT_EQ(kept(), "here") << daemon_->output();
}

}  // namespace
}  // namespace eyeflow::test
