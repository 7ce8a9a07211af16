#pragma once

#include <cstdio>
#include <string>
#include <string_view>

// What may be written to a terminal, and how.
namespace eyeflow::tools {

bool is_terminal(std::FILE* file);  // one that understands cursor movements
bool speaks_utf8();                 // by the user's locale

struct Size {
  int columns = 80, rows = 24;
};
Size terminal_size(std::FILE* file);

// Words in colour where the stream is a terminal and NO_COLOR is not set; as they are elsewhere.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  static Paint of(std::FILE* file);
  bool on() const { return on_; }

  std::string bold(std::string_view text) const { return with("1", text); }
  std::string dim(std::string_view text) const { return with("2", text); }
  std::string red(std::string_view text) const { return with("1;31", text); }
  std::string green(std::string_view text) const { return with("32", text); }
  std::string yellow(std::string_view text) const { return with("33", text); }
  std::string cyan(std::string_view text) const { return with("36", text); }

 private:
  std::string with(std::string_view code, std::string_view text) const;
  bool on_;
};

// Columns that a text takes: characters, without colours.
std::size_t width_of(std::string_view text);
// Cut or padded to `columns`, colours counted out and ended.
std::string fitted(std::string_view text, std::size_t columns);

}  // namespace eyeflow::tools
