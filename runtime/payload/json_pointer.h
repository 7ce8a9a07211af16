#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eyeflow::runtime {

// "/temp", "/data/temp", or empty; taken apart once, so that no reading pays for that.
class JsonPointer {
 public:
  JsonPointer() = default;
  JsonPointer(std::string text);  // not explicit: a pointer is what stands in the site
  JsonPointer(const char* text) : JsonPointer(std::string(text)) {}

  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

  friend bool operator==(const JsonPointer& a, const JsonPointer& b) { return a.text_ == b.text_; }

  // For the reader of plain documents. Not plain: it has escapes, or does not begin with a slash.
  bool is_plain() const { return !names_.empty(); }
  bool ends_at(std::size_t level) const { return level + 1 == names_.size(); }
  std::string_view name(std::size_t level) const {
    return std::string_view(text_).substr(names_[level].at, names_[level].size);
  }
  std::size_t size(std::size_t level) const { return names_[level].size; }  // of the name
  // Whether the name and a closing quote stand in the eight bytes, the first one in the lowest. Of names that are
  // longer, or have more than printed ASCII in them, never.
  bool begins(std::size_t level, std::uint64_t bytes) const {
    return (bytes & names_[level].mask) == names_[level].quoted;
  }

 private:
  struct Name {
    std::size_t at, size;
    std::uint64_t quoted = 1, mask = 0;
  };
  std::string text_{};
  std::vector<Name> names_{};
};

}  // namespace eyeflow::runtime
