// Pins without a chip: libgpiod's calls are answered here. tests/machine has a real one.
#include "runtime/connectors/gpio.h"

#include <fcntl.h>
#include <gpiod.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

// Eight lines, named and numbered, of which some are another program's.
struct gpiod_line {
  std::array<int, 2> pipe{-1, -1};  // of its edges
  bool held_by_other = false, requested = false;
  int level = 0, type = 0;
};
struct gpiod_chip {
  std::mutex mutex;
  std::array<gpiod_line, 8> lines;
};

namespace {

gpiod_chip* the_chip = nullptr;

}  // namespace

extern "C" {

gpiod_chip* gpiod_chip_open_lookup(const char* name) {
  if (std::string_view(name) == "chip") return the_chip;
  errno = ENOENT;
  return nullptr;
}
void gpiod_chip_close(gpiod_chip* chip) {
  const std::lock_guard lock(chip->mutex);
  for (auto& line : chip->lines) line.requested = false;
}
gpiod_line* gpiod_chip_get_line(gpiod_chip* chip, unsigned offset) {
  return offset < chip->lines.size() ? &chip->lines[offset] : nullptr;
}
gpiod_line* gpiod_chip_find_line(gpiod_chip*, const char*) { return nullptr; }
const char* gpiod_line_consumer(gpiod_line* line) { return line->held_by_other ? "other" : nullptr; }
int gpiod_line_request(gpiod_line* line, const gpiod_line_request_config* config, int value) {
  const std::lock_guard lock(the_chip->mutex);
  if (line->held_by_other || line->requested) {
    errno = EBUSY;
    return -1;
  }
  line->requested = true;
  line->type = config->request_type;
  if (line->type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT) line->level = value;
  return 0;
}
void gpiod_line_release(gpiod_line* line) { line->requested = false; }
int gpiod_line_get_value(gpiod_line* line) {
  const std::lock_guard lock(the_chip->mutex);
  return line->level;
}
int gpiod_line_set_value(gpiod_line* line, int value) {
  const std::lock_guard lock(the_chip->mutex);
  line->level = value;
  return 0;
}
int gpiod_line_event_get_fd(gpiod_line* line) { return line->pipe[0]; }
int gpiod_line_event_read_multiple(gpiod_line* line, gpiod_line_event* events, unsigned count) {
  const ssize_t got = read(line->pipe[0], events, count * sizeof *events);
  return got < 0 ? -1 : static_cast<int>(static_cast<std::size_t>(got) / sizeof *events);
}

}  // extern "C"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;
using Time = Debouncer::Time;

Time at(int ms) { return Time{} + std::chrono::milliseconds(ms); }

// What is told of a contact that is low at first: "+" and "-" for the levels, each with its millisecond.
struct Contact {
  explicit Contact(PinEdge edge, std::chrono::nanoseconds debounce, bool level = false)
      : of({.chip = "", .line = "", .edge = edge, .debounce = debounce}, level) {}
  void see(int ms, bool level) { add(ms, of.see(level, at(ms))); }
  void due(int ms) { add(ms, of.due(at(ms))); }
  void add(int ms, std::optional<bool> news) {
    if (news) told += (*news ? "+" : "-") + std::to_string(ms) + " ";
  }
  Debouncer of;
  std::string told;
};

// A press that bounces for 3 ms, a spike while it is held, and a release that bounces.
void press(Contact& contact) {
  for (const int ms : {0, 1, 2, 3, 4}) contact.see(ms, ms % 2 == 0);
  contact.due(13);
  contact.due(14);
  contact.due(20);
  contact.see(30, false);
  contact.see(31, true);
  contact.due(41);
  for (const int ms : {50, 51, 52, 53, 54}) contact.see(ms, ms % 2 == 1);
  contact.due(63);
  contact.due(64);
  contact.see(70, true);  // a spike
  contact.see(71, false);
  contact.due(81);
}

TEST(Gpio, ABouncingContactChangesOnce) {
  Contact both(PinEdge::Both, 10ms), rising(PinEdge::Rising, 10ms), falling(PinEdge::Falling, 10ms);
  EXPECT_FALSE(both.of.deadline());
  for (Contact* contact : {&both, &rising, &falling}) press(*contact);
  EXPECT_EQ(both.told, "+14 -64 ");
  EXPECT_EQ(rising.told, "+14 ");
  EXPECT_EQ(falling.told, "-64 ");
  EXPECT_FALSE(both.of.level());
}

// The edges come late, together: what stood still between two of them has stood still.
TEST(Gpio, WhatStoodStillCountsHoweverLateItIsSeen) {
  Contact contact(PinEdge::Rising, 10ms);
  contact.see(0, true);
  contact.see(30, false);
  contact.due(40);
  EXPECT_EQ(contact.told, "+30 ");
}

TEST(Gpio, WithoutDebounceEveryChangeCounts) {
  Contact both(PinEdge::Both, 0ns), rising(PinEdge::Rising, 0ns);
  both.see(1, true);
  both.see(2, true);
  both.see(3, false);
  EXPECT_EQ(both.told, "+1 -3 ");
  EXPECT_FALSE(both.of.deadline());
  rising.see(1, true);  // the other edge is not asked for
  rising.see(2, true);
  EXPECT_EQ(rising.told, "+1 +2 ");
}

class Chip : public testing::Test, public Receiver {
 protected:
  void SetUp() override {
    for (auto& line : chip_.lines) ASSERT_EQ(pipe2(line.pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
    the_chip = &chip_;
  }
  void TearDown() override {
    pins_.reset();
    for (auto& line : chip_.lines)
      for (const int end : line.pipe) close(end);
  }
  void start(std::vector<GpioInput> inputs, std::vector<GpioOutput> outputs, const std::string& name = "chip") {
    pins_.emplace(name, std::move(inputs), std::move(outputs));
    pins_->start(*this);
  }
  // Edges of this moment, as the kernel tells them to whom asked for them.
  void edges(std::size_t number, std::initializer_list<bool> all_rising) {
    gpiod_line& line = chip_.lines[number];
    std::vector<gpiod_line_event> events;
    {
      const std::lock_guard lock(chip_.mutex);
      for (const bool rising : all_rising) {
        line.level = rising;
        const bool only_rising = line.type == GPIOD_LINE_REQUEST_EVENT_RISING_EDGE;
        if (line.type != GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES && only_rising != rising) continue;
        events.emplace_back().event_type = rising ? GPIOD_LINE_EVENT_RISING_EDGE : GPIOD_LINE_EVENT_FALLING_EDGE;
      }
    }
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (auto& event : events) event.ts = now;
    const auto bytes = events.size() * sizeof(gpiod_line_event);
    ASSERT_EQ(::write(line.pipe[1], events.data(), bytes), static_cast<ssize_t>(bytes));
  }
  bool wait(const std::function<bool()>& until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, until);
  }
  int level(std::size_t line) { return gpiod_line_get_value(&chip_.lines[line]); }

  void on_arrival(const Arrival& arrival) override {
    note(arrivals_, std::to_string(static_cast<std::uint32_t>(arrival.sensor)) + " " + std::string(arrival.bytes));
  }
  void on_unknown(std::string_view) override {}
  void on_bad_row(std::string_view) override {}
  void on_state(std::string_view, bool up, std::string_view detail) override {
    note(states_, std::string(up ? "up: " : "down: ") + std::string(detail));
  }
  void on_finished(std::string_view, std::string_view) override {}
  void note(std::vector<std::string>& list, std::string what) {
    const std::lock_guard lock(mutex_);
    list.push_back(std::move(what));
    changed_.notify_all();
  }

  gpiod_chip chip_;
  std::optional<GpioChip> pins_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> arrivals_, states_;
};

GpioInput input(std::uint32_t sensor, const std::string& line, PinEdge edge, std::chrono::nanoseconds debounce = 0ns) {
  return {SensorId{sensor}, {.chip = "chip", .line = line, .edge = edge, .debounce = debounce}};
}

// The release of one contact bounces, another one only bounces; a third, which does not, says when all was seen.
TEST_F(Chip, OneEdgeIsToldOnceForAPress) {
  start({input(1, "1", PinEdge::Rising, 50ms), input(2, "2", PinEdge::Falling, 50ms),
         input(3, "3", PinEdge::Rising, 50ms), input(4, "4", PinEdge::Falling)},
        {});
  ASSERT_TRUE(wait([this] { return !states_.empty(); }));
  edges(1, {true, false, true});
  edges(3, {true, false});
  ASSERT_TRUE(wait([this] { return arrivals_ == std::vector<std::string>{"1 true"}; }));
  edges(2, {true});
  edges(1, {false, true, false});
  usleep(150'000);
  edges(2, {false});
  ASSERT_TRUE(wait([this] { return arrivals_.size() > 1; }));
  edges(4, {false});
  ASSERT_TRUE(wait([this] { return arrivals_.size() > 2; }));
  EXPECT_EQ(arrivals_, (std::vector<std::string>{"1 true", "2 false", "4 false"}));
}

// One that another program holds and one that the chip has not: the others work, and both are named.
TEST_F(Chip, ALineThatCannotBeHadTakesNoOtherWithIt) {
  chip_.lines[2].held_by_other = true;
  chip_.lines[6].held_by_other = true;
  start({input(1, "1", PinEdge::Both), input(2, "2", PinEdge::Both)},
        {{{.chip = "chip", .line = "5"}, "on", true},
         {{.chip = "chip", .line = "6"}, "on", false},
         {{.chip = "chip", .line = "99999999999"}, "on", false}});
  ASSERT_TRUE(wait([this] { return !arrivals_.empty(); }));
  EXPECT_EQ(states_,
            std::vector<std::string>{
                "up: 1 inputs, 1 outputs; line '6': 'other' holds it; the chip has no line '99999999999'; line "
                "'2': 'other' holds it; trying again"});
  EXPECT_EQ(arrivals_, std::vector<std::string>{"1 false"});
  EXPECT_EQ(level(5), 1);
  pins_->write({.topic = "5", .payload = "off"});
  pins_->write({.topic = "6", .payload = "on"});  // waits for its line
  EXPECT_EQ(level(5), 0);
  EXPECT_EQ(level(6), 0);
  {
    const std::lock_guard lock(chip_.mutex);
    chip_.lines[2].held_by_other = chip_.lines[6].held_by_other = false;
  }
  ASSERT_TRUE(wait([this] { return arrivals_.size() > 1; }));
  EXPECT_EQ(states_.back(), "up: 2 inputs, 2 outputs; the chip has no line '99999999999'; trying again");
  EXPECT_EQ(arrivals_.back(), "2 false");
  EXPECT_EQ(level(6), 1);
}

TEST_F(Chip, OfWhichNoLineCanBeHadIsDown) {
  chip_.lines[2].held_by_other = true;
  start({input(2, "2", PinEdge::Both)}, {});
  ASSERT_TRUE(wait([this] { return !states_.empty(); }));
  EXPECT_EQ(states_[0], "down: 0 inputs, 0 outputs; line '2': 'other' holds it; trying again");
}

// It is told once, and the end does not wait.
TEST_F(Chip, ThatIsNotThereIsTriedAgain) {
  start({}, {{{.chip = "no-such-chip", .line = "3"}, "on", false}}, "no-such-chip");
  pins_->write({.topic = "3", .payload = "on"});
  ASSERT_TRUE(wait([this] { return !states_.empty(); }));
  pins_->stop();
  EXPECT_EQ(states_, std::vector<std::string>{"down: chip 'no-such-chip': No such file or directory; trying again"});
}

}  // namespace
}  // namespace eyeflow::runtime
