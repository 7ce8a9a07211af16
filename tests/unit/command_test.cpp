#include "runtime/payload/command.h"

#include <gtest/gtest.h>

#include <random>

namespace eyeflow::runtime {
namespace {

using Kind = vm::AlarmAction::Kind;

TEST(Command, SaysWhoDoesWhat) {
  const auto ack = parse_alarm_command(R"({"alarm":"hot","instance":"m/T5","do":"ack","by":"Ann","why":"on my way"})");
  ASSERT_TRUE(ack) << ack.error().message;
  EXPECT_EQ(ack->alarm, "hot");
  EXPECT_EQ(ack->instance, "m/T5");
  EXPECT_EQ(ack->by, "Ann");
  EXPECT_EQ(ack->why, "on my way");
  EXPECT_EQ(ack->kind, Kind::Acknowledge);
  EXPECT_FALSE(ack->only_asks);

  EXPECT_EQ(ack->action, "ack");
  EXPECT_EQ(ack->id, "");
  EXPECT_EQ(parse_alarm_command(R"({"alarm":"a","instance":"i","do":"why","id":"17"})")->id, "17");
  EXPECT_EQ(command_id(R"({"id":"17","do":"nothing"})"), "17");  // also of what is wrong
  EXPECT_EQ(command_id(R"({"id":17})"), "");
  EXPECT_EQ(command_id("no JSON"), "");

  const auto shelve =
      parse_alarm_command(R"({"by":"Ann","do":"shelve","for":"90 min","alarm":"a","instance":"i","x":1})");
  ASSERT_TRUE(shelve) << shelve.error().message;
  EXPECT_EQ(shelve->kind, Kind::Shelve);
  EXPECT_EQ(shelve->shelve_for, std::chrono::minutes(90));

  const auto why = parse_alarm_command(R"({"alarm":"a","instance":"i","do":"why"})");
  ASSERT_TRUE(why) << why.error().message;
  EXPECT_TRUE(why->only_asks);
}

TEST(Command, WhatIsNoneIsRefusedWithWhatToWrite) {
  const auto refused = [](const char* json, const char* part) {
    const auto command = parse_alarm_command(json);
    ASSERT_FALSE(command) << json;
    EXPECT_NE(command.error().message.find(part), std::string::npos) << command.error().message;
  };
  refused("", "JSON object");
  refused("[1]", "JSON object");
  refused(R"({"alarm":"a"})", "no instance");
  refused(R"({"alarm":"a","instance":"i","do":"stop","by":"x"})", "ack, shelve, unshelve or why");
  refused(R"({"alarm":"a","instance":"i","do":"ack"})", "add \"by\"");
  refused(R"({"alarm":"a","instance":"i","do":"shelve","by":"x"})", "needs it");
  refused(R"({"alarm":"a","instance":"i","do":"ack","for":"1 h","by":"x"})", "belongs to shelve");
  refused(R"({"alarm":"a","instance":"i","do":"shelve","for":"8 days","by":"x"})", "up to 7 days");
  refused(R"({"alarm":"a","instance":"i","do":"shelve","for":"soon","by":"x"})", "up to 7 days");
  refused(R"({"alarm":7,"instance":"i","do":"ack","by":"x"})", "'alarm' is no text");
  refused(("{\"alarm\":\"a\",\"instance\":\"i\",\"do\":\"ack\",\"by\":\"" + std::string(501, 'x') + "\"}").c_str(),
          "'by' is no text of at most 500 bytes");
}

TEST(Command, AnyBytesAreRefusedOrMeanSomething) {
  const std::string good = R"({"alarm":"hot","instance":"m","do":"shelve","for":"1 h","by":"Ann"})";
  std::mt19937 random(1);
  for (int n = 0; n < 3000; ++n) {
    std::string bad = good.substr(0, n % 2 == 0 ? good.size() : random() % good.size());
    for (int change = 0; change < 2 && !bad.empty(); ++change) bad[random() % bad.size()] = static_cast<char>(random());
    const auto command = parse_alarm_command(bad);
    if (command) EXPECT_FALSE(command->alarm.empty());
  }
}

}  // namespace
}  // namespace eyeflow::runtime
