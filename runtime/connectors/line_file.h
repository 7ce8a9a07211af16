#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace eyeflow::runtime {

struct LineFileSettings {
  std::filesystem::path path;   // history.csv; full ones become history.000001.csv, history.000002.csv …
  std::string header;           // first line of each file, with its end; empty: none
  std::uint64_t max_bytes = 0;  // a file that has grown so large is followed by a new one
  std::uint32_t max_files = 0;  // with the one at work; beyond, the oldest is removed
};

// A file that only grows, by whole lines, and the full ones before it. It holds whole lines whatever happens: what a
// kill or a power cut has torn is cut off when it is opened, what a full disk has torn at once.
class LineFile {
 public:
  // The error is an errno. A file with another header is put aside as if it were full.
  static std::expected<LineFile, int> open(LineFileSettings settings);
  ~LineFile();
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&&) = delete;

  // Appends whole lines and takes those that it has written off `lines`: 0, or an errno. After one, open() anew.
  int append(std::string_view& lines);
  int sync();  // to disk; 0, or an errno
  // Somebody has moved or removed the file: open() anew, or what is written is lost.
  bool is_gone() const;
  std::uint64_t cut_off() const { return cut_off_; }  // bytes of a torn line when it was opened

 private:
  explicit LineFile(LineFileSettings settings) : settings_(std::move(settings)) {}
  int begin();      // opens the file at work, or makes it
  int repair();     // cuts off what is no whole line
  int put_aside();  // the file at work is full
  bool has_header() const;
  int write_whole(std::string_view text);
  std::filesystem::path numbered(std::uint32_t number) const;

  LineFileSettings settings_;
  int fd_ = -1;
  std::uint64_t size_ = 0, cut_off_ = 0;
  std::uint32_t last_number_ = 0;  // of the newest full one
};

}  // namespace eyeflow::runtime
