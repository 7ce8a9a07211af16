#include "runtime/security/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "runtime/security/library.h"
#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

constexpr std::size_t kMaxKeyFileBytes = 64u << 10;

struct FreeBio {
  void operator()(BIO* b) const { BIO_free(b); }
};
struct FreeDigestContext {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigestContext>;

// Null stays null.
KeyHandle owned(EVP_PKEY* key) {
  if (key == nullptr) return nullptr;
  return {key, [](void* k) { EVP_PKEY_free(static_cast<EVP_PKEY*>(k)); }};
}
EVP_PKEY* raw(const KeyHandle& handle) { return static_cast<EVP_PKEY*>(handle.get()); }
const unsigned char* u8(const std::byte* p) { return reinterpret_cast<const unsigned char*>(p); }

std::string library_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

std::string system_error() { return std::strerror(errno); }

// An encrypted key asks for a passphrase; there is nobody to ask.
int no_passphrase(char*, int, int, void*) { return 0; }

Result<KeyAlgorithm> algorithm_of(EVP_PKEY* key, const std::filesystem::path& path) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return KeyAlgorithm::Ed25519;
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(key);
      if (bits >= 2048 && bits <= 4096) return KeyAlgorithm::RsaPss;
      return fail(
          fmt::format("{}: an RSA key of {} bits; 2,048 to 4,096 are accepted. Make one with "
                      "'eyeflowc keygen --rsa -o KEY'",
                      path.string(), bits));
    }
    default: {
      const char* name = EVP_PKEY_get0_type_name(key);
      return fail(
          fmt::format("{}: a key of type {}; bundles are signed with Ed25519 or RSA. Make a key with "
                      "'eyeflowc keygen -o KEY'",
                      path.string(), name != nullptr ? name : "unknown"));
    }
  }
}

constexpr std::size_t kEd25519Bytes = 32;

// Of an Ed25519 key what i2d_PUBKEY would make of it (RFC 8410), which first looks for an encoder.
std::optional<vm::KeyId> id_of_ed25519(EVP_PKEY* key) {
  unsigned char der[12 + kEd25519Bytes] = {0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};
  std::size_t size = kEd25519Bytes;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, der + 12, &size) != 1 ||
      size != kEd25519Bytes)
    return std::nullopt;
  return sha256(std::as_bytes(std::span(der)));
}

Result<vm::KeyId> id_of(EVP_PKEY* key) {
  if (const auto id = id_of_ed25519(key)) return *id;
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return fail(fmt::format("cannot encode the public key: {}", library_error()));
  const auto id = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return id;
}

Result<std::string> read_key_file(const std::filesystem::path& path, std::string_view kind, bool must_be_private) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(fmt::format("{}: cannot read the {} key: {}; make one with 'eyeflowc keygen -o KEY'", path.string(),
                            kind, system_error()));
  }
  struct stat info{};
  std::string text;
  std::string problem;
  if (::fstat(fd, &info) != 0) {
    problem = system_error();
  } else if (!S_ISREG(info.st_mode)) {
    problem = "it is not a file";
  } else if (must_be_private && (info.st_mode & 077) != 0) {
    problem = fmt::format("others may read it (mode {:04o}); run 'chmod 600 {}'", info.st_mode & 07777u, path.string());
  } else if (static_cast<std::size_t>(info.st_size) > kMaxKeyFileBytes) {
    problem = "it is too large to be a key";
  } else {
    text.resize(static_cast<std::size_t>(info.st_size));
    std::size_t have = 0;
    while (have < text.size()) {
      const auto n = ::read(fd, text.data() + have, text.size() - have);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      have += static_cast<std::size_t>(n);
    }
    if (have != text.size()) problem = system_error();
  }
  ::close(fd);
  if (!problem.empty()) return fail(fmt::format("{}: cannot use the {} key: {}", path.string(), kind, problem));
  return text;
}

Result<void> write_file(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) {
    if (errno == EEXIST) {
      return fail(fmt::format("{}: exists already and a key is never overwritten; choose another name or move it away",
                              path.string()));
    }
    return fail(fmt::format("{}: cannot write: {}", path.string(), system_error()));
  }
  std::size_t done = 0;
  while (done < text.size()) {
    const auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  bool good = done == text.size() && ::fsync(fd) == 0;
  std::string problem = good ? "" : system_error();
  if (::close(fd) != 0 && good) {
    good = false;
    problem = system_error();
  }
  if (good) return {};
  ::unlink(path.c_str());  // half a key helps nobody
  return fail(fmt::format("{}: cannot write: {}", path.string(), problem));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

// PSS parameters for one operation. The salt is empty so that the same source and key give the same bundle; without
// it PSS is a full-domain hash, whose proof of security is looser but stands; both sides fix the length, so a salted
// signature is refused rather than accepted as a second valid form.
bool set_parameters(KeyAlgorithm algorithm, EVP_PKEY_CTX* context) {
  if (algorithm == KeyAlgorithm::Ed25519) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 0) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

const EVP_MD* digest_of(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::Ed25519 ? nullptr : EVP_sha256();  // Ed25519 hashes by itself
}

}  // namespace

std::array<std::byte, 32> sha256(std::span<const std::byte> bytes) {
  start_library();
  // Found once: the library would look for it at each call.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::byte, 32> out{};
  unsigned int size = 0;
  EYEFLOW_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size, algorithm,
                           nullptr) == 1);
  return out;
}

std::string short_id(const vm::KeyId& id) {
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) text += fmt::format("{:02x}", std::to_integer<unsigned>(id[i]));
  return text;
}

Result<void> generate_key(const std::filesystem::path& path, KeyAlgorithm algorithm) {
  start_library();
  EVP_PKEY* made = algorithm == KeyAlgorithm::Ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  const KeyHandle key = owned(made);
  const Bio secret(BIO_new(BIO_s_secmem()));
  const Bio open(BIO_new(BIO_s_mem()));
  if (made == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(secret.get(), made, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_PUBKEY(open.get(), made) != 1) {
    return fail(fmt::format("{}: cannot make a key: {}", path.string(), library_error()));
  }
  std::string text = text_of(secret.get());
  auto public_path = path;
  public_path += ".pub";
  auto written = write_file(path, text, 0600);
  OPENSSL_cleanse(text.data(), text.size());
  if (!written) return written;
  written = write_file(public_path, text_of(open.get()), 0644);
  if (!written) ::unlink(path.c_str());  // a lone half would be taken for a pair
  return written;
}

namespace {

// A plain Ed25519 key, as `eyeflowc keygen` writes it (RFC 8410), or null: for that one form the library need not look
// for all decoders that it knows, which takes longer than the signature.
KeyHandle plain_ed25519(const std::string& text) {
  static constexpr unsigned char kHead[] = {0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                            0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  KeyHandle key;
  if (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    if (std::string_view(name) == "PRIVATE KEY" && *header == '\0' &&
        size == static_cast<long>(sizeof kHead + kEd25519Bytes) && std::memcmp(data, kHead, sizeof kHead) == 0)
      key = owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, data + sizeof kHead, kEd25519Bytes));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  ERR_clear_error();
  return key;
}

}  // namespace

Result<PrivateKey> load_private_key(const std::filesystem::path& path) {
  start_library();
  auto text = read_key_file(path, "private", true);
  if (!text) return std::unexpected(text.error());
  KeyHandle key = plain_ed25519(*text);
  if (!key) {
    const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
    key = owned(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  }
  const bool looks_public = text->contains("BEGIN PUBLIC KEY");
  const bool looks_encrypted = text->contains("ENCRYPTED");
  OPENSSL_cleanse(text->data(), text->size());
  if (!key) {
    const auto reason = library_error();
    if (looks_public) {
      return fail(fmt::format("{}: this is a public key; signing needs the private one (the file without .pub)",
                              path.string()));
    }
    if (looks_encrypted) {
      return fail(
          fmt::format("{}: the key is protected by a passphrase, and there is nobody to ask; decrypt it first "
                      "('openssl pkey -in KEY -out PLAIN')",
                      path.string()));
    }
    return fail(fmt::format("{}: not a private key in PEM format ({}); make one with 'eyeflowc keygen -o KEY'",
                            path.string(), reason));
  }
  auto algorithm = algorithm_of(raw(key), path);
  if (!algorithm) return std::unexpected(algorithm.error());
  auto id = id_of(raw(key));
  if (!id) return std::unexpected(id.error());
  const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(raw(key)));
  return PrivateKey{*algorithm, *id, size, std::move(key)};
}

Result<PublicKey> load_public_key(const std::filesystem::path& path, std::string_view remedy) {
  start_library();
  auto text = read_key_file(path, "public", false);
  if (!text) return std::unexpected(text.error());
  if (text->contains("PRIVATE KEY")) {
    OPENSSL_cleanse(text->data(), text->size());
    return fail(fmt::format("{}: this is a private key; a device needs (and should hold) only the public one, {}.pub",
                            path.string(), path.string()));
  }
  const Bio bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  KeyHandle key = owned(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    return fail(fmt::format("{}: not a public key in PEM format ({}); {}", path.string(), library_error(), remedy));
  }
  auto algorithm = algorithm_of(raw(key), path);
  if (!algorithm) return std::unexpected(algorithm.error());
  auto id = id_of(raw(key));
  if (!id) return std::unexpected(id.error());
  return PublicKey{*algorithm, *id, path.string(), std::move(key)};
}

Result<PrivateKey> ed25519_key(std::span<const std::byte, 32> seed) {
  start_library();
  KeyHandle key = owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, u8(seed.data()), seed.size()));
  if (!key) return fail(fmt::format("cannot make a key: {}", library_error()));
  auto id = id_of(raw(key));
  if (!id) return std::unexpected(id.error());
  const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(raw(key)));
  return PrivateKey{KeyAlgorithm::Ed25519, *id, size, std::move(key)};
}

PublicKey public_half(const PrivateKey& key) {
  return PublicKey{key.algorithm, key.id, "this device", key.handle};  // OpenSSL's handle has both halves
}

Result<std::string> public_pem(const PrivateKey& key) {
  const Bio open(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(open.get(), raw(key.handle)) != 1) {
    return fail(fmt::format("cannot write the public key: {}", library_error()));
  }
  return text_of(open.get());
}

Result<std::vector<std::byte>> sign(const PrivateKey& key, std::span<const std::byte> message) {
  const DigestContext digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;  // owned by the digest context
  std::vector<std::byte> signature(key.signature_bytes);
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(digest.get(), &context, digest_of(key.algorithm), nullptr, raw(key.handle)) != 1 ||
      !set_parameters(key.algorithm, context) ||
      EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, u8(message.data()),
                     message.size()) != 1) {
    return fail(fmt::format("cannot sign: {}", library_error()));
  }
  EYEFLOW_CHECK(size == signature.size());
  return signature;
}

bool verify(const PublicKey& key, std::span<const std::byte> message, std::span<const std::byte> signature) {
  const DigestContext digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;
  const bool good =
      EVP_DigestVerifyInit(digest.get(), &context, digest_of(key.algorithm), nullptr, raw(key.handle)) == 1 &&
      set_parameters(key.algorithm, context) &&
      EVP_DigestVerify(digest.get(), u8(signature.data()), signature.size(), u8(message.data()), message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace eyeflow::runtime
