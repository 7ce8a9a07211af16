#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vm/base/result.h"
#include "vm/module/bundle.h"

// Keys and signatures. The only place in the house that knows OpenSSL.
namespace eyeflow::runtime {

// A property of the key, never of a message: a key makes and accepts exactly one kind of signature.
enum class KeyAlgorithm {
  Ed25519,  // the default
  RsaPss,   // RSA of 2,048 to 4,096 bits, PSS with SHA-256 and an empty salt, where a customer's PKI asks for RSA
};

using KeyHandle = std::shared_ptr<void>;  // OpenSSL's EVP_PKEY

struct PublicKey {
  KeyAlgorithm algorithm;
  vm::KeyId id;
  std::string origin;  // the file it came from, for messages
  KeyHandle handle;
};

struct PrivateKey {
  KeyAlgorithm algorithm;
  vm::KeyId id;  // of its public half
  std::size_t signature_bytes;
  KeyHandle handle;
};

// Writes `path` (PKCS#8 PEM, mode 0600) and `path`.pub (PEM). Never overwrites: an existing file is an error.
Result<void> generate_key(const std::filesystem::path& path, KeyAlgorithm algorithm = KeyAlgorithm::Ed25519);

// Refuses a private key that group or others may read.
Result<PrivateKey> load_private_key(const std::filesystem::path& path);
// `remedy`: where to get a key from, for the message about a file that holds none.
Result<PublicKey> load_public_key(const std::filesystem::path& path,
                                  std::string_view remedy = "'eyeflowc keygen -o KEY' writes one as KEY.pub");

// The Ed25519 key of a seed of 32 bytes (RFC 8032, 5.1.5): the same seed gives the same key.
Result<PrivateKey> ed25519_key(std::span<const std::byte, 32> seed);
// Its public half, for verify() and, as PEM, for those who check what it signed.
PublicKey public_half(const PrivateKey& key);
Result<std::string> public_pem(const PrivateKey& key);

// Deterministic: the same key and message give the same signature.
Result<std::vector<std::byte>> sign(const PrivateKey& key, std::span<const std::byte> message);
bool verify(const PublicKey& key, std::span<const std::byte> message, std::span<const std::byte> signature);

std::array<std::byte, 32> sha256(std::span<const std::byte> bytes);

// The first 16 hex digits: enough for a person to tell keys apart.
std::string short_id(const vm::KeyId& id);

}  // namespace eyeflow::runtime
