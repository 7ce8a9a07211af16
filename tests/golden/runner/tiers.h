#pragma once

#include <span>

#include "vm/interpreter/tier.h"

namespace eyeflow::golden {

// Every tier, the interpreter first: golden files and generated programs run in each of them against one expectation. A
// new tier is a row in tiers.cpp, and its library a dependency of golden_tiers.
std::span<const vm::Tier* const> tiers();
// With those that no device has: golden files run in them as well.
std::span<const vm::Tier* const> tiers_and_tools();

}  // namespace eyeflow::golden
