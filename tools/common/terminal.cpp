#include "tools/common/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>

namespace eyeflow::tools {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// Bytes of the escape sequence that begins at `text`; 0 when none does.
std::size_t escape_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  std::size_t length = 2;
  while (length < text.size() && (text[length] < '@' || text[length] > '~')) ++length;
  return length < text.size() ? length + 1 : length;
}

std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
  return length;
}

}  // namespace

bool is_terminal(std::FILE* file) {
  const char* kind = std::getenv("TERM");
  return isatty(fileno(file)) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

bool speaks_utf8() {
  // The C locale until somebody asks: numbers stay as they are, only the character set is looked at.
  std::setlocale(LC_CTYPE, "");
  return std::string_view(nl_langinfo(CODESET)) == "UTF-8";
}

Size terminal_size(std::FILE* file) {
  winsize size{};
  if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

Paint Paint::of(std::FILE* file) { return Paint(is_terminal(file) && !is_set("NO_COLOR")); }

std::string Paint::with(std::string_view code, std::string_view text) const {
  if (!on_ || text.empty()) return std::string(text);
  std::string painted = "\x1b[";
  painted.append(code).append("m").append(text).append("\x1b[0m");
  return painted;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t escape = escape_length(text.substr(at)); escape > 0) {
      at += escape;
    } else {
      at += character_length(text.substr(at));
      ++width;
    }
  }
  return width;
}

std::string fitted(std::string_view text, std::size_t columns) {
  std::string fitted;
  std::size_t width = 0;
  bool painted = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t escape = escape_length(text.substr(at));
    const std::size_t length = escape > 0 ? escape : character_length(text.substr(at));
    if (escape > 0)
      painted = true;
    else if (width == columns)
      break;
    else
      ++width;
    fitted.append(text.substr(at, length));
    at += length;
  }
  if (painted) fitted += "\x1b[0m";
  fitted.append(columns - width, ' ');
  return fitted;
}

}  // namespace eyeflow::tools
