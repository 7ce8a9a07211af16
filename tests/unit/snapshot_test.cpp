#include <gtest/gtest.h>

#include <random>

#include "tests/unit/allocations.h"
#include "tests/unit/running.h"
#include "vm/engine/snapshot.h"

// What a restart must not lose. The expected lines of the uninterrupted run are the engine test's business; here it
// counts that a restored instance goes on as if nothing had been.
namespace eyeflow::vm::test {
namespace {

constexpr TypeId kI64 = type_id(Scalar::I64), kF64 = type_id(Scalar::F64);

// One of everything: `hot` above 80 for 5 s drives the siren, `silent` after 30 s; `on v` counts, keeps its readings in
// an array, its last words in a text, sets a fan and a level; every 10 s the count is logged.
struct Everything : TaskBuilder {
  InputSlots v = input("v", kF64, 30 * kSecond);
  explicit Everything(Scalar count_type = Scalar::I64, std::string alarm_name = "hot", TimeNs delay = 5 * kSecond,
                      bool with_array = true) {
    const OutputId siren = switch_output("siren", true), fan = switch_output("fan", false, true, 0),
                   level = value_output("level", Scalar::F64);
    const OutputId log = output({.name = "log", .kind = OutputKind::Log, .fields = {{"n", type_id(count_type), ""}}});
    const std::uint16_t n_at = state(count_type, 0, "n");
    const std::uint16_t last_at = state(Scalar::F64, 0, "last");
    const std::uint16_t fifty = constant(Scalar::F64, to_word(50.0));
    const std::uint16_t thirty_s = constant(Scalar::I64, to_word(30 * kSecond));
    const std::uint16_t words_at = slot(Region::State, text(Region::State, 12), SlotKind::Plain, 0, "words");
    const TypeId array = type({TypeKind::Array, Scalar::F64, Region::State, 4});
    const std::uint16_t array_at = with_array ? slot(Region::State, array, SlotKind::Plain, 0, "seen") : 0;
    const std::uint16_t said = constant("heard it");
    module.state_image.resize((module.state_image.size() + 63) / 64 * 64);
    const std::uint16_t now_at = slot(Region::Input, kI64, SlotKind::Now);

    const std::uint16_t value = reading(v, Scalar::F64);
    if (count_type == Scalar::I64) {
      const std::uint16_t n = load(Region::State, Scalar::I64, n_at), one = number(1);
      add(Op::AddI64, n, n, one);
      add(Op::Store, n, 0, n_at);
    }
    add(Op::StoreF64, value, 0, last_at);
    const std::uint16_t words = reg(text(Region::State, 12)), from = reg(text(Region::Const, 8));
    add(Op::Ref, words, text(Region::State, 12), words_at);
    add(Op::Ref, from, text(Region::Const, 8), said);
    add(Op::TextClear, words);
    add(Op::TextAppend, words, from);
    const std::uint16_t limit = load(Region::Const, Scalar::F64, fifty), on = reg(Scalar::Bool);
    add(Op::LtF64, on, limit, value);
    add(Op::Emit, static_cast<int>(fan), on);
    add(Op::Emit, static_cast<int>(level), value);
    add(Op::Return);
    this->on(v, function("on v"));
    if (with_array) {
      const std::uint16_t seen = reg(array), again = reading(v, Scalar::F64), at = number(3);
      add(Op::Ref, seen, array, array_at);
      add(Op::ArraySetF64, seen, at, again);
      add(Op::Return);
      this->on(v, function("keep"));
    }

    const std::uint16_t told = load(Region::State, count_type, n_at);
    add(Op::Emit, static_cast<int>(log), told);
    add(Op::Return);
    every(10 * kSecond, function("every 10 s"));

    module.alarms.push_back({.name = alarm_name,
                             .when = above(v, 80),
                             .text = constant_text("hot!"),
                             .when_for_ns = delay,
                             .needs = {v.id},
                             .drives = {siren}});
    const std::uint16_t now = load(Region::Input, Scalar::I64, now_at), time = load(Region::Input, Scalar::I64, v.time);
    const std::uint16_t age = reg(Scalar::I64), most = load(Region::Const, Scalar::I64, thirty_s),
                        result = reg(Scalar::Bool);
    add(Op::SubI64, age, now, time);
    add(Op::LeI64, result, most, age);
    const FunctionId silent = condition("silent", result);
    module.alarms.push_back({.name = "silent", .when = silent, .text = constant_text("silent!")});
  }
};

Lines resume(Running& run, TimeNs now) {
  run.instance->resume(run.worker, now);
  return run.lines();
}

// One event of a script: a reading, or (negative) time that passes.
struct Event {
  TimeNs at;
  double value;
};
Lines play(Running& run, const Event& event) {
  Lines lines = run.advance(event.at);
  if (event.value < 0) return lines;
  for (const auto& line : run.deliver(event.at, event.value)) lines.push_back(line);
  return lines;
}

std::vector<Event> script() {
  std::mt19937 random(7);
  std::vector<Event> events;
  TimeNs now = 0;
  for (int n = 0; n < 300; ++n) {
    now += static_cast<TimeNs>(random() % 4000) * 1'000'000;
    if (n % 60 == 59) now += 60 * kSecond;  // silence
    events.push_back({now, random() % 5 == 0 ? -1.0 : 40.0 + static_cast<double>(random() % 60)});
  }
  return events;
}

// Tells every 10 s of which of its inputs there is a reading: a block of samples, a number.
struct Blocks : TaskBuilder {
  InputSlots block = input("block", type({TypeKind::Array, Scalar::F64, Region::Input, 2}));
  InputSlots number = input("number", kF64);
  Blocks() {
    const TypeId flag = type_id(Scalar::Bool);
    const OutputId log = output({.name = "log", .kind = OutputKind::Log, .fields = {{"a", flag, ""}, {"b", flag, ""}}});
    const std::uint16_t first = load(Region::Input, Scalar::Bool, block.ready);
    load(Region::Input, Scalar::Bool, number.ready);
    add(Op::Emit, static_cast<int>(log), first);
    add(Op::Return);
    every(10 * kSecond, function("every 10 s"));
  }
};

// The disk would be written for each block, and an old one says little: after a restart the next one is waited for.
TEST(Snapshot, ReadingsThatAreArraysAreNotKept) {
  const Blocks task;
  Running one(task);
  one.start();
  EXPECT_EQ(one.advance(10 * kSecond), Lines{"10.000s log 0 0"});
  const double samples[] = {1, 2};
  one.instance->deliver_elements(one.worker, task.block.id, std::as_bytes(std::span(samples)), 11 * kSecond,
                                 11 * kSecond);
  one.instance->deliver(one.worker, task.number.id, to_word(5.0), 11 * kSecond, 11 * kSecond);
  EXPECT_EQ(one.advance(20 * kSecond), Lines{"20.000s log 1 1"});
  const Saved end = saved(one);
  Running other(task);
  ASSERT_TRUE(other.instance->restore(end.layout, end.snapshot, {20 * kSecond, 20 * kSecond}));
  resume(other, 20 * kSecond);
  EXPECT_EQ(other.advance(30 * kSecond), Lines{"30.000s log 0 1"});
}

TEST(Snapshot, AnInstanceGoesOnAsIfNothingHadBeen) {
  const Everything task;
  const auto events = script();
  std::vector<Lines> expected;
  std::vector<std::optional<TimeNs>> deadlines;
  std::vector<Saved> snapshots;
  Running one(task);
  one.start();
  for (const Event& event : events) {
    snapshots.push_back(saved(one));
    deadlines.push_back(one.instance->next_deadline());
    expected.push_back(play(one, event));
  }
  const Saved end = saved(one);
  for (std::size_t cut = 0; cut < events.size(); cut += 7) {
    Running other(task);
    const TimeNs now = cut == 0 ? 0 : events[cut - 1].at;
    const auto restored = other.instance->restore(snapshots[cut].layout, snapshots[cut].snapshot, {now, now});
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_TRUE(restored->same_layout && restored->dropped.empty());
    EXPECT_EQ(saved(other).snapshot, snapshots[cut].snapshot);
    for (const auto& line : resume(other, now)) {
      EXPECT_EQ(line.find("raised"), std::string::npos) << line;  // told again, not decided anew
      EXPECT_EQ(line.find("cleared"), std::string::npos) << line;
    }
    EXPECT_EQ(other.instance->next_deadline(), deadlines[cut]);
    for (std::size_t n = cut; n < events.size(); ++n) ASSERT_EQ(play(other, events[n]), expected[n]) << cut << " " << n;
    EXPECT_EQ(saved(other).snapshot, end.snapshot);
  }
}

TEST(Snapshot, OutputsAreToldOnceAsTheyStood) {
  const Everything task;
  Running one(task);
  one.start(0);
  one.deliver(kSecond, 90);
  one.advance(6 * kSecond);  // hot: the siren is on
  const Saved s = saved(one);
  Running other(task);
  ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {6 * kSecond, 6 * kSecond}));
  EXPECT_EQ(resume(other, 6 * kSecond), (Lines{"6.000s on siren", "6.000s on fan", "6.000s level 90"}));
  EXPECT_TRUE(other.instance->is_active(AlarmId{0}));
  EXPECT_EQ(other.instance->raised_count(AlarmId{0}), 1);
  // From here on as ever: the switch that is on stays without a word.
  EXPECT_EQ(other.deliver(7 * kSecond, 95), Lines{"7.000s level 95"});
  EXPECT_EQ(other.deliver(8 * kSecond, 40),
            (Lines{"8.000s cleared hot", "8.000s off fan", "8.000s level 40", "8.000s off siren"}));
}

TEST(Snapshot, ASwitchThatWasMadeSafeIsSetAnewByItsHandler) {
  const Everything task;
  Running one(task);
  one.start(0);
  one.deliver(kSecond, 60);
  const Saved s = saved(one);
  Running other(task);
  ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {kSecond, kSecond}));
  other.instance->assume(OutputId{1}, 0);
  EXPECT_EQ(resume(other, kSecond), (Lines{"1.000s off siren", "1.000s off fan", "1.000s level 60"}));
  EXPECT_EQ(other.deliver(2 * kSecond, 61), (Lines{"2.000s on fan", "2.000s level 61"}));
}

// Every 10 s it logs whether the latest reading was a bad one.
struct Doubtful : TaskBuilder {
  Doubtful() {
    input("v", kF64);
    const std::uint16_t bad_at = slot(Region::Input, type_id(Scalar::Bool), SlotKind::InputBad, 0);
    const OutputId log =
        output({.name = "log", .kind = OutputKind::Log, .fields = {{"bad", type_id(Scalar::Bool), ""}}});
    const std::uint16_t bad = load(Region::Input, Scalar::Bool, bad_at);
    add(Op::Emit, static_cast<int>(log), bad);
    add(Op::Return);
    every(10 * kSecond, function("every 10 s"));
  }
};

TEST(Snapshot, WhetherTheLatestReadingWasBadGoesOn) {
  const Doubtful task;
  for (const bool was_bad : {true, false}) {
    Running one(task);
    one.start(0);
    one.deliver(kSecond, 1.5);
    one.instance->deliver_bad(one.worker, InputId{0}, 2 * kSecond, 2 * kSecond);
    if (!was_bad) one.deliver(3 * kSecond, 2.5);
    Saved s = saved(one);
    const auto resumed_with = [&] {
      Running other(task);
      EXPECT_TRUE(other.instance->restore(s.layout, s.snapshot, {4 * kSecond, 4 * kSecond}));
      resume(other, 4 * kSecond);
      return other.advance(10 * kSecond);
    };
    EXPECT_EQ(resumed_with(), Lines{was_bad ? "10.000s log 1" : "10.000s log 0"});
    // The first word of the only input. A snapshot of before it was kept says 1: it was good, as far as it knows.
    const std::size_t at = SnapshotHead::kEnd + InputWords::kReady;
    ASSERT_EQ(s.snapshot[at], std::byte(was_bad ? 3 : 1));
    s.snapshot[at] = std::byte{1};
    EXPECT_EQ(resumed_with(), Lines{"10.000s log 0"});
    s.snapshot[at] = std::byte{4};
    EXPECT_FALSE(Running(task).instance->restore(s.layout, s.snapshot, {4 * kSecond, 4 * kSecond}));
  }
}

// Cut at 3 s, in the middle of the delay of 5 s that began at 1 s; away for an hour.
TEST(Snapshot, TheTimeBetweenCountsOrDoesNot) {
  const Everything task;
  Running one(task);
  one.start(0);
  one.deliver(kSecond, 90);
  one.advance(3 * kSecond);
  const Saved s = saved(one);
  const TimeNs now = 3600 * kSecond;
  {
    Running other(task);
    ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {3 * kSecond, now}));  // it does not: 3 s remain
    EXPECT_EQ(resume(other, now), (Lines{"3600.000s off siren", "3600.000s on fan", "3600.000s level 90"}));
    EXPECT_EQ(other.instance->next_deadline(), now + 3 * kSecond);
    EXPECT_EQ(other.advance(now + 3 * kSecond - 1), Lines{});
    EXPECT_EQ(other.advance(now + 3 * kSecond), (Lines{"3603.000s raised hot: hot!", "3603.000s on siren"}));
    EXPECT_EQ(other.advance(now + 7 * kSecond), Lines{"3607.000s log 1"});  // every 10 s: 7 s remained
    EXPECT_EQ(other.advance(now + 27 * kSecond), (Lines{"3617.000s log 1", "3627.000s log 1"}));
    EXPECT_EQ(other.advance(now + 28 * kSecond), Lines{"3628.000s raised silent: silent!"});  // 30 s after the reading
  }
  {
    Running other(task);
    ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {now, now}));  // it does: the delay is over, v is old
    EXPECT_EQ(resume(other, now),
              (Lines{"3600.000s off siren", "3600.000s on fan", "3600.000s level 90", "3600.000s raised hot: hot!",
                     "3600.000s raised silent: silent!", "3600.000s on siren"}));
    EXPECT_EQ(other.advance(now, CatchUp::Latest), Lines{"3600.000s log 1"});  // the latest one of 359
    EXPECT_EQ(other.instance->next_deadline(), now + 10 * kSecond);
  }
  {
    // The clock was an hour ahead before the cut: nothing is due an hour later than it was.
    Running other(task);
    ASSERT_TRUE(other.instance->restore(s.layout, s.snapshot, {3 * kSecond, -1000 * kSecond}));
    EXPECT_EQ(resume(other, -1000 * kSecond).size(), 3u);
    EXPECT_EQ(other.instance->next_deadline(), -997 * kSecond);
  }
}

TEST(Snapshot, AnotherVersionOfTheTaskKeepsWhatFits) {
  Running one{Everything()};
  one.start(0);
  one.deliver(kSecond, 90);
  one.advance(10 * kSecond);
  const Saved s = saved(one);
  {
    // Another delay, no array: what is left has its values, and only the array is told.
    Running other{Everything(Scalar::I64, "hot", 60 * kSecond, false)};
    const auto restored = other.instance->restore(s.layout, s.snapshot, {10 * kSecond, 10 * kSecond});
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_FALSE(restored->same_layout);
    EXPECT_EQ(restored->dropped, std::vector<std::string>{"state seen: [f64; 4]"});
    EXPECT_EQ(restored->gone, std::vector<std::string>{});
    EXPECT_EQ(resume(other, 10 * kSecond), (Lines{"10.000s on siren", "10.000s on fan", "10.000s level 90"}));
    EXPECT_EQ(other.advance(20 * kSecond), Lines{"20.000s log 1"});
  }
  {
    // The alarm has another name, the count another type.
    Running other{Everything(Scalar::I32, "too_hot")};
    const auto restored = other.instance->restore(s.layout, s.snapshot, {10 * kSecond, 10 * kSecond});
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->dropped, (std::vector<std::string>{"state n: i64", "alarm hot"}));
    EXPECT_EQ(restored->gone, std::vector<std::string>{"hot"});
    EXPECT_EQ(resume(other, 10 * kSecond), (Lines{"10.000s off siren", "10.000s on fan", "10.000s level 90"}));
    // The reading is still there: the new alarm's delay runs from now on.
    EXPECT_EQ(other.instance->next_deadline(), 15 * kSecond);
    EXPECT_EQ(other.advance(15 * kSecond), (Lines{"15.000s raised too_hot: hot!", "15.000s on siren"}));
    EXPECT_EQ(other.advance(20 * kSecond), Lines{"20.000s log 0"});
  }
}

TEST(Snapshot, DamageIsAnErrorAndLeavesTheInstanceAsItWas) {
  const Everything task;
  Running one(task);
  one.start(0);
  one.deliver(kSecond, 90);
  one.advance(6 * kSecond);
  const Saved good = saved(one);
  std::mt19937 random(11);
  int refused = 0, taken = 0;
  for (int n = 0; n < 20'000; ++n) {
    Saved bad = good;
    auto& bytes = random() % 2 == 0 ? bad.layout : bad.snapshot;
    if (random() % 8 == 0) bytes.resize(random() % (bytes.size() + 16));
    for (auto flips = 1 + random() % 4; flips > 0 && !bytes.empty(); --flips)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (random() % 2 == 0 && bad.snapshot.size() >= 16) {
      // A layout that was damaged before its snapshot was made would be believed that far.
      std::uint64_t hash = 0xcbf29ce484222325;
      for (const std::byte b : bad.layout) hash = (hash ^ static_cast<std::uint64_t>(b)) * 0x100000001b3;
      std::memcpy(bad.snapshot.data() + 8, &hash, 8);
    }
    Running other(task);
    const auto restored = other.instance->restore(bad.layout, bad.snapshot, {6 * kSecond, 6 * kSecond});
    if (!restored) {
      ++refused;
      EXPECT_EQ(other.start(0), (Lines{"0.000s off siren", "0.000s off fan"}));
    } else {
      ++taken;
      resume(other, 6 * kSecond);
      other.advance(100 * kSecond);
      other.deliver(101 * kSecond, 90);
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(taken, 1000);
}

TEST(Snapshot, SavingAllocatesNothing) {
  const Everything task;
  Running one(task);
  one.start(0);
  std::vector<std::byte> bytes(one.instance->snapshot_bytes());
  const auto before = allocations();
  for (int n = 0; n < 100; ++n) one.instance->save(bytes);
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace eyeflow::vm::test
