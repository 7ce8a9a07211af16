#pragma once

#include <cstdint>
#include <string_view>

// How values are printed in texts of a task, on the console and in replays: one way for all, the same on every CPU,
// independent of the locale.
namespace eyeflow::stdlib {

// Takes every number with 17 digits behind the point.
struct FormatBuffer {
  char bytes[352];
};

inline constexpr int kShortest = -1;
inline constexpr int kMaxShortestBytes = 26;  // a sign, 23 digits of a large whole number, ".0"

// With `precision` digits behind the point, 0 .. 17 (more are 17), rounded to nearest from the exact value; below 0 the
// fewest digits that read back as the same number, at least one of them behind the point ("80.0", "1e+30"). "nan",
// "inf", "-inf"; what prints as zero has no sign.
std::string_view format_f64(FormatBuffer& buffer, double value, std::int64_t precision);
std::string_view format_f32(FormatBuffer& buffer, float value, std::int64_t precision);
std::string_view format_i64(FormatBuffer& buffer, std::int64_t value);
std::string_view format_u64(FormatBuffer& buffer, std::uint64_t value);

// Nanoseconds since 1970 UTC as ISO 8601, with 0, 3, 6 or 9 digits of the second: "2024-05-01T12:34:56.789Z".
std::string_view format_time(FormatBuffer& buffer, std::int64_t time_ns);

// Exactly: below a minute one number ("0 s", "250 ms", "1.5 s"), from there on parts ("2 h 3 min 4.5 s", "1 day").
std::string_view format_duration(FormatBuffer& buffer, std::int64_t duration_ns);

}  // namespace eyeflow::stdlib
