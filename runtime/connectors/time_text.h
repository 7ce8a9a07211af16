#pragma once

#include <chrono>
#include <string_view>

namespace eyeflow::runtime {

// 2026-01-31T06:00:00.123Z. `Out` is a std::string or a fmt::memory_buffer; the year has four digits.
template <typename Out>
void append_time(Out& out, std::chrono::sys_time<std::chrono::nanoseconds> time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>(std::chrono::floor<std::chrono::milliseconds>(time - day).count());
  char text[] = "0000-00-00T00:00:00.000Z";
  const auto put = [&](std::size_t end, unsigned value) {  // over the zeros that end there
    for (; value > 0; value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  put(4, static_cast<unsigned>(static_cast<int>(date.year())));
  put(7, static_cast<unsigned>(date.month()));
  put(10, static_cast<unsigned>(date.day()));
  put(13, ms / 3600000);
  put(16, ms / 60000 % 60);
  put(19, ms / 1000 % 60);
  put(23, ms % 1000);
  const std::string_view whole(text, sizeof text - 1);
  out.append(whole.data(), whole.data() + whole.size());
}

}  // namespace eyeflow::runtime
