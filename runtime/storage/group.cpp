#include "runtime/storage/group.h"

#include <bit>

namespace eyeflow::runtime {

void Group::take(const Changes& changes, bool with_rows, Ticket ticket) {
  const auto& bytes = changes.bytes();
  for (std::size_t at = 0; at < bytes.size();) {
    const auto entry = entry_at(bytes, at);
    const std::size_t end = at + sizeof entry + entry.size;
    if (!entry.is_row) {
      keep(SlotId{entry.target}, std::span(bytes).subspan(at + sizeof entry, entry.size));
    } else if (with_rows) {
      rows_.insert(rows_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(end));
      ++row_count_;
    }
    at = end;
  }
  last_ = ticket;
  urgent_ = urgent_ || changes.is_urgent();
}

// In its old place when it fits there: an instance's state is as large as the one before.
void Group::keep(SlotId slot, std::span<const std::byte> bytes) {
  const auto index = static_cast<std::size_t>(slot);
  if (index >= values_.size()) values_.resize(index + 1);
  Value& value = values_[index];
  if (bytes.size() > value.capacity) {
    value_garbage_ += value.capacity;
    value.offset = value_bytes_.size();
    value.capacity = static_cast<std::uint32_t>(std::bit_ceil(bytes.size() | 15));
    value_bytes_.resize(value.offset + value.capacity);
  }
  value.size = static_cast<std::uint32_t>(bytes.size());
  if (!bytes.empty()) std::memcpy(value_bytes_.data() + value.offset, bytes.data(), bytes.size());
  if (!value.changed) changed_.push_back(slot);
  value.changed = true;
}

void Group::clear() {
  rows_.clear();
  row_count_ = 0;
  for (const SlotId slot : changed_) values_[static_cast<std::size_t>(slot)].changed = false;
  changed_.clear();
  if (value_garbage_ > value_bytes_.size() / 2) {
    values_.assign(values_.size(), {});
    value_bytes_.clear();
    value_garbage_ = 0;
  }
  urgent_ = false;
}

}  // namespace eyeflow::runtime
