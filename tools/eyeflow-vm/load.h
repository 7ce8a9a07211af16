#pragma once

#include <expected>
#include <filesystem>
#include <vector>

#include "runtime/security/keys.h"
#include "runtime/site/site.h"

// Opening what the verbs have in common.
namespace eyeflow::tools {

Result<std::vector<runtime::PublicKey>> load_keys(const std::vector<std::filesystem::path>& paths);

// Reads the site and puts the bundles in the place of those that it names. Failures are reported; the error is the exit
// status.
std::expected<runtime::Site, int> open_site(const std::filesystem::path& path,
                                            const std::vector<std::filesystem::path>& bundles);

}  // namespace eyeflow::tools
