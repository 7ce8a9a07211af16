#include <algorithm>
#include <cstdint>

#include "tests/golden/runner/golden_file.h"

namespace eyeflow::golden {

namespace {

struct Edit {
  char kind;  // ' ', '-', '+'
  std::string_view line;
};

// Longest common subsequence by the textbook table; golden files are small, and the common ends are cut off first.
std::vector<Edit> edits_between(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  std::size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const std::size_t n = a.size() - head - tail, m = b.size() - head - tail;

  std::vector<std::uint32_t> length((n + 1) * (m + 1));
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return length[i * (m + 1) + j]; };
  for (std::size_t i = n; i-- > 0;)
    for (std::size_t j = m; j-- > 0;)
      at(i, j) = a[head + i] == b[head + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));

  std::vector<Edit> edits;
  for (std::size_t i = 0; i < head; ++i) edits.push_back({' ', a[i]});
  for (std::size_t i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && a[head + i] == b[head + j]) {
      edits.push_back({' ', a[head + i]}), ++i, ++j;
    } else if (i < n && (j == m || at(i + 1, j) >= at(i, j + 1))) {
      edits.push_back({'-', a[head + i++]});
    } else {
      edits.push_back({'+', b[head + j++]});
    }
  }
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) edits.push_back({' ', a[i]});
  return edits;
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after) {
  constexpr std::size_t kContext = 3;
  const std::vector<Edit> edits = edits_between(lines_of(before), lines_of(after));

  std::vector<bool> shown(edits.size());
  for (std::size_t i = 0; i < edits.size(); ++i)
    if (edits[i].kind != ' ')
      for (std::size_t j = i - std::min(i, kContext); j < std::min(edits.size(), i + kContext + 1); ++j)
        shown[j] = true;

  std::string text;
  std::size_t old_line = 1, new_line = 1;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (shown[i] && (i == 0 || !shown[i - 1]))
      text += "@@ -" + std::to_string(old_line) + " +" + std::to_string(new_line) + " @@\n";
    if (shown[i]) text.append(1, edits[i].kind).append(edits[i].line).push_back('\n');
    old_line += edits[i].kind != '+';
    new_line += edits[i].kind != '-';
  }
  return text;
}

}  // namespace eyeflow::golden
