#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

// A database and its WAL as they lie on the disk, for what looks at them without SQLite
// (https://www.sqlite.org/fileformat2.html, section 4.1).
namespace eyeflow::runtime {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kWalHeaderBytes = 32, kFrameHeaderBytes = 24;
// The same in the log's header and in that of each frame since it was started over.
inline constexpr std::size_t kSaltsInHeader = 16, kSaltsInFrame = 8, kSaltsBytes = 8;

inline std::filesystem::path wal_of(std::filesystem::path database) { return database += "-wal"; }
inline std::uint64_t frame_at(std::uint64_t number) {
  return kWalHeaderBytes + number * (kFrameHeaderBytes + kPageBytes);
}

class RawFile {
 public:
  explicit RawFile(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~RawFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  bool is_open() const { return fd_ >= 0; }  // otherwise errno says why, right after it was made
  // False at the end of the file, and where it cannot be read.
  bool read(std::uint64_t at, std::span<std::byte> out) const {
    return fd_ >= 0 && ::pread(fd_, out.data(), out.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(out.size());
  }
  std::uint64_t size() const {
    const auto end = fd_ >= 0 ? ::lseek(fd_, 0, SEEK_END) : 0;
    return end > 0 ? static_cast<std::uint64_t>(end) : 0;
  }

 private:
  int fd_;
};

}  // namespace eyeflow::runtime
