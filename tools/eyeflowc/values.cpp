#include "tools/eyeflowc/values.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "stdlib/intrinsics/format.h"
#include "stdlib/units/units.h"
#include "vm/module/enum_unit.h"

namespace eyeflow::eyeflowc {
namespace {

using vm::Scalar;

struct Written {
  std::string_view number, unit;
};

// "75 °C": what can belong to a number, then the unit.
Written split(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  double ignored;
  const std::size_t sign = text.starts_with('+') ? 1 : 0;
  const char* end = std::from_chars(text.data() + sign, text.data() + text.size(), ignored).ptr;
  auto length = static_cast<std::size_t>(end - text.data());
  if (length <= sign) return {text, {}};
  std::string_view unit = text.substr(length);
  unit.remove_prefix(std::min(unit.find_first_not_of(" \t"), unit.size()));
  return {text.substr(sign, length - sign), unit};
}

template <typename T>
std::optional<vm::Word> whole(std::string_view text) {
  T value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return vm::to_word(value);
}

std::optional<vm::Word> parse_integer(std::string_view text, Scalar type) {
  switch (type) {
    case Scalar::I32:
      return whole<std::int32_t>(text);
    case Scalar::U8:
      return whole<std::uint8_t>(text);
    case Scalar::U16:
      return whole<std::uint16_t>(text);
    case Scalar::U32:
      return whole<std::uint32_t>(text);
    case Scalar::U64:
      return whole<std::uint64_t>(text);
    default:
      return whole<std::int64_t>(text);
  }
}

Result<double> parse_float(std::string_view text) {
  double value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return fail(fmt::format("'{}' is not a number", text));
  return value;
}

// The number in `to`, which it may have been written in already.
Result<double> in_unit(double value, std::string_view from, std::string_view to) {
  if (from.empty()) return value;
  const auto source = stdlib::parse_unit(from);
  if (!source) return fail(source.error().message);
  const auto wanted = stdlib::parse_unit(to);
  if (!wanted) return fail(wanted.error().message);
  const auto mixing = stdlib::mixing(*source, *wanted);
  if (mixing == stdlib::Mixing::Impossible || mixing == stdlib::Mixing::ByTo)
    return fail(fmt::format("'{}' cannot stand for {}", from, to.empty() ? "a number without unit" : to));
  const auto conversion = stdlib::convert(*source, *wanted);
  return conversion ? stdlib::apply(*conversion, value) : value;
}

Result<vm::Word> parse_duration(const Written& written) {
  const auto unit = stdlib::parse_unit(written.unit);
  const auto ns = unit ? stdlib::nanoseconds(*unit) : std::nullopt;
  if (!ns) return fail(fmt::format("'{}' is no unit of time; write 30 s or 5 min", written.unit));
  const auto value = parse_float(written.number);
  if (!value) return std::unexpected(value.error());
  const double product = std::round(*value * static_cast<double>(*ns));
  if (std::abs(product) >= 9.2e18) return fail(fmt::format("'{}' is too long a time", written.number));
  return vm::to_word(static_cast<std::int64_t>(product));
}

}  // namespace

Result<vm::Word> parse_value(std::string_view text, Scalar type, std::string_view unit) {
  const Written written = split(text);
  if (type == Scalar::Bool) {
    const std::string_view word = written.number;
    if (word == "true" || word == "on" || word == "1") return vm::to_word(true);
    if (word == "false" || word == "off" || word == "0") return vm::to_word(false);
    return fail(fmt::format("'{}' is neither true nor false", text));
  }
  if (unit == "duration") return parse_duration(written);
  if (vm::is_enum_unit(unit)) {
    const auto number = vm::enum_number(unit, text);
    if (number) return vm::to_word(*number);
    return fail(fmt::format("'{}' is none of {}", text, unit.substr(4)));
  }
  if (type != Scalar::F32 && type != Scalar::F64) {
    if (written.unit.empty() || written.unit == unit)
      if (const auto word = parse_integer(written.number, type)) return *word;
    return fail(fmt::format("'{}' is no {}{}{}", text, vm::name(type), unit.empty() ? "" : " in ", unit));
  }
  const auto number = parse_float(written.number);
  if (!number) return std::unexpected(number.error());
  const auto value = in_unit(*number, written.unit, unit);
  if (!value) return std::unexpected(value.error());
  if (type == Scalar::F64) return vm::to_word(*value);
  if (std::abs(*value) > std::numeric_limits<float>::max()) return fail(fmt::format("'{}' is too large for f32", text));
  return vm::to_word(static_cast<float>(*value));
}

Result<std::vector<std::byte>> parse_elements(std::string_view text, const vm::Type& type, std::string_view unit) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(type.element));
  const std::string_view all = split(text).number.empty() ? std::string_view() : text;
  std::vector<std::byte> elements;
  const auto add = [&](vm::Word word) {
    const auto raw = std::as_bytes(std::span(&word, 1)).first(size);
    elements.insert(elements.end(), raw.begin(), raw.end());
  };
  const auto first = all.find_first_not_of(' ');
  if (type.element == Scalar::U8 && (first == std::string_view::npos || all[first] != '[')) {
    std::string digits;
    for (const char c : all)
      if (c != ' ' && c != '\r') digits += c;
    for (std::size_t at = 0; at < digits.size(); at += 2) {
      std::uint8_t byte = 0;
      const char* const end = digits.data() + std::min(at + 2, digits.size());
      if (std::from_chars(digits.data() + at, end, byte, 16).ptr != digits.data() + at + 2)
        return fail(fmt::format("'{}' are no hexadecimal digits, two a byte", text));
      add(byte);
    }
  } else {
    const auto open = all.find('['), close = all.rfind(']');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
      return fail(fmt::format("'{}' is no list; write [1.5, 2]", text));
    std::string_view rest = all.substr(open + 1, close - open - 1);
    for (bool more = rest.find_first_not_of(' ') != std::string_view::npos; more;) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const auto word = parse_value(rest.substr(0, end), type.element, unit);
      if (!word) return std::unexpected(word.error());
      add(*word);
      more = end < rest.size();
      rest.remove_prefix(end + (more ? 1 : 0));
    }
  }
  const std::size_t count = elements.size() / size;
  const bool is_list = type.kind == vm::TypeKind::List;
  if (is_list ? count > type.capacity : count != type.capacity)
    return fail(
        fmt::format("it has {} elements, and the input takes {}{}", count, is_list ? "at most " : "", type.capacity));
  return elements;
}

std::string print_elements(std::span<const std::byte> elements, Scalar type) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(type));
  std::string text;
  for (std::size_t at = 0; at + size <= elements.size(); at += size) {
    vm::Word word = 0;
    std::memcpy(&word, elements.data() + at, size);
    if (type == Scalar::I32) word = vm::to_word(static_cast<std::int32_t>(word));
    if (type == Scalar::U8)
      text += fmt::format("{:02x}", word);
    else
      text += (text.empty() ? "" : ", ") + print_value(word, type, "");
  }
  return type == Scalar::U8 ? text : "[" + text + "]";
}

std::string print_value(vm::Word word, Scalar type, std::string_view unit) {
  stdlib::FormatBuffer buffer;
  const auto number = vm::from_word<std::int64_t>(word);
  if (unit == "time") return std::string(stdlib::format_time(buffer, number));
  if (unit == "duration") return std::string(stdlib::format_duration(buffer, number));
  if (vm::is_enum_unit(unit)) return std::string(vm::enum_name(unit, number));
  switch (type) {
    case Scalar::Bool:
      return word != 0 ? "true" : "false";
    case Scalar::U64:
      return std::string(stdlib::format_u64(buffer, word));
    case Scalar::F32:
      return std::string(stdlib::format_f32(buffer, vm::from_word<float>(word), stdlib::kShortest));
    case Scalar::F64:
      return std::string(stdlib::format_f64(buffer, vm::from_word<double>(word), stdlib::kShortest));
    default:
      return std::string(stdlib::format_i64(buffer, number));
  }
}

Result<vm::TimeNs> parse_time_option(std::string_view text, std::string_view option) {
  const Written written = split(text);
  const auto word = parse_duration({written.number, written.unit.empty() ? "ms" : written.unit});
  if (!word) return fail(fmt::format("{}: {}", option, word.error().message));
  return vm::from_word<std::int64_t>(*word);
}

}  // namespace eyeflow::eyeflowc
