#pragma once

#include <optional>
#include <string_view>

#include "vm/isa/intrinsic.h"

namespace eyeflow::stdlib {

// The table that the host injects into verifier, engine and folder. It lives as long as the process.
vm::IntrinsicTable intrinsics();

// The id behind a name of intrinsics.def; the lowering asks once a name.
std::optional<std::uint16_t> find_intrinsic(std::string_view name);

}  // namespace eyeflow::stdlib
