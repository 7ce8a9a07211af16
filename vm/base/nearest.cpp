#include "vm/base/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace eyeflow {
namespace {

constexpr std::size_t kLongest = 64;
using Row = std::array<std::size_t, kLongest + 1>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Edits (insert, delete, replace, swap of neighbours), doubled; a change of case alone counts one, so that 'Temp' finds
// 'temp' before 'tempo'. Bytes, not characters: a foreign letter only weighs a little more.
std::size_t distance(std::string_view a, std::string_view b) {
  Row before{}, previous{}, current{};
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = 2 * j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = 2 * i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = a[i - 1] == b[j - 1] ? 0 : lower(a[i - 1]) == lower(b[j - 1]) ? 1 : 2;
      current[j] = std::min({previous[j] + 2, current[j - 1] + 2, previous[j - 1] + replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before[j - 2] + 2);
    }
    before = previous;
    previous = current;
  }
  return previous[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kLongest) return {};
  // Of two letters the case alone, one edit in a short word, two in a longer one; more would be guessing.
  std::size_t limit = word.size() <= 2 ? 1 : word.size() <= 5 ? 2 : 4;
  std::string_view best;
  for (const std::string_view candidate : candidates) {
    if (candidate == word || candidate.size() > kLongest) continue;
    const std::size_t d = distance(word, candidate);
    if (d > limit || (!best.empty() && d == limit)) continue;
    best = candidate;
    limit = d;
  }
  return best;
}

}  // namespace eyeflow
