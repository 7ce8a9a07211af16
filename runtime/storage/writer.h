#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/storage/disk.h"
#include "runtime/storage/history_file.h"
#include "runtime/storage/job_thread.h"
#include "runtime/storage/pages.h"
#include "runtime/storage/recovery.h"
#include "runtime/storage/state_file.h"
#include "runtime/storage/store.h"

namespace eyeflow::runtime {

// What StoreStats is made from; any thread adds.
struct StoreCounters {
  using Count = std::atomic<std::uint64_t>;
  Count commits = 0, commit_failures = 0, rows_kept = 0, rows_queued = 0, rows_acknowledged = 0, rows_refused = 0,
        rows_unwritten = 0, rows_dropped_history = 0, rows_dropped_outbox = 0, rows_dropped_early = 0, rows_expired = 0,
        waits = 0, outbox_rows = 0, outbox_bytes = 0, history_bytes = 0, damaged_files = 0, lost_values = 0,
        lost_rows = 0, longest_commit_ns = 0;
  std::atomic<bool> disk_full = false;
};

// Both files, and what to do when one of them does not do as it should. Of the store's thread; history.db has a thread
// of its own behind it.
class Writer {
 public:
  Writer(const StoreOptions& options, const DeviceKey& key, StoreCounters& counters);
  ~Writer();

  // Opens what can be opened. What cannot is tried again with every commit; only files of a later version are left
  // alone for good.
  Result<void> open(StoreReport& report, std::vector<KeptValue>& kept);

  // A group on its way. It may take several attempts; what is done of it is remembered here.
  struct Task {
    Group group;
    bool is_in_history = false;
    std::vector<RowNumber> acknowledged{};
  };
  // False: try again later. True: all of it is on disk, or counted as dropped.
  bool commit(Task& task, std::span<const StreamInfo> streams, std::span<const SlotInfo> slots);
  // The last commit of a run. False: the files do not say that it ended well.
  bool finish();

  const DeviceKey& key() const { return key_; }
  OutboxBatch outbox(const Outbox::Wanted& wanted);

  // From any thread.
  HistoryRows history(const HistoryQuery& query);
  void expire(vm::TimeNs now, std::vector<StreamInfo> streams);

 private:
  using Clock = std::chrono::steady_clock;

  bool open_state();
  void tell_of_past(const LogState& log) const;
  void settle();
  bool open_history();    // on its thread
  bool ensure_history();  // likewise
  bool commit_state(Task& task, std::span<const StreamInfo> streams, std::span<const SlotInfo> slots,
                    std::uint64_t number);
  bool commit_history(const HistoryFile::Commit& commit, std::uint64_t rows);  // on its thread
  void empty_wals();
  bool make_room(const HistoryFile::Commit& commit, std::uint64_t rows);  // likewise
  void count_gone(const HistoryFile::Dropped& gone);
  bool recover_state_file(const FileError& error);
  bool recover_history_file(const FileError& error);
  void tell_recovered(const std::filesystem::path& path, const FileError& error, const Recovered& recovered);
  void tell(std::string_view line) const;
  void tell_full(bool full);

  const StoreOptions& options_;
  const DeviceKey key_;
  StoreCounters& counters_;
  Reserve reserve_;
  const std::uint32_t checkpoint_pages_;
  const std::filesystem::path state_path_, history_path_;

  std::optional<StateFile> state_;
  std::optional<HistoryFile> history_;  // of history_thread_
  std::uint64_t history_epoch_ = 0;
  bool history_knows_state_ = false;
  bool settled_ = false;
  int state_failures_ = 0;                 // in a row
  std::atomic<int> history_failures_ = 0;  // in a row
  std::uint64_t rows_since_look_ = 0;      // of history_thread_: since its size was looked at
  bool told_full_ = false, told_failure_ = false;
  bool told_limit_ = false;         // of history_thread_
  std::optional<FileError> newer_;  // a file is of a later version
  JobThread history_thread_;        // last: what it works on stands above
};

}  // namespace eyeflow::runtime
