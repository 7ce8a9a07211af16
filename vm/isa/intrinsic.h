#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "vm/isa/isa.h"

namespace eyeflow::vm {

struct Context;

// A function of the host that a task may call: pure arithmetic or work on the task's own memory, nothing else. It
// reads its arguments from `arguments`, one word each, and puts its result, if it has one, into `*result`. It returns
// a trap, never throws, allocates nothing, and gives the same bits on every CPU.
using IntrinsicFunction = Trap (*)(Context& context, const Word* arguments, Word* result);

inline constexpr int kMaxIntrinsicParams = 6;

struct IntrinsicDesc {
  std::uint16_t id;       // part of the module format: append only
  std::string_view name;  // "math.sin"
  Scalar result;          // Void: none
  std::uint8_t param_count;
  std::array<Operand, kMaxIntrinsicParams> params;  // Read operands: S(F64), TextOut, ArrayIn(F64) …
  std::uint32_t cost;                               // fuel: a base …
  std::uint32_t cost_per_four_elements;             // … and more by the largest capacity among its references
  IntrinsicFunction function;
  std::string_view meaning;  // formula, range, unit, source
};

// Sorted by id; ids are dense from 0. stdlib fills it, the host injects it.
using IntrinsicTable = std::span<const IntrinsicDesc>;

}  // namespace eyeflow::vm
