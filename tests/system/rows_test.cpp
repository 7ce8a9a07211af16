// eyeflow-vm rows beside the daemon that writes them, after it was killed, and where nothing can be kept.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/device.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr const char* kTask = R"(
task count {
  input  v    : °C
  output rows : log { n: int, temp: °C } to cloud
  output tens : log { n: int }
  state n : int = 0
  on v as temp {
    n = n + 1
    rows.send(n: n, temp: temp)
    if n mod 10 == 0 { tens.send(n: n) }
  }
}
)";

class Rows : public ::testing::Test {
 protected:
  void SetUp() override { set_up("data"); }
  void set_up(const std::string& data) {
    set_up_device(folder_, free_port(), "count", kTask, R"(
[storage]
folder = ")" + data + R"("
commit = "20 ms"
memory = "64 KiB"
reserve = "256 KiB"
[cloud]
url = "https://127.0.0.1:)" + std::to_string(free_port()) + R"("
[sensor.T1]
from     = "simulate"
unit     = "°C"
simulate = { base = "20.5 °C", period = "1 ms" }
[log.rows]
keep = "1 day"
sync = "cloud"
[log.tens]
keep = "1 day"
[[run]]
bundle = "count.efb"
bind   = { v = "T1", rows = "rows", tens = "tens" }
)");
  }
  void start() { daemon_ = std::make_unique<Process>(device_in(folder_), folder_ / "daemon.log"); }
  std::string log() const { return read_file(folder_ / "daemon.log"); }
  void end(int number, int status) {
    daemon_->signal(number);
    ASSERT_EQ(daemon_->wait(20'000ms), status) << log();
  }
  std::string ask(std::vector<std::string> more, int status = 0) {
    std::vector<std::string> command = device_in(folder_);
    command[1] = "rows";
    fs::remove(folder_ / "rows.log");
    command.insert(command.end(), more.begin(), more.end());
    EXPECT_EQ(run(command, folder_ / "rows.log"), status) << read_file(folder_ / "rows.log");
    return read_file(folder_ / "rows.log");
  }
  // How many rows there are, each of which has to be there once, in order, with its value.
  std::int64_t count(std::vector<std::string> more = {}, std::int64_t first = 1) {
    more.insert(more.end(), {"--log", "rows", "--format", "csv"});
    std::istringstream lines(ask(more));
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "time,instance,n,temp (°C)");
    std::int64_t n = first - 1;
    while (std::getline(lines, line)) {
      const auto expected = ",count," + std::to_string(++n) + ",20.5";
      EXPECT_TRUE(line.ends_with(expected)) << line << ", not " << expected;
      if (HasFailure()) break;
    }
    return n - first + 1;
  }
  std::map<std::string, std::string> data() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "data"))
      files[entry.path().filename().string()] = read_file(entry.path());
    return files;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Process> daemon_;
};

TEST_F(Rows, AreReadWhileTheDeviceWritesThemAndAfterItWasKilled) {
  std::int64_t before = 0;
  for (int life = 0; life < 3 && !HasFailure(); ++life) {
    start();
    const auto at_start = before;
    for (int looks = 0; looks < 200 && before < at_start + 1500 && !HasFailure(); ++looks) {
      const auto now = fs::exists(folder_ / "data/history.db") && fs::file_size(folder_ / "data/history.db") > 0 &&
                               fs::exists(folder_ / "data/device.key") && (before > 0 || looks > 20)
                           ? count()
                           : 0;
      EXPECT_GE(now, before) << "a row that was there is gone";
      before = std::max(before, now);
      std::this_thread::sleep_for(50ms);
    }
    EXPECT_GT(before, at_start) << "the device writes\n" << log();
    end(SIGKILL, 128 + SIGKILL);
    const auto files = data();
    const auto left = count();
    EXPECT_GE(left, before);
    EXPECT_EQ(count({"--last", "100"}, left - 99), 100);
    EXPECT_EQ(data(), files) << "who reads leaves no trace";
    EXPECT_EQ(log().find("damaged"), std::string::npos) << log();
    // Rows of a last group that had come into one file only are taken back, and the state with them: it counts on.
    if (HasFailure()) break;
    start();
    for (int looks = 0; looks < 200 && before <= left && !HasFailure(); ++looks) {
      std::this_thread::sleep_for(50ms);
      before = count();
    }
    EXPECT_GT(before, left) << "it goes on\n" << log();
    end(SIGTERM, 0);
    before = count();
  }
}

// Rows for which there is no folder are lost, and that is told with their number.
TEST_F(Rows, ThatCannotBeKeptAreCounted) {
  set_up("count.eft/data");
  start();
  std::this_thread::sleep_for(1500ms);
  end(SIGTERM, 0);
  const auto text = log();
  EXPECT_NE(text.find("rows to keep or to send are lost and counted"), std::string::npos) << text;
  EXPECT_NE(text.find("not started: rows are sent from the data folder, which cannot be used"), std::string::npos)
      << text;
  const auto number_before = [&](std::string_view what, std::string_view behind) {
    std::string digits;
    const auto line = text.find(behind);
    const auto end = text.find(what, line == text.npos ? 0 : line);
    if (line == text.npos || end == text.npos) return std::int64_t{-1};
    for (auto at = text.rfind(' ', end - 1) + 1; at < end; ++at)
      if (text[at] != ',') digits += text[at];
    return std::int64_t{std::stoll(digits)};
  };
  const auto readings = number_before(" (", "info readings ");
  ASSERT_GT(readings, 0) << text;
  EXPECT_EQ(number_before(" rows lost, nothing can be kept", "info losses "), readings + readings / 10) << text;
}

}  // namespace
}  // namespace eyeflow::test
