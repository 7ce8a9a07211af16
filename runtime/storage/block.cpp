#include "runtime/storage/block.h"

#include <algorithm>
#include <utility>

namespace eyeflow::runtime {
namespace {

// Seven bits a byte, the lowest first; the highest bit says that more follow. Gives the place behind it.
std::byte* put(std::byte* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::byte>(value | 0x80);
  *out++ = static_cast<std::byte>(value);
  return out;
}
std::byte* put(std::byte* out, std::span<const std::byte> bytes) { return std::ranges::copy(bytes, out).out; }

// Small numbers for small distances, either way.
std::uint64_t folded(std::uint64_t distance) { return distance << 1 ^ (0 - (distance >> 63)); }
std::uint64_t unfolded(std::uint64_t value) { return value >> 1 ^ (0 - (value & 1)); }

}  // namespace

void BlockWriter::clear() {
  for (const auto stream : in_block_) streams_[stream] = 0;
  in_block_.clear();
  bytes_.clear();
  rows_ = sequence_ = 0;
  time_ = 0;
}

void BlockWriter::add(std::uint32_t stream, const NameDigest& names, vm::TimeNs time, std::span<const std::byte> row,
                      std::uint64_t sequence) {
  if (stream >= streams_.size()) streams_.resize(stream + 1);
  const bool is_new = streams_[stream] == 0;
  if (is_new) {
    in_block_.push_back(stream);
    streams_[stream] = static_cast<std::uint32_t>(in_block_.size());
  }
  const std::size_t had = bytes_.size();
  bytes_.resize(had + kRowOverhead + row.size());
  std::byte* at = put(bytes_.data() + had, std::uint64_t{streams_[stream] - 1} << 1 | (sequence != 0));
  if (is_new) at = put(at, names);
  if (sequence != 0) at = put(at, folded(sequence - std::exchange(sequence_, sequence)));
  at = put(at, folded(static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(std::exchange(time_, time))));
  at = put(at, row.size());
  at = put(at, row);
  bytes_.resize(static_cast<std::size_t>(at - bytes_.data()));
  ++rows_;
}

inline bool BlockReader::number(std::uint64_t& value) {
  if (!rest_.empty() && rest_.front() < std::byte{0x80}) {
    value = std::to_integer<std::uint64_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return true;
  }
  value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(rest_.front());
    rest_ = rest_.subspan(1);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool BlockReader::next(Row& row) {
  if (rest_.empty() || !good_) return false;
  good_ = false;
  std::uint64_t stream = 0, distance = 0, size = 0;
  if (!number(stream) || stream >> 1 > streams_.size()) return false;
  const bool has_sequence = (stream & 1) != 0;
  stream >>= 1;
  if (stream == streams_.size()) {
    NameDigest names;
    if (rest_.size() < names.size()) return false;
    std::ranges::copy(rest_.first(names.size()), names.begin());
    rest_ = rest_.subspan(names.size());
    streams_.push_back(names);
  }
  row.stream = static_cast<std::uint32_t>(stream);
  row.sequence = 0;
  if (has_sequence) {
    if (!number(distance)) return false;
    row.sequence = sequence_ += unfolded(distance);
  }
  if (!number(distance) || !number(size) || size > rest_.size()) return false;
  row.time = time_ = static_cast<vm::TimeNs>(static_cast<std::uint64_t>(time_) + unfolded(distance));
  row.bytes = rest_.first(static_cast<std::size_t>(size));
  rest_ = rest_.subspan(static_cast<std::size_t>(size));
  return good_ = true;
}

}  // namespace eyeflow::runtime
