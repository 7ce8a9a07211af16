// Flow, calls and fuel, on code written by hand. What each instruction computes is shown by tests/golden/isa.
#include <gtest/gtest.h>

#include "vm/interpreter/tier.h"

namespace eyeflow::vm {
namespace {

constexpr TypeId kCounter10 = kFirstModuleType;  // at most ten trips
constexpr TypeId kI64 = type_id(Scalar::I64), kBool = type_id(Scalar::Bool);

FunctionBound metered(std::uint64_t entry_fuel, std::vector<std::uint64_t> trip_fuel = {}) {
  FunctionBound bound;
  bound.entry_fuel = entry_fuel;
  bound.trip_fuel = std::move(trip_fuel);
  return bound;
}

// A module without the verifier's blessing: bounds are given by the test, so that it can tell what the interpreter
// itself charges.
struct Machine {
  VerifiedModule verified;
  std::unique_ptr<TierCode> code;
  std::vector<Word> registers = std::vector<Word>(64, 0xDEAD);  // dirty: frames must be cleared
  std::vector<CallRecord> calls = std::vector<CallRecord>(8);
  Context context;

  Machine() {
    verified.module.types = {{TypeKind::Counter, Scalar::Void, Region::Const, 10}};
    verified.references.assign(kFirstModuleType + 1, 0);
    verified.references[kCounter10] = Reference::make(Region::Const, 0, 10).word;
  }
  FunctionId add(std::uint16_t params, std::vector<TypeId> results, std::vector<TypeId> registers_of,
                 std::vector<Instruction> instructions, FunctionBound bound = {}) {
    bound.trip_fuel.resize(registers_of.size());
    verified.module.functions.push_back(
        {"f", params, std::move(results), std::move(registers_of), std::move(instructions), {}});
    verified.bounds.push_back(std::move(bound));
    return static_cast<FunctionId>(verified.module.functions.size() - 1);
  }
  Trap run(FunctionId id, std::vector<Word> arguments = {}) {
    if (!code) code = kInterpreter.prepare(verified, context.intrinsics);
    std::copy(arguments.begin(), arguments.end(), registers.begin());
    context.registers = registers.data();
    context.calls = calls.data();
    context.references = verified.references.data();
    return code->run(id, context);
  }
};

// sum of 0 … n-1, by a counted loop
FunctionId add_sum(Machine& m, FunctionBound bound = {}) {
  return m.add(1, {kI64}, {kI64, kCounter10, kI64, kI64},
               {{Op::LoopBegin, 1, 0, kCounter10},
                {Op::LoopEnter, 1, 4, 0},
                {Op::LoopIndex, 2, 1, 0},
                {Op::AddI64, 3, 3, 2},
                {Op::LoopNext, 1, 2, 0},
                {Op::Return, 3, 0, 0}},
               std::move(bound));
}

TEST(Interpreter, CountedLoopMakesItsTrips) {
  Machine m;
  const FunctionId sum = add_sum(m);
  EXPECT_EQ(m.run(sum, {10}), Trap::None);
  EXPECT_EQ(m.registers[0], 45u);
  EXPECT_EQ(m.run(sum, {1}), Trap::None);
  EXPECT_EQ(m.registers[0], 0u);
}

TEST(Interpreter, LoopWithoutTripsIsSkipped) {
  Machine m;
  const FunctionId sum = add_sum(m);
  EXPECT_EQ(m.run(sum, {0}), Trap::None);
  EXPECT_EQ(m.registers[0], 0u);
  EXPECT_EQ(m.run(sum, {to_word(std::int64_t{-5})}), Trap::None);
  EXPECT_EQ(m.registers[0], 0u);
}

TEST(Interpreter, MoreTripsThanTheTypeAllowsTrap) {
  Machine m;
  const FunctionId sum = add_sum(m);
  EXPECT_EQ(m.run(sum, {11}), Trap::TripLimit);
  EXPECT_EQ(m.context.trap_function, index(sum));
  EXPECT_EQ(m.context.trap_instruction, 0u);
  EXPECT_EQ(m.run(sum, {to_word(std::numeric_limits<std::int64_t>::max())}), Trap::TripLimit);
}

TEST(Interpreter, MeteredLoopChargesItsTripsAtEntry) {
  Machine m;
  const FunctionId sum = add_sum(m, metered(5, {0, 3, 0, 0}));
  m.context.metered = true;
  m.context.fuel = 100;
  EXPECT_EQ(m.run(sum, {10}), Trap::None);
  EXPECT_EQ(m.context.fuel, 100u - 5 - 30);

  m.context.fuel = 34;  // entry fits, ten trips do not: nothing of the loop is charged
  EXPECT_EQ(m.run(sum, {10}), Trap::OutOfFuel);
  EXPECT_EQ(m.context.fuel, 29u);
  EXPECT_EQ(m.context.trap_instruction, 1u);

  m.context.fuel = 4;
  EXPECT_EQ(m.run(sum, {0}), Trap::OutOfFuel);
  EXPECT_EQ(m.context.fuel, 4u);
}

// while i < limit { i += 1 }: the counter allows ten trips, so a limit of ten is reached and eleven is not
FunctionId add_while(Machine& m, FunctionBound bound = {}) {
  return m.add(1, {kI64}, {kI64, kCounter10, kI64, kI64, kBool},
               {{Op::LoadImm, 3, 1, 0},
                {Op::WhileBegin, 1, kCounter10, 0},
                {Op::LtI64, 4, 2, 0},
                {Op::WhileTest, 1, 4, 3},
                {Op::AddI64, 2, 2, 3},
                {Op::WhileNext, 1, 3, 0},
                {Op::Return, 2, 0, 0}},
               std::move(bound));
}

TEST(Interpreter, WhileReachesItsMaxAndTrapsBeyond) {
  Machine m;
  const FunctionId count = add_while(m);
  EXPECT_EQ(m.run(count, {10}), Trap::None);
  EXPECT_EQ(m.registers[0], 10u);
  EXPECT_EQ(m.run(count, {0}), Trap::None);
  EXPECT_EQ(m.registers[0], 0u);
  EXPECT_EQ(m.run(count, {11}), Trap::WhileLimit);
  EXPECT_EQ(m.context.trap_instruction, 3u);
}

TEST(Interpreter, MeteredWhileChargesPerTrip) {
  Machine m;
  const FunctionId count = add_while(m, metered(2, {0, 4, 0, 0, 0}));
  m.context.metered = true;
  m.context.fuel = 2 + 4 * 6;
  EXPECT_EQ(m.run(count, {6}), Trap::None);
  EXPECT_EQ(m.context.fuel, 0u);
  m.context.fuel = 2 + 4 * 6 - 1;
  EXPECT_EQ(m.run(count, {6}), Trap::OutOfFuel);
  EXPECT_EQ(m.context.fuel, 3u);
}

TEST(Interpreter, CallsNestWithFramesOfTheirOwn) {
  Machine m;
  // difference(a, b) = a - b; its scratch register must read zero each time
  const FunctionId difference =
      m.add(2, {kI64, kI64}, {kI64, kI64, kI64, kI64}, {{Op::SubI64, 2, 0, 1}, {Op::Return, 2, 0, 0}}, metered(7));
  // twice(x) = difference(difference(x, 1).0, 1).0 + the callee's second result, a register that it never wrote
  const FunctionId twice = m.add(1, {kI64}, {kI64, kI64, kI64, kI64},
                                 {{Op::Move, 1, 0, 0},
                                  {Op::LoadImm, 2, 1, 0},
                                  {Op::Call, 1, static_cast<std::uint16_t>(difference), 1},
                                  {Op::LoadImm, 2, 1, 0},
                                  {Op::Call, 1, static_cast<std::uint16_t>(difference), 1},
                                  {Op::AddI64, 3, 1, 2},
                                  {Op::Return, 3, 0, 0}},
                                 metered(1));
  EXPECT_EQ(m.run(twice, {44}), Trap::None);
  EXPECT_EQ(m.registers[0], 42u);

  m.context.metered = true;
  m.context.fuel = 1 + 7 + 6;
  EXPECT_EQ(m.run(twice, {44}), Trap::OutOfFuel);
  EXPECT_EQ(m.context.fuel, 6u);
  EXPECT_EQ(m.context.trap_function, index(twice));
  EXPECT_EQ(m.context.trap_instruction, 4u);
}

TEST(Interpreter, TrapNamesTheInnermostFunction) {
  Machine m;
  const FunctionId faulty = m.add(0, {}, {}, {{Op::Trap, static_cast<std::uint16_t>(Trap::Fault), 0, 0}});
  const FunctionId caller =
      m.add(0, {}, {}, {{Op::Call, 0, static_cast<std::uint16_t>(faulty), 0}, {Op::Return, 0, 0, 0}});
  EXPECT_EQ(m.run(caller), Trap::Fault);
  EXPECT_EQ(m.context.trap_function, index(faulty));
  EXPECT_EQ(m.context.trap_instruction, 0u);
}

Trap refuse_negative(Context&, const Word* arguments, Word* result) {
  if (from_word<std::int64_t>(arguments[0]) < 0) return Trap::Fault;
  *result = arguments[0] * 2;
  return Trap::None;
}

TEST(Interpreter, IntrinsicsGiveResultsAndTraps) {
  const IntrinsicDesc table[] = {{.id = 0,
                                  .name = "test.double",
                                  .result = Scalar::I64,
                                  .param_count = 1,
                                  .params = {},
                                  .cost = 1,
                                  .cost_per_four_elements = 0,
                                  .function = refuse_negative,
                                  .meaning = ""}};
  Machine m;
  m.context.intrinsics = table;
  const FunctionId f = m.add(1, {kI64}, {kI64, kI64}, {{Op::CallIntrinsic, 1, 0, 0}, {Op::Return, 1, 0, 0}});
  EXPECT_EQ(m.run(f, {21}), Trap::None);
  EXPECT_EQ(m.registers[0], 42u);
  EXPECT_EQ(m.run(f, {to_word(std::int64_t{-1})}), Trap::Fault);
}

}  // namespace
}  // namespace eyeflow::vm
