// A device beside a model that is late, killed, mad, silent or greedy: the tasks go on, the log says what happened, the
// process comes back, and an alarm of another task waits for none of it.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/broker.h"
#include "tests/system/device.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAsking = R"(
task asking {
  input  ask    : [f32; 2]
  output answer : value f64
  model  look   : ([f32; 2]) -> f32
  on ask as a { answer.set(f64(look(a))) }
}
)";

// It says what instead: -9.
constexpr const char* kWithAlternative = R"(
task asking {
  input  ask    : [f32; 2]
  output answer : value f64
  model  look   : ([f32; 2]) -> f32?
  on ask as a { answer.set(f64(look(a) ?? -9.0)) }
}
)";

constexpr const char* kGuard = R"(
task guard {
  input t : f64
  output horn : switch = off
  alarm hot "t is {t}" when t > 80.0 drives horn
  on t as v within 30 s { }
}
)";

// The first number says what it does with the question, the second is the answer. It keeps the numbers of its
// processes.
constexpr const char* kModel = R"(import os, struct, sys, time
with open(sys.argv[1] + ".started", "a") as file:
    file.write("%d\n" % os.getpid())
if os.path.exists(sys.argv[1] + ".broken"):
    sys.exit(4)
sys.stdin.buffer.readline()
def say(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
if os.path.exists(sys.argv[1] + ".slow"):
    time.sleep(3)
say(b"ready\n")
while line := sys.stdin.buffer.readline():
    _, number, size = line.split()
    what, value = struct.unpack("<ff", sys.stdin.buffer.read(int(size)))
    answer = b"answer %s 4\n" % number + struct.pack("<f", value)
    if what == 1: time.sleep(3600)
    if what == 2: say(b"\xff\x00 42\n")
    if what == 3: say(answer[:-2]); time.sleep(3600)
    if what == 4: os.close(0); os.close(1); time.sleep(3600)
    if what == 5: sys.exit(3)
    if what == 6:
        eaten = []
        while True: eaten.append(b"x" * (16 << 20))
    if what == 7: say(b"error %s it sees a seven\n" % number); continue
    if what == 8:
        while True: say(b"never an end ")
    if what == 9: say(b"answer %d 4\n" % (int(number) + 1))
    say(answer)
)";

class Models : public ::testing::Test {
 protected:
  void start(const std::string& timeout, const std::string& more = "", const char* task = kAsking) {
    write_file(folder_ / "model.py", kModel);
    write_file(folder_ / "model.bin", "weights");
    ASSERT_EQ(run({"sha256sum", (folder_ / "model.bin").string()}, folder_ / "sum"), 0);
    build_bundle(folder_, "guard", kGuard);
    set_up_device(folder_, broker_.port(), "asking", task, R"(
[sensor.ask]
from  = "plant"
topic = "in/ask"
[sensor.t]
from  = "plant"
topic = "in/t"
[value.answer]
to    = "plant"
topic = "out/answer"
[switch.horn]
to    = "plant"
topic = "out/horn"
[model.look]
file    = "model.bin"
sha256  = ")" + read_file(folder_ / "sum").substr(0, 64) + R"("
command = ["python3", "./model.py"]
timeout = ")" + timeout + "\"\n" + more + R"(
[[run]]
bundle = "asking.efb"
bind   = { ask = "ask", answer = "answer", look = "look" }
[[run]]
bundle = "guard.efb"
bind   = { t = "t", horn = "horn" }
)");
    daemon_ = std::make_unique<Process>(device_in(folder_), folder_ / "daemon.log");
  }
  std::string log() const { return daemon_->output(); }
  bool said(const std::string& topic, const std::string& payload) const {
    return std::ranges::any_of(probe_.heard(), [&](const auto& m) { return m.topic == topic && m.payload == payload; });
  }
  template <typename F>
  bool until(F&& holds, std::chrono::seconds limit = 20s) {
    for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
      if (holds()) return true;
      std::this_thread::sleep_for(20ms);
    }
    return holds();
  }
  void ask(int what, int value) {
    probe_.publish("in/ask", "[" + std::to_string(what) + "," + std::to_string(value) + "]");
  }
  // Asks until it answers this number, which nothing else is.
  bool answers(int value) {
    return until([&] {
      if (said("out/answer", std::to_string(value))) return true;
      ask(0, value);
      std::this_thread::sleep_for(50ms);
      return said("out/answer", std::to_string(value));
    });
  }
  bool log_has(const std::string& text) {
    return until([&] { return log().find(text) != std::string::npos; });
  }
  std::vector<pid_t> started() const {
    std::vector<pid_t> all;
    std::istringstream lines(read_file(folder_ / "model.bin.started"));
    for (pid_t pid = 0; lines >> pid;) all.push_back(pid);
    return all;
  }
  // Whether there is such a process, also one that has ended and nobody has asked for.
  static bool is_there(pid_t pid) { return kill(pid, 0) == 0; }

  TemporaryFolder folder_;
  Broker broker_{folder_};
  MqttProbe probe_{broker_.port(), "out/#"};
  std::unique_ptr<Process> daemon_;
};

// Whatever it does: the handler is undone, the log names it, and another process answers.
TEST_F(Models, OneThatFailsIsNamedAndStartedAnew) {
  start("1 s", "memory = \"100 MiB\"\n");
  ASSERT_TRUE(answers(1000)) << log();
  struct Case {
    int what;
    std::string log;
  };
  int value = 1000;
  for (const auto& [what, expected] : {
           Case{1, "model look: no answer within 1000 ms; its process is started anew"},
           Case{2, R"(model look: it says '\xff\x00 42' instead of 'answer )"},
           Case{3, "model look: no answer within 1000 ms"},
           Case{4, "model look: it closed its standard output"},
           Case{5, "model look: its process ended with status 3"},
           Case{6, "model look: its process ended with status 1"},
           Case{8, "model look: it says 'never an end never an end never an end never an end never an…' instead of"},
           Case{9, "model look: it says 'answer "},
       }) {
    // Of a kind of trouble one line in ten seconds stands in the log: each case has a daemon of its own.
    daemon_->signal(SIGTERM);
    ASSERT_EQ(daemon_->wait(20'000ms), 0) << log();
    daemon_ = std::make_unique<Process>(device_in(folder_), folder_ / ("daemon" + std::to_string(what) + ".log"));
    ASSERT_TRUE(answers(++value)) << what << log();
    const auto before = started();
    ask(what, -what);
    EXPECT_TRUE(log_has(expected)) << log();
    EXPECT_TRUE(answers(++value)) << what << log();
    EXPECT_TRUE(log_has(" in 'on ask' (asking.eft:6); what it had done is undone, the task goes on")) << log();
    EXPECT_FALSE(said("out/answer", std::to_string(-what)));
    const auto after = started();
    EXPECT_EQ(after.size(), before.size() + 1) << what;
    EXPECT_FALSE(is_there(before.back())) << "the old one is gone";
    EXPECT_TRUE(is_there(after.back()));
  }
}

TEST_F(Models, OneThatIsKilledInTheMiddleOfAQuestionIsStartedAnew) {
  start("60 s");
  ASSERT_TRUE(answers(1000)) << log();
  const auto before = started();
  ask(1, -1);
  // It has the question once it sleeps: the next one is not answered.
  ask(0, 1001);
  std::this_thread::sleep_for(300ms);
  EXPECT_FALSE(said("out/answer", "1001"));
  ASSERT_EQ(kill(before.back(), SIGKILL), 0);
  EXPECT_TRUE(log_has("model look: its process was ended by signal 9 (Killed); its process is started anew")) << log();
  EXPECT_TRUE(log_has("asking: the model gave no answer in 'on ask' (asking.eft:6); what it had done is undone"))
      << log();
  EXPECT_TRUE(answers(1001)) << "the question that waited, or another one\n" << log();
  EXPECT_EQ(started().size(), before.size() + 1);
}

TEST_F(Models, WhatTheTaskSaysInsteadIsTaken) {
  start("1 s", "", kWithAlternative);
  ASSERT_TRUE(answers(1000)) << log();
  int alternatives = 0, value = 1000;
  for (const int what : {7, 1, 5, 2}) {  // no answer, late, ended, mad
    ask(what, -what);
    EXPECT_TRUE(until([&] {
      return std::ranges::count_if(probe_.heard(), [](const auto& m) { return m.payload == "-9"; }) > alternatives;
    })) << what
        << log();
    EXPECT_TRUE(answers(++value)) << what << log();
    // While it loads, the alternative is taken as well.
    alternatives =
        static_cast<int>(std::ranges::count_if(probe_.heard(), [](const auto& m) { return m.payload == "-9"; }));
  }
  ask(1, -1);
  std::this_thread::sleep_for(300ms);
  ASSERT_EQ(kill(started().back(), SIGKILL), 0);
  EXPECT_TRUE(answers(++value)) << log();
  EXPECT_GT(std::ranges::count_if(probe_.heard(), [](const auto& m) { return m.payload == "-9"; }), alternatives);
  EXPECT_EQ(log().find("what it had done is undone"), std::string::npos) << "nothing has faulted\n" << log();
}

// An error is an answer: the process stays.
TEST_F(Models, OneThatHasNoAnswerToOneQuestionGoesOn) {
  start("20 s");
  ASSERT_TRUE(answers(1000)) << log();
  ask(7, -7);
  EXPECT_TRUE(log_has("model look: it sees a seven")) << log();
  EXPECT_TRUE(answers(1001)) << log();
  EXPECT_EQ(started().size(), 1u);
}

// Of another task: it comes while the model has not answered, and long before it would be called late.
TEST_F(Models, AnAlarmOfAnotherTaskDoesNotWait) {
  start("60 s");
  ASSERT_TRUE(answers(1000)) << log();
  for (int n = 0; n < 20; ++n) ask(1, -1);  // and more questions behind it
  std::this_thread::sleep_for(300ms);
  for (int n = 0; n < 5; ++n) {
    probe_.publish("in/t", "90");
    EXPECT_TRUE(until([&] { return !probe_.heard().empty() && probe_.heard().back().payload == "on"; })) << log();
    probe_.publish("in/t", "20");
    EXPECT_TRUE(until([&] { return probe_.heard().back().payload == "off"; })) << log();
  }
  EXPECT_TRUE(is_there(started().back())) << "it is still asked";
  EXPECT_EQ(log().find("no answer"), std::string::npos) << log();
  EXPECT_EQ(log().find("deadline"), std::string::npos) << log();
  // And the end does not wait for it either.
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(20'000ms), 0) << log();
  EXPECT_FALSE(is_there(started().back()));
}

// One that loads for longer than an answer may take is not killed for it, or it would never come up.
TEST_F(Models, OneThatLoadsSlowlyIsWaitedFor) {
  write_file(folder_ / "model.bin.slow", "");
  start("100 ms");
  EXPECT_TRUE(until([&] {
    ask(0, 1000);
    return log().find("model look: it has not said 'ready' yet; until then its answers are late") != std::string::npos;
  })) << log();
  EXPECT_TRUE(answers(1001)) << log();
  EXPECT_EQ(started().size(), 1u);
}

// The pauses between starts grow while no answer comes. The time that has passed says how many there can be at most.
TEST_F(Models, OneThatEndsAtOnceIsStartedLessAndLessOften) {
  write_file(folder_ / "model.bin.broken", "");
  const auto began = std::chrono::steady_clock::now();
  start("20 s");
  for (int n = 0; n < 100; ++n) {
    ask(0, 1000);
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_TRUE(
      log_has("model look: its process ended with status 4; its process is started anew by the first question in"))
      << log();
  ASSERT_TRUE(until([&] { return started().size() >= 2; })) << log();
  const auto starts = started().size();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  // Pauses of at least 0.25, 0.5, 1, 2 … seconds: after n of them 0.25 (2ⁿ - 1) have passed.
  EXPECT_LE(static_cast<double>(starts), 1 + std::log2(seconds / 0.25 + 1)) << log();
  std::filesystem::remove(folder_ / "model.bin.broken");
  EXPECT_TRUE(answers(1001)) << log();
}

}  // namespace
}  // namespace eyeflow::test
