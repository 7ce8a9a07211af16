#include "runtime/storage/pages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>

#include "runtime/storage/raw_file.h"

namespace eyeflow::runtime {
namespace {

constexpr std::size_t kLargestPayload = 65u << 20;
constexpr std::size_t kMostColumns = 8;
constexpr std::byte kTableLeaf{13};

using Page = std::array<std::byte, kPageBytes>;

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const auto b : bytes) value = value << 8 | std::to_integer<std::uint64_t>(b);
  return value;
}

// SQLite's variable-length integer; moves `at` behind it. Nothing at the end of the bytes.
std::optional<std::uint64_t> varint(std::span<const std::byte> bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (int i = 0; i < 9; ++i) {
    if (at >= bytes.size()) return std::nullopt;
    const auto b = std::to_integer<std::uint64_t>(bytes[at++]);
    if (i == 8) return value << 8 | b;
    value = value << 7 | (b & 0x7f);
    if ((b & 0x80) == 0) return value;
  }
  return value;
}

std::int64_t signed_integer(std::span<const std::byte> bytes) {
  const auto shift = 64 - 8 * bytes.size();
  return static_cast<std::int64_t>(big_endian(bytes) << shift) >> shift;
}

// The value of a serial type, and how many bytes it takes; false when they are not there.
bool value_of(std::uint64_t type, std::span<const std::byte> rest, RawValue& out, std::size_t& size) {
  static constexpr std::size_t kIntegerBytes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type == 10 || type == 11) return false;
  size = type < 10 ? kIntegerBytes[type] : static_cast<std::size_t>((type - 12) / 2);
  if (type >= 12 && (type - 12) / 2 > rest.size()) return false;
  if (size > rest.size()) return false;
  const auto bytes = rest.first(size);
  if (type == 0) {
    out.kind = RawValue::Kind::Null;
  } else if (type == 7) {
    out.kind = RawValue::Kind::Other;
  } else if (type < 10) {
    out.kind = RawValue::Kind::Integer;
    out.integer = type == 8 ? 0 : type == 9 ? 1 : signed_integer(bytes);
  } else {
    out.kind = type % 2 == 0 ? RawValue::Kind::Blob : RawValue::Kind::Text;
    out.bytes = bytes;
  }
  return true;
}

bool read_record(std::span<const std::byte> payload, RawRow& row) {
  std::size_t at = 0;
  const auto header = varint(payload, at);
  if (!header || *header > payload.size()) return false;
  std::size_t body = static_cast<std::size_t>(*header);
  row.columns.clear();
  while (at < *header) {
    const auto type = varint(payload.first(static_cast<std::size_t>(*header)), at);
    RawValue value;
    std::size_t size = 0;
    if (!type || row.columns.size() == kMostColumns || !value_of(*type, payload.subspan(body), value, size)) {
      return false;
    }
    row.columns.push_back(value);
    body += size;
  }
  return true;
}

class Reader {
 public:
  Reader(const std::filesystem::path& database, const std::function<void(const RawRow&)>& use)
      : database_(database), wal_(wal_of(database)), use_(use) {}

  void read() {
    const auto frames =
        wal_.size() < kWalHeaderBytes ? 0 : (wal_.size() - kWalHeaderBytes) / (kFrameHeaderBytes + kPageBytes);
    std::array<std::byte, 4> number;
    for (std::uint64_t i = 0; i < frames; ++i) {
      if (wal_.read(frame_at(i), number)) in_wal_[big_endian(number)] = i;  // the last one counts
    }
    Page page;
    for (std::uint64_t at = 0; database_.read(at, page); at += kPageBytes) read_page(page, at == 0 ? 100 : 0);
    for (std::uint64_t i = 0; i < frames; ++i) {
      if (wal_.read(frame_at(i) + kFrameHeaderBytes, page) && wal_.read(frame_at(i), number)) {
        read_page(page, big_endian(number) == 1 ? 100 : 0);
      }
    }
  }

 private:
  void read_page(const Page& page, std::size_t header) {
    const std::span bytes(page);
    if (bytes[header] != kTableLeaf) return;
    const auto cells = static_cast<std::size_t>(big_endian(bytes.subspan(header + 3, 2)));
    for (std::size_t i = 0; i < cells && header + 8 + 2 * i + 2 <= kPageBytes; ++i) {
      const auto at = static_cast<std::size_t>(big_endian(bytes.subspan(header + 8 + 2 * i, 2)));
      if (at < kPageBytes) read_cell(bytes, at);
    }
  }

  void read_cell(std::span<const std::byte> page, std::size_t at) {
    const auto size = varint(page, at);
    if (!size || *size > kLargestPayload) return;
    const auto key = varint(page, at);
    if (!key) return;
    row_.key = static_cast<std::int64_t>(*key);
    const auto bytes = static_cast<std::size_t>(*size);
    const auto here = local_bytes(bytes);
    if (at + here > page.size()) return;
    if (here == bytes) {
      if (read_record(page.subspan(at, here), row_)) use_(row_);
      return;
    }
    if (at + here + 4 > page.size()) return;
    payload_.assign(page.begin() + static_cast<std::ptrdiff_t>(at),
                    page.begin() + static_cast<std::ptrdiff_t>(at + here));
    if (read_chain(big_endian(page.subspan(at + here, 4)), bytes) && read_record(payload_, row_)) use_(row_);
  }

  // How much of a payload lies in the leaf itself.
  static std::size_t local_bytes(std::size_t payload) {
    constexpr std::size_t most = kPageBytes - 35, least = (kPageBytes - 12) * 32 / 255 - 23;
    if (payload <= most) return payload;
    const std::size_t fits = least + (payload - least) % (kPageBytes - 4);
    return fits <= most ? fits : least;
  }

  bool read_chain(std::uint64_t number, std::size_t size) {
    Page page;
    while (payload_.size() < size) {
      if (number == 0) return false;
      const auto found = in_wal_.find(number);
      if (!(found != in_wal_.end() ? wal_.read(frame_at(found->second) + kFrameHeaderBytes, page)
                                   : database_.read((number - 1) * kPageBytes, page))) {
        return false;
      }
      const auto some = std::min(size - payload_.size(), kPageBytes - 4);
      payload_.insert(payload_.end(), page.begin() + 4, page.begin() + 4 + static_cast<std::ptrdiff_t>(some));
      number = big_endian(std::span(page).first(4));
    }
    return true;
  }

  RawFile database_, wal_;
  const std::function<void(const RawRow&)>& use_;
  std::map<std::uint64_t, std::uint64_t> in_wal_;  // page to its last frame
  std::vector<std::byte> payload_;
  RawRow row_;
};

// SQLite's sum over words of 4 bytes in pairs, in the order of bytes that the log's header names.
struct LogSum {
  bool is_big_endian = false;
  std::uint32_t a = 0, b = 0;

  void add(std::span<const std::byte> bytes) {
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      a += word(bytes.subspan(at, 4)) + b;
      b += word(bytes.subspan(at + 4, 4)) + a;
    }
  }
  bool is(std::span<const std::byte> sum) const {  // which are big-endian always
    return a == big_endian(sum.first(4)) && b == big_endian(sum.subspan(4, 4));
  }

 private:
  std::uint32_t word(std::span<const std::byte> bytes) const {
    const auto value = static_cast<std::uint32_t>(big_endian(bytes));
    return is_big_endian ? value : std::byteswap(value);
  }
};

}  // namespace

LogState look_into_log(const std::filesystem::path& database) {
  const RawFile log(wal_of(database));
  LogState state;
  std::array<std::byte, kWalHeaderBytes> head;
  if (!log.read(0, head)) return state;
  const std::span header(head);
  LogSum sum{.is_big_endian = (head[3] & std::byte{1}) != std::byte{}};
  sum.add(header.first(24));
  bool is_whole = sum.is(header.subspan(24)), has_commit_behind = false;
  std::array<std::byte, kFrameHeaderBytes + kPageBytes> bytes;
  std::array<std::byte, kSaltsBytes> salts;
  std::ranges::copy(header.subspan(kSaltsInHeader, kSaltsBytes), salts.begin());
  for (std::uint64_t at = kWalHeaderBytes; log.read(at, bytes); at += bytes.size()) {
    const std::span frame(bytes);
    if (!is_whole && at == kWalHeaderBytes) std::ranges::copy(frame.subspan(kSaltsInFrame, kSaltsBytes), salts.begin());
    // Of the time before it was started over, from here on.
    if (!std::ranges::equal(frame.subspan(kSaltsInFrame, kSaltsBytes), salts)) break;
    state.is_damaged = state.is_damaged || has_commit_behind;
    sum.add(frame.first(8));
    sum.add(frame.subspan(kFrameHeaderBytes));
    const bool follows = sum.is(frame.subspan(16, 8));  // the frame before it, as that one says of itself
    is_whole = is_whole && follows;
    has_commit_behind = !is_whole && follows && big_endian(frame.subspan(4, 4)) != 0;
    sum.a = static_cast<std::uint32_t>(big_endian(frame.subspan(16, 4)));
    sum.b = static_cast<std::uint32_t>(big_endian(frame.subspan(20, 4)));
    ++state.pages;
    state.intact += is_whole;
  }
  return state;
}

void for_each_raw_row(const std::filesystem::path& database, const std::function<void(const RawRow&)>& use) {
  Reader(database, use).read();
}

}  // namespace eyeflow::runtime
