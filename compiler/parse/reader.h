#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"

// What the files of this folder share; nothing else includes it.
namespace eyeflow::compiler::parse_detail {

// The source, and how ANTLR's positions (characters, from the start of what it was given) become spans. A text's
// interpolation is parsed by itself: `base_*` say where in the source it stands.
struct Reader {
  std::string_view source;
  const std::vector<std::uint32_t>& byte_offsets;  // of every character, and of the end
  Diagnostics& diagnostics;
  std::vector<Span>& error_places;
  std::size_t base_character = 0;
  std::size_t base_line = 1;
  std::size_t base_column = 0;
  std::size_t texts = 0;  // how many texts this one is nested in

  Span span(std::size_t first_character, std::size_t end_character, std::size_t line, std::size_t column) const {
    auto begin = byte_offsets[std::min(base_character + first_character, byte_offsets.size() - 1)];
    auto end = byte_offsets[std::min(base_character + end_character, byte_offsets.size() - 1)];
    if (line == 1) column += base_column;
    return {static_cast<std::uint32_t>(line + base_line - 1), static_cast<std::uint32_t>(column + 1), begin,
            end > begin ? end - begin : 0};
  }
};

// Most nesting that a source may have: of brackets, prefix operators and operators in a chain. Keeps every recursion,
// ours and the parser's, within a small stack.
inline constexpr std::size_t kMaxDepth = 100;
inline constexpr std::size_t kMaxExpressionDepth = 200;
inline constexpr std::size_t kMaxTextsInTexts = 8;

// Says whether the source is UTF-8 and nested within kMaxDepth; reports and gives false otherwise.
// The file's first byte is at `begin` of the whole source.
bool prescan(std::string_view file, std::uint32_t begin, std::vector<std::uint32_t>& byte_offsets,
             Diagnostics& diagnostics);

}  // namespace eyeflow::compiler::parse_detail
