#include "runtime/site/size.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace eyeflow::runtime {

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"B", 1},          {"kB", 1e3},          {"MB", 1e6},
      {"GB", 1e9},       {"TB", 1e12},         {"KiB", 1024},
      {"MiB", 1048576.}, {"GiB", 1073741824.}, {"TiB", 1099511627776.}};
  double number = 0;
  const auto* end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  auto unit = std::string_view(end, static_cast<std::size_t>(end_of_text - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, bytes] : kUnits) {
    if (unit != name) continue;
    const double value = std::round(number * bytes);
    if (!(value >= 0) || value > 1e18) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

}  // namespace eyeflow::runtime
