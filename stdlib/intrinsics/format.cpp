#include "stdlib/intrinsics/format.h"

#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>
#include <limits>

namespace eyeflow::stdlib {
namespace {

constexpr std::int64_t kMaxPrecision = 17;
constexpr std::uint64_t kSecond = 1'000'000'000;

constexpr auto kPowersOfTen = [] {
  std::array<std::uint64_t, kMaxPrecision + 1> powers{1};
  for (std::size_t n = 1; n < powers.size(); ++n) powers[n] = powers[n - 1] * 10;
  return powers;
}();

// "00" to "99".
constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (int n = 0; n < 100; ++n) {
    pairs[static_cast<std::size_t>(2 * n)] = static_cast<char>('0' + n / 10);
    pairs[static_cast<std::size_t>(2 * n + 1)] = static_cast<char>('0' + n % 10);
  }
  return pairs;
}();

// Writes `digits` of a number's last digits before `end`, and takes them off it.
void put_digits_before(char* end, std::uint64_t& value, int digits) {
  for (; digits >= 2; digits -= 2, value /= 100) std::memcpy(end -= 2, &kPairs[value % 100 * 2], 2);
  if (digits == 0) return;
  *--end = static_cast<char>('0' + value % 10);
  value /= 10;
}
// All digits of a number, at least one. Where they begin.
char* put_before(char* end, std::uint64_t value) {
  for (; value >= 100; value /= 100) std::memcpy(end -= 2, &kPairs[value % 100 * 2], 2);
  if (value < 10) {
    *--end = static_cast<char>('0' + value);
    return end;
  }
  std::memcpy(end -= 2, &kPairs[value * 2], 2);
  return end;
}

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

// A number with that many digits behind the point, from its exact value, half to even, as a whole number of units of
// the last digit: significand * 10^digits fits 110 bits, and what is cut off its end is known. Nothing where the result
// would have more than 64 bits.
std::string_view format_fixed(FormatBuffer& buffer, double value, int digits) {
  constexpr int kSignificand = 52, kBias = 1023 + kSignificand;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const int exponent = static_cast<int>(bits >> kSignificand & 0x7FF);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << kSignificand) - 1);
  const std::uint64_t significand = exponent == 0 ? fraction : fraction | std::uint64_t{1} << kSignificand;
  const int cut = kBias - (exponent == 0 ? 1 : exponent);  // value = significand / 2^cut
  if (cut < 0) return {};
  const unsigned __int128 exact =
      static_cast<unsigned __int128>(significand) * kPowersOfTen[static_cast<unsigned>(digits)];
  std::uint64_t units = 0;
  if (cut < 128) {
    const unsigned __int128 whole = exact >> cut;
    if (whole >= std::numeric_limits<std::uint64_t>::max()) return {};
    units = static_cast<std::uint64_t>(whole);
    if (cut > 0) {
      const unsigned __int128 half = static_cast<unsigned __int128>(1) << (cut - 1), rest = exact - (whole << cut);
      units += rest > half || (rest == half && (units & 1) != 0);
    }
  }
  const bool is_negative = (bits >> 63) != 0 && units != 0;
  char* const end = buffer.bytes + 48;  // a sign, twenty digits, the point; or eighteen digits and the point
  char* begin = end;
  if (digits > 0) {
    put_digits_before(begin, units, digits);
    begin -= digits;
    *--begin = '.';
  }
  begin = put_before(begin, units);
  if (is_negative) *--begin = '-';
  return {begin, static_cast<std::size_t>(end - begin)};
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
    if (const std::string_view text = format_fixed(buffer, value, digits); !text.empty()) return text;
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

std::string_view format_u64(FormatBuffer& buffer, std::uint64_t value) {
  char* const end = buffer.bytes + 24;
  char* const begin = put_before(end, value);
  return {begin, static_cast<std::size_t>(end - begin)};
}
std::string_view format_i64(FormatBuffer& buffer, std::int64_t value) {
  char* const end = buffer.bytes + 24;
  const auto bits = static_cast<std::uint64_t>(value);  // of which the smallest number has its negative, too
  char* begin = put_before(end, value < 0 ? 0 - bits : bits);
  if (value < 0) *--begin = '-';
  return {begin, static_cast<std::size_t>(end - begin)};
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
