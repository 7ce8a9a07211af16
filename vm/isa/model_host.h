#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vm/isa/trap.h"
#include "vm/isa/type.h"

namespace eyeflow::vm {

// Who answers what a task asks of an inference model: the only thing that code asks of the world while it runs. It
// never throws.
class ModelHost {
 public:
  virtual ~ModelHost() = default;
  // Keeps what `argument`, counted from 1, of the model is when it is asked next; ask() brings the first one. A host
  // whose answers do not depend on it need not. None or ModelFailed.
  virtual Trap give(std::int64_t model, std::int64_t argument, Scalar element, std::span<const std::byte> value) {
    static_cast<void>(model), static_cast<void>(argument), static_cast<void>(element), static_cast<void>(value);
    return Trap::None;
  }
  // Blocks until the module's model of that number has answered, for a time that the host bounds. `argument` holds the
  // elements of an array, `result` is to be filled with f32 numbers. Numbers and sizes come from the task's code and
  // are checked by the host. None, ModelFailed or ModelLate.
  virtual Trap ask(std::int64_t model, Scalar element, std::span<const std::byte> argument,
                   std::span<std::byte> result) = 0;
};

}  // namespace eyeflow::vm
