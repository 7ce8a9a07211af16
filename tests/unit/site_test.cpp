#include "runtime/site/site.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "runtime/site/pattern.h"
#include "runtime/site/size.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

Site good(std::string_view text) {
  auto site = parse_site(text, "site.toml", "/etc/eyeflow");
  EXPECT_TRUE(site) << site.error().message;
  return site ? *site : Site{};
}

std::string bad(std::string_view text) {
  const auto site = parse_site(text, "site.toml", "/etc/eyeflow");
  return site ? "no error" : site.error().message;
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// A sensor table with one more line, and the message that it gives.
std::string bad_sensor(const std::string& line) {
  return bad("[connection.plant]\nmqtt = \"mqtt://broker\"\n[sensor.T1]\nfrom = \"plant\"\ntopic = \"a/{name}\"\n" +
             line);
}

constexpr std::string_view kWhole = R"(
[device]
name = "line1-pi4"
trusted_keys = ["plant.pub"]
workers = 2
clock = "battery"

[storage]
folder    = "/var/lib/eyeflow"
key_file  = "device.secret"
commit    = "2 s"
history   = "2 GB"
outbox    = "512 MiB"
reserve   = "8 MiB"
memory    = "1 MiB"
when_full = "drop-new"

[connection.plant]
mqtt          = "mqtts://broker.example:8884"
username      = "pi"
password_file = "plant.pw"
keepalive     = "1 min"
subscribe     = ["factory/line1/+"]
status        = "factory/{device}/status"
offline       = "gone"

[sensor."T{1..100}"]
from      = "plant"
topic     = "factory/line1/{name}"
field     = "/temp"
unit      = "°C"
time      = "/ts"
time_unit = "ms"
qos       = 1

[sensor.S]
from     = "simulate"
unit     = "°C"
simulate = { base = "70 °C", noise = "0.5 K", excursion = "90 °C", period = "10 ms", seed = 3 }

[sensor.R]
from  = "replay"
file  = "tape.csv"
speed = 10

[switch."siren_T{1..100}"]
to    = "plant"
topic = "factory/line1/{name}"
safe  = "on"
on    = "1"
off   = "0"

[switch.horn]
to      = "console"
combine = "any"
restart = "restore"

[value.speed]
to     = "plant"
topic  = "{device}/speed"
format = "json"
unit   = "rpm"

[log.history]
keep = "7 days"
sync = "cloud"

[cloud]
url         = "https://collector.example:8443/v1/rows"
ca_file     = "ca.pem"
every       = "30 s"
batch       = 500
acknowledge = "status"
compress    = false

[alarms]
to    = "plant"
topic = "alarms/{name}/{alarm}"

[[run]]
bundle = "monitor_t1.efb"
each   = { t1 = "T*" }
bind   = { siren = "siren_{t1}", history = "history" }
param  = { limit = "75 °C", count = 3, on = true }
)";

TEST(Site, ReadsAWholeFile) {
  const auto site = good(kWhole);
  EXPECT_EQ(site.device, "line1-pi4");
  EXPECT_EQ(site.workers, 2u);
  EXPECT_EQ(site.tier, TierChoice::Baseline);
  EXPECT_FALSE(site.blind_constants);
  ASSERT_EQ(site.trusted_keys.size(), 1u);
  EXPECT_EQ(site.trusted_keys[0], "/etc/eyeflow/plant.pub");

  ASSERT_EQ(site.connections.size(), 1u);
  const auto& plant = site.connections[0];
  EXPECT_EQ(plant.host, "broker.example");
  EXPECT_EQ(plant.port, 8884);
  EXPECT_TRUE(plant.tls);
  EXPECT_EQ(plant.username, "pi");
  EXPECT_EQ(plant.password_file, "/etc/eyeflow/plant.pw");
  EXPECT_EQ(plant.keepalive, 60s);
  EXPECT_EQ(plant.subscribe, std::vector<std::string>{"factory/line1/+"});
  EXPECT_EQ(plant.status, "factory/{device}/status");
  EXPECT_EQ(plant.online, "online");
  EXPECT_EQ(plant.offline, "gone");

  ASSERT_EQ(site.sensors.size(), 102u);
  const auto* t100 = site.sensor("T100");
  ASSERT_NE(t100, nullptr);
  const auto& t = site.settings(*t100);
  EXPECT_EQ(t.from.text, "plant");
  EXPECT_EQ(t.topic, "factory/line1/{name}");
  EXPECT_EQ(t.field, "/temp");
  EXPECT_EQ(t.unit, "°C");
  EXPECT_EQ(t.time, "/ts");
  EXPECT_EQ(t.time_unit, TimeUnit::Milliseconds);
  EXPECT_EQ(t.qos, 1);
  const auto& s = site.settings(*site.sensor("S")).simulation;
  EXPECT_EQ(s.base.text, "70 °C");
  EXPECT_EQ(s.excursion->text, "90 °C");
  EXPECT_EQ(s.period, 10ms);
  EXPECT_EQ(s.seed, 3u);
  EXPECT_EQ(site.settings(*site.sensor("R")).file, "/etc/eyeflow/tape.csv");
  EXPECT_EQ(site.settings(*site.sensor("R")).speed, 10);

  const auto* siren = site.output(OutputKind::Switch, "siren_T7");
  ASSERT_NE(siren, nullptr);
  EXPECT_TRUE(site.settings(*siren).safe);
  EXPECT_EQ(site.settings(*siren).on_text, "1");
  EXPECT_EQ(site.output(OutputKind::Value, "siren_T7"), nullptr);
  EXPECT_EQ(site.settings(*site.output(OutputKind::Switch, "horn")).combine, Combine::Any);
  EXPECT_EQ(site.settings(*site.output(OutputKind::Value, "speed")).format, PayloadFormat::Json);
  EXPECT_EQ(site.alarms.topic, "alarms/{name}/{alarm}");

  ASSERT_EQ(site.runs.size(), 1u);
  const auto& run = site.runs[0];
  EXPECT_EQ(run.bundle_path, "/etc/eyeflow/monitor_t1.efb");
  EXPECT_EQ(run.each->need, "t1");
  EXPECT_EQ(run.each->value.text, "T*");
  ASSERT_EQ(run.bind.size(), 2u);
  EXPECT_EQ(run.bind[0].need, "siren");
  EXPECT_EQ(run.bind[0].value.text, "siren_{t1}");
  ASSERT_EQ(run.param.size(), 3u);
  EXPECT_EQ(run.param[0].value.text, "75 °C");
  EXPECT_EQ(run.param[1].value.text, "3");
  EXPECT_EQ(run.param[2].value.text, "true");
}

TEST(Site, ChoosesWhatRunsTheTasks) {
  const auto site = good("[device]\ntier = \"interpreter\"\nblind_constants = true\n");
  EXPECT_EQ(site.tier, TierChoice::Interpreter);
  EXPECT_TRUE(site.blind_constants);
  EXPECT_CONTAINS(bad("[device]\ntier = \"fast\"\n"), "site.toml:2:8: ");
}

TEST(Site, WhatIsKeptAndSent) {
  const auto site = good(kWhole);
  EXPECT_TRUE(site.battery_clock);
  ASSERT_TRUE(site.storage);
  const auto& storage = *site.storage;
  EXPECT_EQ(storage.folder, "/var/lib/eyeflow");
  EXPECT_EQ(storage.key_file, "/etc/eyeflow/device.secret");
  EXPECT_EQ(storage.commit, 2s);
  EXPECT_EQ(storage.history_bytes, 2'000'000'000u);
  EXPECT_EQ(storage.outbox_bytes, 536'870'912u);
  EXPECT_EQ(storage.reserve_bytes, 8'388'608u);
  EXPECT_EQ(storage.memory_bytes, 1'048'576u);
  EXPECT_TRUE(storage.drop_new);
  ASSERT_TRUE(site.cloud);
  const auto& cloud = *site.cloud;
  EXPECT_EQ(cloud.url.host, "collector.example");
  EXPECT_EQ(cloud.url.port, 8443);
  EXPECT_EQ(cloud.ca_file, "/etc/eyeflow/ca.pem");
  EXPECT_EQ(cloud.every, 30s);
  EXPECT_EQ(cloud.batch_rows, 500u);
  EXPECT_TRUE(cloud.status_is_enough);
  EXPECT_FALSE(cloud.compress);
  const auto& history = site.settings(*site.output(OutputKind::Log, "history"));
  EXPECT_EQ(history.keep, 7 * 24h);
  EXPECT_TRUE(history.sync);
  EXPECT_EQ(site.settings(*site.output(OutputKind::Switch, "horn")).restart, Restart::Restore);
  EXPECT_EQ(site.settings(*site.output(OutputKind::Switch, "siren_T1")).restart, Restart::AfterCleanStop);

  const auto small = good("[storage]\n[log.history]\nkeep = \"1 h\"\n");
  EXPECT_EQ(small.storage->folder, "/etc/eyeflow/data") << "beside the site file";
  EXPECT_EQ(small.storage->commit, 1s);
  EXPECT_FALSE(small.cloud);
  EXPECT_FALSE(good("[log.history]\nto = \"none\"\n").storage);
}

TEST(Site, WhatCannotBeKeptOrSent) {
  EXPECT_CONTAINS(bad("[log.history]\nkeep = \"1 h\"\n"), "site.toml:2:8: 'keep' in [log.history]: rows are kept in");
  EXPECT_CONTAINS(bad("[storage]\n[log.history]\nsync = \"cloud\"\n"),
                  "site.toml:3:8: 'sync' in [log.history]: this site has no [cloud]; add [cloud] with url");
  EXPECT_CONTAINS(bad("[storage]\n[log.history]\nsync = \"moon\"\n"), "write \"cloud\"");
  EXPECT_CONTAINS(bad("[cloud]\nurl = \"https://h/rows\"\n"), "site.toml:1:1: [cloud] sends what");
  const auto storage = [](const std::string& line) { return bad("[storage]\n" + line); };
  EXPECT_CONTAINS(storage("commit = \"0 s\""), "site.toml:2:10: 'commit' must be from \"1 ms\"");
  EXPECT_CONTAINS(storage("commit = \"2 h\""), "to \"1 h\"");
  EXPECT_CONTAINS(storage("history = \"much\""), "is not a size; write it as \"256 MiB\"");
  EXPECT_CONTAINS(storage("history = 3"), "is an integer; write history = \"…\"");
  EXPECT_CONTAINS(storage("memory = \"1 kB\""), "from \"64 KiB\"");
  EXPECT_CONTAINS(storage("reserve = \"1 MiB\""), "at least four times 'memory'");
  EXPECT_CONTAINS(storage("when_full = \"stop\""), "write \"drop-oldest\" or \"drop-new\"");
  EXPECT_CONTAINS(storage("folders = \"x\""), "did you mean 'folder'?");
  const auto cloud = [](const std::string& line) { return bad("[storage]\n[cloud]\n" + line); };
  EXPECT_CONTAINS(cloud(""), "[cloud] needs 'url'");
  EXPECT_CONTAINS(cloud("url = \"http://far.example/rows\""), "site.toml:3:7: 'url' in [cloud]: ");
  EXPECT_CONTAINS(cloud("url = \"http://far.example/rows\""), "is not encrypted");
  EXPECT_CONTAINS(cloud("url = \"https://h\"\nevery = \"1 ms\""), "from \"100 ms\"");
  EXPECT_CONTAINS(cloud("url = \"https://h\"\nbatch = 0"), "from 1 to 100000");
  EXPECT_CONTAINS(cloud("url = \"https://h\"\nacknowledge = \"no\""), "write \"reply\" or \"status\"");
  EXPECT_CONTAINS(cloud("url = \"https://h\"\ncert_file = \"c\""), "needs both");
  EXPECT_CONTAINS(bad("[switch.h]\nto = \"console\"\nrestart = \"on\""), "write \"restore\" or \"safe\"");
  EXPECT_CONTAINS(bad("[value.v]\nto = \"console\"\nrestart = \"safe\""), "'restart' is not known");
  EXPECT_CONTAINS(bad("[device]\nclock = \"sun\""), "write \"network\" or \"battery\"");
}

TEST(Size, Units) {
  EXPECT_EQ(parse_size("0 B"), 0u);
  EXPECT_EQ(parse_size("1.5KiB"), 1536u);
  EXPECT_EQ(parse_size("3 MB"), 3'000'000u);
  EXPECT_EQ(parse_size("2 TiB"), 2'199'023'255'552u);
  for (const auto* wrong : {"", "7", "7 mb", "-1 B", "1 EB", "B", "9999999 TB", "nan B"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Site, TheExamplesAreGood) {
  for (const auto* name : {"demo.toml", "line1.toml"}) {
    const auto site = load_site(std::filesystem::path(EYEFLOW_SOURCE_DIR) / "examples" / name);
    ASSERT_TRUE(site) << site.error().message;
    EXPECT_EQ(site->sensors.size(), 100u);
    EXPECT_EQ(site->outputs.size(), 101u);
  }
  const auto camera = load_site(std::filesystem::path(EYEFLOW_SOURCE_DIR) / "examples" / "line_qa.toml");
  ASSERT_TRUE(camera) << camera.error().message;
  ASSERT_EQ(camera->models.size(), 1u);
  EXPECT_EQ(camera->models[0].command.size(), 2u);
  const auto relay = load_site(std::filesystem::path(EYEFLOW_SOURCE_DIR) / "examples" / "relay.toml");
  ASSERT_TRUE(relay) << relay.error().message;
  EXPECT_EQ(relay->sensors.size(), 2u);
  EXPECT_EQ(relay->outputs.size(), 2u);
}

TEST(Site, BrokenTomlNamesThePlace) {
  EXPECT_CONTAINS(bad("[device]\nname = \n"), "site.toml:2:");
  EXPECT_CONTAINS(bad("[device\n"), "not TOML");
  EXPECT_CONTAINS(bad("[device]\n[device]\n"), "site.toml:2:");
}

TEST(Site, AMissingFileIsNamed) {
  const auto site = load_site("/nonexistent/site.toml");
  ASSERT_FALSE(site);
  EXPECT_CONTAINS(site.error().message, "/nonexistent/site.toml: cannot read");
}

TEST(Site, SeveralMistakesInOneGo) {
  const auto message =
      bad("[device]\nnam = \"x\"\n[sensor.T1]\nfrom = \"plnt\"\n[connection.plant]\nmqtt = \"broker\"\n");
  EXPECT_EQ(std::ranges::count(message, '\n'), 2) << message;
  EXPECT_CONTAINS(message, "site.toml:2:1: 'nam' is not known in [device]; did you mean 'name'?");
  EXPECT_CONTAINS(message, "site.toml:4:8: 'from' in [sensor.T1] is \"plnt\"");
  EXPECT_CONTAINS(message, "did you mean \"plant\"?");
  EXPECT_CONTAINS(message, "site.toml:6:8: 'broker' is not a broker's address");
}

TEST(Site, UnknownTablesAndKeys) {
  EXPECT_CONTAINS(bad("[sensors.T1]\n"), "did you mean 'sensor'?");
  EXPECT_CONTAINS(bad("[xyzzy]\n"), "known are device");
  EXPECT_CONTAINS(bad_sensor("feild = \"/t\""),
                  "site.toml:6:1: 'feild' is not known in [sensor.T1]; did you mean 'field'?");
  EXPECT_CONTAINS(bad_sensor("zzzzzz = 1"), "known are gpio, from");
  EXPECT_CONTAINS(bad("sensor = 3\n"), "write [sensor.NAME]");
  EXPECT_CONTAINS(bad("[sensor]\nT1 = 3\n"), "must be a table");
  EXPECT_CONTAINS(bad("device = 3\n"), "write [device]");
  EXPECT_CONTAINS(bad("[run]\nbundle = \"x\"\n"), "must be written [[run]]");
}

TEST(Site, WrongTypesAndRanges) {
  EXPECT_CONTAINS(bad_sensor("field = 3"), "'field' in [sensor.T1] is an integer; write field = \"…\"");
  EXPECT_CONTAINS(bad_sensor("field = \"temp\""), "write field = \"/temp\"");
  EXPECT_CONTAINS(bad_sensor("qos = 3"), "write an integer from 0 to 2");
  EXPECT_CONTAINS(bad_sensor("qos = \"1\""), "is a text; write an integer");
  EXPECT_CONTAINS(bad_sensor("time_unit = \"min\""), "write \"s\", \"ms\", \"us\" or \"ns\"");
  EXPECT_CONTAINS(bad_sensor("simulate = 3"), "write simulate = { … }");
  EXPECT_CONTAINS(bad_sensor("simulate = { period = \"soon\" }"), "not a duration");
  EXPECT_CONTAINS(bad_sensor("simulate = { period = \"0 s\" }"), "at least \"10 us\"");
  EXPECT_CONTAINS(bad_sensor("simulate = { excursion_for = \"1 h\" }"), "shorter than");
  EXPECT_CONTAINS(bad_sensor("simulate = { seed = 1.5 }"), "an integer");
}

TEST(Site, Connections) {
  const auto connection = [](const std::string& lines) { return bad("[connection.plant]\n" + lines); };
  EXPECT_CONTAINS(connection(""), "needs 'mqtt'");
  EXPECT_CONTAINS(connection("mqtt = \"http://x\""), "not a broker's address");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://user@x\""), "not a broker's address");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x:99999\""), "not a broker's address");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x:1883/y\""), "not a broker's address");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\npassword = \"geheim\""), "secrets are files, never values");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\npassword_file = \"f\""), "needs 'username'");
  EXPECT_CONTAINS(connection("mqtt = \"mqtts://x\"\ncert_file = \"f\""), "needs both");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nca_file = \"f\""), "write mqtts://");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nkeepalive = \"1 s\""), "from \"5 s\"");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nstatus = \"a/#\""), "'status' in [connection.plant]: + and #");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nstatus = \"a/{devcie}\""), "devcie");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nstatus = \"a/{name}\""), "'status' in [connection.plant]: ");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\noffline = \"gone\""), "add status = \"plant/{device}/status\"");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nstatus = \"a\"\nonline = \"offline\""),
                  "nobody can tell them apart");
  EXPECT_CONTAINS(connection("mqtt = \"mqtt://x\"\nstauts = \"a\""), "'status'");
  EXPECT_CONTAINS(bad("[connection.simulate]\nmqtt = \"mqtt://x\""), "built in");
  const auto v6 = good("[connection.p]\nmqtt = \"mqtt://[::1]:1884\"");
  EXPECT_EQ(v6.connections[0].host, "::1");
  EXPECT_EQ(v6.connections[0].port, 1884);
}

TEST(Site, Models) {
  const std::string hash(64, 'a'), begin = "[model.m]\nfile = \"m.onnx\"\nsha256 = \"" + hash + "\"\n",
                                   command = "command = [\"eyeflow-infer\", \"./x\"]\n";
  const auto site = good(begin + command + "timeout = \"2 s\"\nmemory = \"512 MiB\"");
  ASSERT_EQ(site.models.size(), 1u);
  EXPECT_EQ(site.models[0].timeout, 2s);
  EXPECT_EQ(site.models[0].memory_bytes, 512u << 20);
  EXPECT_EQ(site.models[0].command[0], "eyeflow-infer");
  EXPECT_EQ(good(begin + command).models[0].memory_bytes, std::nullopt);
  EXPECT_CONTAINS(bad(begin + command + "memory = \"1 MiB\""), "at least \"16 MiB\"");
  EXPECT_CONTAINS(bad(begin + command + "memroy = \"1 GiB\""), "'memory'");
  EXPECT_CONTAINS(bad(begin), "needs 'command'");
  EXPECT_CONTAINS(bad("[model.m]\nsha256 = \"AB\"\n" + command), "64 hexadecimal digits");
}

TEST(Site, OutputOnlyConnections) {
  const auto site = good(R"(
[connection.db]
influx        = "https://influx.example:8086/"
database      = "plant"
username      = "pi"
password_file = "db.pw"
[connection.db2]
influx     = "https://influx.example:8086"
bucket     = "plant"
org        = "works"
token_file = "/etc/token"
[connection.table]
csv       = "rows"
max_size  = "1.5 MB"
max_files = 3
[connection.lines]
jsonl = "/var/rows"
[log.a]
to = "table"
[switch.b]
to = "lines"
[alarms]
to = "db"
)");
  const auto& db = *site.connection("db");
  EXPECT_EQ(db.kind, ConnectionKind::Influx);
  EXPECT_EQ(db.url, "https://influx.example:8086");
  EXPECT_EQ(db.database, "plant");
  EXPECT_EQ(db.username, "pi");
  EXPECT_EQ(db.password_file, "/etc/eyeflow/db.pw");
  const auto& db2 = *site.connection("db2");
  EXPECT_EQ(db2.bucket, "plant");
  EXPECT_EQ(db2.org, "works");
  EXPECT_EQ(db2.token_file, "/etc/token");
  const auto& table = *site.connection("table");
  EXPECT_EQ(table.kind, ConnectionKind::Csv);
  EXPECT_EQ(table.folder, "/etc/eyeflow/rows");
  EXPECT_EQ(table.max_bytes, 1'500'000u);
  EXPECT_EQ(table.max_files, 3u);
  const auto& lines = *site.connection("lines");
  EXPECT_EQ(lines.kind, ConnectionKind::Jsonl);
  EXPECT_EQ(lines.folder, "/var/rows");
  EXPECT_EQ(lines.max_bytes, 16u << 20);
  EXPECT_EQ(lines.max_files, 10u);
}

TEST(Site, OutputOnlyConnectionsAreRefusedWithAReason) {
  const auto connection = [](const std::string& lines) { return bad("[connection.c]\n" + lines); };
  EXPECT_CONTAINS(connection("csv = \"a\"\njsonl = \"b\""), "leads to 'csv' already");
  EXPECT_CONTAINS(connection("csv = \"a\"\nmax_size = \"1 KiB\""), "at least");
  EXPECT_CONTAINS(connection("csv = \"a\"\nmax_size = \"many\""), "not a size");
  EXPECT_CONTAINS(connection("csv = \"a\"\nmax_files = 0"), "max_files");
  EXPECT_CONTAINS(connection("csv = \"a\"\nusername = \"x\""), "'username' is not known");
  EXPECT_CONTAINS(connection("influx = \"influx:8086\"\ndatabase = \"d\""), "not the address of an InfluxDB");
  EXPECT_CONTAINS(connection("influx = \"https://me@x\"\ndatabase = \"d\""), "not the address of an InfluxDB");
  EXPECT_CONTAINS(connection("influx = \"https://x\""), "needs 'database'");
  EXPECT_CONTAINS(connection("influx = \"https://x\"\ndatabase = \"d\"\nbucket = \"b\""), "needs 'database'");
  EXPECT_CONTAINS(connection("influx = \"https://x\"\nbucket = \"b\"\norg = \"o\""), "token_file");
  EXPECT_CONTAINS(connection("influx = \"https://x\"\ndatabase = \"d\"\nusername = \"u\""), "both or neither");
  EXPECT_CONTAINS(connection("influx = \"https://x\"\ndatabase = \"d\"\ntoken = \"t\""), "token_file");
  EXPECT_CONTAINS(bad("[connection.c]\ncsv = \"a\"\n[sensor.T]\nfrom = \"c\"\ntopic = \"t\""), "only takes output");
  EXPECT_CONTAINS(bad("[connection.c]\ncsv = \"a\"\n[log.l]\nto = \"c\"\ntopic = \"t\""),
                  "no broker and has no topics");
  const std::string alarms = "[connection.p]\nmqtt = \"mqtt://h\"\n[alarms]\nto = \"p\"\ntopic = \"t\"\n";
  EXPECT_CONTAINS(bad(alarms + "answers = \"a\""), "'answers' are to 'commands', of which there is no topic");
  EXPECT_CONTAINS(bad(alarms + "commands = \"a\"\nanswers = \"a\""), "'answers' would come back as commands");
  EXPECT_CONTAINS(bad(alarms + "commands = \"a\"\nanswers = \"a/#\""), "stand in topics to read from");
  EXPECT_CONTAINS(bad("[connection.c]\ncsv = \"a\"\n[alarms]\nto = \"c\"\ntopic = \"t\""),
                  "no broker and has no topics");
}

TEST(Site, Endpoints) {
  EXPECT_CONTAINS(bad("[sensor.T1]\n"), "needs 'from'");
  EXPECT_CONTAINS(bad("[sensor.T1]\nfrom = \"console\""), "only takes output");
  EXPECT_CONTAINS(bad("[sensor.T1]\nfrom = \"modbus\""), "no such connector");
  EXPECT_CONTAINS(bad("[sensor.T1]\nfrom = \"replay\""), "needs 'file'");
  EXPECT_CONTAINS(bad("[switch.horn]\n"), "needs 'to'");
  EXPECT_CONTAINS(bad("[switch.horn]\nto = \"none\""), "no [connection.…]");
  EXPECT_CONTAINS(bad("[switch.horn]\nto = \"replay\""), "only gives input");
  EXPECT_CONTAINS(bad("[switch.horn]\nto = \"console\"\nsafe = \"of\""), "write \"off\" or \"on\"");
  EXPECT_CONTAINS(bad("[switch.horn]\nto = \"console\"\non = \"x\"\noff = \"x\""), "the same payload");
  EXPECT_CONTAINS(bad("[value.v]\nto = \"console\"\nsafe = \"off\""), "'safe' is not known");
  EXPECT_CONTAINS(bad("[connection.p]\nmqtt = \"mqtt://x\"\n[switch.h]\nto = \"p\""), "needs 'topic'");
  EXPECT_CONTAINS(bad("[connection.p]\nmqtt = \"mqtt://x\"\n[switch.h]\nto = \"p\"\ntopic = \"a/+\""),
                  "not to write to");
  EXPECT_CONTAINS(bad("[connection.p]\nmqtt = \"mqtt://x\"\n[switch.h]\nto = \"p\"\ntopic = \"{nam}\""),
                  "known are {name}");
}

TEST(Site, Pins) {
  const Site site = good(R"(
[sensor.door]
gpio = { chip = "gpiochip0", line = 17, edge = "both", debounce = "20 ms", bias = "pull-up", active = "low" }
[switch.horn]
gpio = { chip = "/dev/gpiochip1", line = "HORN", drive = "open-drain" }
safe = "on"
)");
  const auto& door = site.settings(*site.sensor("door"));
  ASSERT_TRUE(door.pin);
  EXPECT_EQ(door.from.text, "gpio:gpiochip0");
  EXPECT_EQ(door.pin->line, "17");
  EXPECT_EQ(door.pin->debounce, 20ms);
  EXPECT_EQ(door.pin->bias, PinBias::PullUp);
  EXPECT_TRUE(door.pin->active_low);
  const auto& horn = site.settings(*site.output(OutputKind::Switch, "horn"));
  ASSERT_TRUE(horn.pin);
  EXPECT_EQ(horn.to.text, "gpio:/dev/gpiochip1");
  EXPECT_EQ(horn.topic, "HORN");
  EXPECT_EQ(horn.pin->drive, PinDrive::OpenDrain);
  EXPECT_TRUE(horn.safe);

  EXPECT_CONTAINS(bad("[switch.horn]\ngpio = { line = 17 }"), "needs 'chip'");
  EXPECT_CONTAINS(bad("[switch.horn]\ngpio = { chip = \"c\" }"), "needs 'line'");
  EXPECT_CONTAINS(bad("[switch.horn]\ngpio = { chip = \"c\", line = 1, edge = \"both\" }"), "'edge' is not known");
  EXPECT_CONTAINS(bad("[switch.horn]\ngpio = { chip = \"c\", line = 1 }\nto = \"console\""), "no messages");
  EXPECT_CONTAINS(bad("[sensor.T1]\ngpio = { chip = \"c\", line = 1 }\nunit = \"V\""), "on or off and nothing else");
  EXPECT_EQ(bad("[sensor.T1]\ngpio = { chip = \"c\", line = 1 }\nfrom = \"simulate\""),
            "site.toml:3:8: 'from' in [sensor.T1]: a pin is on or off and nothing else; remove it");
  EXPECT_CONTAINS(bad("[sensor.T1]\ngpio = { chip = \"c\", line = 1, debounce = \"11 s\" }"), "at most");
  EXPECT_CONTAINS(bad("[sensor.T1]\ngpio = { chip = \"c\", line = 1, bias = \"up\" }"), "pull-up");
  EXPECT_CONTAINS(bad("[value.v]\ngpio = { chip = \"c\", line = 1 }\nto = \"console\""), "'gpio' is not known");
}

TEST(Site, NamesAndRuns) {
  EXPECT_CONTAINS(bad("[sensor.\"T{1..}\"]\nfrom = \"simulate\""), "not a range");
  EXPECT_CONTAINS(bad("[sensor.\"a/b\"]\nfrom = \"simulate\""), "is not a name");
  EXPECT_CONTAINS(bad("[sensor.\"T{1..9}\"]\nfrom = \"simulate\"\n[sensor.T5]\nfrom = \"simulate\""), "already given");
  EXPECT_CONTAINS(bad("[device]\nname = \"a b\""), "letters, digits");
  EXPECT_CONTAINS(bad("[[run]]\n"), "needs 'bundle'");
  EXPECT_CONTAINS(bad("[[run]]\nbundle = \"x\"\neach = { a = \"*\", b = \"*\" }"), "takes one input");
  EXPECT_CONTAINS(bad("[[run]]\nbundle = \"x\"\neach = { }"), "is empty");
  EXPECT_CONTAINS(bad("[[run]]\nbundle = \"x\"\nbind = { a = 3 }"), "must be a text");
}

TEST(Pattern, Expands) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(expand_names("T{1..3}").value(), (Names{"T1", "T2", "T3"}));
  EXPECT_EQ(expand_names("T{08..10}").value(), (Names{"T08", "T09", "T10"}));
  EXPECT_EQ(expand_names("{a,b}_{1..2}").value(), (Names{"a_1", "a_2", "b_1", "b_2"}));
  EXPECT_EQ(expand_names("plain").value(), Names{"plain"});
  EXPECT_EQ(expand_names("T{4294967295..4294967295}").value(), Names{"T4294967295"});
  for (const auto* wrong :
       {"", "T{", "T{}", "T{2..1}", "T{1..x}", "T}", "a b", "T{1..99999999}", "{1..9999}{1..9999}", "{a,}"}) {
    EXPECT_FALSE(expand_names(wrong)) << wrong;
  }
}

TEST(Pattern, Globs) {
  EXPECT_TRUE(glob_matches("T*", "T1"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(glob_matches("T?", "T1"));
  EXPECT_FALSE(glob_matches("T?", "T10"));
  EXPECT_FALSE(glob_matches("T*", "S1"));
  EXPECT_FALSE(glob_matches("a*b", "abc"));
}

TEST(Pattern, FillsIn) {
  const std::pair<std::string_view, std::string_view> values[] = {{"name", "T1"}, {"device", "pi"}};
  EXPECT_EQ(fill_in("{device}/x/{name}", values).value(), "pi/x/T1");
  EXPECT_CONTAINS(fill_in("{nmae}", values).error().message, "known are {name}, {device}");
  EXPECT_FALSE(fill_in("{name", values));
}

}  // namespace
}  // namespace eyeflow::runtime
