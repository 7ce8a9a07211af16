// Bundle bytes from anyone: whatever they are, reading them ends in a value or an error. What is read as a bundle is
// written back to the same bytes, and nothing passes for signed that was not.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "runtime/security/signed_bundle.h"
#include "vm/base/check.h"
#include "vm/module/card.h"

namespace {

using namespace eyeflow;

struct Keys {
  std::vector<runtime::PublicKey> trusted;
  runtime::PrivateKey own;
};

Keys make_keys() {
  std::string folder = (std::filesystem::temp_directory_path() / "eyeflow-fuzz-XXXXXX").string();
  EYEFLOW_CHECK(mkdtemp(folder.data()) != nullptr);
  const std::filesystem::path path = std::filesystem::path(folder) / "key";
  EYEFLOW_CHECK(runtime::generate_key(path).has_value());
  Result<runtime::PrivateKey> own = runtime::load_private_key(path);
  Result<runtime::PublicKey> trusted = runtime::load_public_key(path.string() + ".pub");
  std::filesystem::remove_all(folder);
  EYEFLOW_CHECK(own && trusted);
  Keys keys{{}, std::move(*own)};
  keys.trusted.push_back(std::move(*trusted));
  return keys;
}

void check_card(std::span<const std::byte> bytes) {
  const Result<vm::Card> card = vm::read_card(bytes);
  EYEFLOW_CHECK(!card || std::ranges::equal(vm::write_card(*card), bytes));
}

void check_round_trip(std::span<const std::byte> bytes) {
  const Result<vm::Bundle> bundle = vm::read_bundle(bytes);
  if (!bundle) return;
  const auto& [key_id, signed_bytes, signature] = bundle->frame;
  const Result<std::vector<std::byte>> again = vm::write_bundle(bundle->sections, key_id, signature.size());
  EYEFLOW_CHECK(again && std::ranges::equal(*again, signed_bytes));
  for (const vm::BundleSection& section : bundle->sections) check_card(section.bytes);
}

// The trusted key's name, written where the header keeps it, takes the bytes past the look-up to the signature itself.
void check_not_forged(const Keys& keys, std::span<const std::byte> bytes) {
  constexpr std::size_t kKeyIdOffset = 16;
  EYEFLOW_CHECK(!runtime::verify_bundle(bytes, keys.trusted));
  std::vector<std::byte> named(bytes.begin(), bytes.end());
  if (named.size() < kKeyIdOffset + keys.own.id.size()) return;
  std::ranges::copy(keys.own.id, named.begin() + kKeyIdOffset);
  EYEFLOW_CHECK(!runtime::verify_bundle(named, keys.trusted));
}

void check_signing(const Keys& keys, std::span<const std::byte> bytes) {
  const vm::BundleSection section{vm::kModuleSection, bytes};
  const Result<std::vector<std::byte>> made = runtime::sign_bundle({&section, 1}, keys.own);
  EYEFLOW_CHECK(made.has_value());
  const Result<vm::Bundle> read = runtime::verify_bundle(*made, keys.trusted);
  EYEFLOW_CHECK(read && std::ranges::equal(read->sections.at(0).bytes, bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Keys keys = make_keys();
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  check_round_trip(bytes);
  check_not_forged(keys, bytes);
  if (size < 256) check_signing(keys, bytes);
  return 0;
}
