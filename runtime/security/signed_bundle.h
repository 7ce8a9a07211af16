#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "runtime/security/keys.h"
#include "vm/base/result.h"
#include "vm/module/bundle.h"

namespace eyeflow::runtime {

// The finished bundle. The same sections and key give the same bytes.
Result<std::vector<std::byte>> sign_bundle(std::span<const vm::BundleSection> sections, const PrivateKey& key);

// Checks the signature over the raw bytes with the trusted key that the bundle names, and only then splits the
// sections. The result borrows from `bytes`.
Result<vm::Bundle> verify_bundle(std::span<const std::byte> bytes, std::span<const PublicKey> trusted);

// A whole file, at most kBundleMaxBytes.
Result<std::vector<std::byte>> read_bundle_file(const std::filesystem::path& path);

}  // namespace eyeflow::runtime
