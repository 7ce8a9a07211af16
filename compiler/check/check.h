#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/syntax/tree.h"
#include "vm/base/result.h"

namespace eyeflow::compiler {

// What `use` can name: the modules that are used, parsed, and the paths of all that there are, for "did you mean".
struct Module {
  std::string path;  // "std.signal"
  syntax::File file;
};
// A file that a test has its rows from: a stretch of the source text.
struct DataFile {
  std::string path;  // as the test names it
  std::uint32_t begin = 0, length = 0;
  std::string problem{};  // why it cannot be used
};
constexpr bool is_table(std::string_view path) { return path.ends_with(".csv"); }
// Files that a test feeds as they are, images as a rule: one, or those of a folder in the order of their names.
struct FedFiles {
  struct File {
    std::string name, bytes;
  };
  bool is_folder = false;
  std::vector<File> files{};
};
using ReadFedFiles = std::function<Result<FedFiles>(std::string_view path)>;

struct Modules {
  std::vector<Module> used;
  std::vector<std::string> known;
  std::vector<DataFile> data{};
  ReadFedFiles read_fed{};
};

// Resolves names, types and units of a parsed file and proves its loops bounded. Adds what is wrong to `diagnostics`,
// in the order of the source; gives a program only when there is no error, from here or from the parser. `source` is
// the text the trees came from, `broken` what the parser said of it (ParseResult): nothing else is said about those.
// A file without tasks is a module: its program has no tasks either.
std::optional<typed::Program> check(const syntax::File& file, std::string_view source, Diagnostics& diagnostics,
                                    const std::vector<Span>& broken = {}, const Modules& modules = {});

}  // namespace eyeflow::compiler
