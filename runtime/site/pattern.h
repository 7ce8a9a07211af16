#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/base/result.h"

namespace eyeflow::runtime {

inline constexpr std::size_t kMaxExpandedNames = 100'000;

// "T{1..3}" → T1 T2 T3; "T{08..10}" keeps the leading zeros; "{a,b}_x" → a_x b_x; several braces multiply.
// Fails on a malformed brace, an empty or oversized range, and characters other than letters, digits and _ - .
Result<std::vector<std::string>> expand_names(std::string_view pattern);

// '*' stands for any number of characters, '?' for one.
bool glob_matches(std::string_view glob, std::string_view name);

// Replaces each {key} by its value. Fails on a key that is not in the list, naming those that are.
Result<std::string> fill_in(std::string_view text,
                            std::span<const std::pair<std::string_view, std::string_view>> values);

}  // namespace eyeflow::runtime
