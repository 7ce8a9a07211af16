#pragma once

#include <map>
#include <span>
#include <vector>

#include "runtime/storage/group.h"
#include "runtime/storage/sealed_file.h"
#include "runtime/storage/state_file.h"
#include "runtime/storage/store.h"

namespace eyeflow::runtime {

// history.db: rows for queries. On one thread.
class HistoryFile {
 public:
  // How far it has got; sealed, in `about`.
  struct Progress {
    std::uint64_t next = 1;                    // position; never used twice, as it numbers rows that are not synced
    std::uint64_t state_epoch = 0, group = 0;  // of the last group with two parts
    std::uint64_t first = 0;                   // its first position
    std::uint64_t rows = 0, oldest = 1;        // how many there are; none stands before the oldest position
  };

  static FileResult<HistoryFile> open(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t epoch,
                                      std::uint32_t checkpoint_pages = 1000);
  // To read only, beside whoever writes it; of the rest, only what reads may be called.
  static FileResult<HistoryFile> open_to_read(const std::filesystem::path& path, const DeviceKey& key);

  struct Commit {
    const Group& group;
    std::span<const StreamInfo> streams;
    std::uint64_t state_epoch = 0;
    std::uint64_t row_epoch = 0, first_sequence = 0;  // of the group's rows in the outbox
    std::uint64_t number = 0;                         // of the group, when it has a part in state.db too
  };
  FileResult<std::uint64_t> commit(const Commit& commit);  // rows written

  // After a start: takes back the rows of a group whose part in state.db did not come to be. They were never reported
  // as committed.
  FileResult<std::uint64_t> settle(std::uint64_t state_epoch, std::uint64_t group);

  struct Dropped {
    std::uint64_t rows = 0;
    std::uint64_t early = 0;  // of them: their log wants them for longer, as far as the last expire() tells
  };
  FileResult<Dropped> drop_oldest(std::uint64_t rows);
  // Drops the oldest until at most `bytes` are in use; some at a time.
  FileResult<Dropped> keep_within(std::uint64_t bytes);

  // One slice of a walk over the old rows; goes on where it was when `more` comes back true.
  struct Expired {
    std::uint64_t rows = 0;
    bool more = false;
  };
  FileResult<Expired> expire(vm::TimeNs now, std::span<const StreamInfo> streams);

  FileResult<HistoryRows> query(const HistoryQuery& query);
  // A slice of a walk from the newest row back, over as many of those that the query finds as `rows` says.
  struct Back {
    std::int64_t before = 0;  // the position of the last one that was met
    std::uint64_t rows = 0;   // still to go
    bool is_over = false;     // there are no older ones
  };
  FileResult<Back> step_back(const HistoryQuery& query, Back back);
  std::vector<StreamNames> streams() const;

  std::uint64_t bytes_in_use() { return file_.database().bytes_in_use(); }
  std::uint64_t newest_epoch() const { return file_.newest_epoch(); }
  std::uint64_t epoch() const { return file_.epoch(); }
  Database& database() { return file_.database(); }
  // Makes the file ready to be written to; commit() does so by itself. Opening writes nothing to a file that is there:
  // a device with a full disk reads what it had.
  bool is_new() const { return file_.is_new(); }
  bool knows_state() const { return progress_.state_epoch != 0; }  // there has been a state.db
  FileResult<void> begin();
  bool close();

  // Of recover_history(): within a transaction of its own.
  FileResult<bool> adopt_row(const NameTable::Names& names, RowNumber number, std::int64_t position, vm::TimeNs time,
                             std::span<const std::byte> row);  // false: it was there
  FileResult<void> finish_adoption();

 private:
  explicit HistoryFile(SealedFile file) : file_(std::move(file)) {}
  FileResult<void> load();
  FileResult<void> prepare();
  FileResult<std::uint64_t> write(const Commit& commit, Progress& next);
  FileResult<void> drop(const std::string& which, const Progress& next);
  FileResult<void> write_progress(const Progress& progress);
  FileResult<void> write_row(std::uint32_t name, RowNumber number, std::int64_t position, vm::TimeNs time,
                             std::span<const std::byte> row);

  SealedFile file_;
  bool begun_ = false;
  NameTable names_{"names"};
  Progress progress_;
  std::uint32_t oldest_series_ = 0;
  std::int64_t expired_up_to_ = 0;  // where the walk of expire() stands
  std::map<std::uint32_t, vm::TimeNs>
      wanted_from_;  // by the file's number of the names: older rows have had their time
  Statement put_row_, put_progress_;
};

}  // namespace eyeflow::runtime
