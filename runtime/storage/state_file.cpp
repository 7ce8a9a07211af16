#include "runtime/storage/state_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace eyeflow::runtime {
namespace {

constexpr std::string_view kKinds[] = {"", "state:", "alarm:", "output:", "host:"};
constexpr std::int64_t kProgressSlot = 0;

Identity progress_identity(std::uint64_t epoch) { return Identity::of_value(epoch, digest_of("", "progress")); }

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
  const auto newest = database().number("SELECT max(position) FROM rows");
  if (!newest) return std::unexpected(newest.error());
  next_position_ = *newest + 1;
  auto oldest = database().prepare("SELECT sealed FROM rows ORDER BY position LIMIT 1");
  if (!oldest) return std::unexpected(oldest.error());
  const auto row = oldest->step();
  if (!row) return std::unexpected(row.error());
  if (*row) oldest_series_ = std::min(oldest_series_, series_of(oldest->blob(0)));
  if (*row != (progress_.outbox_rows > 0)) return damaged("its outbox has not as many rows as were written");
  return {};
}

FileResult<void> StateFile::prepare() {
  const auto statement = [&](Statement& out, std::string_view sql) -> FileResult<void> {
    auto prepared = database().prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    out = std::move(*prepared);
    return {};
  };
  EYEFLOW_STORAGE_CHECK(statement(put_value_, "INSERT OR REPLACE INTO kept VALUES (?,?)"));
  EYEFLOW_STORAGE_CHECK(statement(put_row_, "INSERT INTO rows VALUES (?,?,?,?,?,?)"));
  EYEFLOW_STORAGE_CHECK(
      statement(head_, "SELECT position, epoch, sequence, length(sealed) FROM rows ORDER BY position"));
  EYEFLOW_STORAGE_CHECK(statement(
      waiting_,
      "SELECT epoch, sequence, time, names, sealed, position FROM rows WHERE position > ? ORDER BY position"));
  return statement(drop_, "DELETE FROM rows WHERE position <= ?");
}

// From here on the file says that it was not closed, until stop().
FileResult<void> StateFile::begin() {
  if (begun_) return {};
  auto transaction = Transaction::begin(database());
  if (!transaction) return std::unexpected(transaction.error());
  EYEFLOW_STORAGE_CHECK(file_.begin_series(oldest_series_ == UINT32_MAX ? 0 : oldest_series_));
  progress_.clean = 0;
  EYEFLOW_STORAGE_CHECK(write_progress(progress_));
  EYEFLOW_STORAGE_CHECK(transaction->commit());
  begun_ = true;
  return {};
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

FileResult<void> StateFile::write_row(const StreamInfo& names, RowNumber number, std::int64_t position, vm::TimeNs time,
                                      std::span<const std::byte> row, Progress& next) {
  const auto name = names_.number_of(names.owner, names.name);
  const auto epoch = file_.number_of_epoch(number.epoch);
  if (!epoch) return std::unexpected(epoch.error());
  const auto identity =
      Identity::of_row(FileKind::State, number.epoch, number.sequence, time, names_.find(name)->digest);
  const auto sealed = file_.seal(identity, row);
  put_row_.bind(1, position).bind(2, std::int64_t{name}).bind(3, time).bind(4, *epoch);
  put_row_.bind(5, static_cast<std::int64_t>(number.sequence)).bind(6, sealed);
  EYEFLOW_STORAGE_CHECK(put_row_.run());
  next_position_ = std::max(next_position_, position + 1);
  ++next.outbox_rows;
  next.outbox_bytes += sealed.size();
  return {};
}

template <typename F>
FileResult<std::uint64_t> StateFile::drop_head(Progress& next, F&& still) {
  std::int64_t last = 0;
  std::uint64_t rows = 0, bytes = 0;
  while (true) {
    const auto row = head_.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    const auto epoch = file_.epoch_of(head_.integer(1));
    if (!still(epoch, static_cast<std::uint64_t>(head_.integer(2)), bytes, rows)) break;
    last = head_.integer(0);
    ++rows;
    bytes += static_cast<std::uint64_t>(head_.integer(3));
  }
  head_.reset();
  if (rows > 0) EYEFLOW_STORAGE_CHECK(drop_.bind(1, last).run());
  next.outbox_rows -= std::min(next.outbox_rows, rows);
  next.outbox_bytes -= std::min(next.outbox_bytes, bytes);
  return rows;
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
    return done;
  }
  progress_ = next;
  for (const auto number : newly_stored_) stored_[number] = true;
  file_.epochs_committed();
  names_.committed();
  slots_.committed();
  return done;
}

FileResult<StateFile::Committed> StateFile::write(const Commit& commit, Progress& next) {
  Committed done;
  if (commit.acknowledged) {
    const RowNumber upto = *commit.acknowledged;
    const auto dropped = drop_head(next, [&](std::uint64_t epoch, std::uint64_t sequence, auto, auto) {
      return epoch == upto.epoch && sequence <= upto.sequence;
    });
    if (!dropped) return std::unexpected(dropped.error());
    done.acknowledged = *dropped;
    next.acknowledged_epoch = upto.epoch;
    next.acknowledged_sequence = upto.sequence;
  }
  // Before the new rows come, so that they find the pages of the old ones.
  if (commit.drop_oldest > 0) {
    const auto dropped =
        drop_head(next, [&](auto, auto, auto, std::uint64_t rows) { return rows < commit.drop_oldest; });
    if (!dropped) return std::unexpected(dropped.error());
    done.dropped += *dropped;
  }
  FileResult<void> failed;
  const auto has_room = [&](std::size_t bytes) {
    return next.outbox_bytes + bytes + Seal::kOverhead <= commit.outbox_limit;
  };
  commit.group.for_each_row([&](const Group::Row& row) {
    const StreamInfo& stream = commit.streams[static_cast<std::size_t>(row.stream)];
    if (!stream.settings.sync || !failed) return;
    const std::uint64_t sequence = next.next_sequence++;
    if (!commit.with_rows || (commit.when_full == WhenFull::DropNew && !has_room(row.bytes.size()))) {
      ++done.dropped;
      return;
    }
    failed = write_row(stream, {epoch(), sequence}, next_position_, row.time, row.bytes, next);
    ++done.queued;
  });
  if (!failed) return std::unexpected(failed.error());
  if (next.outbox_bytes > commit.outbox_limit) {
    const std::uint64_t too_many = next.outbox_bytes - commit.outbox_limit;
    const auto dropped = drop_head(next, [&](auto, auto, std::uint64_t bytes, auto) { return bytes < too_many; });
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

FileResult<OutboxBatch> StateFile::outbox(std::size_t max_rows, std::size_t max_bytes, std::uint64_t after,
                                          const RowNumber& acknowledged) {
  OutboxBatch batch;
  batch.next = after;
  Statement& all = waiting_;
  const StatementReset at_the_end(all);
  all.bind(1, std::max(static_cast<std::int64_t>(after), acknowledged_position_));
  std::size_t bytes = 0;
  while (batch.rows.size() < max_rows) {
    const auto next = all.step();
    if (!next) return std::unexpected(next.error());
    if (!*next) break;
    const auto epoch = file_.epoch_of(all.integer(0));
    if (epoch == acknowledged.epoch && static_cast<std::uint64_t>(all.integer(1)) <= acknowledged.sequence) {
      // Until a commit takes them out, every batch would step over all of them once more.
      if (after == 0 && batch.rows.empty()) acknowledged_position_ = all.integer(5);
      continue;
    }
    if (batch.epoch == 0) batch.epoch = epoch;
    if (epoch != batch.epoch) break;
    const auto* names = names_.find(all.integer(3));
    if (names == nullptr || epoch == 0) return damaged("a row of the outbox has no name or epoch");
    StoredRow row{.number = {epoch, static_cast<std::uint64_t>(all.integer(1))},
                  .time = all.integer(2),
                  .owner = names->owner,
                  .log = std::string(split_stream_name(names->name).log),
                  .schema = std::string(split_stream_name(names->name).schema),
                  .row = {}};
    const auto plain = file_.unseal(
        Identity::of_row(FileKind::State, epoch, row.number.sequence, row.time, names->digest), all.blob(4));
    if (!plain) return std::unexpected(plain.error());
    bytes += plain->size();
    if (!batch.rows.empty() && bytes > max_bytes) break;
    row.row.assign(plain->begin(), plain->end());
    batch.rows.push_back(std::move(row));
    batch.next = static_cast<std::uint64_t>(all.integer(5));
  }
  const RowNumber committed{progress_.acknowledged_epoch, progress_.acknowledged_sequence};
  for (const RowNumber& upto : {committed, acknowledged}) {
    if (upto.epoch == batch.epoch) batch.first = std::max(batch.first, upto.sequence + 1);
  }
  batch.first = std::max<std::uint64_t>(batch.first, 1);
  return batch;
}

bool StateFile::close() {
  for (Statement* statement : {&put_value_, &put_row_, &head_, &waiting_, &drop_}) *statement = {};
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

FileResult<bool> StateFile::adopt_row(const StoredRow& row, std::int64_t position) {
  auto there = database().prepare("SELECT 1 FROM rows WHERE position=?");
  if (!there) return std::unexpected(there.error());
  const auto found = there->bind(1, position).step();
  if (!found) return std::unexpected(found.error());
  if (*found) return false;
  EYEFLOW_STORAGE_CHECK(
      write_row({row.owner, stream_name(row.log, row.schema), {}}, row.number, position, row.time, row.row, progress_));
  return true;
}

void StateFile::adopt_progress(const Progress& old) {
  progress_.acknowledged_epoch = old.acknowledged_epoch;
  progress_.acknowledged_sequence = old.acknowledged_sequence;
}

FileResult<void> StateFile::finish_adoption() {
  EYEFLOW_STORAGE_CHECK(names_.write_new(database()));
  EYEFLOW_STORAGE_CHECK(slots_.write_new(database()));
  progress_.values += newly_stored_.size();
  for (const auto number : newly_stored_) stored_[number] = true;
  newly_stored_.clear();
  EYEFLOW_STORAGE_CHECK(write_progress(progress_));
  names_.committed();
  slots_.committed();
  file_.epochs_committed();
  return {};
}

}  // namespace eyeflow::runtime
