#include <gtest/gtest.h>

#include <random>

#include "tests/unit/allocations.h"
#include "tests/unit/running.h"
#include "vm/assembly/assembly.h"

// Windows, conditions, silences and times of day as what starts handlers. Expected lines were worked out by hand.
namespace eyeflow::vm::test {
namespace {

constexpr TimeNs kMs = 1'000'000;

Module module_of(const std::string& text) {
  auto module = assemble(text);
  if (!module) {
    ADD_FAILURE() << module.error().message;
    std::abort();
  }
  return std::move(*module);
}

// A task that logs each window of ten readings: start and end in ms, how many were read, its first and last value.
Module windows(const std::string& shape) {
  return module_of(R"(
module windows
input v: f64 period 100000000
output log: log (start: i64, end: i64, n: i64, first: f64, last: f64)
slot input w.start: i64 window_start #0
slot input w.end: i64 window_end #0
slot input w.count: i64 window_count #0
slot input w.values: [f64; 10]@input window_values #0
slot const million: i64 = 1000000
function "on window"
  registers s: i64, e: i64, n: i64, a: f64, b: f64, r: [f64; 10]@input, i: i64, m: i64
  ref r, w.values
  load.imm i, 0
  array.get.f64 a, r, i
  load.imm i, 9
  array.get.f64 b, r, i
  load m, const, million
  load s, input, w.start
  div.i64 s, s, m
  load e, input, w.end
  div.i64 e, e, m
  load n, input, w.count
  emit log, s
  return
end
handler window v )" +
                   shape + " call \"on window\"\n");
}

struct Started : Running {
  explicit Started(Module module) : Running(std::move(module), {}, {}, 100'000'000) { start(); }
};

// The timers that were due before, then the reading.
void tell(Running& run, Lines& lines, TimeNs event_time, TimeNs now, double value) {
  for (auto& line : run.advance(now - 1)) lines.push_back(line);
  for (auto& line : run.deliver_taken(event_time, now, value)) lines.push_back(line);
}
Lines rest(Running& run, Lines lines, TimeNs until) {
  for (auto& line : run.advance(until)) lines.push_back(line);
  return lines;
}

TEST(Windows, WaitForReadingsThatAreLate) {
  Started run(windows("span 1000000000 values 10 step 10 least 9 late 300000000"));
  Lines lines;
  for (int k = 0; k < 10; ++k)
    if (k != 5) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
  tell(run, lines, 1000 * kMs, 1000 * kMs, 10);
  tell(run, lines, 500 * kMs, 1100 * kMs, 5);
  EXPECT_EQ(rest(run, lines, 1299 * kMs), Lines{});
  EXPECT_EQ(run.advance(1300 * kMs), Lines{"1.300s log 0 1000 10 0 9"});
  EXPECT_EQ(run.deliver_taken(400 * kMs, 1350 * kMs, 7), Lines{});
  EXPECT_EQ(run.instance->readings_late(), 1u);
  EXPECT_EQ(run.instance->windows_skipped(), 0u);
}

// A deadline holds for the handlers that run: not for a reading that only fills a window.
TEST(Windows, DeclareTheirDeadlineWhereTheyClose) {
  Module module = windows("span 1000000000 values 10 step 10 least 10");
  module.handlers[0].within_ns = 5 * kMs;
  Started run(std::move(module));
  for (int k = 0; k < 10; ++k) {
    run.deliver_taken(k * 100 * kMs, k * 100 * kMs, k);
    EXPECT_EQ(run.worker.declared_within(), 0) << k;
  }
  EXPECT_EQ(run.advance(1000 * kMs), Lines{"1.000s log 0 1000 10 0 9"});
  EXPECT_EQ(run.worker.declared_within(), 5 * kMs);
  run.deliver_taken(1000 * kMs, 1000 * kMs, 10);
  EXPECT_EQ(run.worker.declared_within(), 0);
}

// What the sensor measures comes two seconds later: its windows close two seconds later too, without being told.
TEST(Windows, CloseByTheReadingsOwnTimes) {
  Started run(windows("span 1000000000 values 10 step 10 least 10"));
  Lines lines;
  for (int k = 0; k < 10; ++k) tell(run, lines, k * 100 * kMs, (2000 + k * 100) * kMs, k);
  EXPECT_EQ(rest(run, lines, 2999 * kMs), Lines{});
  EXPECT_EQ(run.advance(3000 * kMs), Lines{"3.000s log 0 1000 10 0 9"});
  EXPECT_FALSE(run.instance->next_deadline());
}

// Readings that come in blocks are late by up to a block, and reach far into the windows that follow.
TEST(Windows, TakeBlocksOfReadings) {
  Started run(windows("span 1000000000 values 10 step 10 least 10 late 2000000000"));
  Lines lines;
  for (int k = 0; k < 15; ++k) tell(run, lines, k * 100 * kMs, 1500 * kMs, k);
  for (int k = 15; k < 30; ++k) tell(run, lines, k * 100 * kMs, 3000 * kMs, k);
  EXPECT_EQ(rest(run, lines, 6000 * kMs),
            (Lines{"3.100s log 0 1000 10 0 9", "4.100s log 1000 2000 10 10 19", "5.100s log 2000 3000 10 20 29"}));
}

TEST(Windows, ReadingsThatJitterHaveOnePlaceEach) {
  Started run(windows("span 1000000000 values 10 step 10 least 10"));
  constexpr int kTimes[] = {0,   97,   203,  299,  398,  502,  600,  697,  803,  899,
                            998, 1103, 1199, 1301, 1402, 1499, 1600, 1703, 1799, 1897};
  Lines lines;
  for (int k = 0; k < 20; ++k) tell(run, lines, kTimes[k] * kMs, kTimes[k] * kMs, k);
  // 998 ms already belongs to the second window, and closes nothing before its time.
  EXPECT_EQ(rest(run, lines, 2000 * kMs), (Lines{"1.000s log 0 1000 10 0 9", "2.000s log 1000 2000 10 10 19"}));
}

TEST(Windows, ASensorWhoseClockWasSetBackIsHeardAgain) {
  Started run(windows("span 1000000000 values 10 step 10 least 9"));
  Lines lines;
  for (int k = 0; k < 10; ++k) tell(run, lines, (1'000'000 + k * 100) * kMs, (1'000'000 + k * 100) * kMs, k);
  for (int k = 0; k < 30; ++k) tell(run, lines, (10'000 + k * 100) * kMs, (1'001'000 + k * 100) * kMs, k);
  EXPECT_EQ(rest(run, lines, 1'010'000 * kMs),
            (Lines{"1001.000s log 1000000 1001000 10 0 9", "1004.000s log 12000 13000 10 20 29"}));
  EXPECT_EQ(run.instance->readings_late(), 15u);
  EXPECT_EQ(run.instance->windows_skipped(), 0u);
}

TEST(Windows, ALargeGapSkipsTheWindow) {
  Started run(windows("span 1000000000 values 10 step 10 least 9"));
  Lines lines;
  for (int k = 0; k < 30; ++k)
    if (k != 3 && k != 14 && k != 15) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
  EXPECT_EQ(rest(run, lines, 9000 * kMs), (Lines{"1.000s log 0 1000 9 0 9", "3.000s log 2000 3000 10 20 29"}));
  EXPECT_EQ(run.instance->windows_skipped(), 1u);
}

// The ring comes round: what stood in a place before is no reading of this window, in a gap or behind the newest one.
TEST(Windows, WhatStoodThereBeforeIsNoReading) {
  Started run(windows("span 1000000000 values 10 step 10 least 5"));
  Lines lines;
  for (int k = 0; k < 57; ++k)
    if (k != 43) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
  EXPECT_EQ(rest(run, lines, 9000 * kMs),
            (Lines{"1.000s log 0 1000 10 0 9", "2.000s log 1000 2000 10 10 19", "3.000s log 2000 3000 10 20 29",
                   "4.000s log 3000 4000 10 30 39", "5.000s log 4000 5000 9 40 49", "6.000s log 5000 6000 7 50 56"}));
}

// The first reading of an open window may come behind others of it.
TEST(Windows, TheFirstReadingMayComeLate) {
  Started run(windows("span 1000000000 values 10 step 10 least 10 late 200000000"));
  Lines lines;
  int order[20];
  for (int k = 0; k < 20; ++k) order[k] = k;
  std::swap(order[10], order[11]);
  std::swap(order[11], order[12]);  // …, 9, 11, 12, 10, 13, …
  for (int k = 0; k < 20; ++k) tell(run, lines, order[k] * 100 * kMs, (300 + k * 100) * kMs, order[k]);
  const Lines all = rest(run, lines, 9000 * kMs);
  EXPECT_EQ(run.instance->readings_late(), 0u);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[1].find("log 1000 2000 10 10 19"), std::string::npos) << all[1];
}

// A reading that its source dates far ahead: what it overwrites is given up and counted, and it begins a window.
TEST(Windows, AReadingFarAheadGivesUpWhatIsOpen) {
  Started run(windows("span 1000000000 values 10 step 10 least 10"));
  Lines lines;
  for (int k = 0; k < 5; ++k) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
  for (int k = 100; k < 110; ++k) tell(run, lines, k * 100 * kMs, (k - 95) * 100 * kMs, k);
  const Lines all = rest(run, lines, 20'000 * kMs);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_NE(all[0].find("log 10000 11000 10 100 109"), std::string::npos) << all[0];
  EXPECT_EQ(run.instance->windows_skipped(), 1u);
}

// Also hours behind the last window a reading that comes a little early has its own place.
TEST(Windows, ReadingsAfterHoursOfSilenceHaveTheirPlaces) {
  Started run(windows("span 1000000000 values 10 step 10 least 10"));
  Lines lines;
  for (int k = 0; k < 10; ++k) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
  constexpr int kLater = 7'200'000;
  for (int k = 0; k < 10; ++k) {
    const TimeNs at = (kLater + k * 100 - 3) * kMs;
    tell(run, lines, at, at, 50 + k);
  }
  EXPECT_EQ(rest(run, lines, (kLater + 9000) * kMs),
            (Lines{"1.000s log 0 1000 10 0 9", "7201.000s log 7200000 7201000 10 50 59"}));
  EXPECT_EQ(run.instance->windows_skipped(), 0u);  // none was open
}

// Where counting begins with the instance, readings from before lie in windows before the first.
TEST(Windows, ReadingsFromBeforeTheStartHaveTheirPlaces) {
  Running run(windows("span 1000000000 values 10 step 10 least 10 from_start"), {}, {}, 100'000'000);
  run.start(20'000 * kMs);
  Lines lines;
  for (int k = 0; k < 20; ++k) tell(run, lines, (19'050 + k * 100) * kMs, (20'050 + k * 100) * kMs, k);
  EXPECT_EQ(rest(run, lines, 30'000 * kMs),
            (Lines{"21.000s log 19000 20000 10 0 9", "22.000s log 20000 21000 10 10 19"}));
}

// What a block of readings fills beyond a window's end is due when it comes, not at an instant that has passed: from
// there its handler's time is measured.
TEST(Windows, ABlockBeyondTheEndIsDueWhenItComes) {
  Started run(windows("span 1000000000 values 10 step 10 least 10"));
  for (int k = 0; k < 15; ++k) run.deliver_taken(k * 100 * kMs, 1500 * kMs, k);
  EXPECT_EQ(run.instance->next_deadline(), 1500 * kMs);
  EXPECT_EQ(run.advance(1500 * kMs), Lines{"1.500s log 0 1000 10 0 9"});
}

// Of ten values a ring has 32 places: with the newest reading in place 99 it knows those from 68 on. A clock that
// stands at one of these has only late readings; one that stands before them was set back, which is believed at the
// 16th.
TEST(Windows, AStrayIsOlderThanAllThatIsKept) {
  for (const int place : {67, 68}) {
    Started run(windows("span 1000000000 values 10 step 10 least 10"));
    Lines lines;
    for (int k = 0; k < 100; ++k) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
    EXPECT_EQ(run.advance(10'000 * kMs).size(), 1u);
    for (int k = 0; k < 40; ++k) run.deliver_taken(place * 100 * kMs, (10'000 + k) * kMs, -1);
    EXPECT_EQ(run.instance->readings_late(), place == 67 ? 15u : 40u);
    lines.clear();
    for (int k = 68; k < 80; ++k) tell(run, lines, k * 100 * kMs, (10'100 + (k - 68) * 100) * kMs, k);
    EXPECT_EQ(rest(run, lines, 20'000 * kMs), place == 67 ? Lines{"11.300s log 7000 8000 10 70 79"} : Lines{});
  }
}

// With two seconds to wait it has 64: a reading in the 63rd place behind a window's first leaves that alone, one in the
// 64th takes its place, so that the window is given up.
TEST(Windows, AReadingIsFarAheadWhereItTakesAPlaceInUse) {
  for (const int place : {63, 64}) {
    Started run(windows("span 1000000000 values 10 step 10 least 10 late 2000000000"));
    Lines lines;
    for (int k = 0; k < 10; ++k) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
    run.deliver_taken(place * 100 * kMs, 1000 * kMs, place);
    EXPECT_EQ(run.instance->windows_skipped(), place == 64 ? 1u : 0u);
    EXPECT_EQ(run.advance(1000 * kMs), place == 64 ? Lines{} : Lines{"1.000s log 0 1000 10 0 9"});
  }
}

// While no window is open, a late reading does not open one that was handed over.
TEST(Windows, AreHandedOverOnce) {
  Started run(windows("span 1000000000 values 10 step 10 least 10"));
  Lines lines;
  for (int k = 0; k < 10; ++k) tell(run, lines, k * 100 * kMs, k * 100 * kMs, k);
  tell(run, lines, 500 * kMs, 1001 * kMs, 50);
  EXPECT_EQ(run.instance->readings_late(), 1u);
  for (int k = 10; k < 20; ++k) tell(run, lines, k * 100 * kMs, (10 + k * 100) * kMs, k);
  EXPECT_EQ(rest(run, lines, 9000 * kMs), (Lines{"1.000s log 0 1000 10 0 9", "2.010s log 1000 2000 10 10 19"}));
}

// A sensor's own clock runs 2 % slow or fast. Slow, it gives four readings fewer than there are places in twenty
// windows, and each time that it is one and a half places behind it leaves one out: behind its 83rd, 133rd and 183rd
// reading. Fast, no window lacks one. Each window has the readings of its own time.
TEST(Windows, ReadingsOfASlowOrAFastClockSlipByAWholePart) {
  for (const int period : {102, 98}) {
    Started run(windows("span 1000000000 values 10 step 10 least 10 late 300000000"));
    Lines lines;
    for (int k = 0; k * period < 21'000; ++k) tell(run, lines, k * period * kMs, k * period * kMs, k);
    const Lines all = rest(run, lines, 30'000 * kMs);
    std::size_t whole = 0;  // of the first 20 s
    for (const std::string& line : all) {
      long long start = 0, end = 0, n = 0, first = 0, last = 0;
      ASSERT_EQ(
          std::sscanf(line.c_str() + line.find("log"), "log %lld %lld %lld %lld %lld", &start, &end, &n, &first, &last),
          5)
          << line;
      EXPECT_LE(std::abs(first * period - start), 2 * 100) << line;
      whole += end <= 20'000;
    }
    EXPECT_EQ(whole, period > 100 ? 17u : 20u) << period;
  }
}

TEST(Windows, NothingIsAllocatedForThem) {
  Started run(windows("span 1000000000 values 10 step 2 least 9"));
  const auto before = allocations();
  for (int k = 0; k < 1000; ++k) {
    run.instance->advance(run.worker, k * 100 * kMs);
    run.instance->deliver(run.worker, InputId{0}, to_word(1.0 * k), k * 100 * kMs, k * 100 * kMs);
  }
  EXPECT_EQ(allocations(), before);
}

// ---- Everything that starts a handler, over a restart

constexpr std::string_view kEverything = R"(
module everything
input v: f64 stale 3000000000 period 500000000
output log: log (what: i64, n: f64)
slot input now: i64 now
slot input v: f64 value v
slot input v.time: i64 time v
slot input v.ready: bool ready v
slot input w.values: [f64; 4]@input window_values #0
slot input c.values: [f64; 3]@input window_values #1
slot const fifty: f64 = 50
slot state seen: i64
function high -> (bool)
  registers x: f64, y: f64, b: bool
  load.reading x, v.ready, v
  load y, const, fifty
  lt.f64 b, y, x
  return b
end
function "on window time"
  registers k: i64, a: f64, r: [f64; 4]@input, i: i64
  ref r, w.values
  load.imm i, 2
  array.get.f64 a, r, i
  load.imm k, 1
  emit log, k
  return
end
function "on window count"
  registers k: i64, a: f64, r: [f64; 3]@input, i: i64
  ref r, c.values
  load.imm i, 0
  array.get.f64 a, r, i
  load.imm k, 2
  emit log, k
  return
end
function "on rising"
  registers k: i64, a: f64
  load.imm k, 3
  emit log, k
  return
end
function "on holds"
  registers k: i64, a: f64
  load.imm k, 4
  emit log, k
  return
end
function "on stale"
  registers k: i64, a: f64
  load.imm k, 5
  emit log, k
  return
end
function "at noon"
  registers k: i64, a: f64
  load.imm k, 6
  emit log, k
  return
end
handler window v span 2000000000 values 4 step 2 least 3 late 100000000 call "on window time"
handler window v values 3 step 2 call "on window count"
handler condition high 0 needs v call "on rising"
handler condition high 2500000000 needs v call "on holds"
handler stale v call "on stale"
handler time_of_day 60000000000 call "at noon"
)";

TEST(Triggers, GoOnOverARestartAsIfNothingHadBeen) {
  struct Event {
    TimeNs at;
    double value;
  };
  std::mt19937 random(11);
  std::vector<Event> events;
  TimeNs now = 0;
  for (int n = 0; n < 400; ++n) {
    now += 450 * kMs + static_cast<TimeNs>(random() % 100) * kMs + (random() % 30 == 0 ? 5 * kSecond : 0);
    events.push_back({now, n % 40 < 20 ? 40.0 : 60.0});
  }
  const auto play = [](Running& run, const Event& event) {
    Lines lines;
    tell(run, lines, event.at - 20 * kMs, event.at, event.value);
    return lines;
  };
  Started one(module_of(std::string(kEverything)));
  std::vector<Lines> expected;
  std::vector<Saved> snapshots;
  std::array<int, 7> kinds{};
  for (const Event& event : events) {
    snapshots.push_back(saved(one));
    expected.push_back(play(one, event));
    for (const auto& line : expected.back()) ++kinds[static_cast<std::size_t>(line[line.find("log ") + 4] - '0')];
  }
  for (int kind = 1; kind <= 6; ++kind) EXPECT_GT(kinds[static_cast<std::size_t>(kind)], 0) << kind;
  const Saved end = saved(one);
  for (std::size_t cut = 1; cut < events.size(); cut += 7) {
    Running other(module_of(std::string(kEverything)), {}, {}, 100'000'000);
    const TimeNs at = events[cut - 1].at;
    const auto restored = other.instance->restore(snapshots[cut].layout, snapshots[cut].snapshot, {at, at});
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_TRUE(restored->same_layout && restored->dropped.empty());
    EXPECT_EQ(saved(other).snapshot, snapshots[cut].snapshot);
    other.instance->resume(other.worker, at);
    EXPECT_EQ(other.lines(), Lines{});
    for (std::size_t n = cut; n < events.size(); ++n) ASSERT_EQ(play(other, events[n]), expected[n]) << cut << " " << n;
    EXPECT_EQ(saved(other).snapshot, end.snapshot);
  }
}

// Whatever a snapshot's windows say: it is refused, or the instance goes on.
TEST(Triggers, AnySnapshotIsRefusedOrTaken) {
  Started one(module_of(std::string(kEverything)));
  for (int k = 0; k < 20; ++k) one.deliver(k * 500 * kMs, 40.0 + k);
  const Saved good = saved(one);
  std::mt19937_64 random(5);
  int taken = 0;
  for (int n = 0; n < 3000; ++n) {
    Saved bad = good;
    const std::size_t words = bad.snapshot.size() / 8;
    for (int change = 0; change <= n % 3; ++change) {
      Word word = random();
      if (n % 2 == 0) word >>= random() % 64;
      std::memcpy(bad.snapshot.data() + (2 + random() % (words - 2)) * 8, &word, 8);
    }
    Running other(module_of(std::string(kEverything)), {}, {}, 100'000'000);
    const TimeNs at = 20 * 500 * kMs;
    if (!other.instance->restore(bad.layout, bad.snapshot, {at, at})) continue;
    ++taken;
    other.instance->resume(other.worker, at);
    for (int k = 0; k < 20; ++k) {
      for (int turn = 0; turn < 8; ++turn) other.advance(at + k * 500 * kMs - 1, CatchUp::Latest);
      other.deliver(at + k * 500 * kMs, 40);
    }
  }
  EXPECT_GT(taken, 100);
}

// Of a module with an input `v`: what an alarm that is called hot asks, and what it says.
const std::string kHot = R"(slot input v: f64 value v
slot input v.ready: bool ready v
slot const fifty: f64 = 50
slot const note: text(3)@const = "hot"
function high -> (bool)
  registers x: f64, y: f64, b: bool
  load.reading x, v.ready, v
  load y, const, fifty
  lt.f64 b, y, x
  return b
end
function text -> (text(3)@const)
  registers r: text(3)@const
  ref r, note
  return r
end
)";

// What an event's time is: of what happens by itself the instant, also after a restart, when somebody acknowledges, at
// the start and at the end. Logged are what ran, the event's time and the clock, in s; 3 runs when `high` has held for
// 10 s, 4 when `hot` is acknowledged, which at first it counts as.
TEST(Triggers, AnEventsTimeIsTheInstantWhereNoReadingBringsOne) {
  const auto body = [](const std::string& name, int what) {
    return "function \"" + name + R"("
  registers k: i64, e: i64, n: i64, s: i64
  load s, const, second
  load e, input, event.time
  div.i64 e, e, s
  load n, input, now
  div.i64 n, n, s
  load.imm k, )" +
           std::to_string(what) + R"(
  emit log, k
  return
end
)";
  };
  const Module module = module_of(R"(
module times
input v: f64
output log: log (what: i64, event: i64, now: i64)
slot input event.time: i64 event_time
slot input now: i64 now
slot input hot.acknowledged: bool acknowledged hot
slot const second: i64 = 1000000000
)" + kHot + R"(function acked -> (bool)
  registers b: bool
  load b, input, hot.acknowledged
  return b
end
)" + body("on start", 1) + body("on stop", 2) +
                                  body("on holds", 3) + body("on acked", 4) +
                                  R"(
alarm hot: high when high text text needs v
handler start call "on start"
handler stop call "on stop"
handler condition high 10000000000 needs v call "on holds"
handler condition acked 0 call "on acked"
)");
  Running one(module, {}, {}, 100'000'000);
  EXPECT_EQ(one.start(5 * kSecond), (Lines{"5.000s log 1 5 5", "5.000s log 4 5 5"}));
  one.deliver_taken(6 * kSecond, 7 * kSecond, 60);
  const Saved s = saved(one);
  one.instance->act(one.worker, {.kind = AlarmAction::Kind::Acknowledge, .alarm = AlarmId{0}}, 8 * kSecond);
  EXPECT_EQ(one.lines(), (Lines{"8.000s acknowledged hot", "8.000s log 4 8 8"}));
  EXPECT_EQ(one.advance(20 * kSecond), Lines{"17.000s log 3 17 17"});
  one.instance->stop(one.worker, 21 * kSecond);
  EXPECT_EQ(one.lines(), Lines{"21.000s log 2 21 21"});

  Running other(module, {}, {}, 100'000'000);
  ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {30 * kSecond, 30 * kSecond}));
  other.instance->resume(other.worker, 30 * kSecond);
  EXPECT_EQ(other.lines(), Lines{"30.000s log 3 30 30"});
}

// After a long pause one reminder is told, and then again in step: also where a device was suspended, and did not look.
TEST(Triggers, RemindersThatAPauseSwallowedAreOne) {
  const Module module = module_of(R"(
module reminding
input v: f64
)" + kHot + R"(alarm hot: high when high text text remind 10000000000 needs v
)");
  Running one(module, {}, {}, 100'000'000);
  one.start(0);
  EXPECT_EQ(one.deliver(kSecond, 60), Lines{"1.000s raised hot: hot"});
  const Saved s = saved(one);
  EXPECT_EQ(one.advance(11 * kSecond, CatchUp::Latest), Lines{"11.000s reminded hot: hot"});
  EXPECT_EQ(one.advance(75 * kSecond, CatchUp::Latest), Lines{"71.000s reminded hot: hot"});
  EXPECT_EQ(one.instance->next_deadline(), 81 * kSecond);
  EXPECT_EQ(one.advance(101 * kSecond),
            (Lines{"81.000s reminded hot: hot", "91.000s reminded hot: hot", "101.000s reminded hot: hot"}));

  Running other(module, {}, {}, 100'000'000);
  ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {75 * kSecond, 75 * kSecond}));
  other.instance->resume(other.worker, 75 * kSecond);
  EXPECT_EQ(other.advance(75 * kSecond), Lines{"75.000s reminded hot: hot"});
  EXPECT_EQ(other.instance->next_deadline(), 81 * kSecond);
}

// A condition that holds already when it is first looked at has begun to hold; one that could not be told has not.
TEST(Triggers, AConditionBeginsToHold) {
  Started run(module_of(std::string(kEverything)));
  EXPECT_EQ(run.advance(kSecond), Lines{});
  EXPECT_EQ(run.deliver(kSecond, 60), Lines{"1.000s log 3 0"});
  EXPECT_EQ(run.deliver(2 * kSecond, 70), Lines{});
  EXPECT_EQ(run.advance(3500 * kMs), Lines{"3.500s log 4 0"});
  EXPECT_EQ(run.deliver(4 * kSecond, 40), Lines{"4.000s log 2 60"});
  EXPECT_EQ(run.deliver(5 * kSecond, 60), Lines{"5.000s log 3 0"});
}

// 3 s after the last good reading, once; a reading that is old when it arrives makes it known at once, and only then.
TEST(Triggers, SilenceIsToldOnce) {
  Started run(module_of(std::string(kEverything)));
  EXPECT_EQ(run.advance(10 * kSecond), Lines{"3.000s log 5 0"});
  EXPECT_EQ(run.deliver_taken(2 * kSecond, 11 * kSecond, 1), Lines{});
  EXPECT_EQ(run.advance(20 * kSecond), Lines{});
  run.deliver(21 * kSecond, 1);
  run.deliver_taken(18 * kSecond, 22 * kSecond, 1);
  EXPECT_EQ(run.advance(22 * kSecond), Lines{"22.000s log 5 0"});
  EXPECT_EQ(run.advance(50 * kSecond), Lines{});
}

TEST(Triggers, TheCalendarSaysWhenATimeOfDayComes) {
  // A zone where every day has 100 s.
  static constexpr auto kNext = +[](const void* zone, TimeNs after, TimeNs since_midnight) -> TimeNs {
    const TimeNs day = *static_cast<const TimeNs*>(zone);
    return (after - since_midnight) / day * day + since_midnight + (after >= since_midnight ? day : 0);
  };
  static constexpr TimeNs kDay = 100 * kSecond;
  auto verified = verify(module_of(std::string(kEverything)), {});
  ASSERT_TRUE(verified);
  const auto program = Program::make(std::move(*verified), {}, {.calendar = {.next = kNext, .zone = &kDay}});
  Worker worker;
  worker.serve(*program);
  Instance instance(*program, {});
  instance.start(worker, 0);
  std::vector<TimeNs> times;
  for (TimeNs now = 4 * kSecond; now <= 400 * kSecond; now += kSecond) {
    instance.advance(worker, now);
    for (const Effect& effect : worker.effects()) times.push_back(effect.time / kSecond);
  }
  EXPECT_EQ(times, (std::vector<TimeNs>{3, 60, 160, 260, 360}));
  EXPECT_EQ(Calendar::next_in_utc(nullptr, -1, 0), 0);
  EXPECT_EQ(Calendar::next_in_utc(nullptr, 0, 0), kDayNs);
  EXPECT_EQ(Calendar::next_in_utc(nullptr, kDayNs + 5, 7), kDayNs + 7);
}

}  // namespace
}  // namespace eyeflow::vm::test
