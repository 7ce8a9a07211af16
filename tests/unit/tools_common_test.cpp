#include <gtest/gtest.h>

#include "tools/common/numbers.h"
#include "tools/common/terminal.h"

namespace eyeflow::tools {
namespace {

using std::chrono::nanoseconds;

TEST(Numbers, CountsHaveThousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(12'034'567), "12,034,567");
}

TEST(Numbers, SizesHaveThreeDigitsThatCount) {
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1 KB");
  EXPECT_EQ(bytes_text(1176), "1.18 KB");
  EXPECT_EQ(bytes_text(999'499), "999 KB");
  EXPECT_EQ(bytes_text(999'500), "1 MB");
  EXPECT_EQ(bytes_text(11'810'000), "11.8 MB");
  EXPECT_EQ(bytes_text(2'000'000'000), "2 GB");
}

TEST(Numbers, DurationsChooseTheirUnit) {
  EXPECT_EQ(duration_text(nanoseconds(850)), "850 ns");
  EXPECT_EQ(duration_text(nanoseconds(5'380)), "5.38 µs");
  EXPECT_EQ(duration_text(nanoseconds(999'600)), "1 ms");
  EXPECT_EQ(duration_text(nanoseconds(10'000'000)), "10 ms");
  EXPECT_EQ(duration_text(nanoseconds(3'500'000'000)), "3.5 s");
  EXPECT_EQ(duration_text(nanoseconds(125'000'000'000)), "2 min 5 s");
  EXPECT_EQ(duration_text(nanoseconds(7'260'000'000'000)), "2 h 1 min");
}

TEST(Terminal, WidthCountsCharactersAndNoColours) {
  const Paint paint(true);
  EXPECT_EQ(width_of("86.2 °C"), 7u);
  EXPECT_EQ(width_of(paint.red("hot")), 3u);
  EXPECT_EQ(Paint(false).red("hot"), "hot");
}

TEST(Terminal, FittedTextHasExactlyTheWidth) {
  EXPECT_EQ(fitted("ab", 4), "ab  ");
  EXPECT_EQ(fitted("°C°C", 2), "°C");
  EXPECT_EQ(fitted(Paint(true).red("hot stuff"), 3), "\x1b[1;31mhot\x1b[0m");  // cut, and the colour still ends
  EXPECT_EQ(width_of(fitted(Paint(true).red("hot"), 5)), 5u);
}

}  // namespace
}  // namespace eyeflow::tools
