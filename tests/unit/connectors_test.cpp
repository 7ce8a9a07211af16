#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/connectors/console.h"
#include "runtime/connectors/files.h"
#include "runtime/connectors/influx.h"
#include "runtime/connectors/mqtt.h"
#include "runtime/connectors/replay.h"
#include "runtime/connectors/simulate.h"
#include "runtime/mqtt/topic.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

// Keeps what a source says.
class Notebook : public Receiver {
 public:
  struct Line {
    SensorId sensor;
    std::string bytes;
    double number;
    std::chrono::steady_clock::time_point at;
  };
  void on_arrival(const Arrival& a) override {
    const std::lock_guard lock(mutex);
    lines.push_back({a.sensor, std::string(a.bytes), a.number, std::chrono::steady_clock::now()});
  }
  void on_unknown(std::string_view what) override { keep(unknown, what); }
  void on_bad_row(std::string_view what) override { keep(bad_rows, what); }
  void on_state(std::string_view, bool up, std::string_view detail) override {
    keep(states, std::string(up ? "up: " : "down: ") + std::string(detail));
  }
  void on_finished(std::string_view, std::string_view detail) override {
    const std::lock_guard lock(mutex);
    end = detail;
    finished = true;
    changed.notify_all();
  }
  bool wait_finished() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [this] { return finished; });
  }
  bool wait_state() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [this] { return !states.empty(); });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Line> lines;
  std::vector<std::string> unknown, bad_rows, states;
  bool finished = false;
  std::string end;

 private:
  void keep(std::vector<std::string>& list, std::string_view what) {
    const std::lock_guard lock(mutex);
    list.emplace_back(what);
    changed.notify_all();
  }
};

std::filesystem::path file_with(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path) << text;
  return path;
}

TEST(Replay, PlaysCsv) {
  const auto path =
      file_with("eyeflow-replay.csv",
                "time_ms,input,value\r\n0,t1,79\r\n10,t2,\"a \"\"b\"\", c\"\r\nnonsense\r\n20,t9,1\r\n\r\n30,t1,85.5");
  Notebook notebook;
  ReplaySource source(path, 0, {{"t1", SensorId{1}}, {"t2", SensorId{2}}});
  source.start(notebook);
  ASSERT_TRUE(notebook.wait_finished());
  source.stop();
  ASSERT_EQ(notebook.lines.size(), 3u);
  EXPECT_EQ(notebook.lines[0].sensor, SensorId{1});
  EXPECT_EQ(notebook.lines[0].bytes, "79");
  EXPECT_EQ(notebook.lines[1].bytes, "a \"b\", c");
  EXPECT_EQ(notebook.lines[2].bytes, "85.5");
  ASSERT_EQ(notebook.bad_rows.size(), 1u);
  EXPECT_NE(notebook.bad_rows[0].find("eyeflow-replay.csv:4: 1 columns instead of 3"), std::string::npos)
      << notebook.bad_rows[0];
  ASSERT_EQ(notebook.unknown.size(), 1u);
  EXPECT_NE(notebook.unknown[0].find(":5: input 't9'"), std::string::npos) << notebook.unknown[0];
}

TEST(Replay, PlaysJsonLinesInTheirTime) {
  const auto path = file_with("eyeflow-replay.jsonl",
                              "{\"time_ms\": 1000, \"input\": \"t1\", \"value\": 79}\n{\"time_ms\": 1\n"
                              "{\"time_ms\": 3000, \"input\": \"t1\", \"value\": true}\n");
  Notebook notebook;
  ReplaySource source(path, 10, {{"t1", SensorId{1}}});
  source.start(notebook);
  ASSERT_TRUE(notebook.wait_finished());
  ASSERT_EQ(notebook.lines.size(), 2u);
  EXPECT_EQ(notebook.lines[1].bytes, "true");
  ASSERT_EQ(notebook.states.size(), 1u);  // its end is no failure
  EXPECT_EQ(notebook.states[0], "up: replaying at 10 times the recorded speed");
  EXPECT_EQ(notebook.end, "replayed 3 lines to the end");
  EXPECT_GE(notebook.lines[1].at - notebook.lines[0].at, 190ms);  // 2 s at ten times the speed
  EXPECT_EQ(notebook.bad_rows.size(), 1u);
}

TEST(Replay, AMissingFileIsToldOnce) {
  Notebook notebook;
  ReplaySource source("/nonexistent/tape.csv", 1, {});
  source.start(notebook);
  ASSERT_TRUE(notebook.wait_finished());
  ASSERT_EQ(notebook.states.size(), 1u);
  EXPECT_NE(notebook.states[0].find("down: cannot read it: No such file"), std::string::npos) << notebook.states[0];
}

TEST(Replay, StopsInTheMiddle) {
  Notebook notebook;
  ReplaySource source(file_with("eyeflow-long.csv", "0,t1,1\n3600000,t1,2\n"), 1, {{"t1", SensorId{1}}});
  source.start(notebook);
  source.stop();
  EXPECT_LE(notebook.lines.size(), 1u);
  EXPECT_FALSE(notebook.finished);
}

Signal a_signal() {
  return {.base = 70,
          .noise = 0.5,
          .drift = 3,
          .has_excursion = true,
          .excursion = 90,
          .excursion_every = 20s,
          .excursion_for = 2s,
          .period = 100ms,
          .seed = 5};
}

TEST(Simulate, IsAFunctionOfItsSettings) {
  const auto signal = a_signal();
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(simulated_value(signal, 3, i), simulated_value(signal, 3, i));
  EXPECT_NE(simulated_value(signal, 3, 0), simulated_value(signal, 4, 0));
  auto other = signal;
  other.seed = 6;
  EXPECT_NE(simulated_value(signal, 3, 0), simulated_value(other, 3, 0));
}

TEST(Simulate, CrossesALimitAsOftenAsItSays) {
  const auto signal = a_signal();
  constexpr int kCycles = 50;
  for (std::uint32_t number = 0; number < 20; ++number) {
    int crossings = 0;
    bool hot = false;
    double low = 1e9;
    for (std::uint64_t i = 0; i < kCycles * 200; ++i) {
      const double v = simulated_value(signal, number, i);
      low = std::min(low, v);
      if (!hot && v > 80) ++crossings, hot = true;
      if (hot && v < 78) hot = false;
    }
    EXPECT_NEAR(crossings, kCycles, 1) << number;
    EXPECT_GT(low, 70 - 3 - 6 * 0.5);
    EXPECT_LT(low, 70);
  }
}

TEST(Simulate, NoiseHasItsDeviation) {
  const Signal signal{.base = 10, .noise = 2, .period = 1ms};
  double sum = 0, squares = 0;
  constexpr int kCount = 20000;
  for (int i = 0; i < kCount; ++i) {
    const double v = simulated_value(signal, 0, static_cast<std::uint64_t>(i)) - 10;
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.1);
  EXPECT_NEAR(std::sqrt(squares / kCount), 2, 0.1);
}

TEST(Simulate, RunsAtItsRate) {
  std::vector<SimulatedSensor> sensors;
  Signal signal = a_signal();
  signal.period = 10ms;
  for (std::uint32_t i = 0; i < 5; ++i) sensors.push_back({SensorId{i}, signal, i});
  Notebook notebook;
  SimulateSource source(sensors);
  source.start(notebook);
  std::this_thread::sleep_for(305ms);
  source.stop();
  // Late on a loaded machine, never early: at most 31 of each, in their order.
  std::vector<std::uint64_t> counts(5, 0);
  for (const auto& line : notebook.lines) {
    auto& n = counts[static_cast<std::size_t>(line.sensor)];
    EXPECT_EQ(line.number, simulated_value(signal, static_cast<std::uint32_t>(line.sensor), n));
    ++n;
  }
  for (const auto n : counts) {
    EXPECT_GE(n, 3u);
    EXPECT_LE(n, 60u);
  }
}

TEST(Console, WritesLinesInOrder) {
  std::FILE* out = std::tmpfile();
  ASSERT_NE(out, nullptr);
  {
    ConsoleSink sink(out);
    for (int i = 0; i < 1000; ++i) {
      const auto text = std::to_string(i);
      sink.write({.payload = text});
    }
    sink.flush();
    EXPECT_EQ(sink.dropped(), 0u);
  }
  std::rewind(out);
  char line[64];
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(std::fgets(line, sizeof line, out), nullptr);
    EXPECT_EQ(std::string(line), std::to_string(i) + "\n");
  }
  EXPECT_EQ(std::fgets(line, sizeof line, out), nullptr);
  std::fclose(out);
}

TEST(Console, AReaderWhoStoppedReadingStopsNobody) {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::FILE* out = fdopen(ends[1], "w");
  const std::string line(1000, 'x');
  {
    ConsoleSink sink(out);
    for (int i = 0; i < 2000; ++i) sink.write({.payload = line});
    EXPECT_GT(sink.dropped(), 0u);
    close(ends[0]);  // the pipe breaks, so that the sink's thread can end
  }
  std::fclose(out);
}

Connection broker_at(std::uint16_t port) {
  Connection c;
  c.name = "plant";
  c.host = "127.0.0.1";
  c.port = port;
  return c;
}

// The examples of MQTT 3.1.1, section 4.7, and what lies beside them.
TEST(Mqtt, FiltersMeanWhatTheStandardSays) {
  struct Case {
    std::string_view filter, topic;
    bool matches;
  };
  for (const auto& [filter, topic, matches] : {
           Case{"sport/tennis/player1/#", "sport/tennis/player1", true},
           Case{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
           Case{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
           Case{"sport/tennis/player1/#", "sport/tennis/player2", false},
           Case{"sport/tennis/player1/#", "sport/tennis/player10", false},
           Case{"sport/#", "sport", true},
           Case{"sport/#", "sports", false},
           Case{"#", "a/b", true},
           Case{"sport/tennis/+", "sport/tennis/player1", true},
           Case{"sport/tennis/+", "sport/tennis/player1/ranking", false},
           Case{"sport/+", "sport", false},
           Case{"sport/+", "sport/", true},
           Case{"+/+", "/finance", true},
           Case{"/+", "/finance", true},
           Case{"+", "/finance", false},
           Case{"+/tennis/#", "sport/tennis", true},
           Case{"+/b/+", "a/b/c", true},
           Case{"+/b/+", "a/b", false},
           Case{"+/b", "a/bc", false},
           Case{"a/+/#", "a/b", true},
           Case{"a/+/#", "a", false},
           Case{"#", "$SYS/uptime", false},
           Case{"+/uptime", "$SYS/uptime", false},
           Case{"$SYS/#", "$SYS/uptime", true},
           Case{"a/b", "a/b", true},
           Case{"a/b", "a/b/", false},
           Case{"a/b/", "a/b", false},
       }) {
    EXPECT_EQ(mqtt::topic_matches(filter, topic), matches) << filter << " " << topic;
  }
}

TEST(Mqtt, ABrokerThatIsNotThereIsToldOnceAndStopIsQuick) {
  auto made = MqttConnection::make(broker_at(1), "test", {{"a/b", SensorId{1}, 0}});
  ASSERT_TRUE(made) << made.error().message;
  Notebook notebook;
  (*made)->start(notebook);
  ASSERT_TRUE(notebook.wait_state());
  EXPECT_NE(notebook.states[0].find("127.0.0.1:1: Connection refused"), std::string::npos) << notebook.states[0];
  const auto begin = std::chrono::steady_clock::now();
  (*made)->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(notebook.states.size(), 1u);
}

TEST(Mqtt, WhatIsStillHeldAtTheEndCountsAsDropped) {
  auto made = MqttConnection::make(broker_at(1), "test", {});
  ASSERT_TRUE(made) << made.error().message;
  Notebook notebook;
  (*made)->start(notebook);
  (*made)->write({.port = PortId{1}, .topic = "horn", .payload = "on", .is_state = true});
  (*made)->write({.port = PortId{1}, .topic = "horn", .payload = "off", .is_state = true});
  (*made)->write({.port = PortId{2}, .topic = "rows", .payload = "x"});
  EXPECT_EQ((*made)->dropped(), 0u);  // the broker may still come
  (*made)->stop();
  EXPECT_EQ((*made)->dropped(), 2u);
}

TEST(Mqtt, WhileAwayTheOldestEventsGoAndEveryStateStays) {
  auto made = MqttConnection::make(broker_at(1), "test", {});
  ASSERT_TRUE(made);
  auto& connection = **made;
  for (int i = 0; i < 50; ++i) connection.write({.port = PortId{7}, .topic = "s", .payload = "on", .is_state = true});
  for (std::size_t i = 0; i < MqttConnection::kMqttHeld + 10; ++i)
    connection.write({.port = PortId{8}, .topic = "e", .payload = "x"});
  EXPECT_EQ(connection.dropped(), 10u);
  // Each switch of a large site says its state at the start, before the broker can be there.
  for (std::size_t i = 0; i < 2 * MqttConnection::kMqttHeld; ++i)
    connection.write({.port = PortId{static_cast<std::uint32_t>(100 + i)}, .topic = "s", .is_state = true});
  EXPECT_EQ(connection.dropped(), 10u);
}

TEST(Mqtt, WrongTopicsAndSecretsAreNamed) {
  const auto error = [](const Connection& c, std::vector<MqttSubscription> s) {
    const auto made = MqttConnection::make(c, "test", std::move(s));
    return made ? "no error" : made.error().message;
  };
  EXPECT_NE(error(broker_at(1), {{"a/b+", SensorId{1}, 0}}).find("'a/b+' is no topic"), std::string::npos);
  auto c = broker_at(1);
  c.username = "u";
  c.password_file = "/nonexistent/pw";
  EXPECT_NE(error(c, {}).find("/nonexistent/pw: cannot read the password file"), std::string::npos);
  auto tls = broker_at(1);
  tls.tls = true;
  tls.ca_file = "/nonexistent/ca.pem";
  EXPECT_NE(error(tls, {}).find("/nonexistent/ca.pem: cannot read"), std::string::npos);
}

// ---- files

// A folder of its own, empty.
std::filesystem::path fresh_folder(const std::string& name) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return file ? std::string(std::istreambuf_iterator<char>(file), {}) : "no such file";
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

int append(LineFile&& file, std::string_view lines) { return file.append(lines); }
int append(LineFile& file, std::string_view lines) { return file.append(lines); }

TEST(LineFile, IsMadeWithItsHeaderAndGoesOnBehindWhatIsThere) {
  const auto folder = fresh_folder("line_file");
  const LineFileSettings settings{folder / "deep" / "a.csv", "x,y\n", 1 << 20, 3};
  EXPECT_EQ(append(*LineFile::open(settings), "1,2\n"), 0);
  EXPECT_EQ(append(*LineFile::open(settings), "3,4\n5,6\n"), 0);
  EXPECT_EQ(content(settings.path), "x,y\n1,2\n3,4\n5,6\n");
}

TEST(LineFile, WhatIsTornIsCutOff) {
  const auto folder = fresh_folder("line_torn");
  const LineFileSettings settings{folder / "a.csv", "x\n", 1 << 20, 3};
  const auto reopened = [&](const std::string& text) {
    std::ofstream(settings.path, std::ios::binary) << text;
    auto file = LineFile::open(settings);
    EXPECT_EQ(append(*file, "new\n"), 0);
    return std::pair(content(settings.path), file->cut_off());
  };
  EXPECT_EQ(reopened("x\nabc\nde"), std::pair(std::string("x\nabc\nnew\n"), std::uint64_t{2}));
  EXPECT_EQ(reopened("x\nabc\n"), std::pair(std::string("x\nabc\nnew\n"), std::uint64_t{0}));
  EXPECT_EQ(reopened("x\nabc\n" + std::string(9000, '\0')),
            std::pair(std::string("x\nabc\nnew\n"), std::uint64_t{9000}));
  EXPECT_EQ(reopened("x\n" + std::string(9000, 'l')), std::pair(std::string("x\nnew\n"), std::uint64_t{9000}));
  EXPECT_EQ(reopened("x"), std::pair(std::string("x\nnew\n"), std::uint64_t{1})) << "not even the header is whole";
  EXPECT_EQ(reopened(""), std::pair(std::string("x\nnew\n"), std::uint64_t{0}));
}

TEST(LineFile, FullOnesAreNumberedAndTheOldestGo) {
  const auto folder = fresh_folder("line_full");
  const LineFileSettings settings{folder / "a.csv", "h\n", 12, 3};  // the header and two lines of five bytes
  {
    auto file = LineFile::open(settings);
    for (const auto* line : {"1aaa\n", "2aaa\n", "3aaa\n", "4aaa\n", "5aaa\n"}) EXPECT_EQ(append(*file, line), 0);
  }
  EXPECT_EQ(names_in(folder), (std::vector<std::string>{"a.000001.csv", "a.000002.csv", "a.csv"}));
  EXPECT_EQ(content(folder / "a.000001.csv"), "h\n1aaa\n2aaa\n");
  EXPECT_EQ(content(settings.path), "h\n5aaa\n");
  {
    auto file = LineFile::open(settings);  // counts on from what is there
    EXPECT_EQ(append(*file, "6aaa\n7aaa\n8aaa\n9aaa\n"), 0);
  }
  EXPECT_EQ(names_in(folder), (std::vector<std::string>{"a.000003.csv", "a.000004.csv", "a.csv"}));
  EXPECT_EQ(content(folder / "a.000003.csv"), "h\n5aaa\n6aaa\n");
  EXPECT_EQ(content(folder / "a.000004.csv"), "h\n7aaa\n8aaa\n");
  EXPECT_EQ(content(settings.path), "h\n9aaa\n");
}

TEST(LineFile, ALineLongerThanAFileHasOneOfItsOwn) {
  const auto folder = fresh_folder("line_long");
  auto file = LineFile::open({folder / "a.jsonl", "", 10, 9});
  EXPECT_EQ(append(*file, "1\n" + std::string(20, 'x') + "\n2\n3\n"), 0);
  EXPECT_EQ(content(folder / "a.000001.jsonl"), "1\n");
  EXPECT_EQ(content(folder / "a.000002.jsonl"), std::string(20, 'x') + "\n");
  EXPECT_EQ(content(folder / "a.jsonl"), "2\n3\n");
}

TEST(LineFile, AnotherHeaderBeginsAnotherFile) {
  const auto folder = fresh_folder("line_header");
  EXPECT_EQ(append(*LineFile::open({folder / "a.csv", "x,y\n", 1 << 20, 3}), "1,2\n"), 0);
  EXPECT_EQ(append(*LineFile::open({folder / "a.csv", "x,y,z\n", 1 << 20, 3}), "1,2,3\n"), 0);
  EXPECT_EQ(content(folder / "a.000001.csv"), "x,y\n1,2\n");
  EXPECT_EQ(content(folder / "a.csv"), "x,y,z\n1,2,3\n");
}

TEST(LineFile, NoticesThatSomebodyMovedIt) {
  const auto folder = fresh_folder("line_gone");
  auto file = LineFile::open({folder / "a.csv", "x\n", 1 << 20, 3});
  EXPECT_FALSE(file->is_gone());
  std::filesystem::rename(folder / "a.csv", folder / "b.csv");
  EXPECT_TRUE(file->is_gone());
  std::ofstream(folder / "a.csv") << "another";
  EXPECT_TRUE(file->is_gone());
}

TEST(LineFile, WhereItCannotBeTheReasonIsTold) {
  const auto folder = fresh_folder("line_nowhere");
  std::ofstream(folder / "file") << "x";
  const auto file = LineFile::open({folder / "file" / "a.csv", "", 100, 3});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error(), ENOTDIR);
}

Connection files(ConnectionKind kind, const std::filesystem::path& folder) {
  Connection c;
  c.name = "records";
  c.kind = kind;
  c.folder = folder;
  return c;
}

constexpr auto kTime = std::chrono::sys_time<std::chrono::nanoseconds>(1'769'839'200'123'456'789ns);

TEST(Files, CsvOfEveryKindOfValue) {
  const auto folder = fresh_folder("csv");
  Notebook notebook;
  FileSink sink(
      files(ConnectionKind::Csv, folder),
      {{PortId{3}, "history", {"b", "i", "u", "f", "d", "t", "at", "n", "nan"}}, {PortId{5}, "x", {"value"}}});
  EXPECT_EQ(sink.takes(), Sink::Takes::Records);
  sink.start(notebook);
  const Datum fields[] = {{"b", true},
                          {"i", std::int64_t{-9'223'372'036'854'775'807 - 1}},
                          {"u", std::uint64_t{18'446'744'073'709'551'615u}},
                          {"f", 0.1f},
                          {"d", -0.0},
                          {"t", std::string_view("a \"b\",\nc")},
                          {"at", kTime},
                          {"n", std::monostate{}},
                          {"nan", std::nan("")}};
  const Record record{.name = "history", .task = "m", .instance = "m/T,1", .time = kTime, .fields = fields};
  sink.write({.port = PortId{3}, .record = &record});
  const Datum on{"value", false};
  const Record other{.name = "x", .task = {}, .instance = {}, .time = kTime, .fields = std::span(&on, 1)};
  sink.write({.port = PortId{5}, .record = &other});
  sink.flush();
  EXPECT_EQ(content(folder / "history.csv"),
            "time,instance,b,i,u,f,d,t,at,n,nan\n"
            "2026-01-31T06:00:00.123Z,\"m/T,1\",true,-9223372036854775808,18446744073709551615,0.1,0,"
            "\"a \"\"b\"\", c\",2026-01-31T06:00:00.123Z,,\n");
  EXPECT_EQ(content(folder / "x.csv"), "time,instance,value\n2026-01-31T06:00:00.123Z,,false\n");
  sink.stop();
  EXPECT_EQ(sink.dropped(), 0u);
  EXPECT_EQ(notebook.states, (std::vector<std::string>{"up: writing to " + folder.string()}));
}

TEST(Files, JsonLinesInOrder) {
  const auto folder = fresh_folder("jsonl");
  Notebook notebook;
  FileSink sink(files(ConnectionKind::Jsonl, folder), {{PortId{0}, "rows", {}}});
  EXPECT_EQ(sink.takes(), Sink::Takes::Json);
  sink.start(notebook);
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string line = "{\"n\":" + std::to_string(i) + "}";
    sink.write({.port = PortId{0}, .payload = line});
    expected += line + "\n";
  }
  sink.stop();
  EXPECT_EQ(content(folder / "rows.jsonl"), expected);
  EXPECT_EQ(sink.dropped(), 0u);
}

TEST(Files, AFolderThatCannotBeIsNotWrittenToAtTheEndEither) {
  const auto folder = fresh_folder("nothing");
  std::ofstream(folder / "file") << "x";
  Notebook notebook;
  FileSink sink(files(ConnectionKind::Jsonl, folder / "file"), {{PortId{0}, "rows", {}}});
  sink.start(notebook);
  ASSERT_TRUE(notebook.wait_state());
  sink.stop();
  ASSERT_EQ(notebook.states.size(), 1u) << notebook.states.back();
  EXPECT_TRUE(notebook.states[0].starts_with("down: " + (folder / "file").string())) << notebook.states[0];
}

TEST(Files, AFolderThatCannotBeHoldsABoundAndCountsTheRest) {
  const auto folder = fresh_folder("unwritable");
  std::ofstream(folder / "file") << "x";
  Notebook notebook;
  FileSink sink(files(ConnectionKind::Jsonl, folder / "file"), {{PortId{0}, "rows", {}}});
  sink.start(notebook);
  const std::string line(999, 'x');  // a thousand bytes a line
  const std::size_t fits = FileSink::kHeldBytes / 1000;
  for (std::size_t i = 0; i < fits + 10; ++i) sink.write({.port = PortId{0}, .payload = line});
  EXPECT_EQ(sink.dropped(), 10u);
  sink.flush();
  {
    const std::lock_guard lock(notebook.mutex);
    ASSERT_FALSE(notebook.states.empty());
    EXPECT_NE(notebook.states[0].find("Not a directory; lines wait in memory"), std::string::npos)
        << notebook.states[0];
  }
  // It becomes one: what was held goes there.
  std::filesystem::remove(folder / "file");
  sink.stop();
  EXPECT_EQ(sink.dropped(), 10u);
  EXPECT_EQ(content(folder / "file" / "rows.jsonl").size(), fits * 1000);
}

// ---- InfluxDB's line protocol. What is expected is written after its reference (escaping of each part, suffix i of
// whole numbers, texts in quotes); tests/system/influx_test.cpp asks the database itself.

std::string influx_line(std::string_view name, std::string_view instance, std::span<const Datum> fields) {
  std::string line;
  append_influx_line(line, ",device=d1",
                     {.name = name, .task = "t", .instance = instance, .time = kTime, .fields = fields},
                     1'769'839'200'123'456'789);
  return line;
}

TEST(InfluxLine, EveryKindOfValue) {
  const Datum fields[] = {{"b", true},
                          {"i", std::int64_t{-5}},
                          {"u", std::uint64_t{7}},
                          {"big", std::uint64_t{1} << 63},
                          {"f", 0.1f},
                          {"d", 71.5},
                          {"e", 1e300},
                          {"t", std::string_view("say \"hi\" \\ there, now")},
                          {"at", kTime},
                          {"none", std::monostate{}},
                          {"inf", HUGE_VAL}};
  EXPECT_EQ(influx_line("history", "m/T1", fields),
            "history,device=d1,instance=m/T1,task=t b=true,i=-5i,u=7i,big=9.223372036854776e+18,f=0.1,d=71.5,e=1e+300,"
            "t=\"say \\\"hi\\\" \\\\ there, now\",at=1769839200123456789i 1769839200123456789\n");
}

TEST(InfluxLine, NamesAreEscaped) {
  const Datum field{"a b=c,d", std::int64_t{1}};
  EXPECT_EQ(influx_line("my log,=", "T 1=a,b\n", std::span(&field, 1)),
            "my\\ log\\,=,device=d1,instance=T\\ 1\\=a\\,b ,task=t a\\ b\\=c\\,d=1i 1769839200123456789\n");
  EXPECT_TRUE(influx_line("x", "end\\", std::span(&field, 1)).starts_with("x,device=d1,instance=end\\ ,task=t "));
}

TEST(InfluxLine, WithoutAValueThereIsNone) {
  const Datum field{"a", std::nan("")};
  EXPECT_EQ(influx_line("x", "T1", std::span(&field, 1)), "");
}

}  // namespace
}  // namespace eyeflow::runtime
