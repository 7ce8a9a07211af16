#include "runtime/payload/number.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace eyeflow::runtime {
namespace {

using vm::Scalar;
using vm::Word;
using Kind = Number::Kind;

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

template <typename T>
std::expected<Word, BadReading> whole_word(const Number& n) {
  if (n.kind == Kind::Unsigned) {
    if (n.large > static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
      return std::unexpected(BadReading::OutOfRange);
    return n.large;
  }
  if (n.whole < 0 && std::is_unsigned_v<T>) return std::unexpected(BadReading::OutOfRange);
  if (!std::in_range<T>(n.whole)) return std::unexpected(BadReading::OutOfRange);
  return static_cast<Word>(n.whole);  // sign-extended for signed types, zero-extended for unsigned ones
}

// A real number that is whole becomes one, exactly.
std::expected<Number, BadReading> whole_of(double real) {
  if (real != std::trunc(real)) return std::unexpected(BadReading::WrongType);
  if (real >= -kTwo63 && real < kTwo63) return Number{.kind = Kind::Signed, .whole = static_cast<std::int64_t>(real)};
  if (real >= 0 && real < kTwo64) return Number{.kind = Kind::Unsigned, .large = static_cast<std::uint64_t>(real)};
  return std::unexpected(BadReading::OutOfRange);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

std::expected<Number, BadReading> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::unexpected(BadReading::Malformed);
  }
  const auto* begin = text.data();
  const auto* end = begin + text.size();
  Number n;
  if (const auto [stop, error] = std::from_chars(begin, end, n.whole); error == std::errc{} && stop == end) {
    n.kind = Kind::Signed;
    return n;
  }
  if (const auto [stop, error] = std::from_chars(begin, end, n.large); error == std::errc{} && stop == end) {
    n.kind = Kind::Unsigned;
    return n;
  }
  n.beyond_64_bits = text.find_first_not_of("-0123456789") == std::string_view::npos;
  const auto [stop, error] = std::from_chars(begin, end, n.real);
  if (stop != end || text.empty() || error == std::errc::invalid_argument)
    return std::unexpected(BadReading::Malformed);
  if (error == std::errc::result_out_of_range || std::isinf(n.real)) return std::unexpected(BadReading::OutOfRange);
  if (std::isnan(n.real)) return std::unexpected(BadReading::NotANumber);
  return n;
}

std::optional<bool> parse_bool(std::string_view text) {
  text = trimmed(text);
  for (const auto yes : {"1", "on", "true"}) {
    if (equals_ignoring_case(text, yes)) return true;
  }
  for (const auto no : {"0", "off", "false"}) {
    if (equals_ignoring_case(text, no)) return false;
  }
  return std::nullopt;
}

[[gnu::hot]] std::expected<Word, BadReading> to_word(const DecodePlan& plan, const Number& number) {
  Number n = number;
  if (n.kind == Kind::Real && !std::isfinite(n.real)) {
    return std::unexpected(std::isnan(n.real) ? BadReading::NotANumber : BadReading::OutOfRange);
  }
  const bool converts = is_raw(plan) || !stdlib::is_identity(plan.conversion);
  if (converts) {
    const double in_unit = is_raw(plan) ? n.as_real() * plan.scale + plan.offset : n.as_real();
    n = Number{.kind = Kind::Real, .real = stdlib::apply(plan.conversion, in_unit)};
    if (!std::isfinite(n.real)) return std::unexpected(BadReading::OutOfRange);
  }
  if (plan.type == Scalar::F64) return std::bit_cast<Word>(n.as_real());
  if (plan.type == Scalar::F32) {
    const auto narrow = static_cast<float>(n.as_real());
    if (!std::isfinite(narrow)) return std::unexpected(BadReading::OutOfRange);
    return Word{std::bit_cast<std::uint32_t>(narrow)};
  }
  if (n.beyond_64_bits) return std::unexpected(BadReading::OutOfRange);
  if (n.kind == Kind::Real) {
    const auto whole = whole_of(converts ? std::nearbyint(n.real) : n.real);
    if (!whole) return std::unexpected(whole.error());
    n = *whole;
  }
  switch (plan.type) {
    case Scalar::Bool:
      if (n.kind != Kind::Signed || (n.whole != 0 && n.whole != 1)) return std::unexpected(BadReading::WrongType);
      return static_cast<Word>(n.whole);
    case Scalar::I64:
      return whole_word<std::int64_t>(n);
    case Scalar::I32:
      return whole_word<std::int32_t>(n);
    case Scalar::U8:
      return whole_word<std::uint8_t>(n);
    case Scalar::U16:
      return whole_word<std::uint16_t>(n);
    case Scalar::U32:
      return whole_word<std::uint32_t>(n);
    case Scalar::U64:
      return whole_word<std::uint64_t>(n);
    default:
      return std::unexpected(BadReading::WrongType);
  }
}

}  // namespace eyeflow::runtime
