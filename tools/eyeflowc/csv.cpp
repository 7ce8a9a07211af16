#include "tools/eyeflowc/csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "compiler/syntax/csv.h"

namespace eyeflow::eyeflowc {
namespace {

using compiler::trimmed;

constexpr std::int64_t kNsPerMs = 1'000'000;

// Exact for whole milliseconds and for fractions down to the nanosecond.
std::optional<std::int64_t> parse_ms(std::string_view text) {
  text = trimmed(text);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  std::string fraction(point < text.size() ? text.substr(point + 1) : std::string_view("0"));
  if (!digits(text.substr(0, point)) || !digits(fraction) || point > 13 || fraction.size() > 6) return std::nullopt;
  fraction.resize(6, '0');
  std::int64_t whole = 0, part = 0;
  std::from_chars(text.data(), text.data() + point, whole);
  std::from_chars(fraction.data(), fraction.data() + fraction.size(), part);
  if (whole > INT64_MAX / kNsPerMs - 1) return std::nullopt;
  const std::int64_t ns = whole * kNsPerMs + part;
  return negative ? -ns : ns;
}

}  // namespace

Result<std::vector<Reading>> read_recording(std::string_view text, const std::string& path) {
  std::vector<Reading> readings;
  compiler::CsvPlace place;
  while (place.offset < text.size()) {
    const std::size_t line = place.line;
    const auto fields = compiler::next_csv_record(text, place);
    const auto wrong = [&](const std::string& what) { return fail(fmt::format("{}:{}: {}", path, line, what)); };
    if (!fields) return wrong("a quote is not closed before the file ends");
    const std::string_view first = trimmed(std::string_view((*fields)[0].text));
    if ((fields->size() == 1 && first.empty()) || first.starts_with('#')) continue;
    if (readings.empty() && first == "time_ms") continue;
    if (fields->size() > 3)
      return wrong("more than three fields; a line is time_ms,input,value, and a value with commas stands in quotes");
    const auto time = parse_ms(first);
    if (!time)
      return wrong(
          fmt::format("'{}' is no time in milliseconds (whole or with up to 6 digits behind the point)", first));
    if (!readings.empty() && *time < readings.back().time_ns)
      return wrong(fmt::format("the time goes back from {} to {}; sort the lines by time",
                               milliseconds(readings.back().time_ns), milliseconds(*time)));
    Reading& reading = readings.emplace_back();
    reading.time_ns = *time;
    reading.line = line;
    if (fields->size() > 1) reading.input = trimmed(std::string_view((*fields)[1].text));
    if (fields->size() > 2) reading.value = (*fields)[2].text;
  }
  return readings;
}

std::string milliseconds(std::int64_t time_ns) {
  const std::string sign = time_ns < 0 ? "-" : "";
  const std::uint64_t ns = time_ns < 0 ? -static_cast<std::uint64_t>(time_ns) : static_cast<std::uint64_t>(time_ns);
  std::string text = sign + std::to_string(ns / kNsPerMs);
  if (ns % kNsPerMs == 0) return text;
  text += fmt::format(".{:06}", ns % kNsPerMs);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::string csv_field(std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace eyeflow::eyeflowc
