#include <algorithm>
#include <cctype>
#include <numeric>

#include "compiler/diagnostics/diagnostics.h"

namespace eyeflow::compiler {
namespace {

// Edits (insert, delete, replace, swap of neighbours), doubled; a change of case alone counts one, so that 'Temp' finds
// 'temp' before 'tempo'. Bytes, not characters: a foreign letter only weighs a little more.
std::size_t distance(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = 2 * j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = 2 * i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replace = a[i - 1] == b[j - 1] ? 0 : lower(a[i - 1]) == lower(b[j - 1]) ? 1 : 2;
      current[j] = std::min({previous[j] + 2, current[j - 1] + 2, previous[j - 1] + replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 2);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::optional<std::string> did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 64) return std::nullopt;
  // One edit in a short word, two in a longer one; more would be guessing.
  std::size_t limit = word.size() <= 2 ? 1 : word.size() <= 5 ? 2 : 4;
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate == word || candidate.size() > 64) continue;
    std::size_t d = distance(word, candidate);
    if (d > limit) continue;
    if (!best || d < limit) best = &candidate;
    limit = std::min(limit, d);
  }
  return best ? std::optional(*best) : std::nullopt;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  auto best = did_you_mean(word, candidates);
  return best ? "did you mean '" + *best + "'?" : std::string();
}

}  // namespace eyeflow::compiler
