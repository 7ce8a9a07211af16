#include "runtime/connectors/line_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;

// A file's new name outlives a power cut once its folder is synced.
void sync_parent(const fs::path& path) {
  const int fd = ::open(path.has_parent_path() ? path.parent_path().c_str() : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

std::expected<LineFile, int> LineFile::open(LineFileSettings settings) {
  std::error_code error;
  if (settings.path.has_parent_path()) fs::create_directories(settings.path.parent_path(), error);
  LineFile file(std::move(settings));

  const std::string stem = file.settings_.path.stem().string() + ".", ending = file.settings_.path.extension().string();
  for (fs::directory_iterator at(file.settings_.path.parent_path(), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.size() <= stem.size() + ending.size() || !name.starts_with(stem) || !name.ends_with(ending)) continue;
    const char* const digits_end = name.data() + name.size() - ending.size();
    std::uint32_t number = 0;
    const auto [stop, wrong] = std::from_chars(name.data() + stem.size(), digits_end, number);
    if (wrong == std::errc{} && stop == digits_end) file.last_number_ = std::max(file.last_number_, number);
  }
  if (const int failed = file.begin()) return std::unexpected(failed);
  return file;
}

LineFile::LineFile(LineFile&& other) noexcept
    : settings_(std::move(other.settings_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      cut_off_(other.cut_off_),
      last_number_(other.last_number_) {}

LineFile::~LineFile() {
  if (fd_ >= 0) ::close(fd_);
}

fs::path LineFile::numbered(std::uint32_t number) const {
  auto path = settings_.path;
  path.replace_extension();
  path += fmt::format(".{:06}{}", number, settings_.path.extension().string());
  return path;
}

int LineFile::begin() {
  fd_ = ::open(settings_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) return errno;
  if (const int failed = repair()) return failed;
  if (size_ > 0 && !has_header()) return put_aside();
  if (size_ == 0) {
    sync_parent(settings_.path);
    return write_whole(settings_.header);
  }
  return 0;
}

bool LineFile::has_header() const {
  std::string found(settings_.header.size(), '\0');
  const ssize_t got = ::pread(fd_, found.data(), found.size(), 0);
  return got == static_cast<ssize_t>(found.size()) && found == settings_.header;
}

// The end of the last whole line, from behind. What a power cut leaves where a file had grown, often zeros, goes with
// it.
int LineFile::repair() {
  struct stat status{};
  if (::fstat(fd_, &status) != 0) return errno;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::array<char, 4096> block;
  std::uint64_t end = size, keep = 0;
  while (end > 0) {
    const std::uint64_t begin = end - std::min<std::uint64_t>(end, block.size());
    const ssize_t got = ::pread(fd_, block.data(), end - begin, static_cast<off_t>(begin));
    if (got != static_cast<ssize_t>(end - begin)) return got < 0 ? errno : EIO;
    const std::string_view text(block.data(), end - begin);
    if (const auto last = text.rfind('\n'); last != std::string_view::npos) {
      keep = begin + last + 1;
      break;
    }
    end = begin;
  }
  size_ = keep;
  cut_off_ += size - keep;
  return size > keep && ::ftruncate(fd_, static_cast<off_t>(keep)) != 0 ? errno : 0;
}

int LineFile::put_aside() {
  const auto full = numbered(last_number_ + 1);
  ::fdatasync(fd_);
  if (::rename(settings_.path.c_str(), full.c_str()) != 0) return errno;
  ++last_number_;
  ::close(std::exchange(fd_, -1));
  // Ascending numbers without gaps but for what somebody else has removed.
  for (std::uint32_t old = last_number_ + 1 - std::min(last_number_, settings_.max_files - 1); old-- > 1;) {
    if (::unlink(numbered(old).c_str()) != 0) break;
  }
  return begin();
}

int LineFile::write_whole(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(fd_, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const int failed = wrote < 0 ? errno : EIO;
      // Should this fail too, the next open() cuts the line off, and whole lines before it come twice.
      if (done > 0) static_cast<void>(::ftruncate(fd_, static_cast<off_t>(size_)) == 0);
      return failed;
    }
    done += static_cast<std::size_t>(wrote);
  }
  size_ += text.size();
  return 0;
}

int LineFile::append(std::string_view& lines) {
  while (!lines.empty()) {
    if (size_ > settings_.header.size() && size_ >= settings_.max_bytes) {
      if (const int failed = put_aside()) return failed;
    }
    // As much as there is room for, at least a line.
    const std::uint64_t room = settings_.max_bytes - std::min(size_, settings_.max_bytes);
    std::size_t end = lines.size();
    if (end > room) {
      const auto within = lines.substr(0, room).rfind('\n');
      end = (within != std::string_view::npos ? within : lines.find('\n')) + 1;
      if (within == std::string_view::npos && size_ > settings_.header.size()) {
        if (const int failed = put_aside()) return failed;
        continue;
      }
    }
    if (const int failed = write_whole(lines.substr(0, end))) return failed;
    lines.remove_prefix(end);
  }
  return 0;
}

int LineFile::sync() { return ::fdatasync(fd_) == 0 ? 0 : errno; }

bool LineFile::is_gone() const {
  struct stat here{}, there{};
  return ::fstat(fd_, &here) != 0 || ::stat(settings_.path.c_str(), &there) != 0 || here.st_ino != there.st_ino ||
         here.st_dev != there.st_dev;
}

}  // namespace eyeflow::runtime
