#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

// The container that travels to a device: named sections and one signature over every byte before it. This file knows
// bytes only. Whether the signature is good is runtime/security's business, what a section means is its reader's.
// The layout stands in docs/formats.md, section "Bundle".
namespace eyeflow::vm {

inline constexpr std::uint16_t kBundleVersion = 1;
inline constexpr std::size_t kBundleMaxSections = 16;
inline constexpr std::size_t kBundleMaxSignatureBytes = 512;
inline constexpr std::size_t kBundleMaxBytes = 64u << 20;

inline constexpr std::string_view kModuleSection = "module";
inline constexpr std::string_view kManifestSection = "manifest";

// SHA-256 of the signer's public key (DER, SubjectPublicKeyInfo): says which key to check with, proves nothing itself.
using KeyId = std::array<std::byte, 32>;

// One named part. Names are 1 to 15 of [a-z0-9_-], each used once. `bytes` is borrowed.
struct BundleSection {
  std::string_view name;
  std::span<const std::byte> bytes;
};

// The outermost shape: all that may be read before the signature is checked. Borrows from the bytes it was read from.
struct BundleFrame {
  KeyId key_id;
  std::span<const std::byte> signed_bytes;
  std::span<const std::byte> signature;
};

struct Bundle {
  BundleFrame frame;
  std::vector<BundleSection> sections;  // in file order; each starts at a multiple of 8 in the file

  // The section of that name; nullptr when the bundle has none.
  const BundleSection* find(std::string_view name) const;
};

// The bytes to sign: header, sections, padding. Appending a signature of exactly `signature_bytes` completes the
// bundle. The same arguments give the same bytes. Fails on a bad name, a name used twice, or sizes over the limits.
Result<std::vector<std::byte>> write_bundle(std::span<const BundleSection> sections, const KeyId& key_id,
                                            std::size_t signature_bytes);

// Checks magic, version and that the sizes add up to exactly bytes.size(). Looks at nothing inside the sections.
Result<BundleFrame> read_bundle_frame(std::span<const std::byte> bytes);

// Frame and sections, split without interpreting and WITHOUT checking the signature: use
// runtime::verify_bundle unless the bytes are only shown to their author.
Result<Bundle> read_bundle(std::span<const std::byte> bytes);

}  // namespace eyeflow::vm
