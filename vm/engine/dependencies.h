#pragma once

#include <cstdint>
#include <vector>

#include "vm/module/module.h"

// What code looks at, and so what can change what it says: found once, when a program is loaded.
namespace eyeflow::vm {

// Ascending, and each once.
void merge(std::vector<std::uint32_t>& into, const std::vector<std::uint32_t>& from);

// The slots that a function and its callees read, as indices into Module::slots, ascending and each once.
struct Reads {
  std::vector<std::uint32_t> slots;
  bool scratch = false;
};
// `callees` are those of the functions before it, which are all that it can call.
Reads reads_of(const Module& module, const Function& function, const std::vector<Reads>& callees);

// What an alarm's conditions, or the condition of a handler, look at, and so what can change them.
struct Dependencies {
  std::vector<std::uint32_t> inputs, input_times, alarms;  // indices, ascending and each once
  std::vector<std::uint32_t> state_scalars;                // offsets
  bool state_references = false;
  bool every_event = false;  // the event's time
  bool outputs = false;
};
// `reads` are those of all functions; `clear` may be kNoFunction.
Dependencies dependencies_of(const Module& module, FunctionId when, FunctionId clear, const std::vector<InputId>& needs,
                             const std::vector<Reads>& reads);

}  // namespace eyeflow::vm
