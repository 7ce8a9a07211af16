// What a task decided outlives whatever ends the daemon: text → eyeflowc → eyeflow-vm between a real broker and a real
// collector, killed, cut off, with a wrong clock, a full disk, a damaged file.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "runtime/security/sealing.h"
#include "tests/system/broker.h"
#include "tests/system/collector.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Readings are numbers that grow. Everything that the task says follows from those that it has had.
constexpr std::string_view kTally = R"(
task tally {
  input  v     : int
  output rows  : log { seq: int, count: int, raised: int, starts: int } to cloud
  output total : value int
  output lamp  : switch = off
  output memo  : switch = off
  output horn  : switch = off
  state count  : int = 0
  state starts : int = 0

  alarm high "high at {v}" when v mod 400 >= 200 drives horn

  on start { starts = starts + 1 }

  on v as seq {
    count = count + 1
    rows.send(seq: seq, count: count, raised: high.raised, starts: starts)
    total.set(count)
    if seq mod 300 >= 150 { lamp.on(); memo.on() } else { lamp.off(); memo.off() }
  }
}
)";

struct Row {
  std::int64_t seq, count, raised, starts;
};

class Durable : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({EYEFLOWC, "keygen", "-o", (folder_ / "key").string()}, folder_ / "keygen.log"), 0);
    build(std::string(kTally));
    collector_ = std::make_unique<Collector>(folder_);
    know_device();
    write_site();
  }

  // The far side knows the device's key from the beginning: it is made here, and not at the device's first start.
  void know_device() {
    runtime::Secret secret;
    runtime::fill_random(secret);
    std::string hex;
    for (const auto byte : secret) hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
    write_file(folder_ / "device.key", hex + "\n");
    fs::permissions(folder_ / "device.key", fs::perms::owner_read | fs::perms::owner_write);
    write_file(folder_ / "keys/line1.pub",
               runtime::public_pem(runtime::DeviceKey(secret).signing_key().value()).value());
    collector_->start();
  }

  void build(const std::string& text) {
    write_file(folder_ / "tally.eft", text);
    ASSERT_EQ(run({EYEFLOWC, "build", (folder_ / "tally.eft").string(), "-o", (folder_ / "tally.efb").string(), "--key",
                   (folder_ / "key").string()},
                  folder_ / "build.log"),
              0)
        << read_file(folder_ / "build.log");
  }

  void write_site(const std::string& storage = "") {
    write_file(folder_ / "site.toml", fmt::format(R"(
[device]
name = "line1"
trusted_keys = ["key.pub"]

[storage]
commit   = "50 ms"
key_file = "device.key"
{}

[cloud]
url     = "https://127.0.0.1:{}/v1/rows"
ca_file = "ca.pem"
every   = "100 ms"

[connection.plant]
mqtt = "mqtt://127.0.0.1:{}"

[sensor.v]
from  = "plant"
topic = "in/v"
qos   = 1

[switch."{{lamp,horn}}"]
to    = "plant"
topic = "out/{{name}}"

[switch.memo]
to      = "plant"
topic   = "out/{{name}}"
restart = "restore"

[value.total]
to    = "plant"
topic = "out/total"

[log.rows]
keep = "1 h"
sync = "cloud"

[alarms]
to    = "plant"
topic = "out/alarm/{{alarm}}"

[[run]]
bundle = "tally.efb"
bind   = {{ v = "v", rows = "rows", total = "total", lamp = "lamp", memo = "memo", horn = "horn" }}
)",
                                                  storage, collector_->port(), broker_.port()));
  }

  // Ready once it hears readings; what it said before is forgotten.
  void start(std::vector<std::string> environment = {}) {
    heard_before_ = probe_.heard().size();
    launch(std::move(environment));
    ASSERT_TRUE(wait_for([&] { return !said("out/horn").empty(); })) << log();
  }
  void launch(std::vector<std::string> environment = {}) {
    std::vector<std::string> command{"env"};
    command.insert(command.end(), environment.begin(), environment.end());
    command.insert(command.end(), {EYEFLOW_VM, "run", "--site", (folder_ / "site.toml").string()});
    daemon_.reset();
    daemon_ = std::make_unique<Process>(command, folder_ / "daemon.log");
  }
  void kill_nine() {
    daemon_->signal(SIGKILL);
    ASSERT_EQ(daemon_->wait(10'000ms), 128 + SIGKILL) << log();
  }
  void end_in_order() {
    daemon_->signal(SIGTERM);
    ASSERT_EQ(daemon_->wait(20'000ms), 0) << log();
  }
  std::string log() const { return read_file(folder_ / "daemon.log"); }

  template <typename F>
  bool wait_for(F&& holds, std::chrono::milliseconds limit = 20'000ms) {
    for (const auto end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
      if (holds()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return holds();
  }
  // What the daemon said on a topic since it was started last.
  std::vector<std::string> said(std::string_view topic) const {
    std::vector<std::string> payloads;
    const auto all = probe_.heard();
    for (std::size_t i = heard_before_; i < all.size(); ++i) {
      if (all[i].topic == topic) payloads.push_back(all[i].payload);
    }
    return payloads;
  }
  std::string last_said(std::string_view topic) const {
    const auto all = said(topic);
    return all.empty() ? "" : all.back();
  }
  // Sends one reading until it was taken: what is sent while nobody listens is lost.
  void reading(std::int64_t seq) {
    const auto before = said("out/total").size();
    probe_.publish("in/v", std::to_string(seq));
    ASSERT_TRUE(wait_for([&] { return said("out/total").size() > before; })) << "reading " << seq << '\n' << log();
  }
  std::int64_t total() const { return std::atoll(last_said("out/total").c_str()); }

  std::vector<Row> stored() {
    std::vector<Row> rows;
    std::istringstream lines(collector_->query(
        "SELECT row ->> 'seq', row ->> 'count', row ->> 'raised', row ->> 'starts' FROM history ORDER BY epoch, "
        "sequence"));
    char bar;
    for (Row row{}; lines >> row.seq >> bar >> row.count >> bar >> row.raised >> bar >> row.starts;)
      rows.push_back(row);
    return rows;
  }
  // What holds for the rows of one instance however often it was interrupted: its events without gap or repeat, with
  // the alarm as these very readings raise it. A broker sends again, in order, what it had no acknowledgement of when
  // the power failed: with QoS 1 readings may step back once an interruption.
  void expect_one_life(const std::vector<Row>& rows, int interruptions = 0) {
    std::int64_t raised = 0, last_seq = -1;
    int steps_back = 0;
    bool high = false;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool now = rows[i].seq % 400 >= 200;
      raised += now && !high;
      high = now;
      ASSERT_EQ(rows[i].count, static_cast<std::int64_t>(i + 1)) << "a row lost or doubled, or state of another moment";
      steps_back += rows[i].seq <= last_seq;
      ASSERT_EQ(rows[i].raised, raised) << "at reading " << rows[i].seq;
      ASSERT_EQ(rows[i].starts, 1) << "'on start' ran again";
      last_seq = rows[i].seq;
    }
    EXPECT_LE(steps_back, interruptions) << "readings taken twice";
  }

  TemporaryFolder folder_;
  Broker broker_{folder_};
  MqttProbe probe_{broker_.port(), "out/#"};
  std::size_t heard_before_ = 0;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<Process> daemon_;
};

TEST_F(Durable, KillNineUnderLoadLosesAndDoublesNothing) {
  std::atomic<bool> over = false;
  std::atomic<std::int64_t> seq = 0;
  std::thread plant([&] {
    while (!over) {
      probe_.publish("in/v", std::to_string(++seq));
      std::this_thread::sleep_for(1ms);
    }
  });
  static std::uint64_t life = 4;  // another one each time that the test is repeated
  std::mt19937_64 random(life++);
  std::size_t acknowledged = 0;
  constexpr int kKills = 100;
  for (int i = 0; i < kKills && !HasFatalFailure(); ++i) {
    start();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 200'000));
    kill_nine();
    if (i % 10 == 4) {  // and now and then the far side, too: it is away while the device lives once
      collector_->process().signal(SIGKILL);
      collector_->process().wait(10'000ms);
    }
    if (i % 10 == 6) collector_->start();
    const auto rows = stored();
    EXPECT_GE(rows.size(), acknowledged) << "a row that the far side had is gone";
    acknowledged = rows.size();
  }
  collector_->start();
  if (!HasFatalFailure()) start();
  over = true;
  plant.join();
  reading(++seq);  // the last that is sent: once its row is there, nothing is on its way any more
  EXPECT_TRUE(wait_for([&] {
    const auto so_far = stored();
    return !so_far.empty() && so_far.back().seq == seq;
  })) << stored().size()
      << '\n'
      << log();
  end_in_order();
  const auto rows = stored();
  EXPECT_TRUE(wait_for([&] { return total() == static_cast<std::int64_t>(rows.size()); }))
      << rows.size() << " rows of " << total() << " readings";
  EXPECT_GT(rows.size(), std::size_t{kKills}) << "there was a load";
  expect_one_life(rows, kKills);
  EXPECT_EQ(log().find("damaged"), std::string::npos) << log();
}

TEST_F(Durable, ARestartGoesOnAndSwitchesStartAsTheSiteSays) {
  start();
  EXPECT_NE(log().find("data: new"), std::string::npos) << log();
  for (int seq = 150; seq <= 290; seq += 70) reading(seq);  // lamp and memo on; the alarm stands
  EXPECT_EQ(last_said("out/lamp"), "on");
  EXPECT_EQ(said("out/alarm/high").size(), 1u);
  end_in_order();
  EXPECT_EQ(last_said("out/horn"), "off");

  start();
  EXPECT_TRUE(wait_for([&] { return last_said("out/lamp") == "on" && last_said("out/memo") == "on"; }))
      << "after an end in order both are as they were";
  EXPECT_EQ(last_said("out/horn"), "on") << "the alarm stands";
  EXPECT_TRUE(said("out/alarm/high").empty()) << "it is not raised again";
  reading(295);
  EXPECT_EQ(total(), 4);
  ASSERT_TRUE(wait_for([&] { return stored().size() == 4; })) << "what is there was committed before";
  kill_nine();

  start();
  EXPECT_TRUE(wait_for([&] { return last_said("out/lamp") == "off" && last_said("out/memo") == "on"; }))
      << "nobody knows for how long it was gone: safe, but for the one that the site restores\n"
      << last_said("out/lamp") << last_said("out/memo");
  EXPECT_EQ(last_said("out/horn"), "on");
  reading(401);  // below: the alarm clears, once
  EXPECT_TRUE(wait_for([&] { return said("out/alarm/high").size() == 1; }));
  EXPECT_NE(last_said("out/alarm/high").find("cleared"), std::string::npos);
  EXPECT_EQ(total(), 5);
  end_in_order();
}

TEST_F(Durable, AnotherVersionOfTheTaskTakesOver) {
  start();
  for (int seq = 201; seq <= 203; ++seq) reading(seq);
  end_in_order();
  auto text = std::string(kTally);
  const auto replace = [&](std::string_view what, std::string_view by) {
    const auto at = text.find(what);
    ASSERT_NE(at, text.npos);
    text.replace(at, what.size(), by);
  };
  replace("alarm high \"high", "alarm over \"over");
  replace("high.raised", "over.raised");
  replace("  state starts", "  state extra  : f64 = 1.5\n  state starts");
  build(text);
  start();
  EXPECT_NE(log().find("another version of the task goes on"), std::string::npos) << log();
  EXPECT_NE(log().find("alarm high"), std::string::npos) << log();
  EXPECT_TRUE(wait_for([&] { return !said("out/alarm/high").empty(); }));
  EXPECT_NE(last_said("out/alarm/high").find("cleared"), std::string::npos) << "nobody would ever clear it";
  reading(204);
  EXPECT_EQ(total(), 4);
  end_in_order();
}

// The unit follows a value to the far side: rows that waited are still what they were when their task was replaced.
TEST_F(Durable, RowsKeepTheUnitsTheyWereWrittenInWhenTheTaskIsReplaced) {
  const std::string fields = "  output rows  : log { seq: int, count: int, raised: int, starts: int } to cloud\n";
  const std::string send = "rows.send(seq: seq, count: count, raised: high.raised, starts: starts)";
  const auto version = [&](const std::string& unit) {
    auto text = std::string(kTally);
    text.replace(text.find(fields), fields.size(),
                 "  output rows  : log { seq: int, temp: f64 " + unit +
                     ", since: duration, when: time, lit: Light, word: text(8) } to cloud\n");
    text.replace(text.find(send), send.size(),
                 "rows.send(seq: seq, temp: f64(seq) * 1 " + unit +
                     ", since: 1.5 s, when: event.time, lit: red, word: \"{count}{starts}{high.raised}\")");
    return "enum Light { green, red }\n" + text;
  };
  collector_->process().signal(SIGKILL);
  collector_->process().wait(10'000ms);
  build(version("K"));
  start();
  reading(1);
  end_in_order();
  build(version("kPa"));
  start();
  reading(2);
  collector_->start();
  ASSERT_TRUE(wait_for([&] { return collector_->query("SELECT count(*) FROM rows") == "2\n"; })) << log();
  end_in_order();
  EXPECT_EQ(collector_->query("SELECT row ->> 'seq', row ->> 'temp', row ->> 'since', row ->> 'lit', unit FROM history "
                              "JOIN fields USING (schema) WHERE name = 'temp' ORDER BY sequence"),
            "1|1|1.5|red|K\n2|2|1.5|red|kPa\n");
  EXPECT_EQ(collector_->query("SELECT place, name, type, unit FROM fields WHERE schema = 2 ORDER BY place"),
            "0|seq|int|\n1|temp|f64|kPa\n2|since|duration|s\n3|when|time|\n4|lit|enum|\n5|word|text|\n");
  EXPECT_EQ(collector_->query("SELECT fields -> '$[4].values' FROM schemas WHERE id = 1"), "[\"green\",\"red\"]\n");
}

TEST_F(Durable, RowsWaitForAFarSideThatIsAway) {
  collector_->process().signal(SIGKILL);
  collector_->process().wait(10'000ms);
  start();
  for (int seq = 1; seq <= 50; ++seq) reading(seq);
  end_in_order();
  EXPECT_NE(log().find("cloud"), std::string::npos) << "it says that nobody answers:\n" << log();
  start();
  for (int seq = 51; seq <= 100; ++seq) reading(seq);
  kill_nine();
  EXPECT_EQ(stored().size(), 0u);
  collector_->start();
  start();
  reading(101);
  const auto all = total();
  EXPECT_GT(all, 50) << "those of the run that ended in order";
  ASSERT_TRUE(wait_for([&] { return static_cast<std::int64_t>(stored().size()) == all; })) << log();
  end_in_order();
  EXPECT_NE(log().find(fmt::format(" {} rows sent", all)), std::string::npos) << "each was sent once\n" << log();
  expect_one_life(stored());
}

// No network, and a clock that is decades wrong either way: the alarm comes, and what follows later is right.
class WrongClock : public Durable, public ::testing::WithParamInterface<std::int64_t> {
 protected:
  // It runs without its broker, and alarms once as soon as that is there.
  void alarms_when_the_broker_comes() {
    std::this_thread::sleep_for(300ms);
    ASSERT_TRUE(daemon_->is_running()) << log();
    broker_.start();
    ASSERT_TRUE(wait_for([&] {
      probe_.publish("in/v", "200");
      std::this_thread::sleep_for(50ms);
      return last_said("out/horn") == "on";
    })) << log();
    EXPECT_EQ(said("out/alarm/high").size(), 1u);
  }
};

TEST_P(WrongClock, StillAlarms) {
  const std::string shim = std::string("LD_PRELOAD=") + EYEFLOW_CLOCK_SHIM;
  broker_.stop();
  heard_before_ = 0;
  launch({shim, fmt::format("EYEFLOW_CLOCK={}", GetParam())});
  ASSERT_NO_FATAL_FAILURE(alarms_when_the_broker_comes());
  EXPECT_EQ(log().find("1900-01"), std::string::npos) << log();
  const auto before = total();
  end_in_order();

  // The clock is right now, and known to be. The years in between have not passed.
  start({shim, "EYEFLOW_CLOCK_SET=1"});
  EXPECT_TRUE(wait_for([&] { return last_said("out/horn") == "on"; }));
  EXPECT_TRUE(said("out/alarm/high").empty());
  reading(201);
  EXPECT_GT(total(), before);
  end_in_order();
}

// A time service sets it while the device runs: it goes on where it was, with the right time.
TEST_P(WrongClock, IsTakenOverOnceItIsRight) {
  const auto right = folder_ / "right";
  start({std::string("LD_PRELOAD=") + EYEFLOW_CLOCK_SHIM, fmt::format("EYEFLOW_CLOCK={}", GetParam()),
         "EYEFLOW_CLOCK_RIGHT=" + right.string()});
  reading(200);
  ASSERT_TRUE(wait_for([&] { return last_said("out/horn") == "on"; })) << log();
  const auto of_today = [&] {
    return std::atoi(
        collector_
            ->query(fmt::format("SELECT count(*) FROM rows WHERE abs(time_ns - {}) < 600000000000",
                                std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()))
            .c_str());
  };
  write_file(right, "");
  ASSERT_TRUE(wait_for([&] {
    probe_.publish("in/v", "201");
    std::this_thread::sleep_for(50ms);
    return of_today() > 2;
  })) << log();
  end_in_order();
  // Until then no certificate of the far side was valid, and the rows have waited.
  EXPECT_GT(static_cast<int>(stored().size()), of_today()) << "the first ones have the time of the wrong clock";
  expect_one_life(stored(), 1'000'000);
  EXPECT_EQ(said("out/alarm/high").size(), 1u) << "it stands on";
  EXPECT_EQ(log().find("1900-01"), std::string::npos) << log();
  const auto first = log().find("begins anew with the right time");
  ASSERT_NE(first, std::string::npos) << log();
  EXPECT_EQ(log().find("begins anew with the right time", first + 1), std::string::npos) << "once";
}

TEST_P(WrongClock, OfABatteryIsBelievedAtOnce) {
  std::string site = read_file(folder_ / "site.toml");
  site.insert(site.find("name = "), "clock = \"battery\"\n");
  write_file(folder_ / "site.toml", site);
  const auto right = folder_ / "right";
  start({std::string("LD_PRELOAD=") + EYEFLOW_CLOCK_SHIM, fmt::format("EYEFLOW_CLOCK={}", GetParam()),
         "EYEFLOW_CLOCK_RIGHT=" + right.string()});
  std::this_thread::sleep_for(1500ms);  // it looks once a second
  write_file(right, "");
  EXPECT_TRUE(wait_for([&] { return log().find("restart to take the new time over") != std::string::npos; })) << log();
  end_in_order();
  EXPECT_EQ(log().find("begins anew"), std::string::npos) << log();
}

// All of it at once: no network, a wrong clock, and a disk on which not even a first file can be written.
TEST_P(WrongClock, StillAlarmsOnAFullDisk) {
  broker_.stop();
  heard_before_ = 0;
  launch({std::string("LD_PRELOAD=") + EYEFLOW_CLOCK_SHIM + ":" + EYEFLOW_IO_SHIM,
          fmt::format("EYEFLOW_CLOCK={}", GetParam()), "EYEFLOW_IO_FOLDER=" + (folder_ / "data").string(),
          "EYEFLOW_IO_ROOM=0"});
  ASSERT_NO_FATAL_FAILURE(alarms_when_the_broker_comes());
  EXPECT_NE(log().find("disk is full"), std::string::npos) << log();
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(30'000ms), 0) << log();
}

INSTANTIATE_TEST_SUITE_P(Clocks, WrongClock, ::testing::Values(0, 2'100'000'000));

TEST_F(Durable, AFullDiskStillAlarms) {
  const auto room = [&](std::uint64_t bytes) {
    return std::vector<std::string>{std::string("LD_PRELOAD=") + EYEFLOW_IO_SHIM,
                                    "EYEFLOW_IO_FOLDER=" + (folder_ / "data").string(),
                                    fmt::format("EYEFLOW_IO_ROOM={}", bytes)};
  };
  // Not even a first file can be written.
  start(room(0));
  reading(200);
  EXPECT_TRUE(wait_for([&] { return last_said("out/horn") == "on"; })) << log();
  EXPECT_NE(log().find("data: nothing of an earlier run can be read; tasks begin afresh"), std::string::npos) << log();
  EXPECT_EQ(log().find("did not end in order"), std::string::npos) << "there was none\n" << log();
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(30'000ms), 0) << log();

  // It fills up while it runs: state goes on being kept, rows go by the site's policy and are counted.
  fs::remove_all(folder_ / "data");
  collector_->process().signal(SIGKILL);
  collector_->process().wait(10'000ms);
  write_site("reserve = \"512 KiB\"\nmemory = \"64 KiB\"");
  start(room(1'500'000));
  std::int64_t seq = 0;
  reading(++seq);  // it listens: from now on every reading counts
  const auto missed = seq - total();
  ASSERT_TRUE(wait_for(
      [&] {
        for (int i = 0; i < 500; ++i) probe_.publish("in/v", std::to_string(++seq));
        // Not more than its queue holds, on a slow machine too.
        return wait_for([&] { return total() == seq - missed; }, 60'000ms) &&
               log().find("the disk is full") != std::string::npos;
      },
      60'000ms))
      << log();
  probe_.publish("in/v", std::to_string(++seq));
  ASSERT_TRUE(wait_for([&] { return total() == seq - missed; }, 60'000ms)) << total() << " of " << seq;
  end_in_order();
  // Full from the start on: what was kept is read, though nothing more can be.
  start(room(0));
  reading(++seq);
  EXPECT_EQ(total(), seq - missed) << "state was not read on the full disk\n" << log();
  daemon_->signal(SIGKILL);
  daemon_->wait(10'000ms);
  start();
  reading(++seq);
  EXPECT_EQ(total(), seq - missed - 1) << "state was kept on the full disk\n" << log();
  end_in_order();
}

TEST_F(Durable, ADamagedFileIsSetAsideAndWhatIsIntactGoesOn) {
  collector_->process().signal(SIGKILL);
  collector_->process().wait(10'000ms);
  start();
  constexpr int kRows = 400;
  for (int seq = 1; seq <= kRows; ++seq) probe_.publish("in/v", std::to_string(seq));
  ASSERT_TRUE(wait_for([&] { return total() == kRows; })) << log();
  end_in_order();
  const fs::path state = folder_ / "data/state.db";
  const auto size = fs::file_size(state);
  {
    std::fstream file(state, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2 / 4096 * 4096));
    file << std::string(4096, '\x5a');
  }
  collector_->start();
  start();
  EXPECT_TRUE(wait_for([&] { return log().find("damaged") != std::string::npos; })) << log();
  reading(600);
  EXPECT_TRUE(wait_for([&] { return last_said("out/horn") == "on"; })) << log();
  // Whatever could be read of the outbox comes, each row once.
  const auto text = log();
  const auto at = text.find(" rows", text.find("lost: "));
  ASSERT_NE(at, text.npos) << text;
  const auto lost = std::atoll(text.c_str() + text.rfind(' ', at - 1));
  EXPECT_LT(lost, kRows / 2);
  std::this_thread::sleep_for(500ms);
  ASSERT_TRUE(wait_for([&] { return static_cast<std::int64_t>(stored().size()) >= kRows - lost; }))
      << stored().size() << " with " << lost << " lost\n"
      << log();
  end_in_order();
  std::vector<std::int64_t> seqs;
  for (const auto& row : stored()) seqs.push_back(row.seq);
  std::ranges::sort(seqs);
  EXPECT_EQ(std::ranges::adjacent_find(seqs), seqs.end()) << "a row came twice";
}

}  // namespace
}  // namespace eyeflow::test
