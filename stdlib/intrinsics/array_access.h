#pragma once

#include <cstddef>

#include "vm/isa/context.h"

// Arrays of a task's memory, by the words that refer to them.
namespace eyeflow::stdlib::functions {

template <typename T>
const T* elements(vm::Context& context, vm::Word array) {
  return reinterpret_cast<const T*>(context.at(vm::Reference{array}));
}
inline std::size_t length(vm::Word array) { return vm::Reference{array}.capacity(); }

// The elements of an array that is about to be written as a whole.
template <typename T>
T* writable(vm::Context& context, vm::Word array) {
  const vm::Reference reference{array};
  context.begin_write(reference, 0, length(array) * sizeof(T));
  return reinterpret_cast<T*>(context.at(reference));
}

}  // namespace eyeflow::stdlib::functions
