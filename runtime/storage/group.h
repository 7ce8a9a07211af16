#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "runtime/storage/changes.h"
#include "runtime/storage/store.h"

namespace eyeflow::runtime {

// Events on their way to disk together: all rows in order, and of each slot the latest value. Of the thread that holds
// it. Two of them take turns, so that nothing is allocated once both have seen the largest group.
class Group {
 public:
  struct Row {
    StreamId stream;
    vm::TimeNs time;
    std::span<const std::byte> bytes;
  };

  // Rows of these changes would make more than `limit` bytes together with those before.
  bool has_room(const Changes& changes, std::size_t limit) const {
    return changes.rows() == 0 || rows_.empty() || rows_.size() + changes.bytes().size() <= limit;
  }
  void take(const Changes& changes, bool with_rows, Ticket ticket);
  void clear();

  bool empty() const { return row_count_ == 0 && changed_.empty(); }
  bool is_urgent() const { return urgent_; }
  std::size_t row_count() const { return row_count_; }
  std::size_t row_bytes() const { return rows_.size(); }
  Ticket last() const { return last_; }

  // In the order in which they were submitted.
  template <typename F>
  void for_each_row(F&& use) const {
    for (std::size_t at = 0; at < rows_.size();) {
      const auto entry = entry_at(rows_, at);
      at += sizeof entry;
      use(Row{StreamId{entry.target}, entry.time, std::span(rows_).subspan(at, entry.size)});
      at += entry.size;
    }
  }
  std::span<const SlotId> changed() const { return changed_; }
  std::span<const std::byte> value(SlotId slot) const {
    const Value& value = values_[static_cast<std::size_t>(slot)];
    return std::span(value_bytes_).subspan(value.offset, value.size);
  }

 private:
  struct Value {
    std::size_t offset = 0;
    std::uint32_t size = 0, capacity = 0;
    bool changed = false;
  };
  static Changes::Entry entry_at(const std::vector<std::byte>& bytes, std::size_t at) {
    Changes::Entry entry;
    std::memcpy(&entry, bytes.data() + at, sizeof entry);
    return entry;
  }
  void keep(SlotId slot, std::span<const std::byte> bytes);

  std::vector<std::byte> rows_;  // entries of Changes
  std::size_t row_count_ = 0;
  std::vector<Value> values_;  // by SlotId
  std::vector<std::byte> value_bytes_;
  std::size_t value_garbage_ = 0;
  std::vector<SlotId> changed_;
  Ticket last_{};
  bool urgent_ = false;
};

}  // namespace eyeflow::runtime
