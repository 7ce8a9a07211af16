#include "runtime/storage/writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace eyeflow::runtime {
namespace {

constexpr int kAttempts = 3;          // in a row, before a file is opened anew
constexpr int kHistoryPatience = 10;  // failed commits before rows are given up, so that values go on

// Both WALs together are to fit into the reserve, so that they can be emptied on a full disk.
std::uint32_t pages_within(const StoreOptions& options, const Reserve& reserve) {
  if (reserve.bytes() == 0) return options.checkpoint_pages;
  const auto half = std::max<std::uint64_t>(16, reserve.bytes() / 2 / 4096);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(options.checkpoint_pages, half));
}

using Counter = StoreCounters::Count;
void add(Counter& count, std::uint64_t n) { count.fetch_add(n, std::memory_order_relaxed); }
void set(Counter& count, std::uint64_t n) { count.store(n, std::memory_order_relaxed); }

}  // namespace

Writer::Writer(const StoreOptions& options, const DeviceKey& key, StoreCounters& counters)
    : options_(options),
      key_(key),
      counters_(counters),
      reserve_(options.folder, options.reserve_bytes),
      checkpoint_pages_(pages_within(options, reserve_)),
      state_path_(options.folder / "state.db"),
      history_path_(options.folder / "history.db") {}

Writer::~Writer() {
  history_thread_.call([this] {
    if (history_) history_->close();
    history_.reset();
  });
}

void Writer::tell(std::string_view line) const {
  if (options_.on_notice) options_.on_notice(line);
}

void Writer::tell_full(bool full) {
  counters_.disk_full = full;
  if (full == told_full_) return;
  told_full_ = full;
  tell(full ? fmt::format(
                  "{}: the disk is full: values go on being kept, {} until there is room", options_.folder.string(),
                  options_.when_full == WhenFull::DropNew ? "new rows are dropped" : "the oldest rows are dropped")
            : fmt::format("{}: there is room on the disk again", options_.folder.string()));
}

Result<void> Writer::open(StoreReport& report, std::vector<KeptValue>& kept) {
  const LogState log = look_into_log(state_path_);  // before SQLite reads what it can of it
  finish_replacing(state_path_);
  finish_replacing(history_path_);
  history_thread_.call([this] { ensure_history(); });
  for (int i = 0; i < kAttempts && !newer_ && !open_state(); ++i) continue;
  if (newer_) return fail(newer_->message);
  if (state_) {
    using enum StoreReport::LastRun;
    const bool in_order = state_->found().clean != 0 && !log.is_damaged;
    report.last_run = state_->is_new() ? None : in_order ? InOrder : BrokenOff;
    tell_of_past(log);
    kept = state_->take_kept();
    settle();
  }
  if (!state_ && !(kept = values_in(state_path_, key_)).empty()) {
    report.last_run = StoreReport::LastRun::BrokenOff;
    tell(fmt::format("{}: {} values were read from its pages", state_path_.string(), kept.size()));
  }
  report.damaged_files = counters_.damaged_files;
  report.lost_values = counters_.lost_values;
  report.lost_rows = counters_.lost_rows;
  reserve_.hold();
  if (reserve_.bytes() < options_.reserve_bytes) {
    tell(fmt::format("{}: a small disk: {} KB of it are held back for values, not {}", options_.folder.string(),
                     reserve_.bytes() >> 10, options_.reserve_bytes >> 10));
  }
  return {};
}

// What is gone without a trace in the files themselves.
void Writer::tell_of_past(const LogState& log) const {
  if (log.is_damaged) {
    tell(fmt::format("{}-wal: cannot be read behind {} of its {} pages: what was committed there is lost",
                     state_path_.string(), log.intact, log.pages));
  }
  if (state_->is_new() && history_knows_state_) {
    tell(fmt::format("{}: it is gone, or empty, though {} is there: states, alarms and rows that waited are lost",
                     state_path_.string(), history_path_.filename().string()));
  }
}

// Both files are to tell of the same events.
void Writer::settle() {
  if (settled_) return;
  history_thread_.call([&] {
    if (ensure_history()) settled_ = history_->settle(state_->epoch(), state_->progress().group).has_value();
  });
}

bool Writer::open_state() {
  if (state_) return true;
  const auto open = [&] {
    auto opened = StateFile::open(state_path_, key_, new_epoch(FileKind::State, history_epoch_), checkpoint_pages_);
    if (opened) state_.emplace(std::move(*opened));
    return opened ? FileResult<void>{} : std::unexpected(opened.error());
  };
  auto opened = open();
  if (!opened && opened.error().trouble == Trouble::Damaged) {
    if (recover_state_file(opened.error())) opened = open();
  } else if (!opened && opened.error().trouble == Trouble::Full && reserve_.release()) {
    opened = open();
  }
  if (!opened && opened.error().trouble == Trouble::Newer) newer_ = opened.error();
  if (!opened) {
    if (!newer_ && !std::exchange(told_failure_, true)) {
      tell(fmt::format("{}; nothing is kept until it can be opened", opened.error().message));
    }
    return false;
  }
  set(counters_.outbox_rows, state_->progress().outbox_rows);
  set(counters_.outbox_bytes, state_->progress().outbox_bytes);
  settled_ = false;
  return true;
}

bool Writer::open_history() {
  const auto open = [&] {
    return HistoryFile::open(history_path_, key_, new_epoch(FileKind::History, 0), checkpoint_pages_);
  };
  auto opened = open();
  if (!opened && opened.error().trouble == Trouble::Damaged && recover_history_file(opened.error())) {
    opened = open();
  }
  if (!opened && opened.error().trouble == Trouble::Newer) newer_ = opened.error();
  if (!opened) return false;
  history_.emplace(std::move(*opened));
  history_epoch_ = history_->newest_epoch();
  history_knows_state_ = history_->knows_state();
  set(counters_.history_bytes, history_->bytes_in_use());
  return true;
}

bool Writer::ensure_history() {
  for (int i = 0; i < kAttempts && !history_; ++i) open_history();
  return history_.has_value();
}

void Writer::tell_recovered(const std::filesystem::path& path, const FileError& error, const Recovered& recovered) {
  add(counters_.damaged_files, 1);
  add(counters_.lost_values, recovered.lost_values);
  add(counters_.lost_rows, recovered.lost_rows);
  tell(fmt::format("{}: damaged ({}); it is now {}. Taken over: {} values, {} rows; lost: {} values, {} rows",
                   path.string(), error.message, recovered.aside.filename().string(), recovered.values, recovered.rows,
                   recovered.lost_values, recovered.lost_rows));
}

bool Writer::recover_state_file(const FileError& error) {
  if (state_) state_->close();
  state_.reset();
  const auto recovered = recover_state(state_path_, key_, history_epoch_);
  if (recovered) tell_recovered(state_path_, error, *recovered);
  return recovered.has_value();
}

bool Writer::recover_history_file(const FileError& error) {
  if (history_) history_->close();
  history_.reset();
  const auto recovered = recover_history(history_path_, key_, 0);
  if (recovered) tell_recovered(history_path_, error, *recovered);
  return recovered.has_value();
}

bool Writer::commit(Task& task, std::span<const StreamInfo> streams, std::span<const SlotInfo> slots) {
  const auto begin = Clock::now();
  bool done = open_state();
  if (done) settle();
  // Before history.db may hold rows that wait for their part in state.db, there is a state.db to look into.
  if (done && !state_->has_begun()) {
    Task nothing;
    done = commit_state(nothing, {}, {}, 0);
  }
  std::uint64_t to_history = 0, to_outbox = 0;
  task.group.for_each_row([&](const Group::Row& row) {
    const auto& settings = streams[static_cast<std::size_t>(row.stream)].settings;
    to_history += settings.keep.has_value();
    to_outbox += settings.sync;
  });
  const bool to_state = to_outbox > 0 || !task.group.changed().empty() || !task.acknowledged.empty();
  const std::uint64_t number = done && to_history > 0 && to_state ? state_->progress().group + 1 : 0;
  if (done && to_history > 0 && !task.is_in_history) {
    const HistoryFile::Commit commit{
        task.group, streams, state_->epoch(), state_->row_epoch(), state_->progress().next_sequence, number};
    history_thread_.call([&] { task.is_in_history = commit_history(commit, to_history); });
    done = task.is_in_history;
  }
  if (done && to_state) done = commit_state(task, streams, slots, number);
  if (!done) {
    add(counters_.commit_failures, 1);
    return false;
  }
  told_failure_ = false;
  task.is_in_history = false;
  add(counters_.commits, 1);
  const auto took = static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - begin).count());
  if (took > counters_.longest_commit_ns) set(counters_.longest_commit_ns, took);
  return true;
}

// Without room rows go first, by the policy; values never. Several attempts, each with less.
bool Writer::commit_state(Task& task, std::span<const StreamInfo> streams, std::span<const SlotInfo> slots,
                          std::uint64_t number) {
  StateFile::Commit commit{.group = task.group,
                           .streams = streams,
                           .slots = slots,
                           .number = number,
                           .outbox_limit = options_.outbox_bytes,
                           .when_full = options_.when_full,
                           .acknowledged = task.acknowledged};
  enum { All, WithEmptyWals, DropOldest, ValuesOnly, GiveUp } step = All;
  while (step != GiveUp) {
    const auto done = state_->commit(commit);
    if (done) {
      state_failures_ = 0;
      add(counters_.rows_queued, done->queued);
      add(counters_.rows_dropped_outbox, done->dropped);
      add(counters_.rows_acknowledged, done->acknowledged);
      set(counters_.outbox_rows, state_->progress().outbox_rows);
      set(counters_.outbox_bytes, state_->progress().outbox_bytes);
      task.acknowledged.clear();
      const bool full = step != All || (counters_.disk_full && !reserve_.is_plenty());
      tell_full(full);
      if (!full) {
        reserve_.hold();
      } else if (step != All) {
        history_thread_.call([this] {
          empty_wals();
          reserve_.take();
        });
      }
      return true;
    }
    if (done.error().trouble == Trouble::Full) {
      tell_full(true);
      history_thread_.call([this] { empty_wals(); });
      if (step == All) {
        reserve_.take();  // rows have no claim on it
        step = WithEmptyWals;
      } else if (step < DropOldest && options_.when_full == WhenFull::DropOldest) {
        commit.drop_oldest = 2 * task.group.row_count() + 16;
        step = DropOldest;
      } else {
        commit.with_rows = false;
        step = step == ValuesOnly ? GiveUp : ValuesOnly;
      }
      continue;
    }
    if (done.error().trouble == Trouble::Damaged) {
      recover_state_file(done.error());
    } else if (++state_failures_ % kAttempts == 0) {
      state_->close();
      state_.reset();
    }
    if (!std::exchange(told_failure_, true)) tell(fmt::format("{}; it is tried again", done.error().message));
    return false;
  }
  return false;
}

// The first room to find on a full disk: a WAL holds each page as often as it was written. Emptying one takes room
// first, where its pages are new to the database: that is what the reserve is for. On history_thread_, while the
// store's thread waits.
void Writer::empty_wals() {
  reserve_.release();
  if (state_) state_->database().checkpoint();
  if (history_) history_->database().checkpoint();
}

bool Writer::commit_history(const HistoryFile::Commit& commit, std::uint64_t rows) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (!ensure_history()) break;
    const auto done = history_->commit(commit);
    if (done) {
      history_failures_ = 0;
      add(counters_.rows_kept, *done);
      rows_since_look_ += rows + 50;
      if (rows_since_look_ > 2000) {
        rows_since_look_ = 0;
        if (const auto gone = history_->keep_within(options_.history_bytes)) {
          count_gone(*gone);
          if (gone->early > 0 && !std::exchange(told_limit_, true)) {
            tell(
                fmt::format("{}: has all the room that [storage] history gives it: its oldest rows leave before the "
                            "time that their logs say",
                            history_path_.string()));
          }
        }
        set(counters_.history_bytes, history_->bytes_in_use());
      }
      return true;
    }
    switch (done.error().trouble) {
      case Trouble::Full:
        if (attempt == 0) {
          empty_wals();
          reserve_.take();  // it is for values
        } else if (attempt + 1 == kAttempts || !make_room(commit, rows)) {
          attempt = kAttempts;
        }
        break;
      case Trouble::Damaged:
        recover_history_file(done.error());
        break;
      default:
        history_->close();
        history_.reset();
    }
    if (attempt == kAttempts) {
      add(counters_.rows_dropped_history, rows);
      return true;
    }
  }
  // A disk that fails for long: the device's values must not wait for its history.
  if (++history_failures_ < kHistoryPatience) return false;
  add(counters_.rows_dropped_history, rows);
  return true;
}

void Writer::count_gone(const HistoryFile::Dropped& gone) {
  add(counters_.rows_dropped_early, gone.early);
  add(counters_.rows_expired, gone.rows - gone.early);
}

// On a full disk: the oldest rows go, unless the site wants the new ones to go.
bool Writer::make_room(const HistoryFile::Commit&, std::uint64_t rows) {
  if (options_.when_full == WhenFull::DropNew) return false;
  reserve_.release();  // to delete takes room, too, before it gives some
  const auto gone = history_->drop_oldest(2 * rows + 1000);
  history_->database().shrink();
  reserve_.take();
  if (!gone || gone->rows == 0) return false;
  count_gone(*gone);
  return true;
}

bool Writer::finish() {
  bool good = state_.has_value();
  if (good) {
    const Group nothing;
    const auto done = state_->commit({.group = nothing, .streams = {}, .slots = {}, .clean = true});
    good = done.has_value();
    state_->close();  // without room to empty its log, the next start reads what was committed there
    state_.reset();
  }
  history_thread_.call([&] {
    if (history_) history_->close();
    history_.reset();
  });
  return good;
}

OutboxBatch Writer::outbox(const Outbox::Wanted& wanted) {
  if (!open_state()) return {};
  auto batch = state_->outbox(wanted);
  if (!batch && batch.error().trouble == Trouble::Damaged && recover_state_file(batch.error()) && open_state()) {
    batch = state_->outbox(wanted);
  }
  return batch.value_or(OutboxBatch{});
}

HistoryRows Writer::history(const HistoryQuery& query) {
  HistoryRows rows;
  history_thread_.call([&] {
    if (!ensure_history()) return;
    auto found = history_->query(query);
    if (!found && found.error().trouble == Trouble::Damaged && recover_history_file(found.error()) &&
        ensure_history()) {
      found = history_->query(query);
    }
    if (found) rows = std::move(*found);
  });
  return rows;
}

void Writer::expire(vm::TimeNs now, std::vector<StreamInfo> streams) {
  history_thread_.post([this, now, streams = std::move(streams)]() mutable {
    if (!history_) return;
    const auto expired = history_->expire(now, streams);
    if (!expired) return;
    add(counters_.rows_expired, expired->rows);
    if (expired->more) expire(now, std::move(streams));
  });
}

}  // namespace eyeflow::runtime
