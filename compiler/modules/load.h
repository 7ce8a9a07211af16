#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/check.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/syntax/source_map.h"
#include "vm/base/result.h"

// A file with the modules that it uses, and those that they use: read, parsed and checked as one. The standard library
// is built in; where other modules are is the caller's business.
namespace eyeflow::compiler {

struct ModuleText {
  std::string file_name;  // for messages
  std::string text;
};
struct ModuleFinder {
  std::function<std::optional<ModuleText>(std::string_view path)> find;  // "plant.pumps"; nothing when there is none
  std::function<std::vector<std::string>()> known;  // all paths, for "did you mean"; asked when one is not found
  // What a test has its rows from: "cases.csv", beside the file that is compiled.
  std::function<Result<ModuleText>(std::string_view path)> read_data{};
  // What it feeds as it is: "part.jpg", "parts", a folder.
  ReadFedFiles read_fed{};
};

struct Loaded {
  SourceMap sources;
  Diagnostics diagnostics;
  std::optional<typed::Program> program;  // when there is no error
  std::string program_name;               // the file that the program's lines are of
  std::string english_task;               // the task that a text in English stands for; empty for others
};

// Never fails otherwise than by diagnostics. A file named *.txt is plain English: what is said stands at its sentences,
// and the program's lines are those of the .eft that `eyeflowc english` shows.
Loaded load(std::string_view text, std::string_view file_name, const ModuleFinder& finder = {});

}  // namespace eyeflow::compiler
