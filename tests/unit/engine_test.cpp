#include "vm/engine/engine.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/allocations.h"
#include "tests/unit/running.h"
#include "tests/unit/task_builder.h"

// Every expected time, count and order here was worked out by hand from docs and headers, none was read off a run.

namespace eyeflow::vm::test {
namespace {

constexpr TypeId kBool = type_id(Scalar::Bool), kI64 = type_id(Scalar::I64), kF64 = type_id(Scalar::F64);

// ---- Handlers
// --------------------------------------------------------------------------------------------------------

TEST(Engine, AHandlerSeesTheReadingAndItsTimes) {
  TaskBuilder t;
  const auto input = t.input("v", kF64);
  const std::uint16_t now = t.slot(Region::Input, kI64, SlotKind::Now),
                      event = t.slot(Region::Input, kI64, SlotKind::EventTime);
  const OutputId log = t.output(
      {.name = "log", .kind = OutputKind::Log, .fields = {{"v", kF64, ""}, {"at", kI64, ""}, {"now", kI64, ""}}});
  const std::uint16_t first = t.reading(input, Scalar::F64);
  t.load(Region::Input, Scalar::I64, event);
  t.load(Region::Input, Scalar::I64, now);
  t.add(Op::Emit, static_cast<int>(log), first);
  t.add(Op::Return);
  t.on(input, t.function("on v"));
  Running run(t);
  EXPECT_EQ(run.start(kSecond), Lines{});
  EXPECT_EQ(run.deliver_taken(2 * kSecond, 3 * kSecond, 1.5), Lines{"3.000s log 1.5 2000000000 3000000000"});
  // A clock that went back: now stays at the latest so far.
  EXPECT_EQ(run.deliver_taken(2 * kSecond, kSecond, 2.5), Lines{"3.000s log 2.5 2000000000 3000000000"});
}

// Only an input with a flag for it is told of bad readings; the latest good one and its time stay.
TEST(Engine, ABadReadingLeavesTheLatestGoodOne) {
  for (const bool takes : {true, false}) {
    TaskBuilder t;
    const auto input = t.input("v", kF64);
    const std::uint16_t event = t.slot(Region::Input, kI64, SlotKind::EventTime);
    std::uint16_t bad = 0;
    if (takes) bad = t.slot(Region::Input, kBool, SlotKind::InputBad, 0);
    const OutputId log = t.output({.name = "log",
                                   .kind = OutputKind::Log,
                                   .fields = {{"v", kF64, ""}, {"at", kI64, ""}, {"bad", takes ? kBool : kI64, ""}}});
    const std::uint16_t first = t.reading(input, Scalar::F64);
    t.load(Region::Input, Scalar::I64, event);
    if (takes)
      t.load(Region::Input, Scalar::Bool, bad);
    else
      t.load(Region::Input, Scalar::I64, event);
    t.add(Op::Emit, static_cast<int>(log), first);
    t.add(Op::Return);
    t.on(input, t.function("on v"));
    Running run(t);
    run.start(0);
    EXPECT_EQ(run.instance->takes_bad(InputId{0}), takes);
    EXPECT_EQ(run.deliver(kSecond, 1.5).size(), 1u);
    run.instance->deliver_bad(run.worker, InputId{0}, 2 * kSecond, 2 * kSecond);
    EXPECT_EQ(run.worker.effects().size(), takes ? 1u : 0u);
    EXPECT_EQ(run.instance->reading_time(InputId{0}), kSecond);
    if (takes) EXPECT_EQ(run.deliver(3 * kSecond, 2.5), Lines{"3.000s log 2.5 3000000000 0"});
  }
}

// Counts in a scalar, writes both ends of an array and a text, emits, and faults above 100.
struct Stateful : TaskBuilder {
  InputSlots v = input("v", kF64);
  std::uint16_t count;
  FunctionId handler{};
  int fault_at = 0;
  Stateful() {
    count = state(Scalar::I64, 0, "n");
    const TypeId array = type({TypeKind::Array, Scalar::F64, Region::State, 20});
    const TypeId words = text(Region::State, 20);
    const std::uint16_t array_slot = slot(Region::State, array), text_slot = slot(Region::State, words);
    const OutputId out = value_output("out", Scalar::I64);
    module.state_image.resize((module.state_image.size() + 63) / 64 * 64);
    const TypeId changed = text(Region::Const, 7);
    const std::uint16_t changed_slot = constant("changed");
    const std::uint16_t hundred = constant(Scalar::F64, to_word(100.0));

    const std::uint16_t value = reading(v, Scalar::F64);
    const std::uint16_t n = load(Region::State, Scalar::I64, count), one = number(1), last = number(19),
                        zero = number(0);
    add(Op::AddI64, n, n, one);
    add(Op::Store, n, 0, count);
    const std::uint16_t to = reg(array), from = reg(changed), into = reg(words), high = reg(Scalar::Bool);
    add(Op::Ref, to, array, array_slot);
    add(Op::ArraySetF64, to, zero, value);
    add(Op::ArraySetF64, to, last, value);
    add(Op::Ref, into, words, text_slot);
    add(Op::Ref, from, changed, changed_slot);
    add(Op::TextAppend, into, from);
    add(Op::Emit, static_cast<int>(out), n);
    const std::uint16_t limit = load(Region::Const, Scalar::F64, hundred);
    add(Op::LtF64, high, limit, value);
    add(Op::JumpUnless, 2, high);
    fault_at = static_cast<int>(code.size());
    add(Op::Trap, static_cast<int>(Trap::Fault));
    add(Op::Return);
    handler = function(
        "on v", {},
        {{0, 10}, {static_cast<std::uint32_t>(fault_at - 1), 12}, {static_cast<std::uint32_t>(fault_at + 1), 13}});
    on(v, handler);
  }
};

TEST(Engine, AFaultLeavesNothingBehindButTheFault) {
  const Stateful t;
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(kSecond, 5), Lines{"1.000s out 1"});
  const std::vector<std::byte> before(run.instance->state().begin(), run.instance->state().end());
  EXPECT_EQ(run.deliver(2 * kSecond, 200), Lines{});
  ASSERT_EQ(run.worker.faults().size(), 1u);
  const Fault fault = run.worker.faults()[0];
  EXPECT_EQ(fault.trap, Trap::Fault);
  EXPECT_EQ(fault.function, t.handler);
  EXPECT_EQ(fault.instruction, static_cast<std::uint32_t>(t.fault_at));
  EXPECT_EQ(fault.line, 12u);
  EXPECT_TRUE(std::ranges::equal(run.instance->state(), before));
  // The journal starts afresh: the next fault undoes only its own event.
  EXPECT_EQ(run.deliver(3 * kSecond, 6), Lines{"3.000s out 2"});
  EXPECT_TRUE(run.worker.faults().empty());
  const std::vector<std::byte> third(run.instance->state().begin(), run.instance->state().end());
  EXPECT_NE(third, before);
  run.deliver(4 * kSecond, 300);
  EXPECT_TRUE(std::ranges::equal(run.instance->state(), third));
}

TEST(Engine, OneFaultingHandlerDoesNotUndoTheOther) {
  Stateful t;
  const OutputId other = t.value_output("other", Scalar::F64);
  const std::uint16_t value = t.reading(t.v, Scalar::F64);
  t.add(Op::Emit, static_cast<int>(other), value);
  t.add(Op::Return);
  t.on(t.v, t.function("on v again"));
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(kSecond, 5), (Lines{"1.000s out 1", "1.000s other 5"}));
  EXPECT_EQ(run.deliver(kSecond, 101), Lines{"1.000s other 101"});
  EXPECT_EQ(run.worker.faults().size(), 1u);
}

TEST(Engine, ScratchIsZeroForEveryHandler) {
  TaskBuilder t;
  const auto input = t.input("v", kF64);
  const OutputId out = t.value_output("length", Scalar::I64);
  const TypeId words = t.text(Region::Scratch, 16), part = t.text(Region::Const, 3);
  const std::uint16_t slot = t.slot(Region::Scratch, words), abc = t.constant("abc");
  t.module.scratch_bytes = 64;
  for (int n = 0; n < 2; ++n) {
    const std::uint16_t to = t.reg(words), from = t.reg(part), length = t.reg(Scalar::I64);
    t.add(Op::Ref, to, words, slot);
    t.add(Op::Ref, from, part, abc);
    t.add(Op::TextAppend, to, from);
    t.add(Op::TextLen, length, to);
    t.add(Op::Emit, static_cast<int>(out), length);
    t.add(Op::Return);
    t.on(input, t.function("on v"));
  }
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(0, 1), (Lines{"0.000s length 3", "0.000s length 3"}));
  EXPECT_EQ(run.deliver(0, 1), (Lines{"0.000s length 3", "0.000s length 3"}));
}

// Emits as often as the reading says.
struct Emitting : TaskBuilder {
  FunctionId handler;
  Emitting() {
    const auto v = input("v", kI64);
    const OutputId out = value_output("out", Scalar::I64);
    const TypeId counter = type({TypeKind::Counter, Scalar::Void, Region::Const, 10'000});
    const std::uint16_t trips = reading(v, Scalar::I64), loop = reg(counter);  // 1
    add(Op::LoopBegin, loop, trips, counter);                                  // 2
    add(Op::LoopEnter, loop, 3);                                               // 1
    add(Op::Emit, static_cast<int>(out), trips);                               // a trip: 8
    add(Op::LoopNext, loop, 1);                                                //         + 1
    add(Op::Return);                                                           // 1
    handler = function("on v");
    on(v, handler);
  }
};

TEST(Engine, MoreOutputThanOneEventMayHaveIsUndone) {
  // A row of one word takes 16 bytes: 65,536 / 16 = 4,096 rows fit.
  Running run{Emitting{}};
  run.start();
  run.instance->deliver(run.worker, InputId{0}, 4096, 0, 0);
  EXPECT_EQ(run.worker.effects().size(), 4096u);
  EXPECT_TRUE(run.worker.faults().empty());
  run.instance->deliver(run.worker, InputId{0}, 4097, 0, 0);
  EXPECT_EQ(run.worker.effects().size(), 0u);
  ASSERT_EQ(run.worker.faults().size(), 1u);
  EXPECT_EQ(run.worker.faults()[0].trap, Trap::OutputOverflow);
}

TEST(Engine, FuelIsTheBoundOrWhatWasUsedOfTheQuota) {
  // The bound is 5 + 10,000 x 9 = 90,005: see the costs beside the instructions.
  const Emitting t;
  Running unmetered(t.module, {}, {}, 90'005);
  EXPECT_FALSE(unmetered.program->is_metered(t.handler));
  unmetered.start();
  unmetered.instance->deliver(unmetered.worker, InputId{0}, 3, 0, 0);
  EXPECT_EQ(unmetered.worker.fuel_used(), 90'005u);

  Running metered(t.module, {}, {}, 905);
  EXPECT_TRUE(metered.program->is_metered(t.handler));
  metered.start();
  metered.instance->deliver(metered.worker, InputId{0}, 3, 0, 0);
  EXPECT_EQ(metered.worker.fuel_used(), 5u + 3 * 9);
  metered.instance->deliver(metered.worker, InputId{0}, 100, 0, 0);  // 5 + 900: all of it
  EXPECT_EQ(metered.worker.fuel_used(), 905u);
  EXPECT_EQ(metered.worker.effects().size(), 100u);
  metered.instance->deliver(metered.worker, InputId{0}, 101, 0, 0);
  EXPECT_EQ(metered.worker.effects().size(), 0u);
  ASSERT_EQ(metered.worker.faults().size(), 1u);
  EXPECT_EQ(metered.worker.faults()[0].trap, Trap::OutOfFuel);
  EXPECT_EQ(metered.worker.fuel_used(), 905u);
}

// ---- Outputs
// ---------------------------------------------------------------------------------------------------------

TEST(Engine, InitialOutputsComeBeforeTheStartHandler) {
  TaskBuilder t;
  t.switch_output("fan", false, true, 1);
  t.switch_output("siren", true);
  t.output({.name = "level",
            .kind = OutputKind::Value,
            .fields = {{"level", kF64, ""}},
            .has_initial = true,
            .initial = to_word(2.5)});
  t.switch_output("unset", false);
  const OutputId out = t.value_output("out", Scalar::I64);
  const std::uint16_t seven = t.number(7);
  t.add(Op::Emit, static_cast<int>(out), seven);
  t.add(Op::Return);
  t.module.handlers.push_back({.kind = HandlerKind::Start, .function = t.function("on start")});
  Running run(t);
  EXPECT_EQ(run.start(kSecond), (Lines{"1.000s on fan", "1.000s off siren", "1.000s level 2.5", "1.000s out 7"}));
  EXPECT_EQ(run.instance->output_value(OutputId{0}), 1u);
  EXPECT_EQ(run.instance->output_value(OutputId{4}), 7u);
}

TEST(Engine, ASwitchActsWhenItChangesAndAValueEachTime) {
  TaskBuilder t;
  const auto v = t.input("v", kF64);
  const OutputId fan = t.switch_output("fan", false, true, 0), level = t.value_output("level", Scalar::F64);
  const std::uint16_t last = t.slot(Region::Input, kBool, SlotKind::OutputLast, 0);
  const std::uint16_t count = t.slot(Region::Input, kI64, SlotKind::OutputCount, 1);
  const OutputId log =
      t.output({.name = "log", .kind = OutputKind::Log, .fields = {{"fan", kBool, ""}, {"levels", kI64, ""}}});
  const std::uint16_t value = t.reading(v, Scalar::F64);
  const std::uint16_t zero = t.load(Region::Const, Scalar::F64, t.constant(Scalar::F64, 0)), on = t.reg(Scalar::Bool);
  t.add(Op::LtF64, on, zero, value);
  t.add(Op::Emit, static_cast<int>(fan), on);
  t.add(Op::Emit, static_cast<int>(level), value);
  t.add(Op::Return);
  t.on(v, t.function("on v"));
  const std::uint16_t was = t.load(Region::Input, Scalar::Bool, last);
  t.load(Region::Input, Scalar::I64, count);
  t.add(Op::Emit, static_cast<int>(log), was);
  t.add(Op::Return);
  t.on(v, t.function("look"));
  Running run(t);
  EXPECT_EQ(run.start(), Lines{"0.000s off fan"});
  EXPECT_EQ(run.deliver(0, -1), (Lines{"0.000s level -1", "0.000s log 0 1"}));
  EXPECT_EQ(run.deliver(0, 3), (Lines{"0.000s on fan", "0.000s level 3", "0.000s log 1 2"}));
  EXPECT_EQ(run.deliver(0, 3), (Lines{"0.000s level 3", "0.000s log 1 3"}));
  EXPECT_EQ(run.deliver(0, -2), (Lines{"0.000s off fan", "0.000s level -2", "0.000s log 0 4"}));
}

// ---- Alarms
// ----------------------------------------------------------------------------------------------------------

// One input, one alarm above 80; the tests add the rest.
struct Alarming : TaskBuilder {
  InputSlots v;
  explicit Alarming(TimeNs stale_after = 0) : v(input("v", kF64, stale_after)) {}
  Alarm& alarm(std::string name, FunctionId when) {
    module.alarms.push_back({.name = name, .when = when, .text = constant_text(name + "!"), .needs = {v.id}});
    return module.alarms.back();
  }
};

TEST(Engine, EveryCrossingRaisesOnceAndClearsOnce) {
  Alarming t;
  t.switch_output("siren", true);
  t.alarm("hot", t.above(t.v, 80)).drives = {OutputId{0}};
  t.module.alarms[0].clear = t.below(t.v, 78);
  Running run(t);
  EXPECT_EQ(run.start(), Lines{"0.000s off siren"});
  const Lines raised{"0.000s raised hot: hot!", "0.000s on siren"}, cleared{"0.000s cleared hot", "0.000s off siren"},
      nothing;
  EXPECT_EQ(run.deliver(0, 79), nothing);
  EXPECT_EQ(run.deliver(0, 80), nothing);  // not above
  EXPECT_EQ(run.deliver(0, 81), raised);
  EXPECT_EQ(run.deliver(0, 95), nothing);
  EXPECT_EQ(run.deliver(0, 79), nothing);  // between: it stands
  EXPECT_EQ(run.deliver(0, 78), nothing);  // not below
  EXPECT_EQ(run.deliver(0, 77.9), cleared);
  EXPECT_EQ(run.deliver(0, 60), nothing);
  EXPECT_EQ(run.deliver(0, 80.1), raised);
  EXPECT_TRUE(run.instance->is_active(AlarmId{0}));
  EXPECT_EQ(run.instance->raised_count(AlarmId{0}), 2);
}

TEST(Engine, WithoutAClearConditionItEndsWithItsOwn) {
  Alarming t;
  t.alarm("hot", t.above(t.v, 80));
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(0, 81), Lines{"0.000s raised hot: hot!"});
  EXPECT_EQ(run.deliver(0, 80), Lines{"0.000s cleared hot"});
}

// Conditions of one or two instructions, which the engine knows without a call, beside what their functions say.
TEST(Engine, AConditionIsKnownWithoutACallAsItsFunctionSaysIt) {
  Alarming t(30 * kSecond);
  const std::uint16_t now = t.slot(Region::Input, kI64, SlotKind::Now);
  const std::uint16_t limit = t.constant(Scalar::F64, to_word(80.0)), two = t.constant(Scalar::F64, to_word(2.0)),
                      span = t.constant(Scalar::I64, to_word(30 * kSecond)),
                      least = t.constant(Scalar::I64, to_word(INT64_MIN));
  const auto value = [&] { return t.load(Region::Input, Scalar::F64, t.v.value); };
  const auto whole = [&](int slot) { return t.load(Region::Input, Scalar::I64, slot); };
  const auto real_constant = [&](int slot) { return t.load(Region::Const, Scalar::F64, slot); };
  const auto whole_constant = [&](int slot) { return t.load(Region::Const, Scalar::I64, slot); };
  const auto made = [&](Scalar type, Op op, std::uint16_t b, std::uint16_t c) {
    const std::uint16_t result = t.reg(type);
    t.add(op, result, b, c);
    return result;
  };
  const auto real = [&](Op op, std::uint16_t b, std::uint16_t c) { return made(Scalar::F64, op, b, c); };
  const auto count = [&](Op op, std::uint16_t b, std::uint16_t c) { return made(Scalar::I64, op, b, c); };
  const auto alarm = [&](const char* name, Op op, std::uint16_t b, std::uint16_t c) {
    t.alarm(name, t.condition(name, made(Scalar::Bool, op, b, c)));
  };
  const auto with = [&](auto first, auto second, auto use) {  // in the order in which they are loaded
    const std::uint16_t b = first(), c = second();
    use(b, c);
  };
  const auto l = [&] { return real_constant(limit); };
  with(l, value, [&](auto b, auto c) { alarm("above", Op::LtF64, b, c); });
  with(l, value, [&](auto b, auto c) { alarm("at least", Op::LeF64, b, c); });
  with(l, value, [&](auto b, auto c) { alarm("other than", Op::NeF64, b, c); });
  with(
      value, [&] { return real(Op::SubF64, real_constant(limit), real_constant(two)); },
      [&](auto b, auto c) { alarm("below a difference", Op::LtF64, b, c); });
  with([&] { return real(Op::AddF64, real_constant(limit), real_constant(two)); }, value,
       [&](auto b, auto c) { alarm("above a sum", Op::LtF64, b, c); });
  with([&] { return real(Op::MulF64, value(), real_constant(two)); }, l,
       [&](auto b, auto c) { alarm("twice below", Op::LtF64, b, c); });
  with([&] { return whole_constant(span); }, [&] { return count(Op::SubI64, whole(now), whole(t.v.time)); },
       [&](auto b, auto c) { alarm("old", Op::LeI64, b, c); });
  with([&] { return whole_constant(span); }, [&] { return whole(now); },
       [&](auto b, auto c) { alarm("late", Op::LtI64, b, c); });
  with([&] { return whole(now); }, [&] { return t.number(5); },
       [&](auto b, auto c) { alarm("early", Op::LeI64, b, c); });
  with([&] { return count(Op::SubI64, whole_constant(least), whole(now)); }, [&] { return whole(now); },
       [&](auto b, auto c) { alarm("overflows", Op::LeI64, b, c); });
  Running run(t);
  run.start(0);
  std::size_t stood = 0, faults = 0;
  TimeNs at = 0;
  for (const double v : {79.0, 80.0, 81.0, 82.5, 77.9, 78.0, -0.0, 39.9, 1e300}) {
    for (const TimeNs age : {TimeNs{0}, 31 * kSecond}) {
      at += 7 * kSecond;
      run.deliver_taken(at - age, at, v);
      for (const Fault& fault : run.worker.faults()) {
        EXPECT_EQ(fault.trap, Trap::Overflow);
        EXPECT_EQ(t.module.functions[index(fault.function)].name, "overflows");
        EXPECT_EQ(fault.instruction, 2u);
        ++faults;
      }
      for (std::size_t n = 0; n < t.module.alarms.size(); ++n) {
        const auto said = run.instance->ask(run.worker, t.module.alarms[n].when, at);
        const bool holds = said.trap == Trap::None && said.word != 0;
        EXPECT_EQ(run.instance->is_active(static_cast<AlarmId>(n)), holds) << t.module.alarms[n].name << " at " << v;
        stood += holds;
      }
    }
  }
  EXPECT_EQ(faults, 18u);
  EXPECT_GT(stood, 40u);
}

TEST(Engine, CallsAreCountedByFunction) {
  Alarming t;
  const std::uint16_t limit = t.load(Region::Const, Scalar::F64, t.constant(Scalar::F64, to_word(80.0)));
  const std::uint16_t v = t.load(Region::Input, Scalar::F64, t.v.value), result = t.reg(Scalar::Bool);
  t.add(Op::LtF64, result, limit, v);
  t.alarm("hot", t.condition("hot", result));
  t.add(Op::Return);
  t.on(t.v, t.function("on v"));
  t.add(Op::Return);
  t.every(kSecond, t.function("every"));
  Running run(t);
  run.start();
  for (int n = 1; n <= 5; ++n) run.deliver(n, 79 + n % 2 * 2);  // raised three times, cleared twice
  run.advance(2 * kSecond);
  Worker other;  // another thread's
  other.serve(*run.program);
  run.instance->deliver(other, t.v.id, to_word(80.0), 3 * kSecond, 3 * kSecond);
  const auto calls = [&](const char* name) {
    for (std::size_t n = 0; n < t.module.functions.size(); ++n)
      if (t.module.functions[n].name == name) return run.program->calls(static_cast<FunctionId>(n));
    return ~std::uint64_t{0};
  };
  EXPECT_EQ(calls("hot"), 6u);
  EXPECT_EQ(calls("text"), 3u);
  EXPECT_EQ(calls("on v"), 6u);
  EXPECT_EQ(calls("every"), 2u);
}

TEST(Engine, OnDelayEndsAtItsInstant) {
  Alarming t;
  t.alarm("hot", t.above(t.v, 80)).when_for_ns = 5 * kSecond;
  t.module.alarms[0].clear_for_ns = 2 * kSecond;
  Running run(t);
  run.start();
  EXPECT_EQ(run.instance->next_deadline(), std::nullopt);
  run.deliver(kSecond, 90);
  EXPECT_EQ(run.instance->next_deadline(), 6 * kSecond);
  run.deliver(3 * kSecond, 95);  // still above: the delay runs on
  EXPECT_EQ(run.instance->next_deadline(), 6 * kSecond);
  run.deliver(4 * kSecond, 70);  // and ends here
  EXPECT_EQ(run.instance->next_deadline(), std::nullopt);
  run.deliver(5 * kSecond, 90);
  EXPECT_EQ(run.advance(10 * kSecond - 1), Lines{});
  EXPECT_EQ(run.advance(10 * kSecond), Lines{"10.000s raised hot: hot!"});
  EXPECT_EQ(run.instance->next_deadline(), std::nullopt);

  run.deliver(11 * kSecond, 70);
  EXPECT_EQ(run.instance->next_deadline(), 13 * kSecond);
  run.deliver(12 * kSecond, 90);
  run.deliver(12'500'000'000, 70);
  EXPECT_EQ(run.advance(20 * kSecond), Lines{"14.500s cleared hot"});
}

TEST(Engine, AReadingAtTheDelaysInstantComesFirst) {
  for (const bool still_hot : {false, true}) {
    Alarming t;
    t.alarm("hot", t.above(t.v, 80)).when_for_ns = 5 * kSecond;
    Running run(t);
    run.start();
    run.deliver(kSecond, 90);
    EXPECT_EQ(run.deliver(6 * kSecond, still_hot ? 90 : 70), still_hot ? Lines{"6.000s raised hot: hot!"} : Lines{});
    EXPECT_EQ(run.advance(6 * kSecond), Lines{});
  }
}

// `when v.stale`: now - time >= 30 s.
struct Silent : Alarming {
  Silent() : Alarming(30 * kSecond) {
    const std::uint16_t now_slot = slot(Region::Input, kI64, SlotKind::Now);
    const std::uint16_t limit = constant(Scalar::I64, to_word(30 * kSecond));
    const std::uint16_t now = load(Region::Input, Scalar::I64, now_slot),
                        time = load(Region::Input, Scalar::I64, v.time);
    const std::uint16_t age = reg(Scalar::I64), most = load(Region::Const, Scalar::I64, limit),
                        result = reg(Scalar::Bool);
    add(Op::SubI64, age, now, time);
    add(Op::LeI64, result, most, age);
    alarm("silent", condition("silent", result)).needs = {};
  }
};

TEST(Engine, SilenceIsNoticedAtItsInstant) {
  Running run{Silent{}};
  run.start(kSecond);
  EXPECT_EQ(run.instance->next_deadline(), 31 * kSecond);
  run.deliver(10 * kSecond, 1);
  EXPECT_EQ(run.instance->next_deadline(), 40 * kSecond);
  EXPECT_EQ(run.advance(40 * kSecond - 1), Lines{});
  EXPECT_EQ(run.advance(40 * kSecond), Lines{"40.000s raised silent: silent!"});
  EXPECT_EQ(run.instance->next_deadline(), std::nullopt);
  EXPECT_EQ(run.advance(500 * kSecond), Lines{});
  EXPECT_EQ(run.deliver(501 * kSecond, 1), Lines{"501.000s cleared silent"});
  // A reading taken 10 s before it came is silent 20 s after it came.
  EXPECT_EQ(run.deliver_taken(495 * kSecond, 505 * kSecond, 1), Lines{});
  EXPECT_EQ(run.instance->next_deadline(), 525 * kSecond);
  // One that was 30 s old when it came is silent at once.
  EXPECT_EQ(run.deliver_taken(480 * kSecond, 510 * kSecond, 1), Lines{"510.000s raised silent: silent!"});
  EXPECT_EQ(run.instance->next_deadline(), std::nullopt);
}

TEST(Engine, SilenceCountsFromTheStartWhenThereWasNoReading) {
  Running run{Silent{}};
  run.start(5 * kSecond);
  EXPECT_EQ(run.advance(35 * kSecond - 1), Lines{});
  EXPECT_EQ(run.advance(100 * kSecond), Lines{"35.000s raised silent: silent!"});
}

TEST(Engine, ASwitchIsOnWhileAnyOfItsAlarmsStands) {
  Alarming t;
  t.switch_output("siren", true);
  t.alarm("warm", t.above(t.v, 60)).drives = {OutputId{0}};
  t.alarm("hot", t.above(t.v, 80)).drives = {OutputId{0}};
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(0, 70), (Lines{"0.000s raised warm: warm!", "0.000s on siren"}));
  EXPECT_EQ(run.deliver(0, 90), Lines{"0.000s raised hot: hot!"});
  EXPECT_EQ(run.deliver(0, 70), Lines{"0.000s cleared hot"});
  EXPECT_EQ(run.deliver(0, 50), (Lines{"0.000s cleared warm", "0.000s off siren"}));
  EXPECT_EQ(run.instance->output_value(OutputId{0}), 0u);
}

TEST(Engine, ADrivenSwitchThatStartsOnGoesOffWhenNoAlarmStands) {
  Alarming t;
  t.switch_output("lamp", true, true, 1);
  t.alarm("hot", t.above(t.v, 80)).drives = {OutputId{0}};
  Running run(t);
  EXPECT_EQ(run.start(), (Lines{"0.000s on lamp", "0.000s off lamp"}));
}

TEST(Engine, AnAlarmIsRaisedEvenWhenItsTextFaults) {
  Alarming t;
  t.alarm("hot", t.above(t.v, 80));
  const TypeId of = t.text(Region::Const, 4);
  t.add(Op::Trap, static_cast<int>(Trap::DivideByZero));
  t.module.alarms[0].text = t.function("text of hot", {of}, {{0, 7}});
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(0, 81), Lines{"0.000s raised hot: hot (its text could not be made: division by zero)"});
  ASSERT_EQ(run.worker.faults().size(), 1u);
  EXPECT_EQ(run.worker.faults()[0].line, 7u);
  EXPECT_TRUE(run.instance->is_active(AlarmId{0}));
}

TEST(Engine, AFaultingConditionLeavesTheAlarmAndItsDelayStartsAnew) {
  // 1000 / (v - 90) > 0: faults at 90, holds above.
  Alarming t;
  const std::uint16_t ninety = t.constant(Scalar::F64, to_word(90.0));
  const std::uint16_t value = t.reading(t.v, Scalar::F64), from = t.load(Region::Const, Scalar::F64, ninety);
  const std::uint16_t rest = t.reg(Scalar::F64), whole = t.reg(Scalar::I64), thousand = t.number(1000),
                      zero = t.number(0);
  const std::uint16_t share = t.reg(Scalar::I64), result = t.reg(Scalar::Bool);
  t.add(Op::SubF64, rest, value, from);
  t.add(Op::I64Trunc, whole, rest);
  t.add(Op::DivI64, share, thousand, whole);
  t.add(Op::LtI64, result, zero, share);
  t.alarm("odd", t.condition("odd", result)).when_for_ns = 5 * kSecond;
  Running run(t);
  run.start();
  run.deliver(kSecond, 95);
  EXPECT_EQ(run.instance->next_deadline(), 6 * kSecond);
  EXPECT_EQ(run.deliver(2 * kSecond, 90), Lines{});
  ASSERT_EQ(run.worker.faults().size(), 1u);
  EXPECT_EQ(run.worker.faults()[0].trap, Trap::DivideByZero);
  EXPECT_EQ(run.instance->next_deadline(), std::nullopt);
  run.deliver(3 * kSecond, 95);
  EXPECT_EQ(run.advance(60 * kSecond), Lines{"8.000s raised odd: odd!"});
}

TEST(Engine, AConditionWithoutItsReadingIsNoFault) {
  Alarming t;
  const auto other = t.input("w", kF64);
  t.alarm("hot", t.above(other, 80)).needs = {};  // traps NoReading until w comes
  t.alarm("needy", t.above(t.v, 80)).needs = {t.v.id, other.id};
  Running run(t);
  EXPECT_EQ(run.start(), Lines{});
  EXPECT_TRUE(run.worker.faults().empty());
  EXPECT_EQ(run.deliver(0, 81, 0), Lines{});
  // w alone does not appear in needy's condition, yet it is what needy waited for.
  EXPECT_EQ(run.deliver(0, 1, 1), Lines{"0.000s raised needy: needy!"});
  EXPECT_EQ(run.deliver(0, 81, 1), Lines{"0.000s raised hot: hot!"});
}

TEST(Engine, AlarmsOverInputsComeBeforeHandlersThoseOverStateBehind) {
  Alarming t;
  const std::uint16_t highest = t.state(Scalar::F64, 0, "highest");
  t.module.state_image.resize(64);
  const OutputId out = t.value_output("out", Scalar::F64);
  // over state: declared first, evaluated last
  const std::uint16_t seen = t.load(Region::State, Scalar::F64, highest);
  const std::uint16_t bound = t.load(Region::Const, Scalar::F64, t.constant(Scalar::F64, to_word(80.0))),
                      result = t.reg(Scalar::Bool);
  t.add(Op::LtF64, result, bound, seen);
  Alarm& over_state = t.alarm("was_hot", t.condition("was hot", result));
  over_state.reads_state = true;
  over_state.needs = {};
  t.alarm("hot", t.above(t.v, 80));
  const std::uint16_t value = t.reading(t.v, Scalar::F64);
  t.add(Op::StoreF64, value, 0, highest);
  t.add(Op::Emit, static_cast<int>(out), value);
  t.add(Op::Return);
  t.on(t.v, t.function("on v"));
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(0, 81), (Lines{"0.000s raised hot: hot!", "0.000s out 81", "0.000s raised was_hot: was_hot!"}));
}

TEST(Engine, AHandlersFaultDoesNotTouchTheAlarms) {
  Stateful t;
  t.module.alarms.push_back(
      {.name = "hot", .when = t.above(t.v, 80), .text = t.constant_text("hot!"), .needs = {t.v.id}});
  Running run(t);
  run.start();
  EXPECT_EQ(run.deliver(0, 200), Lines{"0.000s raised hot: hot!"});
  EXPECT_EQ(run.worker.faults().size(), 1u);
}

TEST(Engine, AnAlarmMayLookAtAnother) {
  // Declared before the one that it looks at, so that declaration order alone would be too early.
  Alarming t;
  const std::uint16_t active = t.slot(Region::Input, kBool, SlotKind::AlarmActive, 1);
  const std::uint16_t flag = t.load(Region::Input, Scalar::Bool, active);
  t.alarm("chief", t.condition("chief", flag)).needs = {};
  t.alarm("hot", t.above(t.v, 80)).when_for_ns = kSecond;
  Running run(t);
  run.start();
  run.deliver(0, 90);
  EXPECT_EQ(run.advance(kSecond), (Lines{"1.000s raised hot: hot!", "1.000s raised chief: chief!"}));
  EXPECT_EQ(run.deliver(2 * kSecond, 1), (Lines{"2.000s cleared hot", "2.000s cleared chief"}));
}

TEST(Engine, AlarmsThatReadAClockAreLookedAtOnceASecond) {
  // now >= 3.5 s: noticed at the poll of 4 s.
  Alarming t;
  const std::uint16_t now_slot = t.slot(Region::Input, kI64, SlotKind::Now);
  const std::uint16_t limit = t.constant(Scalar::I64, to_word(std::int64_t{3'500'000'000}));
  const std::uint16_t now = t.load(Region::Input, Scalar::I64, now_slot),
                      bound = t.load(Region::Const, Scalar::I64, limit);
  const std::uint16_t result = t.reg(Scalar::Bool);
  t.add(Op::LeI64, result, bound, now);
  Alarm& alarm = t.alarm("late", t.condition("late", result));
  alarm.needs = {};
  alarm.polled = true;
  Running run(t);
  run.start();
  EXPECT_EQ(run.instance->next_deadline(), kSecond);
  EXPECT_EQ(run.advance(3'900'000'000), Lines{});
  EXPECT_EQ(run.advance(4 * kSecond), Lines{"4.000s raised late: late!"});
}

// ---- Time
// ------------------------------------------------------------------------------------------------------------

// A timer that emits its number.
void add_timer(TaskBuilder& t, OutputId out, TimeNs period, int number) {
  const std::uint16_t r = t.number(number);
  t.add(Op::Emit, static_cast<int>(out), r);
  t.add(Op::Return);
  t.every(period, t.function("every"));
}

TEST(Engine, TimersAtOneInstantRunInOrderOfDeclaration) {
  TaskBuilder t;
  const OutputId out = t.value_output("out", Scalar::I64);
  add_timer(t, out, 2 * kSecond, 1);
  add_timer(t, out, kSecond, 2);
  Running run(t);
  EXPECT_EQ(run.start(10 * kSecond), Lines{});
  EXPECT_EQ(run.advance(14 * kSecond), (Lines{"11.000s out 2", "12.000s out 1", "12.000s out 2", "13.000s out 2",
                                              "14.000s out 1", "14.000s out 2"}));
}

TEST(Engine, AtOneInstantAlarmsOverInputsComeBeforeTimers) {
  Alarming t;
  t.alarm("hot", t.above(t.v, 80)).when_for_ns = kSecond;
  add_timer(t, t.value_output("out", Scalar::I64), kSecond, 1);
  Running run(t);
  run.start();
  run.deliver(0, 90);
  EXPECT_EQ(run.advance(kSecond), (Lines{"1.000s raised hot: hot!", "1.000s out 1"}));
}

TEST(Engine, TimersDoNotDriftAndAGapIsCaughtUpAsAsked) {
  TaskBuilder t;
  add_timer(t, t.value_output("out", Scalar::I64), 300'000'000, 1);
  Running each(t);
  each.start();
  EXPECT_EQ(each.advance(kSecond), (Lines{"0.300s out 1", "0.600s out 1", "0.900s out 1"}));
  EXPECT_EQ(each.instance->next_deadline(), 1'200'000'000);
  EXPECT_EQ(each.instance->missed_periods(), 0u);

  Running latest(t);
  latest.start();
  EXPECT_EQ(latest.advance(350'000'000, CatchUp::Latest), Lines{"0.300s out 1"});
  EXPECT_EQ(latest.advance(kSecond + 299'000'000, CatchUp::Latest), Lines{"1.200s out 1"});  // 0.6 and 0.9 were missed
  EXPECT_EQ(latest.instance->missed_periods(), 2u);
  EXPECT_EQ(latest.instance->next_deadline(), 1'500'000'000);
}

TEST(Engine, AdvanceStopsWhenItsBuffersAreFullAndGoesOn) {
  TaskBuilder t;
  add_timer(t, t.value_output("out", Scalar::I64), kSecond, 1);
  Running run(t);
  run.start();
  std::size_t effects = 0, calls = 0;
  TimeNs expected = kSecond;
  while (run.instance->next_deadline() <= 1000 * kSecond) {
    run.advance(1000 * kSecond);
    ASSERT_GT(run.worker.effects().size(), 0u);
    for (const Effect& effect : run.worker.effects()) {
      EXPECT_EQ(effect.time, expected);
      expected += kSecond;
    }
    effects += run.worker.effects().size();
    ++calls;
  }
  EXPECT_EQ(effects, 1000u);
  EXPECT_GT(calls, 1u);
}

TEST(Engine, AnAlarmOverStateIsLookedAtAfterTheTimerThatChangesIt) {
  TaskBuilder t;
  const std::uint16_t count = t.state(Scalar::I64, 0, "n");
  t.module.state_image.resize(64);
  const std::uint16_t n = t.load(Region::State, Scalar::I64, count), one = t.number(1);
  t.add(Op::AddI64, n, n, one);
  t.add(Op::Store, n, 0, count);
  t.add(Op::Return);
  t.every(kSecond, t.function("every 1 s"));
  const std::uint16_t now = t.load(Region::State, Scalar::I64, count), two = t.number(2), result = t.reg(Scalar::Bool);
  t.add(Op::LtI64, result, two, now);
  t.module.alarms.push_back(
      {.name = "many", .when = t.condition("many", result), .text = t.constant_text("many!"), .reads_state = true});
  Running run(t);
  run.start();
  EXPECT_EQ(run.advance(10 * kSecond), Lines{"3.000s raised many: many!"});
}

// ---- Texts and names
// -------------------------------------------------------------------------------------------------

TEST(Engine, NamesAndTextReadingsAreCutAtACharacter) {
  TaskBuilder t;
  const TypeId words = t.text(Region::Input, 6);
  const auto input = t.input("v", words);
  const std::uint16_t name = t.slot(Region::Input, words, SlotKind::InputName, 0);
  const OutputId log =
      t.output({.name = "log", .kind = OutputKind::Log, .fields = {{"name", words, ""}, {"v", words, ""}}});
  const std::uint16_t a = t.reg(words), b = t.reg(words);
  t.add(Op::Ref, a, words, name);
  t.add(Op::Ref, b, words, input.value);
  t.add(Op::Emit, static_cast<int>(log), a);
  t.add(Op::Return);
  t.on(input, t.function("on v"));
  Running run(t, {"Ofen 1"});
  run.start();
  run.instance->deliver_text(run.worker, input.id, "grün", 0, 0);  // 5 bytes
  EXPECT_EQ(run.lines(), Lines{"0.000s log 'Ofen 1' 'grün'"});
  EXPECT_EQ(run.worker.texts_cut(), 0u);
  run.instance->deliver_text(run.worker, input.id, "12345ü", 0, 0);  // its last character does not fit in 6
  EXPECT_EQ(run.lines(), Lines{"0.000s log 'Ofen 1' '12345'"});
  EXPECT_EQ(run.worker.texts_cut(), 1u);
}

TEST(Engine, ParamsTakeTheSitesValueOrTheirDefault) {
  TaskBuilder t;
  const auto input = t.input("v", kF64);
  const OutputId log = t.output({.name = "log", .kind = OutputKind::Log, .fields = {{"a", kI64, ""}, {"b", kI64, ""}}});
  for (const auto& [name, value] : {std::pair{"a", 5}, std::pair{"b", 6}}) {
    const std::uint16_t at = t.slot(Region::Param, kI64, SlotKind::Plain, 0, name);
    const Word word = to_word(value);
    std::memcpy(t.module.param_image.data() + at * 8, &word, 8);
    t.module.params.push_back({.name = name, .type = Scalar::I64, .offset = at * 8u});
  }
  const std::uint16_t a = t.load(Region::Param, Scalar::I64, 0);
  t.load(Region::Param, Scalar::I64, 1);
  t.add(Op::Emit, static_cast<int>(log), a);
  t.add(Op::Return);
  t.on(input, t.function("on v"));
  Running run(t.module, {}, {std::nullopt, to_word(60)}, 1000);
  run.start();
  EXPECT_EQ(run.deliver(0, 0), Lines{"0.000s log 5 60"});
}

TEST(Engine, AnInstanceCanBeAskedBetweenEvents) {
  Stateful t;
  const std::uint16_t n = t.load(Region::State, Scalar::I64, t.count);
  t.add(Op::Return, n);
  const FunctionId count = t.function("n", {kI64}), text = t.constant_text("words");
  t.add(Op::Trap, static_cast<int>(Trap::DivideByZero));
  const FunctionId faulting = t.function("x", {kI64});
  Running run(t);
  run.start();
  run.deliver(0, 5);
  run.deliver(0, 6);
  EXPECT_EQ(run.instance->ask(run.worker, count, 0).word, 2u);
  EXPECT_EQ(run.instance->ask(run.worker, text, 0).text, "words");
  EXPECT_EQ(run.instance->ask(run.worker, faulting, 0).trap, Trap::DivideByZero);
}

// ---- Many, and small
// -------------------------------------------------------------------------------------------------

// The task of the first example: two alarms that drive one siren, a row of history for each reading.
struct Monitor : Silent {
  Monitor() {
    const std::uint16_t event = slot(Region::Input, kI64, SlotKind::EventTime);
    const TypeId name = text(Region::Input, 64);
    const std::uint16_t name_slot = slot(Region::Input, name, SlotKind::InputName, 0);
    const OutputId siren = switch_output("siren", true, true, 0);
    const OutputId history =
        output({.name = "history", .kind = OutputKind::Log, .fields = {{"temp", kF64, ""}, {"at", kI64, ""}}});
    Alarm& hot = alarm("hot", above(v, 80));
    hot.priority = Priority::High;  // never held back, however often it is raised
    hot.drives = module.alarms[0].drives = {siren};
    hot.clear = below(v, 78);
    const TypeId words = text(Region::Scratch, 100);
    const std::uint16_t room = slot(Region::Scratch, words);
    module.scratch_bytes = 128;
    const std::uint16_t from = reg(name), to = reg(words);
    add(Op::Ref, from, name, name_slot);
    add(Op::Ref, to, words, room);
    add(Op::TextAppend, to, from);
    add(Op::Return, to);
    hot.text = function("text of hot", {words});
    const std::uint16_t value = reading(v, Scalar::F64);
    load(Region::Input, Scalar::I64, event);
    add(Op::Emit, static_cast<int>(history), value);
    add(Op::Return);
    on(v, function("on v"));
  }
};

TEST(Engine, NothingAllocatesAfterTheStart) {
  const Stateful stateful;
  Monitor monitor;
  add_timer(monitor, monitor.value_output("beat", Scalar::I64), kSecond, 1);
  Running a(monitor, {"T1"}), b(stateful);
  const std::uint64_t before = allocations();
  a.instance->start(a.worker, 0);
  b.instance->start(b.worker, 0);
  std::uint64_t effects = 0, faults = 0;
  for (int n = 1; n <= 1000; ++n) {
    const TimeNs now = n * kSecond / 2;
    a.instance->advance(a.worker, now - 1);
    effects += a.worker.effects().size();
    a.instance->deliver(a.worker, InputId{0}, to_word(n % 2 == 0 ? 70.0 : 90.0), now, now);
    effects += a.worker.effects().size();
    b.instance->deliver(b.worker, InputId{0}, to_word(n % 2 == 0 ? 70.0 : 190.0), now, now);
    faults += b.worker.faults().size();
  }
  a.instance->advance(a.worker, 531 * kSecond);
  EXPECT_EQ(allocations(), before);
  // Half a second each to 500 s: 1,000 rows, 500 raised and 500 cleared, each with its siren; a beat each second to 499
  // s.
  EXPECT_EQ(effects, 1000u + 4 * 500 + 499);
  EXPECT_EQ(faults, 500u);
}

TEST(Engine, AnInstanceIsSmallAndManyShareAWorker) {
  Running run(Monitor{}, {"T0"});
  EXPECT_LT(run.instance->memory_bytes(), 1024u);
  std::vector<Instance> many;
  for (int n = 0; n < 1000; ++n)
    many.emplace_back(*run.program, Instance::Binding{.params = {}, .input_names = {"T" + std::to_string(n)}});
  for (Instance& instance : many) instance.start(run.worker, 0);
  for (int n = 0; n < 1000; ++n) {
    many[static_cast<std::size_t>(n)].deliver(run.worker, InputId{0}, to_word(n == 417 ? 90.0 : 70.0), 0, 0);
    if (n == 417) {
      EXPECT_EQ(run.lines(), (Lines{"0.000s raised hot: T417", "0.000s history 90 0", "0.000s on siren"}));
    } else {
      EXPECT_EQ(run.lines(), Lines{"0.000s history 70 0"});
    }
  }
}

TEST(Engine, AWorkerServesSeveralProgramsInTurn) {
  Running a(Monitor{}, {"T1"}), b{Stateful{}};
  a.worker.serve(*b.program);
  Instance second(*b.program, {});
  a.start();
  second.start(a.worker, 0);
  for (int n = 0; n < 3; ++n) {
    EXPECT_EQ(a.deliver(0, 70), Lines{"0.000s history 70 0"});
    second.deliver(a.worker, InputId{0}, to_word(5.0), 0, 0);
    ASSERT_EQ(a.worker.effects().size(), 1u);
    EXPECT_EQ(Running::word(a.worker.effects()[0]), static_cast<Word>(n + 1));
  }
}

}  // namespace
}  // namespace eyeflow::vm::test
