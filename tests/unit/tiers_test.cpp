#include <gtest/gtest.h>

#include <map>
#include <set>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/fuzz/guarded_memory.h"
#include "tests/fuzz/scenario.h"
#include "tests/fuzz/shrink.h"

// Whether the comparison of tiers (tests/fuzz/tiers.cpp) would see what it looks for.
namespace eyeflow::vm::test {
namespace {

IntrinsicTable intrinsics() { return stdlib::intrinsics(); }

TEST(GuardedMemory, EndsAtPagesThatNothingCanAccess) {
  GuardedMemory memory;
  for (const std::size_t bytes : {8u, 4096u, 10'000u, 16u}) {
    volatile std::byte* const first = memory.place(bytes, Against::Start);
    first[0] = std::byte{1};
    first[bytes - 1] = std::byte{1};
    EXPECT_DEATH(first[-1] = std::byte{1}, "");
    const std::size_t rounded = (bytes + 7) / 8 * 8;
    volatile std::byte* const last = memory.place(bytes, Against::End);
    last[0] = std::byte{1};
    last[bytes - 1] = std::byte{1};
    EXPECT_DEATH(last[rounded] = std::byte{1}, "");
  }
}

std::set<Op> rows_of(const Module& module) {
  std::set<Op> rows;
  for (const Function& function : module.functions)
    for (const Instruction& i : function.code) rows.insert(i.op);
  return rows;
}

// With a trap in the row's place: whether the events get there.
bool runs(const Scenario& scenario, Op row) {
  VerifiedModule trapped = scenario.program;
  for (Function& function : trapped.module.functions)
    for (Instruction& i : function.code)
      if (i.op == row) i = {Op::Trap, static_cast<std::uint16_t>(Trap::Fault)};
  Machine machine(kInterpreter);
  machine.load(trapped, intrinsics(), scenario.side);
  for (const Event& event : scenario.events) {
    machine.run(event);
    const Machine::Outcome& outcome = machine.outcome();
    if (outcome.trap == Trap::Fault &&
        scenario.program.module.functions[outcome.trap_function].code[outcome.trap_instruction].op == row)
      return true;
  }
  return false;
}

// Not only generated: reached.
TEST(Tiers, EveryRowRunsInSomeTask) {
  std::map<Op, std::uint64_t> first_seed;
  for (std::uint64_t seed = 0; seed < 4000 && first_seed.size() < kOpCount; ++seed) {
    const Scenario scenario = generate_scenario(seed, intrinsics());
    for (const Op row : rows_of(scenario.program.module))
      if (!first_seed.contains(row) && runs(scenario, row)) first_seed[row] = seed;
  }
  std::uint64_t last = 0;
  for (std::size_t n = 0; n < kOpCount; ++n) {
    const auto found = first_seed.find(static_cast<Op>(n));
    EXPECT_NE(found, first_seed.end()) << info(static_cast<Op>(n)).mnemonic << " runs in no task";
    if (found != first_seed.end()) last = std::max(last, found->second);
  }
  std::printf("%zu of %zu rows run; the last one first in the task of seed %llu\n", first_seed.size(), kOpCount,
              static_cast<unsigned long long>(last));
}

// What traps at once compares nothing; traps are part of what is compared, though.
TEST(Tiers, MostEventsEndWithoutATrapAndEveryTrapHappens) {
  std::map<Trap, int> traps;
  int events = 0;
  Machine machine(kInterpreter);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const Scenario scenario = generate_scenario(seed, intrinsics());
    machine.load(scenario.program, intrinsics(), scenario.side);
    for (const Event& event : scenario.events) {
      machine.run(event);
      ++traps[machine.outcome().trap];
      ++events;
    }
    machine.unload();
  }
  for (int n = 0; n < kTrapCount; ++n) {
    // Generated tasks ask no models: isa/intrinsics/models.eva shows what those may end with.
    if (Trap(n) == Trap::ModelFailed || Trap(n) == Trap::ModelLate) continue;
    EXPECT_GT(traps[static_cast<Trap>(n)], 0) << kTrapNames[n];
    std::printf("%6d %s\n", traps[static_cast<Trap>(n)], std::string(kTrapNames[n]).c_str());
  }
  EXPECT_GT(traps[Trap::None] * 2, events);
}

// ---- Tiers with a mistake
// ----------------------------------------------------------------------------------------------

Op taken, given;  // the mistake: one row does what another one does

class WrongCode final : public TierCode {
 public:
  explicit WrongCode(const VerifiedModule& module) : module_(module) {
    for (Function& function : module_.module.functions)
      for (Instruction& i : function.code)
        if (i.op == taken) i.op = given;
    code_ = kInterpreter.prepare(module_, intrinsics());
  }
  Trap run(FunctionId function, Context& context) const override { return code_->run(function, context); }
  TierReport report() const override { return code_->report(); }
  FunctionReport report(FunctionId function) const override { return code_->report(function); }

 private:
  VerifiedModule module_;
  std::unique_ptr<TierCode> code_;
};

std::unique_ptr<TierCode> make_wrong(const VerifiedModule& module, IntrinsicTable, const PrepareOptions&) {
  return std::make_unique<WrongCode>(module);
}
constexpr Tier kWrong{"wrong", &make_wrong};

bool is_wrong(const Scenario& scenario) {
  Comparison comparison(kInterpreter, kWrong);
  return comparison.difference(scenario, intrinsics()).has_value();
}

TEST(Tiers, AMistakeOfOneRowIsFoundAndMadeSmall) {
  constexpr struct {
    Op taken, given;
  } kMistakes[] = {{Op::AddI64, Op::SubI64},
                   {Op::DivI32, Op::ModI32},
                   {Op::ShlU8, Op::ShrU8},
                   {Op::LtF64, Op::LeF64},
                   {Op::MinF32, Op::MaxF32},
                   {Op::I64Floor, Op::I64Trunc},
                   {Op::JumpIf, Op::JumpUnless},
                   {Op::TextAppend, Op::TextCopy},
                   {Op::ArrayMinF64, Op::ArrayMaxF64},
                   {Op::JumpUnlessLtF64, Op::JumpUnlessLeF64}};
  for (const auto& mistake : kMistakes) {
    taken = mistake.taken;
    given = mistake.given;
    const std::string what(info(taken).mnemonic);
    std::uint64_t seed = 0;
    while (seed < 20000 && !is_wrong(generate_scenario(seed, intrinsics()))) ++seed;
    ASSERT_LT(seed, 20000u) << what << " can do what another row does, and nothing tells";
    const Scenario small = shrink(generate_scenario(seed, intrinsics()), intrinsics(), &is_wrong);
    std::size_t instructions = 0;
    for (const Function& function : small.program.module.functions) instructions += function.code.size();
    EXPECT_TRUE(is_wrong(small)) << what;
    EXPECT_TRUE(rows_of(small.program.module).contains(taken)) << what;
    EXPECT_LE(instructions, 25u) << what << ", seed " << seed << "\n" << write_scenario(small, intrinsics());
  }
}

}  // namespace
}  // namespace eyeflow::vm::test
