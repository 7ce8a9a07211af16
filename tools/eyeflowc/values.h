#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/module/module.h"

namespace eyeflow::eyeflowc {

// A scalar as a person writes it, "75 °C", "on", "1.5 s", as a word of `type` in `unit` ("time" and "duration" as in
// vm::Field). Without a unit the number is taken in the declared one. NaN is not a value.
Result<vm::Word> parse_value(std::string_view text, vm::Scalar type, std::string_view unit);

// The elements of an array or list as they stand in memory: `[1, 2.5]` in `unit`, or of u8 their digits, `00 ff`.
Result<std::vector<std::byte>> parse_elements(std::string_view text, const vm::Type& type, std::string_view unit);
std::string print_elements(std::span<const std::byte> elements, vm::Scalar type);

// As a task prints it, without the unit.
std::string print_value(vm::Word word, vm::Scalar type, std::string_view unit);

// A span of time for the command line: "31 s", "2 min"; a number alone is milliseconds.
Result<vm::TimeNs> parse_time_option(std::string_view text, std::string_view option);

}  // namespace eyeflow::eyeflowc
