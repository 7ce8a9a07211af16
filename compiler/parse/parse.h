#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"
#include "compiler/syntax/tree.h"

namespace eyeflow::compiler {

struct ParseResult {
  std::string file_name;
  syntax::File file;  // what could be understood; complete when there are no errors
  Diagnostics diagnostics;
  std::vector<Span> broken;  // what holds a syntax error: what else is said about it is not to be trusted
};

// Reads a source file (UTF-8) that begins at `begin` of the whole source and reaches to its end. Never fails otherwise
// than by diagnostics: any bytes are a source.
ParseResult parse(std::string_view source, std::string file_name, std::uint32_t begin = 0);

}  // namespace eyeflow::compiler
