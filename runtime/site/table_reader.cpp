#include "runtime/site/table_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/site/duration.h"
#include "runtime/site/size.h"
#include "vm/base/nearest.h"

namespace eyeflow::runtime {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

}  // namespace

void Problems::add(Place place, std::string_view what) {
  const auto before = [](const auto& a, const auto& b) {
    return std::pair(a.first.line, a.first.column) < std::pair(b.first.line, b.first.column);
  };
  std::pair line(place, fmt::format("{}:{}:{}: {}", file_, place.line, place.column, what));
  lines_.insert(std::ranges::upper_bound(lines_, line, before), std::move(line));
}

Error Problems::as_error() const {
  std::string text;
  for (const auto& [place, line] : lines_) text += (text.empty() ? "" : "\n") + line;
  return Error{text};
}

Place place_of(const toml::node& node) {
  const auto& begin = node.source().begin;
  return {static_cast<std::uint32_t>(begin.line), static_cast<std::uint32_t>(begin.column)};
}

Place TableReader::place(std::string_view key) const {
  const auto* node = table_.get(key);
  return node != nullptr ? place_of(*node) : place();
}

const toml::node* TableReader::find(std::string_view key) {
  known_.push_back(key);
  return table_.get(key);
}

void TableReader::wrong_type(std::string_view key, const toml::node& node, std::string_view wanted) {
  problem(place_of(node), fmt::format("'{}' in {} is {}; write {}", key, title_, type_name(node), wanted));
}

void TableReader::wrong_choice(std::string_view key, const Written& found, const std::vector<std::string_view>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list += fmt::format("{}\"{}\"", i == 0 ? "" : (i + 1 == names.size() ? " or " : ", "), names[i]);
  }
  problem(found.place, fmt::format("'{}' in {} cannot be \"{}\"; write {}", key, title_, found.text, list));
}

void TableReader::missing(std::string_view key, std::string_view example) {
  problem(place(), fmt::format("{} needs '{}'; write {}", title_, key, example));
}

void TableReader::refuse(std::string_view key, std::string_view why) {
  if (const auto* node = find(key)) problem(place_of(*node), fmt::format("'{}' in {}: {}", key, title_, why));
}

std::optional<Written> TableReader::word(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto value = node->value_exact<std::string>()) return Written{*value, place_of(*node)};
  wrong_type(key, *node, fmt::format("{} = \"…\"", key));
  return std::nullopt;
}

std::optional<std::string> TableReader::text(std::string_view key) {
  auto found = word(key);
  return found ? std::optional(std::move(found->text)) : std::nullopt;
}

std::optional<Written> TableReader::written(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  const Place place = place_of(*node);
  if (const auto value = node->value_exact<std::string>()) return Written{*value, place};
  if (const auto value = node->value_exact<std::int64_t>()) return Written{fmt::format("{}", *value), place};
  if (const auto value = node->value_exact<double>()) return Written{fmt::format("{}", *value), place};
  if (const auto value = node->value_exact<bool>()) return Written{*value ? "true" : "false", place};
  wrong_type(key, *node, "a value such as \"75 °C\", 75 or true");
  return std::nullopt;
}

std::optional<double> TableReader::number(std::string_view key, double low, double high) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value) {
    wrong_type(key, *node, fmt::format("a number from {} to {}", low, high));
  } else if (!(*value >= low && *value <= high)) {
    problem(place_of(*node),
            fmt::format("'{}' in {} is {}; write a number from {} to {}", key, title_, *value, low, high));
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t low, std::int64_t high) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->value_exact<std::int64_t>();
  if (!value) {
    wrong_type(key, *node, fmt::format("an integer from {} to {}", low, high));
  } else if (*value < low || *value > high) {
    problem(place_of(*node),
            fmt::format("'{}' in {} is {}; write an integer from {} to {}", key, title_, *value, low, high));
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = node->value_exact<bool>();
  if (!value) wrong_type(key, *node, "true or false");
  return value;
}

std::optional<std::chrono::nanoseconds> TableReader::duration(std::string_view key) {
  const auto found = word(key);
  if (!found) return std::nullopt;
  const auto value = parse_duration(found->text);
  if (!value) {
    problem(found->place, fmt::format("'{}' in {} is \"{}\", which is not a duration; write it as \"10 ms\", \"5 s\" "
                                      "or \"2 min\"",
                                      key, title_, found->text));
  }
  return value;
}

std::optional<std::uint64_t> TableReader::size(std::string_view key) {
  const auto found = word(key);
  if (!found) return std::nullopt;
  const auto value = parse_size(found->text);
  if (!value) {
    problem(found->place, fmt::format("'{}' in {} is \"{}\", which is not a size; write it as \"256 MiB\" or \"2 GB\"",
                                      key, title_, found->text));
  }
  return value;
}

std::optional<std::filesystem::path> TableReader::path(std::string_view key, const std::filesystem::path& folder) {
  const auto found = word(key);
  if (!found) return std::nullopt;
  if (found->text.empty()) {
    problem(found->place, fmt::format("'{}' in {} is empty; write the name of a file", key, title_));
    return std::nullopt;
  }
  return folder / found->text;
}

std::optional<std::vector<std::string>> TableReader::texts(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::vector<std::string> values;
  if (const auto one = node->value_exact<std::string>()) {
    values.push_back(*one);
    return values;
  }
  if (const auto* array = node->as_array()) {
    for (const auto& item : *array) {
      const auto one = item.value_exact<std::string>();
      if (!one) {
        wrong_type(key, item, fmt::format("{} = [\"…\", \"…\"]", key));
        return std::nullopt;
      }
      values.push_back(*one);
    }
    return values;
  }
  wrong_type(key, *node, fmt::format("{} = [\"…\", \"…\"]", key));
  return std::nullopt;
}

const toml::table* TableReader::table(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return nullptr;
  if (const auto* found = node->as_table()) return found;
  wrong_type(key, *node, fmt::format("{} = {{ … }}", key));
  return nullptr;
}

void TableReader::finish() {
  for (const auto& [key, node] : table_) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    const auto meant = nearest(key.str(), known_);
    std::string list;
    for (const auto name : known_) list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
    const Place place{static_cast<std::uint32_t>(key.source().begin.line),
                      static_cast<std::uint32_t>(key.source().begin.column)};
    problem(place, meant.empty()
                       ? fmt::format("'{}' is not known in {}; known are {}", key.str(), title_, list)
                       : fmt::format("'{}' is not known in {}; did you mean '{}'?", key.str(), title_, meant));
  }
}

}  // namespace eyeflow::runtime
