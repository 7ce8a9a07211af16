#include "tests/golden/runner/tiers.h"

namespace eyeflow::golden {

std::span<const vm::Tier* const> tiers() {
  static constexpr const vm::Tier* kTiers[] = {&vm::kInterpreter};
  return kTiers;
}

}  // namespace eyeflow::golden
