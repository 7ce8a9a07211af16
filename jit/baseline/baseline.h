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
  bool blind_constants = false;
};

// A piece of the machine code as text, a line an instruction with its bytes: of one instruction, of a function's start
// (before instruction 0), or of what stands behind its end (traps and rare ways; `instruction` is the code's size).
struct ListedCode {
  vm::FunctionId function;  // whose machine code it is; with inlining, another than …
  vm::FunctionId of;        // … whose instruction
  std::uint32_t instruction;
  std::string text;
};

// Machine code of a whole module as a current processor of the target gets it (x86-64: with AVX2, whatever this one
// has), on any host. To be read and measured, not to be run: addresses of a process are 0 in it, so that it is the same
// everywhere.
struct CompiledModule {
  std::vector<std::byte> code;
  std::vector<std::uint32_t> offsets, sizes;  // by function, bytes
  std::vector<ListedCode> listing;            // where asked for
};
Result<CompiledModule> compile(const vm::VerifiedModule& module, vm::IntrinsicTable intrinsics, Target target,
                               const BaselineOptions& options = {}, bool listing = false);

// A module of up to this many instructions is compiled as a whole when it is loaded, in a few milliseconds; of a larger
// one each handler and condition, with what it calls, when it is first called.
inline constexpr std::size_t kWholeInstructions = 16 * 1024;

// Runs machine code. Where the machine grants no code pages, the interpreter runs the module, and TierReport::fallback
// says why; where they are denied only later, it runs what had not been made.
extern const vm::Tier kBaseline;

}  // namespace eyeflow::jit
