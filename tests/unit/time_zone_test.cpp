#include "runtime/site/time_zone.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace eyeflow::runtime {
namespace {

constexpr vm::TimeNs kSecond = 1'000'000'000, kHour = 3600 * kSecond;

std::shared_ptr<const TimeZone> zone_of(std::string_view name) {
  auto zone = TimeZone::load(name);
  if (!zone) {
    ADD_FAILURE() << zone.error().message;
    std::abort();
  }
  return *zone;
}

// Computed with Python's zoneinfo: the first instant at which the local clock shows that day's time or a later one.
TEST(TimeZone, EachDayHasEachTimeOnce) {
  struct Row {
    const char* zone;
    int hour, minute;
    vm::TimeNs seconds;
    const char* what;
  };
  constexpr Row kRows[] = {
      {"Europe/Berlin", 2, 30, 1774746000, "2026-03-29: skipped, so 03:00, as 01:00 UTC"},
      {"Europe/Berlin", 2, 30, 1774830600, "the day after"},
      {"Europe/Berlin", 2, 30, 1792888200, "2026-10-25: twice, so the first, 00:30 UTC"},
      {"Europe/Berlin", 2, 30, 1792978200, "the day after"},
      {"Europe/Berlin", 6, 0, 2855880000, "2060-07-01: by the rule behind the list"},
      {"Europe/Berlin", 6, 0, 2869102800, "2060-12-01"},
      {"Asia/Kolkata", 6, 0, 1777941000, "5 h 30 min ahead"},
      {"Australia/Lord_Howe", 2, 0, 1791041400, "half an hour skipped"},
      {"Australia/Lord_Howe", 1, 30, 1775313000, "half an hour twice"},
      {"America/St_Johns", 0, 0, 928204200, "1999, when clocks there changed at 00:01"},
      {"Africa/Cairo", 0, 0, 1776981600, "a midnight that is skipped"},
      {"America/Santiago", 0, 0, 1788667200, "a midnight that is skipped in the south"},
      {"America/Santiago", 0, 30, 2545876800, "the same in 2050, by the rule"},
      {"Pacific/Apia", 6, 0, 1325239200, "2011-12-30, which Samoa did not have"},
      {"Pacific/Apia", 6, 0, 1325260800, "2011-12-31"},
      {"UTC", 0, 0, 86400, "no change ever"},
      {"America/New_York", 12, 0, -2167023600, "1901"},
  };
  for (const Row& row : kRows) {
    const auto zone = zone_of(row.zone);
    const vm::TimeNs at = row.seconds * kSecond, time = row.hour * kHour + row.minute * 60 * kSecond;
    EXPECT_EQ(zone->next(at - 3 * kHour, time), at) << row.zone << ": " << row.what;
    EXPECT_EQ(zone->next(at - 1, time), at) << row.zone << ": " << row.what;
    EXPECT_GT(zone->next(at, time), at) << row.zone << ": " << row.what;
  }
}

TEST(TimeZone, DaysFollowEachOther) {
  const auto zone = zone_of("Europe/Berlin");
  vm::TimeNs now = 1767222000 * kSecond;  // 2026-01-01 00:00 there
  int days = 0;
  for (; now < 1798758000 * kSecond; ++days) now = zone->next(now, 2 * kHour + 30 * 60 * kSecond);
  EXPECT_EQ(days, 366);  // 365 of the year, and the first of the next one
}

TEST(TimeZone, NamesOfNoZoneAreRefused) {
  for (const char* name : {"", "/etc/passwd", "../etc/passwd", "Europe/Nowhere", "Europe Berlin", "Europe"}) {
    const auto zone = TimeZone::load(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_NE(zone.error().message.find("Europe/Berlin"), std::string::npos) << zone.error().message;
  }
}

TEST(TimeZone, DamagedFilesAreRefusedOrMeanSomething) {
  std::ifstream file("/usr/share/zoneinfo/Europe/Berlin", std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(good.empty());
  std::mt19937 random(3);
  int refused = 0;
  for (int n = 0; n < 5000; ++n) {
    std::string bad = good;
    if (n % 3 == 0) bad.resize(random() % bad.size());
    for (int change = 0; change < 3 && !bad.empty(); ++change) bad[random() % bad.size()] = static_cast<char>(random());
    const auto zone = TimeZone::parse(std::as_bytes(std::span(bad)));
    refused += !zone;
    if (zone) zone->next(static_cast<vm::TimeNs>(random()) * kSecond, random() % 86'400 * kSecond);
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace eyeflow::runtime
