#include "tests/system/disk_image.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/system/io_log.h"

namespace eyeflow::test {
namespace {

constexpr std::uint64_t kSector = 512;

}  // namespace

std::vector<IoOperation> read_io_log(const std::filesystem::path& log) {
  std::ifstream file(log, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<IoOperation> operations;
  for (std::size_t at = 0; at < bytes.size();) {
    io_record head{};
    std::memcpy(&head, bytes.data() + at, sizeof head);
    at += sizeof head;
    operations.push_back({head.kind, head.offset, bytes.substr(at, head.path_bytes),
                          bytes.substr(at + head.path_bytes, head.data_bytes)});
    at += head.path_bytes + head.data_bytes;
  }
  return operations;
}

void DiskImage::apply_whole(std::string& content, const Change& change) {
  if (change.size) return content.resize(*change.size);
  if (content.size() < change.offset + change.data.size()) content.resize(change.offset + change.data.size());
  std::memcpy(content.data() + change.offset, change.data.data(), change.data.size());
}

// Each sector by itself; the file is as long as what got there.
void DiskImage::apply_torn(std::string& content, const Change& change, std::mt19937_64& random) {
  for (std::uint64_t at = 0; at < change.data.size();) {
    const std::uint64_t end =
        std::min<std::uint64_t>(change.data.size(), ((change.offset + at) / kSector + 1) * kSector - change.offset);
    if (random() % 2 == 0) apply_whole(content, {change.offset + at, change.data.substr(at, end - at), {}});
    at = end;
  }
}

void DiskImage::apply(const IoOperation& operation) {
  const auto file = [&] { return now_.at(operation.path); };
  switch (operation.kind) {
    case IO_CREATE:
      now_[operation.path] = std::make_shared<File>();
      name_changes_.emplace_back(operation, now_[operation.path]);
      break;
    case IO_WRITE:
      file()->changes.push_back({operation.offset, operation.data, {}});
      break;
    case IO_TRUNCATE:
      file()->changes.push_back({0, {}, operation.offset});
      break;
    case IO_SYNC:
      for (const Change& change : file()->changes) apply_whole(file()->synced, change);
      file()->changes.clear();
      break;
    case IO_SYNC_FOLDER:  // all files lie in one folder
      synced_names_ = now_;
      name_changes_.clear();
      break;
    case IO_RENAME:
      name_changes_.emplace_back(operation, file());
      now_[operation.data] = file();
      now_.erase(operation.path);
      break;
    case IO_UNLINK:
      name_changes_.emplace_back(operation, file());
      now_.erase(operation.path);
      break;
    default:
      break;
  }
}

void DiskImage::cut(const std::filesystem::path& from, const std::filesystem::path& to, std::mt19937_64& random) const {
  Names names = synced_names_;
  const std::size_t hold = name_changes_.empty() ? 0 : random() % (name_changes_.size() + 1);
  for (std::size_t i = 0; i < hold; ++i) {
    const auto& [operation, file] = name_changes_[i];
    if (operation.kind == IO_CREATE) names[operation.path] = file;
    if (operation.kind != IO_CREATE) names.erase(operation.path);
    if (operation.kind == IO_RENAME) names[operation.data] = file;
  }
  for (const auto& [path, file] : names) {
    std::string content = file->synced;
    for (const Change& change : file->changes) {
      switch (random() % 3) {
        case 0:
          break;
        case 1:
          apply_whole(content, change);
          break;
        default:
          change.size ? apply_whole(content, change) : apply_torn(content, change, random);
      }
    }
    const auto target = to / std::filesystem::path(path).lexically_relative(from);
    std::filesystem::create_directories(target.parent_path());
    std::ofstream(target, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
    if (target.extension() == ".key") std::filesystem::permissions(target, std::filesystem::perms(0600));
  }
}

}  // namespace eyeflow::test
