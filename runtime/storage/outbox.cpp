#include "runtime/storage/outbox.h"

#include <algorithm>
#include <optional>

namespace eyeflow::runtime {
namespace {

// How far an epoch's rows are stored at the far side.
std::uint64_t stored_of(std::uint64_t epoch, RowNumber acknowledged) {
  return acknowledged.epoch == epoch ? acknowledged.sequence : 0;
}
std::uint64_t stored_of(std::uint64_t epoch, std::span<const RowNumber> told) {
  std::uint64_t stored = 0;
  for (const RowNumber upto : told) stored = std::max(stored, stored_of(epoch, upto));
  return stored;
}
RowNumber acknowledged_in(const Progress& progress) {
  return {progress.acknowledged_epoch, progress.acknowledged_sequence};
}

}  // namespace

FileResult<void> Outbox::open(SealedFile& file) {
  Database& database = file.database();
  const auto statement = [&](Statement& out, std::string_view sql) -> FileResult<void> {
    auto prepared = database.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    out = std::move(*prepared);
    return {};
  };
  EYEFLOW_STORAGE_CHECK(statement(put_, "INSERT INTO blocks VALUES (?,?,?,?,?)"));
  EYEFLOW_STORAGE_CHECK(
      statement(head_, "SELECT position, epoch, first, last, length(sealed) FROM blocks ORDER BY position"));
  EYEFLOW_STORAGE_CHECK(statement(
      next_, "SELECT position, epoch, first, last, sealed FROM blocks WHERE position > ? ORDER BY position LIMIT 1"));
  EYEFLOW_STORAGE_CHECK(statement(drop_, "DELETE FROM blocks WHERE position <= ?"));
  const auto end = database.number("SELECT position + last - first + 1 FROM blocks ORDER BY position DESC LIMIT 1");
  if (!end) return std::unexpected(end.error());
  next_position_ = committed_position_ = std::max<std::int64_t>(1, *end);
  window_is_all_ = new_is_window_ = *end == 0;
  open_ = true;
  return {};
}

void Outbox::close() {
  for (Statement* statement : {&put_, &head_, &next_, &drop_}) *statement = {};
  open_ = false;
}

FileResult<void> Outbox::put(SealedFile& file, const NameTable& names, const Row& row, Progress& next) {
  const auto follows = [&] {
    const auto rows = block_.rows();
    return row.number.epoch == block_first_.epoch && row.number.sequence == block_first_.sequence + rows &&
           row.position == block_position_ + static_cast<std::int64_t>(rows) && block_.has_room(row.bytes.size());
  };
  if (!block_.empty() && !follows()) EYEFLOW_STORAGE_CHECK(flush(file, next));
  if (block_.empty()) {
    block_first_ = row.number;
    block_position_ = row.position;
  }
  block_.add(row.stream, names.find(row.stream)->digest, row.time, row.bytes);
  next_position_ = std::max(next_position_, row.position + 1);
  return {};
}

FileResult<void> Outbox::flush(SealedFile& file, Progress& next) {
  if (block_.empty()) return {};
  const auto epoch = file.number_of_epoch(block_first_.epoch);
  if (!epoch) return std::unexpected(epoch.error());
  const std::uint64_t last = block_first_.sequence + block_.rows() - 1;
  const auto sealed =
      file.seal(Identity::of_block(FileKind::State, block_first_.epoch, block_first_.sequence, last, block_position_),
                block_.plain());
  put_.bind(1, block_position_).bind(2, *epoch).bind(3, static_cast<std::int64_t>(block_first_.sequence));
  put_.bind(4, static_cast<std::int64_t>(last)).bind(5, sealed);
  EYEFLOW_STORAGE_CHECK(put_.run());
  next.outbox_rows += block_.rows();
  next.outbox_bytes += sealed.size();
  new_.push_back({block_position_, block_first_, last});
  if (new_is_window_ && fits_window(new_bytes_ + block_.plain().size())) {
    new_.back().plain = std::make_shared<const std::vector<std::byte>>(block_.plain().begin(), block_.plain().end());
    new_bytes_ += block_.plain().size();
  } else {
    new_is_window_ = false;
  }
  block_.clear();
  return {};
}

// From the oldest on, as long as `rows_of` says how many rows go with a block: (position, number of the first, last,
// bytes). None: it stays, and with it all behind it.
template <typename F>
FileResult<std::uint64_t> Outbox::drop_head(SealedFile& file, Progress& next, F&& rows_of) {
  std::int64_t last = 0;
  std::uint64_t rows = 0, bytes = 0;
  {
    const StatementReset at_the_end(head_);
    while (true) {
      const auto row = head_.step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      const RowNumber first{file.epoch_of(head_.integer(1)), static_cast<std::uint64_t>(head_.integer(2))};
      const auto size = static_cast<std::uint64_t>(head_.integer(4));
      const auto gone =
          rows_of(Block{head_.integer(0), first, static_cast<std::uint64_t>(head_.integer(3))}, rows, bytes);
      if (!gone) break;
      last = head_.integer(0);
      rows += *gone;
      bytes += size;
    }
  }
  if (last > 0) EYEFLOW_STORAGE_CHECK(drop_.bind(1, last).run());
  dropped_ = std::max(dropped_, last);
  next.outbox_rows -= std::min(next.outbox_rows, rows);
  next.outbox_bytes -= std::min(next.outbox_bytes, bytes);
  return rows;
}

FileResult<std::uint64_t> Outbox::acknowledge(SealedFile& file, RowNumber upto, Progress& next) {
  const RowNumber before = acknowledged_in(next);
  if (upto.epoch == file.row_epoch()) upto.sequence = std::min(upto.sequence, next.next_sequence - 1);
  std::uint64_t in_part = 0;
  bool is_ours = upto.epoch == file.row_epoch() && upto.sequence > stored_of(upto.epoch, before);
  const auto whole =
      drop_head(file, next, [&](const Block& block, std::uint64_t, std::uint64_t) -> std::optional<std::uint64_t> {
        if (block.first.epoch != upto.epoch) return std::nullopt;
        is_ours = true;
        const auto from = std::max(block.first.sequence, stored_of(upto.epoch, before) + 1);
        if (block.last <= upto.sequence) return block.last + 1 - std::min(from, block.last + 1);
        if (upto.sequence >= from) in_part = upto.sequence + 1 - from;
        return std::nullopt;
      });
  if (!whole) return whole;
  // An epoch of which nothing waits is no news, and must not take the place of what is.
  if (!is_ours) return 0;
  next.outbox_rows -= std::min(next.outbox_rows, in_part);
  next.acknowledged_epoch = upto.epoch;
  next.acknowledged_sequence = std::max(upto.sequence, stored_of(upto.epoch, before));
  return *whole + in_part;
}

FileResult<std::uint64_t> Outbox::drop(SealedFile& file, std::uint64_t rows, std::uint64_t bytes, bool but_newest,
                                       Progress& next) {
  const RowNumber acknowledged = acknowledged_in(next);
  return drop_head(
      file, next,
      [&](const Block& block, std::uint64_t rows_gone, std::uint64_t bytes_gone) -> std::optional<std::uint64_t> {
        const auto from = std::max(block.first.sequence, stored_of(block.first.epoch, acknowledged) + 1);
        const auto end = block.position + static_cast<std::int64_t>(block.last - block.first.sequence) + 1;
        if ((but_newest && end >= next_position_) || (rows_gone >= rows && bytes_gone >= bytes)) {
          return std::nullopt;
        }
        return block.last + 1 - std::min(from, block.last + 1);
      });
}

void Outbox::rolled_back() {
  block_.clear();
  next_position_ = committed_position_;
  forget_new();
}

void Outbox::committed() {
  forget_up_to(dropped_);
  for (Block& block : new_) {
    if (!window_is_all_) break;
    if (block.plain) {
      window_bytes_ += block.plain->size();
      window_.push_back(std::move(block));
    } else {
      window_is_all_ = false;
    }
  }
  committed_position_ = next_position_;
  forget_new();
}

void Outbox::forget_new() {
  new_.clear();
  new_bytes_ = 0;
  new_is_window_ = window_is_all_;
  dropped_ = 0;
}

void Outbox::forget_up_to(std::int64_t position) {
  for (; !window_.empty() && window_.front().position <= position; window_.pop_front()) {
    window_bytes_ -= window_.front().plain->size();
  }
}

// The first one behind a position, from memory if it is there. False: there is none.
FileResult<bool> Outbox::next_block(SealedFile& file, std::int64_t after, Block& block) {
  const auto in_window =
      std::ranges::find_if(window_, [&](const Block& candidate) { return candidate.position > after; });
  if (in_window != window_.end()) {
    block = *in_window;
    return true;
  }
  if (window_is_all_) return false;
  const bool follows = after == (window_.empty() ? acknowledged_ : window_.back().position);
  const StatementReset at_the_end(next_);
  const auto row = next_.bind(1, after).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) {
    window_is_all_ = new_is_window_ = follows;
    return false;
  }
  block = {next_.integer(0),
           {file.epoch_of(next_.integer(1)), static_cast<std::uint64_t>(next_.integer(2))},
           static_cast<std::uint64_t>(next_.integer(3))};
  if (block.first.epoch == 0 || block.last < block.first.sequence) return damaged("a block of rows has no numbers");
  const auto plain = file.unseal(
      Identity::of_block(FileKind::State, block.first.epoch, block.first.sequence, block.last, block.position),
      next_.blob(4));
  if (!plain) return std::unexpected(plain.error());
  block.plain = std::make_shared<const std::vector<std::byte>>(plain->begin(), plain->end());
  if (follows && fits_window(plain->size())) {
    window_.push_back(block);
    window_bytes_ += plain->size();
  }
  return true;
}

FileResult<OutboxBatch> Outbox::read(SealedFile& file, const NameTable& names, const Progress& progress,
                                     const Wanted& wanted) {
  const auto known = [&](std::uint64_t epoch) {
    return std::max(
        {stored_of(epoch, acknowledged_in(progress)), stored_of(epoch, wanted.told), stored_of(epoch, wanted.after)});
  };
  OutboxBatch batch;
  batch.rows.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(wanted.rows, progress.outbox_rows)));
  std::int64_t at = acknowledged_;
  if (wanted.after.epoch != 0 && wanted.after.epoch == given_.epoch && wanted.after.sequence == given_.sequence) {
    at = std::max(at, given_position_ - 1);
  }
  std::size_t bytes = 0;
  Block block;
  for (bool is_full = false; !is_full;) {
    const auto found = next_block(file, at, block);
    if (!found) return std::unexpected(found.error());
    if (!*found) break;
    // Until a commit takes them out, every batch would step over all of them once more.
    if (block.last <= stored_of(block.first.epoch, wanted.told) && at == acknowledged_) {
      acknowledged_ = block.position;
      forget_up_to(acknowledged_);
    }
    at = block.position;
    if (batch.epoch != 0 && batch.epoch != block.first.epoch) break;
    const std::uint64_t stored = known(block.first.epoch);
    if (block.last <= stored || block.first.epoch < wanted.after.epoch) continue;  // epochs grow
    const auto more = add_rows(names, block, stored + 1, wanted, bytes, batch);
    if (!more) return std::unexpected(more.error());
    is_full = !*more;
    if (batch.rows.empty()) continue;
    batch.epoch = block.first.epoch;
    batch.first = stored + 1;
    given_ = batch.end();
    given_position_ = block.position;
  }
  return batch;
}

// False: the batch is full.
FileResult<bool> Outbox::add_rows(const NameTable& names, const Block& block, std::uint64_t from, const Wanted& wanted,
                                  std::size_t& bytes, OutboxBatch& batch) {
  bool is_full = false;
  batch.blocks.push_back(block.plain);
  std::vector<std::uint32_t> streams;  // the batch's number of a stream, by the block's
  std::uint64_t sequence = block.first.sequence;
  BlockReader reader(*batch.blocks.back());
  BlockReader::Row row;
  for (; reader.next(row); ++sequence) {
    while (streams.size() < reader.streams().size()) {
      const auto* stream = names.find(reader.streams()[streams.size()]);
      if (stream == nullptr) return damaged("a row of the outbox has no name");
      const auto known = std::ranges::find(batch.streams, stream->stream);
      streams.push_back(static_cast<std::uint32_t>(known - batch.streams.begin()));
      if (known == batch.streams.end()) batch.streams.push_back(stream->stream);
    }
    if (sequence < from) continue;
    is_full = batch.rows.size() >= wanted.rows || (!batch.rows.empty() && bytes + row.bytes.size() > wanted.bytes);
    if (is_full) break;
    bytes += row.bytes.size();
    batch.rows.push_back(
        {sequence, row.time, streams[row.stream], {reinterpret_cast<const char*>(row.bytes.data()), row.bytes.size()}});
  }
  if (!is_full && (!reader.is_good() || sequence != block.last + 1)) return damaged("a block of rows is none");
  return !is_full;
}

}  // namespace eyeflow::runtime
