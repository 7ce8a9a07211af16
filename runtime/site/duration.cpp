#include "runtime/site/duration.h"

#include <cstdint>

#include "runtime/site/scaled.h"

namespace eyeflow::runtime {

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1},     {"us", 1e3},   {"µs", 1e3},    {"ms", 1e6},      {"s", 1e9},
      {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"day", 86400e9}, {"days", 86400e9},
  };
  const auto ns = scaled(text, kUnits, 9.2e18);
  return ns ? std::optional(std::chrono::nanoseconds(static_cast<std::int64_t>(*ns))) : std::nullopt;
}

}  // namespace eyeflow::runtime
