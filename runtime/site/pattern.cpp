#include "runtime/site/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace eyeflow::runtime {
namespace {

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<std::vector<std::string>> expand_brace(std::string_view inside) {
  std::vector<std::string> parts;
  if (const auto dots = inside.find(".."); dots != std::string_view::npos) {
    const auto low_text = inside.substr(0, dots);
    const auto low = whole_number(low_text);
    const auto high = whole_number(inside.substr(dots + 2));
    if (!low || !high || *low > *high) {
      return fail(fmt::format("'{{{}}}' is not a range; write it as {{1..100}}", inside));
    }
    if (*high - *low >= kMaxExpandedNames) {
      return fail(fmt::format("'{{{}}}' makes more than {} names", inside, kMaxExpandedNames));
    }
    const std::size_t width = low_text.size() > 1 && low_text[0] == '0' ? low_text.size() : 0;
    for (std::uint32_t i = *low;; ++i) {
      parts.push_back(fmt::format("{:0{}}", i, width));
      if (i == *high) break;
    }
    return parts;
  }
  for (;;) {
    const auto comma = inside.find(',');
    parts.emplace_back(inside.substr(0, comma));
    if (parts.back().empty()) return fail("a brace holds a range {1..100} or names {a,b}, none of them empty");
    if (comma == std::string_view::npos) return parts;
    inside.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<std::vector<std::string>> expand_names(std::string_view pattern) {
  std::vector<std::string> names{""};
  std::string_view rest = pattern;
  while (!rest.empty()) {
    const auto open = rest.find('{');
    for (auto& name : names) name += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = rest.find('}', open);
    if (close == std::string_view::npos) return fail(fmt::format("'{}' has a '{{' without its '}}'", pattern));
    auto parts = expand_brace(rest.substr(open + 1, close - open - 1));
    if (!parts) return std::unexpected(parts.error());
    if (names.size() * parts->size() > kMaxExpandedNames) {
      return fail(fmt::format("'{}' makes more than {} names", pattern, kMaxExpandedNames));
    }
    std::vector<std::string> product;
    product.reserve(names.size() * parts->size());
    for (const auto& name : names) {
      for (const auto& part : *parts) product.push_back(name + part);
    }
    names = std::move(product);
    rest.remove_prefix(close + 1);
  }
  for (const auto& name : names) {
    // Names go into topics and log lines, where '/', '+', '#' or a line break would mean something else.
    if (name.empty() || !std::ranges::all_of(name, name_character)) {
      return fail(fmt::format("'{}' is not a name; names have letters, digits and _ - .", name));
    }
  }
  return names;
}

bool glob_matches(std::string_view glob, std::string_view name) {
  std::size_t g = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (n < name.size()) {
    if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n]) && glob[g] != '*') {
      ++g, ++n;
    } else if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

Result<std::string> fill_in(std::string_view text,
                            std::span<const std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    const auto key = close == std::string_view::npos ? std::string_view{} : text.substr(open + 1, close - open - 1);
    const auto found = std::ranges::find(values, key, &std::pair<std::string_view, std::string_view>::first);
    if (close == std::string_view::npos || found == values.end()) {
      std::string known;
      for (const auto& [name, value] : values) known += fmt::format("{}{{{}}}", known.empty() ? "" : ", ", name);
      return fail(fmt::format("'{}' cannot be filled in here{}{}", text.substr(open, close - open + 1),
                              known.empty() ? "" : "; known are ", known));
    }
    out += found->second;
    text.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace eyeflow::runtime
