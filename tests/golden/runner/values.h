#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/isa/type.h"

// Numbers as golden files show them: what is written reads back to the same bits, and the same bits are always written
// alike.
namespace eyeflow::golden {

// i64 -5, u8 200, bool true, f64 0.1, f64 3.0, nan (the canonical one), -nan, inf, nan(0x7ff8000000000001) for others.
std::string write_value(vm::Scalar type, vm::Word word);
// Also reads 0x… for integers, and numbers without a point for floats. Nothing when it is not of that type.
std::optional<vm::Word> read_value(vm::Scalar type, std::string_view text);

// An array's elements: [1, 2.5], or of u8 the digits of each, 00ff.
std::string write_elements(vm::Scalar type, std::string_view bytes);
std::optional<std::vector<std::byte>> read_elements(vm::Scalar type, std::string_view text);

// With quotes; \n, \t, \", \\ and \xHH for bytes that cannot be shown.
std::string write_quoted(std::string_view text);

}  // namespace eyeflow::golden
