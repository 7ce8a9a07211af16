// The reference of the standard library, made from the comments of its modules and the rows of its intrinsics.
//
//   library_page docs/library.md            compares
//   library_page docs/library.md --update   writes it anew
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "stdlib/intrinsics/intrinsics.h"
#include "stdlib/library/library.h"
#include "vm/isa/isa.h"

namespace {

using namespace eyeflow;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '{')) text.remove_suffix(1);
  return text;
}

// One module: comments stand before what they are about, a field's behind it.
class ModulePage {
 public:
  ModulePage(std::ostream& out, std::string_view path, std::string_view source) : out_(out) {
    out_ << "\n## " << path << "\n";
    std::istringstream lines{std::string(source)};
    for (std::string line; std::getline(lines, line);) take(line);
    end_fields();
  }

 private:
  void take(const std::string& line) {
    const std::string_view text = trimmed(line);
    const bool inside = line.starts_with("  ");
    if (text.starts_with("///")) {
      comment_.push_back(std::string(trimmed(text.substr(3))));
    } else if (text.empty()) {
      flush_comment();  // the module's own, or nothing
    } else if (text.starts_with("record ") || text.starts_with("fn ")) {
      end_fields();
      out_ << (inside ? "\n#### `" : "\n### `") << signature(text) << "`\n";
      flush_comment();
      in_function_ = text.starts_with("fn ");
    } else if (inside && !in_function_) {
      field(line);
    }
    if (text == "}" && !inside) in_function_ = false;
  }
  static std::string_view signature(std::string_view text) {
    const std::size_t body = text.find(" { ");  // all on one line
    return trimmed(body == std::string_view::npos ? text : text.substr(0, body));
  }
  void flush_comment() {
    if (!comment_.empty()) out_ << "\n";
    for (const std::string& line : comment_) out_ << line << "\n";
    comment_.clear();
  }
  void field(std::string_view line) {
    const std::size_t colon = line.find(" : ");
    if (colon == std::string_view::npos) return;
    const std::size_t note = line.find("///");
    const std::string_view rest = line.substr(colon + 3, note == line.npos ? line.npos : note - colon - 3);
    const std::size_t equals = rest.find(" = ");
    if (!in_fields_) out_ << "\n| field | type | at first | |\n| --- | --- | --- | --- |\n";
    in_fields_ = true;
    out_ << "| `" << trimmed(line.substr(0, colon)) << "` | `" << trimmed(rest.substr(0, equals)) << "` | "
         << (equals == rest.npos ? std::string_view() : trimmed(rest.substr(equals + 3))) << " | "
         << (note == line.npos ? std::string_view() : trimmed(line.substr(note + 3))) << " |\n";
  }
  void end_fields() { in_fields_ = false; }

  std::ostream& out_;
  std::vector<std::string> comment_;
  bool in_fields_ = false, in_function_ = false;
};

std::string operand(const vm::Operand& param) {
  const std::string scalar(vm::name(param.scalar));
  if (param.match == vm::Match::Array) return "[" + scalar + "]";
  if (param.match == vm::Match::List) return "[" + scalar + "; <=]";
  if (param.match == vm::Match::Text) return "text";
  return scalar;
}

std::string page() {
  std::ostringstream out;
  out << "# The standard library\n\nMade from the modules in `stdlib/library` and the rows of "
         "`stdlib/intrinsics/intrinsics.def"
         "` by\n`tests/stdlib/library_page.cpp`; change those and run `library_page docs/library.md --update`. "
         "Functions "
         "that need no\n`use` are in [language.md](language.md).\n";
  for (const std::string_view path : stdlib::library_modules()) ModulePage(out, path, *stdlib::library_module(path));
  out << "\n## Intrinsics\n\nWhat stands behind the functions of the language. a, b, c, d are the arguments in order; "
         "an array "
         "in brackets, `<=` where its length changes.\n\n| name | takes | gives | meaning |\n| --- | --- | --- | --- "
         "|\n";
  for (const vm::IntrinsicDesc& row : stdlib::intrinsics()) {
    out << "| `" << row.name << "` | ";
    for (int n = 0; n < row.param_count; ++n)
      out << (n > 0 ? ", " : "") << operand(row.params[static_cast<std::size_t>(n)]);
    out << " | " << (row.result == vm::Scalar::Void ? std::string_view() : vm::name(row.result)) << " | ";
    for (const char c : row.meaning) out << (c == '|' ? "&#124;" : std::string(1, c));
    out << " |\n";
  }
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: library_page PAGE [--update]\n";
    return 2;
  }
  const std::string made = page();
  if (argc > 2 && std::strcmp(argv[2], "--update") == 0) {
    std::ofstream(argv[1]) << made;
    return 0;
  }
  std::ifstream in(argv[1]);
  std::ostringstream found;
  found << in.rdbuf();
  if (found.str() == made) return 0;
  std::cerr << argv[1] << " is not what the library says: run library_page " << argv[1] << " --update\n";
  return 1;
}
