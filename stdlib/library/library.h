#pragma once

#include <optional>
#include <span>
#include <string_view>

// The part of the standard library that is written in the task language: library/std/NAME.eft is the module std.NAME,
// compiled into the program as text.
namespace eyeflow::stdlib {

// The paths of all modules: "std.stats".
std::span<const std::string_view> library_modules();
std::optional<std::string_view> library_module(std::string_view path);

}  // namespace eyeflow::stdlib
