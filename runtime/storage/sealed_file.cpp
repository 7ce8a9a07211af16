#include "runtime/storage/sealed_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace eyeflow::runtime {
namespace {

constexpr std::int64_t kApplication = 0x45465354;  // "EFST"
// 2: names of streams may have a schema behind them. 3, of state.db only: the outbox has blocks. 4 (of history.db 3):
// what all else depends on stands twice, and each run numbers its rows in an epoch of its own. A file of an earlier
// version is read as it is, and becomes one of this program's when it is written.
constexpr std::int64_t kOldestVersion = 1, kStateVersion = 4, kHistoryVersion = 3;
constexpr std::int64_t kMostNames = 1 << 20;

constexpr const char* kSchema[] = {
    // state.db
    "CREATE TABLE about (number INTEGER PRIMARY KEY, name TEXT, value);"
    "CREATE TABLE series (number INTEGER PRIMARY KEY, salt BLOB);"
    "CREATE TABLE epochs (number INTEGER PRIMARY KEY, epoch INTEGER);"
    "CREATE TABLE names (number INTEGER PRIMARY KEY, owner TEXT, name TEXT);"
    "CREATE TABLE slots (number INTEGER PRIMARY KEY, owner TEXT, name TEXT, is_slot INTEGER);"
    "CREATE TABLE kept (slot INTEGER PRIMARY KEY, sealed BLOB);",
    // history.db
    "CREATE TABLE about (number INTEGER PRIMARY KEY, name TEXT, value);"
    "CREATE TABLE series (number INTEGER PRIMARY KEY, salt BLOB);"
    "CREATE TABLE epochs (number INTEGER PRIMARY KEY, epoch INTEGER);"
    "CREATE TABLE names (number INTEGER PRIMARY KEY, owner TEXT, name TEXT);"
    "CREATE TABLE rows (position INTEGER PRIMARY KEY, names INTEGER, time INTEGER, epoch INTEGER, sequence INTEGER,"
    " sealed BLOB);",
};

constexpr const char* kBlocks =  // in state.db
    "CREATE TABLE blocks (position INTEGER PRIMARY KEY, epoch INTEGER, first INTEGER, last INTEGER, sealed BLOB);";

// Keys, epochs and names once more, on pages of their own: a damaged page costs what lies in it, and nothing else. They
// are read only where a file is damaged.
constexpr const char* kCopies =
    "CREATE TABLE copies (number INTEGER PRIMARY KEY, kind INTEGER, item INTEGER, first, second);";
constexpr const char* kFillCopies =
    "INSERT INTO copies (kind, item, first) SELECT 1, number, salt FROM series;"
    "INSERT INTO copies (kind, item, first) SELECT 2, number, epoch FROM epochs;"
    "INSERT INTO copies (kind, item, first, second) SELECT 3, number, owner, name FROM names;";
constexpr const char* kFillSlots =
    "INSERT INTO copies (kind, item, first, second) SELECT 4, number, owner, name FROM slots;";

std::string copy_of(Copy kind, std::string_view from) {
  return fmt::format("INSERT INTO copies (kind, item, first, second) SELECT {}, {};", static_cast<int>(kind), from);
}

const char* schema_of(FileKind kind) { return kSchema[kind == FileKind::State ? 0 : 1]; }
std::int64_t version_of(FileKind kind) { return kind == FileKind::State ? kStateVersion : kHistoryVersion; }

}  // namespace

std::string stream_name(std::string_view log, std::string_view schema) {
  std::string name(log);
  if (!schema.empty()) (name += '\n') += schema;
  return name;
}

StreamName split_stream_name(std::string_view name) {
  const std::size_t end = name.find('\n');
  return {name.substr(0, end), end == name.npos ? std::string_view() : name.substr(end + 1)};
}

NameDigest digest_of(std::string_view owner, std::string_view name) {
  std::vector<std::byte> bytes;
  const auto add = [&](std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    const auto head = std::as_bytes(std::span(&size, 1)), body = std::as_bytes(std::span(text));
    bytes.insert(bytes.end(), head.begin(), head.end());
    bytes.insert(bytes.end(), body.begin(), body.end());
  };
  add(owner);
  add(name);
  const auto whole = sha256(bytes);
  NameDigest digest;
  std::memcpy(digest.data(), whole.data(), digest.size());
  return digest;
}

const NameDigest& progress_names() {
  static const NameDigest digest = digest_of("", "progress");
  return digest;
}

Identity Identity::of_value(std::uint64_t epoch, const NameDigest& names) {
  Identity identity;
  identity.add('v');
  identity.add(epoch);
  identity.add(names);
  return identity;
}

Identity Identity::of_row(FileKind file, std::uint64_t epoch, std::uint64_t sequence, vm::TimeNs time,
                          const NameDigest& names) {
  Identity identity;
  identity.add(file == FileKind::State ? 'o' : 'h');
  identity.add(epoch);
  identity.add(sequence);
  identity.add(time);
  identity.add(names);
  return identity;
}

Identity Identity::of_block(FileKind file, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
                            std::int64_t position) {
  Identity identity;
  identity.add('b');
  identity.add(file == FileKind::State ? 'o' : 'h');
  identity.add(epoch);
  identity.add(first);
  identity.add(last);
  identity.add(position);
  return identity;
}

std::uint32_t NameTable::number_of(std::string_view owner, std::string_view name) {
  // Rows of one log come many at a time.
  if (const auto* last = find(last_asked_); last != nullptr && last->owner == owner && last->name == name) {
    return last_asked_;
  }
  const auto found = numbers_.find(std::pair(std::string(owner), std::string(name)));
  if (found != numbers_.end()) return last_asked_ = found->second;
  add(static_cast<std::int64_t>(names_.size() + 1), owner, name);
  return last_asked_ = static_cast<std::uint32_t>(names_.size());
}

const NameTable::Names* NameTable::find(std::int64_t number) const {
  if (number < 1 || static_cast<std::size_t>(number) > names_.size()) return nullptr;
  return &names_[static_cast<std::size_t>(number) - 1];
}

const NameTable::Names* NameTable::find(const NameDigest& digest) const {
  const auto number = by_digest_.find(digest);
  return number == by_digest_.end() ? nullptr : find(std::int64_t{number->second});
}

void NameTable::add(std::int64_t number, std::string_view owner, std::string_view name) {
  const auto size = static_cast<std::size_t>(number);
  if (names_.size() < size) names_.resize(size);
  Names& names = names_[size - 1] = {std::string(owner), std::string(name), digest_of(owner, name)};
  if (!is_slots_) {
    const auto [log, schema] = split_stream_name(name);
    names.stream = std::make_shared<const StreamNames>(names.owner, std::string(log), std::string(schema));
  }
  by_digest_[names.digest] = static_cast<std::uint32_t>(number);
  numbers_[std::pair(std::string(owner), std::string(name))] = static_cast<std::uint32_t>(number);
}

FileResult<void> NameTable::load(Database& database) {
  auto all = database.prepare(fmt::format("SELECT number, owner, name FROM {}", table_));
  if (!all) return std::unexpected(all.error());
  while (true) {
    const auto row = all->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (all->integer(0) < 1 || all->integer(0) > kMostNames) return damaged("a name's number is out of range");
    add(all->integer(0), all->text(1), all->text(2));
  }
  committed();
  return {};
}

FileResult<void> NameTable::write_new(Database& database) {
  if (on_disk_ == names_.size()) return {};
  auto insert =
      database.prepare(fmt::format("INSERT OR REPLACE INTO {} VALUES (?,?,?{})", table_, is_slots_ ? ",1" : ""));
  if (!insert) return std::unexpected(insert.error());
  for (std::size_t i = on_disk_; i < names_.size(); ++i) {
    insert->bind(1, static_cast<std::int64_t>(i + 1)).bind(2, names_[i].owner).bind(3, names_[i].name);
    EYEFLOW_STORAGE_CHECK(insert->run());
  }
  return database.run(copy_of(is_slots_ ? Copy::Slot : Copy::Names,
                              fmt::format("number, owner, name FROM {} WHERE number > {}", table_, on_disk_))
                          .c_str());
}

FileResult<SealedFile> SealedFile::open(const std::filesystem::path& path, FileKind kind, const DeviceKey& key,
                                        std::uint64_t epoch, std::uint32_t checkpoint_pages) {
  auto database = Database::open(path, checkpoint_pages);
  if (!database) return std::unexpected(database.error());
  SealedFile file(std::move(*database), kind, key);
  const auto tables = file.database_.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());
  file.is_new_ = *tables == 0;
  if (file.is_new_) EYEFLOW_STORAGE_CHECK(file.make(epoch));
  EYEFLOW_STORAGE_CHECK(file.check(path));
  EYEFLOW_STORAGE_CHECK(file.load_epochs());
  return file;
}

std::uint64_t new_epoch(FileKind kind, std::uint64_t floor) {
  std::uint32_t random = 0;
  fill_random(std::as_writable_bytes(std::span(&random, 1)));
  random &= 0xfffff;
  const auto seconds = static_cast<std::uint64_t>(std::max<std::time_t>(0, std::time(nullptr)));
  constexpr std::uint64_t kMost = kEpochLimit - (std::uint64_t{1} << 22);
  std::uint64_t epoch = (seconds << 20 | random) % kMost;
  // Where the clock is behind, chance alone keeps two that begin from one copy apart.
  if (floor < kMost) epoch = std::max(epoch, floor + 2 + 2 * std::uint64_t{random});
  // Even for state.db, odd for history.db: numbers of the two never meet.
  return (epoch & ~std::uint64_t{1}) | (kind == FileKind::History ? 1 : 0);
}

FileResult<SealedFile> SealedFile::open_to_read(const std::filesystem::path& path, FileKind kind,
                                                const DeviceKey& key) {
  auto database = Database::open_to_read(path);
  if (!database) return std::unexpected(database.error());
  SealedFile file(std::move(*database), kind, key);
  const auto tables = file.database_.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return std::unexpected(tables.error());
  file.is_new_ = *tables == 0;
  if (file.is_new_) return file;
  EYEFLOW_STORAGE_CHECK(file.check(path));
  EYEFLOW_STORAGE_CHECK(file.load_epochs());
  return file;
}

Secret SealedFile::key_of_salt(const DeviceKey& key, std::span<const std::byte> salt) {
  return key.derive(salt, "eyeflow storage");
}

FileResult<void> SealedFile::make(std::uint64_t epoch) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::unexpected(transaction.error());
  EYEFLOW_STORAGE_CHECK(database_.run(schema_of(kind_)));
  if (kind_ == FileKind::State) EYEFLOW_STORAGE_CHECK(database_.run(kBlocks));
  EYEFLOW_STORAGE_CHECK(database_.run(fmt::format("PRAGMA application_id={}; PRAGMA user_version={};",
                                                  kApplication + static_cast<int>(kind_), version_of(kind_))
                                          .c_str()));
  auto about = database_.prepare("INSERT INTO about VALUES (?,?,?)");
  if (!about) return std::unexpected(about.error());
  const auto fingerprint = key_.fingerprint();
  about->bind(1, 1).bind(2, std::string_view("key")).bind(3, fingerprint);
  EYEFLOW_STORAGE_CHECK(about->run());
  about->bind(1, 2).bind(2, std::string_view("epoch")).bind(3, static_cast<std::int64_t>(epoch));
  EYEFLOW_STORAGE_CHECK(about->run());
  EYEFLOW_STORAGE_CHECK(
      database_.run(fmt::format("INSERT INTO epochs VALUES (1,{})", static_cast<std::int64_t>(epoch)).c_str()));
  EYEFLOW_STORAGE_CHECK(database_.run(kCopies));
  EYEFLOW_STORAGE_CHECK(database_.run(kFillCopies));
  return transaction->commit();
}

FileResult<void> SealedFile::check(const std::filesystem::path& path) {
  const auto application = database_.number("PRAGMA application_id");
  const auto version = database_.number("PRAGMA user_version");
  if (!application) return std::unexpected(application.error());
  if (!version) return std::unexpected(version.error());
  if (*application != kApplication + static_cast<int>(kind_)) return damaged("not a file of this program");
  if (*version < kOldestVersion) return damaged("a layout that never was");
  version_ = *version;
  if (version_ > version_of(kind_)) {
    return std::unexpected(FileError{
        Trouble::Newer, fmt::format("{}: has format {}, this program knows {}: a later version wrote it. Take that one "
                                    "again, or move the folder away to start anew",
                                    path.string(), version_, version_of(kind_))});
  }
  auto key = database_.prepare("SELECT value FROM about WHERE number=1");
  if (!key) return std::unexpected(key.error());
  const auto row = key->step();
  if (!row) return std::unexpected(row.error());
  if (!*row || !std::ranges::equal(key->blob(0), key_.fingerprint())) {
    return damaged("sealed with another device key; with that key back in its place, the file can be put back too");
  }
  const auto epoch = database_.number("SELECT value FROM about WHERE number=2");
  if (!epoch) return std::unexpected(epoch.error());
  epoch_ = static_cast<std::uint64_t>(*epoch);
  return {};
}

FileResult<void> SealedFile::load_epochs() {
  auto all = database_.prepare("SELECT number, epoch FROM epochs ORDER BY number");
  if (!all) return std::unexpected(all.error());
  while (true) {
    const auto row = all->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (all->integer(0) != static_cast<std::int64_t>(epochs_.size() + 1)) return damaged("the epochs have a gap");
    epochs_.push_back(static_cast<std::uint64_t>(all->integer(1)));
  }
  epochs_committed();
  if (epochs_.empty() || epochs_.front() != epoch_) return damaged("its epoch is missing");
  return {};
}

std::uint64_t SealedFile::epoch_of(std::int64_t number) const {
  if (number < 1 || static_cast<std::size_t>(number) > epochs_.size()) return 0;
  return epochs_[static_cast<std::size_t>(number) - 1];
}

std::uint64_t SealedFile::newest_epoch() const { return epochs_.empty() ? epoch_ : std::ranges::max(epochs_); }

FileResult<std::int64_t> SealedFile::number_of_epoch(std::uint64_t epoch) {
  const auto found = std::ranges::find(epochs_, epoch);
  const auto number = found - epochs_.begin() + 1;
  if (found != epochs_.end()) return number;
  EYEFLOW_STORAGE_CHECK(database_.run(
      fmt::format("INSERT INTO epochs VALUES ({},{});{}", number, static_cast<std::int64_t>(epoch),
                  copy_of(Copy::Epoch, fmt::format("number, epoch, NULL FROM epochs WHERE number={}", number)))
          .c_str()));
  epochs_.push_back(epoch);
  return number;
}

// To this program's layout; what stands in tables of the earlier one is brought over by who knows them.
FileResult<void> SealedFile::bring_up() {
  if (kind_ == FileKind::State && version_ < 3) EYEFLOW_STORAGE_CHECK(database_.run(kBlocks));
  EYEFLOW_STORAGE_CHECK(database_.run(kCopies));
  EYEFLOW_STORAGE_CHECK(database_.run(kFillCopies));
  if (kind_ == FileKind::State) EYEFLOW_STORAGE_CHECK(database_.run(kFillSlots));
  return database_.run(fmt::format("PRAGMA user_version={}", version_of(kind_)).c_str());
}

FileResult<void> SealedFile::begin_series(std::uint32_t oldest_needed) {
  const auto newest = database_.number("SELECT max(number) FROM series");
  if (!newest) return std::unexpected(newest.error());
  if (*newest < 0 || *newest >= UINT32_MAX) return damaged("the keys' numbers are out of range");
  const auto number = static_cast<std::uint32_t>(*newest + 1);
  if (version_ < version_of(kind_)) EYEFLOW_STORAGE_CHECK(bring_up());
  std::array<std::byte, kSaltBytes> salt;
  fill_random(salt);
  auto forget = database_.prepare("DELETE FROM series WHERE number < ?");
  if (!forget) return std::unexpected(forget.error());
  forget->bind(1, std::int64_t{oldest_needed});
  EYEFLOW_STORAGE_CHECK(forget->run());
  auto insert = database_.prepare("INSERT INTO series VALUES (?,?)");
  if (!insert) return std::unexpected(insert.error());
  insert->bind(1, std::int64_t{number}).bind(2, salt);
  EYEFLOW_STORAGE_CHECK(insert->run());
  EYEFLOW_STORAGE_CHECK(database_.run(
      fmt::format("DELETE FROM copies WHERE kind={} AND item<{};{}", static_cast<int>(Copy::Salt), oldest_needed,
                  copy_of(Copy::Salt, fmt::format("number, salt, NULL FROM series WHERE number={}", number)))
          .c_str()));
  current_.clear();
  current_.emplace_back(key_of_salt(key_, salt), number);
  return {};
}

FileResult<Seal*> SealedFile::seal_of(std::uint32_t series) {
  if (!current_.empty() && current_.front().series() == series) return &current_.front();
  if (const auto found = seals_.find(series); found != seals_.end()) return &found->second;
  auto salt = database_.prepare("SELECT salt FROM series WHERE number=?");
  if (!salt) return std::unexpected(salt.error());
  const auto row = salt->bind(1, std::int64_t{series}).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return damaged(fmt::format("its key of start {} is missing", series));
  if (seals_.size() >= 64) seals_.clear();
  return &seals_.emplace(series, Seal(key_of_salt(key_, salt->blob(0)), series)).first->second;
}

std::span<const std::byte> SealedFile::seal(const Identity& identity, std::span<const std::byte> plain) {
  current_.front().seal(identity.bytes(), plain, buffer_);
  return buffer_;
}

FileResult<std::span<const std::byte>> SealedFile::unseal(const Identity& identity, std::span<const std::byte> sealed) {
  auto seal = seal_of(series_of(sealed));
  if (!seal) return std::unexpected(seal.error());
  if (!(*seal)->open(identity.bytes(), sealed, buffer_))
    return damaged("contents were changed or moved: they do not authenticate");
  return std::span<const std::byte>(buffer_);
}

}  // namespace eyeflow::runtime
