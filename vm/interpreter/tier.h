#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "vm/isa/context.h"
#include "vm/module/verifier.h"

namespace eyeflow::vm {

// How a module was prepared.
struct TierReport {
  std::string_view tier;         // the one that runs it
  std::string fallback;          // why it is not the one that was asked for, in one line; empty when it is
  std::uint64_t code_bytes = 0;  // of machine code so far
};
struct FunctionReport {
  std::string_view tier;              // the one that runs it, or will when it is first called
  std::uint32_t code_bytes = 0;       // of machine code; 0 where there is none (yet)
  std::uint64_t compile_time_ns = 0;  // what making it took
};

// What a tier makes of a verified module: something that runs its functions. It holds no instance's data and may be
// used by many threads at once.
class TierCode {
 public:
  virtual ~TierCode() = default;

  // Runs a function. `context.registers` holds its parameters from word 0 on and takes its results there; the frame
  // need not be cleared. Everything in `context` must be sized for the module (see Worker). On a trap the state is as
  // the function left it: the caller undoes it. Fuel: when `context.metered` is set, `context.fuel` is charged as
  // FunctionBound says, the same in every tier; otherwise it is not touched.
  virtual Trap run(FunctionId function, Context& context) const = 0;

  // What became of preparing, for logs and tables.
  virtual TierReport report() const = 0;
  virtual FunctionReport report(FunctionId function) const = 0;
};

struct PrepareOptions {
  // Functions whose bound is above it will be called metered, others will not: what has to be ready. Either runs right
  // both ways.
  std::uint64_t fuel_quota = std::numeric_limits<std::uint64_t>::max();
  // No number of the task's own choosing stands as such in machine code (of more than 16 bits; offsets apart).
  bool blind_constants = false;
  // Machine code uses only what every processor of its kind has; else whatever this one has, too.
  bool oldest_cpu = false;
  // Operations on whole arrays are calls even where they are short: to measure what making them in place is worth.
  bool calls_for_arrays = false;
};

struct Tier {
  std::string_view name;
  std::unique_ptr<TierCode> (*make)(const VerifiedModule& module, IntrinsicTable intrinsics,
                                    const PrepareOptions& options);
  bool runs_all = false;  // also conditions whose value the engine would know without running them

  // Module and table must outlive the code. Always gives code that runs: a tier that cannot work here (no code pages,
  // another CPU) hands the module to the interpreter, and its report says why.
  std::unique_ptr<TierCode> prepare(const VerifiedModule& module, IntrinsicTable intrinsics,
                                    const PrepareOptions& options = {}) const {
    return make(module, intrinsics, options);
  }
};

extern const Tier kInterpreter;

}  // namespace eyeflow::vm
