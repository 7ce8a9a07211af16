#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "runtime/payload/json.h"

namespace eyeflow::runtime {
namespace {

using Kind = JsonValue::Kind;

constexpr int kDeepest = 16;
constexpr int kDigitsOneByOne = 4;            // then by eights
constexpr int kMostDigits = 18;               // more may not fit 64 bits
constexpr std::uint64_t kExact = 1ull << 53;  // whole numbers up to here are doubles
constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kMostPower = 22;  // the powers above are exact up to here

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Eight digits at once: pairs, then fours, then all, each by one multiplication. (The bytes of a word from the lowest,
// as x86-64 and AArch64 have them.)
[[gnu::always_inline]] inline bool eight_digits(const char* at, std::uint64_t& number) {
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

std::size_t without_last_spaces(std::string_view document) {
  std::size_t size = document.size();
  while (size > 0 && is_space(document[size - 1])) --size;
  return size;
}

// Names are short: no call for them.
bool equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t n = 0; n < a.size(); ++n)
    if (a[n] != b[n]) return false;
  return true;
}

// What is wanted of a document: a reading's field and its time. `Some` are those of them that are to be followed within
// a place; what is not is nullptr.
struct Pair {
  struct Some {
    const JsonPointer *field = nullptr, *time = nullptr;
    explicit operator bool() const { return field != nullptr || time != nullptr; }
  };
  JsonValue &field, &time;

  // Of these those whose name is …
  static Some begun(Some some, std::size_t level, std::uint64_t bytes) {
    return {some.field != nullptr && some.field->begins(level, bytes) ? some.field : nullptr,
            some.time != nullptr && some.time->begins(level, bytes) ? some.time : nullptr};
  }
  static Some named(Some some, std::size_t level, std::string_view name) {
    return {some.field != nullptr && equal(name, some.field->name(level)) ? some.field : nullptr,
            some.time != nullptr && equal(name, some.time->name(level)) ? some.time : nullptr};
  }
  static std::size_t name_size(Some some, std::size_t level) {
    return (some.field != nullptr ? some.field : some.time)->size(level);
  }
  static bool any_ends(Some some, std::size_t level) {
    return (some.field != nullptr && some.field->ends_at(level)) || (some.time != nullptr && some.time->ends_at(level));
  }
  static bool any_goes_on(Some some, std::size_t level) {
    return (some.field != nullptr && !some.field->ends_at(level)) ||
           (some.time != nullptr && !some.time->ends_at(level));
  }
  JsonValue* place(Some some) const { return some.field != nullptr ? &field : some.time != nullptr ? &time : nullptr; }
  void share(Some some) const {  // from its place
    if (some.field != nullptr && some.time != nullptr) time = field;
  }
  static void take_away(Some& some, Some found) {
    if (found.field != nullptr) some.field = nullptr;
    if (found.time != nullptr) some.time = nullptr;
  }
};

// The same of many: a bit for each.
struct Many {
  using Some = std::uint64_t;
  std::span<const JsonPointer> pointers;
  std::span<JsonValue> values;

  template <typename Which>
  static Some those(Some some, Which which) {
    Some found = 0;
    for (Some left = some; left != 0; left &= left - 1)
      if (which(static_cast<std::size_t>(std::countr_zero(left)))) found |= left & -left;
    return found;
  }
  Some begun(Some some, std::size_t level, std::uint64_t bytes) const {
    return those(some, [&](std::size_t n) { return pointers[n].begins(level, bytes); });
  }
  Some named(Some some, std::size_t level, std::string_view name) const {
    return those(some, [&](std::size_t n) { return equal(name, pointers[n].name(level)); });
  }
  std::size_t name_size(Some some, std::size_t level) const {
    return pointers[static_cast<std::size_t>(std::countr_zero(some))].size(level);
  }
  bool any_ends(Some some, std::size_t level) const {
    return those(some, [&](std::size_t n) { return pointers[n].ends_at(level); }) != 0;
  }
  bool any_goes_on(Some some, std::size_t level) const {
    return those(some, [&](std::size_t n) { return !pointers[n].ends_at(level); }) != 0;
  }
  JsonValue* place(Some some) const {
    return some == 0 ? nullptr : &values[static_cast<std::size_t>(std::countr_zero(some))];
  }
  void share(Some some) const {
    those(some, [&](std::size_t n) {
      values[n] = *place(some);
      return false;
    });
  }
  static void take_away(Some& some, Some found) { some &= ~found; }
};

// One document. A step takes where it begins and gives where it ended, or nullptr where this reader is not sure.
//
// The document ends with a brace. Only a text could run over that, and the end of an object is the only step that may
// end behind it: no other one asks whether it is at the end.
template <typename Wanted>
class Scanner {
 public:
  using Some = typename Wanted::Some;

  Scanner(std::string_view document, Wanted wanted)
      : begin_(document.data()), end_(begin_ + without_last_spaces(document)), wanted_(wanted) {}

  bool scan(Some all) {
    if (begin_ == end_ || end_[-1] != '}') return false;
    const char* at = skip_space(begin_);
    if (*at != '{') return false;
    if (object(at + 1, all, 1) != end_) return false;
    return high_bits_ < 0x80 || simdjson::validate_utf8(begin_, static_cast<std::size_t>(end_ - begin_));
  }

 private:
  static const char* skip_space(const char* at) {
    while (is_space(*at)) ++at;
    return at;
  }

  // Behind the opening quote; `found` ends before the closing one.
  [[gnu::always_inline]] const char* text(const char* const from, std::string_view& found) {
    unsigned char high = 0;
    for (const char* at = from; at < end_; ++at) {
      const auto c = static_cast<unsigned char>(*at);
      if (c == '"') {
        found = {from, static_cast<std::size_t>(at - from)};
        high_bits_ |= high;
        return at + 1;
      }
      if (c == '\\' || c < ' ') return nullptr;
      high |= c;
    }
    return nullptr;
  }

  // Behind the opening brace. Of a name that is wanted the first one counts.
  [[gnu::hot]] const char* object(const char* at, Some some, int depth) {
    const auto level = static_cast<std::size_t>(depth - 1);  // where what is wanted is still wanted, it led here
    at = skip_space(at);
    if (*at == '}') return at + 1;
    for (;;) {
      if (*at != '"') return nullptr;
      ++at;
      Some found{};
      std::uint64_t bytes = 0;
      if (static_cast<std::size_t>(end_ - at) >= sizeof bytes) {
        std::memcpy(&bytes, at, sizeof bytes);
        found = wanted_.begun(some, level, bytes);
      }
      if (found) {
        at += wanted_.name_size(found, level) + 1;
      } else {
        std::string_view name;
        if ((at = text(at, name)) == nullptr) return nullptr;
        found = wanted_.named(some, level, name);
      }
      at = skip_space(at);
      if (*at != ':') return nullptr;
      at = skip_space(at + 1);
      if (wanted_.any_goes_on(found, level)) [[unlikely]] {
        at = below(at, found, depth);
      } else {
        at = value(at, wanted_.place(found), depth);
        wanted_.share(found);
      }
      wanted_.take_away(some, found);
      if (at == nullptr) return nullptr;
      at = skip_space(at);
      const char c = *at++;
      if (c == '}') return at;
      if (c != ',') return nullptr;
      at = skip_space(at);
    }
  }

  // An object on the way to what is wanted; nothing else may be there, nor what is wanted itself at the same time.
  [[gnu::noinline]] const char* below(const char* at, Some some, int depth) {
    if (wanted_.any_ends(some, static_cast<std::size_t>(depth - 1))) return nullptr;
    if (*at != '{' || depth == kDeepest) return nullptr;
    return inner(object(at + 1, some, depth + 1));
  }

  // What ends within another thing does not end with the document.
  const char* inner(const char* at) const { return at == end_ ? nullptr : at; }

  const char* array(const char* at, int depth) {
    at = skip_space(at);
    if (*at == ']') return at + 1;
    for (;;) {
      at = value(skip_space(at), nullptr, depth);
      if (at == nullptr) return nullptr;
      at = skip_space(at);
      const char c = *at++;
      if (c == ']') return at;
      if (c != ',') return nullptr;
    }
  }

  [[gnu::always_inline]] const char* value(const char* at, JsonValue* to, int depth) {
    if (*at != '{' && *at != '[') return scalar(at, to);
    if (to != nullptr || depth == kDeepest) return nullptr;
    return *at == '{' ? inner(object(at + 1, Some{}, depth + 1)) : array(at + 1, depth + 1);
  }

  [[gnu::always_inline]] const char* scalar(const char* at, JsonValue* to) {
    switch (*at) {
      case '"': {
        std::string_view found;
        at = text(at + 1, found);
        if (to != nullptr) {
          to->kind = Kind::Text;
          to->text = found;
        }
        return at;
      }
      case 't':
        return word(at, "true", Kind::True, to);
      case 'f':
        return word(at, "false", Kind::False, to);
      case 'n':
        return word(at, "null", Kind::Null, to);
      default:
        return number(at, to);
    }
  }

  const char* word(const char* at, std::string_view letters, Kind kind, JsonValue* to) const {
    if (static_cast<std::size_t>(end_ - at) < letters.size() || std::memcmp(at, letters.data(), letters.size()) != 0)
      return nullptr;
    if (to != nullptr) to->kind = kind;
    return at + letters.size();
  }

  // -? (0 | [1-9][0-9]*) ('.' [0-9]+)? ([eE] [+-]? [0-9]+)?
  [[gnu::always_inline]] const char* number(const char* at, JsonValue* to) const {
    const char* const from = at;
    const bool negative = *at == '-';
    if (negative) ++at;
    const char* const first = at;
    std::uint64_t digits = 0;
    at = read_digits(at, digits);
    std::ptrdiff_t count = at - first;
    if (count == 0 || (*first == '0' && count > 1)) return nullptr;
    int power = 0;
    bool whole = true;
    if (*at == '.') {
      whole = false;
      const char* const fraction = ++at;
      at = read_digits(at, digits);
      if (at == fraction) return nullptr;
      power = -static_cast<int>(at - fraction);
      count += at - fraction;
    }
    if (count > kMostDigits) return nullptr;
    if ((*at | 0x20) == 'e') {
      whole = false;
      ++at;
      const bool down = *at == '-';
      if (*at == '-' || *at == '+') ++at;
      const char* const exponent = at;
      int value = 0;
      while (is_digit(*at) && at - exponent < 3) value = value * 10 + (*at++ - '0');
      if (at == exponent || at - exponent > 2) return nullptr;
      power += down ? -value : value;
    }
    if (whole) {
      if (negative && digits == 0) return nullptr;
      if (to == nullptr) return at;
      to->kind = Kind::Signed;
      to->whole = negative ? -static_cast<std::int64_t>(digits) : static_cast<std::int64_t>(digits);
      return at;
    }
    if (to == nullptr) return at;
    to->kind = Kind::Real;
    if (digits <= kExact && power >= -kMostPower && power <= kMostPower) {
      // Both are doubles, so that the one operation rounds as the number itself would be rounded.
      const auto exact = static_cast<double>(static_cast<std::int64_t>(digits));
      const double magnitude = power < 0 ? exact / kPowersOfTen[-power] : exact * kPowersOfTen[power];
      to->real = negative ? -magnitude : magnitude;
      return at;
    }
    const auto [end, error] = std::from_chars(from, at, to->real);
    return end == at && error == std::errc{} ? at : nullptr;
  }

  // More than 19 digits lose the first ones: they are refused by their count.
  [[gnu::always_inline]] const char* read_digits(const char* at, std::uint64_t& digits) const {
    for (int n = 0; n < kDigitsOneByOne; ++n, ++at) {
      if (!is_digit(*at)) return at;
      digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    std::uint64_t eight;
    while (end_ - at >= 8 && eight_digits(at, eight)) {
      digits = digits * 100'000'000 + eight;
      at += 8;
    }
    for (; is_digit(*at); ++at) digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    return at;
  }

  const char* const begin_;
  const char* const end_;
  const Wanted wanted_;
  unsigned char high_bits_ = 0;
};

}  // namespace

[[gnu::hot]] bool scan_json(std::string_view document, const JsonPointer& field_pointer,
                            const JsonPointer& time_pointer, JsonValue& field, JsonValue& time) {
  const bool timed = !time_pointer.empty();
  if (!field_pointer.is_plain() || (timed && !time_pointer.is_plain())) return false;
  Scanner<Pair> scanner(document, {field, time});
  if (!scanner.scan({&field_pointer, timed ? &time_pointer : nullptr})) return false;
  return field.kind != Kind::Missing && (!timed || time.kind != Kind::Missing);
}

[[gnu::hot]] bool scan_json(std::string_view document, std::span<const JsonPointer> pointers,
                            std::span<JsonValue> values) {
  const std::size_t unused = kMostFields - pointers.size();
  return Scanner<Many>(document, {pointers, values}).scan(~std::uint64_t{0} >> unused);
}

}  // namespace eyeflow::runtime
