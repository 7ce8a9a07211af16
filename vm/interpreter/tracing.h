#pragma once

#include <cstdint>
#include <span>

#include "vm/interpreter/tier.h"

namespace eyeflow::vm {

// The interpreter's instructions one by one, each counted: for the coverage of tests. Several times slower; nothing of
// it is in what devices run. Belongs to one thread at a time, unlike other tiers.
extern const Tier kTracingInterpreter;

struct TraceCount {
  std::uint64_t runs = 0;   // how often the instruction ran
  std::uint64_t jumps = 0;  // of these: what came next was not the instruction behind it
};
// By instruction. `code` was made by kTracingInterpreter.
std::span<const TraceCount> trace_counts(const TierCode& code, FunctionId function);

// An instruction that goes one of two ways by a value: a jump on a condition, the test of a while loop. The end of a
// counted loop is none.
bool is_decision(Op op);

}  // namespace eyeflow::vm
