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

// The values of a state.db that cannot be opened, on a disk that cannot be written: from its pages, as far as they
// authenticate. Nothing is changed.
std::vector<KeptValue> values_in(const std::filesystem::path& path, const DeviceKey& key);

}  // namespace eyeflow::runtime
