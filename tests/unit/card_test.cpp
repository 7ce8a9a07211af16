#include "vm/module/card.h"

#include <gtest/gtest.h>

#include "tests/unit/sample_module.h"

namespace eyeflow::vm {
namespace {

Card sample_card() {
  const auto verified = verify(test::sample_module(), {});
  EXPECT_TRUE(verified) << verified.error().message;
  return card_of(*verified);
}

TEST(Card, BytesGiveTheCardBack) {
  const Card card = sample_card();
  const std::vector<std::byte> bytes = write_card(card);
  const Result<Card> again = read_card(bytes);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(write_card(*again), bytes);
  EXPECT_EQ(understated(*again, card), "");
}

TEST(Card, BytesThatAreNoCardAreRefused) {
  std::vector<std::byte> bytes = write_card(sample_card());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(read_card(std::span(bytes).first(length))) << length;
  bytes.push_back({});
  EXPECT_FALSE(read_card(bytes));
  bytes.pop_back();
  bytes[6] = std::byte{2};  // the version
  EXPECT_FALSE(read_card(bytes));
}

// Each figure that a device can compute, stated too low by one.
TEST(Card, EachFigureThatIsStatedTooLowIsNoticed) {
  Card computed = sample_card();
  ASSERT_FALSE(computed.rows.empty());
  computed.rows[0] = {.what = computed.rows[0].what,
                      .fuel = 10,
                      .output_bytes = 20,
                      .log_rows = 3,
                      .frame_bytes = 16,
                      .runs_per_day = 5};
  computed.state_bytes = computed.scratch_bytes = computed.row_bytes = 8;
  struct Case {
    std::uint64_t* figure;
    const char* words;
  };
  Card stated = computed;
  const Case cases[] = {{&stated.rows[0].fuel, "is at most 10, and its card states 9"},
                        {&stated.rows[0].output_bytes, "is at most 20, and its card states 19"},
                        {&stated.rows[0].log_rows, "is at most 3, and its card states 2"},
                        {&stated.rows[0].frame_bytes, "is at most 16, and its card states 15"},
                        {&stated.rows[0].runs_per_day, "is at most 5, and its card states 4"},
                        {&stated.state_bytes, "state, in bytes, is at most 8, and its card states 7"},
                        {&stated.scratch_bytes, "scratch, in bytes, is at most 8, and its card states 7"},
                        {&stated.row_bytes, "a row, in bytes, is at most 8, and its card states 7"}};
  for (const Case& c : cases) {
    --*c.figure;
    EXPECT_NE(understated(stated, computed).find(c.words), std::string::npos) << understated(stated, computed);
    *c.figure += 2;
    EXPECT_EQ(understated(stated, computed), "") << "more than needed is true: " << c.words;
    --*c.figure;
  }
  stated.rows[0].what += "x";
  EXPECT_EQ(understated(stated, computed), "its card is that of another task");
}

}  // namespace
}  // namespace eyeflow::vm
