#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostics.h"

namespace eyeflow::compiler {

// A task written in plain English, as the task language says it.
struct English {
  std::string task;           // the text of a .eft file; empty when a sentence was refused
  std::vector<Span> origins;  // the sentence that each of its lines comes from
  Diagnostics diagnostics;
};

// Never guesses: each sentence is understood in exactly one way, or refused with the nearest ones that are known. The
// same text gives the same task. `text` (UTF-8) is the whole source; `name` becomes the task's.
English read_english(std::string_view text, std::string_view name);

}  // namespace eyeflow::compiler
