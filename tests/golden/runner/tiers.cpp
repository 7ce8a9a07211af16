#include "tests/golden/runner/tiers.h"

#include "jit/baseline/baseline.h"
#include "vm/interpreter/tracing.h"

namespace eyeflow::golden {

std::span<const vm::Tier* const> tiers() {
  static constexpr const vm::Tier* kTiers[] = {&vm::kInterpreter, &jit::kBaseline};
  return kTiers;
}

std::span<const vm::Tier* const> tiers_and_tools() {
  static constexpr const vm::Tier* kTiers[] = {&vm::kInterpreter, &jit::kBaseline, &vm::kTracingInterpreter};
  return kTiers;
}

}  // namespace eyeflow::golden
