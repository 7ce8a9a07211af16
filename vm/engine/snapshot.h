#pragma once

#include "vm/engine/plan.h"

// A snapshot's layout as bytes and its places in words, for what writes and for what reads them; docs/formats.md has
// the format.
namespace eyeflow::vm {

inline constexpr Word kSnapshotVersion = 0x02'4e'53'46'45'89;  // "\x89EFSN", then the version

// The words that a snapshot and its parts begin with, as byte offsets.
struct SnapshotHead {
  static constexpr std::uint32_t kVersion = 0, kLayout = 8, kNow = 16, kEnd = 24;
};
struct AlarmWords {
  static constexpr std::uint32_t kActive = 0, kRaised = 8, kSince = 16, kAcknowledged = 24, kTold = 32, kOver = 40,
                                 kHolds = 48, kBegan = 56, kEnded = 64, kShelvedUntil = 72, kRemindAt = 80, kEnd = 88;
};
struct InputWords {
  static constexpr std::uint32_t kReady = 0, kTime = 8, kValue = 16;
  // Of kReady. (Snapshots of before the second one was written have it as 0.)
  static constexpr Word kHeard = 1, kLastWasBad = 2;
};
struct WindowWords {
  static constexpr std::uint32_t kOpen = 0, kOrigin = 8, kPhase = 16, kNewest = 24, kNewestAt = 32, kHeard = 40,
                                 kFirstAt = 48, kEndAt = 56, kCount = 64, kSkipped = 72, kLate = 80, kMemory = 88;
};
struct OutputWords {
  static constexpr std::uint32_t kKnown = 0, kValue = 8, kText = 16;
};

// Whether a value of its type is kept: not of a log, nor of what this module never looks at.
inline bool has_value(const SnapshotField& field) {
  return field.type.kind != TypeKind::Scalar || field.type.element != Scalar::Void;
}
std::uint64_t hash_of(std::span<const std::byte> bytes);

// What identifies a field in another version of the task; a layout's bytes are these, one after the other.
std::vector<std::byte> key_of(const SnapshotField& field);
std::vector<std::byte> write_layout(const std::vector<SnapshotField>& fields);
// With offsets and sizes filled in; all of them together fit the 32 bits of an offset.
Result<std::vector<SnapshotField>> read_layout(std::span<const std::byte> bytes);

}  // namespace eyeflow::vm
