#include "runtime/storage/state_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace eyeflow::runtime {
namespace {

constexpr std::string_view kKinds[] = {"", "state:", "alarm:", "output:", "host:"};
constexpr std::int64_t kProgressSlot = 0;
constexpr int kRowsAtATime = 5000;  // of an earlier layout

Identity progress_identity(std::uint64_t epoch) { return Identity::of_value(epoch, progress_names()); }

}  // namespace

std::string slot_name(SlotKind kind, std::string_view name) {
  return std::string(kKinds[static_cast<std::size_t>(kind)]) + std::string(name);
}

bool split_slot_name(std::string_view stored, SlotKind& kind, std::string& name) {
  for (std::size_t i = 1; i < std::size(kKinds); ++i) {
    if (!stored.starts_with(kKinds[i])) continue;
    kind = static_cast<SlotKind>(i);
    name = stored.substr(kKinds[i].size());
    return true;
  }
  return false;
}

FileResult<StateFile> StateFile::open(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t epoch,
                                      std::uint32_t checkpoint_pages) {
  auto sealed = SealedFile::open(path, FileKind::State, key, epoch, checkpoint_pages);
  if (!sealed) return std::unexpected(sealed.error());
  StateFile file(std::move(*sealed));
  file.epoch_floor_ = epoch;
  EYEFLOW_STORAGE_CHECK(file.names_.load(file.database()));
  EYEFLOW_STORAGE_CHECK(file.slots_.load(file.database()));
  EYEFLOW_STORAGE_CHECK(file.load_progress());
  EYEFLOW_STORAGE_CHECK(file.load());
  EYEFLOW_STORAGE_CHECK(file.prepare());
  return file;
}

FileResult<void> StateFile::load_progress() {
  auto one = database().prepare("SELECT sealed FROM kept WHERE slot=0");
  if (!one) return std::unexpected(one.error());
  const auto row = one->step();
  if (!row) return std::unexpected(row.error());
  if (!*row) {
    // It is written with the first key: a file without it has never held anything.
    const auto keys = database().number("SELECT count(*) FROM series");
    if (!keys) return std::unexpected(keys.error());
    if (*keys != 0) return damaged("what tells how far it has got is missing");
    return {};
  }
  const auto plain = file_.unseal(progress_identity(epoch()), one->blob(0));
  if (!plain) return std::unexpected(plain.error());
  if (plain->size() != sizeof progress_) return damaged("what tells how far it has got has a wrong size");
  std::memcpy(&progress_, plain->data(), sizeof progress_);
  found_ = progress_;
  return {};
}

FileResult<void> StateFile::load() {
  auto all = database().prepare("SELECT slot, sealed FROM kept WHERE slot<>0");
  if (!all) return std::unexpected(all.error());
  while (true) {
    const auto row = all->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto* names = slots_.find(all->integer(0));
    KeptValue value;
    if (names == nullptr || !split_slot_name(names->name, value.kind, value.name)) {
      return damaged("a value has no name");
    }
    const auto plain = file_.unseal(Identity::of_value(epoch(), names->digest), all->blob(1));
    if (!plain) return std::unexpected(plain.error());
    value.owner = names->owner;
    value.value.assign(plain->begin(), plain->end());
    kept_.push_back(std::move(value));
    if (stored_.size() <= static_cast<std::size_t>(all->integer(0))) {
      stored_.resize(static_cast<std::size_t>(all->integer(0)) + 1);
    }
    stored_[static_cast<std::size_t>(all->integer(0))] = true;
    oldest_series_ = std::min(oldest_series_, series_of(all->blob(1)));
  }
  if (kept_.size() != progress_.values) {
    return damaged(fmt::format("it has {} values instead of {}", kept_.size(), progress_.values));
  }
  has_old_rows_ = file_.version() < 3;
  if (!has_old_rows_) EYEFLOW_STORAGE_CHECK(outbox_.open(file_));
  return load_oldest();
}

// What still needs the key of an earlier start.
FileResult<void> StateFile::load_oldest() {
  bool has_rows = false;
  for (const char* table : {"blocks", "rows"}) {
    const auto there =
        database().number(fmt::format("SELECT count(*) FROM sqlite_schema WHERE name='{}'", table).c_str());
    if (!there) return std::unexpected(there.error());
    if (*there == 0) continue;
    has_old_rows_ = has_old_rows_ || table == std::string_view("rows");
    auto oldest = database().prepare(
        fmt::format("SELECT substr(sealed, 1, {}) FROM {} ORDER BY position LIMIT 1", Seal::kOverhead, table));
    if (!oldest) return std::unexpected(oldest.error());
    const auto row = oldest->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) continue;
    has_rows = true;
    oldest_series_ = std::min(oldest_series_, series_of(oldest->blob(0)));
  }
  if (has_rows != (progress_.outbox_rows > 0)) return damaged("its outbox has not as many rows as were written");
  return {};
}

FileResult<void> StateFile::prepare() {
  auto value = database().prepare("INSERT OR REPLACE INTO kept VALUES (?,?)");
  if (!value) return std::unexpected(value.error());
  put_value_ = std::move(*value);
  return {};
}

FileResult<void> StateFile::begin() {
  if (!begun_) EYEFLOW_STORAGE_CHECK(begin_series());
  begun_ = true;
  if (has_old_rows_) EYEFLOW_STORAGE_CHECK(bring_rows_into_blocks());
  return {};
}

// From here on the file says that it was not closed, until stop().
FileResult<void> StateFile::begin_series() {
  auto transaction = Transaction::begin(database());
  if (!transaction) return std::unexpected(transaction.error());
  EYEFLOW_STORAGE_CHECK(file_.begin_series(oldest_series_ == UINT32_MAX ? 0 : oldest_series_));
  Progress next = progress_;
  next.clean = 0;
  next.next_sequence = 1;
  EYEFLOW_STORAGE_CHECK(write_progress(next));
  EYEFLOW_STORAGE_CHECK(transaction->commit());
  progress_ = next;
  file_.begin_rows(is_new() ? epoch() : new_epoch(FileKind::State, std::max(file_.newest_epoch(), epoch_floor_)));
  return {};
}

// Some at a time, each step whole: what a power cut leaves is gone on with at the next start.
FileResult<void> StateFile::bring_rows_into_blocks() {
  if (!outbox_.is_open()) EYEFLOW_STORAGE_CHECK(outbox_.open(file_));
  while (true) {
    auto transaction = Transaction::begin(database());
    if (!transaction) return std::unexpected(transaction.error());
    Progress next = progress_;
    auto more = bring_some(next);
    if (more) {
      if (auto committed = transaction->commit(); !committed) more = std::unexpected(committed.error());
    }
    if (!more) {
      outbox_.rolled_back();
      return std::unexpected(more.error());
    }
    outbox_.committed();
    progress_ = next;
    if (*more) continue;
    has_old_rows_ = false;
    return {};
  }
}

// False: there are no more.
FileResult<bool> StateFile::bring_some(Progress& next) {
  auto old = database().prepare(fmt::format(
      "SELECT position, names, time, epoch, sequence, sealed FROM rows ORDER BY position LIMIT {}", kRowsAtATime));
  if (!old) return std::unexpected(old.error());
  std::int64_t last = 0;
  std::vector<std::byte> bytes_of_row;
  while (true) {
    const auto row = old->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    last = old->integer(0);
    const RowNumber number{file_.epoch_of(old->integer(3)), static_cast<std::uint64_t>(old->integer(4))};
    const auto* names = names_.find(old->integer(1));
    if (names == nullptr || number.epoch == 0) return damaged("a row of the outbox has no name or epoch");
    const auto plain = file_.unseal(
        Identity::of_row(FileKind::State, number.epoch, number.sequence, old->integer(2), names->digest), old->blob(5));
    if (!plain) return std::unexpected(plain.error());
    const auto bytes = old->blob(5).size();
    bytes_of_row.assign(plain->begin(), plain->end());  // what opens and what seals have one buffer
    EYEFLOW_STORAGE_CHECK(outbox_.put(file_, names_,
                                      {.number = number,
                                       .position = last,
                                       .stream = static_cast<std::uint32_t>(old->integer(1)),
                                       .time = old->integer(2),
                                       .bytes = bytes_of_row},
                                      next));
    next.outbox_rows -= std::min<std::uint64_t>(next.outbox_rows, 1);
    next.outbox_bytes -= std::min<std::uint64_t>(next.outbox_bytes, bytes);
  }
  EYEFLOW_STORAGE_CHECK(outbox_.flush(file_, next));
  EYEFLOW_STORAGE_CHECK(database().run(last > 0 ? fmt::format("DELETE FROM rows WHERE position <= {}", last).c_str()
                                                : "DROP TABLE rows"));
  EYEFLOW_STORAGE_CHECK(write_progress(next));
  return last > 0;
}

FileResult<void> StateFile::write_progress(const Progress& progress) {
  const auto sealed = file_.seal(progress_identity(epoch()), std::as_bytes(std::span(&progress, 1)));
  return put_value_.bind(1, kProgressSlot).bind(2, sealed).run();
}

FileResult<void> StateFile::write_value(std::uint32_t number, std::span<const std::byte> value) {
  if (number >= stored_.size()) stored_.resize(number + 1);
  if (!stored_[number]) newly_stored_.push_back(number);
  const auto sealed = file_.seal(Identity::of_value(epoch(), slots_.find(number)->digest), value);
  return put_value_.bind(1, std::int64_t{number}).bind(2, sealed).run();
}

FileResult<StateFile::Committed> StateFile::commit(const Commit& commit) {
  EYEFLOW_STORAGE_CHECK(begin());
  Progress next = progress_;
  newly_stored_.clear();
  next.clean = commit.clean;
  if (commit.number != 0) next.group = commit.number;
  auto transaction = Transaction::begin(database());
  if (!transaction) return std::unexpected(transaction.error());
  auto done = write(commit, next);
  if (done) {
    if (auto committed = transaction->commit(); !committed) done = std::unexpected(committed.error());
  }
  if (!done) {
    file_.epochs_rolled_back();
    outbox_.rolled_back();
    return done;
  }
  progress_ = next;
  outbox_.committed();
  for (const auto number : newly_stored_) stored_[number] = true;
  file_.epochs_committed();
  names_.committed();
  slots_.committed();
  return done;
}

FileResult<StateFile::Committed> StateFile::write(const Commit& commit, Progress& next) {
  Committed done;
  for (const RowNumber upto : commit.acknowledged) {
    const auto gone = outbox_.acknowledge(file_, upto, next);
    if (!gone) return std::unexpected(gone.error());
    done.acknowledged += *gone;
  }
  // Before the new rows come, so that they find the pages of the old ones.
  if (commit.drop_oldest > 0) {
    const auto dropped = outbox_.drop(file_, commit.drop_oldest, 0, false, next);
    if (!dropped) return std::unexpected(dropped.error());
    done.dropped += *dropped;
  }
  EYEFLOW_STORAGE_CHECK(write_rows(commit, next, done));
  if (next.outbox_bytes > commit.outbox_limit) {
    const auto dropped = outbox_.drop(file_, 0, next.outbox_bytes - commit.outbox_limit, true, next);
    if (!dropped) return std::unexpected(dropped.error());
    done.dropped += *dropped;
  }
  for (const SlotId slot : commit.group.changed()) {
    const SlotInfo& names = commit.slots[static_cast<std::size_t>(slot)];
    EYEFLOW_STORAGE_CHECK(write_value(slots_.number_of(names.owner, names.name), commit.group.value(slot)));
  }
  EYEFLOW_STORAGE_CHECK(names_.write_new(database()));
  EYEFLOW_STORAGE_CHECK(slots_.write_new(database()));
  next.values += newly_stored_.size();
  EYEFLOW_STORAGE_CHECK(write_progress(next));
  return done;
}

FileResult<void> StateFile::write_rows(const Commit& commit, Progress& next, Committed& done) {
  FileResult<void> outcome;
  const auto has_room = [&](std::size_t bytes) {
    return next.outbox_bytes + outbox_.pending_bytes() + bytes + Seal::kOverhead <= commit.outbox_limit;
  };
  commit.group.for_each_row([&](const Group::Row& row) {
    const auto id = static_cast<std::size_t>(row.stream);
    const StreamInfo& stream = commit.streams[id];
    if (!stream.settings.sync || !outcome) return;
    const std::uint64_t sequence = next.next_sequence++;
    if (!commit.with_rows || (commit.when_full == WhenFull::DropNew && !has_room(row.bytes.size()))) {
      ++done.dropped;
      return;
    }
    if (id >= numbers_.size()) numbers_.resize(id + 1);
    if (numbers_[id] == 0) numbers_[id] = names_.number_of(stream.owner, stream.name);
    outcome = outbox_.put(file_, names_,
                          {.number = {file_.row_epoch(), sequence},
                           .position = outbox_.next_position(),
                           .stream = numbers_[id],
                           .time = row.time,
                           .bytes = row.bytes},
                          next);
    ++done.queued;
  });
  if (outcome) outcome = outbox_.flush(file_, next);
  return outcome;
}

FileResult<OutboxBatch> StateFile::outbox(const Outbox::Wanted& wanted) {
  if (has_old_rows_) EYEFLOW_STORAGE_CHECK(begin());
  return outbox_.read(file_, names_, progress_, wanted);
}

bool StateFile::close() {
  put_value_ = {};
  outbox_.close();
  return database().close();
}

FileResult<void> StateFile::adopt_value(std::string_view owner, std::string_view name,
                                        std::span<const std::byte> value) {
  SlotKind kind;
  std::string plain_name;
  if (!split_slot_name(name, kind, plain_name)) return damaged("not a slot's name");
  EYEFLOW_STORAGE_CHECK(write_value(slots_.number_of(owner, name), value));
  kept_.push_back({kind, std::string(owner), std::move(plain_name), {value.begin(), value.end()}});
  return {};
}

FileResult<void> StateFile::adopt_row(const NameTable::Names& names, const Outbox::Row& row) {
  Outbox::Row own = row;
  own.stream = names_.number_of(names.owner, names.name);
  return outbox_.put(file_, names_, own, progress_);
}

void StateFile::adopt_progress(const Progress& old) {
  progress_.acknowledged_epoch = old.acknowledged_epoch;
  progress_.acknowledged_sequence = old.acknowledged_sequence;
}

FileResult<void> StateFile::finish_adoption() {
  EYEFLOW_STORAGE_CHECK(outbox_.flush(file_, progress_));
  EYEFLOW_STORAGE_CHECK(names_.write_new(database()));
  EYEFLOW_STORAGE_CHECK(slots_.write_new(database()));
  progress_.values += newly_stored_.size();
  for (const auto number : newly_stored_) stored_[number] = true;
  newly_stored_.clear();
  EYEFLOW_STORAGE_CHECK(write_progress(progress_));
  names_.committed();
  slots_.committed();
  file_.epochs_committed();
  outbox_.committed();
  return {};
}

}  // namespace eyeflow::runtime
