#include "runtime/storage/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

#include "runtime/storage/read_only.h"
#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

Trouble trouble_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Trouble::Full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR:       // a table or column that is not there
    case SQLITE_CONSTRAINT:  // a number that is there already, in a table that only we write
    case SQLITE_TOOBIG:
      return Trouble::Damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Trouble::Busy;
    default:
      return Trouble::Io;
  }
}

std::unexpected<FileError> error_of(sqlite3* database, int code) {
  const char* name = database != nullptr ? sqlite3_db_filename(database, "main") : nullptr;
  return std::unexpected(
      FileError{trouble_of(code), fmt::format("{}: {}", name != nullptr ? name : "database",
                                              database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code))});
}

// The cache is what both files may cost in memory; the WAL keeps its blocks when it starts over, so that commits on a
// full disk still have room.
constexpr const char* kSettings =
    "PRAGMA cache_size=-512;"
    "PRAGMA mmap_size=0;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA secure_delete=OFF;"  // what is deleted was sealed
    "PRAGMA cell_size_check=ON;"
    "PRAGMA journal_size_limit=4194304;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;";

constexpr const char* kReadSettings =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA cache_size=-512;"
    "PRAGMA mmap_size=0;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA cell_size_check=ON;";

}  // namespace

Statement::~Statement() { sqlite3_finalize(raw_); }

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(raw_, other.raw_);
  return *this;
}

// Binding fails for want of memory only, or when a parameter does not exist: a mistake of ours.
Statement& Statement::bind(int parameter, std::int64_t value) {
  EYEFLOW_CHECK(sqlite3_bind_int64(raw_, parameter, value) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind(int parameter, std::string_view text) {
  EYEFLOW_CHECK(sqlite3_bind_text64(raw_, parameter, text.data() != nullptr ? text.data() : "", text.size(),
                                    SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
  return *this;
}
Statement& Statement::bind(int parameter, std::span<const std::byte> blob) {
  EYEFLOW_CHECK(sqlite3_bind_blob64(raw_, parameter, blob.data(), blob.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

FileResult<bool> Statement::step() {
  const int code = sqlite3_step(raw_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(raw_);
    return false;
  }
  auto error = error_of(sqlite3_db_handle(raw_), code);
  sqlite3_reset(raw_);
  return error;
}

FileResult<void> Statement::run() {
  const auto row = step();
  if (!row) return std::unexpected(row.error());
  if (*row) sqlite3_reset(raw_);
  return {};
}

void Statement::reset() { sqlite3_reset(raw_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(raw_, column); }
std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw_, column));
  return text != nullptr ? std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(raw_, column)))
                         : std::string_view();
}
std::span<const std::byte> Statement::blob(int column) const {
  const auto* blob = static_cast<const std::byte*>(sqlite3_column_blob(raw_, column));
  return {blob, blob != nullptr ? static_cast<std::size_t>(sqlite3_column_bytes(raw_, column)) : 0};
}

FileResult<Database> Database::open(const std::filesystem::path& path, std::uint32_t checkpoint_pages) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) {
    auto error = error_of(nullptr, code);
    error.error().message = fmt::format("{}: {}", path.string(), sqlite3_errmsg(raw));
    return error;
  }
  sqlite3_extended_result_codes(raw, 1);
  EYEFLOW_STORAGE_CHECK(database.run("PRAGMA locking_mode=EXCLUSIVE"));  // before the first look, which would share
  // Asked of a file that is there, the next would write at each start, and on a full disk the file would not open.
  const auto pages = database.number("PRAGMA page_count");
  if (!pages) return std::unexpected(pages.error());
  if (*pages == 0) EYEFLOW_STORAGE_CHECK(database.run("PRAGMA auto_vacuum=INCREMENTAL"));
  EYEFLOW_STORAGE_CHECK(database.run(kSettings));
  sqlite3_wal_autocheckpoint(raw, static_cast<int>(checkpoint_pages));
  for (auto [statement, sql] :
       {std::pair(&database.begin_, "BEGIN IMMEDIATE"), std::pair(&database.commit_, "COMMIT")}) {
    auto prepared = database.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return database;
}

FileResult<Database> Database::open_to_read(const std::filesystem::path& path) {
  const char* const files = read_only_files();
  if (files == nullptr) return std::unexpected(FileError{Trouble::Io, "SQLite cannot read without locks here"});
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, files);
  Database database(raw);
  if (code != SQLITE_OK) return error_of(raw, code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  EYEFLOW_STORAGE_CHECK(database.run(kReadSettings));
  return database;
}

Database::~Database() { close(); }

Database& Database::operator=(Database&& other) noexcept {
  std::swap(raw_, other.raw_);
  std::swap(begin_, other.begin_);
  std::swap(commit_, other.commit_);
  return *this;
}

bool Database::close() {
  if (raw_ == nullptr) return true;
  begin_ = {};
  commit_ = {};
  // Statements that are still alive keep a handle of this kind open until they go.
  if (sqlite3_db_readonly(raw_, "main") == 1) return sqlite3_close_v2(std::exchange(raw_, nullptr)) == SQLITE_OK;
  const int checkpoint = sqlite3_wal_checkpoint_v2(raw_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  const int closed = sqlite3_close_v2(std::exchange(raw_, nullptr));
  return checkpoint == SQLITE_OK && closed == SQLITE_OK;
}

FileResult<void> Database::run(const char* sql) {
  const int code = sqlite3_exec(raw_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(raw_, code);
  return {};
}

FileResult<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(raw_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return error_of(raw_, code);
  return Statement(statement);
}

FileResult<std::int64_t> Database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

std::uint64_t Database::bytes_in_use() {
  const auto pages = number("PRAGMA page_count"), unused = number("PRAGMA freelist_count");
  if (!pages || !unused) return 0;
  return static_cast<std::uint64_t>(*pages - *unused) * 4096;
}

void Database::shrink() {
  static_cast<void>(run("PRAGMA incremental_vacuum(4096)"));
  checkpoint();
}

void Database::checkpoint() { static_cast<void>(run("PRAGMA wal_checkpoint(TRUNCATE)")); }

FileResult<Transaction> Transaction::begin(Database& database) {
  // A rollback that failed is made up for here.
  if (sqlite3_get_autocommit(database.raw_) == 0) EYEFLOW_STORAGE_CHECK(database.run("ROLLBACK"));
  EYEFLOW_STORAGE_CHECK(database.begin_.run());
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite rolls back by itself after some errors; then this one says so, and all is well.
  if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));
}

FileResult<void> Transaction::commit() {
  EYEFLOW_STORAGE_CHECK(database_->commit_.run());
  database_ = nullptr;
  return {};
}

}  // namespace eyeflow::runtime
