#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/security/keys.h"
#include "vm/base/result.h"

// Sealing what a device keeps, under a secret of its own: AES-256-GCM with keys derived by HKDF-SHA256 (RFC 5869).
namespace eyeflow::runtime {

inline constexpr std::size_t kSecretBytes = 32;
using Secret = std::array<std::byte, kSecretBytes>;

// The secret that a device makes at its first start and never gives away. Wiped when it goes.
class DeviceKey {
 public:
  explicit DeviceKey(const Secret& secret) : secret_(secret) {}
  DeviceKey(const DeviceKey&) = default;
  DeviceKey& operator=(const DeviceKey&) = default;
  ~DeviceKey();

  // A key for one purpose; the same salt and purpose give the same key.
  Secret derive(std::span<const std::byte> salt, std::string_view purpose) const;
  // Says whether two keys are the same, and nothing else about them.
  std::array<std::byte, 16> fingerprint() const;
  // The Ed25519 key that the device signs its exports with.
  Result<PrivateKey> signing_key() const;

 private:
  Secret secret_;
};

struct LoadedDeviceKey {
  DeviceKey key;
  bool is_new = false;
  std::string notice;  // what was wrong with the file and what was done about it; empty: nothing
};

// Reads the key file (64 hex digits), or makes it, mode 0600. A file that others may read is closed to them; one that
// holds no key (a disk that lost it) is renamed to PATH.damaged-TIME and a new key is made. Both are told in `notice`:
// a device must start.
Result<LoadedDeviceKey> load_or_make_device_key(const std::filesystem::path& path);
// Only reads it: for who reads beside the device.
Result<DeviceKey> load_device_key(const std::filesystem::path& path);

void fill_random(std::span<std::byte> bytes);

// Seals and opens under one key. What is sealed is bound to `identity`: it opens under the same identity only. Not for
// several threads at a time.
//
// Sealed bytes are: series u32 · counter u64 (the nonce) · ciphertext · tag of 16. The counter never repeats within a
// Seal, so a key must serve one Seal that seals; any number may open.
class Seal {
 public:
  static constexpr std::size_t kNonceBytes = 12, kTagBytes = 16, kOverhead = kNonceBytes + kTagBytes;

  Seal(const Secret& key, std::uint32_t series);
  ~Seal();
  Seal(Seal&&) noexcept;
  Seal& operator=(Seal&&) noexcept;

  // Replaces what is in `out`.
  void seal(std::span<const std::byte> identity, std::span<const std::byte> plain, std::vector<std::byte>& out);
  // False when the bytes were not sealed under this key and identity, or were changed since.
  bool open(std::span<const std::byte> identity, std::span<const std::byte> sealed, std::vector<std::byte>& out);

  std::uint32_t series() const { return series_; }

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
  std::uint32_t series_;
  std::uint64_t counter_ = 0;
};

// Under which series bytes were sealed; 0 when they are too short to be sealed.
std::uint32_t series_of(std::span<const std::byte> sealed);

}  // namespace eyeflow::runtime
