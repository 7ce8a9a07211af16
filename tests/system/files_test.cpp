// The file sink on a disk that fails or is full, and under kill -9: files hold whole lines, and what is lost is
// counted.
#include "runtime/connectors/files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <thread>

#include "tests/system/io_log.h"
#include "tests/system/process.h"

namespace eyeflow::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using runtime::Connection;
using runtime::ConnectionKind;
using runtime::Datum;
using runtime::FileSink;
using runtime::PortId;
using runtime::Record;

struct Deaf : runtime::Receiver {
  void on_arrival(const runtime::Arrival&) override {}
  void on_unknown(std::string_view) override {}
  void on_bad_row(std::string_view) override {}
  void on_state(std::string_view, bool, std::string_view) override {}
  void on_finished(std::string_view, std::string_view) override {}
};

Connection csv(const fs::path& folder, std::uint64_t max_bytes = 1u << 30, std::uint32_t max_files = 1000) {
  Connection c;
  c.name = "records";
  c.kind = ConnectionKind::Csv;
  c.folder = folder;
  c.max_bytes = max_bytes;
  c.max_files = max_files;
  return c;
}

void write_row(FileSink& sink, std::int64_t n) {
  const Datum fields[] = {{"n", n}, {"twice", 2 * n}};
  const Record record{.name = "rows", .task = "t", .instance = "t", .time = {}, .fields = fields};
  sink.write({.port = PortId{0}, .record = &record});
}

// The rows of all files in order; whatever is no whole row is a failure.
std::vector<std::int64_t> rows_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  // rows.000001.csv … before rows.csv, the one at work
  std::ranges::sort(paths, {}, [](const fs::path& p) { return std::pair(p.filename() == "rows.csv", p); });
  std::vector<std::int64_t> rows;
  for (const auto& path : paths) {
    const std::string text = read_file(path);
    EXPECT_TRUE(text.empty() || text.ends_with('\n')) << path << " ends within a line";
    std::size_t at = 0;
    bool first = true;
    while (at < text.size()) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (std::exchange(first, false)) {
        EXPECT_EQ(line, "time,instance,n,twice") << path;
        continue;
      }
      long long n = 0, twice = 0;
      if (std::sscanf(line.c_str(), "1970-01-01T00:00:00.000Z,t,%lld,%lld", &n, &twice) != 2 || twice != 2 * n) {
        ADD_FAILURE() << path << ": '" << line << "' is no row";
        continue;
      }
      rows.push_back(n);
    }
  }
  return rows;
}

TEST(FilesOnDisk, AFullDiskHoldsWhatFitsAndGoesOnWhenThereIsRoom) {
  const TemporaryFolder folder;
  const fs::path to = folder / "rows";
  fs::create_directory(to);
  Deaf deaf;
  io_room(to.c_str(), 1000);  // the header, and some lines; the next is torn by the disk
  FileSink sink(csv(to), {{PortId{0}, "rows", {"n", "twice"}}});
  sink.start(deaf);
  for (int n = 0; n < 200; ++n) write_row(sink, n);
  sink.flush();
  const auto on_full_disk = rows_in(to);
  EXPECT_LT(on_full_disk.size(), 200u);
  EXPECT_EQ(sink.dropped(), 0u);
  io_room(to.c_str(), UINT64_MAX);
  sink.stop();
  const auto rows = rows_in(to);
  ASSERT_EQ(rows.size(), 200u);
  EXPECT_TRUE(std::ranges::is_sorted(rows));
  EXPECT_EQ(sink.dropped(), 0u);
}

// Each call that concerns the folder fails once, one after the other, with full files in between: no line is torn, none
// is lost, and only where cutting back fails as well does one come twice.
TEST(FilesOnDisk, ACallThatFailsLosesNothing) {
  std::uint64_t calls = 0;
  for (const int error : {EIO, ENOSPC}) {
    for (std::uint64_t n = 1; n <= std::max<std::uint64_t>(calls, 10); ++n) {
      const TemporaryFolder folder;
      const fs::path to = folder / "rows";
      fs::create_directory(to);
      Deaf deaf;
      io_fail(to.c_str(), n, error, 0);
      {
        FileSink sink(csv(to, 1000), {{PortId{0}, "rows", {"n", "twice"}}});
        sink.start(deaf);
        for (int row = 0; row < 60; ++row) write_row(sink, row);
        sink.flush();
        calls = std::max(calls, io_fail(to.c_str(), 0, 0, 0));
        for (int row = 60; row < 120; ++row) write_row(sink, row);
        sink.stop();
        EXPECT_EQ(sink.dropped(), 0u);
      }
      auto rows = rows_in(to);
      EXPECT_TRUE(std::ranges::is_sorted(rows)) << "call " << n;
      rows.erase(std::ranges::unique(rows).begin(), rows.end());
      EXPECT_EQ(rows.size(), 120u) << "call " << n << " failed with " << error;
    }
  }
}

TEST(FilesOnDisk, AfterAKillFilesHoldWholeLinesInOrder) {
  const TemporaryFolder folder;
  const fs::path to = folder / "rows";
  std::int64_t next = 0;
  for (int round = 0; round < 10; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Deaf deaf;
      FileSink sink(csv(to, 20'000), {{PortId{0}, "rows", {"n", "twice"}}});
      sink.start(deaf);
      for (std::int64_t n = next;; ++n) {
        write_row(sink, n);
        if (n % 100 == 99) std::this_thread::sleep_for(1ms);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(230 + 7 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    {
      // A start repairs.
      Deaf deaf;
      FileSink sink(csv(to, 20'000), {{PortId{0}, "rows", {"n", "twice"}}});
      sink.start(deaf);
      sink.stop();
    }
    const auto rows = rows_in(to);
    for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i], static_cast<std::int64_t>(i)) << "round " << round;
    next = static_cast<std::int64_t>(rows.size());
  }
  EXPECT_GT(next, 0);
}

}  // namespace
}  // namespace eyeflow::test
