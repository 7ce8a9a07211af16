#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "runtime/storage/history_file.h"
#include "runtime/storage/state_file.h"

namespace eyeflow::runtime {

// What became of a damaged file.
struct Recovered {
  std::filesystem::path aside;  // its new name
  std::uint64_t values = 0, lost_values = 0;
  std::uint64_t rows = 0, lost_rows = 0;  // lost: as far as can be counted
};

// Puts a new file in the place of a damaged one and takes over every value and row that is found in its pages, by
// whatever way, and authenticates. The damaged one must not be open and is not changed. Rows keep their numbers; the
// new file has an epoch above `floor` and above the old one.
FileResult<Recovered> recover_state(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t floor);
FileResult<Recovered> recover_history(const std::filesystem::path& path, const DeviceKey& key, std::uint64_t floor);

inline constexpr std::uint64_t kEpochLimit = std::uint64_t{1} << 53;
// An epoch for a new file: above `floor`, and by its time and chance one that this device has never had, even when it
// knows nothing of its past. Below 2^53.
std::uint64_t new_epoch(FileKind kind, std::uint64_t floor);

}  // namespace eyeflow::runtime
