#pragma once

#include <optional>
#include <string_view>

#include "compiler/check/typed_tree.h"
#include "compiler/diagnostics/diagnostics.h"
#include "compiler/syntax/tree.h"

namespace eyeflow::compiler {

// Resolves names, types and units of a parsed file and proves its loops bounded. Adds what is wrong to `diagnostics`;
// gives a program only when there is no error, from here or from the parser. `source` is the text the tree came from.
std::optional<typed::Program> check(const syntax::File& file, std::string_view source, Diagnostics& diagnostics);

}  // namespace eyeflow::compiler
