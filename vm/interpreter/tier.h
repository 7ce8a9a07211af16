#pragma once

#include <memory>
#include <string_view>

#include "vm/isa/context.h"
#include "vm/module/verifier.h"

namespace eyeflow::vm {

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
};

struct Tier {
  std::string_view name;
  // The module must outlive the code.
  std::unique_ptr<TierCode> (*prepare)(const VerifiedModule& module);
};

extern const Tier kInterpreter;

}  // namespace eyeflow::vm
