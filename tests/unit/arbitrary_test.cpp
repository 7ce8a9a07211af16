#include "compiler/testing/arbitrary.h"

#include <gtest/gtest.h>

#include "compiler/modules/load.h"

namespace eyeflow::compiler {
namespace {

// The first numbers of SplitMix64 from the seed 1234567, as its authors' C code gives them.
TEST(Arbitrary, DrawsTheNumbersOfSplitMix64) {
  Random random(1234567);
  for (const std::uint64_t expected :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u, 16408922859458223821u})
    EXPECT_EQ(random.next(), expected);
}

class ArbitraryTest : public testing::Test {
 protected:
  void load(const std::string& any) {
    const std::string text =
        "enum Mode { idle, running, fault }\n"
        "task t { input x : °C stale after 30 s  output o : switch  on x as v { o.set(v > 3 °C) } }\n"
        "test \"any\" of t { for any " +
        any + " expect not o or o }\n";
    loaded_ = compiler::load(text, "t.eft");
    ASSERT_TRUE(loaded_.program) << render_all(loaded_.diagnostics, loaded_.sources);
  }
  const typed::Test& test() const { return loaded_.program->tests[0]; }
  Arbitrary make(std::uint64_t seed = 1) const { return Arbitrary(loaded_.program->tasks[0], test(), seed); }

  Loaded loaded_;
};

TEST_F(ArbitraryTest, StaysInsideItsRanges) {
  load(
      "_a: u8 in 0 .. 255, _b: i32 in -2147483648 .. 2147483647, _c: u64 in 0 .. 18446744073709551615, "
      "_d: f32 in -0.1 .. 0.1, _e in 1 s .. 1 min, _f: Mode, _g: bool, _h: int in -9223372036854775807 .. "
      "9223372036854775807");
  bool saw[8] = {};
  for (std::uint64_t number = 0; number < 2000; ++number) {
    const Sample sample = make().sample(number);
    ASSERT_EQ(sample.givens.size(), 8u);
    const auto whole = [&](std::size_t i) { return static_cast<std::int64_t>(sample.givens[i]); };
    EXPECT_LE(sample.givens[0], 255u);
    EXPECT_TRUE(whole(1) >= INT32_MIN && whole(1) <= INT32_MAX) << whole(1);
    const auto f = vm::from_word<float>(sample.givens[3]);
    EXPECT_TRUE(f >= -0.1f && f <= 0.1f) << f;
    EXPECT_TRUE(whole(4) >= 1'000'000'000 && whole(4) <= 60'000'000'000) << whole(4);
    EXPECT_LE(sample.givens[5], 2u);
    EXPECT_LE(sample.givens[6], 1u);
    EXPECT_NE(whole(7), INT64_MIN);
    const bool seen[8] = {sample.givens[0] > 200,
                          whole(1) < -2'000'000'000,
                          sample.givens[2] > UINT64_MAX / 2,
                          f < -0.05f,
                          whole(4) > 50'000'000'000,
                          sample.givens[5] == 2,
                          sample.givens[6] == 1,
                          whole(7) < INT64_MIN / 2};
    for (std::size_t i = 0; i < 8; ++i) saw[i] = saw[i] || seen[i];
  }
  for (std::size_t i = 0; i < 8; ++i) EXPECT_TRUE(saw[i]) << i;
}

TEST_F(ArbitraryTest, GivesTheSameOfOneSeedAndOtherValuesOfAnother) {
  load("x in 0 °C .. 50 °C");
  int same = 0;
  for (std::uint64_t number = 8; number < 60; ++number) {
    EXPECT_EQ(make(5).words(make(5).sample(number)), make(5).words(make(5).sample(number)));
    same += make(5).words(make(5).sample(number)) == make(5).words(make(6).sample(number));
  }
  EXPECT_LT(same, 10);
}

TEST_F(ArbitraryTest, ReadingsComeInOrderSomeBadAndSomeTooLate) {
  load("x in 10 °C .. 50 °C");
  bool was_bad = false, was_silent = false;
  for (std::uint64_t number = 0; number < 200; ++number) {
    const Sample sample = make().sample(number);
    vm::TimeNs last = 0;
    for (const Arrival& arrival : sample.arrivals) {
      EXPECT_GT(arrival.at, last);
      was_silent = was_silent || arrival.at - last >= 30'000'000'000;
      last = arrival.at;
      was_bad = was_bad || !arrival.value;
      if (!arrival.value) continue;
      const auto value = vm::from_word<double>(*arrival.value);
      EXPECT_TRUE(value >= 10 && value <= 50) << value;
    }
    EXPECT_GE(sample.end, last) << "sample " << number;
  }
  EXPECT_TRUE(was_bad);
  EXPECT_TRUE(was_silent);
}

// Fails where a reading above 40 comes behind a bad one: two readings, the bad one and the smallest above 40 that is
// easy to read.
TEST_F(ArbitraryTest, TakesAwayWhatAFailureDoesNotNeed) {
  load("x in -10 °C .. 50 °C, _spare in 0 .. 9");
  const auto fails = [](const Sample& sample) {
    bool bad = false;
    for (const Arrival& arrival : sample.arrivals) {
      if (!arrival.value) bad = true;
      if (bad && arrival.value && vm::from_word<double>(*arrival.value) > 40) return true;
    }
    return false;
  };
  std::uint64_t number = 0;
  while (!fails(make().sample(number))) ASSERT_LT(++number, 500u);
  EXPECT_EQ(make().words(make().shrink(make().sample(number), fails)), "_spare 0; x bad at 1 ms, 41.0 °C at 2 ms");
}

}  // namespace
}  // namespace eyeflow::compiler
