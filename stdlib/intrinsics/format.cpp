#include "stdlib/intrinsics/format.h"

#include <charconv>
#include <chrono>

namespace eyeflow::stdlib {
namespace {

constexpr std::int64_t kMaxPrecision = 17;
constexpr std::uint64_t kSecond = 1'000'000'000;

// Appends behind what stands in a buffer that is known to be large enough.
class Writer {
 public:
  explicit Writer(FormatBuffer& buffer) : begin_(buffer.bytes), end_(buffer.bytes) {}
  Writer& put(char c) {
    *end_++ = c;
    return *this;
  }
  Writer& put(std::string_view text) {
    for (char c : text) *end_++ = c;
    return *this;
  }
  Writer& number(std::uint64_t value) {
    end_ = std::to_chars(end_, end_ + 20, value).ptr;
    return *this;
  }
  Writer& padded(std::uint64_t value, int digits) {
    for (int n = digits - 1; n >= 0; --n, value /= 10) end_[n] = static_cast<char>('0' + value % 10);
    end_ += digits;
    return *this;
  }
  // ".5" for 500 of 1000; nothing for 0
  Writer& fraction(std::uint64_t value, int digits) {
    if (value == 0) return *this;
    for (; value % 10 == 0; value /= 10) --digits;
    return put('.').padded(value, digits);
  }
  std::string_view done() const { return {begin_, static_cast<std::size_t>(end_ - begin_)}; }

 private:
  char* begin_;
  char* end_;
};

// What is left of a small negative number after rounding, and -0, print without the sign.
std::string_view without_negative_zero(std::string_view text) {
  return text.starts_with('-') && text.find_first_not_of("0.", 1) == text.npos ? text.substr(1) : text;
}

template <typename Float>
std::string_view format_float(FormatBuffer& buffer, Float value, std::int64_t precision) {
  char* const begin = buffer.bytes;
  char* const end = begin + sizeof buffer.bytes;
  if (value != value) return "nan";
  if (value > std::numeric_limits<Float>::max()) return "inf";
  if (value < std::numeric_limits<Float>::lowest()) return "-inf";
  if (precision >= 0) {
    const int digits = static_cast<int>(precision < kMaxPrecision ? precision : kMaxPrecision);
    const auto written = std::to_chars(begin, end, value, std::chars_format::fixed, digits);
    return without_negative_zero({begin, written.ptr});
  }
  char* last = std::to_chars(begin, end, value).ptr;
  if (std::string_view(begin, last).find_first_of(".e") == std::string_view::npos) *last++ = '.', *last++ = '0';
  return without_negative_zero({begin, last});
}

}  // namespace

std::string_view format_f64(FormatBuffer& buffer, double value, std::int64_t precision) {
  return format_float(buffer, value, precision);
}
std::string_view format_f32(FormatBuffer& buffer, float value, std::int64_t precision) {
  return format_float(buffer, value, precision);
}

std::string_view format_u64(FormatBuffer& buffer, std::uint64_t value) { return Writer(buffer).number(value).done(); }
std::string_view format_i64(FormatBuffer& buffer, std::int64_t value) {
  return {buffer.bytes, std::to_chars(buffer.bytes, buffer.bytes + sizeof buffer.bytes, value).ptr};
}

std::string_view format_time(FormatBuffer& buffer, std::int64_t time_ns) {
  // Not by chrono's floor: it multiplies back, which overflows on the first day of the range.
  constexpr std::int64_t kDay = 86400 * static_cast<std::int64_t>(kSecond);
  const bool before = time_ns % kDay < 0;
  const std::uint64_t of_day = static_cast<std::uint64_t>(time_ns % kDay + (before ? kDay : 0));
  const std::chrono::days since_1970{time_ns / kDay - (before ? 1 : 0)};
  const std::chrono::year_month_day date{std::chrono::sys_days{since_1970}};
  const std::uint64_t seconds = of_day / kSecond, rest = of_day % kSecond;
  Writer out(buffer);
  out.padded(static_cast<std::uint64_t>(static_cast<int>(date.year())), 4).put('-');  // 1677 .. 2262
  out.padded(static_cast<unsigned>(date.month()), 2).put('-').padded(static_cast<unsigned>(date.day()), 2).put('T');
  out.padded(seconds / 3600, 2).put(':').padded(seconds / 60 % 60, 2).put(':').padded(seconds % 60, 2);
  if (rest % 1'000'000 == 0) {
    if (rest != 0) out.put('.').padded(rest / 1'000'000, 3);
  } else if (rest % 1000 == 0) {
    out.put('.').padded(rest / 1000, 6);
  } else {
    out.put('.').padded(rest, 9);
  }
  return out.put('Z').done();
}

std::string_view format_duration(FormatBuffer& buffer, std::int64_t duration_ns) {
  Writer out(buffer);
  if (duration_ns < 0) out.put('-');
  // In u64, so that the smallest number has its negative.
  const std::uint64_t ns =
      duration_ns < 0 ? 0 - static_cast<std::uint64_t>(duration_ns) : static_cast<std::uint64_t>(duration_ns);
  if (ns == 0) return out.put("0 s").done();
  if (ns < 1000) return out.number(ns).put(" ns").done();
  if (ns < 1'000'000) return out.number(ns / 1000).fraction(ns % 1000, 3).put(" µs").done();
  if (ns < kSecond) return out.number(ns / 1'000'000).fraction(ns % 1'000'000, 6).put(" ms").done();

  const std::uint64_t seconds = ns / kSecond;
  bool first = true;
  const auto part = [&](std::uint64_t count, std::string_view unit) {
    if (count == 0) return;
    if (!first) out.put(' ');
    first = false;
    out.number(count).put(unit);
  };
  part(seconds / 86400, " day");
  part(seconds / 3600 % 24, " h");
  part(seconds / 60 % 60, " min");
  if (seconds % 60 != 0 || ns % kSecond != 0) {
    if (!first) out.put(' ');
    out.number(seconds % 60).fraction(ns % kSecond, 9).put(" s");
  }
  return out.done();
}

}  // namespace eyeflow::stdlib
