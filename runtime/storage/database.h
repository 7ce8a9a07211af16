#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

// SQLite as this folder uses it: one connection per file, on one thread, that nobody else may open.
namespace eyeflow::runtime {

// What to do next depends on this and on nothing finer.
enum class Trouble {
  Full,     // no room on the disk
  Io,       // the system would not read, write or open: it may pass
  Damaged,  // the file is not what we wrote
  Newer,    // a later version of this program wrote it
  Busy,     // another process has it open
};

struct FileError {
  Trouble trouble;
  std::string message;
};

template <typename T>
using FileResult = std::expected<T, FileError>;

inline std::unexpected<FileError> damaged(std::string message) {
  return std::unexpected(FileError{Trouble::Damaged, std::move(message)});
}

// A prepared statement; borrows from its Database. Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* raw) : raw_(raw) {}
  ~Statement();
  Statement(Statement&& other) noexcept : raw_(other.raw_) { other.raw_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept;

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);            // must live until the next step
  Statement& bind(int parameter, std::span<const std::byte> blob);  // likewise
  // True: a row is there. False: done; the statement is reset and may be used again.
  FileResult<bool> step();
  // For statements without rows.
  FileResult<void> run();
  void reset();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;            // until the next step
  std::span<const std::byte> blob(int column) const;  // until the next step

 private:
  sqlite3_stmt* raw_ = nullptr;
};

// A read that stays open keeps the WAL from being emptied: a statement that may not be read to its end is reset.
class StatementReset {
 public:
  explicit StatementReset(Statement& statement) : statement_(statement) {}
  ~StatementReset() { statement_.reset(); }
  StatementReset(const StatementReset&) = delete;
  StatementReset& operator=(const StatementReset&) = delete;

 private:
  Statement& statement_;
};

class Database {
 public:
  // Makes the file when it is missing. WAL, synchronous=FULL, locked for this connection alone: with a second one,
  // SQLite 3.7.0 to 3.51.2 can corrupt a WAL that is reset.
  static FileResult<Database> open(const std::filesystem::path& path, std::uint32_t checkpoint_pages);
  // Of a file that is there, and that somebody else may write: takes no lock, changes and makes nothing. See
  // read_only_files().
  static FileResult<Database> open_to_read(const std::filesystem::path& path);
  ~Database();
  Database(Database&& other) noexcept
      : raw_(std::exchange(other.raw_, nullptr)), begin_(std::move(other.begin_)), commit_(std::move(other.commit_)) {}
  Database& operator=(Database&& other) noexcept;

  FileResult<void> run(const char* sql);
  FileResult<Statement> prepare(std::string_view sql);
  FileResult<std::int64_t> number(const char* sql);  // the first column of the first row; 0 when there is none

  std::uint64_t bytes_in_use();  // pages that hold something
  // Gives free pages back to the file system, as far as it can.
  void checkpoint();  // the WAL goes into its database, as far as there is room
  void shrink();
  // Closes now rather than in the destructor. False when the WAL could not be brought into the file; it stays valid.
  bool close();

 private:
  friend class Transaction;
  explicit Database(sqlite3* raw) : raw_(raw) {}
  sqlite3* raw_ = nullptr;
  Statement begin_, commit_;
};

// Rolls back when it goes out of scope without a commit.
class Transaction {
 public:
  static FileResult<Transaction> begin(Database& database);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  FileResult<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

#define EYEFLOW_STORAGE_CHECK(expression)                                                  \
  do {                                                                                     \
    if (auto outcome_ = (expression); !outcome_) return std::unexpected(outcome_.error()); \
  } while (false)

}  // namespace eyeflow::runtime
