#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace eyeflow::runtime {

// "1.5 kB", "250ms": the number times what its unit stands for, rounded to a whole one; nothing where the text is no
// number with one of these units, or the result lies outside 0 .. most.
inline std::optional<double> scaled(std::string_view text, std::span<const std::pair<std::string_view, double>> units,
                                    double most) {
  double number = 0;
  const auto* end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  auto unit = std::string_view(end, static_cast<std::size_t>(end_of_text - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, one] : units) {
    if (unit != name) continue;
    const double value = std::round(number * one);
    return value >= 0 && value <= most ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace eyeflow::runtime
