#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace eyeflow::runtime {

// Bytes: "512 kB", "1.5 GiB", "4096 B"; nullopt for anything else. kB, MB, GB, TB count by 1000, KiB … TiB by 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace eyeflow::runtime
