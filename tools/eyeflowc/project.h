#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vm/base/result.h"

namespace eyeflow::eyeflowc {

inline constexpr const char* kProjectFile = "eyeflow.toml";

// A folder of tasks and modules that belong together, as its eyeflow.toml says:
//
//     [project]
//     name    = "line1"
//     tasks   = ["monitor.eft", "qa/line_qa.eft"]   # what build, check and test take without arguments
//     modules = ["lib"]                             # more folders that `use` looks in, behind the project's own
//     key     = "keys/plant.key"                    # what build signs with
//     output  = "build"                             # where bundles go
//
// Paths are the project's: relative ones count from its folder.
struct Project {
  std::filesystem::path folder;
  std::string name;
  std::vector<std::filesystem::path> tasks;
  std::vector<std::filesystem::path> modules;  // the folder itself is the first
  std::filesystem::path key;                   // empty: not said
  std::filesystem::path output;                // the folder, unless said otherwise
};

// The project that a folder lies in: of the nearest eyeflow.toml, in it or above it. Nothing when there is none; an
// error when it cannot be read, or says something that a project does not have.
Result<std::optional<Project>> find_project(const std::filesystem::path& folder);

// What to work on: the files named, else the tasks of the project that this folder lies in.
Result<std::vector<std::string>> files_or_project(const std::vector<std::string>& files);

}  // namespace eyeflow::eyeflowc
