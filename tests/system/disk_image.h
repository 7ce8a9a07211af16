#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

// What a disk may hold when the power goes: replays a log of io_log.h up to a point. What was synced is there; what was
// not is there, or not, or in part, by sectors of 512 bytes; of names that were made, changed or removed since their
// folder was synced, the first few hold.
namespace eyeflow::test {

struct IoOperation {
  std::uint32_t kind;
  std::uint64_t offset;
  std::string path;
  std::string data;
};
std::vector<IoOperation> read_io_log(const std::filesystem::path& log);

class DiskImage {
 public:
  void apply(const IoOperation& operation);
  // Writes one of the possible contents of the disk: paths below `from` go below `to`.
  void cut(const std::filesystem::path& from, const std::filesystem::path& to, std::mt19937_64& random) const;

 private:
  struct Change {  // not synced yet
    std::uint64_t offset;
    std::string data;
    std::optional<std::uint64_t> size;  // a truncation
  };
  struct File {
    std::string synced;
    std::vector<Change> changes;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;

  static void apply_whole(std::string& content, const Change& change);
  static void apply_torn(std::string& content, const Change& change, std::mt19937_64& random);
  static void apply_name(Names& names, const IoOperation& operation, const Names& now);

  Names now_, synced_names_;
  std::vector<std::pair<IoOperation, std::shared_ptr<File>>> name_changes_;  // not synced yet
};

}  // namespace eyeflow::test
