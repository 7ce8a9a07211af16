#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/storage/sealed_file.h"

// Rows that are sealed together. What a commit adds becomes blocks: one seal, one insertion and one deletion for all
// rows of a block. docs/storage.md has the layout.
namespace eyeflow::runtime {

// A block is lost as a whole when one of its pages is damaged, and is in memory as a whole when it is read.
inline constexpr std::size_t kMostBlockRows = 512;
inline constexpr std::size_t kMostBlockBytes = 16u << 10;

// Fills one block after the other without allocating, once it has seen the largest.
class BlockWriter {
 public:
  void clear();
  bool empty() const { return rows_ == 0; }
  // A block takes at least one row, however long.
  bool has_room(std::size_t row_bytes) const {
    return rows_ == 0 || (rows_ < kMostBlockRows && bytes_.size() + row_bytes + kRowOverhead <= kMostBlockBytes);
  }
  // `stream` is the number that the file's table of names has for it. `sequence`: of the row in the outbox, where the
  // block does not say it.
  void add(std::uint32_t stream, const NameDigest& names, vm::TimeNs time, std::span<const std::byte> row,
           std::uint64_t sequence = 0);
  std::uint64_t rows() const { return rows_; }
  std::span<const std::byte> plain() const { return bytes_; }

 private:
  static constexpr std::size_t kRowOverhead = 52;  // at most: numbers and the digest of the names

  std::vector<std::byte> bytes_;
  std::vector<std::uint32_t> streams_;   // the block's own number of a stream, by the file's; 0: not in it
  std::vector<std::uint32_t> in_block_;  // the file's numbers of those that are
  std::uint64_t rows_ = 0, sequence_ = 0;
  vm::TimeNs time_ = 0;  // of the row before, as the sequence
};

// Walks over the rows of a block.
class BlockReader {
 public:
  struct Row {
    std::uint32_t stream = 0;  // of the block: 0, 1, 2 …, in the order of their first rows
    vm::TimeNs time = 0;
    std::uint64_t sequence = 0;  // 0: the block says it
    std::span<const std::byte> bytes;
  };

  explicit BlockReader(std::span<const std::byte> plain) : rest_(plain) {}
  // False: there are no more, or the block is none (is_good() tells).
  bool next(Row& row);
  bool is_good() const { return good_; }
  const std::vector<NameDigest>& streams() const { return streams_; }  // of the rows so far

 private:
  bool number(std::uint64_t& value);

  std::span<const std::byte> rest_;
  std::vector<NameDigest> streams_;
  std::uint64_t sequence_ = 0;
  vm::TimeNs time_ = 0;
  bool good_ = true;
};

}  // namespace eyeflow::runtime
