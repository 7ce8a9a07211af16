#include <algorithm>
#include <cctype>

#include "compiler/parse/reader.h"

namespace eyeflow::compiler::parse_detail {
namespace {

// Length of the well-formed UTF-8 character at the start of `text`, 0 if it is none (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
std::size_t character_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  bool outside = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
  return overlong || outside ? 0 : length;
}

struct Cursor {
  std::uint32_t line = 1, column = 1;
  Span at(std::size_t offset, std::size_t length) const {
    return {line, column, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(length)};
  }
};

// Follows brackets, texts and their interpolations without building anything: keeps the lexer's own work small. What
// the parser may rely on is counted in the tokens (nests_within_limit in parse.cpp).
class NestingScan {
 public:
  // False when `c` at `i` opens one level too many.
  bool step(std::string_view source, std::size_t& i) {
    char c = source[i];
    if (c == '\n' || c == '\r') leave_texts();
    if (!open_.empty() && open_.back() == '"') return step_in_text(c, source, i);
    // In a text the lexer looks for its end first, whatever the interpolation holds.
    if (c == '/' && source.substr(i, 2) == "//" && open_.find('"') == std::string::npos) {
      comment_ = true;
      return true;
    }
    if (std::isspace(static_cast<unsigned char>(c))) return true;
    if (is_prefix(source, i)) return ++prefixes_ <= kMaxDepth;
    prefixes_ = 0;
    if (c == '(' || c == '[' || c == '{' || c == '"') {
      open_ += c;
    } else if (!open_.empty() && ((c == ')' && open_.back() == '(') || (c == ']' && open_.back() == '[') ||
                                  (c == '}' && open_.back() == '{'))) {
      open_.pop_back();
    }
    return open_.size() <= kMaxDepth;
  }

  bool in_comment() const { return comment_; }
  void end_comment() { comment_ = false; }

 private:
  bool step_in_text(char c, std::string_view source, std::size_t& i) {
    if (c == '\\' && i + 1 < source.size() && source[i + 1] != '\n' && source[i + 1] != '\r') ++i;
    if (c == '"') open_.pop_back();
    if (c == '{') open_ += c;
    return open_.size() <= kMaxDepth;
  }

  // A text ends with its line, whatever was open in it.
  void leave_texts() {
    if (auto quote = open_.find('"'); quote != std::string::npos) open_.resize(quote);
  }

  static bool is_prefix(std::string_view source, std::size_t& i) {
    if (source[i] == '-' || source[i] == '~') return true;
    if (source.substr(i, 3) != "not") return false;
    i += 2;  // of a longer word only the start: that cannot make a chain longer than it is
    return true;
  }

  std::string open_;
  std::size_t prefixes_ = 0;
  bool comment_ = false;
};

}  // namespace

bool prescan(std::string_view source, std::uint32_t begin, std::vector<std::uint32_t>& byte_offsets,
             Diagnostics& diagnostics) {
  Cursor cursor;
  NestingScan nesting;
  std::size_t scanned = 0;  // the nesting scan may be ahead by an escaped character
  byte_offsets.reserve(source.size() + 1);
  for (std::size_t i = 0; i < source.size();) {
    std::size_t length = character_length(source.substr(i));
    if (length == 0) {
      diagnostics.add(Code::NotUtf8, cursor.at(begin + i, 1), "this byte is not UTF-8", "save the file as UTF-8");
      return false;
    }
    if (source[i] == '\n' || source[i] == '\r') nesting.end_comment();
    if (i >= scanned && !nesting.in_comment()) {
      scanned = i;
      if (!nesting.step(source, scanned)) {
        diagnostics.add(Code::TooDeep, cursor.at(begin + i, length),
                        "this is nested more than " + std::to_string(kMaxDepth) + " deep",
                        "name a part with let, or move it into a function");
        return false;
      }
      ++scanned;
    }
    byte_offsets.push_back(begin + static_cast<std::uint32_t>(i));
    if (source[i] == '\n') {
      ++cursor.line;
      cursor.column = 1;
    } else {
      ++cursor.column;
    }
    i += length;
  }
  byte_offsets.push_back(begin + static_cast<std::uint32_t>(source.size()));
  return true;
}

}  // namespace eyeflow::compiler::parse_detail
