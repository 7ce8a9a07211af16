#include "tools/eyeflow-collector/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace eyeflow::collector {
namespace {

constexpr int kFormat = 2;

constexpr const char* kTables = R"(
  CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE epochs (device INTEGER NOT NULL REFERENCES devices, epoch INTEGER NOT NULL, stored INTEGER NOT NULL,
    PRIMARY KEY (device, epoch)) WITHOUT ROWID;
  CREATE TABLE rows (device INTEGER NOT NULL REFERENCES devices, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
    time_ns INTEGER NOT NULL, source TEXT NOT NULL, log TEXT NOT NULL, row TEXT NOT NULL,
    received_ns INTEGER NOT NULL, schema INTEGER REFERENCES schemas,
    PRIMARY KEY (device, epoch, sequence)) WITHOUT ROWID;
  CREATE INDEX rows_by_time ON rows (device, log, time_ns);
)";

// Since format 2: what the fields of rows are.
constexpr const char* kSchemas = R"(
  CREATE TABLE schemas (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE);
  CREATE VIEW history AS SELECT devices.name AS device, source, log, time_ns, row, epoch, sequence, schema
    FROM rows JOIN devices ON devices.id = rows.device;
  CREATE VIEW fields AS SELECT schemas.id AS schema, item.key AS place, item.value ->> 'name' AS name,
    item.value ->> 'type' AS type, item.value ->> 'unit' AS unit FROM schemas, json_each(schemas.fields) AS item;
)";

// What a file of format 1 lacks. Its rows have no schema.
constexpr const char* kFromFormat1 = R"(
  ALTER TABLE rows ADD COLUMN schema INTEGER REFERENCES schemas;
  DROP VIEW history;
)";

// A statement that is prepared once and bound anew each time.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) {
    sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <typename... Values>
  int run(const Values&... values) {
    sqlite3_reset(handle_);
    int at = 0;
    (bind(++at, values), ...);
    return sqlite3_step(handle_);
  }
  std::int64_t number(int column) { return sqlite3_column_int64(handle_, column); }
  void reset() { sqlite3_reset(handle_); }

 private:
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(handle_, at, value); }
  void bind(int at, std::uint64_t value) { sqlite3_bind_int64(handle_, at, static_cast<std::int64_t>(value)); }
  void bind(int at, std::optional<std::int64_t> value) {
    value ? sqlite3_bind_int64(handle_, at, *value) : sqlite3_bind_null(handle_, at);
  }
  void bind(int at, std::string_view text) {
    sqlite3_bind_text(handle_, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  sqlite3_stmt* handle_ = nullptr;
};

std::int64_t now_ns() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

struct Database::Impl {
  sqlite3* db = nullptr;
  std::string file;
  std::unique_ptr<Statement> add_device, find_device, add_schema, find_schema, add_row, find_row, find_epoch, set_epoch;

  ~Impl() {
    for (auto* statement : {&add_device, &find_device, &add_schema, &find_schema, &add_row, &find_epoch, &set_epoch})
      statement->reset();
    sqlite3_close(db);
  }
  bool exec(const char* sql) { return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }
  std::unexpected<Error> failed(std::string_view what) const {
    return fail(fmt::format("{}: {}: {}", file, what, sqlite3_errmsg(db)));
  }
  Result<void> prepare();
  Result<Taken> insert(std::string_view device, std::string_view text);
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;

Result<Database> Database::open(const std::filesystem::path& file) {
  auto impl = std::make_unique<Impl>();
  impl->file = file.string();
  if (sqlite3_open(impl->file.c_str(), &impl->db) != SQLITE_OK) return impl->failed("cannot be opened");
  sqlite3_busy_timeout(impl->db, 10'000);  // somebody may be reading
  if (auto ready = impl->prepare(); !ready) return std::unexpected(ready.error());
  return Database(std::move(impl));
}

Result<void> Database::Impl::prepare() {
  // FULL: an acknowledgement makes the device forget its rows.
  if (!exec("PRAGMA journal_mode = WAL") || !exec("PRAGMA synchronous = FULL")) return failed("cannot be read");
  std::int64_t format = 0;
  {
    Statement version(db, "PRAGMA user_version");
    if (version.run() != SQLITE_ROW) return failed("cannot be read");
    format = version.number(0);
  }
  if (format == 0 || format == 1) {
    const std::string make = fmt::format("BEGIN IMMEDIATE;{}{}PRAGMA user_version = {};COMMIT",
                                         format == 0 ? kTables : kFromFormat1, kSchemas, kFormat);
    if (!exec(make.c_str())) return failed("the tables cannot be made");
  } else if (format != kFormat) {
    return fail(fmt::format("{}: has format {}, this program knows {}; take the program that wrote it, or another file",
                            file, format, kFormat));
  }
  add_device = std::make_unique<Statement>(db, "INSERT OR IGNORE INTO devices (name) VALUES (?)");
  find_device = std::make_unique<Statement>(db, "SELECT id FROM devices WHERE name = ?");
  add_schema = std::make_unique<Statement>(db, "INSERT OR IGNORE INTO schemas (fields) VALUES (?)");
  find_schema = std::make_unique<Statement>(db, "SELECT id FROM schemas WHERE fields = ?");
  add_row = std::make_unique<Statement>(db, "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  find_row = std::make_unique<Statement>(
      db, "SELECT 1 FROM rows WHERE device = ? AND epoch = ? AND sequence = ? AND time_ns = ? AND row = ?");
  find_epoch = std::make_unique<Statement>(db, "SELECT stored FROM epochs WHERE device = ? AND epoch = ?");
  set_epoch = std::make_unique<Statement>(db,
                                          "INSERT INTO epochs VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
                                          "SET stored = max(stored, ?3)");
  return {};
}

Result<Taken> Database::take(std::string_view device, std::string_view text) {
  if (!impl_->exec("BEGIN IMMEDIATE")) return impl_->failed("is in use");
  auto taken = impl_->insert(device, text);
  const bool all = taken && taken->other == 0;
  if (all && !impl_->exec("COMMIT")) taken = impl_->failed("cannot be written");
  if (!taken || !all) impl_->exec("ROLLBACK");
  return taken;
}

Result<Taken> Database::Impl::insert(std::string_view device, std::string_view text) {
  // The device's number comes before the rows; whether the head names the same device is known only behind them, which
  // is soon enough: the transaction is undone.
  const bool added = add_device->run(device) == SQLITE_DONE;
  if (!added || find_device->run(device) != SQLITE_ROW) return failed("cannot be written");
  const std::int64_t id = find_device->number(0);
  find_device->reset();

  Taken taken;
  bool all = true;
  const std::int64_t received = now_ns();
  std::map<std::string, std::int64_t, std::less<>> schemas;  // of this batch
  const auto schema_of = [&](std::string_view fields) -> std::optional<std::int64_t> {
    if (fields.empty()) return std::nullopt;
    if (const auto known = schemas.find(fields); known != schemas.end()) return known->second;
    all = all && add_schema->run(fields) == SQLITE_DONE && find_schema->run(fields) == SQLITE_ROW;
    const std::int64_t number = all ? find_schema->number(0) : 0;
    find_schema->reset();
    return schemas.emplace(fields, number).first->second;
  };
  const auto head = runtime::decode_batch(text, [&](const runtime::BatchHead& of, const runtime::BatchRow& row) {
    const auto schema = schema_of(row.schema);
    const int done = add_row->run(id, of.epoch, row.sequence, row.time, row.from, row.log, row.row, received, schema);
    all = all && done == SQLITE_DONE;
    const bool is_new = sqlite3_changes(db) == 1;
    (is_new ? taken.added : taken.known) += 1;
    if (is_new || taken.other != 0) return;
    if (find_row->run(id, of.epoch, row.sequence, row.time, row.row) != SQLITE_ROW) taken.other = row.sequence;
    find_row->reset();
  });
  if (!head) return std::unexpected(head.error());
  if (head->device != device) {
    return fail(fmt::format("line 1: the rows are of device '{}', the request is of '{}'", head->device, device));
  }
  if (!all) return failed("cannot be written");

  const bool seen = find_epoch->run(id, head->epoch) == SQLITE_ROW;
  const auto before = seen ? static_cast<std::uint64_t>(find_epoch->number(0)) : 0;
  find_epoch->reset();
  if (head->first > before + 1) taken.missing = head->first - before - 1;
  taken.stored = std::max(before, head->last);
  if (set_epoch->run(id, head->epoch, head->last) != SQLITE_DONE) return failed("cannot be written");
  return taken;
}

}  // namespace eyeflow::collector
