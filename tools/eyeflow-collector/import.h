#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "runtime/security/keys.h"
#include "tools/eyeflow-collector/database.h"

namespace eyeflow::collector {

struct Imported {
  std::uint64_t files = 0, rows = 0, known = 0;  // taken; rows that were new, and that were there already
  std::vector<std::string> refused;              // a line for each file that was not taken, and why
  std::vector<std::string> notes;
};

// Takes every file of rows in `folder` and the folders in it (one for each device), each row once by its number. For a
// device of which every file was taken, a receipt is written beside them: its `eyeflow-vm export --release` lets go of
// the rows by it. Fails only where the folder cannot be read or the database cannot be written.
Result<Imported> import_rows(Database& database, const std::map<std::string, runtime::PublicKey, std::less<>>& devices,
                             const std::filesystem::path& folder);

}  // namespace eyeflow::collector
