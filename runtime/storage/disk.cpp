#include "runtime/storage/disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;

fs::path with(const fs::path& path, std::string_view suffix) {
  auto out = path;
  out += suffix;
  return out;
}

bool is_there(const fs::path& path) { return ::access(path.c_str(), F_OK) == 0; }

constexpr std::string_view kAside = ".damaged-";

// Without their WALs, oldest first: the time in the name has one width.
std::vector<fs::path> set_aside(const fs::path& database) {
  std::vector<fs::path> found;
  std::error_code error;
  const std::string begin = database.filename().string() + std::string(kAside);
  for (fs::directory_iterator at(database.parent_path(), error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(begin) && !name.ends_with("-wal")) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

Result<FolderLock> FolderLock::take(const fs::path& folder, bool& in_use) {
  const auto problem = [&](std::string_view what) {
    return fail(
        fmt::format("{}: cannot {} the data folder: {}; name a folder on a disk that can be written, "
                    "[storage] folder = \"DIR\"",
                    folder.string(), what, std::strerror(errno)));
  };
  std::error_code error;
  if (!folder.parent_path().empty()) fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return problem("make");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return problem("open");
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return FolderLock(fd);
  in_use = errno == EWOULDBLOCK;
  const auto lock_problem = problem("lock");
  ::close(fd);
  if (!in_use) return lock_problem;
  return fail(fmt::format("{}: another eyeflow-vm works in this data folder; stop it first", folder.string()));
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = ::fsync(fd) == 0;
  ::close(fd);
  return good;
}

Reserve::Reserve(const fs::path& folder, std::uint64_t bytes) : path_(folder / "reserve"), bytes_(bytes) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) == 0)
    bytes_ = std::min(bytes_, static_cast<std::uint64_t>(disk.f_blocks) * disk.f_frsize / 8);
}

void Reserve::hold() {
  if (held_ || bytes_ == 0) return;
  struct stat info{};
  if (::stat(path_.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_blocks) * 512 >= bytes_) {
    held_ = true;
    return;
  }
  if (is_plenty()) take();
}

bool Reserve::is_plenty() const {
  struct statvfs disk{};
  return ::statvfs(path_.parent_path().c_str(), &disk) == 0 &&
         static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize >= 4 * bytes_;
}

void Reserve::take() {
  if (held_ || bytes_ == 0) return;
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  held_ = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_)) == 0;
  ::close(fd);
  if (!held_) ::unlink(path_.c_str());
}

bool Reserve::release() {
  held_ = false;
  return ::unlink(path_.c_str()) == 0;
}

fs::path recovering(const fs::path& database) { return with(database, ".recovering"); }

Result<fs::path> replace_damaged(const fs::path& database) {
  fs::path aside;
  for (std::time_t now = std::max<std::time_t>(0, std::time(nullptr));; ++now) {
    aside = with(database, fmt::format("{}{:010}", kAside, now));
    if (!is_there(aside)) break;
  }
  // The database before its WAL: a start in between finds no database, and finish_replacing() puts both right.
  const bool old_moved = ::rename(database.c_str(), aside.c_str()) == 0 || errno == ENOENT;
  if (!old_moved) return fail(fmt::format("{}: cannot be set aside: {}", database.string(), std::strerror(errno)));
  if (::rename(with(database, "-wal").c_str(), with(aside, "-wal").c_str()) != 0 && errno != ENOENT) {
    return fail(fmt::format("{}-wal: cannot be set aside: {}", database.string(), std::strerror(errno)));
  }
  if (::rename(recovering(database).c_str(), database.c_str()) != 0) {
    return fail(fmt::format("{}: cannot be replaced: {}", database.string(), std::strerror(errno)));
  }
  if (!sync_folder(database.parent_path())) {
    return fail(fmt::format("{}: cannot be replaced: {}", database.string(), std::strerror(errno)));
  }
  remove_damaged(database, 2);
  return aside;
}

void finish_replacing(const fs::path& database) {
  const fs::path unfinished = recovering(database);
  if (!is_there(unfinished)) return;
  if (is_there(database)) {
    ::unlink(unfinished.c_str());
    ::unlink(with(unfinished, "-wal").c_str());
    return;
  }
  // Its WAL belongs to the file that was set aside; the new one must never meet it.
  const auto aside = set_aside(database);
  if (aside.empty() || ::rename(with(database, "-wal").c_str(), with(aside.back(), "-wal").c_str()) != 0) {
    ::unlink(with(database, "-wal").c_str());
  }
  if (::rename(unfinished.c_str(), database.c_str()) == 0) sync_folder(database.parent_path());
}

bool remove_damaged(const fs::path& database, std::size_t keep) {
  const auto files = set_aside(database);
  bool removed = false;
  for (std::size_t i = 0; i + keep < files.size(); ++i) {
    removed = ::unlink(files[i].c_str()) == 0 || removed;
    ::unlink(with(files[i], "-wal").c_str());
  }
  return removed;
}

}  // namespace eyeflow::runtime
