#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vm/base/result.h"
#include "vm/interpreter/tier.h"

namespace eyeflow::jit {

enum class Target : std::uint8_t { X86_64, AArch64 };

struct BaselineOptions {
  bool metered = false;
};

// A piece of the machine code as text: of one instruction, or of a function's start.
struct ListedCode {
  vm::FunctionId function;  // whose machine code it is; with inlining, another than …
  vm::FunctionId of;        // … whose instruction
  std::uint32_t instruction;
  std::string text;
};

// Machine code of a whole module, for any target on any host.
struct CompiledModule {
  std::vector<std::byte> code;
  std::vector<std::uint32_t> offsets, sizes;  // by function, bytes
  std::vector<ListedCode> listing;            // where asked for
};
Result<CompiledModule> compile(const vm::VerifiedModule& module, vm::IntrinsicTable intrinsics, Target target,
                               const BaselineOptions& options = {}, bool listing = false);

// Runs machine code made at load. Where the machine grants no code pages, the interpreter runs the module, and
// TierReport::fallback says why.
extern const vm::Tier kBaseline;

}  // namespace eyeflow::jit
