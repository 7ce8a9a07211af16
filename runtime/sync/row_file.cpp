#include "runtime/sync/row_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "runtime/sync/compress.h"

namespace eyeflow::runtime {
namespace {

constexpr std::string_view kMagic(
    "\x89"
    "EFR\r\n\x1a\n",
    8);
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kFrameBytes = 56, kMaxSignatureBytes = 512;

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// A descriptor that closes itself.
struct File {
  explicit File(int descriptor) : fd(descriptor) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd;
};

}  // namespace

Result<std::string> encode_row_file(const PrivateKey& key, std::string_view batch) {
  const std::string packed = gzip(batch);
  const std::string message = signed_message(packed);
  const auto signature = sign(key, std::as_bytes(std::span(message)));
  if (!signature) return std::unexpected(signature.error());
  std::string out(kMagic);
  put(out, kVersion);
  put(out, std::uint16_t{0});
  put(out, static_cast<std::uint32_t>(signature->size()));
  put(out, static_cast<std::uint64_t>(packed.size()));
  out.append(reinterpret_cast<const char*>(key.id.data()), key.id.size());
  out += packed;
  out.append(reinterpret_cast<const char*>(signature->data()), signature->size());
  return out;
}

Result<RowFile> read_row_file(std::string_view bytes) {
  if (!bytes.starts_with(kMagic.substr(0, std::min(kMagic.size(), bytes.size()))) || bytes.empty())
    return fail("no file of rows; 'eyeflow-vm export' writes them");
  const auto cut_short = [&](std::uint64_t whole) {
    return fail(fmt::format("cut short: {} of {} bytes; export or copy it again", bytes.size(), whole));
  };
  if (bytes.size() < kFrameBytes) return cut_short(kFrameBytes);
  if (const auto version = get<std::uint16_t>(bytes, 8); version != kVersion || get<std::uint16_t>(bytes, 10) != 0) {
    return fail(fmt::format("has format {}, this program knows {}; take a newer program", version, kVersion));
  }
  const auto signature = get<std::uint32_t>(bytes, 12);
  const auto packed = get<std::uint64_t>(bytes, 16);
  if (signature == 0 || signature > kMaxSignatureBytes || packed > kMaxRowFileBytes) {
    return fail("its lengths are beyond every limit: it was changed; export it again");
  }
  const std::uint64_t whole = kFrameBytes + packed + signature;
  if (bytes.size() < whole) return cut_short(whole);
  if (bytes.size() > whole)
    return fail(fmt::format("has {} bytes behind its end; export it again", bytes.size() - whole));
  RowFile file;
  std::memcpy(file.key_id.data(), bytes.data() + 24, file.key_id.size());
  file.packed = bytes.substr(kFrameBytes, packed);
  file.signature = std::as_bytes(std::span(bytes)).subspan(kFrameBytes + packed, signature);
  return file;
}

Result<std::string> open_row_file(const RowFile& file, const PublicKey& key) {
  const std::string message = signed_message(file.packed);
  if (file.key_id != key.id || !verify(key, std::as_bytes(std::span(message)), file.signature)) {
    return fail("was changed after it was signed; nothing of it is taken: export it again");
  }
  return gunzip(file.packed, kMaxRowsUnpacked);
}

Result<std::string> read_whole(const std::filesystem::path& path) {
  const auto wrong = [&](const char* what) { return fail(fmt::format("{}: {}", path.string(), what)); };
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return wrong(std::strerror(errno));
  const auto most = static_cast<off_t>(kMaxRowFileBytes + kFrameBytes + kMaxSignatureBytes);
  if (!S_ISREG(status.st_mode) || status.st_size > most) return wrong("no file of rows: too large");
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wrong(std::strerror(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

Result<void> write_whole(const std::filesystem::path& path, std::string_view bytes) {
  auto part = path;
  part += ".part";
  const auto wrong = [&] {
    const int code = errno;
    ::unlink(part.c_str());
    return fail(fmt::format("{}: {}", path.string(), std::strerror(code)));
  };
  {
    const File file(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.fd < 0) return wrong();
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t wrote = ::write(file.fd, bytes.data() + done, bytes.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return wrong();
      done += static_cast<std::size_t>(wrote);
    }
    if (::fsync(file.fd) != 0) return wrong();
  }
  if (::rename(part.c_str(), path.c_str()) != 0) return wrong();
  const File folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd < 0 || ::fsync(folder.fd) != 0) return wrong();
  return {};
}

}  // namespace eyeflow::runtime
