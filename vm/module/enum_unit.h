#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// A field or param that is an enum is an I64, which counts the values from 0, with the unit "enum(idle, running)".
namespace eyeflow::vm {

inline std::string enum_unit(std::span<const std::string> values) {
  std::string unit = "enum(";
  for (const std::string& value : values) unit += (&value == values.data() ? "" : ", ") + value;
  return unit + ")";
}

inline bool is_enum_unit(std::string_view unit) { return unit.starts_with("enum(") && unit.ends_with(")"); }

// Calls visit(number, name) for each value until it gives true.
template <typename Visit>
void for_each_enum_value(std::string_view unit, const Visit& visit) {
  std::string_view names = unit.substr(5, unit.size() - 6);
  for (std::int64_t number = 0;; ++number) {
    const std::size_t end = names.find(", ");
    if (visit(number, names.substr(0, end)) || end == names.npos) return;
    names.remove_prefix(end + 2);
  }
}

// The name of a value; empty for a number that is none.
inline std::string_view enum_name(std::string_view unit, std::int64_t number) {
  std::string_view found;
  for_each_enum_value(unit, [&](std::int64_t n, std::string_view name) {
    if (n == number) found = name;
    return n == number;
  });
  return found;
}

inline std::optional<std::int64_t> enum_number(std::string_view unit, std::string_view name) {
  std::optional<std::int64_t> found;
  for_each_enum_value(unit, [&](std::int64_t n, std::string_view one) {
    if (one == name) found = n;
    return one == name;
  });
  return found;
}

}  // namespace eyeflow::vm
