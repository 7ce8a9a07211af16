#pragma once

#include <vector>

#include "vm/interpreter/tier.h"

namespace eyeflow::vm {

// What a call needs to know of its callee, in one cache line.
struct FunctionCode {
  const Instruction* code;
  const std::uint64_t* trip_fuel;  // by counter register
  std::uint64_t entry_fuel;
  std::uint16_t register_count, param_count, result_count;
  std::uint16_t clear_end;  // registers from param_count up to here must be zero at the start; param_count: none
};

// Charges what FunctionBound says; leaves the fuel as it is when it does not suffice.
[[gnu::always_inline]] inline bool charge(Context& context, std::uint64_t fuel) {
  if (context.fuel < fuel) return false;
  context.fuel -= fuel;
  return true;
}

inline const FunctionCode& function_code(const Context& context, std::uint16_t function) {
  return static_cast<const FunctionCode*>(context.code)[function];
}
inline const FunctionCode& running(const Context& context) {
  return *static_cast<const FunctionCode*>(context.running);
}

// Of each function, with its fuel; what it points to lies in `verified`.
std::vector<FunctionCode> function_codes(const VerifiedModule& verified, IntrinsicTable intrinsics);

}  // namespace eyeflow::vm
