#include "tools/eyeflow-vm/screen.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace eyeflow::tools {
namespace {

using runtime::AlarmTransition;
using runtime::HostStats;
using namespace std::chrono_literals;

AlarmTransition transition(vm::TimeNs time, std::string instance, bool raised, std::string text = {}) {
  return {.time = time, .instance = std::move(instance), .alarm = "hot", .text = std::move(text), .raised = raised};
}

ScreenSetup hundred() {
  ScreenSetup setup{.device = "line1",
                    .cards = {{.bounds = {.task = "monitor_t1", .rows = {{.what = "on t1", .fuel = 11}}}, .doc = {}}},
                    .instances = {},
                    .end = 20s};
  for (int n = 1; n <= 100; ++n) setup.instances.push_back("monitor_t1/T" + std::to_string(n));
  return setup;
}

HostStats busy() {
  HostStats stats;
  stats.uptime = 5s;
  stats.readings = 5'012;
  stats.readings_per_second = 1000.4;
  stats.alarms_raised = 1, stats.alarms_active = 1;
  stats.transitions = {transition(0, "monitor_t1/T7", true, "T7 is 86.2 °C")};
  stats.alarm_latency = {.count = 1, .p50 = 5'380ns, .p99 = 6us, .p999 = 7us, .worst = 8us};
  stats.tasks.push_back({.task = "monitor_t1", .bundle = {}, .instances = 100});
  return stats;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(AlarmHistory, KnowsWhatStandsAndForHowLong) {
  AlarmHistory alarms;
  HostStats stats;
  stats.alarms_raised = 2;
  stats.transitions = {transition(1'000, "m/T1", true, "one"), transition(2'000, "m/T10", true, "ten")};
  alarms.take(stats);
  alarms.take(stats);  // the same again is not news
  EXPECT_EQ(alarms.newest_last().size(), 2u);
  EXPECT_TRUE(alarms.stands("m/T1"));
  stats.alarms_cleared = 1;
  stats.transitions.push_back(transition(4'500, "m/T1", false));
  alarms.take(stats);
  EXPECT_FALSE(alarms.stands("m/T1"));  // T10 begins with it and still stands
  EXPECT_TRUE(alarms.stands("m/T10"));
  ASSERT_EQ(alarms.newest_last().size(), 3u);
  EXPECT_EQ(alarms.newest_last()[2].stood, 3'500ns);
}

TEST(Screen, ShowsWhatHappens) {
  AlarmHistory alarms;
  alarms.take(busy());
  const std::string text = joined(frame(hundred(), busy(), alarms, {}, {.size = {100, 40}}));
  for (const char* part : {"100 × monitor_t1 on line1", "5 s of 20 s", "1,000 a second", "5,012 in all", "1 standing",
                           "5.38 µs", "T7 is 86.2 °C", "on t1", "none   no bad reading"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Screen, NamesWhatWasLost) {
  HostStats stats = busy();
  stats.bad_total = 3;
  stats.queue_drops = 1'234;
  std::string text = joined(frame(hundred(), stats, {}, {}, {.size = {100, 40}}));
  EXPECT_NE(text.find("3 bad readings, 1,234 readings dropped"), std::string::npos) << text;
  stats = busy();
  stats.rows_not_kept = 2;
  stats.storage.emplace();
  stats.storage->rows_dropped_early = 3;
  stats.storage->rows_unwritten = 4;
  text = joined(frame(hundred(), stats, {}, {}, {.size = {160, 40}}));
  EXPECT_NE(
      text.find("2 rows lost, nothing can be kept, 3 rows dropped from the history before their time, 4 rows lost "
                "at the end, the disk did not take them"),
      std::string::npos)
      << text;
  stats = busy();
  stats.windows_skipped = 5;
  stats.readings_late = 6;
  stats.alarms_held_back = 7;
  text = joined(frame(hundred(), stats, {}, {}, {.size = {140, 40}}));
  EXPECT_NE(
      text.find("5 windows skipped for their gaps, 6 readings too late for their windows, 7 alarms held back in a "
                "flood"),
      std::string::npos)
      << text;
}

TEST(Screen, IsNeverLargerThanTheTerminal) {
  AlarmHistory alarms;
  HostStats stats = busy();
  for (int n = 0; n < 60; ++n)
    stats.transitions.push_back(transition(n, "monitor_t1/T7", n % 2 == 1, std::string(200, 'x')));
  stats.alarms_raised = 31, stats.alarms_cleared = 30;
  alarms.take(stats);
  const std::vector<std::string> log(5, std::string(300, 'l'));
  for (const bool color : {false, true})
    for (const int columns : {1, 3, 20, 59, 80, 100, 250})
      for (const int rows : {1, 5, 12, 24, 40, 100}) {
        const auto lines = frame(hundred(), stats, alarms, log, {.size = {columns, rows}, .paint = Paint(color)});
        EXPECT_LE(lines.size(), static_cast<std::size_t>(rows));
        for (const std::string& line : lines) EXPECT_LE(width_of(line), static_cast<std::size_t>(columns)) << line;
      }
}

TEST(Screen, SpeaksAsciiWhereTheLocaleDoes) {
  AlarmHistory alarms;
  alarms.take(busy());
  for (const std::string& line : frame(hundred(), busy(), alarms, {}, {.size = {100, 40}, .utf8 = false}))
    EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) << line;
}

TEST(Screen, APlainLineHasTheNumbers) {
  EXPECT_EQ(
      plain_line(busy()),
      "   5 s  1,000 readings/s, 5,012 in all; alarms: 1 standing, 1 raised, 0 cleared; latency p50 5.38 µs; 0 B");
}

}  // namespace
}  // namespace eyeflow::tools
