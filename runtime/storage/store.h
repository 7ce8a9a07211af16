#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/security/keys.h"
#include "runtime/storage/changes.h"
#include "vm/base/result.h"

// What a device keeps over a power cut: the state, alarms and outputs of its instances, rows for queries, and rows on
// their way to a far side. docs/storage.md has the layout of the files and the promises.
namespace eyeflow::runtime {

// What becomes of rows for which there is no room: on a full disk, or beyond `outbox_bytes`. Values of slots always go
// through. Every row that is lost is counted.
enum class WhenFull { DropOldest, DropNew };

// What a slot is for. The name is unique within kind and owner.
enum class SlotKind : std::uint8_t {
  State = 1,   // owner: the instance; name: empty, or a part of its state
  Alarm = 2,   // owner: the instance; name: the alarm
  Output = 3,  // owner: the instance, or empty for what is of the site; name: the output
  Host = 4,    // owner: empty; name: what the host likes
};

struct StoreOptions {
  std::filesystem::path folder{};    // made when it is missing, mode 0700
  std::filesystem::path key_file{};  // the device key; empty: folder/device.key. Made at the first start, mode 0600
  std::string device = "device";     // first part of every row's number
  std::chrono::nanoseconds commit = std::chrono::seconds(1);
  std::uint64_t history_bytes = 1u << 30;   // of history.db; beyond, its oldest rows go
  std::uint64_t outbox_bytes = 256u << 20;  // of rows that wait for the far side
  std::uint64_t reserve_bytes = 4u << 20;   // of disk, held back for values on a full one
  std::size_t queue_bytes = 4u << 20;       // rows in memory, for one group; a second one may be on its way to disk
  WhenFull when_full = WhenFull::DropOldest;
  std::uint32_t checkpoint_pages = 1000;  // of 4 KiB, in a WAL before it goes into its database

  // Both are called on a thread of the store, must not throw, and must return soon.
  std::function<void(std::string_view line)> on_notice{};  // one line for the log: what was lost, set aside, is full
  std::function<void()> on_commit{};                       // committed() has moved
};

struct StreamSettings {
  std::optional<std::chrono::nanoseconds> keep{};  // for queries, at least this long while there is room; nothing: not
  bool sync = false;                               // to the far side
  std::string schema{};  // what the fields of its rows are, without line feeds; goes with each row. Empty: not told
};

// Says how far a store has got: everything submitted up to a ticket is on disk once committed() has reached it.
enum class Ticket : std::uint64_t {};

struct Submitted {
  Ticket ticket;
  // False: there was no room in memory for the event's rows (the disk is behind). They are counted as refused; the
  // slots' values were taken. A source with explicit acknowledgement does not acknowledge.
  bool complete;
};

struct KeptValue {
  SlotKind kind;
  std::string owner, name;
  std::vector<std::byte> value;
};

// What was found when the store was opened.
struct StoreReport {
  enum class LastRun {
    Unknown,   // state.db cannot be opened at the moment (the disk is full): whether there was one is not known
    None,      // there was nothing: the first start, or a new disk
    InOrder,   // it ended with stop()
    BrokenOff  // power was lost, or the process was killed
  };
  LastRun last_run = LastRun::Unknown;
  std::uint64_t damaged_files = 0;  // set aside as NAME.damaged-TIME; what was intact in them was taken over
  std::uint64_t lost_values = 0;    // that were damaged, as far as can be counted
  std::uint64_t lost_rows = 0;
};

// The number of a row, with the device's name: the far side stores each once.
struct RowNumber {
  std::uint64_t epoch = 0;     // grows with each run; below 2^53
  std::uint64_t sequence = 0;  // 1, 2, 3 … within the epoch
};

// Whose a row is.
struct StreamNames {
  std::string owner;  // the instance
  std::string log;
  std::string schema;  // of the stream when the row was written
};

struct OutboxRow {
  std::uint64_t sequence = 0;
  vm::TimeNs time = 0;       // of the event
  std::uint32_t stream = 0;  // of the batch
  std::string_view row{};    // lies in the batch's blocks
};

// The oldest rows that wait for the far side, of one epoch, in order.
struct OutboxBatch {
  std::uint64_t epoch = 0;  // 0: nothing waits
  // Numbers from here to the first row that are not among the rows were dropped for want of room or damaged, and will
  // never come; the same holds for gaps between rows. last() is to be acknowledged.
  std::uint64_t first = 0;
  std::vector<OutboxRow> rows;
  std::vector<std::shared_ptr<const StreamNames>> streams;
  std::vector<std::shared_ptr<const std::vector<std::byte>>> blocks;
  const StreamNames& names(const OutboxRow& row) const { return *streams[row.stream]; }
  std::uint64_t last() const { return rows.empty() ? 0 : rows.back().sequence; }
  RowNumber end() const { return {epoch, last()}; }
};

// A row of history.db.
struct StoredRow {
  RowNumber number;
  vm::TimeNs time = 0;  // of the event
  std::string owner{};  // the instance
  std::string log{};
  std::string schema{};  // of the stream when the row was written
  std::vector<std::byte> row{};
};

// Why a store could not be opened: another process has it, the folder cannot be written, or a later version of the
// program wrote its files, which are left as they are.
struct OpenFailure : Error {
  bool in_use = false;  // by another process
};

struct StoreStats {
  std::uint64_t commits = 0, commit_failures = 0;
  std::uint64_t rows_kept = 0, rows_queued = 0;     // written to history, to the outbox
  std::uint64_t rows_acknowledged = 0;              // by the far side
  std::uint64_t rows_refused = 0;                   // no room in memory
  std::uint64_t rows_unwritten = 0;                 // still in memory at the end: the disk would not take them
  std::uint64_t rows_dropped_history = 0;           // never written: no room on disk
  std::uint64_t rows_dropped_outbox = 0;            // numbered, but dropped before they were acknowledged
  std::uint64_t rows_dropped_early = 0;             // deleted from history for want of room, before their time
  std::uint64_t rows_expired = 0;                   // deleted from history when they had had their time
  std::uint64_t waits = 0;                          // submissions that had to wait for room
  std::uint64_t outbox_rows = 0, outbox_bytes = 0;  // waiting now
  std::uint64_t history_bytes = 0;                  // in use now
  std::uint64_t damaged_files = 0, lost_values = 0, lost_rows = 0;  // since the start, opening included
  bool disk_full = false;                                           // the last commit had to leave rows out
  std::chrono::nanoseconds longest_commit{};
};

// Rows kept for queries, oldest first.
struct HistoryQuery {
  std::string owner{}, log{};  // empty: any
  vm::TimeNs from = std::numeric_limits<vm::TimeNs>::min(), to = std::numeric_limits<vm::TimeNs>::max();
  std::uint64_t after = 0;  // position in the file: HistoryRows::next of the call before
  std::size_t max_rows = 1000;
};
struct HistoryRows {
  std::vector<StoredRow> rows;
  std::uint64_t next = 0;  // 0: there are no more
};

// All functions may be called from any thread.
class Store {
 public:
  // Opens both files, or makes them; a damaged one is set aside, what is intact in it is taken over, and on it goes:
  // report() tells. Fails only where nothing can be kept at all: the folder cannot be written, or another process has
  // it open.
  static std::expected<Store, OpenFailure> open(StoreOptions options);
  ~Store();  // as stop()
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  const StoreReport& report() const;
  // What was committed before this start, latest values only; handed over once.
  std::vector<KeptValue> take_kept();

  // The same names (of a stream: with the same schema) give the same id, also after a restart; not for the path of an
  // event (they lock, search, allocate). A stream's settings are those of the last call.
  SlotId slot(SlotKind kind, std::string_view owner, std::string_view name);
  StreamId stream(std::string_view owner, std::string_view log, const StreamSettings& settings);

  // Takes what an event left. The caller's thread never touches the disk; it copies bytes under a lock. When the rows
  // do not fit in memory, it waits for room if `may_wait` (a replay), up to kLongestWait, and otherwise refuses them.
  static constexpr std::chrono::seconds kLongestWait{10};
  Submitted submit(const Changes& changes, bool may_wait = false);
  Ticket submitted() const;
  Ticket committed() const;
  // False when `limit` was over first. Commits at once what the ticket waits for.
  bool wait_until_committed(Ticket ticket, std::chrono::nanoseconds limit);

  // The device's key, for what leaves it: batches and exports.
  Result<PrivateKey> signing_key() const;

  // For the far side. Rows stay until they are acknowledged; until then a repeat gives the same rows with the same
  // numbers. Numbers have no gaps but for rows that were dropped or damaged, which are counted.
  // `after`: those behind a batch that was given (OutboxBatch::end), without acknowledging it.
  OutboxBatch outbox(std::size_t max_rows, std::size_t max_bytes, RowNumber after = {});
  // Everything of `epoch` up to and including `sequence` is stored on the far side. Survives a power cut with the next
  // commit; before that, the rows may be given once more.
  void acknowledge(std::uint64_t epoch, std::uint64_t sequence);

  HistoryRows history(const HistoryQuery& query);
  // Deletes rows that are older than their stream wants them, at `now`. A clock that may be wrong must not call this:
  // it would delete everything that a right one has written.
  void expire(vm::TimeNs now);

  StoreStats stats() const;

  // Commits what is pending, marks the end as clean, closes. False when something could not be written: it is lost.
  bool stop();

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace eyeflow::runtime
