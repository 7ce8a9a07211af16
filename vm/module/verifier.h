#pragma once

#include <cstdint>
#include <vector>

#include "vm/isa/intrinsic.h"
#include "vm/module/module.h"

namespace eyeflow::vm {

// What running a function costs at most, its callees included. Recomputed from the code, never read from a file.
struct FunctionBound {
  std::uint64_t fuel = 0;                // the longest path, every loop at its most trips; saturates at 2^63
  std::uint64_t entry_fuel = 0;          // metered: what its entry charges: the longest path outside loops and callees
  std::vector<std::uint64_t> trip_fuel;  // metered: what a trip charges, by counter register (0 for other registers):
                                         // its longest path outside inner loops and callees
  std::uint32_t frame_words = 0;         // registers of it and the deepest chain of callees
  std::uint32_t call_depth = 0;          // call records it needs; 0 for a leaf
  std::uint64_t output_bytes = 0;        // of the output buffer, at most; saturates
  std::uint64_t log_rows = 0;            // rows of logs that it sends, at most; saturates
  std::vector<std::uint32_t> stores;     // state scalars that it may store, as byte offsets, ascending
  bool writes_references = false;        // stores through a reference into State
  bool reads_state = false;              // loads a state scalar, or uses a reference into State
  bool emits = false;
};

struct VerifiedModule {
  Module module;
  std::vector<FunctionBound> bounds;  // by function
  std::vector<Word> references;  // by TypeId: Reference::make(region, 0, capacity), for counters too; 0 for scalars
};

// The rules, by name, so that a test can switch one off and see that something notices.
enum class VerifyRule : std::uint8_t {
#define EYEFLOW_VERIFY_RULE(Name, text) Name,
#include "vm/module/verify_rules.def"
};

// Checks that a module can run without further checks. Every tier relies on it: afterwards each register, slot, type,
// target, callee, intrinsic and output is in range and of the right type, loops nest and end, calls go to smaller
// indices, references are set before they are read, and nothing of Const, Param or Input is written. One linear pass
// over the code, no range analysis. Enumerators must be named ones, as read_module() sees to.
//
// Refused modules give an error with the function, the instruction and the rule. `without` switches one rule off; only
// the verifier's own tests use it.
Result<VerifiedModule> verify(Module module, IntrinsicTable intrinsics, const VerifyRule* without = nullptr);

}  // namespace eyeflow::vm
