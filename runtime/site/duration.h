#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace eyeflow::runtime {

// "10 ms", "1.5 s", "2 min", "1 h", "7 days"; nullopt for anything else, a negative one included.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace eyeflow::runtime
