#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/storage/group.h"
#include "runtime/storage/outbox.h"
#include "runtime/storage/sealed_file.h"
#include "runtime/storage/store.h"

namespace eyeflow::runtime {

// A registered stream, as both files see it; by StreamId.
struct StreamInfo {
  std::string owner, name;  // as stream_name() has it
  StreamSettings settings;
};
// A registered slot; by SlotId. The name has its kind in front ("alarm:hot").
struct SlotInfo {
  std::string owner, name;
};
std::string slot_name(SlotKind kind, std::string_view name);
// False when it is not a slot's name.
bool split_slot_name(std::string_view stored, SlotKind& kind, std::string& name);

// state.db: values and the outbox. On one thread.
class StateFile {
 public:
  // Reads and checks every value. Damaged: see recover_state().
  static FileResult<StateFile> open(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t epoch,
                                    std::uint32_t checkpoint_pages = 1000);

  struct Commit {
    const Group& group;
    std::span<const StreamInfo> streams;
    std::span<const SlotInfo> slots;
    std::uint64_t number = 0;  // of the group, when it has a part in history.db too
    bool with_rows = true;     // without: their numbers are used up all the same, so that the gap tells
    std::uint64_t drop_oldest = 0;
    std::uint64_t outbox_limit = UINT64_MAX;
    WhenFull when_full = WhenFull::DropOldest;
    std::span<const RowNumber> acknowledged{};
    bool clean = false;
  };
  struct Committed {
    std::uint64_t queued = 0, dropped = 0, acknowledged = 0;
  };
  FileResult<Committed> commit(const Commit& commit);

  FileResult<OutboxBatch> outbox(const Outbox::Wanted& wanted);

  const Progress& progress() const { return progress_; }
  const Progress& found() const { return found_; }  // as it stood when the file was opened
  std::uint64_t epoch() const { return file_.epoch(); }
  std::uint64_t row_epoch() const { return file_.row_epoch(); }
  bool is_new() const { return file_.is_new(); }
  std::vector<KeptValue> take_kept() { return std::move(kept_); }
  // Makes the file ready to be written to, and one of this version of the layout; commit() does so by itself. Opening
  // writes nothing to a file that is there: a device with a full disk reads what it had.
  FileResult<void> begin();
  bool has_begun() const { return begun_; }
  bool close();

  // Of recover_state(): within a transaction of its own.
  FileResult<void> adopt_value(std::string_view owner, std::string_view name, std::span<const std::byte> value);
  FileResult<void> adopt_row(const NameTable::Names& names, const Outbox::Row& row);
  void adopt_progress(const Progress& old);
  FileResult<void> finish_adoption();
  Database& database() { return file_.database(); }

 private:
  explicit StateFile(SealedFile file) : file_(std::move(file)) {}
  FileResult<void> load();
  FileResult<void> load_progress();
  FileResult<void> load_oldest();
  FileResult<void> prepare();
  FileResult<void> begin_series();
  FileResult<void> bring_rows_into_blocks();
  FileResult<bool> bring_some(Progress& next);
  FileResult<Committed> write(const Commit& commit, Progress& next);
  FileResult<void> write_rows(const Commit& commit, Progress& next, Committed& done);
  FileResult<void> write_progress(const Progress& progress);
  FileResult<void> write_value(std::uint32_t number, std::span<const std::byte> value);

  SealedFile file_;
  bool begun_ = false;
  std::uint64_t epoch_floor_ = 0;  // what is given to rows is above
  bool has_old_rows_ = false;      // of an earlier layout, which go into blocks
  NameTable names_{"names"}, slots_{"slots", true};
  Progress progress_, found_;
  std::vector<KeptValue> kept_;
  std::uint32_t oldest_series_ = UINT32_MAX;
  Outbox outbox_;
  std::vector<std::uint32_t> numbers_;       // of streams in `names_`, by StreamId; 0: not asked yet
  std::vector<bool> stored_;                 // by slot number: it stands in `kept`
  std::vector<std::uint32_t> newly_stored_;  // by the transaction at hand
  Statement put_value_;
};

}  // namespace eyeflow::runtime
