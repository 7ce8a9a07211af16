#pragma once

#include "compiler/parse/build_tree.h"

namespace eyeflow::compiler::parse_detail {

// Warns of `count = x // 2`, which divides in Python and is a comment here: it compiles, and computes something else.
void warn_of_division_comments(antlr4::CommonTokenStream& tokens, const Reader& reader);

}  // namespace eyeflow::compiler::parse_detail
