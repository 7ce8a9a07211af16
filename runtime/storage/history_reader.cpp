#include "runtime/storage/history_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/storage/history_file.h"
#include "runtime/storage/raw_file.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostRows = 1000, kFewestRows = 16;  // that are read without a look
constexpr int kAttempts = 1000;
constexpr auto kPause = 2ms;

// Says whether two moments saw the same contents: which file it is, when it was written, and of the WAL its head and
// that of each frame, which has a checksum of all bytes before it. What is committed adds a frame or begins the WAL
// anew; what goes from the WAL into the file is the same bytes.
std::string stamp_of(const std::filesystem::path& path) {
  std::string stamp;
  const auto add = [&](const void* bytes, std::size_t size) { stamp.append(static_cast<const char*>(bytes), size); };
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    add(&info.st_dev, sizeof info.st_dev);
    add(&info.st_ino, sizeof info.st_ino);
    add(&info.st_size, sizeof info.st_size);
    add(&info.st_mtim, sizeof info.st_mtim);
  }
  const RawFile wal(wal_of(path));
  std::array<std::byte, kWalHeaderBytes> head{};
  if (!wal.read(0, head)) return stamp;
  add(head.data(), head.size());
  std::array<std::byte, kFrameHeaderBytes> frame{};
  for (std::uint64_t number = 0; wal.read(frame_at(number), frame); ++number) {
    // Of the time before it was started over, from here on.
    if (std::memcmp(frame.data() + kSaltsInFrame, head.data() + kSaltsInHeader, kSaltsBytes) != 0) break;
    add(frame.data(), frame.size());
  }
  return stamp;
}

std::string problem_with(const std::filesystem::path& path, const FileError& error) {
  std::string_view what = error.message;
  const auto name = std::filesystem::absolute(path).string() + ": ";  // as SQLite says it
  if (what.starts_with(name)) what.remove_prefix(name.size());
  switch (error.trouble) {
    case Trouble::Newer:
      return error.message;
    case Trouble::Damaged:
      return fmt::format(
          "{}: damaged ({}). It was left as it is; eyeflow-vm run sets it aside and takes over what is intact",
          path.string(), what);
    default:
      return fmt::format("{}: {}", path.string(), what);
  }
}

}  // namespace

HistoryReader::HistoryReader(std::filesystem::path path, const DeviceKey& key)
    : path_(std::move(path)), key_(key), rows_at_a_time_(kMostRows) {}
HistoryReader::~HistoryReader() = default;
HistoryReader::HistoryReader(HistoryReader&&) noexcept = default;

// A file that is written all the time is read in shorter slices, and between two commits.
template <typename Work>
auto HistoryReader::read(Work&& work) -> decltype(work(std::declval<HistoryFile&>(), std::size_t{})) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto now = file_ ? std::string() : stamp_of(path_);
    FileResult<void> opened;
    if (!file_) {
      stamp_ = std::move(now);
      auto file = HistoryFile::open_to_read(path_, key_);
      if (file) {
        file_ = std::make_unique<HistoryFile>(std::move(*file));
      } else {
        opened = std::unexpected(file.error());
      }
    }
    auto done = opened ? work(*file_, rows_at_a_time_) : std::unexpected(opened.error());
    if (stamp_of(path_) == stamp_) {
      rows_at_a_time_ = std::min(2 * rows_at_a_time_, kMostRows);
      return done;
    }
    file_.reset();
    rows_at_a_time_ = std::max(rows_at_a_time_ / 2, kFewestRows);
    if (attempt > 0) std::this_thread::sleep_for(kPause);
  }
  return std::unexpected(
      FileError{Trouble::Busy, "is written to without a pause; try again later, or stop the device's eyeflow-vm"});
}

Result<std::optional<HistoryReader>> HistoryReader::open(const std::filesystem::path& folder, const DeviceKey& key) {
  const auto path = folder / "history.db";
  if (const RawFile file(path); !file.is_open()) {
    if (errno == ENOENT) return std::nullopt;
    return fail(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  }
  HistoryReader reader(path, key);
  bool is_new = false;
  const auto names = reader.read([&](HistoryFile& file, std::size_t) -> FileResult<std::vector<StreamNames>> {
    is_new = file.is_new();
    return file.streams();
  });
  if (!names) return fail(problem_with(path, names.error()));
  if (is_new) return std::nullopt;
  reader.streams_ = *names;
  return reader;
}

Result<HistoryRows> HistoryReader::query(const HistoryQuery& query) {
  const auto rows = read([&](HistoryFile& file, std::size_t most) {
    HistoryQuery some = query;
    some.max_rows = std::min(query.max_rows, most);
    return file.query(some);
  });
  if (!rows) return fail(problem_with(path_, rows.error()));
  return *rows;
}

Result<std::uint64_t> HistoryReader::before_last(const HistoryQuery& query, std::uint64_t rows) {
  HistoryFile::Back back{.before = INT64_MAX, .rows = rows};
  while (back.rows > 0) {
    const auto next = read([&](HistoryFile& file, std::size_t) { return file.step_back(query, back); });
    if (!next) return fail(problem_with(path_, next.error()));
    back = *next;
    if (back.is_over) return 0;
  }
  return static_cast<std::uint64_t>(back.before) - 1;
}

}  // namespace eyeflow::runtime
