#pragma once

#include <array>
#include <cstdint>

namespace eyeflow::vm::module_format {

// A high bit, letters, both line endings: a mangling text transfer is noticed at once.
inline constexpr std::array<unsigned char, 6> kMagic = {0x89, 'E', 'F', 'M', '\r', '\n'};
inline constexpr std::uint16_t kVersion = 2;

}  // namespace eyeflow::vm::module_format
