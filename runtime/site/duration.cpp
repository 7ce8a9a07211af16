#include "runtime/site/duration.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

namespace eyeflow::runtime {

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1},     {"us", 1e3},   {"µs", 1e3},    {"ms", 1e6},      {"s", 1e9},
      {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"day", 86400e9}, {"days", 86400e9},
  };
  double number = 0;
  const auto* end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  auto unit = std::string_view(end, static_cast<std::size_t>(end_of_text - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, ns] : kUnits) {
    if (unit != name) continue;
    const double value = std::round(number * ns);
    if (!(value >= 0) || value > 9.2e18) return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value));
  }
  return std::nullopt;
}

}  // namespace eyeflow::runtime
