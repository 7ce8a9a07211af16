#include "tools/common/numbers.h"

#include <fmt/format.h>

namespace eyeflow::tools {
namespace {

// Three digits that count, without zeros at the end: 1.25, 12.5, 125, 4.
std::string three_digits(double value) {
  std::string text = value < 9.995   ? fmt::format("{:.2f}", value)
                     : value < 99.95 ? fmt::format("{:.1f}", value)
                                     : fmt::format("{:.0f}", value);
  if (text.find('.') == std::string::npos) return text;
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string count_text(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 999'500) return three_digits(static_cast<double>(bytes) / 1e3) + " KB";
  if (bytes < 999'500'000) return three_digits(static_cast<double>(bytes) / 1e6) + " MB";
  return three_digits(static_cast<double>(bytes) / 1e9) + " GB";
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const auto ns = static_cast<double>(duration.count());
  if (ns < 1e3) return fmt::format("{} ns", duration.count());
  if (ns < 999.5e3) return three_digits(ns / 1e3) + " µs";
  if (ns < 999.5e6) return three_digits(ns / 1e6) + " ms";
  if (ns < 59.95e9) return three_digits(ns / 1e9) + " s";
  const auto seconds = static_cast<std::uint64_t>(ns / 1e9 + 0.5);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace eyeflow::tools
