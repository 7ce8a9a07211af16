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

struct Saved {
  std::vector<std::byte> layout, snapshot;
};
Saved saved(const Running& run) {
  const auto layout = run.program->snapshot_layout();
  Saved s{{layout.begin(), layout.end()}, std::vector<std::byte>(run.instance->snapshot_bytes())};
  run.instance->save(s.snapshot);
  return s;
}

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
