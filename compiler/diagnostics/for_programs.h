#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compiler/diagnostics/diagnostics.h"

// Diagnostics for editors and build servers instead of people.
namespace eyeflow::compiler {

struct FileDiagnostics {
  const SourceMap* sources;
  const Diagnostics* diagnostics;
};

// One object a line: {"file", "line", "column", "length", "severity", "code", "message", "hint", "notes": [{"file",
// "line", "column", "message"}]}. Lines and columns count from 1, columns and lengths in characters of UTF-8; `hint` is
// left out when there is none, a note's place when it has none, its file where it is the same. Empty when there is
// nothing to say.
std::string json_lines(const FileDiagnostics& file);

// A log of SARIF 2.1.0 (OASIS standard), with every kind that occurs among its rules.
std::string sarif_log(std::span<const FileDiagnostics> files, std::string_view tool_version);

}  // namespace eyeflow::compiler
