#include "runtime/storage/recovery.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include "runtime/storage/disk.h"
#include "runtime/storage/pages.h"

namespace eyeflow::runtime {
namespace {

constexpr std::uint64_t kRowsPerCommit = 5000;
using Kind = RawValue::Kind;

std::string text_of(const RawValue& value) {
  return {reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()};
}

bool has_shape(const RawRow& row, std::initializer_list<Kind> kinds) {
  return std::ranges::equal(row.columns, kinds, {}, &RawValue::kind);
}

// A series and a counter, as they stand in front of sealed bytes: of two versions of a value, the later one's is
// higher.
std::pair<std::uint32_t, std::uint64_t> age_of(std::span<const std::byte> sealed) {
  std::pair<std::uint32_t, std::uint64_t> age;
  std::memcpy(&age.first, sealed.data(), sizeof age.first);
  std::memcpy(&age.second, sealed.data() + sizeof age.first, sizeof age.second);
  return age;
}

// What a damaged file has besides its rows. None of it is believed: what it leads to authenticates, or is lost.
struct Contents {
  using Versions = std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<std::byte>>;
  std::map<std::uint32_t, Secret> keys;
  std::map<std::int64_t, std::uint64_t> epochs;
  std::map<std::int64_t, NameTable::Names> names, slots;
  std::map<NameDigest, NameTable::Names> streams;  // `names` by their digest
  std::map<std::int64_t, Versions> values;         // by slot; 0: progress
};

void read_contents(const std::filesystem::path& path, const DeviceKey& key, Contents& out) {
  for_each_raw_row(path, [&](const RawRow& row) {
    const auto& c = row.columns;
    if (has_shape(row, {Kind::Null, Kind::Integer})) {
      out.epochs[row.key] = static_cast<std::uint64_t>(c[1].integer);
    } else if (has_shape(row, {Kind::Null, Kind::Blob}) && c[1].bytes.size() == SealedFile::kSaltBytes) {
      out.keys[static_cast<std::uint32_t>(row.key)] = SealedFile::key_of_salt(key, c[1].bytes);
    } else if (has_shape(row, {Kind::Null, Kind::Blob}) && c[1].bytes.size() >= Seal::kOverhead) {
      out.values[row.key][age_of(c[1].bytes)].assign(c[1].bytes.begin(), c[1].bytes.end());
    } else if (has_shape(row, {Kind::Null, Kind::Text, Kind::Blob}) && text_of(c[1]) == "progress" &&
               c[2].bytes.size() >= Seal::kOverhead) {
      out.values[0][age_of(c[2].bytes)].assign(c[2].bytes.begin(), c[2].bytes.end());
    } else if (has_shape(row, {Kind::Null, Kind::Text, Kind::Text})) {
      auto& names = out.names[row.key] = {text_of(c[1]), text_of(c[2]), digest_of(text_of(c[1]), text_of(c[2]))};
      out.streams[names.digest] = names;
    } else if (has_shape(row, {Kind::Null, Kind::Text, Kind::Text, Kind::Integer})) {
      out.slots[row.key] = {text_of(c[1]), text_of(c[2]), digest_of(text_of(c[1]), text_of(c[2]))};
    }
  });
}

class Opener {
 public:
  explicit Opener(const std::map<std::uint32_t, Secret>& keys) : keys_(keys) {}
  bool open(const Identity& identity, std::span<const std::byte> sealed, std::vector<std::byte>& out) {
    const auto series = series_of(sealed);
    auto seal = seals_.find(series);
    if (seal == seals_.end()) {
      const auto key = keys_.find(series);
      if (key == keys_.end()) return false;
      seal = seals_.emplace(series, Seal(key->second, series)).first;
    }
    return seal->second.open(identity.bytes(), sealed, out);
  }
  // The latest version that authenticates.
  bool open_latest(const Identity& identity, const Contents::Versions& versions, std::vector<std::byte>& out) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (open(identity, version->second, out)) return true;
    }
    return false;
  }

 private:
  const std::map<std::uint32_t, Secret>& keys_;
  std::map<std::uint32_t, Seal> seals_;
};

// Numbers that were met, in ranges: rows come in long runs.
class NumberSet {
 public:
  // False: it was there.
  bool insert(std::pair<std::uint64_t, std::uint64_t> number) {
    auto behind = ranges_.upper_bound(number);
    if (behind != ranges_.begin()) {
      const auto range = std::prev(behind);
      if (range->first.first == number.first && number.second <= range->second) return false;
      if (range->first.first == number.first && number.second == range->second + 1) {
        ++range->second;
        return true;
      }
    }
    ranges_.emplace_hint(behind, number, number.second);
    return true;
  }

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> ranges_;  // the last, by epoch and first
};

// Commits every so many rows, so that neither memory nor the WAL holds all of them.
template <typename File>
class Adoption {
 public:
  explicit Adoption(File& file) : file_(file) {}
  FileResult<void> next() {
    if (transaction_ && ++pending_ >= kRowsPerCommit) EYEFLOW_STORAGE_CHECK(finish());
    if (transaction_) return {};
    auto begun = Transaction::begin(file_.database());
    if (!begun) return std::unexpected(begun.error());
    transaction_.emplace(std::move(*begun));
    pending_ = 0;
    return {};
  }
  FileResult<void> finish() {
    if (!transaction_) return {};
    EYEFLOW_STORAGE_CHECK(file_.finish_adoption());
    auto done = transaction_->commit();
    transaction_.reset();
    return done;
  }

 private:
  File& file_;
  std::optional<Transaction> transaction_;
  std::uint64_t pending_ = 0;
};

// Rows that stand in a table of their own, as history.db has them and state.db had them in earlier layouts.
template <typename U>
void for_each_row(const std::filesystem::path& path, FileKind kind, const Contents& contents, Opener& opener, U&& use) {
  std::vector<std::byte> plain;
  for_each_raw_row(path, [&](const RawRow& row) {
    const auto& c = row.columns;
    if (!has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Blob})) return;
    const auto names = contents.names.find(c[1].integer);
    const auto epoch = contents.epochs.find(c[3].integer);
    if (names == contents.names.end() || epoch == contents.epochs.end()) return;
    const RowNumber number{epoch->second, static_cast<std::uint64_t>(c[4].integer)};
    const auto identity = Identity::of_row(kind, number.epoch, number.sequence, c[2].integer, names->second.digest);
    if (opener.open(identity, c[5].bytes, plain)) use(names->second, number, row.key, c[2].integer, std::span(plain));
  });
}

// Rows of the outbox, each once, by their numbers: blocks first, then those of the earlier layout that had not come
// into one yet. The pages have them in any order, and hold copies of what was moved or taken back.
class OutboxAdoption {
 public:
  OutboxAdoption(StateFile& file, const Contents& contents, RowNumber acknowledged, Recovered& out)
      : file_(file), contents_(contents), acknowledged_(acknowledged), out_(out), adoption_(file) {}

  FileResult<void> run(const std::filesystem::path& path) {
    Opener opener(contents_.keys);
    std::vector<std::byte> plain;
    for_each_raw_row(path, [&](const RawRow& row) {
      const auto& c = row.columns;
      if (!outcome_ || !has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Blob})) return;
      const auto epoch = contents_.epochs.find(c[1].integer);
      if (epoch == contents_.epochs.end()) return;
      const auto first = static_cast<std::uint64_t>(c[2].integer), last = static_cast<std::uint64_t>(c[3].integer);
      const auto identity = Identity::of_block(FileKind::State, epoch->second, first, last, row.key);
      if (opener.open(identity, c[4].bytes, plain)) adopt_block({epoch->second, first}, row.key, plain);
    });
    for_each_row(path, FileKind::State, contents_, opener,
                 [&](const NameTable::Names& names, RowNumber number, std::int64_t position, vm::TimeNs time,
                     std::span<const std::byte> bytes) {
                   adopt(names, {.number = number, .position = position, .time = time, .bytes = bytes});
                 });
    if (!outcome_) return outcome_;
    return adoption_.finish();
  }

 private:
  void adopt_block(RowNumber number, std::int64_t position, std::span<const std::byte> plain) {
    BlockReader reader(plain);
    BlockReader::Row row;
    for (; reader.next(row); ++number.sequence, ++position) {
      const auto names = contents_.streams.find(reader.streams()[row.stream]);
      if (names == contents_.streams.end()) continue;
      adopt(names->second, {.number = number, .position = position, .time = row.time, .bytes = row.bytes});
    }
  }
  void adopt(const NameTable::Names& names, const Outbox::Row& row) {
    const bool is_stored = row.number.epoch == acknowledged_.epoch && row.number.sequence <= acknowledged_.sequence;
    if (!outcome_ || is_stored || !adopted_.insert({row.number.epoch, row.number.sequence}) ||
        !positions_.insert({0, static_cast<std::uint64_t>(row.position)})) {
      return;
    }
    outcome_ = adoption_.next();
    if (outcome_) outcome_ = file_.adopt_row(names, row);
    ++out_.rows;
  }

  StateFile& file_;
  const Contents& contents_;
  RowNumber acknowledged_;
  Recovered& out_;
  Adoption<StateFile> adoption_;
  NumberSet adopted_, positions_;
  FileResult<void> outcome_;
};

// `wanted(position)`: it had not been given up before.
template <typename W>
FileResult<void> adopt_history(const std::filesystem::path& path, const Contents& contents, HistoryFile& file,
                               Recovered& out, W&& wanted) {
  Opener opener(contents.keys);
  Adoption<HistoryFile> adoption(file);
  FileResult<void> outcome;
  for_each_row(path, FileKind::History, contents, opener,
               [&](const NameTable::Names& names, RowNumber number, std::int64_t position, vm::TimeNs time,
                   std::span<const std::byte> bytes) {
                 if (!outcome || !wanted(position)) return;
                 outcome = adoption.next();
                 if (!outcome) return;
                 const auto is_new = file.adopt_row(names, number, position, time, bytes);
                 if (!is_new) {
                   outcome = std::unexpected(is_new.error());
                 } else if (*is_new) {
                   ++out.rows;
                 }
               });
  if (!outcome) return outcome;
  return adoption.finish();
}

FileResult<void> adopt_values(const Contents& contents, std::uint64_t epoch, StateFile& file, Recovered& out) {
  Opener opener(contents.keys);
  Adoption<StateFile> adoption(file);
  std::vector<std::byte> plain;
  for (const auto& [slot, versions] : contents.values) {
    const auto names = contents.slots.find(slot);
    if (slot == 0 || names == contents.slots.end()) continue;
    if (!opener.open_latest(Identity::of_value(epoch, names->second.digest), versions, plain)) continue;
    EYEFLOW_STORAGE_CHECK(adoption.next());
    EYEFLOW_STORAGE_CHECK(file.adopt_value(names->second.owner, names->second.name, plain));
    ++out.values;
  }
  return adoption.finish();
}

template <typename Progress>
std::optional<Progress> progress_in(const Contents& contents, std::uint64_t epoch) {
  const auto versions = contents.values.find(0);
  if (versions == contents.values.end()) return std::nullopt;
  std::vector<std::byte> plain;
  if (!Opener(contents.keys).open_latest(Identity::of_value(epoch, progress_names()), versions->second, plain))
    return std::nullopt;
  Progress progress;
  if (plain.size() != sizeof progress) return std::nullopt;
  std::memcpy(&progress, plain.data(), sizeof progress);
  return progress;
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

FileResult<void> take_over(const std::filesystem::path& path, const Contents& contents, std::uint64_t epoch,
                           StateFile& file, Recovered& out) {
  EYEFLOW_STORAGE_CHECK(adopt_values(contents, epoch, file, out));
  const auto progress = progress_in<Progress>(contents, epoch);
  if (progress) file.adopt_progress(*progress);
  out.lost_values = less(progress ? progress->values : contents.slots.size(), out.values);
  const RowNumber acknowledged =
      progress ? RowNumber{progress->acknowledged_epoch, progress->acknowledged_sequence} : RowNumber{};
  const auto outcome = OutboxAdoption(file, contents, acknowledged, out).run(path);
  if (progress) out.lost_rows = less(progress->outbox_rows, out.rows);
  return outcome;
}

FileResult<void> take_over(const std::filesystem::path& path, const Contents& contents, std::uint64_t epoch,
                           HistoryFile& file, Recovered& out) {
  const auto progress = progress_in<HistoryFile::Progress>(contents, epoch);
  const auto outcome = adopt_history(path, contents, file, out, [&](std::int64_t position) {
    return !progress || static_cast<std::uint64_t>(position) >= progress->oldest;
  });
  if (progress) out.lost_rows = less(progress->rows, out.rows);
  return outcome;
}

void remove_unfinished(const std::filesystem::path& path) {
  auto unfinished = recovering(path);
  ::unlink(unfinished.c_str());
  unfinished += "-wal";
  ::unlink(unfinished.c_str());
}

template <typename File>
FileResult<Recovered> recover(const std::filesystem::path& path, FileKind kind, const DeviceKey& key,
                              std::uint64_t floor) {
  Recovered out;
  remove_unfinished(path);
  Contents contents;
  read_contents(path, key, contents);
  for (const auto& [number, epoch] : contents.epochs) {
    if (epoch < kEpochLimit) floor = std::max(floor, epoch);
  }
  auto file = File::open(recovering(path), key, new_epoch(kind, floor));
  if (!file) return std::unexpected(file.error());
  EYEFLOW_STORAGE_CHECK(file->begin());
  const auto own = contents.epochs.find(1);
  const auto outcome = take_over(path, contents, own != contents.epochs.end() ? own->second : 0, *file, out);
  // Room that ends on the way is no reason to start without what was saved: the rest stays in the file set aside.
  if (!outcome && outcome.error().trouble != Trouble::Full) return std::unexpected(outcome.error());
  if (!file->close()) return std::unexpected(FileError{Trouble::Io, "the recovered file could not be completed"});
  const auto aside = replace_damaged(path);
  if (!aside) return std::unexpected(FileError{Trouble::Io, aside.error().message});
  out.aside = *aside;
  return out;
}

}  // namespace

std::uint64_t new_epoch(FileKind kind, std::uint64_t floor) {
  std::uint32_t random = 0;
  fill_random(std::as_writable_bytes(std::span(&random, 1)));
  const auto seconds = static_cast<std::uint64_t>(std::max<std::time_t>(0, std::time(nullptr)));
  std::uint64_t epoch = (seconds << 20 | (random & 0xfffff)) % (kEpochLimit - 4);
  if (floor < kEpochLimit - 4) epoch = std::max(epoch, floor + 2);
  // Even for state.db, odd for history.db: numbers of the two never meet.
  return (epoch & ~std::uint64_t{1}) | (kind == FileKind::History ? 1 : 0);
}

FileResult<Recovered> recover_state(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t floor) {
  return recover<StateFile>(path, FileKind::State, key, floor);
}

FileResult<Recovered> recover_history(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t floor) {
  return recover<HistoryFile>(path, FileKind::History, key, floor);
}

}  // namespace eyeflow::runtime
