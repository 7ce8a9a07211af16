#include "runtime/storage/recovery.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
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

// What a damaged file has besides its rows. None of it is believed: what it leads to authenticates, or is lost. Most of
// it stands there twice; where the two differ, both are tried.
struct Contents {
  using Versions = std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<std::byte>>;
  template <typename Key, typename T>
  using Several = std::map<Key, std::vector<T>>;
  Several<std::uint32_t, Secret> keys;
  Several<std::int64_t, std::uint64_t> epochs;
  Several<std::int64_t, NameTable::Names> names, slots;
  std::map<NameDigest, NameTable::Names> streams;  // `names` by their digest
  std::map<std::int64_t, Versions> values;         // by slot; 0: progress
};

template <typename Key, typename T>
std::span<const T> found(const Contents::Several<Key, T>& several, std::type_identity_t<Key> key) {
  const auto at = several.find(key);
  return at != several.end() ? std::span<const T>(at->second) : std::span<const T>();
}

template <typename Key, typename T>
void note(Contents::Several<Key, T>& several, std::type_identity_t<Key> key, T value, auto&& is_same) {
  auto& those = several[key];
  if (std::ranges::none_of(those, [&](const T& other) { return is_same(other, value); }))
    those.push_back(std::move(value));
}

void read_contents(const std::filesystem::path& path, const DeviceKey& key, Contents& out) {
  const auto equal = [](const auto& a, const auto& b) { return a == b; };
  const auto salt = [&](std::int64_t number, std::span<const std::byte> bytes) {
    if (bytes.size() == SealedFile::kSaltBytes)
      note(out.keys, static_cast<std::uint32_t>(number), SealedFile::key_of_salt(key, bytes), equal);
  };
  const auto epoch = [&](std::int64_t number, std::int64_t value) {
    note(out.epochs, number, static_cast<std::uint64_t>(value), equal);
  };
  const auto name = [&](bool is_slot, std::int64_t number, const RawValue& owner, const RawValue& name) {
    NameTable::Names names{text_of(owner), text_of(name), digest_of(text_of(owner), text_of(name))};
    if (!is_slot) out.streams[names.digest] = names;
    note(is_slot ? out.slots : out.names, number, std::move(names),
         [](const auto& a, const auto& b) { return a.digest == b.digest; });
  };
  for_each_raw_row(path, [&](const RawRow& row) {
    const auto& c = row.columns;
    if (has_shape(row, {Kind::Null, Kind::Integer})) {
      epoch(row.key, c[1].integer);
    } else if (has_shape(row, {Kind::Null, Kind::Blob}) && c[1].bytes.size() == SealedFile::kSaltBytes) {
      salt(row.key, c[1].bytes);
    } else if (has_shape(row, {Kind::Null, Kind::Blob}) && c[1].bytes.size() >= Seal::kOverhead) {
      out.values[row.key][age_of(c[1].bytes)].assign(c[1].bytes.begin(), c[1].bytes.end());
    } else if (has_shape(row, {Kind::Null, Kind::Text, Kind::Blob}) && text_of(c[1]) == "progress" &&
               c[2].bytes.size() >= Seal::kOverhead) {
      out.values[0][age_of(c[2].bytes)].assign(c[2].bytes.begin(), c[2].bytes.end());
    } else if (has_shape(row, {Kind::Null, Kind::Text, Kind::Text})) {
      name(false, row.key, c[1], c[2]);
    } else if (has_shape(row, {Kind::Null, Kind::Text, Kind::Text, Kind::Integer})) {
      name(true, row.key, c[1], c[2]);
    } else if (has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Blob, Kind::Null})) {
      salt(c[2].integer, c[3].bytes);
    } else if (has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Null})) {
      epoch(c[2].integer, c[3].integer);
    } else if (has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Text, Kind::Text})) {
      name(c[1].integer == static_cast<std::int64_t>(Copy::Slot), c[2].integer, c[3], c[4]);
    }
  });
}

class Opener {
 public:
  explicit Opener(const Contents::Several<std::uint32_t, Secret>& keys) : keys_(keys) {}
  bool open(const Identity& identity, std::span<const std::byte> sealed, std::vector<std::byte>& out) {
    const auto series = series_of(sealed);
    auto seals = seals_.find(series);
    if (seals == seals_.end()) {
      seals = seals_.try_emplace(series).first;
      for (const Secret& key : found(keys_, series)) seals->second.emplace_back(key, series);
    }
    return std::ranges::any_of(seals->second, [&](Seal& seal) { return seal.open(identity.bytes(), sealed, out); });
  }
  // The latest version that authenticates.
  bool open_latest(const Identity& identity, const Contents::Versions& versions, std::vector<std::byte>& out) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (open(identity, version->second, out)) return true;
    }
    return false;
  }

 private:
  const Contents::Several<std::uint32_t, Secret>& keys_;
  std::map<std::uint32_t, std::vector<Seal>> seals_;
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
    for (const NameTable::Names& names : found(contents.names, c[1].integer)) {
      for (const std::uint64_t epoch : found(contents.epochs, c[3].integer)) {
        const RowNumber number{epoch, static_cast<std::uint64_t>(c[4].integer)};
        const auto identity = Identity::of_row(kind, number.epoch, number.sequence, c[2].integer, names.digest);
        if (opener.open(identity, c[5].bytes, plain))
          return use(names, number, row.key, c[2].integer, std::span(plain));
      }
    }
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
      const auto first = static_cast<std::uint64_t>(c[2].integer), last = static_cast<std::uint64_t>(c[3].integer);
      for (const std::uint64_t epoch : found(contents_.epochs, c[1].integer)) {
        const auto identity = Identity::of_block(FileKind::State, epoch, first, last, row.key);
        if (opener.open(identity, c[4].bytes, plain)) return adopt_block({epoch, first}, row.key, plain);
      }
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

// A value is bound to the file's epoch, which is the first of those that it lists.
bool opens(Opener& opener, const Contents& contents, const NameDigest& names, const Contents::Versions& versions,
           std::vector<std::byte>& out) {
  return std::ranges::any_of(found(contents.epochs, 1), [&](std::uint64_t epoch) {
    return opener.open_latest(Identity::of_value(epoch, names), versions, out);
  });
}

// use(owner, name, value) for each that opens, until one fails.
template <typename F>
FileResult<void> for_each_value(const Contents& contents, F&& use) {
  Opener opener(contents.keys);
  std::vector<std::byte> plain;
  for (const auto& [slot, versions] : contents.values) {
    const auto slots = slot != 0 ? found(contents.slots, slot) : std::span<const NameTable::Names>();
    const auto names = std::ranges::find_if(
        slots, [&](const NameTable::Names& names) { return opens(opener, contents, names.digest, versions, plain); });
    if (names != slots.end()) EYEFLOW_STORAGE_CHECK(use(names->owner, names->name, std::span<const std::byte>(plain)));
  }
  return {};
}

FileResult<void> adopt_values(const Contents& contents, StateFile& file, Recovered& out) {
  Adoption<StateFile> adoption(file);
  EYEFLOW_STORAGE_CHECK(for_each_value(
      contents,
      [&](std::string_view owner, std::string_view name, std::span<const std::byte> value) -> FileResult<void> {
        EYEFLOW_STORAGE_CHECK(adoption.next());
        EYEFLOW_STORAGE_CHECK(file.adopt_value(owner, name, value));
        ++out.values;
        return {};
      }));
  return adoption.finish();
}

template <typename Progress>
std::optional<Progress> progress_in(const Contents& contents) {
  const auto versions = contents.values.find(0);
  if (versions == contents.values.end()) return std::nullopt;
  std::vector<std::byte> plain;
  Opener opener(contents.keys);
  if (!opens(opener, contents, progress_names(), versions->second, plain)) return std::nullopt;
  Progress progress;
  if (plain.size() != sizeof progress) return std::nullopt;
  std::memcpy(&progress, plain.data(), sizeof progress);
  return progress;
}

// Where nothing tells how many rows there were: as many as can be made out, each position once. What was acknowledged
// or dropped not long ago is among them.
std::uint64_t rows_seen(const std::filesystem::path& path) {
  constexpr std::int64_t kMostInBlock = 512;
  std::set<std::int64_t> positions;
  std::uint64_t rows = 0;
  for_each_raw_row(path, [&](const RawRow& row) {
    const auto& c = row.columns;
    std::int64_t some = 0;
    if (has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Blob})) some = 1;
    if (has_shape(row, {Kind::Null, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Blob})) {
      some = c[3].integer >= c[2].integer && c[3].integer - c[2].integer < kMostInBlock
                 ? c[3].integer - c[2].integer + 1
                 : 0;
    }
    if (some > 0 && positions.insert(row.key).second) rows += static_cast<std::uint64_t>(some);
  });
  return rows;
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// How many rows there were, where what the file says of itself does not open, as with another key: by plain columns.
std::uint64_t rows_told(const std::filesystem::path& path, FileKind kind) {
  if (auto database = Database::open_to_read(path)) {
    const auto rows = database->number(kind == FileKind::State ? "SELECT sum(last - first + 1) FROM blocks"
                                                               : "SELECT count(*) FROM rows");
    if (rows && *rows >= 0) return static_cast<std::uint64_t>(*rows);
  }
  return rows_seen(path);
}

FileResult<void> take_over(const std::filesystem::path& path, const Contents& contents, StateFile& file,
                           Recovered& out) {
  EYEFLOW_STORAGE_CHECK(adopt_values(contents, file, out));
  const auto progress = progress_in<Progress>(contents);
  if (progress) file.adopt_progress(*progress);
  out.lost_values = less(progress ? progress->values : contents.slots.size(), out.values);
  const RowNumber acknowledged =
      progress ? RowNumber{progress->acknowledged_epoch, progress->acknowledged_sequence} : RowNumber{};
  OutboxAdoption rows(file, contents, acknowledged, out);
  const auto outcome = rows.run(path);
  out.lost_rows = less(progress ? progress->outbox_rows : rows_told(path, FileKind::State), out.rows);
  return outcome;
}

FileResult<void> take_over(const std::filesystem::path& path, const Contents& contents, HistoryFile& file,
                           Recovered& out) {
  const auto progress = progress_in<HistoryFile::Progress>(contents);
  const auto outcome = adopt_history(path, contents, file, out, [&](std::int64_t position) {
    return !progress || static_cast<std::uint64_t>(position) >= progress->oldest;
  });
  out.lost_rows = less(progress ? progress->rows : rows_told(path, FileKind::History), out.rows);
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
  for (const auto& [number, epochs] : contents.epochs)
    for (const std::uint64_t epoch : epochs)
      if (epoch < kEpochLimit) floor = std::max(floor, epoch);
  auto file = File::open(recovering(path), key, new_epoch(kind, floor));
  if (!file) return std::unexpected(file.error());
  EYEFLOW_STORAGE_CHECK(file->begin());
  const auto outcome = take_over(path, contents, *file, out);
  // Room that ends on the way is no reason to start without what was saved: the rest stays in the file set aside.
  if (!outcome && outcome.error().trouble != Trouble::Full) return std::unexpected(outcome.error());
  if (!file->close()) return std::unexpected(FileError{Trouble::Io, "the recovered file could not be completed"});
  const auto aside = replace_damaged(path);
  if (!aside) return std::unexpected(FileError{Trouble::Io, aside.error().message});
  out.aside = *aside;
  return out;
}

}  // namespace

FileResult<Recovered> recover_state(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t floor) {
  return recover<StateFile>(path, FileKind::State, key, floor);
}

FileResult<Recovered> recover_history(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t floor) {
  return recover<HistoryFile>(path, FileKind::History, key, floor);
}

std::vector<KeptValue> values_in(const std::filesystem::path& path, const DeviceKey& key) {
  Contents contents;
  read_contents(path, key, contents);
  std::vector<KeptValue> values;
  static_cast<void>(for_each_value(
      contents,
      [&](std::string_view owner, std::string_view name, std::span<const std::byte> bytes) -> FileResult<void> {
        KeptValue value;
        if (!split_slot_name(name, value.kind, value.name)) return {};
        value.owner = owner;
        value.value.assign(bytes.begin(), bytes.end());
        values.push_back(std::move(value));
        return {};
      }));
  return values;
}

}  // namespace eyeflow::runtime
