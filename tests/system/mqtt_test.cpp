// The MQTT connector beside a real broker: TLS, passwords, wildcards, what is held while the broker is away.
#include "runtime/connectors/mqtt.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
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
  void on_bad_row(std::string_view what) override { keep("bad " + std::string(what)); }
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

std::ptrdiff_t count_of(Notebook& notebook, const std::string& line) {
  return std::ranges::count(notebook.lines(), line);
}

// What we publish comes back to us: both ways of each quality of service, by a name that has to be resolved.
TEST(MqttBroker, EachQualityOfServiceBothWays) {
  TemporaryFolder folder;
  Broker broker(folder);
  auto c = at(broker.port());
  c.host = "localhost";
  Notebook notebook;
  const auto connection = make(c, {{"q/0", SensorId{0}, 0}, {"q/1", SensorId{1}, 1}, {"q/2", SensorId{2}, 2}});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("up ")) << notebook.all();
  for (int i = 0; i < 100 && !notebook.hears("T2 ready", 0s); ++i) {
    connection->write({.port = PortId{0}, .topic = "q/2", .payload = "ready", .qos = 0});
    std::this_thread::sleep_for(20ms);
  }
  for (int qos = 0; qos < 3; ++qos)
    for (int to = 0; to < 3; ++to) {
      const auto topic = "q/" + std::to_string(to), payload = "as " + std::to_string(qos);
      connection->write({.port = PortId{0}, .topic = topic, .payload = payload, .qos = qos});
    }
  connection->write({.port = PortId{0}, .topic = "q/2", .payload = "", .qos = 2});
  connection->write({.port = PortId{0}, .topic = "q/2", .payload = "end", .qos = 2});
  ASSERT_TRUE(notebook.hears("T2 end")) << notebook.all();
  connection->flush();
  for (int qos = 0; qos < 3; ++qos)
    for (int to = 0; to < 3; ++to) {
      const auto line = "T" + std::to_string(to) + " as " + std::to_string(qos);
      EXPECT_EQ(count_of(notebook, line), 1) << line;
    }
  EXPECT_EQ(count_of(notebook, "T2 "), 1);  // an empty payload is a message, too
  EXPECT_EQ(count_of(notebook, "T2 end"), 1);
}

// More than may be in flight and than the socket takes at once, from threads that are not the connection's.
TEST(MqttBroker, ManyThreadsWriteAtOnceAndNothingIsLost) {
  TemporaryFolder folder;
  Broker broker(folder);
  Notebook notebook;
  const auto connection = make(at(broker.port()), {{"many", SensorId{1}, 1}});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("up "));
  for (int i = 0; i < 100 && !notebook.hears("T1 ready", 0s); ++i) {
    connection->write({.port = PortId{0}, .topic = "many", .payload = "ready", .qos = 1});
    std::this_thread::sleep_for(20ms);
  }
  constexpr int kThreads = 4, kEach = 1500;
  const std::string filling(1000, '.');
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < kEach; ++n) {
        const auto payload = std::to_string(t) + " " + std::to_string(n) + " " + filling;
        connection->write({.port = PortId{0}, .topic = "many", .payload = payload, .qos = 1});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  connection->flush();
  connection->write({.port = PortId{0}, .topic = "many", .payload = "end", .qos = 1});
  ASSERT_TRUE(notebook.hears("T1 end"));
  EXPECT_EQ(connection->dropped(), 0u);
  std::vector<int> next(kThreads, 0);
  for (const auto& line : notebook.lines()) {
    int t = 0, n = 0;
    if (std::sscanf(line.c_str(), "T1 %d %d", &t, &n) != 2) continue;
    EXPECT_EQ(n, next[static_cast<std::size_t>(t)]++) << t;
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kEach));
}

TEST(MqttBroker, AMessageThatIsTooLargeIsPassedOver) {
  TemporaryFolder folder;
  Broker broker(folder);
  MqttProbe probe(broker.port(), "none");
  Notebook notebook;
  const auto connection = make(at(broker.port()), {{"a", SensorId{1}, 1}});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("up "));
  for (int i = 0; i < 100 && !notebook.hears("T1 ready", 0s); ++i) {
    probe.publish("a", "ready");
    std::this_thread::sleep_for(20ms);
  }
  probe.publish("a", std::string((16u << 20) + 1, 'x'));
  probe.publish("a", "behind it");
  ASSERT_TRUE(notebook.hears("T1 behind it"));
  EXPECT_TRUE(notebook.hears("bad a message of 16777217 bytes from 'a' is too large and was dropped", 0s));
}

// Takes a connection and does as the test says; what no real broker does.
class Pretender {
 public:
  Pretender() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 4) != 0)
      throw std::runtime_error("cannot listen");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Pretender() {
    if (peer_ >= 0) close(peer_);
    close(listener_);
  }
  int port() const { return port_; }
  void accept_one() {
    if (peer_ >= 0) close(peer_);
    peer_ = accept(listener_, nullptr, nullptr);
  }
  void leave() { shutdown(peer_, SHUT_WR); }
  void say(std::string_view bytes) {
    if (send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("cannot send");
  }
  // The next bytes; a test that waits for ever fails by its limit.
  std::string hear() {
    char bytes[4096];
    const auto size = recv(peer_, bytes, sizeof bytes, 0);
    return {bytes, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  int listener_ = -1, peer_ = -1, port_ = 0;
};

constexpr std::string_view kAccepted("\x20\x02\x00\x00", 4), kPing("\xC0\x00", 2), kPong("\xD0\x00", 2);

TEST(MqttBroker, OneThatFallsSilentIsLeftAndTriedAgain) {
  Pretender broker;
  auto c = at(broker.port());
  c.keepalive = 1s;
  Notebook notebook;
  const auto connection = make(c, {});
  connection->start(notebook);
  broker.accept_one();
  EXPECT_EQ(broker.hear().substr(0, 1), "\x10");
  broker.say(kAccepted);
  ASSERT_TRUE(notebook.hears("up "));
  EXPECT_EQ(broker.hear(), kPing);
  broker.say(kPong);
  EXPECT_EQ(broker.hear(), kPing);
  EXPECT_EQ(notebook.lines().size(), 1u) << notebook.all();
  // And no answer to that one.
  EXPECT_TRUE(notebook.hears("it did not answer for 1 s; trying again")) << notebook.all();
  broker.accept_one();
  EXPECT_EQ(broker.hear().substr(0, 1), "\x10");
}

// More than one turn takes, in one piece with the end of the connection: a wait tells of both once.
TEST(MqttBroker, WhatComesWithTheEndIsTaken) {
  Pretender broker;
  Notebook notebook;
  const auto connection = make(at(broker.port()), {{"t", SensorId{1}, 0}});
  connection->start(notebook);
  broker.accept_one();
  broker.hear();
  broker.say(kAccepted);
  ASSERT_TRUE(notebook.hears("up "));
  broker.hear();  // SUBSCRIBE
  std::string all;
  for (int n = 10; n < 60; ++n) all += "\x30\x05" + std::string("\0\1t", 3) + std::to_string(n);
  broker.say(all);
  broker.leave();
  EXPECT_TRUE(notebook.hears("the connection was lost")) << notebook.all();
  EXPECT_EQ(notebook.lines().size(), 52u) << notebook.all();
  EXPECT_TRUE(notebook.hears("59", 0s)) << notebook.all();
}

TEST(MqttBroker, WhatIsNotMqttEndsTheConnectionWithAClearLine) {
  struct Case {
    std::string_view bytes;
    std::string expected;
  };
  for (const auto& [bytes, expected] : {
           Case{"HTTP/1.1 400 Bad Request\r\n", "PUBACK with flags 0x8"},
           Case{std::string_view("\x20\x02\x00\x00\x30\x03\x00\x01#", 9), "PUBLISH to what is no topic"},
           Case{std::string_view("\x30\x03\x00\x01t", 5), "something before CONNACK"},
       }) {
    Pretender broker;
    Notebook notebook;
    const auto connection = make(at(broker.port()), {{"t", SensorId{1}, 0}});
    connection->start(notebook);
    broker.accept_one();
    broker.hear();
    broker.say(bytes);
    EXPECT_TRUE(notebook.hears("it sends what is not MQTT 3.1.1: " + expected)) << notebook.all();
    EXPECT_FALSE(notebook.hears("T1", 0s));
  }
}

// mosquitto allows every filter and delivers nothing; others say no.
TEST(MqttBroker, AFilterThatItDoesNotAllowIsNamed) {
  Pretender broker;
  Notebook notebook;
  const auto connection = make(at(broker.port()), {{"a/b", SensorId{1}, 0}, {"secret", SensorId{2}, 1}});
  connection->start(notebook);
  broker.accept_one();
  broker.hear();
  broker.say(kAccepted);
  EXPECT_EQ(broker.hear().substr(0, 4), std::string_view("\x82\x11\x00\x01", 4));
  broker.say(std::string_view("\x90\x04\x00\x01\x00\x80", 6));
  EXPECT_TRUE(notebook.hears("does not let us subscribe secret; check what it allows this user")) << notebook.all();
}

// A broker with TLS and passwords, its authority made for this test alone.
class SecureBroker {
 public:
  explicit SecureBroker(const TemporaryFolder& folder, const std::string& address = "IP:127.0.0.1",
                        const std::string& more = "")
      : folder_(folder), port_(free_port()) {
    const auto path = [&](const char* name) { return (folder / name).string(); };
    for (const auto* who : {"ca", "stranger"}) make_authority(folder, who);
    make_certificate(folder, "ca", "server", address);
    shell({"mosquitto_passwd", "-b", "-c", path("passwords"), "device", "geheim"});
    write_file(folder / "secure.conf", "user root\nlistener " + std::to_string(port_) +
                                           " 127.0.0.1\nallow_anonymous false\npassword_file " + path("passwords") +
                                           "\ncafile " + path("ca.pem") + "\ncertfile " + path("server.pem") +
                                           "\nkeyfile " + path("server.key") + "\n" + more);
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

// Many records of TLS each way, the last of which are read before the socket is asked again.
TEST(MqttBroker, LargeMessagesByTls) {
  TemporaryFolder folder;
  const SecureBroker broker(folder);
  Notebook notebook;
  const auto connection = make(broker.connection("geheim", "ca.pem"), {{"a", SensorId{1}, 1}});
  connection->start(notebook);
  ASSERT_TRUE(notebook.hears("up connected")) << notebook.all() << broker.log();
  for (int i = 0; i < 100 && !notebook.hears("T1 ready", 0s); ++i) {
    connection->write({.port = PortId{1}, .topic = "a", .payload = "ready", .qos = 1});
    std::this_thread::sleep_for(20ms);
  }
  std::vector<std::string> sent;
  for (int n = 0; n < 20; ++n) {
    std::string payload = std::to_string(n) + ":";
    while (payload.size() < 100'000u * static_cast<unsigned>(n % 3 + 1)) payload += std::to_string(payload.size());
    connection->write({.port = PortId{1}, .topic = "a", .payload = payload, .qos = 1});
    sent.push_back("T1 " + payload);
  }
  connection->write({.port = PortId{1}, .topic = "a", .payload = "end", .qos = 1});
  ASSERT_TRUE(notebook.hears("T1 end"));
  std::vector<std::string> got;
  for (const auto& line : notebook.lines())
    if (line.find(':') != line.npos && line.starts_with("T1")) got.push_back(line);
  EXPECT_TRUE(got == sent);
}

// Where a certificate of ours is wanted, the log says what is wrong with it, whichever version of TLS tells us.
class CertificatesOfBothSides : public ::testing::TestWithParam<std::string> {};

TEST_P(CertificatesOfBothSides, AreCheckedAndWhatIsWrongIsNamed) {
  TemporaryFolder folder;
  const SecureBroker broker(folder, "IP:127.0.0.1", "require_certificate true\ntls_version " + GetParam() + "\n");
  make_certificate(folder, "ca", "device", "DNS:device");
  make_certificate(folder, "ca", "late", "DNS:device", -1);
  make_certificate(folder, "stranger", "other", "DNS:device");
  const auto tried = [&](const char* certificate, const char* key) {
    auto c = broker.connection("geheim", "ca.pem");
    if (*certificate != '\0') c.cert_file = folder / certificate;
    if (*key != '\0') c.key_file = folder / key;
    Notebook notebook;
    const auto connection = make(c, {});
    connection->start(notebook);
    for (int i = 0; i < 500 && notebook.lines().empty(); ++i) std::this_thread::sleep_for(20ms);
    return notebook.all();
  };
  EXPECT_TRUE(tried("device.pem", "device.key").starts_with("up connected"));
  const auto expect_told = [](const std::string& told, const std::string& what) {
    EXPECT_TRUE(told.starts_with("down broker 127.0.0.1:")) << told;
    EXPECT_NE(told.find(what), std::string::npos) << told;
  };
  expect_told(tried("", ""), "wants a client's certificate");
  expect_told(tried("", ""), "name cert_file and key_file");
  expect_told(tried("other.pem", "other.key"),
              "it does not know who signed our certificate; cert_file must be signed by");
  expect_told(tried("late.pem", "late.key"), "our certificate has expired, or is not valid yet; renew cert_file");
  const auto mixed = tried("device.pem", "other.key");
  EXPECT_NE(mixed.find("other.key: cannot be used as the client's key: key values mismatch"), std::string::npos)
      << mixed;
}

INSTANTIATE_TEST_SUITE_P(Tls, CertificatesOfBothSides, ::testing::Values("tlsv1.2", "tlsv1.3"));

TEST(MqttBroker, ACertificateOfAnotherHostIsRefused) {
  TemporaryFolder folder;
  const SecureBroker broker(folder, "IP:127.0.0.2");
  Notebook notebook;
  const auto connection = make(broker.connection("geheim", "ca.pem"), {});
  connection->start(notebook);
  EXPECT_TRUE(notebook.hears("its certificate is not accepted: IP address mismatch")) << notebook.all();
  auto c = broker.connection("geheim", "ca.pem");
  c.host = "localhost";
  Notebook by_name;
  const auto second = make(c, {});
  second->start(by_name);
  EXPECT_TRUE(by_name.hears("its certificate is not accepted: hostname mismatch")) << by_name.all();
}

}  // namespace
}  // namespace eyeflow::test
