#include "runtime/security/signed_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

namespace eyeflow::runtime {
namespace {

std::string list_of(std::span<const PublicKey> keys) {
  if (keys.empty()) return "none is trusted";
  std::string text = "trusted are ";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", short_id(keys[i].id), keys[i].origin);
  }
  return text;
}

}  // namespace

Result<std::vector<std::byte>> sign_bundle(std::span<const vm::BundleSection> sections, const PrivateKey& key) {
  auto bytes = vm::write_bundle(sections, key.id, key.signature_bytes);
  if (!bytes) return bytes;
  auto signature = sign(key, *bytes);
  if (!signature) return signature;
  bytes->insert(bytes->end(), signature->begin(), signature->end());
  return bytes;
}

Result<vm::Bundle> verify_bundle(std::span<const std::byte> bytes, std::span<const PublicKey> trusted) {
  const auto frame = vm::read_bundle_frame(bytes);
  if (!frame) return std::unexpected(frame.error());
  const auto key = std::ranges::find(trusted, frame->key_id, &PublicKey::id);
  if (key == trusted.end()) {
    return fail(
        fmt::format("the bundle is signed with key {}, which is not trusted here ({}); give the signer's .pub "
                    "file with --key, or sign the bundle with a trusted key",
                    short_id(frame->key_id), list_of(trusted)));
  }
  if (!verify(*key, frame->signed_bytes, frame->signature)) {
    return fail(
        fmt::format("the signature does not fit the content: the bundle was changed after it was signed with "
                    "key {} ({}); do not use it, get it again from its author",
                    short_id(key->id), key->origin));
  }
  return vm::read_bundle(bytes);
}

Result<std::vector<std::byte>> read_bundle_file(const std::filesystem::path& path) {
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return fail(fmt::format("{}: cannot open the bundle: {}", path.string(), std::strerror(errno)));
  std::vector<std::byte> bytes;
  std::byte chunk[16384];
  while (const auto n = std::fread(chunk, 1, sizeof chunk, file.get())) {
    bytes.insert(bytes.end(), chunk, chunk + n);
    if (bytes.size() > vm::kBundleMaxBytes) return fail(fmt::format("{}: too large to be a bundle", path.string()));
  }
  if (std::ferror(file.get())) {
    return fail(fmt::format("{}: cannot read the bundle: {}", path.string(), std::strerror(errno)));
  }
  return bytes;
}

}  // namespace eyeflow::runtime
