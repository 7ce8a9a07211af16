#pragma once

#include <cstdint>

namespace eyeflow::compiler {

// A stretch of source text. Lines and columns count from 1, columns in characters (code points), so that the caret
// stands under '°' where the author sees it; offset and length are in bytes, for slicing the source.
struct Span {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;

  std::uint32_t end() const { return offset + length; }
  friend bool operator==(const Span&, const Span&) = default;
};

// From the start of `first` to the end of `last`.
inline Span join(Span first, Span last) {
  if (last.end() > first.end()) first.length = last.end() - first.offset;
  return first;
}

}  // namespace eyeflow::compiler
