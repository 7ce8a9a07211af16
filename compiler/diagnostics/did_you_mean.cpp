#include "compiler/diagnostics/diagnostics.h"
#include "vm/base/nearest.h"

namespace eyeflow::compiler {

std::optional<std::string> did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string_view meant = nearest(word, std::vector<std::string_view>(candidates.begin(), candidates.end()));
  return meant.empty() ? std::nullopt : std::optional(std::string(meant));
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const auto meant = did_you_mean(word, candidates);
  return meant ? "did you mean '" + *meant + "'?" : std::string();
}

}  // namespace eyeflow::compiler
