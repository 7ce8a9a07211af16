#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/security/sealing.h"
#include "runtime/storage/database.h"
#include "runtime/storage/store.h"
#include "vm/module/module.h"

// What state.db and history.db have in common: whose they are, the keys that their contents are sealed under, names,
// and the epochs that row numbers belong to.
namespace eyeflow::runtime {

enum class FileKind : std::uint8_t { State = 1, History = 2 };

// How a stream stands in a table of names: its log, and behind a line feed what the fields of its rows are. Files of
// the first version of the layout have logs only.
std::string stream_name(std::string_view log, std::string_view schema);
struct StreamName {
  std::string_view log, schema;
};
StreamName split_stream_name(std::string_view name);

// SHA-256 of names, shortened: stands for them in identities.
using NameDigest = std::array<std::byte, 16>;
NameDigest digest_of(std::string_view owner, std::string_view name);
const NameDigest& progress_names();  // of what tells how far a file has got

// What sealed bytes are bound to, as docs/storage.md lays it out.
class Identity {
 public:
  static Identity of_value(std::uint64_t epoch, const NameDigest& names);
  static Identity of_row(FileKind file, std::uint64_t epoch, std::uint64_t sequence, vm::TimeNs time,
                         const NameDigest& names);
  // Of rows of one epoch, from `first` to `last`.
  static Identity of_block(FileKind file, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
                           std::int64_t position);
  std::span<const std::byte> bytes() const { return std::span(bytes_).first(size_); }

 private:
  template <typename T>
  void add(const T& value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof value);
    size_ += sizeof value;
  }
  std::array<std::byte, 64> bytes_{};
  std::size_t size_ = 0;
};

// The names behind the small numbers that rows carry. A name is written with the first row that needs it.
class NameTable {
 public:
  struct Names {
    std::string owner, name;
    NameDigest digest;
    std::shared_ptr<const StreamNames> stream{};  // the same, of a stream
  };
  // The table of slots has one more column, so that its rows are known from those of `names` in a damaged file.
  explicit NameTable(const char* table, bool is_slots = false) : table_(table), is_slots_(is_slots) {}
  // The number for these names within the file: 1, 2, 3 …
  std::uint32_t number_of(std::string_view owner, std::string_view name);
  const Names* find(std::int64_t number) const;
  const Names* find(const NameDigest& digest) const;
  std::size_t size() const { return names_.size(); }  // numbers go up to it

  FileResult<void> load(Database& database);
  void add(std::int64_t number, std::string_view owner, std::string_view name);
  FileResult<void> write_new(Database& database);  // within a transaction
  void committed() { on_disk_ = names_.size(); }

 private:
  const char* table_;
  bool is_slots_;
  std::vector<Names> names_;  // by number - 1; an owner and name that are both empty: nothing
  std::map<std::pair<std::string, std::string>, std::uint32_t, std::less<>> numbers_;
  std::map<NameDigest, std::uint32_t> by_digest_;
  std::size_t on_disk_ = 0;
  std::uint32_t last_asked_ = 0;
};

inline constexpr std::uint64_t kEpochLimit = std::uint64_t{1} << 53;
// An epoch for a new file, or for the rows of a run: above `floor`, and by its time and chance one that this device has
// never had, even when it knows nothing of its past or of the time. Below 2^53.
std::uint64_t new_epoch(FileKind kind, std::uint64_t floor);

// What a row of the table `copies` repeats.
enum class Copy { Salt = 1, Epoch = 2, Names = 3, Slot = 4 };

class SealedFile {
 public:
  static constexpr std::size_t kSaltBytes = 16;
  static Secret key_of_salt(const DeviceKey& key, std::span<const std::byte> salt);

  // Makes the file or opens it; Damaged when it is not what we wrote, or sealed with another key. `epoch`: for a file
  // that is made.
  static FileResult<SealedFile> open(const std::filesystem::path& path, FileKind kind, const DeviceKey& key,
                                     std::uint64_t epoch, std::uint32_t checkpoint_pages);
  // To read only; as HistoryReader wants it. A file with no tables yet comes as is_new().
  static FileResult<SealedFile> open_to_read(const std::filesystem::path& path, FileKind kind, const DeviceKey& key);

  // Begins a key of this start, within a transaction, before anything is sealed; the file has this program's layout
  // from then on. Keys older than `oldest_needed` are forgotten.
  FileResult<void> begin_series(std::uint32_t oldest_needed);

  // Borrowed until the next call.
  std::span<const std::byte> seal(const Identity& identity, std::span<const std::byte> plain);
  FileResult<std::span<const std::byte>> unseal(const Identity& identity, std::span<const std::byte> sealed);

  Database& database() { return database_; }
  std::uint64_t epoch() const { return epoch_; }  // of the file
  bool is_new() const { return is_new_; }
  std::int64_t version() const { return version_; }  // of the layout, as it was found

  // Of the rows that this run numbers: each run has its own, so that no number is given twice, whatever became of the
  // file in between (its log damaged, an older copy put back, a card cloned). 0 before begin_rows().
  std::uint64_t row_epoch() const { return row_epoch_; }
  void begin_rows(std::uint64_t epoch) { row_epoch_ = epoch; }

  std::uint64_t newest_epoch() const;  // the highest that it knows
  // Rows carry a small number for the epoch that they are counted in.
  std::uint64_t epoch_of(std::int64_t number) const;              // 0: no such epoch
  FileResult<std::int64_t> number_of_epoch(std::uint64_t epoch);  // within a transaction, as it may be a new one
  // How a transaction with number_of_epoch() ended.
  void epochs_rolled_back() { epochs_.resize(epochs_on_disk_); }
  void epochs_committed() { epochs_on_disk_ = epochs_.size(); }

 private:
  SealedFile(Database database, FileKind kind, const DeviceKey& key)
      : database_(std::move(database)), kind_(kind), key_(key) {}
  FileResult<void> make(std::uint64_t epoch);
  FileResult<void> check(const std::filesystem::path& path);
  FileResult<void> bring_up();
  FileResult<void> load_epochs();
  FileResult<Seal*> seal_of(std::uint32_t series);

  Database database_;
  FileKind kind_;
  std::int64_t version_ = 0;
  DeviceKey key_;
  std::vector<Seal> current_;            // one, once begun
  std::map<std::uint32_t, Seal> seals_;  // of earlier starts, as they are met
  std::vector<std::byte> buffer_;
  std::vector<std::uint64_t> epochs_;  // by number - 1
  std::size_t epochs_on_disk_ = 0;
  std::uint64_t epoch_ = 0, row_epoch_ = 0;
  bool is_new_ = false;
};

}  // namespace eyeflow::runtime
