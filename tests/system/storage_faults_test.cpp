#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>

#include "runtime/storage/store.h"
#include "tests/system/disk_image.h"
#include "tests/system/io_log.h"

// Power cuts, kill -9 and disks that fail, under a load whose outcome can be told from what is left of it: event n of
// an instance keeps the value n and adds row n, so that whatever comes back must be an instance's first n events.
namespace eyeflow::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using runtime::Changes;
using runtime::SlotKind;
using runtime::Store;
using runtime::StoreOptions;

constexpr int kInstances = 4;

// How often; `tools/dev soak` says more.
int times(const char* variable, int usually) {
  const char* given = std::getenv(variable);
  return given != nullptr ? std::atoi(given) : usually;
}

// Memory if there is some: what a sync means is simulated here.
fs::path scratch() {
  std::string name =
      (fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) + "/eyeflow-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string instance_name(int i) { return "m/T" + std::to_string(i); }

struct Counts {
  std::array<std::uint64_t, kInstances> events{};
};

// A store with the names of the load.
class Load {
 public:
  Load(Store& store, const Counts& begin) : store_(store), counts_(begin) {
    for (int i = 0; i < kInstances; ++i) {
      values_[i] = store.slot(SlotKind::State, instance_name(i), "");
      rows_[i] = store.stream(instance_name(i), "log", {.keep = 24h, .sync = true});
      alarms_[i] = store.slot(SlotKind::Alarm, instance_name(i), "hot");
    }
  }

  // One event of one instance; every so often an alarm goes up or down, which is committed at once.
  runtime::Ticket event(std::mt19937_64& random) {
    const auto i = random() % kInstances;
    const std::string text = std::to_string(++counts_.events[i]);
    changes_.clear();
    changes_.row(rows_[i], static_cast<vm::TimeNs>(counts_.events[i]),
                 bytes_of(text + std::string(random() % 200, ' ')));
    changes_.keep(values_[i], bytes_of(text));
    if (random() % 8 == 0) {
      changes_.keep(alarms_[i], bytes_of(text));
      changes_.commit_at_once();
    }
    return store_.submit(changes_, true).ticket;
  }

  Counts& counts() { return counts_; }

 private:
  Store& store_;
  Counts counts_;
  Changes changes_;
  std::array<runtime::SlotId, kInstances> values_, alarms_;
  std::array<runtime::StreamId, kInstances> rows_;
};

// What the far side has, once it has this batch as well.
Counts plus(Counts counts, const runtime::OutboxBatch& batch) {
  for (const auto& row : batch.rows)
    counts.events[static_cast<std::size_t>(batch.names(row).owner.back() - '0')] = std::stoull(std::string(row.row));
  return counts;
}

// What a store holds of the load: of each instance, how many events. Everything else about it is checked.
Counts found(Store& store, const Counts& acknowledged) {
  Counts counts;
  std::map<std::string, std::uint64_t> alarms;
  for (const auto& value : store.take_kept()) {
    const int i = value.owner.back() - '0';
    const auto n = std::stoull(text_of(value.value));
    (value.kind == SlotKind::State ? counts.events[static_cast<std::size_t>(i)] : alarms[value.owner]) = n;
  }
  for (const auto& [name, n] : alarms) EXPECT_LE(n, counts.events[static_cast<std::size_t>(name.back() - '0')]);

  std::array<std::uint64_t, kInstances> rows{};
  runtime::HistoryQuery query;
  do {
    const auto some = store.history(query);
    for (const auto& row : some.rows) {
      const auto i = static_cast<std::size_t>(row.owner.back() - '0');
      EXPECT_EQ(std::stoull(text_of(row.row)), ++rows[i]) << "a gap in the history of " << row.owner;
    }
    query.after = some.next;
  } while (query.after != 0);
  EXPECT_EQ(rows, counts.events) << "values and history of different events";

  Counts queued;                      // of each instance the last
  for (runtime::RowNumber after;;) {  // epoch by epoch
    const auto batch = store.outbox(100'000, 100u << 20, after);
    if (batch.rows.empty()) break;
    EXPECT_GT(batch.epoch, after.epoch);
    after = batch.end();
    std::uint64_t before = 0;
    for (const auto& row : batch.rows) {
      const auto i = static_cast<std::size_t>(batch.names(row).owner.back() - '0');
      const auto n = std::stoull(std::string(row.row));
      if (queued.events[i] != 0) EXPECT_EQ(n, queued.events[i] + 1) << "a gap in the outbox of instance " << i;
      if (queued.events[i] == 0) EXPECT_LE(n, acknowledged.events[i] + 1) << "a row that nobody has";
      queued.events[i] = n;
      if (before != 0) EXPECT_EQ(row.sequence, before + 1) << "a gap in the numbers";
      before = row.sequence;
    }
  }
  for (std::size_t i = 0; i < kInstances; ++i) {
    EXPECT_GE(std::max(queued.events[i], acknowledged.events[i]), counts.events[i]) << "rows that nobody has";
    if (queued.events[i] != 0) EXPECT_EQ(queued.events[i], counts.events[i]) << "values and outbox of different events";
  }
  return counts;
}

StoreOptions options(const fs::path& folder) {
  return {.folder = folder, .commit = 1h, .reserve_bytes = 0, .checkpoint_pages = 60};
}

// -- power cuts
// --------------------------------------------------------------------------------------------------------

struct Promise {
  Counts committed;     // what had been reported as on disk
  Counts acknowledged;  // what the far side had said, whether it was committed or not
};

// Runs the load, logging; promises by their mark.
std::vector<Promise> run_logged(const fs::path& folder, const fs::path& log, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Promise> promises(1);
  io_log_begin(folder.c_str(), log.c_str());
  Counts counts;
  for (int start = 0; start < 3; ++start) {
    auto store = Store::open(options(folder));
    EXPECT_TRUE(store);
    Load load(*store, counts);
    const auto promise = [&](const Counts& acknowledged) {
      promises.push_back({load.counts(), acknowledged});
      io_mark(promises.size() - 1);
    };
    for (int group = 0; group < 60; ++group) {
      runtime::Ticket last{};
      for (auto events = 1 + random() % 12; events > 0; --events) last = load.event(random);
      EXPECT_TRUE(store->wait_until_committed(last, 10s));
      promise(promises.back().acknowledged);
      if (random() % 10 == 0) {
        const auto batch = store->outbox(1 + random() % 50, 1 << 20);
        if (batch.rows.empty()) continue;
        // Nobody may take it for granted before it is committed, and nobody may be hurt when it was.
        promises.push_back({promises.back().committed, plus(promises.back().acknowledged, batch)});
        io_mark(promises.size() - 1);
        store->acknowledge(batch.epoch, batch.last());
      }
    }
    EXPECT_TRUE(store->stop());
    counts = load.counts();
  }
  io_log_end();
  return promises;
}

TEST(StorageFaults, PowerCut) {
  const fs::path place = scratch();
  const int cuts = times("EYEFLOW_CUTS", 2000), per_load = 500;
  std::mt19937_64 random(1);
  for (int load = 0; load < (cuts + per_load - 1) / per_load && !testing::Test::HasFailure(); ++load) {
    const fs::path folder = place / "run" / "data";
    fs::create_directories(folder);  // that a power cut can cost a folder is not the store's business
    const auto promises = run_logged(folder, place / "log", random());
    const auto operations = read_io_log(place / "log");
    fs::remove_all(folder);
    std::vector<std::size_t> points;
    for (int i = 0; i < per_load; ++i) points.push_back(random() % operations.size());
    std::ranges::sort(points);
    DiskImage disk;
    std::size_t done = 0, promised = 0;
    for (const std::size_t point : points) {
      for (; done < point; ++done) {
        if (operations[done].kind == IO_MARK) promised = operations[done].offset;
        disk.apply(operations[done]);
      }
      SCOPED_TRACE("load " + std::to_string(load) + ", cut at " + std::to_string(point));
      fs::create_directories(folder);
      disk.cut(folder, folder, random);
      {
        auto with = options(folder);
        std::string notices;
        with.on_notice = [&](std::string_view line) { notices += line; };
        auto store = Store::open(with);
        ASSERT_TRUE(store) << store.error().message;
        const auto counts = found(*store, promises[promised].acknowledged);
        for (std::size_t i = 0; i < kInstances; ++i) {
          EXPECT_GE(counts.events[i], promises[promised].committed.events[i]) << "a promise that was not kept";
        }
        EXPECT_EQ(notices, "");
        if (point % 16 == 0) {  // and on it goes
          Load next(*store, counts);
          EXPECT_TRUE(store->wait_until_committed(next.event(random), 10s));
          EXPECT_TRUE(store->stop());
        }
      }
      fs::remove_all(folder);
      if (testing::Test::HasFailure()) return;
    }
  }
  fs::remove_all(place);
}

// -- kill -9
// -----------------------------------------------------------------------------------------------------------

// What the child tells before it dies.
struct Shared {
  std::atomic<std::uint64_t> events[kInstances], acknowledged[kInstances];
};

[[noreturn]] void work_until_killed(const fs::path& folder, const Counts& begin, std::uint64_t seed, Shared& shared) {
  auto with = options(folder);
  with.commit = 1ms;
  auto store = Store::open(with);
  if (!store) _exit(1);
  std::mt19937_64 random(seed);
  Load load(*store, begin);
  Counts acknowledged;
  for (std::size_t i = 0; i < kInstances; ++i) acknowledged.events[i] = shared.acknowledged[i];
  while (true) {
    runtime::Ticket last{};
    for (auto events = 1 + random() % 12; events > 0; --events) last = load.event(random);
    if (!store->wait_until_committed(last, 10s)) _exit(1);
    for (std::size_t i = 0; i < kInstances; ++i) shared.events[i] = load.counts().events[i];
    if (random() % 4 != 0) continue;
    const auto batch = store->outbox(200, 1 << 20);
    if (batch.rows.empty()) continue;
    acknowledged = plus(acknowledged, batch);
    for (std::size_t i = 0; i < kInstances; ++i) shared.acknowledged[i] = acknowledged.events[i];
    store->acknowledge(batch.epoch, batch.last());
  }
}

TEST(StorageFaults, KillNine) {
  const fs::path place = scratch(), folder = place / "data";
  auto* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Shared& shared = *new (memory) Shared{};
  Counts counts;
  std::mt19937_64 random(2);
  const int kills = times("EYEFLOW_KILLS", 100);
  for (int i = 0; i < kills && !testing::Test::HasFailure(); ++i) {
    if (i % 20 == 19) {  // so that the history stays short enough to be read each time
      fs::remove_all(folder);
      counts = {};
      new (memory) Shared{};
    }
    const auto seed = random();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) work_until_killed(folder, counts, seed, shared);
    usleep(static_cast<useconds_t>(random() % 15'000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    SCOPED_TRACE("kill " + std::to_string(i));
    auto store = Store::open(options(folder));
    ASSERT_TRUE(store) << store.error().message;
    Counts acknowledged;
    for (std::size_t k = 0; k < kInstances; ++k) acknowledged.events[k] = shared.acknowledged[k];
    counts = found(*store, acknowledged);
    for (std::size_t k = 0; k < kInstances; ++k) EXPECT_GE(counts.events[k], shared.events[k].load());
    EXPECT_EQ(store->stats().damaged_files, 0u);
  }
  munmap(memory, sizeof(Shared));
  fs::remove_all(place);
}

// -- disks that fail
// ---------------------------------------------------------------------------------------------------

struct Fault {
  int error;
  bool always;
};

class Failing : public testing::TestWithParam<Fault> {};

// A run of two starts. Gives what was promised.
Counts run_failing(const fs::path& folder, std::uint64_t& calls, std::uint64_t n, const Fault& fault, bool& whole) {
  std::mt19937_64 random(3);
  Counts counts, promised;
  io_fail(folder.c_str(), n, fault.error, fault.always);
  whole = true;
  for (int start = 0; start < 2; ++start) {
    auto with = options(folder);
    with.commit = 1ms;
    auto store = Store::open(with);
    if (!store) {
      whole = false;
      continue;
    }
    if (store->take_kept().empty() && start == 1) whole = false;
    Load load(*store, counts);
    for (int group = 0; group < 4; ++group) {
      runtime::Ticket last{};
      for (int i = 0; i < 3; ++i) last = load.event(random);
      if (!store->wait_until_committed(last, fault.always ? std::chrono::nanoseconds(5ms) : 10s)) {
        whole = false;
        break;
      }
      promised = load.counts();
    }
    // What is left out is counted, or it was not promised. A failure that passes costs at most the mark of a clean end.
    if (!store->stop() && fault.always) {
      whole = false;
      break;
    }
    promised = load.counts();
    counts = load.counts();
    const auto stats = store->stats();
    if (stats.rows_dropped_history + stats.rows_dropped_outbox + stats.rows_dropped_early + stats.lost_rows +
            stats.lost_values >
        0)
      whole = false;
    if (!whole) break;
  }
  calls = io_fail(folder.c_str(), 0, 0, 0);
  return promised;
}

TEST_P(Failing, AtEachCall) {
  const fs::path place = scratch();
  std::uint64_t calls = 1;
  int failed = 0;
  for (std::uint64_t n = 1; n <= calls && !testing::Test::HasFailure(); ++n) {
    const fs::path folder = place / std::to_string(n);
    fs::create_directories(folder);
    bool whole = true;
    std::uint64_t made = 0;
    const Counts promised = run_failing(folder, made, n, GetParam(), whole);
    calls = n == 1 && GetParam().always ? 400 : std::max(calls, made);
    if (GetParam().always && made < n) calls = 0;
    SCOPED_TRACE("call " + std::to_string(n));
    failed += !whole;
    auto store = Store::open(options(folder));
    ASSERT_TRUE(store) << store.error().message;
    if (GetParam().always || whole) {
      std::array<std::uint64_t, kInstances> events{};
      for (const auto& value : store->take_kept()) {
        if (value.kind != SlotKind::State) continue;
        events[static_cast<std::size_t>(value.owner.back() - '0')] = std::stoull(text_of(value.value));
      }
      for (std::size_t i = 0; i < kInstances; ++i) EXPECT_GE(events[i], promised.events[i]);
      EXPECT_EQ(store->report().damaged_files, 0u);
    }
    // One failure that passes loses nothing at all, whichever call it was.
    if (!GetParam().always) EXPECT_TRUE(whole);
    EXPECT_TRUE(store->stop());
    fs::remove_all(folder);
  }
  if (GetParam().always) EXPECT_GT(failed, 0);
  fs::remove_all(place);
}

INSTANTIATE_TEST_SUITE_P(All, Failing,
                         testing::Values(Fault{EIO, true}, Fault{ENOSPC, true}, Fault{EIO, false},
                                         Fault{ENOSPC, false}));

}  // namespace
}  // namespace eyeflow::test
