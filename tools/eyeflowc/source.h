#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/lower/lower.h"
#include "tools/eyeflowc/command.h"

namespace eyeflow::eyeflowc {

Result<std::string> read_file(const std::string& path);
// All or nothing: a reader never sees half a file. "-" is stdout.
Result<void> write_file(const std::string& path, std::string_view bytes);

// A source file as far as it could be understood.
struct Source {
  std::string path;
  std::string text;             // of the task; of one in English, the .eft that it stands for
  compiler::SourceMap sources;  // with the modules that it uses
  compiler::Diagnostics diagnostics;
  std::optional<compiler::typed::Program> program;  // when there is no mistake
  std::string program_name;                         // the file that the program's lines are of
};

Result<Source> load_source(const std::string& path);
// What was found, on stderr. Whether the source may be used.
bool report(Source& source);

// The task to work on: the file's only one, or the one of that name.
std::optional<std::size_t> choose_task(const Source& source, const std::string& name);

// A module to look at: from a source (all its tasks, or the one named), or from a bundle.
struct Loaded {
  std::vector<vm::VerifiedModule> modules;
  std::string source_text;  // empty for a bundle
};
std::optional<Loaded> load_modules(const std::string& path, const std::string& task, Exit& exit);

}  // namespace eyeflow::eyeflowc
