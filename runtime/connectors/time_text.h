#pragma once

#include <fmt/format.h>

#include <chrono>
#include <iterator>

namespace eyeflow::runtime {

// 2026-01-31T06:00:00.123Z. `Out` is a std::string or a fmt::memory_buffer.
template <typename Out>
void append_time(Out& out, std::chrono::sys_time<std::chrono::nanoseconds> time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time - day).count();
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3600000, ms / 60000 % 60,
                 ms / 1000 % 60, ms % 1000);
}

}  // namespace eyeflow::runtime
