#include "vm/module/bundle.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace eyeflow::vm {
namespace {

// As PNG's: a high bit, both line endings and a control-Z, so that every mangling text transfer is noticed at once.
constexpr std::array<unsigned char, 8> kMagic = {0x89, 'E', 'F', 'B', '\r', '\n', 0x1a, '\n'};

constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kSectionHeaderBytes = 24;
constexpr std::size_t kNameBytes = 16;

constexpr std::size_t padded(std::size_t n) { return (n + 7) & ~std::size_t{7}; }

template <typename T>
void put(std::vector<std::byte>& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

template <typename T>
T get(std::span<const std::byte> bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(bytes[at + i]) << (8 * i)));
  }
  return value;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

bool good_name(std::string_view name) {
  return !name.empty() && name.size() < kNameBytes &&
         std::ranges::all_of(
             name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

bool used_before(std::span<const BundleSection> sections, std::string_view name) {
  return std::ranges::any_of(sections, [&](const BundleSection& s) { return s.name == name; });
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail("damaged bundle: " + std::string(what) + "; copy the file again or rebuild it with 'eyeflowc build'");
}

Result<std::vector<BundleSection>> read_sections(const BundleFrame& frame) {
  const auto bytes = frame.signed_bytes;
  const auto count = get<std::uint32_t>(bytes, 48);
  if (count == 0 || count > kBundleMaxSections) return damaged("it claims " + std::to_string(count) + " sections");

  std::vector<BundleSection> sections;
  sections.reserve(count);
  std::size_t at = kHeaderBytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (bytes.size() - at < kSectionHeaderBytes) return damaged("a section header is cut off");
    const auto* name_at = reinterpret_cast<const char*>(bytes.data() + at);
    const std::string_view name(name_at, strnlen(name_at, kNameBytes));
    if (!good_name(name) || !all_zero(bytes.subspan(at + name.size(), kNameBytes - name.size()))) {
      return damaged("a section's name is malformed");
    }
    if (used_before(sections, name)) return damaged("section '" + std::string(name) + "' occurs twice");
    const std::size_t size = get<std::uint32_t>(bytes, at + kNameBytes);
    if (get<std::uint32_t>(bytes, at + kNameBytes + 4) != 0) return damaged("a reserved field is not zero");
    at += kSectionHeaderBytes;
    if (size > bytes.size() - at || padded(size) > bytes.size() - at) {
      return damaged("section '" + std::string(name) + "' is longer than the file");
    }
    if (!all_zero(bytes.subspan(at + size, padded(size) - size))) return damaged("padding is not zero");
    sections.push_back({name, bytes.subspan(at, size)});
    at += padded(size);
  }
  if (at != bytes.size()) return damaged("bytes follow the last section");
  return sections;
}

}  // namespace

const BundleSection* Bundle::find(std::string_view name) const {
  const auto it = std::ranges::find(sections, name, &BundleSection::name);
  return it == sections.end() ? nullptr : &*it;
}

Result<std::vector<std::byte>> write_bundle(std::span<const BundleSection> sections, const KeyId& key_id,
                                            std::size_t signature_bytes) {
  if (sections.empty() || sections.size() > kBundleMaxSections) {
    return fail("a bundle holds 1 to " + std::to_string(kBundleMaxSections) + " sections, not " +
                std::to_string(sections.size()));
  }
  if (signature_bytes == 0 || signature_bytes > kBundleMaxSignatureBytes) {
    return fail("a signature of " + std::to_string(signature_bytes) + " bytes does not fit a bundle");
  }
  std::size_t signed_size = kHeaderBytes;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const auto& section = sections[i];
    if (!good_name(section.name)) {
      return fail("section name '" + std::string(section.name) + "' must be 1 to 15 of a-z 0-9 _ -");
    }
    if (used_before(sections.first(i), section.name)) {
      return fail("section '" + std::string(section.name) + "' is given twice");
    }
    if (section.bytes.size() > kBundleMaxBytes) return fail("section '" + std::string(section.name) + "' is too large");
    signed_size += kSectionHeaderBytes + padded(section.bytes.size());
  }
  const std::size_t total = signed_size + signature_bytes;
  if (total > kBundleMaxBytes) {
    return fail("the bundle would have " + std::to_string(total) + " bytes; at most " +
                std::to_string(kBundleMaxBytes) + " are allowed");
  }

  std::vector<std::byte> out;
  out.reserve(total);
  for (const auto c : kMagic) out.push_back(static_cast<std::byte>(c));
  put<std::uint16_t>(out, kBundleVersion);
  put<std::uint16_t>(out, 0);
  put<std::uint32_t>(out, static_cast<std::uint32_t>(total));
  out.insert(out.end(), key_id.begin(), key_id.end());
  put<std::uint32_t>(out, static_cast<std::uint32_t>(sections.size()));
  put<std::uint32_t>(out, static_cast<std::uint32_t>(signature_bytes));
  put<std::uint64_t>(out, 0);
  for (const auto& section : sections) {
    for (std::size_t i = 0; i < kNameBytes; ++i) {
      out.push_back(i < section.name.size() ? static_cast<std::byte>(section.name[i]) : std::byte{0});
    }
    put<std::uint32_t>(out, static_cast<std::uint32_t>(section.bytes.size()));
    put<std::uint32_t>(out, 0);
    out.insert(out.end(), section.bytes.begin(), section.bytes.end());
    out.resize(padded(out.size()));
  }
  return out;
}

Result<BundleFrame> read_bundle_frame(std::span<const std::byte> bytes) {
  if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(
        "not an EyeFlow bundle (it does not start like one); make one with 'eyeflowc build FILE.eft -o FILE.efb'");
  }
  if (bytes.size() < kHeaderBytes) return damaged("it ends inside its header");
  const auto version = get<std::uint16_t>(bytes, 8);
  if (version != kBundleVersion) {
    return fail("bundle format " + std::to_string(version) + " is not known here (this program reads format " +
                std::to_string(kBundleVersion) + "); update this program or rebuild the bundle with its eyeflowc");
  }
  if (get<std::uint16_t>(bytes, 10) != 0 || get<std::uint64_t>(bytes, 56) != 0) {
    return damaged("a reserved field is not zero");
  }
  const std::size_t total = get<std::uint32_t>(bytes, 12);
  if (total != bytes.size()) {
    return damaged("it says it has " + std::to_string(total) + " bytes but has " + std::to_string(bytes.size()));
  }
  if (total > kBundleMaxBytes) return damaged("it is larger than a bundle may be");
  const std::size_t signature_size = get<std::uint32_t>(bytes, 52);
  if (signature_size == 0 || signature_size > kBundleMaxSignatureBytes || signature_size > total - kHeaderBytes) {
    return damaged("its signature cannot have " + std::to_string(signature_size) + " bytes");
  }
  BundleFrame frame;
  std::memcpy(frame.key_id.data(), bytes.data() + 16, frame.key_id.size());
  frame.signed_bytes = bytes.first(total - signature_size);
  frame.signature = bytes.last(signature_size);
  return frame;
}

Result<Bundle> read_bundle(std::span<const std::byte> bytes) {
  auto frame = read_bundle_frame(bytes);
  if (!frame) return std::unexpected(frame.error());
  auto sections = read_sections(*frame);
  if (!sections) return std::unexpected(sections.error());
  return Bundle{*frame, std::move(*sections)};
}

}  // namespace eyeflow::vm
