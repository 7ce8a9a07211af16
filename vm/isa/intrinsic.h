#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "vm/isa/array_kernels.h"
#include "vm/isa/isa.h"

namespace eyeflow::vm {

struct Context;

// A function of the host that a task may call: pure arithmetic or work on the task's own memory, nothing else. It
// never throws, allocates nothing, and gives the same bits on every CPU. It has two addresses for one meaning.
//
// `direct` is the function itself, for tiers that compile a call. Its C++ type follows from the row (DirectSignature),
// and how the platform's C ABI passes that type is the whole contract, since nothing wider than a register is passed:
//   - where any parameter is a reference, a Context& comes first; then the parameters in order
//   - F64 is a double, F32 a float, I64 a std::int64_t; every other scalar, and a reference, is its whole Word
//   - the result likewise; Void is void
//   - one that may trap has no result: it returns the trap as a Word, 0 for none
//   - all arguments travel in registers: at most 6 words, the context included, and at most 8 floats
// Words come and go in the canonical form of their type; the NaN of a result is the canonical one.
using DirectFunction = void (*)();

// The same for callers that know no types: one word an argument, and the result, if it has one, into `*result`.
// direct_call.h makes it from the function itself.
using IntrinsicFunction = Trap (*)(Context& context, const Word* arguments, Word* result);

inline constexpr int kMaxIntrinsicParams = 6;

struct IntrinsicDesc {
  std::uint16_t id = 0;          // part of the module format: append only
  std::string_view name;         // "math.sin"
  Scalar result = Scalar::Void;  // Void: none
  std::uint8_t param_count = 0;
  std::array<Operand, kMaxIntrinsicParams> params = {};  // Read operands: S(F64), TextOut, ArrayIn(F64) …
  std::uint32_t cost = 0;                                // fuel: a base …
  std::uint32_t cost_per_four_elements = 0;              // … and more by the largest capacity among its references
  IntrinsicFunction function = nullptr;
  std::string_view meaning;         // formula, range, unit, source
  DirectFunction direct = nullptr;  // none: call it by `function`
  bool takes_context = false;       // `direct` does
  bool may_trap = false;
};

// What the host lends to the machine; stdlib has the one that devices use. Intrinsics sorted by id, ids dense from 0,
// and the kernels behind the instructions on whole arrays.
struct IntrinsicTable : std::span<const IntrinsicDesc> {
  using span::span;
  constexpr IntrinsicTable(std::span<const IntrinsicDesc> intrinsics, const ArrayKernels& kernels)
      : span(intrinsics), arrays(&kernels) {}

  const ArrayKernels* arrays = &kPlainArrayKernels;
};

}  // namespace eyeflow::vm
