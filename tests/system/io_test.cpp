// `eyeflow-vm io` beside a real broker: what stands in the table is what was published here.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/system/broker.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;

std::string site_for(int port) {
  return "[device]\nname = \"d1\"\n[connection.plant]\nmqtt = \"mqtt://127.0.0.1:" + std::to_string(port) + R"("
[sensor.live]
from = "plant"
topic = "in/{name}"
field = "/t"
unit = "°C"
[sensor.old]
from = "plant"
topic = "in/{name}"
field = "/t"
time = "/at"
[sensor.kept]
from = "plant"
topic = "in/{name}"
[sensor.broken]
from = "plant"
topic = "in/{name}"
field = "/t"
[sensor.absent]
from = "plant"
topic = "in/{name}"
[switch.siren]
to = "plant"
topic = "out/{name}"
retain = true
[value.speed]
to = "console"
[log.history]
to = "none"
)";
}

// The cells of the line of one point.
std::string line_of(const std::string& table, const std::string& name) {
  const auto at = table.find(" " + name + " ");
  if (at == std::string::npos) return "no " + name + " in " + table;
  const auto begin = table.rfind('\n', at) + 1;
  std::string line;
  for (const char c : table.substr(begin, table.find('\n', at) - begin))
    if (c != ' ' || !line.ends_with(' ')) line += c;
  return line;
}

TEST(Io, ListsEveryPointAsItIs) {
  const TemporaryFolder folder;
  Broker broker(folder);
  write_file(folder / "site.toml", site_for(broker.port()));
  MqttProbe probe(broker.port(), "none");
  probe.publish("in/kept", "17", true);
  probe.publish("out/siren", "on", true);
  std::atomic<bool> over = false;
  std::thread plant([&] {
    while (!over) {
      probe.publish("in/live", R"({"t":21.5})");
      probe.publish("in/old", R"({"t":5,"at":"2020-01-01T00:00:00Z"})");
      probe.publish("in/broken", R"({"t":{}})");
      std::this_thread::sleep_for(20ms);
    }
  });
  const auto log = folder / "log";
  EXPECT_EQ(run({EYEFLOW_VM, "io", "--site", (folder / "site.toml").string(), "--for", "1500ms"}, log), 1)
      << "not every sensor is well";
  const std::string table = read_file(log);
  EXPECT_EQ(run({EYEFLOW_VM, "io", "--site", (folder / "site.toml").string(), "--for", "1500ms", "--json"}, log), 1);
  const std::string json = read_file(log);
  over = true;
  plant.join();

  EXPECT_TRUE(line_of(table, "live").starts_with("sensor live 21.5 °C good ")) << line_of(table, "live");
  EXPECT_TRUE(line_of(table, "live").ends_with(" plant: in/live, field /t")) << line_of(table, "live");
  EXPECT_TRUE(line_of(table, "kept").starts_with("sensor kept 17 stale plant: in/kept; the broker kept it"))
      << line_of(table, "kept");
  EXPECT_TRUE(line_of(table, "broken").starts_with("sensor broken bad ")) << line_of(table, "broken");
  EXPECT_TRUE(line_of(table, "broken").ends_with("'{\"t\":{}}'")) << line_of(table, "broken");
  EXPECT_EQ(line_of(table, "absent"), "sensor absent no reading plant: in/absent");
  EXPECT_EQ(line_of(table, "siren"), "switch siren on good plant: out/siren");
  EXPECT_EQ(line_of(table, "speed"), "value speed not watched console");
  EXPECT_EQ(line_of(table, "history"), "log history not watched none");
  // A reading of its own time: six years old at least, and said so, though no task says how old it may be.
  EXPECT_NE(
      json.find(
          R"({"kind":"sensor","name":"old","where":"plant: in/old, field /t","quality":"stale","value":5,"age_s":)"),
      std::string::npos)
      << json;
  const auto age = json.find("\"age_s\":", json.find("\"name\":\"old\"")) + 8;
  EXPECT_GT(std::stod(json.substr(age)), 5.0 * 365 * 86400);
  EXPECT_NE(json.find(R"("name":"live","where":"plant: in/live, field /t","quality":"good","value":21.5,"unit":"°C")"),
            std::string::npos)
      << json;
}

TEST(Io, ABrokerThatIsAwayIsTheReason) {
  const TemporaryFolder folder;
  write_file(folder / "site.toml", site_for(free_port()));
  const auto log = folder / "log";
  EXPECT_EQ(run({EYEFLOW_VM, "io", "--site", (folder / "site.toml").string(), "--for", "300ms"}, log), 1);
  EXPECT_NE(line_of(read_file(log), "live").find("no reading plant: in/live, field /t; broker 127.0.0.1:"),
            std::string::npos)
      << read_file(log);
}

}  // namespace
}  // namespace eyeflow::test
