#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/security/keys.h"
#include "runtime/site/site.h"
#include "vm/engine/engine.h"

// Opening what the verbs have in common.
namespace eyeflow::tools {

Result<std::vector<runtime::PublicKey>> load_keys(const std::vector<std::filesystem::path>& paths);

// A bundle whose signature and code are good, and its program in a tier.
struct LoadedBundle {
  std::string key;  // short, of who signed it
  std::size_t bytes = 0;
  std::unique_ptr<const vm::Program> program;
};
std::expected<LoadedBundle, int> load_bundle(const std::filesystem::path& path,
                                             const std::vector<std::filesystem::path>& keys,
                                             const vm::Program::Options& options);

// Reads the site and puts the bundles in the place of those that it names. Failures are reported; the error is the exit
// status.
std::expected<runtime::Site, int> open_site(const std::filesystem::path& path,
                                            const std::vector<std::filesystem::path>& bundles);

}  // namespace eyeflow::tools
