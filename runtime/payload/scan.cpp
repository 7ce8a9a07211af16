#include <simdjson.h>

#include <charconv>
#include <cstring>

#include "runtime/payload/json.h"

namespace eyeflow::runtime {
namespace {

using Kind = JsonValue::Kind;

constexpr int kDeepest = 16;
constexpr int kMostDigits = 18;               // more may not fit 64 bits
constexpr std::uint64_t kExact = 1ull << 53;  // whole numbers up to here are doubles
constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kMostPower = 22;  // the powers above are exact up to here

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Eight digits at once: pairs, then fours, then all, each by one multiplication. (The bytes of a word from the lowest,
// as x86-64 and AArch64 have them.)
bool eight_digits(const char* at, std::uint64_t& number) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  constexpr std::uint64_t kZeros = 0x3030303030303030, kHigh = 0xF0F0F0F0F0F0F0F0;
  if ((word & kHigh) != kZeros || ((word + 0x0606060606060606) & kHigh) != kZeros) return false;
  word -= kZeros;
  word = word * 10 + (word >> 8);
  constexpr std::uint64_t kMask = 0x000000FF000000FF, kFirst = 100 + (1000000ull << 32), kSecond = 1 + (10000ull << 32);
  number = ((word & kMask) * kFirst + ((word >> 16) & kMask) * kSecond) >> 32;
  return true;
}

// One document. Every step returns false where this reader is not sure.
class Scanner {
 public:
  Scanner(std::string_view document, JsonValue& field, JsonValue& time)
      : begin_(document.data()), at_(begin_), end_(at_ + document.size()), field_(field), time_(time) {}

  bool scan(std::string_view field_pointer, std::string_view time_pointer) {
    skip_space();
    if (!take('{') || !object(below_root(field_pointer), below_root(time_pointer), 1)) return false;
    skip_space();
    if (at_ != end_ || field_.kind == Kind::Missing || (!time_pointer.empty() && time_.kind == Kind::Missing))
      return false;
    return (high_bits_ & 0x80) == 0 || simdjson::validate_utf8(begin_, static_cast<std::size_t>(end_ - begin_));
  }

 private:
  // What is wanted at or below a place: nothing, the place itself, or the rest of a pointer below it.
  struct Want {
    bool here = false;
    bool below = false;
    std::string_view rest{};
  };
  static Want below_root(std::string_view pointer) {
    if (pointer.empty() || pointer.front() != '/') return {};
    return {.below = true, .rest = pointer.substr(1)};
  }

  void skip_space() {
    while (at_ < end_ && is_space(*at_)) ++at_;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  // Behind the opening quote.
  bool text(std::string_view& found) {
    const char* const from = at_;
    for (; at_ < end_; ++at_) {
      const char c = *at_;
      if (c == '"') {
        found = {from, static_cast<std::size_t>(at_ - from)};
        ++at_;
        return true;
      }
      if (c == '\\' || static_cast<unsigned char>(c) < ' ') return false;
      high_bits_ |= static_cast<unsigned char>(c);
    }
    return false;
  }

  // Whether `key` is the first name of what is wanted, and what is wanted in its value then. False where that cannot be
  // told by comparing: a pointer has escapes, or the same key was there before.
  static bool step(Want& want, std::string_view key, Want& inner) {
    const std::string_view rest = want.rest;
    if (!want.below || key.size() > rest.size() || std::memcmp(rest.data(), key.data(), key.size()) != 0) return true;
    const bool last = key.size() == rest.size();
    if (!last && rest[key.size()] != '/') return true;
    if (key.find_first_of("/~") != key.npos) return false;
    if (last)
      inner.here = true;
    else
      inner = {.here = false, .below = true, .rest = rest.substr(key.size() + 1)};
    want.below = false;  // the first of that name counts …
    return true;
  }

  // Behind the opening brace.
  bool object(Want field, Want time, int depth) {
    skip_space();
    if (take('}')) return true;
    for (;;) {
      std::string_view key;
      if (!take('"') || !text(key)) return false;
      Want field_inner, time_inner;
      if (!step(field, key, field_inner) || !step(time, key, time_inner)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(field_inner, time_inner, depth)) return false;
      skip_space();
      if (at_ == end_) return false;
      const char c = *at_++;
      if (c == '}') return true;
      if (c != ',') return false;
      skip_space();
    }
  }

  bool array(int depth) {
    skip_space();
    if (take(']')) return true;
    for (;;) {
      skip_space();
      if (!value({}, {}, depth)) return false;
      skip_space();
      if (at_ == end_) return false;
      const char c = *at_++;
      if (c == ']') return true;
      if (c != ',') return false;
    }
  }

  bool value(const Want& field, const Want& time, int depth) {
    if (at_ == end_) return false;
    JsonValue found;
    switch (*at_) {
      case '"':
        ++at_;
        found.kind = Kind::Text;
        if (!text(found.text)) return false;
        break;
      case '{':
        ++at_;
        return !field.here && !time.here && depth < kDeepest && object(field, time, depth + 1);
      case '[':
        ++at_;
        return !field.here && !time.here && !field.below && !time.below && depth < kDeepest && array(depth + 1);
      case 't':
        found.kind = Kind::True;
        if (!word("true")) return false;
        break;
      case 'f':
        found.kind = Kind::False;
        if (!word("false")) return false;
        break;
      case 'n':
        found.kind = Kind::Null;
        if (!word("null")) return false;
        break;
      default:
        if (!number(found)) return false;
    }
    if (field.here) field_ = found;
    if (time.here) time_ = found;
    return !field.below && !time.below;  // … and what is wanted below it is not there
  }

  bool word(std::string_view letters) {
    if (static_cast<std::size_t>(end_ - at_) < letters.size() || std::memcmp(at_, letters.data(), letters.size()) != 0)
      return false;
    at_ += letters.size();
    return true;
  }

  // -? (0 | [1-9][0-9]*) ('.' [0-9]+)? ([eE] [+-]? [0-9]+)?
  bool number(JsonValue& found) {
    const char* const from = at_;
    const bool negative = take('-');
    const char* const first = at_;
    std::uint64_t digits = 0;
    read_digits(digits);
    std::ptrdiff_t count = at_ - first;
    if (count == 0 || (*first == '0' && count > 1)) return false;
    int power = 0;
    bool whole = true;
    if (at_ < end_ && *at_ == '.') {
      whole = false;
      const char* const fraction = ++at_;
      read_digits(digits);
      if (at_ == fraction) return false;
      power = -static_cast<int>(at_ - fraction);
      count += at_ - fraction;
    }
    if (count > kMostDigits) return false;
    if (at_ < end_ && (*at_ | 0x20) == 'e') {
      whole = false;
      ++at_;
      const bool down = at_ < end_ && *at_ == '-';
      if (at_ < end_ && (*at_ == '-' || *at_ == '+')) ++at_;
      const char* const exponent = at_;
      int value = 0;
      while (at_ < end_ && is_digit(*at_) && at_ - exponent < 3) value = value * 10 + (*at_++ - '0');
      if (at_ == exponent || at_ - exponent > 2) return false;
      power += down ? -value : value;
    }
    if (whole) {
      if (negative && digits == 0) return false;
      found.kind = Kind::Signed;
      found.whole = negative ? -static_cast<std::int64_t>(digits) : static_cast<std::int64_t>(digits);
      return true;
    }
    found.kind = Kind::Real;
    if (digits <= kExact && power >= -kMostPower && power <= kMostPower) {
      // Both are doubles, so that the one operation rounds as the number itself would be rounded.
      const auto exact = static_cast<double>(digits);
      const double magnitude = power < 0 ? exact / kPowersOfTen[-power] : exact * kPowersOfTen[power];
      found.real = negative ? -magnitude : magnitude;
      return true;
    }
    const auto [end, error] = std::from_chars(from, at_, found.real);
    return end == at_ && error == std::errc{};
  }

  // More than 19 digits lose the first ones: they are refused by their count.
  void read_digits(std::uint64_t& digits) {
    std::uint64_t eight;
    while (end_ - at_ >= 8 && eight_digits(at_, eight)) {
      digits = digits * 100'000'000 + eight;
      at_ += 8;
    }
    while (at_ < end_ && is_digit(*at_)) digits = digits * 10 + static_cast<std::uint64_t>(*at_++ - '0');
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  JsonValue &field_, &time_;
  unsigned char high_bits_ = 0;
};

}  // namespace

bool scan_json(std::string_view document, std::string_view field_pointer, std::string_view time_pointer,
               JsonValue& field, JsonValue& time) {
  return Scanner(document, field, time).scan(field_pointer, time_pointer);
}

}  // namespace eyeflow::runtime
