#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/store/by_hand.h"
#include "runtime/storage/store.h"

// Durable rows: 200 bytes each, so many to a commit, every commit on disk before the next begins. EYEFLOW_BENCH_FOLDER
// names the disk; the system's folder for temporary files otherwise.
namespace eyeflow::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRowBytes = 200;

class Folder {
 public:
  Folder() {
    const char* given = std::getenv("EYEFLOW_BENCH_FOLDER");
    std::string name =
        ((given != nullptr ? fs::path(given) : fs::temp_directory_path()) / "eyeflow-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<std::byte> a_row() {
  std::vector<std::byte> row(kRowBytes);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<std::byte>('a' + i % 26);
  return row;
}

void count(benchmark::State& state) { state.SetItemsProcessed(state.iterations() * state.range(0)); }

void by_hand(benchmark::State& state, bool sealed) {
  const Folder folder;
  ByHand table((folder.path() / "t.db").string(), sealed);
  const auto row = a_row();
  for (auto _ : state) table.commit(row, static_cast<int>(state.range(0)));
  count(state);
}

// As the host calls it: an event at a time, and the group committed when the last is in.
void by_store(benchmark::State& state, const runtime::StreamSettings& settings, bool with_state) {
  const Folder folder;
  auto store = runtime::Store::open({.folder = folder.path() / "data", .outbox_bytes = std::uint64_t{8} << 30});
  if (!store) return state.SkipWithError(store.error().message.c_str());
  const auto stream = store->stream("monitor_t1/T1", "history", settings);
  const auto slot = store->slot(runtime::SlotKind::State, "monitor_t1/T1", "");
  const auto row = a_row();
  runtime::Changes changes;
  std::int64_t time = 0;
  for (auto _ : state) {
    runtime::Submitted last{};
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      changes.clear();
      changes.row(stream, ++time, row);
      if (with_state) changes.keep(slot, std::span(row).first(64));
      last = store->submit(changes, true);
    }
    if (!store->wait_until_committed(last.ticket, std::chrono::seconds(10))) {
      return state.SkipWithError("the disk did not take it");
    }
  }
  count(state);
}

// The way of a row that is uploaded: committed, given as a batch, acknowledged.
void drained(benchmark::State& state) {
  const Folder folder;
  auto store = runtime::Store::open({.folder = folder.path() / "data", .outbox_bytes = std::uint64_t{8} << 30});
  if (!store) return state.SkipWithError(store.error().message.c_str());
  const auto stream = store->stream("monitor_t1/T1", "history", {.keep = {}, .sync = true});
  const auto row = a_row();
  const auto rows = static_cast<std::size_t>(state.range(0));
  runtime::Changes changes;
  std::int64_t time = 0;
  for (auto _ : state) {
    changes.clear();
    for (std::size_t i = 0; i < rows; ++i) changes.row(stream, ++time, row);
    if (!store->wait_until_committed(store->submit(changes, true).ticket, std::chrono::seconds(10))) {
      return state.SkipWithError("the disk did not take it");
    }
    const auto batch = store->outbox(rows, 1u << 20);
    if (batch.rows.size() != rows) return state.SkipWithError("a batch is not all that waits");
    store->acknowledge(batch.epoch, batch.last());
  }
  count(state);
}

const runtime::StreamSettings kHistory{.keep = std::chrono::hours(1), .sync = false};
const runtime::StreamSettings kOutbox{.keep = {}, .sync = true};
const runtime::StreamSettings kBoth{.keep = std::chrono::hours(1), .sync = true};

void add(const char* group, int rows) {
  const auto named = [&](const char* variant) { return std::string(group) + "/" + variant; };
  const auto one = [&](const char* variant, auto run) {
    benchmark::RegisterBenchmark(named(variant).c_str(), run)->Arg(rows)->UseRealTime()->MinTime(0.3);
  };
  one("by_hand", [](benchmark::State& state) { by_hand(state, true); });
  one("by_hand_plain", [](benchmark::State& state) { by_hand(state, false); });
  one("history", [](benchmark::State& state) { by_store(state, kHistory, false); });
  one("outbox_and_state", [](benchmark::State& state) { by_store(state, kOutbox, true); });
  one("outbox_drained", drained);
  one("both_and_state", [](benchmark::State& state) { by_store(state, kBoth, true); });
}

}  // namespace
}  // namespace eyeflow::bench

int main(int argc, char** argv) {
  eyeflow::bench::add("rows_1_a_commit", 1);
  eyeflow::bench::add("rows_100_a_commit", 100);
  eyeflow::bench::add("rows_1000_a_commit", 1000);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
