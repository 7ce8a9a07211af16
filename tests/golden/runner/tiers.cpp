#include "tests/golden/runner/tiers.h"

#include "jit/baseline/baseline.h"

namespace eyeflow::golden {

std::span<const vm::Tier* const> tiers() {
  static constexpr const vm::Tier* kTiers[] = {&vm::kInterpreter, &jit::kBaseline};
  return kTiers;
}

}  // namespace eyeflow::golden
