#include "runtime/security/sealing.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "runtime/security/library.h"
#include "vm/base/check.h"

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;

const unsigned char* u8(const std::byte* p) { return reinterpret_cast<const unsigned char*>(p); }
unsigned char* u8(std::byte* p) { return reinterpret_cast<unsigned char*>(p); }

// OpenSSL says no only when memory is gone or we call it wrongly: either way nothing may be stored unsealed.
void must(int result) { EYEFLOW_CHECK(result == 1); }

constexpr std::size_t kKeyFileBytes = 2 * kSecretBytes + 1;

std::string to_hex(const Secret& secret) {
  std::string text;
  for (const auto b : secret) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text + "\n";
}

std::optional<Secret> from_hex(std::string_view text) {
  if (text.size() != kKeyFileBytes || text.back() != '\n') return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  Secret secret;
  for (std::size_t i = 0; i < kSecretBytes; ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    secret[i] = static_cast<std::byte>(high << 4 | low);
  }
  return secret;
}

std::string problem_with(const fs::path& path, std::string_view what) {
  return fmt::format("{}: cannot {} the device key: {}; give the program a folder that it may write to", path.string(),
                     what, std::strerror(errno));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = ::fsync(fd) == 0;
  ::close(fd);
  return good;
}

// Under another name first, so that a power cut leaves a whole key or none.
Result<DeviceKey> make_key(const fs::path& path) {
  Secret secret;
  fill_random(secret);
  std::string text = to_hex(secret);
  auto unfinished = path;
  unfinished += ".new";
  const int fd = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(problem_with(path, "make"));
  bool good = write_all(fd, text) && ::fsync(fd) == 0;
  good = ::close(fd) == 0 && good;
  OPENSSL_cleanse(text.data(), text.size());
  good = good && ::rename(unfinished.c_str(), path.c_str()) == 0 && sync_folder(path.parent_path());
  if (!good) {
    const int why = errno;
    ::unlink(unfinished.c_str());
    ::unlink(path.c_str());  // nothing was sealed with it yet
    errno = why;
    return fail(problem_with(path, "make"));
  }
  DeviceKey key(secret);
  OPENSSL_cleanse(secret.data(), secret.size());
  return key;
}

}  // namespace

DeviceKey::~DeviceKey() { OPENSSL_cleanse(secret_.data(), secret_.size()); }

Secret DeviceKey::derive(std::span<const std::byte> salt, std::string_view purpose) const {
  start_library();
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  char digest[] = "SHA256";
  const auto bytes_of = [](const char* name, const void* data, std::size_t size) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(data), size);
  };
  std::array<OSSL_PARAM, 5> parameters;
  std::size_t count = 0;
  parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
  parameters[count++] = bytes_of(OSSL_KDF_PARAM_KEY, secret_.data(), secret_.size());
  if (!salt.empty()) parameters[count++] = bytes_of(OSSL_KDF_PARAM_SALT, salt.data(), salt.size());
  parameters[count++] = bytes_of(OSSL_KDF_PARAM_INFO, purpose.data(), purpose.size());
  parameters[count] = OSSL_PARAM_construct_end();
  Secret out;
  must(EVP_KDF_derive(context, u8(out.data()), out.size(), parameters.data()));
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  return out;
}

std::array<std::byte, 16> DeviceKey::fingerprint() const {
  const Secret derived = derive({}, "eyeflow device key fingerprint");
  std::array<std::byte, 16> out;
  std::memcpy(out.data(), derived.data(), out.size());
  return out;
}

Result<PrivateKey> DeviceKey::signing_key() const {
  Secret seed = derive({}, "eyeflow device signature");
  auto key = ed25519_key(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

void fill_random(std::span<std::byte> bytes) {
  start_library();
  must(RAND_bytes(u8(bytes.data()), static_cast<int>(bytes.size())));
}

Result<LoadedDeviceKey> load_or_make_device_key(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno != ENOENT) return fail(problem_with(path, "read"));
    auto made = make_key(path);
    if (!made) return std::unexpected(made.error());
    return LoadedDeviceKey{.key = *made, .is_new = true, .notice = {}};
  }
  std::string text(kKeyFileBytes + 1, '\0');
  ssize_t got = ::read(fd, text.data(), text.size());
  const bool unread = got < 0;
  std::string notice;
  struct stat info{};
  if (::fstat(fd, &info) == 0 && (info.st_mode & 077) != 0 && ::fchmod(fd, 0600) == 0) {
    notice = fmt::format(
        "{}: others could read the device key (mode {:04o}); it is 0600 now. If somebody may have "
        "copied it, move the folder away and start anew",
        path.string(), info.st_mode & 07777u);
  }
  ::close(fd);
  if (unread) return fail(problem_with(path, "read"));
  text.resize(static_cast<std::size_t>(got));
  auto secret = from_hex(text);
  OPENSSL_cleanse(text.data(), text.size());
  if (secret) {
    LoadedDeviceKey loaded{.key = DeviceKey(*secret), .notice = std::move(notice)};
    OPENSSL_cleanse(secret->data(), secret->size());
    return loaded;
  }
  auto aside = path;
  aside += fmt::format(".damaged-{}", std::time(nullptr));
  if (::rename(path.c_str(), aside.c_str()) != 0) return fail(problem_with(path, "set aside"));
  auto made = make_key(path);
  if (!made) return std::unexpected(made.error());
  return LoadedDeviceKey{
      .key = *made,
      .is_new = true,
      .notice = fmt::format("{}: held no device key and is now {}; a new key was made. What was sealed with the old "
                            "one opens only if it comes back from a copy",
                            path.string(), aside.filename().string())};
}

Result<DeviceKey> load_device_key(const fs::path& path) {
  const auto problem = [&](std::string_view what) {
    return fail(
        fmt::format("{}: {}; what was kept opens with the device's own key only. Use the user that eyeflow-vm "
                    "runs as, and its site file",
                    path.string(), what));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text(kKeyFileBytes + 1, '\0');
  const ssize_t got = fd < 0 ? -1 : ::read(fd, text.data(), text.size());
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (got < 0) return problem(fmt::format("cannot read the device key: {}", std::strerror(why)));
  auto secret = from_hex(std::string_view(text).substr(0, static_cast<std::size_t>(got)));
  OPENSSL_cleanse(text.data(), text.size());
  if (!secret) return problem("holds no device key");
  DeviceKey key(*secret);
  OPENSSL_cleanse(secret->data(), secret->size());
  return key;
}

// Both directions keep their key schedule: setting a nonce is all that a row costs besides its bytes.
struct Seal::Contexts {
  EVP_CIPHER_CTX* seal = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* open = EVP_CIPHER_CTX_new();
  ~Contexts() {
    EVP_CIPHER_CTX_free(seal);
    EVP_CIPHER_CTX_free(open);
  }
};

Seal::Seal(const Secret& key, std::uint32_t series) : contexts_(std::make_unique<Contexts>()), series_(series) {
  start_library();
  must(EVP_EncryptInit_ex(contexts_->seal, EVP_aes_256_gcm(), nullptr, u8(key.data()), nullptr));
  must(EVP_DecryptInit_ex(contexts_->open, EVP_aes_256_gcm(), nullptr, u8(key.data()), nullptr));
}
Seal::~Seal() = default;
Seal::Seal(Seal&&) noexcept = default;
Seal& Seal::operator=(Seal&&) noexcept = default;

void Seal::seal(std::span<const std::byte> identity, std::span<const std::byte> plain, std::vector<std::byte>& out) {
  out.resize(plain.size() + kOverhead);
  ++counter_;
  std::memcpy(out.data(), &series_, sizeof series_);
  std::memcpy(out.data() + sizeof series_, &counter_, sizeof counter_);
  auto* const cipher = u8(out.data()) + kNonceBytes;
  auto* const context = contexts_->seal;
  int size = 0;
  must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, u8(out.data())));
  must(EVP_EncryptUpdate(context, nullptr, &size, u8(identity.data()), static_cast<int>(identity.size())));
  if (!plain.empty()) {
    must(EVP_EncryptUpdate(context, cipher, &size, u8(plain.data()), static_cast<int>(plain.size())));
  }
  must(EVP_EncryptFinal_ex(context, cipher + plain.size(), &size));
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTagBytes, cipher + plain.size()));
}

bool Seal::open(std::span<const std::byte> identity, std::span<const std::byte> sealed, std::vector<std::byte>& out) {
  if (sealed.size() < kOverhead) return false;
  const std::size_t bytes = sealed.size() - kOverhead;
  const auto* const cipher = u8(sealed.data()) + kNonceBytes;
  auto* const context = contexts_->open;
  out.resize(bytes);
  int size = 0;
  must(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, u8(sealed.data())));
  must(EVP_DecryptUpdate(context, nullptr, &size, u8(identity.data()), static_cast<int>(identity.size())));
  if (bytes > 0) must(EVP_DecryptUpdate(context, u8(out.data()), &size, cipher, static_cast<int>(bytes)));
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kTagBytes, const_cast<unsigned char*>(cipher + bytes)));
  unsigned char nothing[16];
  if (EVP_DecryptFinal_ex(context, nothing, &size) == 1) return true;
  OPENSSL_cleanse(out.data(), out.size());
  out.clear();
  return false;
}

std::uint32_t series_of(std::span<const std::byte> sealed) {
  std::uint32_t series = 0;
  if (sealed.size() >= Seal::kOverhead) std::memcpy(&series, sealed.data(), sizeof series);
  return series;
}

}  // namespace eyeflow::runtime
