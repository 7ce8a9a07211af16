#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vm/module/module.h"

namespace eyeflow::runtime {

// A value of which the latest is kept, and a log's rows of one instance: both are registered once by their names, see
// Store::slot and Store::stream.
enum class SlotId : std::uint32_t {};
enum class StreamId : std::uint32_t {};

// What one event of one instance leaves to be kept: it reaches the disk as a whole or not at all, and never before an
// earlier event of the same instance. One for each thread, cleared and filled again: it stops allocating once it has
// seen the largest event.
class Changes {
 public:
  void clear() {
    bytes_.clear();
    rows_ = 0;
    urgent_ = false;
  }
  // The slot's new value. At most kMaxValueBytes.
  void keep(SlotId slot, std::span<const std::byte> value) {
    add({.size = static_cast<std::uint32_t>(value.size()), .target = static_cast<std::uint32_t>(slot)}, value);
  }
  // One more row of a log. Storage takes the bytes as they are; by convention they are the row as a JSON object
  // ({"temp":71.5}), so that exports, uploads and queries need no schema. At most kMaxRowBytes.
  void row(StreamId stream, vm::TimeNs event_time, std::span<const std::byte> row) {
    add({.size = static_cast<std::uint32_t>(row.size()),
         .target = static_cast<std::uint32_t>(stream),
         .is_row = true,
         .time = event_time},
        row);
    ++rows_;
  }
  // It holds a switch change or an alarm transition: it is committed at once, and everything before it too.
  void commit_at_once() { urgent_ = true; }

  bool empty() const { return bytes_.empty(); }

  // Of Store: entries lie one after the other, each with its bytes behind it.
  struct Entry {
    std::uint32_t size = 0;
    std::uint32_t target = 0;  // SlotId or StreamId
    bool is_row = false;
    vm::TimeNs time = 0;
  };
  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::uint32_t rows() const { return rows_; }
  bool is_urgent() const { return urgent_; }

 private:
  void add(const Entry& entry, std::span<const std::byte> value) {
    const auto head = std::as_bytes(std::span(&entry, 1));
    bytes_.insert(bytes_.end(), head.begin(), head.end());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }

  std::vector<std::byte> bytes_;
  std::uint32_t rows_ = 0;
  bool urgent_ = false;
};

inline constexpr std::size_t kMaxRowBytes = 64u << 10;
inline constexpr std::size_t kMaxValueBytes = 64u << 20;

}  // namespace eyeflow::runtime
