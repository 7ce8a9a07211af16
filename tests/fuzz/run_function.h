#pragma once

#include <cstdint>
#include <vector>

#include "vm/interpreter/tier.h"

// Runs functions of a verified module outside the engine, on memory that is exactly as large as the verifier's bounds
// say: under the address sanitizer a tier that reaches beyond is seen. A tier that changes Const, Param or Input stops
// the process.
namespace eyeflow::vm::test {

struct Outcome {
  Trap trap = Trap::None;
  std::uint16_t trap_function = 0;
  std::uint32_t trap_instruction = 0;
  std::uint64_t fuel_used = 0;  // 0 when not metered
  std::vector<Word> results;    // of a function without a trap; references as they are
  std::vector<std::byte> state, scratch, output;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

struct RunOptions {
  const Tier* tier = &kInterpreter;
  bool metered = false;
  std::uint64_t fuel = 1'000'000;
  std::uint32_t output_bytes = 64 * 1024;
  bool inputs_ready = true;  // each input holds an all-zero reading
};

// The function must take no parameters.
Outcome run_function(const VerifiedModule& verified, IntrinsicTable intrinsics, FunctionId function,
                     const RunOptions& options = {});

// Whether every state slot still holds a value of its type: no length beyond its capacity, no NaN but the canonical
// one.
bool state_holds_values(const VerifiedModule& verified, IntrinsicTable intrinsics, const Outcome& outcome);

}  // namespace eyeflow::vm::test
