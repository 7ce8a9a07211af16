#include "tests/fuzz/generate.h"

#include <gtest/gtest.h>

#include <map>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/fuzz/run_function.h"
#include "vm/assembly/assembly.h"

// Programs made from the opcode table, against everything that handles programs.
namespace eyeflow::vm {
namespace {

constexpr std::uint64_t kSeeds = 500;
IntrinsicTable intrinsics() { return stdlib::intrinsics(); }

TEST(Generator, TheSameSeedGivesTheSameModule) {
  EXPECT_EQ(test::generate_module(7, intrinsics()), test::generate_module(7, intrinsics()));
  EXPECT_NE(test::generate_module(7, intrinsics()), test::generate_module(8, intrinsics()));
}

TEST(Generator, EveryModuleVerifies) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto verified = verify(test::generate_module(seed, intrinsics()), intrinsics());
    ASSERT_TRUE(verified) << "seed " << seed << ": " << verified.error().message;
  }
}

TEST(Generator, EveryInstructionAndIntrinsicIsGenerated) {
  std::map<Op, int> ops;
  std::map<std::uint16_t, int> called;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    for (const Function& function : test::generate_module(seed, intrinsics()).functions)
      for (const Instruction& i : function.code) {
        ++ops[i.op];
        if (i.op == Op::CallIntrinsic) ++called[i.b];
      }
  for (std::size_t n = 0; n < kOpCount; ++n) EXPECT_GT(ops[static_cast<Op>(n)], 5) << info(static_cast<Op>(n)).mnemonic;
  for (const IntrinsicDesc& desc : intrinsics()) EXPECT_GT(called[desc.id], 0) << desc.name;
}

TEST(Generator, BytesAndTextGiveTheModuleBack) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Module module = test::generate_module(seed, intrinsics());
    const auto bytes = write_module(module);
    const auto read = read_module(bytes);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, module) << "seed " << seed;
    const std::string text = disassemble(module, {.intrinsics = intrinsics()});
    const auto again = assemble(text, intrinsics());
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().message;
    EXPECT_EQ(write_module(*again), bytes) << "seed " << seed;
  }
}

// One way through a function, at every fork by chance, without looking at values: what it costs by the table, and what
// metering charges for it.
class Walk {
 public:
  Walk(const VerifiedModule& verified, test::Random& random)
      : verified_(verified), m_(verified.module), random_(random) {}

  std::uint64_t cost = 0, charged = 0;
  std::uint64_t steps = 0;

  void function(std::size_t id) {
    const Function& f = m_.functions[id];
    charged += verified_.bounds[id].entry_fuel;
    std::map<std::uint16_t, std::uint32_t> left;  // trips, by counter
    for (std::size_t at = 0; steps < kMostSteps; ++steps) {
      const Instruction& i = f.code[at];
      cost += cost_of(f, i);
      switch (i.op) {
        case Op::Return:
        case Op::Trap:
          return;
        case Op::Jump:
          at += i.a;
          continue;
        case Op::LoopBegin:
          left[i.a] = random_.below(m_.type(i.c)->capacity + 1);
          break;
        case Op::LoopEnter:
          charged += left[i.a] * verified_.bounds[id].trip_fuel[i.a];
          if (left[i.a] == 0) {
            at += i.b;
            continue;
          }
          break;
        case Op::LoopNext:
        case Op::LoopStep:
          if (--left[i.a] > 0) {
            at -= i.b;
            continue;
          }
          break;
        case Op::WhileBegin:
          left[i.a] = m_.type(i.b)->capacity;
          break;
        case Op::WhileTest:
          if (random_.chance(20)) {
            at += i.c;
            continue;
          }
          if (left[i.a] == 0) return;
          --left[i.a];
          charged += verified_.bounds[id].trip_fuel[i.a];
          break;
        case Op::WhileNext:
          at -= i.b;
          continue;
        case Op::WhileEnter:
          left[i.a] = m_.type(i.b)->capacity;
          if (left[i.a]-- == 0) return;
          charged += verified_.bounds[id].trip_fuel[i.a];
          break;
        case Op::Call:
          function(i.b);
          break;
        default:
          if (repeats_while(i.op) && (info(i.op).has(Ends) || random_.chance(80))) {
            at -= i.a;
            const std::uint16_t counter = f.code[at - 1].a;
            if (left[counter]-- == 0) return;
            charged += verified_.bounds[id].trip_fuel[counter];
            continue;
          }
          if (info(i.op).operands[0].role == Role::Target && random_.chance(50)) {
            at += i.a;
            continue;
          }
          break;
      }
      ++at;
    }
  }

 private:
  static constexpr std::uint64_t kMostSteps = 100'000;

  std::uint64_t cost_of(const Function& f, const Instruction& i) const {
    const OpInfo& row = info(i.op);
    const bool least = row.has(PerLeast);
    std::uint64_t capacity = least ? UINT64_MAX : 0;
    const auto see = [&](std::size_t reg) {
      const Type& type = *m_.type(f.registers[reg]);
      if (type.kind == TypeKind::Scalar || type.kind == TypeKind::Counter) return;
      capacity =
          least ? std::min<std::uint64_t>(capacity, type.capacity) : std::max<std::uint64_t>(capacity, type.capacity);
    };
    const std::uint16_t fields[] = {i.a, i.b, i.c};
    for (std::size_t n = 0; n < 3; ++n)
      if (row.operands[n].role == Role::Read) see(fields[n]);
    std::uint64_t sum = row.cost + row.cost_per_four_elements() * ((capacity + 3) / 4);
    if (i.op == Op::CallIntrinsic) {
      const IntrinsicDesc& desc = intrinsics()[i.b];
      for (std::size_t n = 0; n < desc.param_count; ++n) see(i.c + n);
      sum += desc.cost + desc.cost_per_four_elements * ((capacity + 3) / 4);
    }
    return sum;
  }

  const VerifiedModule& verified_;
  const Module& m_;
  test::Random& random_;
};

TEST(Generator, NoWayCostsMoreThanTheBoundOrThanMeteringCharges) {
  test::Random random(1);
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto verified = verify(test::generate_module(seed, intrinsics()), intrinsics());
    ASSERT_TRUE(verified);
    for (std::size_t id = 0; id < verified->module.functions.size(); ++id)
      for (int n = 0; n < 20; ++n) {
        Walk walk(*verified, random);
        walk.function(id);
        ASSERT_LE(walk.cost, verified->bounds[id].fuel) << "seed " << seed << ", function " << id;
        ASSERT_LE(walk.cost, walk.charged) << "seed " << seed << ", function " << id;
      }
  }
}

// Two runs end alike; metering changes nothing but the fuel; and what is charged is not less than the bound's entry.
TEST(Generator, RunsAreRepeatable) {
  std::map<Trap, int> traps;
  for (std::uint64_t seed = 0; seed < 3 * kSeeds; ++seed) {
    const auto verified = verify(test::generate_module(seed, intrinsics()), intrinsics());
    ASSERT_TRUE(verified);
    for (const Handler& handler : verified->module.handlers) {
      const auto once = test::run_function(*verified, intrinsics(), handler.function, {.metered = true});
      EXPECT_EQ(once, test::run_function(*verified, intrinsics(), handler.function, {.metered = true}))
          << "seed " << seed;
      ++traps[once.trap];
      EXPECT_TRUE(test::state_holds_values(*verified, intrinsics(), once)) << "seed " << seed;
      if (once.trap == Trap::OutOfFuel) continue;
      EXPECT_GE(once.fuel_used, verified->bounds[index(handler.function)].entry_fuel) << "seed " << seed;
      auto unmetered = test::run_function(*verified, intrinsics(), handler.function);
      unmetered.fuel_used = once.fuel_used;
      EXPECT_EQ(unmetered, once) << "seed " << seed;
    }
  }
  // Programs that all trap at once would compare nothing.
  EXPECT_GT(traps[Trap::None], 900);
  EXPECT_GT(traps.size(), 8u);
}

}  // namespace
}  // namespace eyeflow::vm
