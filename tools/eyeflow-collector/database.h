#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "runtime/sync/batch.h"

namespace eyeflow::collector {

// What a batch added.
struct Taken {
  std::uint64_t stored = 0;   // everything of the device's epoch up to this number is on disk
  std::uint64_t added = 0;    // rows that were new
  std::uint64_t known = 0;    // rows that were there already: a repeat
  std::uint64_t missing = 0;  // numbers in front of the batch that never came here
  // The first number under which other rows stand here; 0: none. Nothing of the batch was taken then: two devices have
  // one name and key, or the program on one of them gives numbers twice.
  std::uint64_t other = 0;
};

// All devices' rows in one SQLite file, each once by (device, epoch, sequence). README.md has the tables. One thread at
// a time.
class Database {
 public:
  static Result<Database> open(const std::filesystem::path& file);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  // Takes a batch as a whole or not at all; on disk when it returns. `text` is NDJSON. A batch that says it is of
  // another device than `device` is refused.
  Result<Taken> take(std::string_view device, std::string_view text);

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace eyeflow::collector
