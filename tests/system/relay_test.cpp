// examples/relay: of the events that are published here, each one above the limit is told with its own number, and all
// of them reach the far side once, also when it was away in between.
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "tests/system/broker.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;

// Takes batches and keeps their rows' {"seq":…,"temp":…}; may answer as one that is out of order.
class FarSide {
 public:
  FarSide() {
    server_.Post("/upload", [this](const httplib::Request& request, httplib::Response& response) {
      if (refuses_) {
        response.status = 503;
        return;
      }
      const std::lock_guard lock(mutex_);
      for (std::size_t at = request.body.find("\"row\":{"); at != std::string::npos;
           at = request.body.find("\"row\":{", at + 1))
        ++rows_[request.body.substr(at + 6, request.body.find('}', at) - at - 5)];
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~FarSide() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }
  void refuse(bool on) { refuses_ = on; }
  std::map<std::string, int> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::atomic<bool> refuses_ = false;
  std::mutex mutex_;
  std::map<std::string, int> rows_;
  std::thread thread_;
};

void replace(std::string& text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), with);
}

// Hundredths of a degree around the limit of 80 °C, on it as well.
int temperature(int seq) { return 7990 + seq * 37 % 21; }
std::string degrees(int hundredths) {
  std::string text = std::to_string(hundredths / 100);
  if (hundredths % 100 == 0) return text;
  text += '.' + std::to_string(hundredths % 100 + 100).substr(1);
  while (text.ends_with('0')) text.pop_back();
  return text;
}
std::string row(int seq) { return "{\"seq\":" + std::to_string(seq) + ",\"temp\":" + degrees(temperature(seq)) + "}"; }

TEST(Relay, TellsWhatIsTooHotAndKeepsAll) {
  const TemporaryFolder folder;
  Broker broker(folder);
  FarSide far_side;
  const std::string source = EYEFLOW_SOURCE_DIR;
  ASSERT_EQ(run({EYEFLOWC, "keygen", "-o", (folder / "key").string()}, folder / "log"), 0);
  ASSERT_EQ(run({EYEFLOWC, "build", source + "/examples/relay.eft", "-o", (folder / "relay.efb").string(), "--key",
                 (folder / "key").string()},
                folder / "log"),
            0)
      << read_file(folder / "log");
  std::string site = read_file(source + "/examples/relay.toml");
  replace(site, "127.0.0.1:1883", "127.0.0.1:" + std::to_string(broker.port()));
  replace(site, "127.0.0.1:18080", "127.0.0.1:" + std::to_string(far_side.port()));
  write_file(folder / "site.toml", site);

  MqttProbe probe(broker.port(), "alarm/t");
  Process relay({EYEFLOW_VM, "run", "--site", (folder / "site.toml").string(), "--key", (folder / "key.pub").string()},
                folder / "relay.log");
  // Until it listens, events are nobody's.
  for (int i = 0; i < 500 && !probe.wait_for([](const auto& heard) { return !heard.empty(); }, 20ms); ++i)
    probe.publish("sensors/0/env", R"({"id":0,"seq":0,"temp":99})");
  ASSERT_FALSE(probe.heard().empty()) << relay.output();

  constexpr int kEvents = 600;
  std::vector<std::string> expected;
  for (int seq = 1; seq <= kEvents; ++seq) {
    if (seq == kEvents / 3) far_side.refuse(true);
    if (seq == kEvents / 2) far_side.refuse(false);
    probe.publish("sensors/" + std::to_string(seq % 7) + "/env",
                  "{\"id\":" + std::to_string(seq % 7) + ",\"seq\":" + std::to_string(seq) +
                      ",\"temp\":" + degrees(temperature(seq)) + ",\"fw\":\"1.4.2\"}");
    if (temperature(seq) > 8000) expected.push_back(row(seq));
    if (seq % 50 == 0) std::this_thread::sleep_for(100ms);
  }
  const auto alarms = [&] {
    std::vector<std::string> rows;
    for (const auto& message : probe.heard()) {
      const auto at = message.payload.find("\"row\":") + 6;
      const auto text = message.payload.substr(at, message.payload.find('}', at) - at + 1);
      if (text != "{\"seq\":0,\"temp\":99}") rows.push_back(text);
    }
    return rows;
  };
  for (int i = 0; i < 200 && alarms().size() < expected.size(); ++i) std::this_thread::sleep_for(100ms);
  EXPECT_EQ(alarms(), expected) << relay.output();

  std::map<std::string, int> rows;
  for (int i = 0; i < 300; ++i) {
    rows = far_side.rows();
    rows.erase("{\"seq\":0,\"temp\":99}");
    if (rows.size() == kEvents) break;
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(kEvents)) << relay.output();
  for (int seq = 1; seq <= kEvents; ++seq) EXPECT_EQ(rows[row(seq)], 1) << row(seq);
  relay.signal(SIGTERM);
  EXPECT_EQ(relay.wait(10'000ms), 0) << relay.output();
}

}  // namespace
}  // namespace eyeflow::test
