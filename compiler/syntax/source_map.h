#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace eyeflow::compiler {

// The texts of one compilation, one behind the other: the file that is compiled, then the modules that it uses. A
// span's offset counts in this whole; its line and column count in its own file.
class SourceMap {
 public:
  SourceMap() = default;
  SourceMap(std::string_view text, std::string_view name) { add(text, name); }

  // Gives where the file begins.
  std::uint32_t add(std::string_view text, std::string_view name) {
    if (!files_.empty()) text_ += '\n';  // no line goes on in the next file
    files_.push_back({std::string(name), static_cast<std::uint32_t>(text_.size())});
    text_ += text;
    return files_.back().begin;
  }

  std::string_view text() const { return text_; }
  // Of the file that the offset lies in: its name, and where it begins.
  const std::string& name_at(std::uint32_t offset) const { return file_at(offset).name; }
  std::uint32_t begin_at(std::uint32_t offset) const { return file_at(offset).begin; }
  // Of the file of that name; empty when there is none.
  std::string_view text_of(std::string_view name) const {
    const auto file = std::ranges::find(files_, name, &File::name);
    if (file == files_.end()) return {};
    const auto next = std::next(file);
    const std::size_t end = next == files_.end() ? text_.size() : next->begin - 1;
    return std::string_view(text_).substr(file->begin, end - file->begin);
  }
  // Of the file that is compiled.
  const std::string& name() const { return files_.empty() ? none_.name : files_.front().name; }

 private:
  struct File {
    std::string name;
    std::uint32_t begin;
  };
  const File& file_at(std::uint32_t offset) const {
    auto behind = std::ranges::upper_bound(files_, offset, {}, &File::begin);
    return behind == files_.begin() ? none_ : *std::prev(behind);
  }

  std::string text_;
  std::vector<File> files_;
  File none_{};
};

}  // namespace eyeflow::compiler
