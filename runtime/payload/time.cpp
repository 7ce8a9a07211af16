#include <chrono>
#include <cmath>

#include "runtime/payload/decoder.h"

namespace eyeflow::runtime {
namespace {

constexpr std::int64_t factor_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::Seconds:
      return 1'000'000'000;
    case TimeUnit::Milliseconds:
      return 1'000'000;
    case TimeUnit::Microseconds:
      return 1'000;
    default:
      return 1;
  }
}

// By size: the ranges do not meet for any time between 1973 (ms, µs, ns) and the year 5138 (s).
template <typename T>
TimeUnit recognised(T value) {
  if (value < static_cast<T>(1e11)) return TimeUnit::Seconds;
  if (value < static_cast<T>(1e14)) return TimeUnit::Milliseconds;
  if (value < static_cast<T>(1e17)) return TimeUnit::Microseconds;
  return TimeUnit::Nanoseconds;
}

// Reads exactly `digits` decimal digits.
bool take_digits(std::string_view& text, int digits, int& value) {
  if (text.size() < static_cast<std::size_t>(digits)) return false;
  value = 0;
  for (int i = 0; i < digits; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(static_cast<std::size_t>(digits));
  return true;
}

bool take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<vm::TimeNs> time_of(std::int64_t value, TimeUnit unit) {
  if (value < 0) return std::nullopt;
  if (unit == TimeUnit::Recognised) unit = recognised(value);
  vm::TimeNs ns;
  if (__builtin_mul_overflow(value, factor_of(unit), &ns)) return std::nullopt;
  return ns;
}

std::optional<vm::TimeNs> time_of(double value, TimeUnit unit) {
  if (!(value >= 0)) return std::nullopt;
  if (unit == TimeUnit::Recognised) unit = recognised(value);
  const double ns = value * static_cast<double>(factor_of(unit));
  if (!(ns < 9.2e18)) return std::nullopt;
  return static_cast<vm::TimeNs>(std::llround(ns));
}

std::optional<vm::TimeNs> time_of_text(std::string_view text) {
  int year, month, day, hour, minute, second;
  if (!take_digits(text, 4, year) || !take(text, "-") || !take_digits(text, 2, month) || !take(text, "-") ||
      !take_digits(text, 2, day) || !take(text, "Tt ") || !take_digits(text, 2, hour) || !take(text, ":") ||
      !take_digits(text, 2, minute) || !take(text, ":") || !take_digits(text, 2, second)) {
    return std::nullopt;
  }
  std::int64_t fraction_ns = 0;
  if (take(text, ".")) {
    std::int64_t place = 100'000'000;
    int digit = 0;
    bool any = false;
    while (take_digits(text, 1, digit)) {
      fraction_ns += digit * place;  // digits past the ninth add nothing
      place /= 10;
      any = true;
    }
    if (!any) return std::nullopt;
  }
  int offset_minutes = 0;
  if (!take(text, "Zz")) {
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    int h, m;
    if (!take_digits(text, 2, h) || !take(text, ":") || !take_digits(text, 2, m) || h > 23 || m > 59)
      return std::nullopt;
    offset_minutes = sign * (60 * h + m);
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // A leap second (60) counts as the first of the next minute.
  if (!text.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60 || year < 1970 || year > 2261) {
    return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = ((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second;
  if (seconds < 0) return std::nullopt;
  return seconds * 1'000'000'000 + fraction_ns;
}

}  // namespace eyeflow::runtime
