#pragma once

#include <string_view>

#include "compiler/check/types.h"

namespace eyeflow::compiler::check_detail {

// What an array or a text has, as a hint says it; empty where there is nothing to say.
std::string_view members_of(const typed::Type& type);

}  // namespace eyeflow::compiler::check_detail
