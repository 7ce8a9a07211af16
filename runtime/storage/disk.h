#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "vm/base/result.h"

// What storage does with files besides SQLite.
namespace eyeflow::runtime {

// The folder, for this process alone. Made when it is missing.
class FolderLock {
 public:
  // `in_use` tells whether another process has it.
  static Result<FolderLock> take(const std::filesystem::path& folder, bool& in_use);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

bool sync_folder(const std::filesystem::path& folder);

// Disk that is taken and given back when values find no room.
class Reserve {
 public:
  // At most an eighth of the disk, whatever `bytes` asks: on a small one it would never find room.
  Reserve(const std::filesystem::path& folder, std::uint64_t bytes);
  std::uint64_t bytes() const { return bytes_; }
  // Takes it if there is plenty of room. Cheap when it stands.
  void hold();
  void take();  // if there is room at all
  bool is_plenty() const;
  bool release();  // false: there was none
  bool is_held() const { return held_; }

 private:
  std::filesystem::path path_;
  std::uint64_t bytes_;
  bool held_ = false;
};

// Names of a database that is being replaced: a new one is filled as `recovering`, then the old one becomes
// NAME.damaged-TIME and the new one takes its place. A power cut at any moment leaves one of them whole.
std::filesystem::path recovering(const std::filesystem::path& database);
// Gives the new name of the old file.
Result<std::filesystem::path> replace_damaged(const std::filesystem::path& database);
// At a start: ends what replace_damaged() had begun, removes what it had not.
void finish_replacing(const std::filesystem::path& database);
// Keeps the `keep` newest of them. True when one was removed.
bool remove_damaged(const std::filesystem::path& database, std::size_t keep);

}  // namespace eyeflow::runtime
