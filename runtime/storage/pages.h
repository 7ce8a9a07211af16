#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

// Reads what stands in the pages of a database that SQLite will not open, and in its WAL.
namespace eyeflow::runtime {

struct RawValue {
  enum class Kind { Null, Integer, Text, Blob, Other } kind = Kind::Null;
  std::int64_t integer = 0;
  std::span<const std::byte> bytes;  // of texts and blobs
};

struct RawRow {
  std::int64_t key = 0;
  std::vector<RawValue> columns;  // the one that is the key is null
};

// Calls `use` for every row of every table page that can be made out, in the order of the file, then of the WAL. Rows
// come with no table's name, more than once, and after they were deleted: who calls knows what is authentic. Believes
// nothing that it reads. Pages have 4,096 bytes (https://www.sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.1).
void for_each_raw_row(const std::filesystem::path& database, const std::function<void(const RawRow&)>& use);

// A database's WAL: pages that were written since it was started over, and how many of them can be read, up to the
// first one that is not whole (sections 4.1 and 4.2). What a power cut tears was not committed; `is_damaged` where a
// commit lies behind the tear and was on disk, because something was written after it.
struct LogState {
  std::uint64_t pages = 0, intact = 0;
  bool is_damaged = false;
};
LogState look_into_log(const std::filesystem::path& database);

}  // namespace eyeflow::runtime
