#include "runtime/host/param.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "runtime/payload/number.h"
#include "runtime/site/duration.h"
#include "stdlib/units/units.h"
#include "vm/module/enum_unit.h"

namespace eyeflow::runtime {
namespace {

using vm::Scalar;
using vm::Word;

bool less(Scalar type, Word a, Word b) {
  switch (type) {
    case Scalar::F64:
      return std::bit_cast<double>(a) < std::bit_cast<double>(b);
    case Scalar::F32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(a)) < std::bit_cast<float>(static_cast<std::uint32_t>(b));
    case Scalar::I64:
    case Scalar::I32:
      return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
    default:
      return a < b;
  }
}

Result<Word> quantity(const vm::Param& param, std::string_view text) {
  double ignored = 0;
  const auto* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto* after = std::from_chars(begin, text.data() + text.size(), ignored).ptr;
  const auto number_end = static_cast<std::size_t>(after - text.data());
  const auto number_text = trimmed(text.substr(0, number_end));
  const auto unit_text = trimmed(text.substr(number_end));
  const auto number = parse_number(number_text);
  const auto example = param.unit.empty() ? std::string("a number such as 75") : fmt::format("\"75 {}\"", param.unit);
  if (!number)
    return fail(
        fmt::format("'{}' is not a number{}; write {}", text, param.unit.empty() ? "" : " with its unit", example));
  DecodePlan plan{.field = {}, .time = {}, .type = param.type};
  if (unit_text != param.unit) {
    if (unit_text.empty()) return fail(fmt::format("'{}' has no unit; write \"{} {}\"", text, number_text, param.unit));
    const auto from = stdlib::parse_unit(unit_text);
    if (!from) return fail(fmt::format("{}; write {}", from.error().message, example));
    const auto to = stdlib::parse_unit(param.unit.empty() ? "1" : param.unit);
    if (!to) return std::unexpected(to.error());
    const auto mixing = stdlib::mixing(*from, *to);
    const auto conversion = stdlib::convert(*from, *to);
    if (!conversion || (mixing != stdlib::Mixing::Same && mixing != stdlib::Mixing::Converts)) {
      const auto hint = stdlib::mixing_hint(*from, *to);
      return fail(fmt::format("'{}' does not stand for a param in {}{}{}; write {}", text,
                              param.unit.empty() ? "plain numbers" : param.unit, hint.empty() ? "" : ": ", hint,
                              example));
    }
    plan.conversion = *conversion;
  }
  const auto word = to_word(plan, *number);
  if (!word) return fail(fmt::format("'{}' does not fit the param's type {}", text, vm::name(param.type)));
  return *word;
}

Result<Word> parse(const vm::Param& param, std::string_view text) {
  if (param.type == Scalar::Bool) {
    const auto flag = parse_bool(text);
    if (!flag) return fail(fmt::format("'{}' is neither true nor false; write true or false", text));
    return Word{*flag};
  }
  if (param.unit == "duration") {
    const auto span = parse_duration(text);
    if (!span) return fail(fmt::format("'{}' is not a duration; write it as \"5 s\"", text));
    return static_cast<Word>(span->count());
  }
  if (vm::is_enum_unit(param.unit)) {
    const auto number = vm::enum_number(param.unit, text);
    if (!number) return fail(fmt::format("'{}' is no value of the param; write one of {}", text, param.unit.substr(4)));
    return static_cast<Word>(*number);
  }
  if (param.unit == "time") {
    const auto time = time_of_text(text);
    if (!time) return fail(fmt::format("'{}' is not a time; write it as \"2026-01-31T06:00:00Z\"", text));
    return static_cast<Word>(*time);
  }
  return quantity(param, text);
}

}  // namespace

std::string param_text(const vm::Param& param, Word value) {
  std::string text;
  switch (param.type) {
    case Scalar::Bool:
      text = value != 0 ? "true" : "false";
      break;
    case Scalar::F64:
      text = fmt::format("{}", std::bit_cast<double>(value));
      break;
    case Scalar::F32:
      text = fmt::format("{}", std::bit_cast<float>(static_cast<std::uint32_t>(value)));
      break;
    case Scalar::I64:
    case Scalar::I32:
      text = fmt::format("{}", static_cast<std::int64_t>(value));
      break;
    default:
      text = fmt::format("{}", value);
  }
  if (param.unit == "duration") return fmt::format("{} s", static_cast<double>(static_cast<std::int64_t>(value)) / 1e9);
  if (vm::is_enum_unit(param.unit)) return std::string(vm::enum_name(param.unit, static_cast<std::int64_t>(value)));
  return param.unit.empty() ? text : text + " " + param.unit;
}

Result<Word> parse_param(const vm::Param& param, std::string_view text) {
  const auto word = parse(param, trimmed(text));
  if (!word || !param.has_range) return word;
  if (less(param.type, *word, param.min) || less(param.type, param.max, *word)) {
    return fail(fmt::format("'{}' is outside the param's range; write a value from {} to {}", trimmed(text),
                            param_text(param, param.min), param_text(param, param.max)));
  }
  return word;
}

}  // namespace eyeflow::runtime
