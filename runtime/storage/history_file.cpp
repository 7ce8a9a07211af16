#include "runtime/storage/history_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace eyeflow::runtime {
namespace {

constexpr std::int64_t kRowsAtATime = 5000;      // how long a commit may have to wait behind other work
constexpr std::int64_t kYoungRowsToStop = 1000;  // rows lie nearly in the order of their times

Identity progress_identity(std::uint64_t epoch) { return Identity::of_value(epoch, progress_names()); }

}  // namespace

FileResult<HistoryFile> HistoryFile::open(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t epoch,
                                          std::uint32_t checkpoint_pages) {
  auto sealed = SealedFile::open(path, FileKind::History, key, epoch, checkpoint_pages);
  if (!sealed) return std::unexpected(sealed.error());
  HistoryFile file(std::move(*sealed));
  EYEFLOW_STORAGE_CHECK(file.names_.load(file.database()));
  EYEFLOW_STORAGE_CHECK(file.load());
  EYEFLOW_STORAGE_CHECK(file.prepare());
  return file;
}

FileResult<HistoryFile> HistoryFile::open_to_read(const std::filesystem::path& path, const DeviceKey& key) {
  auto sealed = SealedFile::open_to_read(path, FileKind::History, key);
  if (!sealed) return std::unexpected(sealed.error());
  HistoryFile file(std::move(*sealed));
  if (file.is_new()) return file;
  EYEFLOW_STORAGE_CHECK(file.names_.load(file.database()));
  EYEFLOW_STORAGE_CHECK(file.load());
  return file;
}

FileResult<void> HistoryFile::load() {
  auto one = database().prepare("SELECT value FROM about WHERE number=3");
  if (!one) return std::unexpected(one.error());
  auto row = one->step();
  if (!row) return std::unexpected(row.error());
  if (!*row) {
    const auto keys = database().number("SELECT count(*) FROM series");
    if (!keys) return std::unexpected(keys.error());
    if (*keys != 0) return damaged("what tells how far it has got is missing");
    return {};
  }
  const auto plain = file_.unseal(progress_identity(epoch()), one->blob(0));
  if (!plain) return std::unexpected(plain.error());
  if (plain->size() != sizeof progress_) return damaged("what tells how far it has got has a wrong size");
  std::memcpy(&progress_, plain->data(), sizeof progress_);
  const auto newest = database().number("SELECT max(position) FROM rows");
  if (!newest) return std::unexpected(newest.error());
  if (*newest >= static_cast<std::int64_t>(progress_.next)) return damaged("it has rows that were never written");
  auto oldest = database().prepare("SELECT sealed FROM rows ORDER BY position LIMIT 1");
  if (!oldest) return std::unexpected(oldest.error());
  row = oldest->step();
  if (!row) return std::unexpected(row.error());
  if (*row) oldest_series_ = series_of(oldest->blob(0));
  return {};
}

FileResult<void> HistoryFile::prepare() {
  auto row = database().prepare("INSERT INTO rows VALUES (?,?,?,?,?,?)");
  if (!row) return std::unexpected(row.error());
  put_row_ = std::move(*row);
  auto progress = database().prepare("INSERT OR REPLACE INTO about VALUES (3,'progress',?)");
  if (!progress) return std::unexpected(progress.error());
  put_progress_ = std::move(*progress);
  return {};
}

FileResult<void> HistoryFile::begin() {
  if (begun_) return {};
  auto transaction = Transaction::begin(database());
  if (!transaction) return std::unexpected(transaction.error());
  EYEFLOW_STORAGE_CHECK(file_.begin_series(oldest_series_));
  EYEFLOW_STORAGE_CHECK(write_progress(progress_));
  EYEFLOW_STORAGE_CHECK(transaction->commit());
  begun_ = true;
  return {};
}

FileResult<void> HistoryFile::write_progress(const Progress& progress) {
  const auto sealed = file_.seal(progress_identity(epoch()), std::as_bytes(std::span(&progress, 1)));
  return put_progress_.bind(1, sealed).run();
}

FileResult<void> HistoryFile::write_row(std::uint32_t name, RowNumber number, std::int64_t position, vm::TimeNs time,
                                        std::span<const std::byte> row) {
  const auto epoch_number = file_.number_of_epoch(number.epoch);
  if (!epoch_number) return std::unexpected(epoch_number.error());
  const auto sealed = file_.seal(
      Identity::of_row(FileKind::History, number.epoch, number.sequence, time, names_.find(name)->digest), row);
  put_row_.bind(1, position).bind(2, std::int64_t{name}).bind(3, time).bind(4, *epoch_number);
  put_row_.bind(5, static_cast<std::int64_t>(number.sequence)).bind(6, sealed);
  return put_row_.run();
}

FileResult<std::uint64_t> HistoryFile::commit(const Commit& commit) {
  EYEFLOW_STORAGE_CHECK(begin());
  Progress next = progress_;
  auto transaction = Transaction::begin(database());
  if (!transaction) return std::unexpected(transaction.error());
  auto rows = write(commit, next);
  if (rows) {
    if (auto committed = transaction->commit(); !committed) rows = std::unexpected(committed.error());
  }
  if (!rows) {
    file_.epochs_rolled_back();
    return rows;
  }
  progress_ = next;
  file_.epochs_committed();
  names_.committed();
  return rows;
}

FileResult<std::uint64_t> HistoryFile::write(const Commit& commit, Progress& next) {
  if (commit.number != 0) {
    next.state_epoch = commit.state_epoch;
    next.group = commit.number;
    next.first = next.next;
  }
  std::uint64_t sequence = commit.first_sequence, rows = 0;
  FileResult<void> failed;
  commit.group.for_each_row([&](const Group::Row& row) {
    const StreamInfo& stream = commit.streams[static_cast<std::size_t>(row.stream)];
    const std::uint64_t own_sequence = stream.settings.sync ? sequence++ : 0;
    if (!stream.settings.keep || !failed) return;
    const auto position = next.next++;
    const RowNumber number =
        stream.settings.sync ? RowNumber{commit.row_epoch, own_sequence} : RowNumber{epoch(), position};
    failed = write_row(names_.number_of(stream.owner, stream.name), number, static_cast<std::int64_t>(position),
                       row.time, row.bytes);
    ++rows;
  });
  if (!failed) return std::unexpected(failed.error());
  next.rows += rows;
  EYEFLOW_STORAGE_CHECK(names_.write_new(database()));
  EYEFLOW_STORAGE_CHECK(write_progress(next));
  return rows;
}

FileResult<std::uint64_t> HistoryFile::settle(std::uint64_t state_epoch, std::uint64_t group) {
  if (progress_.state_epoch != state_epoch || progress_.group <= group) return 0;
  const auto rows = database().number(
      fmt::format("SELECT count(*) FROM rows WHERE position >= {}", static_cast<std::int64_t>(progress_.first))
          .c_str());
  if (!rows) return std::unexpected(rows.error());
  EYEFLOW_STORAGE_CHECK(begin());
  Progress next = progress_;
  next.group = group;
  next.first = next.next;
  next.rows -= std::min(next.rows, static_cast<std::uint64_t>(*rows));
  EYEFLOW_STORAGE_CHECK(drop(fmt::format("position >= {}", progress_.first), next));
  return static_cast<std::uint64_t>(*rows);
}

// Deletes rows, with what the file says of itself afterwards.
FileResult<void> HistoryFile::drop(const std::string& which, const Progress& next) {
  EYEFLOW_STORAGE_CHECK(begin());
  auto transaction = Transaction::begin(database());
  if (!transaction) return std::unexpected(transaction.error());
  EYEFLOW_STORAGE_CHECK(database().run(fmt::format("DELETE FROM rows WHERE {}", which).c_str()));
  EYEFLOW_STORAGE_CHECK(write_progress(next));
  EYEFLOW_STORAGE_CHECK(transaction->commit());
  progress_ = next;
  return {};
}

FileResult<HistoryFile::Dropped> HistoryFile::drop_oldest(std::uint64_t rows) {
  auto oldest = database().prepare("SELECT position, names, time FROM rows ORDER BY position LIMIT ?");
  if (!oldest) return std::unexpected(oldest.error());
  oldest->bind(1, static_cast<std::int64_t>(rows));
  std::int64_t last = 0;
  Dropped dropped;
  while (true) {
    const auto row = oldest->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    last = oldest->integer(0);
    ++dropped.rows;
    const auto wanted_from = wanted_from_.find(static_cast<std::uint32_t>(oldest->integer(1)));
    dropped.early += wanted_from == wanted_from_.end() || oldest->integer(2) >= wanted_from->second;
  }
  if (dropped.rows == 0) return dropped;
  Progress next = progress_;
  next.rows -= std::min(next.rows, dropped.rows);
  next.oldest = static_cast<std::uint64_t>(last) + 1;
  EYEFLOW_STORAGE_CHECK(drop(fmt::format("position <= {}", last), next));
  return dropped;
}

FileResult<HistoryFile::Dropped> HistoryFile::keep_within(std::uint64_t bytes) {
  Dropped dropped;
  while (true) {
    const std::uint64_t in_use = bytes_in_use();
    if (in_use <= bytes) break;
    // Some of what is too much, then another look: rows are not equally long.
    const auto some = drop_oldest(std::clamp<std::uint64_t>((in_use - bytes) / 512, 50, kRowsAtATime));
    if (!some) return some;
    if (some->rows == 0) break;
    dropped.rows += some->rows;
    dropped.early += some->early;
  }
  return dropped;
}

FileResult<HistoryFile::Expired> HistoryFile::expire(vm::TimeNs now, std::span<const StreamInfo> streams) {
  wanted_from_.clear();
  vm::TimeNs youngest_limit = INT64_MIN;
  for (const StreamInfo& stream : streams) {
    if (!stream.settings.keep || stream.settings.keep->count() > now) continue;
    const vm::TimeNs limit = now - stream.settings.keep->count();
    // Rows that an earlier version of the task has left, with other fields, are as old.
    for (std::size_t number = 1; number <= names_.size(); ++number) {
      const auto* names = names_.find(static_cast<std::int64_t>(number));
      if (names->owner == stream.owner && split_stream_name(names->name).log == split_stream_name(stream.name).log)
        wanted_from_[static_cast<std::uint32_t>(number)] = limit;
    }
    youngest_limit = std::max(youngest_limit, limit);
  }
  auto slice =
      database().prepare("SELECT position, names, time FROM rows WHERE position > ? ORDER BY position LIMIT ?");
  if (!slice) return std::unexpected(slice.error());
  slice->bind(1, expired_up_to_).bind(2, kRowsAtATime);
  std::vector<std::int64_t> old;
  std::int64_t rows = 0, young = 0;
  while (young < kYoungRowsToStop) {
    const auto row = slice->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    ++rows;
    expired_up_to_ = slice->integer(0);
    const auto limit = wanted_from_.find(static_cast<std::uint32_t>(slice->integer(1)));
    if (limit != wanted_from_.end() && slice->integer(2) < limit->second) old.push_back(slice->integer(0));
    young = slice->integer(2) >= youngest_limit ? young + 1 : 0;
  }
  slice->reset();
  const bool more = rows == kRowsAtATime;
  if (!more) expired_up_to_ = 0;
  if (old.empty()) return Expired{0, more};
  Progress next = progress_;
  next.rows -= std::min<std::uint64_t>(next.rows, old.size());
  std::string list;
  for (const auto position : old) list += fmt::format("{}{}", list.empty() ? "" : ",", position);
  EYEFLOW_STORAGE_CHECK(drop(fmt::format("position IN ({})", list), next));
  return Expired{old.size(), more};
}

namespace {

bool finds(const HistoryQuery& query, const NameTable::Names& names, vm::TimeNs time) {
  return time >= query.from && time <= query.to && (query.owner.empty() || query.owner == names.owner) &&
         (query.log.empty() || query.log == split_stream_name(names.name).log);
}

}  // namespace

FileResult<HistoryRows> HistoryFile::query(const HistoryQuery& query) {
  HistoryRows found;
  auto slice = database().prepare(
      "SELECT position, names, time, epoch, sequence, sealed FROM rows WHERE position > ? ORDER BY position LIMIT ?");
  if (!slice) return std::unexpected(slice.error());
  slice->bind(1, static_cast<std::int64_t>(query.after)).bind(2, kRowsAtATime);
  std::int64_t looked_at = 0;
  while (found.rows.size() < query.max_rows) {
    const auto row = slice->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    ++looked_at;
    found.next = static_cast<std::uint64_t>(slice->integer(0));
    const vm::TimeNs time = slice->integer(2);
    const auto* names = names_.find(slice->integer(1));
    const auto epoch = file_.epoch_of(slice->integer(3));
    if (names == nullptr || epoch == 0) return damaged("a row has no name or epoch");
    if (!finds(query, *names, time)) continue;
    const auto [log, schema] = split_stream_name(names->name);
    StoredRow stored{.number = {epoch, static_cast<std::uint64_t>(slice->integer(4))},
                     .time = time,
                     .owner = names->owner,
                     .log = std::string(log),
                     .schema = std::string(schema),
                     .row = {}};
    const auto plain = file_.unseal(
        Identity::of_row(FileKind::History, epoch, stored.number.sequence, time, names->digest), slice->blob(5));
    if (!plain) return std::unexpected(plain.error());
    stored.row.assign(plain->begin(), plain->end());
    found.rows.push_back(std::move(stored));
  }
  if (looked_at < kRowsAtATime && found.rows.size() < query.max_rows) found.next = 0;
  return found;
}

FileResult<HistoryFile::Back> HistoryFile::step_back(const HistoryQuery& query, Back back) {
  auto slice =
      database().prepare("SELECT position, names, time FROM rows WHERE position < ? ORDER BY position DESC LIMIT ?");
  if (!slice) return std::unexpected(slice.error());
  slice->bind(1, back.before).bind(2, kRowsAtATime);
  for (std::int64_t looked_at = 0; back.rows > 0; ++looked_at) {
    const auto row = slice->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) {
      back.is_over = looked_at < kRowsAtATime;
      break;
    }
    back.before = slice->integer(0);
    const auto* names = names_.find(slice->integer(1));
    if (names == nullptr) return damaged("a row has no name");
    back.rows -= finds(query, *names, slice->integer(2));
  }
  return back;
}

std::vector<StreamNames> HistoryFile::streams() const {
  std::vector<StreamNames> streams;
  for (std::size_t number = 1; number <= names_.size(); ++number) {
    const auto* names = names_.find(static_cast<std::int64_t>(number));
    if (names->stream) streams.push_back(*names->stream);
  }
  return streams;
}

bool HistoryFile::close() {
  put_row_ = {};
  put_progress_ = {};
  return database().close();
}

FileResult<bool> HistoryFile::adopt_row(const NameTable::Names& names, RowNumber number, std::int64_t position,
                                        vm::TimeNs time, std::span<const std::byte> row) {
  auto there = database().prepare("SELECT 1 FROM rows WHERE position=?");
  if (!there) return std::unexpected(there.error());
  const auto found = there->bind(1, position).step();
  if (!found) return std::unexpected(found.error());
  if (*found) return false;
  EYEFLOW_STORAGE_CHECK(write_row(names_.number_of(names.owner, names.name), number, position, time, row));
  progress_.next = std::max(progress_.next, static_cast<std::uint64_t>(position) + 1);
  ++progress_.rows;
  return true;
}

FileResult<void> HistoryFile::finish_adoption() {
  EYEFLOW_STORAGE_CHECK(names_.write_new(database()));
  EYEFLOW_STORAGE_CHECK(write_progress(progress_));
  names_.committed();
  file_.epochs_committed();
  return {};
}

}  // namespace eyeflow::runtime
