#pragma once

#include <string>

#include "compiler/check/types.h"
#include "vm/isa/type.h"

namespace eyeflow::compiler {

// A value as a task would print it, with its unit: "85.5 °C", "true", "1.5 s". A text in quotes.
std::string show_scalar(const typed::Type& type, vm::Word word);
std::string show_text(std::string_view text);
// "1.5 s" for messages.
std::string show_duration(std::int64_t duration_ns);

}  // namespace eyeflow::compiler
