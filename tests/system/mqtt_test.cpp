// The MQTT connector beside a real broker: TLS, passwords, wildcards, what is held while the broker is away.
#include "runtime/connectors/mqtt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/system/broker.h"
#include "tests/system/certificates.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
using runtime::Arrival;
using runtime::Connection;
using runtime::MqttConnection;
using runtime::PortId;
using runtime::SensorId;

class Notebook : public runtime::Receiver {
 public:
  void on_arrival(const Arrival& a) override {
    keep("T" + std::to_string(static_cast<unsigned>(a.sensor)) + " " + std::string(a.bytes) +
         (a.is_kept ? " (kept)" : ""));
  }
  void on_unknown(std::string_view what) override { keep("unknown " + std::string(what)); }
  void on_bad_row(std::string_view) override {}
  void on_state(std::string_view, bool up, std::string_view detail) override {
    keep((up ? "up " : "down ") + std::string(detail));
  }
  void on_finished(std::string_view, std::string_view) override {}

  // Waits for a line with this in it.
  bool hears(std::string_view part, std::chrono::seconds limit = 15s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] {
      return std::ranges::any_of(lines_, [&](const auto& line) { return line.find(part) != std::string::npos; });
    });
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::string all() {
    std::string text;
    for (const auto& line : lines()) text += line + "\n";
    return text;
  }

 private:
  void keep(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

Connection at(int port) {
  Connection c;
  c.name = "plant";
  c.host = "127.0.0.1";
  c.port = static_cast<std::uint16_t>(port);
  return c;
}

std::unique_ptr<MqttConnection> make(const Connection& c, std::vector<runtime::MqttSubscription> s) {
  auto made = MqttConnection::make(c, "eyeflow-test", std::move(s));
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

TEST(MqttBroker, WildcardsSharedTopicsAndStrangers) {
  TemporaryFolder folder;
  Broker broker(folder);
  auto c = at(broker.port());
  c.subscribe = {"plant/#"};
  Notebook notebook;
  const auto connection = make(c, {{"plant/a", SensorId{1}, 0},
                                   {"plant/a", SensorId{2}, 0},
                                   {"plant/+/x", SensorId{3}, 0},
                                   {"plant/deep/#", SensorId{4}, 0}});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("up "));
  MqttProbe probe(broker.port(), "none");
  // Until the subscription stands, what is published is lost: repeated until it is heard.
  for (int i = 0; i < 100 && !notebook.hears("T1 ready", 0s); ++i) {
    probe.publish("plant/a", "ready");
    std::this_thread::sleep_for(20ms);
  }
  probe.publish("plant/a", "1");
  probe.publish("plant/b/x", "2");
  probe.publish("plant/deep/er/x", "3");
  probe.publish("plant/deep/x", "4");
  probe.publish("plant/other", "5");
  ASSERT_TRUE(notebook.hears("unknown plant/other"));
  connection->stop();
  std::vector<std::string> got;
  for (const auto& line : notebook.lines()) {
    if (line.find("ready") == std::string::npos && !line.starts_with("up")) got.push_back(line);
  }
  EXPECT_EQ(got, (std::vector<std::string>{"T1 1", "T2 1", "T3 2", "T4 3", "T3 4", "T4 4", "unknown plant/other"}));
}

TEST(MqttBroker, WhatIsHeldGoesOutInOrderWhenItComesBack) {
  TemporaryFolder folder;
  Broker broker(folder);
  Notebook notebook;
  const auto connection = make(at(broker.port()), {});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("up "));
  broker.stop();
  ASSERT_TRUE(notebook.hears("down "));
  connection->write({.port = PortId{1}, .topic = "out/s", .payload = "on", .qos = 1, .retain = true, .is_state = true});
  connection->write({.port = PortId{2}, .topic = "out/e", .payload = "first", .qos = 1, .retain = true});
  connection->write(
      {.port = PortId{1}, .topic = "out/s", .payload = "off", .qos = 1, .retain = true, .is_state = true});
  connection->write({.port = PortId{3}, .topic = "out/end", .payload = "end", .qos = 1, .retain = true});
  broker.start();
  ASSERT_TRUE([&] {
    for (int i = 0; i < 100; ++i) {
      if (std::ranges::count_if(notebook.lines(), [](const auto& l) { return l.starts_with("up "); }) == 2) return true;
      std::this_thread::sleep_for(100ms);
    }
    return false;
  }()) << notebook.all();
  connection->flush();
  // All are retained, so that it does not matter which of the two came back first.
  MqttProbe probe(broker.port(), "out/#");
  ASSERT_TRUE(probe.wait_for([](const auto& m) { return m.size() >= 3; }, 10s));
  std::vector<std::string> heard;
  for (const auto& m : probe.heard()) heard.push_back(m.topic + " " + m.payload);
  std::ranges::sort(heard);
  EXPECT_EQ(heard, (std::vector<std::string>{"out/e first", "out/end end", "out/s off"}));
  EXPECT_EQ(connection->dropped(), 0u);
}

TEST(MqttBroker, WhatTheBrokerKeptIsMarked) {
  TemporaryFolder folder;
  Broker broker(folder);
  MqttProbe probe(broker.port(), "plant/a");
  probe.publish("plant/a", "old", true);
  ASSERT_TRUE(probe.wait_for([](const auto& m) { return !m.empty(); }, 10s));
  Notebook notebook;
  const auto connection = make(at(broker.port()), {{"plant/a", SensorId{1}, 0}});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("T1 old (kept)")) << notebook.all();
  probe.publish("plant/a", "new", true);  // retained as well, but heard as it is published
  ASSERT_TRUE(notebook.hears("T1 new"));
  EXPECT_FALSE(notebook.hears("T1 new (kept)", 0s));
}

TEST(MqttBroker, ReliableReadingsWaitForUsAtTheBroker) {
  TemporaryFolder folder;
  Broker broker(folder);
  MqttProbe probe(broker.port(), "none");
  {
    Notebook notebook;
    const auto connection = make(at(broker.port()), {{"plant/a", SensorId{1}, 1}});
    connection->start(notebook);
    ASSERT_TRUE(notebook.hears("up "));
    for (int i = 0; i < 100 && !notebook.hears("ready", 0s); ++i) {
      probe.publish("plant/a", "ready");
      std::this_thread::sleep_for(20ms);
    }
  }
  probe.publish("plant/a", "while away");
  std::this_thread::sleep_for(200ms);
  Notebook notebook;
  const auto connection = make(at(broker.port()), {{"plant/a", SensorId{1}, 1}});
  connection->start(notebook);
  EXPECT_TRUE(notebook.hears("T1 while away")) << notebook.all();
}

// A broker with TLS and passwords, its authority made for this test alone.
class SecureBroker {
 public:
  explicit SecureBroker(const TemporaryFolder& folder) : folder_(folder), port_(free_port()) {
    const auto path = [&](const char* name) { return (folder / name).string(); };
    for (const auto* who : {"ca", "stranger"}) make_authority(folder, who);
    make_certificate(folder, "ca", "server", "IP:127.0.0.1");
    shell({"mosquitto_passwd", "-b", "-c", path("passwords"), "device", "geheim"});
    write_file(folder / "secure.conf", "user root\nlistener " + std::to_string(port_) +
                                           " 127.0.0.1\nallow_anonymous false\npassword_file " + path("passwords") +
                                           "\ncafile " + path("ca.pem") + "\ncertfile " + path("server.pem") +
                                           "\nkeyfile " + path("server.key") + "\n");
    const char* program = access("/usr/sbin/mosquitto", X_OK) == 0 ? "/usr/sbin/mosquitto" : "mosquitto";
    process_ =
        std::make_unique<Process>(std::vector<std::string>{program, "-c", path("secure.conf")}, folder / "secure.log");
  }
  Connection connection(const std::string& password, const std::string& authority) const {
    auto c = at(port_);
    c.tls = true;
    c.username = "device";
    c.password_file = folder_ / "pw";
    c.ca_file = folder_ / authority;
    write_file(c.password_file, password + "\n");
    return c;
  }
  std::string log() const { return process_->output(); }

 private:
  void shell(std::vector<std::string> command) {
    if (run(std::move(command), folder_ / "shell.log") != 0) throw std::runtime_error(read_file(folder_ / "shell.log"));
  }
  const TemporaryFolder& folder_;
  int port_;
  std::unique_ptr<Process> process_;
};

TEST(MqttBroker, TlsAndPasswords) {
  TemporaryFolder folder;
  const SecureBroker broker(folder);
  {
    Notebook notebook;
    const auto connection = make(broker.connection("geheim", "ca.pem"), {{"a", SensorId{1}, 0}});
    connection->start(notebook);
    ASSERT_TRUE(notebook.hears("up connected")) << notebook.all() << broker.log();
    for (int i = 0; i < 100 && !notebook.hears("T1 hello", 0s); ++i) {
      connection->write({.port = PortId{1}, .topic = "a", .payload = "hello", .qos = 1});
      std::this_thread::sleep_for(20ms);
    }
    EXPECT_TRUE(notebook.hears("T1 hello", 0s));
  }
  {
    Notebook notebook;
    const auto connection = make(broker.connection("wrong", "ca.pem"), {});
    connection->start(notebook);
    EXPECT_TRUE(notebook.hears("not authorised")) << notebook.all();
    EXPECT_FALSE(notebook.hears("up ", 0s));
  }
  {
    Notebook notebook;
    const auto connection = make(broker.connection("geheim", "stranger.pem"), {});
    connection->start(notebook);
    EXPECT_TRUE(notebook.hears("certificate")) << notebook.all();
    EXPECT_FALSE(notebook.hears("up ", 0s));
  }
}

}  // namespace
}  // namespace eyeflow::test
