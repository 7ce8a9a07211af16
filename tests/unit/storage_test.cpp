#include "runtime/storage/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "runtime/security/sealing.h"
#include "runtime/storage/block.h"
#include "runtime/storage/history_reader.h"
#include "runtime/storage/recovery.h"

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const StreamSettings kKept{.keep = 24h, .sync = false}, kSynced{.keep = {}, .sync = true},
    kBoth{.keep = 24h, .sync = true};

class Storage : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "eyeflow-storage-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  StoreOptions options() {
    return {.folder = dir_ / "data", .commit = 1h, .reserve_bytes = 0, .on_notice = [this](std::string_view line) {
              notices_ += std::string(line) + "\n";
            }};
  }
  Store open() { return open(options()); }
  Store open(StoreOptions with) {
    auto store = Store::open(std::move(with));
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  fs::path file(const char* name) { return dir_ / "data" / name; }

  // Rows of text "N" in the order of their numbers, each in a commit of its own unless `together`.
  void put_rows(Store& store, StreamId stream, int first, int last, bool together = true) {
    Changes changes;
    Submitted submitted{};
    for (int i = first; i <= last; ++i) {
      changes.clear();
      changes.row(stream, i * 1000, bytes_of(std::to_string(i)));
      submitted = store.submit(changes, true);
      if (!together) ASSERT_TRUE(store.wait_until_committed(submitted.ticket, 10s));
    }
    ASSERT_TRUE(store.wait_until_committed(submitted.ticket, 10s));
  }
  static void keep(Store& store, SlotId slot, std::string_view value) {
    Changes changes;
    changes.keep(slot, bytes_of(value));
    ASSERT_TRUE(store.wait_until_committed(store.submit(changes).ticket, 10s));
  }
  static std::map<std::string, std::string> kept(Store& store) {
    std::map<std::string, std::string> values;
    for (const auto& value : store.take_kept()) {
      values[std::to_string(static_cast<int>(value.kind)) + value.owner + "/" + value.name] = text_of(value.value);
    }
    return values;
  }
  static std::vector<std::string> rows_of(const std::vector<StoredRow>& rows) {
    std::vector<std::string> texts;
    for (const auto& row : rows) texts.push_back(text_of(row.row));
    return texts;
  }
  static std::vector<std::string> rows_of(const std::vector<OutboxRow>& rows) {
    std::vector<std::string> texts;
    for (const auto& row : rows) texts.emplace_back(row.row);
    return texts;
  }
  static std::vector<std::string> history(Store& store) {
    std::vector<std::string> texts;
    HistoryQuery query;
    do {
      const auto found = store.history(query);
      for (const auto& text : rows_of(found.rows)) texts.push_back(text);
      query.after = found.next;
    } while (query.after != 0);
    return texts;
  }
  static std::vector<std::string> numbers(int first, int last) {
    std::vector<std::string> texts;
    for (int i = first; i <= last; ++i) texts.push_back(std::to_string(i));
    return texts;
  }
  // Changes a file as somebody with SQLite at hand would.
  void edit(const char* name, const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file(name).c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, &error), SQLITE_OK) << error;
    ASSERT_EQ(sqlite3_close(database), SQLITE_OK);
  }
  std::size_t set_aside(const std::string& name) {
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator(dir_ / "data")) {
      const auto text = entry.path().filename().string();
      found += text.starts_with(name + ".damaged-") && !text.ends_with("-wal");
    }
    return found;
  }

  fs::path dir_;
  std::string notices_;
};

TEST_F(Storage, TheLatestValuesComeBack) {
  {
    auto store = open();
    EXPECT_EQ(store.report().last_run, StoreReport::LastRun::None);
    const auto state = store.slot(SlotKind::State, "monitor/T1", "");
    const auto alarm = store.slot(SlotKind::Alarm, "monitor/T1", "hot");
    EXPECT_EQ(store.slot(SlotKind::State, "monitor/T1", ""), state);
    EXPECT_NE(state, alarm);
    keep(store, state, "first");
    keep(store, alarm, "raised");
    keep(store, state, "a longer second");
    keep(store, state, "3");
    EXPECT_TRUE(store.stop());
  }
  auto store = open();
  EXPECT_EQ(store.report().last_run, StoreReport::LastRun::InOrder);
  const std::map<std::string, std::string> expected{{"1monitor/T1/", "3"}, {"2monitor/T1/hot", "raised"}};
  EXPECT_EQ(kept(store), expected);
  EXPECT_TRUE(store.take_kept().empty());
  EXPECT_EQ(notices_, "");
}

TEST_F(Storage, RowsHaveNumbersWithoutGapsAndEachRunAnEpoch) {
  std::uint64_t epoch = 0;
  {
    auto store = open();
    put_rows(store, store.stream("monitor/T1", "history", kSynced), 1, 30);
    const auto batch = store.outbox(1000, 1 << 20);
    epoch = batch.epoch;
    ASSERT_EQ(batch.rows.size(), 30u);
    EXPECT_EQ(batch.first, 1u);
    EXPECT_EQ(batch.rows[7].sequence, 8u);
    EXPECT_EQ(batch.rows[7].time, 8000);
    EXPECT_EQ(batch.names(batch.rows[7]).owner, "monitor/T1");
    EXPECT_EQ(batch.names(batch.rows[7]).log, "history");
    EXPECT_EQ(rows_of(batch.rows), numbers(1, 30));
  }
  auto store = open();
  put_rows(store, store.stream("monitor/T1", "history", kSynced), 31, 40);
  const auto batch = store.outbox(1000, 1 << 20);
  EXPECT_EQ(batch.epoch, epoch);
  EXPECT_EQ(rows_of(batch.rows), numbers(1, 30));
  const auto next = store.outbox(1000, 1 << 20, batch.end());
  EXPECT_GT(next.epoch, epoch);
  EXPECT_LT(next.epoch, std::uint64_t{1} << 53);
  EXPECT_EQ(next.first, 1u);
  EXPECT_EQ(next.last(), 10u);
  EXPECT_EQ(rows_of(next.rows), numbers(31, 40));
}

// A copy of the folder that is put back, or a card that is cloned: what comes after it has numbers that nothing had.
TEST_F(Storage, NoNumberIsGivenTwiceAfterACopyIsPutBack) {
  {
    auto store = open();
    put_rows(store, store.stream("m", "log", kSynced), 1, 5);
    store.acknowledge(store.outbox(100, 1 << 20).epoch, 5);
  }
  fs::copy(dir_ / "data", dir_ / "copy", fs::copy_options::recursive);
  std::set<std::uint64_t> epochs;
  for (int run = 0; run < 5; ++run) {
    fs::remove_all(dir_ / "data");
    fs::copy(dir_ / "copy", dir_ / "data", fs::copy_options::recursive);
    auto store = open();
    put_rows(store, store.stream("m", "log", kSynced), 6, 8);
    const auto batch = store.outbox(100, 1 << 20);
    EXPECT_EQ(rows_of(batch.rows), numbers(6, 8));
    EXPECT_TRUE(epochs.insert(batch.epoch).second);
  }
}

// What a full disk has of an earlier run is read all the same: opening writes nothing.
TEST_F(Storage, OpeningWritesNothing) {
  {
    auto store = open();
    keep(store, store.slot(SlotKind::State, "m/T1", ""), "3");
    put_rows(store, store.stream("m/T1", "log", kBoth), 1, 5);
  }
  {
    auto store = open();
  }  // and ends in order
  std::map<std::string, std::string> before, after;
  const auto look = [&](std::map<std::string, std::string>& files) {
    for (const char* name : {"state.db", "state.db-wal", "history.db", "history.db-wal"}) {
      std::ifstream file(dir_ / "data" / name, std::ios::binary);
      files[name] = {std::istreambuf_iterator<char>(file), {}};
    }
  };
  look(before);
  auto store = open();
  EXPECT_EQ(kept(store).size(), 1u);
  look(after);
  EXPECT_TRUE(before == after);
}

// The log of a run that was killed, with a bit turned: what stood behind it is gone, and somebody has to know.
TEST_F(Storage, ADamagedLogIsTold) {
  {
    auto store = open();
    keep(store, store.slot(SlotKind::State, "m/T1", ""), "before");
  }
  const fs::path copy = dir_ / "copy", data = dir_ / "data";
  {
    auto store = open();
    for (int n = 0; n < 5; ++n) keep(store, store.slot(SlotKind::State, "m/T1", ""), std::to_string(n));
    fs::copy(data, copy, fs::copy_options::recursive);
  }
  const auto size = fs::file_size(copy / "state.db-wal");
  int told = 0;
  for (std::uint64_t at = 3; at < size; at += size / 40 + 1) {
    fs::remove_all(data);
    fs::copy(copy, data, fs::copy_options::recursive);
    std::fstream log(data / "state.db-wal", std::ios::in | std::ios::out | std::ios::binary);
    log.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(log.get() ^ 4);
    log.seekp(static_cast<std::streamoff>(at));
    log.put(byte);
    log.close();
    notices_.clear();
    auto store = open();
    const bool is_last = kept(store)["1m/T1/"] == "4" || kept(store)["1m/T1/"] == "3";
    const bool tells = notices_.find("state.db-wal: cannot be read behind") != std::string::npos;
    told += tells;
    EXPECT_TRUE(tells || store.report().last_run == StoreReport::LastRun::BrokenOff || is_last) << at;
  }
  EXPECT_GE(told, 25) << "of 40";
}

// Where neither file can be opened at all, as on a disk that was remounted read-only, tasks go on all the same.
TEST_F(Storage, ValuesAreReadWithoutWriting) {
  std::optional<DeviceKey> key;
  {
    auto store = open();
    for (int n = 0; n < 50; ++n) {
      keep(store, store.slot(SlotKind::State, "m/T1", ""), std::to_string(n));
      keep(store, store.slot(SlotKind::Alarm, "m/T1", "hot"), n % 2 == 0 ? "off" : "on");
    }
    key = load_or_make_device_key(dir_ / "data" / "device.key")->key;
    std::map<std::string, std::string> found;
    for (const auto& value : values_in(dir_ / "data" / "state.db", *key))
      found[std::to_string(static_cast<int>(value.kind)) + value.owner + value.name] =
          std::string(reinterpret_cast<const char*>(value.value.data()), value.value.size());
    const std::map<std::string, std::string> expected{{"1m/T1", "49"}, {"2m/T1hot", "on"}};
    EXPECT_EQ(found, expected) << "from the log as well";
  }
  EXPECT_EQ(values_in(dir_ / "data" / "state.db", *key).size(), 2u);
  EXPECT_TRUE(values_in(dir_ / "data" / "nothing.db", *key).empty());
}

TEST_F(Storage, AnOutboxBatchIsBoundedAndRepeatsUntilAcknowledged) {
  auto store = open();
  put_rows(store, store.stream("m", "log", kSynced), 1, 100);
  EXPECT_EQ(rows_of(store.outbox(10, 1 << 20).rows), numbers(1, 10));
  EXPECT_EQ(rows_of(store.outbox(10, 1 << 20).rows), numbers(1, 10));
  EXPECT_EQ(rows_of(store.outbox(100, 9).rows), numbers(1, 9));  // nine bytes
  EXPECT_EQ(store.outbox(100, 0).rows.size(), 1u);               // one always
  const auto epoch = store.outbox(1, 1).epoch;
  store.acknowledge(epoch, 25);
  put_rows(store, store.stream("m", "log", kSynced), 101, 101);
  const auto batch = store.outbox(10, 1 << 20);
  EXPECT_EQ(rows_of(batch.rows), numbers(26, 35));
  EXPECT_EQ(batch.first, 26u);
  EXPECT_EQ(store.stats().rows_acknowledged, 25u);
  store.acknowledge(epoch + 2, 1000);  // an epoch that never was
  put_rows(store, store.stream("m", "log", kSynced), 102, 102);
  EXPECT_EQ(store.stats().outbox_rows, 102u - 25u);
}

TEST_F(Storage, WhatIsAcknowledgedIsNotGivenAgainBeforeItsCommit) {
  auto store = open();
  put_rows(store, store.stream("m", "log", kSynced), 1, 10);
  store.acknowledge(store.outbox(1, 1).epoch, 4);
  const auto batch = store.outbox(100, 1 << 20);
  EXPECT_EQ(store.stats().rows_acknowledged, 0u) << "not committed yet";
  EXPECT_EQ(rows_of(batch.rows), numbers(5, 10));
  EXPECT_EQ(batch.first, 5u);
}

// Acknowledged rows are stepped over until a commit takes them out, each once: what comes behind them is given every
// time.
TEST_F(Storage, BatchesGoOnBehindWhatIsAcknowledgedAndNotYetCommitted) {
  Store store = open();
  const StreamId rows = store.stream("t", "log", kSynced);
  put_rows(store, rows, 1, 20);
  const auto epoch = store.outbox(1, 1).epoch;
  for (const int stored : {4, 5, 11}) {
    store.acknowledge(epoch, static_cast<std::uint64_t>(stored));
    for (int again = 0; again < 3; ++again) {
      const auto batch = store.outbox(3, 1 << 20);
      EXPECT_EQ(rows_of(batch.rows), numbers(stored + 1, stored + 3));
      EXPECT_EQ(batch.first, static_cast<std::uint64_t>(stored) + 1);
    }
  }
  put_rows(store, rows, 21, 22);  // the commit that takes them out
  EXPECT_EQ(store.stats().rows_acknowledged, 11u);
  EXPECT_EQ(rows_of(store.outbox(100, 1 << 20).rows), numbers(12, 22));
  store.acknowledge(epoch, 22);
  EXPECT_TRUE(store.outbox(100, 1 << 20).rows.empty());
  put_rows(store, rows, 23, 23);
  EXPECT_EQ(rows_of(store.outbox(100, 1 << 20).rows), numbers(23, 23));
}

TEST_F(Storage, AnAcknowledgementIsKept) {
  {
    auto store = open();
    put_rows(store, store.stream("m", "log", kSynced), 1, 10);
    store.acknowledge(store.outbox(1, 1).epoch, 10);
  }
  auto store = open();
  EXPECT_TRUE(store.outbox(100, 100).rows.empty());
  EXPECT_EQ(store.outbox(100, 100).epoch, 0u);
  put_rows(store, store.stream("m", "log", kSynced), 11, 11);
  const auto batch = store.outbox(100, 100);
  EXPECT_EQ(batch.first, 1u);
  EXPECT_EQ(batch.last(), 1u);
  EXPECT_EQ(rows_of(batch.rows), numbers(11, 11));
}

TEST_F(Storage, ABlockThatIsStoredInPartGoesOnBehindIt) {
  std::uint64_t epoch = 0;
  {
    auto store = open();
    put_rows(store, store.stream("m", "log", kSynced), 1, 100);
    epoch = store.outbox(1, 1).epoch;
    store.acknowledge(epoch, 30);
    store.acknowledge(epoch, 40);
    keep(store, store.slot(SlotKind::State, "m", ""), "a commit");
    EXPECT_EQ(store.stats().rows_acknowledged, 40u);
    EXPECT_EQ(store.stats().outbox_rows, 60u);
    store.acknowledge(epoch, 35);  // an answer that comes late
    keep(store, store.slot(SlotKind::State, "m", ""), "another");
    EXPECT_EQ(store.stats().outbox_rows, 60u);
  }
  auto store = open();
  EXPECT_EQ(store.stats().outbox_rows, 60u);
  put_rows(store, store.stream("m", "log", kSynced), 101, 110);
  auto batch = store.outbox(1000, 1 << 20);
  EXPECT_EQ(batch.first, 41u);
  EXPECT_EQ(rows_of(batch.rows), numbers(41, 100));
  store.acknowledge(epoch, 95);
  keep(store, store.slot(SlotKind::State, "m", ""), "a third");
  EXPECT_EQ(store.stats().rows_acknowledged, 55u);
  EXPECT_EQ(store.stats().outbox_rows, 15u);
  EXPECT_EQ(rows_of(store.outbox(1000, 1 << 20).rows), numbers(96, 100));
  store.acknowledge(epoch, 100);
  batch = store.outbox(1000, 1 << 20);
  EXPECT_EQ(rows_of(batch.rows), numbers(101, 110));
  store.acknowledge(batch.epoch, 4);
  keep(store, store.slot(SlotKind::State, "m", ""), "a fourth");
  EXPECT_EQ(store.stats().outbox_rows, 6u);
  EXPECT_EQ(rows_of(store.outbox(1000, 1 << 20).rows), numbers(105, 110));
}

// More than the store holds in memory, of several streams, read by one who acknowledges and by one who only looks.
TEST_F(Storage, BatchesAreTheSameWhetherTheyAreInMemoryOrNot) {
  for (const bool again : {false, true}) {
    fs::remove_all(dir_ / "data");
    auto store = open();
    const StreamId streams[] = {store.stream("a", "log", kSynced), store.stream("b", "log", kSynced)};
    const auto text = [](int n) { return std::to_string(n) + std::string(static_cast<std::size_t>(n % 97), '.'); };
    int last = 0;
    const int first_run = again ? 4030 : INT_MAX;  // rows behind are of another epoch, and counted anew
    const auto put = [&](int rows) {
      Changes changes;
      for (const int end = last + rows; last < end;) {
        ++last;
        changes.row(streams[last / 10 % 2], last * 1000 - last % 7, bytes_of(text(last)));
      }
      ASSERT_TRUE(store.wait_until_committed(store.submit(changes, true).ticket, 10s));
    };
    const auto check = [&](const OutboxBatch& batch, int first) {
      for (const auto& row : batch.rows) {
        ASSERT_EQ(row.sequence, static_cast<std::uint64_t>(first - (first > first_run ? first_run : 0)));
        ASSERT_EQ(row.row, text(first));
        ASSERT_EQ(row.time, first * 1000 - first % 7);
        ASSERT_EQ(batch.names(row).owner, first / 10 % 2 == 0 ? "a" : "b");
        ++first;
      }
    };
    put(30);
    put(4000);
    if (again) {
      ASSERT_TRUE(store.stop());
      store = open();
      last = 4030;
      static_cast<void>(store.stream("a", "log", kSynced));
      static_cast<void>(store.stream("b", "log", kSynced));
    }
    int taken = 0;
    for (int round = 0; taken < last; ++round) {
      if (round < 20) put(round % 3 == 0 ? 700 : 5);
      int looked_at = taken;
      for (RowNumber after;;) {
        const auto batch = store.outbox(1500, 60'000, after);
        if (batch.rows.empty()) break;
        ASSERT_EQ(batch.first, static_cast<std::uint64_t>(looked_at + 1 - (looked_at >= first_run ? first_run : 0)));
        check(batch, looked_at + 1);
        looked_at += static_cast<int>(batch.rows.size());
        after = batch.end();
      }
      ASSERT_EQ(looked_at, last);
      const auto batch = store.outbox(333, 1 << 20);
      const int end = taken < first_run ? std::min(last, first_run) : last;
      ASSERT_EQ(batch.rows.size(), std::min<std::size_t>(333, static_cast<std::size_t>(end - taken)));
      check(batch, taken + 1);
      taken += static_cast<int>(batch.rows.size());
      store.acknowledge(batch.epoch, batch.last());
    }
    keep(store, store.slot(SlotKind::State, "m", ""), "a commit");
    EXPECT_EQ(store.stats().outbox_rows, 0u);
    EXPECT_EQ(store.stats().outbox_bytes, 0u);
  }
}

TEST_F(Storage, HistoryIsFoundByNameAndTime) {
  auto store = open();
  put_rows(store, store.stream("m/T1", "log", kKept), 1, 50);
  put_rows(store, store.stream("m/T2", "log", kBoth), 51, 60);
  put_rows(store, store.stream("m/T1", "other", kSynced), 61, 70);
  EXPECT_EQ(history(store), numbers(1, 60));
  EXPECT_EQ(rows_of(store.history({.owner = "m/T2"}).rows), numbers(51, 60));
  EXPECT_EQ(rows_of(store.history({.from = 5000, .to = 7000}).rows), numbers(5, 7));
  const auto some = store.history({.max_rows = 7});
  EXPECT_EQ(rows_of(some.rows), numbers(1, 7));
  EXPECT_EQ(rows_of(store.history({.after = some.next, .max_rows = 3}).rows), numbers(8, 10));
  // A row that is synced too has its number in the outbox, and another in no other file.
  const auto both = store.history({.owner = "m/T2"}).rows;
  const auto queued = store.outbox(100, 1 << 20);
  EXPECT_EQ(both[0].number.epoch, queued.epoch);
  EXPECT_EQ(both[3].number.sequence, queued.rows[3].sequence);
  EXPECT_NE(store.history({.owner = "m/T1"}).rows[0].number.epoch, queued.epoch);
}

TEST_F(Storage, OneEventIsOneCommit) {
  auto store = open();
  const auto slot = store.slot(SlotKind::State, "m", "");
  const auto stream = store.stream("m", "log", kBoth);
  Changes changes;
  changes.row(stream, 1, bytes_of("1"));
  changes.keep(slot, bytes_of("state"));
  changes.row(stream, 2, bytes_of("2"));
  const auto ticket = store.submit(changes).ticket;
  EXPECT_LT(store.committed(), ticket);
  EXPECT_EQ(store.stats().commits, 0u);
  changes.commit_at_once();
  const auto urgent = store.submit(changes).ticket;
  ASSERT_TRUE(store.wait_until_committed(urgent, 10s));
  EXPECT_GE(store.committed(), ticket);
  EXPECT_EQ(store.stats().commits, 1u);  // it took along what was pending
  EXPECT_EQ(history(store), (std::vector<std::string>{"1", "2", "1", "2"}));
}

TEST_F(Storage, AnUrgentChangeNeedsNobodyToWaitForIt) {
  std::mutex mutex;
  std::condition_variable moved;
  int commits = 0;
  auto with = options();
  with.on_commit = [&] {
    const std::scoped_lock lock(mutex);
    ++commits;
    moved.notify_one();
  };
  auto store = open(with);
  Changes changes;
  changes.keep(store.slot(SlotKind::Alarm, "m", "hot"), bytes_of("raised"));
  changes.commit_at_once();
  store.submit(changes);
  std::unique_lock lock(mutex);
  EXPECT_TRUE(moved.wait_for(lock, 10s, [&] { return commits > 0; }));
}

TEST_F(Storage, AGroupIsCommittedAfterItsTime) {
  auto with = options();
  with.commit = 1ms;
  std::mutex mutex;
  std::condition_variable moved;
  bool committed = false;
  with.on_commit = [&] {
    const std::scoped_lock lock(mutex);
    committed = true;
    moved.notify_one();
  };
  auto store = open(with);
  Changes changes;
  changes.row(store.stream("m", "log", kKept), 1, bytes_of("1"));
  store.submit(changes);
  std::unique_lock lock(mutex);
  EXPECT_TRUE(moved.wait_for(lock, 10s, [&] { return committed; }));
}

TEST_F(Storage, AQueueThatIsFullRefusesRowsAndTakesValues) {
  auto with = options();
  with.queue_bytes = 1000;
  with.commit = 1h;
  with.on_commit = [] {};
  auto store = open(with);
  const auto slot = store.slot(SlotKind::State, "m", "");
  const auto stream = store.stream("m", "log", kKept);
  const std::string row(300, 'x');
  Changes changes;
  std::uint64_t refused = 0, taken = 0;
  for (int i = 0; i < 2000; ++i) {
    changes.clear();
    changes.row(stream, i, bytes_of(row));
    changes.keep(slot, bytes_of(std::to_string(i)));
    ++(store.submit(changes).complete ? taken : refused);
  }
  EXPECT_GT(refused, 0u);  // nothing waits for a disk here: 2,000 events are there before one sync is
  EXPECT_EQ(store.stats().rows_refused, refused);
  store.stop();
  auto again = open();
  EXPECT_EQ(history(again).size(), taken);
  EXPECT_EQ(kept(again)["1m/"], "1999");
}

TEST_F(Storage, AReplayWaitsForRoomInstead) {
  auto with = options();
  with.queue_bytes = 1000;
  auto store = open(with);
  const auto stream = store.stream("m", "log", kKept);
  const std::string row(300, 'x');
  Changes changes;
  changes.row(stream, 0, bytes_of(row));
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(store.submit(changes, true).complete);
  store.stop();
  EXPECT_EQ(store.stats().rows_refused, 0u);
  EXPECT_GT(store.stats().waits, 0u);
  EXPECT_EQ(store.stats().rows_kept, 200u);
}

TEST_F(Storage, HistoryStaysWithinItsBytes) {
  auto with = options();
  with.history_bytes = 400 << 10;
  auto store = open(with);
  const auto stream = store.stream("m", "log", kKept);
  const std::string row(200, 'x');
  Changes changes;
  changes.row(stream, 0, bytes_of(row));
  for (int i = 0; i < 20; ++i) {
    Submitted last{};
    for (int j = 0; j < 1000; ++j) last = store.submit(changes, true);
    ASSERT_TRUE(store.wait_until_committed(last.ticket, 10s));
  }
  const auto left = history(store).size();
  EXPECT_EQ(store.stats().rows_dropped_early, 20'000 - left) << "their log wants them for a day";
  EXPECT_EQ(store.stats().rows_expired, 0u);
  EXPECT_NE(notices_.find("leave before the time"), std::string::npos) << notices_;
  EXPECT_LT(left, 5000u);
  EXPECT_GT(left, 0u);
  EXPECT_LT(fs::file_size(file("history.db")), 3u << 20);
}

TEST_F(Storage, RowsThatHaveHadTheirTimeAreNotLostWhenRoomIsMade) {
  auto with = options();
  with.history_bytes = 400 << 10;
  auto store = open(with);
  const auto hour = store.stream("m", "hour", {.keep = 1h}), day = store.stream("m", "day", {.keep = 24h});
  // The walk of expire() stops before the old ones: they lie behind many that are young.
  Changes young;
  young.row(day, std::chrono::nanoseconds(2h).count(), bytes_of("young"));
  for (int i = 0; i < 1500; ++i) store.submit(young, true);
  put_rows(store, hour, 1501, 1600);
  store.expire(std::chrono::nanoseconds(2h).count());
  EXPECT_EQ(history(store).size(), 1600u);
  const std::string row(200, 'x');
  Changes changes;
  changes.row(day, std::chrono::nanoseconds(2h).count(), bytes_of(row));
  Submitted last{};
  for (int i = 0; i < 20'000; ++i) {
    last = store.submit(changes, true);
    if (i % 1000 == 0) ASSERT_TRUE(store.wait_until_committed(last.ticket, 10s));
  }
  ASSERT_TRUE(store.wait_until_committed(last.ticket, 10s));
  EXPECT_EQ(store.stats().rows_expired, 100u);
  EXPECT_EQ(store.stats().rows_dropped_early, 21'500u - history(store).size());
}

TEST_F(Storage, RowsThatTheDiskDidNotTakeBeforeTheEndAreCounted) {
  fs::create_directories(file("state.db"));  // no file can be opened there
  auto store = open();
  const auto log = store.stream("m", "log", kBoth);
  Changes changes;
  changes.row(log, 1, bytes_of("1"));
  changes.row(log, 1, bytes_of("2"));
  EXPECT_FALSE(store.wait_until_committed(store.submit(changes).ticket, 1ms)) << "it goes on trying";
  store.submit(changes);
  EXPECT_FALSE(store.stop());
  EXPECT_EQ(store.stats().rows_unwritten, 4u);
  EXPECT_EQ(store.stats().rows_queued + store.stats().rows_kept, 0u);
}

TEST_F(Storage, RowsExpireByTheirAge) {
  auto store = open();
  put_rows(store, store.stream("m", "day", {.keep = 24h}), 1, 100);
  put_rows(store, store.stream("m", "second", {.keep = 1s}), 101, 200);
  // At 1 ms: rows are at most 200 µs old.
  store.expire(1'000'000);
  EXPECT_EQ(history(store).size(), 200u);
  store.expire(1'000'000'000 + 150'500);
  EXPECT_EQ(history(store).size(), 150u);
  store.expire(std::chrono::nanoseconds(48h).count());
  EXPECT_EQ(history(store).size(), 0u);
  EXPECT_EQ(store.stats().rows_expired, 200u);
}

// A task is redeployed with another unit while rows of before still wait.
TEST_F(Storage, RowsKeepTheSchemaThatTheyWereWrittenWith) {
  const auto queued = [](Store& store) {
    std::vector<std::string> found;
    for (auto batch = store.outbox(10, 1 << 20); !batch.rows.empty(); batch = store.outbox(10, 1 << 20, batch.end()))
      for (const auto& row : batch.rows) found.push_back(batch.names(row).log + ":" + batch.names(row).schema);
    return found;
  };
  const auto kept = [](const std::vector<StoredRow>& rows) {
    std::vector<std::string> found;
    for (const auto& row : rows) found.push_back(row.log + ":" + row.schema);
    return found;
  };
  {
    auto store = open();
    put_rows(store, store.stream("m", "log", {.keep = 24h, .sync = true, .schema = "[C]"}), 1, 2);
    EXPECT_TRUE(store.stop());
  }
  auto store = open();
  put_rows(store, store.stream("m", "log", {.keep = 1s, .sync = true, .schema = "[F]"}), 3, 3);
  put_rows(store, store.stream("m", "log", {.keep = 1s, .sync = true}), 4, 4);
  const std::vector<std::string> expected{"log:[C]", "log:[C]", "log:[F]", "log:"};
  EXPECT_EQ(queued(store), expected);
  EXPECT_EQ(kept(store.history({.owner = "m", .log = "log"}).rows), expected) << "found by the log's name";
  // The new deployment keeps rows for a second: also those that the old one wrote.
  store.expire(3'000'000'000);
  EXPECT_EQ(history(store).size(), 0u);
}

// What the formats before blocks left, written without our code: see storage_format_2.py.
class Format2 : public Storage, public testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    Storage::SetUp();
    fs::create_directory(dir_ / "data");
    for (int i = 0; i < 32; ++i) {
      std::ofstream(file("device.key"), std::ios::app) << "0123456789abcdef"[i / 16] << "0123456789abcdef"[i % 16];
    }
    std::ofstream(file("device.key"), std::ios::app) << '\n';
    fs::permissions(file("device.key"), fs::perms(0600));
    std::ifstream in(fs::path(EYEFLOW_SOURCE_DIR) / "tests/unit/storage_format_2.sql");
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const auto second = text.find("-- history.db");
    ASSERT_NE(second, text.npos);
    edit("state.db", text.substr(0, second).c_str());
    edit("history.db", text.substr(second).c_str());
    for (const char* name : {"state.db", "history.db"}) {
      edit(name, ("PRAGMA user_version = " + std::to_string(GetParam())).c_str());
    }
  }
  std::int64_t number(const char* name, const char* sql) {
    sqlite3* database = nullptr;
    std::int64_t value = -1;
    EXPECT_EQ(sqlite3_open(file(name).c_str(), &database), SQLITE_OK);
    sqlite3_exec(
        database, sql,
        [](void* out, int, char** texts, char**) { return *static_cast<std::int64_t*>(out) = std::stoll(texts[0]), 0; },
        &value, nullptr);
    sqlite3_close(database);
    return value;
  }
  // Two rows of an earlier epoch, then those that wait of this one, all with their number, and every third that of
  // m/T2.
  static void check_rows(Store& store, std::uint64_t last) {
    const auto old = store.outbox(1000, 1 << 20);
    ASSERT_EQ(old.rows.size(), 2u);
    EXPECT_EQ(old.epoch, (std::uint64_t{1} << 41) - 2);
    EXPECT_EQ(old.first, 41u);
    EXPECT_EQ(rows_of(old.rows), (std::vector<std::string>{"{\"n\":41}", "{\"n\":42}"}));
    const auto batch = store.outbox(1000, 1 << 20, old.end());
    EXPECT_EQ(batch.epoch, std::uint64_t{1} << 41);
    EXPECT_EQ(batch.first, 1u);
    ASSERT_GE(batch.rows.size(), last - 3);
    for (const auto& row : batch.rows) {
      const auto at = static_cast<std::size_t>(&row - batch.rows.data());
      const auto expected = row.sequence <= last ? 4 + at : row.sequence;
      EXPECT_EQ(row.sequence, expected);
      if (at > 0) EXPECT_GT(row.sequence, batch.rows[at - 1].sequence);
      EXPECT_EQ(row.time, static_cast<vm::TimeNs>(expected * 1000));
      EXPECT_EQ(row.row, "{\"n\":" + std::to_string(expected) + "}");
      EXPECT_EQ(batch.names(row).owner, expected % 3 == 1 ? "m/T2" : "m/T1");
      EXPECT_EQ(batch.names(row).schema, expected % 3 == 1 ? R"([{"name":"n","type":"int","unit":"mm"}])" : "");
    }
  }
};

TEST_P(Format2, IsTakenAsItIsAndBecomesThisOne) {
  {
    auto store = open();
    EXPECT_EQ(store.report().damaged_files, 0u) << notices_;
    EXPECT_EQ(store.stats().outbox_rows, 152u);
    const std::map<std::string, std::string> values{{"1m/T1/", "one"}, {"2m/T1/hot", "raised"}};
    EXPECT_EQ(kept(store), values);
    EXPECT_EQ(history(store), numbers(1, 40));
    check_rows(store, 153);
    EXPECT_EQ(store.stats().outbox_rows, 152u);
    EXPECT_TRUE(store.stop());
  }
  EXPECT_EQ(number("state.db", "PRAGMA user_version"), 4);
  EXPECT_EQ(number("state.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'rows'"), 0);
  EXPECT_EQ(number("state.db", "SELECT count(*) FROM blocks"), 3) << "an epoch each, and one behind the gap";
  auto store = open();
  check_rows(store, 153);
  Changes changes;
  changes.row(store.stream("m/T2", "log", kSynced), 154'000, bytes_of("{\"n\":154}"));
  ASSERT_TRUE(store.wait_until_committed(store.submit(changes).ticket, 10s));
  const auto next = store.outbox(1000, 1 << 20, {std::uint64_t{1} << 41, 153});
  EXPECT_EQ(next.rows.at(0).row, "{\"n\":154}");
  EXPECT_GT(next.epoch, std::uint64_t{1} << 41);
  store.acknowledge((std::uint64_t{1} << 41) - 2, 42);
  keep(store, store.slot(SlotKind::State, "m/T1", ""), "two");
  EXPECT_EQ(store.stats().rows_acknowledged, 2u);
  EXPECT_EQ(store.outbox(1, 1).first, 1u);
  EXPECT_EQ(notices_, "");
}

// The copies that SQLite leaves of rows that were moved: no second rows, but what a lost block may be made up from.
TEST_P(Format2, DamagedOnItsWayIsTakenOverAllTheSame) {
  {
    auto store = open();
    EXPECT_TRUE(store.stop());
  }
  edit("state.db", "UPDATE blocks SET sealed = zeroblob(40) WHERE position = 100");
  edit("state.db",
       "CREATE TABLE rows (position INTEGER PRIMARY KEY, names INTEGER, time INTEGER, epoch INTEGER,"
       " sequence INTEGER, sealed BLOB)");
  auto store = open();
  check_rows(store, 90);
  EXPECT_EQ(store.stats().damaged_files, 1u);
  EXPECT_LE(store.stats().lost_rows, 63u);
}

TEST_P(Format2, DamagedBeforeIsTakenOver) {
  edit("state.db", "UPDATE kept SET sealed = zeroblob(40) WHERE slot = 1");
  auto store = open();
  EXPECT_EQ(store.stats().lost_values, 1u);
  EXPECT_EQ(store.stats().lost_rows, 0u) << notices_;
  check_rows(store, 153);
}

INSTANTIATE_TEST_SUITE_P(All, Format2, testing::Values(1, 2));

TEST_F(Storage, FilesOfALaterVersionAreLeftAlone) {
  {
    auto store = open();
    put_rows(store, store.stream("m", "log", kBoth), 1, 3);
    EXPECT_TRUE(store.stop());
  }
  for (const char* name : {"state.db", "history.db"}) {
    edit(name, "PRAGMA user_version = 9");
    const auto store = Store::open(options());
    ASSERT_FALSE(store);
    EXPECT_FALSE(store.error().in_use);
    EXPECT_NE(store.error().message.find(std::string(name) + ": has format 9, this program knows "), std::string::npos)
        << store.error().message;
    EXPECT_EQ(set_aside(name), 0u);
    edit(name, name == std::string_view("state.db") ? "PRAGMA user_version = 3" : "PRAGMA user_version = 2");
  }
  auto store = open();
  EXPECT_EQ(rows_of(store.outbox(10, 1 << 20).rows), numbers(1, 3));
  EXPECT_EQ(notices_, "");
}

TEST_F(Storage, AnOutboxThatIsFullDropsByThePolicyAndTheNumbersTell) {
  for (const auto policy : {WhenFull::DropOldest, WhenFull::DropNew}) {
    fs::remove_all(dir_ / "data");
    auto with = options();
    with.when_full = policy;
    with.outbox_bytes = 10 * (20 + Seal::kOverhead);  // a row that is a block: its byte, two numbers, a digest
    auto store = open(with);
    const auto stream = store.stream("m", "log", kSynced);
    Changes changes;
    Submitted last{};
    for (int i = 0; i < 16; ++i) {
      changes.clear();
      changes.row(stream, i, bytes_of(std::string(1, static_cast<char>('a' + i))));
      last = store.submit(changes);
      ASSERT_TRUE(store.wait_until_committed(last.ticket, 10s));
    }
    const auto batch = store.outbox(100, 1000);
    ASSERT_EQ(batch.rows.size(), 10u);
    EXPECT_EQ(batch.first, 1u);
    EXPECT_EQ(store.stats().rows_dropped_outbox, 6u);
    EXPECT_EQ(batch.rows[0].sequence, policy == WhenFull::DropOldest ? 7u : 1u);
    if (policy == WhenFull::DropOldest) continue;
    // What was dropped had numbers: the next row tells of the gap.
    store.acknowledge(batch.epoch, batch.last());
    put_rows(store, stream, 1, 1);
    EXPECT_EQ(store.outbox(100, 1000).first, 11u);
    EXPECT_EQ(store.outbox(100, 1000).rows[0].sequence, 17u);
  }
}

TEST_F(Storage, TheNewestBlockStaysHoweverSmallTheOutbox) {
  auto with = options();
  with.outbox_bytes = 100;
  auto store = open(with);
  put_rows(store, store.stream("m", "log", kSynced), 1, 50);
  EXPECT_EQ(rows_of(store.outbox(100, 1 << 20).rows), numbers(1, 50));
  put_rows(store, store.stream("m", "log", kSynced), 51, 60);
  EXPECT_EQ(rows_of(store.outbox(100, 1 << 20).rows), numbers(51, 60));
  EXPECT_EQ(store.stats().rows_dropped_outbox, 50u);
  EXPECT_EQ(store.stats().outbox_rows, 10u);
}

TEST_F(Storage, ANameThatWasChangedCostsTheRowsOfItsStream) {
  {
    auto store = open();
    const auto one = store.stream("m/T1", "log", kSynced), other = store.stream("m/T2", "log", kSynced);
    Changes changes;
    for (int i = 1; i <= 40; ++i) changes.row(i % 4 == 0 ? other : one, i, bytes_of(std::to_string(i)));
    ASSERT_TRUE(store.wait_until_committed(store.submit(changes).ticket, 10s));
  }
  edit("state.db", "UPDATE names SET owner='m/T3' WHERE owner='m/T2'");
  edit("state.db", "UPDATE copies SET first='m/T3' WHERE first='m/T2'");
  auto store = open();
  const auto batch = store.outbox(100, 1 << 20);
  ASSERT_EQ(batch.rows.size(), 30u);
  for (const auto& row : batch.rows) {
    EXPECT_NE(row.sequence % 4, 0u);
    EXPECT_EQ(row.row, std::to_string(row.sequence));
    EXPECT_EQ(batch.names(row).owner, "m/T1");
  }
  EXPECT_EQ(store.stats().lost_rows, 10u);
}

// -- what somebody did to the files
// ------------------------------------------------------------------------------------

struct Damage {
  const char* file;
  const char* sql;
  std::uint64_t lost_values, lost_rows;
};

class Edited : public Storage, public testing::WithParamInterface<Damage> {};

TEST_P(Edited, IsRefusedAndTheRestTakenOver) {
  const Damage& damage = GetParam();
  std::uint64_t epoch = 0;
  {
    auto store = open();
    keep(store, store.slot(SlotKind::State, "m/T1", ""), "one");
    keep(store, store.slot(SlotKind::State, "m/T2", ""), "two");
    keep(store, store.slot(SlotKind::Alarm, "m/T1", "hot"), "hot");
    put_rows(store, store.stream("m/T1", "log", kBoth), 1, 20);
    put_rows(store, store.stream("m/T2", "log", kBoth), 21, 40);
    epoch = store.outbox(1, 1).epoch;
  }
  edit(damage.file, damage.sql);
  auto store = open();
  const auto values = kept(store);
  std::set<std::string> rows;
  const auto of_history = history(store);
  // The outbox, epoch by epoch, as the far side drains it.
  std::size_t queued = 0;
  for (auto batch = store.outbox(7, 1 << 20); !batch.rows.empty(); batch = store.outbox(7, 1 << 20)) {
    queued += batch.rows.size();
    EXPECT_EQ(batch.epoch, epoch);
    for (const auto& row : batch.rows) EXPECT_EQ(row.row, std::to_string(row.sequence));
    store.acknowledge(batch.epoch, batch.last());
    keep(store, store.slot(SlotKind::Host, "", "beat"), "x");
  }
  const bool of_state = std::string_view(damage.file) == "state.db";
  EXPECT_EQ(values.size(), 3u - damage.lost_values);
  for (const auto& [name, value] : values) {
    EXPECT_TRUE((name == "1m/T1/" && value == "one") || (name == "1m/T2/" && value == "two") ||
                (name == "2m/T1/hot" && value == "hot"))
        << name << value;
  }
  EXPECT_EQ(queued, 40 - (of_state ? damage.lost_rows : 0));
  EXPECT_EQ(of_history.size(), 40 - (of_state ? 0 : damage.lost_rows));
  EXPECT_EQ(store.stats().damaged_files, 1u);
  EXPECT_EQ(store.stats().lost_values, damage.lost_values);
  EXPECT_EQ(store.stats().lost_rows, damage.lost_rows);
  EXPECT_EQ(set_aside(damage.file), 1u);
  EXPECT_NE(notices_.find(damage.file), std::string::npos) << notices_;
  // New rows are numbered in an epoch of their own.
  put_rows(store, store.stream("m/T1", "log", kBoth), 1, 1);
  EXPECT_GT(store.outbox(1, 1).epoch, epoch);
}

INSTANTIATE_TEST_SUITE_P(
    All, Edited,
    testing::Values(
        Damage{"state.db", "UPDATE kept SET sealed = (SELECT sealed FROM kept WHERE slot=2) WHERE slot=1", 1, 0},
        Damage{"state.db", "UPDATE kept SET sealed = zeroblob(length(sealed)) WHERE slot=3", 1, 0},
        Damage{"state.db", "DELETE FROM kept WHERE slot=2", 1, 0},
        Damage{"state.db", "UPDATE slots SET owner='m/T3' WHERE number=2", 0, 0},
        // What all depends on stands twice.
        Damage{"state.db", "UPDATE series SET salt=zeroblob(16)", 0, 0}, Damage{"state.db", "DELETE FROM series", 0, 0},
        Damage{"state.db", "UPDATE epochs SET epoch=epoch+2", 0, 0}, Damage{"state.db", "DELETE FROM epochs", 0, 0},
        Damage{"state.db", "DELETE FROM names", 0, 0}, Damage{"state.db", "DELETE FROM slots", 0, 0},
        Damage{"history.db", "UPDATE series SET salt=zeroblob(16)", 0, 0},
        Damage{"history.db", "UPDATE epochs SET epoch=epoch+2", 0, 0},
        Damage{"state.db", "UPDATE blocks SET first=first-1 WHERE position=21", 0, 20},
        Damage{"state.db", "UPDATE blocks SET last=100 WHERE position=21", 0, 20},
        Damage{"state.db", "UPDATE blocks SET position=99 WHERE position=1", 0, 20},
        Damage{"state.db", "UPDATE blocks SET epoch=7 WHERE position=1", 0, 20},
        Damage{"state.db", "UPDATE names SET name='other' WHERE number=1", 0, 0},
        Damage{"state.db", "UPDATE blocks SET sealed=substr(sealed,1,28) WHERE position=1", 0, 20},
        Damage{"state.db", "UPDATE blocks SET sealed=(SELECT sealed FROM blocks WHERE position=21) WHERE position=1", 0,
               20},
        Damage{"history.db", "UPDATE rows SET time=time+1 WHERE position=5", 0, 1},
        Damage{"history.db", "UPDATE rows SET sequence=sequence+1 WHERE position=40", 0, 1},
        Damage{"history.db", "UPDATE rows SET sealed=zeroblob(29) WHERE position BETWEEN 3 AND 7", 0, 5},
        Damage{"history.db", "UPDATE names SET owner='m/T9' WHERE number=2", 0, 0}));

TEST_F(Storage, AnotherDeviceKeyOpensNothingAndTheDeviceStarts) {
  {
    auto store = open();
    keep(store, store.slot(SlotKind::State, "m", ""), "one");
    put_rows(store, store.stream("m", "log", kBoth), 1, 5);
  }
  fs::rename(file("device.key"), dir_ / "old.key");
  {
    auto store = open();
    EXPECT_TRUE(kept(store).empty());
    EXPECT_TRUE(history(store).empty());
    EXPECT_EQ(store.report().damaged_files, 2u);
    EXPECT_NE(notices_.find("another device key"), std::string::npos) << notices_;
    EXPECT_EQ(store.report().lost_rows, 10u) << "five of each file: how many there were stands beside what is sealed";
    EXPECT_NE(notices_.find("lost: 1 values, 5 rows"), std::string::npos) << notices_;
    put_rows(store, store.stream("m", "log", kBoth), 6, 6);
  }
  // The key comes back, and with it the files that were set aside.
  fs::rename(dir_ / "old.key", file("device.key"));
  for (const auto* name : {"state.db", "history.db"}) {
    for (const auto& entry : fs::directory_iterator(dir_ / "data")) {
      if (entry.path().filename().string().starts_with(std::string(name) + ".damaged-")) {
        fs::rename(entry.path(), file(name));
        break;
      }
    }
  }
  auto store = open();
  EXPECT_EQ(kept(store)["1m/"], "one");
  EXPECT_EQ(history(store), numbers(1, 5));
}

TEST_F(Storage, ADeviceKeyThatIsNoneIsReplaced) {
  {
    auto store = open();
  }
  EXPECT_EQ(fs::status(file("device.key")).permissions(), fs::perms(0600));
  std::ofstream(file("device.key")) << "";
  auto store = open();
  EXPECT_NE(notices_.find("held no device key"), std::string::npos) << notices_;
  keep(store, store.slot(SlotKind::State, "m", ""), "one");
}

// -- read beside the one that writes
// -----------------------------------------------------------------------------------

std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

class Beside : public Storage {
 protected:
  struct Shared {
    std::atomic<int> committed = 0;
  };
  void SetUp() override {
    Storage::SetUp();
    shared_ = new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared;
  }
  void TearDown() override {
    end_writer();
    munmap(shared_, sizeof(Shared));
    Storage::TearDown();
  }
  // Writes rows 1, 2, 3 … up to `last` as fast as the disk takes them, in commits of three, into a WAL that begins
  // anew all the time; then waits to be killed.
  void start_writer(int last) {
    writer_ = fork();
    ASSERT_GE(writer_, 0);
    if (writer_ > 0) return;
    auto with = options();
    with.checkpoint_pages = 16;
    auto store = Store::open(with);
    if (!store) _exit(1);
    const auto log = store->stream("m/T1", "log", kBoth);
    Changes changes;
    for (int n = 1; n <= last;) {
      changes.clear();
      for (int i = 0; i < 3; ++i, ++n) changes.row(log, n * 1000, bytes_of(std::to_string(n)));
      if (!store->wait_until_committed(store->submit(changes, true).ticket, 60s)) _exit(2);
      shared_->committed = n - 1;
    }
    while (true) pause();
  }
  void end_writer() {
    if (writer_ <= 0) return;
    kill(writer_, SIGKILL);
    waitpid(writer_, nullptr, 0);
    writer_ = 0;
  }
  template <typename F>
  static void wait_for(F&& holds) {
    for (const auto end = std::chrono::steady_clock::now() + 60s; !holds() && std::chrono::steady_clock::now() < end;)
      usleep(1000);
    ASSERT_TRUE(holds());
  }
  DeviceKey key() { return *load_device_key(file("device.key")); }
  static std::vector<std::string> read_all(HistoryReader& reader, HistoryQuery query = {}) {
    std::vector<std::string> texts;
    do {
      const auto found = reader.query(query);
      if (!found) return {found.error().message};
      for (const auto& text : rows_of(found->rows)) texts.push_back(text);
      query.after = found->next;
    } while (query.after != 0);
    return texts;
  }

  Shared* shared_ = nullptr;
  pid_t writer_ = 0;
};

TEST_F(Beside, EveryRowIsThereOnceWhileMoreAreWritten) {
  start_writer(30'000);
  wait_for([&] { return shared_->committed >= 300; });
  int reads = 0;
  for (int before = 0; before < 30'000; ++reads) {
    before = shared_->committed;
    auto reader = HistoryReader::open(dir_ / "data", key());
    ASSERT_TRUE(reader && *reader) << (reader ? "" : reader.error().message);
    const auto rows = read_all(**reader);
    ASSERT_GE(static_cast<int>(rows.size()), before) << rows.back();
    ASSERT_EQ(rows, numbers(1, static_cast<int>(rows.size())));
    const auto start = (*reader)->before_last({}, 10);
    ASSERT_TRUE(start);
    const auto last = (*reader)->query({.after = *start});
    ASSERT_TRUE(last);
    ASSERT_GE(last->rows.size(), 10u);
  }
  EXPECT_GT(reads, 1) << "it wrote while it was read";
}

TEST_F(Beside, WhatAKillLeftIsReadAndStaysAsItIs) {
  start_writer(4000);
  wait_for([&] { return shared_->committed >= 4000; });
  end_writer();
  const auto before = files_in(dir_ / "data");
  EXPECT_GT(before.at("history.db-wal").size(), 0u) << "what was not in the file yet";
  {
    auto reader = HistoryReader::open(dir_ / "data", key());
    ASSERT_TRUE(reader && *reader) << (reader ? "" : reader.error().message);
    ASSERT_EQ((*reader)->streams().size(), 1u);
    EXPECT_EQ((*reader)->streams()[0].owner, "m/T1");
    const auto written = static_cast<int>(read_all(**reader).size());
    EXPECT_GE(written, 4000);
    EXPECT_EQ(read_all(**reader), numbers(1, written));
    EXPECT_EQ(read_all(**reader, {.from = 5'000, .to = 7'000}), numbers(5, 7));
    EXPECT_TRUE(read_all(**reader, {.owner = "m/T2"}).empty());
    const HistoryQuery some{.from = 100'000, .to = 3'000'000};
    for (const auto& [wanted, first] : {std::pair(1u, 3000), std::pair(2000u, 1001), std::pair(9999u, 100)}) {
      const auto start = (*reader)->before_last(some, wanted);
      ASSERT_TRUE(start) << start.error().message;
      auto query = some;
      query.after = *start;
      EXPECT_EQ(read_all(**reader, query), numbers(first, 3000));
    }
  }
  EXPECT_EQ(files_in(dir_ / "data"), before) << "nobody can tell that it was read";
}

TEST_F(Beside, ADamagedFileIsToldAndStaysAsItIs) {
  start_writer(4000);
  wait_for([&] { return shared_->committed >= 4000; });
  end_writer();
  {
    auto store = open();  // so that all is in the file
    EXPECT_TRUE(store.stop());
  }
  ASSERT_FALSE(fs::exists(file("history.db-wal")));
  {
    auto reader = HistoryReader::open(dir_ / "data", key());
    ASSERT_TRUE(reader && *reader);
    EXPECT_GE(read_all(**reader).size(), 4000u) << "without a WAL";
  }
  fs::rename(file("device.key"), dir_ / "own.key");
  {
    auto other = load_or_make_device_key(file("device.key"));
    ASSERT_TRUE(other);
  }
  const auto closed = HistoryReader::open(dir_ / "data", key());
  ASSERT_FALSE(closed);
  EXPECT_NE(closed.error().message.find("another device key"), std::string::npos) << closed.error().message;
  fs::rename(dir_ / "own.key", file("device.key"));

  fs::resize_file(file("history.db"), fs::file_size(file("history.db")) / 8192 * 4096);
  const auto before = files_in(dir_ / "data");
  auto reader = HistoryReader::open(dir_ / "data", key());
  const auto rows =
      reader && *reader ? read_all(**reader) : std::vector<std::string>{reader ? "" : reader.error().message};
  EXPECT_NE(rows.back().find("history.db: damaged ("), std::string::npos) << rows.back();
  EXPECT_EQ(files_in(dir_ / "data"), before);
}

TEST_F(Beside, ThereIsNothingBeforeTheFirstRow) {
  fs::create_directories(dir_ / "data");
  const DeviceKey any{Secret{}};
  const auto none = HistoryReader::open(dir_ / "data", any);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  std::ofstream(file("history.db")).close();  // the power went when the file had just been made
  const auto empty = HistoryReader::open(dir_ / "data", any);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_FALSE(*empty);
  EXPECT_EQ(fs::file_size(file("history.db")), 0u);
  EXPECT_FALSE(load_device_key(file("device.key")));
  EXPECT_FALSE(fs::exists(file("device.key"))) << "it is not made";
}

// -- what a disk did to the files
// --------------------------------------------------------------------------------------

class Broken : public Storage {
 protected:
  static constexpr int kRows = 3000;
  void SetUp() override {
    Storage::SetUp();
    auto store = open();
    for (int i = 0; i < 100; ++i) {
      Changes changes;
      changes.keep(store.slot(SlotKind::State, "m/T" + std::to_string(i), ""),
                   bytes_of(std::string(300, 'a' + i % 26)));
      store.submit(changes);
    }
    put_rows(store, store.stream("m", "log", kBoth), 1, kRows);
  }
  // Whatever comes back is what was written.
  void check(std::uint64_t& values, std::uint64_t& rows_left, std::uint64_t& queued_left) {
    auto store = open();
    values = 0;
    for (const auto& value : store.take_kept()) {
      const int i = std::stoi(value.owner.substr(3));
      EXPECT_EQ(text_of(value.value), std::string(300, static_cast<char>('a' + i % 26)));
      ++values;
    }
    rows_left = queued_left = 0;
    int before = 0;
    for (const auto& text : history(store)) {
      EXPECT_GT(std::stoi(text), before);
      before = std::stoi(text);
      ++rows_left;
    }
    for (auto batch = store.outbox(1000, 1 << 20); !batch.rows.empty(); batch = store.outbox(1000, 1 << 20)) {
      for (const auto& row : batch.rows) EXPECT_EQ(row.row, std::to_string(row.sequence));
      queued_left += batch.rows.size();
      store.acknowledge(batch.epoch, batch.last());
      keep(store, store.slot(SlotKind::State, "m/T0", ""), std::string(300, 'a'));
    }
    // And it works.
    keep(store, store.slot(SlotKind::State, "m/T5", ""), std::string(300, 'f'));
    put_rows(store, store.stream("m", "log", kBoth), kRows + 1, kRows + 1);
    EXPECT_TRUE(store.stop());
  }
  void overwrite(const char* name, std::uint64_t at, std::string_view bytes) {
    const int fd = ::open(file(name).c_str(), O_WRONLY);
    ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at)), static_cast<ssize_t>(bytes.size()));
    ::close(fd);
  }
};

TEST_F(Broken, APageOfGarbageCostsThatPageAndTheBlockThatGoesOnThere) {
  std::string page(4096, '\0');
  std::uint64_t at = fs::file_size(file("state.db"));
  do {  // until one that a block goes on in: its first bytes are the next one's number
    at -= 4096;
    std::ifstream(file("state.db"), std::ios::binary).seekg(static_cast<std::streamoff>(at)).read(page.data(), 4096);
  } while (page[0] != '\0');
  overwrite("state.db", at, std::string(4096, '\xA5'));
  const auto pages = fs::file_size(file("history.db")) / 4096;
  ASSERT_GT(pages, 40u);
  overwrite("history.db", pages / 2 * 4096, std::string(4096, '\xA5'));
  std::uint64_t values = 0, rows = 0, queued = 0;
  check(values, rows, queued);
  EXPECT_EQ(values, 100u);
  EXPECT_GT(rows, kRows - 200u);
  EXPECT_LT(rows, 0u + kRows);
  EXPECT_GE(queued, kRows - kMostBlockRows);
  EXPECT_LT(queued, 0u + kRows);
}

TEST_F(Broken, AnyByteTurnedLosesNoMoreThanItsPage) {
  // Every file anew for each place; places spread over both files, a prime apart.
  const fs::path whole = dir_ / "whole";
  fs::copy(dir_ / "data", whole, fs::copy_options::recursive);
  for (const auto* name : {"state.db", "history.db"}) {
    const auto size = fs::file_size(file(name));
    for (std::uint64_t at = 1; at < size; at += size / 30 + 13) {
      fs::remove_all(dir_ / "data");
      fs::copy(whole, dir_ / "data", fs::copy_options::recursive);
      char byte = 0;
      std::ifstream(file(name), std::ios::binary).seekg(static_cast<std::streamoff>(at)).get(byte);
      overwrite(name, at, std::string(1, static_cast<char>(byte ^ 0x10)));
      std::uint64_t values = 0, rows = 0, queued = 0;
      SCOPED_TRACE(std::string(name) + " at " + std::to_string(at));
      check(values, rows, queued);
      if (at < 4096) continue;  // the first page has the layout of all others
      EXPECT_GE(values, 85u);
      EXPECT_GE(rows, kRows - 1000u);
      EXPECT_GE(queued, kRows - 1000u);
    }
  }
}

// Where a file begins stands what all of it depends on: keys, epochs, names.
TEST_F(Broken, APageOfGarbageCostsWhatLiesInIt) {
  const fs::path whole = dir_ / "whole";
  fs::copy(dir_ / "data", whole, fs::copy_options::recursive);
  for (const auto* name : {"state.db", "history.db"}) {
    for (std::uint64_t page = 0; page < 16; ++page) {
      fs::remove_all(dir_ / "data");
      fs::copy(whole, dir_ / "data", fs::copy_options::recursive);
      overwrite(name, page * 4096, std::string(4096, 'x'));
      SCOPED_TRACE(std::string(name) + " page " + std::to_string(page));
      std::uint64_t values = 0, rows = 0, queued = 0;
      check(values, rows, queued);
      EXPECT_GE(values, 60u);
      EXPECT_GE(rows, kRows - 1000u);
      EXPECT_GE(queued, kRows - 3 * 512u) << "the blocks that begin in it";
    }
  }
}

TEST_F(Broken, ATruncatedFileIsTakenOverAsFarAsItGoes) {
  for (const auto* name : {"state.db", "history.db"}) {
    fs::resize_file(file(name), fs::file_size(file(name)) / 8192 * 4096);
  }
  std::uint64_t values = 0, rows = 0, queued = 0;
  check(values, rows, queued);
  EXPECT_EQ(set_aside("state.db"), 1u);
  EXPECT_EQ(set_aside("history.db"), 1u);
  EXPECT_GT(rows, kRows / 4u);
}

TEST_F(Broken, NotADatabaseAtAll) {
  for (const auto* name : {"state.db", "history.db"}) overwrite(name, 0, std::string(8192, 'x'));
  std::uint64_t values = 0, rows = 0, queued = 0;
  check(values, rows, queued);
  EXPECT_EQ(set_aside("state.db"), 1u);
}

TEST_F(Storage, APowerCutWhileADamagedFileIsReplacedLeavesOneOfThem) {
  {
    auto store = open();
    keep(store, store.slot(SlotKind::State, "m", ""), "one");
  }
  // Between the two renames.
  fs::rename(file("state.db"), file("state.db.recovering"));
  std::ofstream(file("state.db-wal")) << "of the damaged file";
  {
    auto store = open();
    EXPECT_EQ(kept(store)["1m/"], "one");
  }
  // Before both: what is unfinished goes.
  std::ofstream(file("state.db.recovering")) << "half";
  auto store = open();
  EXPECT_EQ(kept(store)["1m/"], "one");
  EXPECT_FALSE(fs::exists(file("state.db.recovering")));
}

TEST_F(Storage, OneProcessAtATime) {
  auto store = open();
  const auto second = Store::open(options());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("stop it first"), std::string::npos) << second.error().message;
}

TEST_F(Storage, EpochsGrowWhateverTheClockSays) {
  std::uint64_t before = 0;
  for (int i = 0; i < 5; ++i) {
    auto store = open();
    put_rows(store, store.stream("m", "log", kSynced), 1, 1);
    const auto batch = store.outbox(1, 1);
    EXPECT_GT(batch.epoch, before);
    before = batch.epoch;
    store.acknowledge(batch.epoch, 1);
    put_rows(store, store.stream("m", "log", kBoth), 2, 2);
    store.acknowledge(batch.epoch, 2);
    store.stop();
    fs::remove(file("state.db"));  // history.db remembers
  }
}

}  // namespace
}  // namespace eyeflow::runtime
