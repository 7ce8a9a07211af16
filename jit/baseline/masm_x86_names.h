#pragma once

#include "jit/baseline/masm_x86.h"
#include "vm/isa/context.h"

// What the files of the macro-assembler for x86-64 call registers, places and kinds of numbers. For those files alone.
namespace eyeflow::jit {

using namespace asmjit;
using namespace asmjit::x86;
using Slot = jit::Place;
using jit::Address;
using jit::Condition;
using jit::Scalar;

inline constexpr std::uint32_t kPinIds[] = {12, 13, 14, 15, 6, 7, 8, 9, 10, 11};
inline const asmjit::x86::Xmm kFloat = xmm14, kFloat2 = xmm15;

inline Gp pin(int n) { return gpq(kPinIds[n]); }

inline Mem context(std::int32_t offset, int bytes) { return Mem(rbp, offset, static_cast<std::uint32_t>(bytes)); }

inline bool is_float(Scalar type) { return type == Scalar::F32 || type == Scalar::F64; }
inline bool is_signed(Scalar type) { return type == Scalar::I64 || type == Scalar::I32; }
inline bool is_wide(Scalar type) { return type == Scalar::I64 || type == Scalar::U64; }
inline bool fits_16(Word bits) { return static_cast<std::int64_t>(bits) == static_cast<std::int16_t>(bits); }
inline bool fits_32(Word bits) { return static_cast<std::int64_t>(bits) == static_cast<std::int32_t>(bits); }

inline constexpr Word kCanonicalNan64 = 0x7ff8000000000000, kCanonicalNan32 = 0x7fc00000;

// Runs f with the number as an immediate, or in rcx. A 32-bit operation takes any 32 bits; a 64-bit one extends their
// sign.
template <typename F>
void MasmX86::with_number(Word bits, bool wide, F f) {
  if (is_immediate(bits) || (blind_key_ == 0 && !wide && bits <= 0xFFFFFFFF))
    return f(Imm(static_cast<std::int32_t>(bits)));
  load_number(rcx, bits);
  return wide ? f(rcx) : f(ecx);
}

// Runs f with c as a register, a memory operand or a 32-bit immediate. Uses rcx at most.
template <typename F>
void MasmX86::with_int_operand(const Slot& c, bool wide, F f) {
  if (c.is(Slot::Kind::Constant)) return with_number(c.bits, wide, f);
  if (c.is(Slot::Kind::Memory)) return f(frame(c, wide ? 8 : 4));
  if (c.is(Slot::Kind::Memory32) && !wide) return f(frame(c, 4));
  const Gp reg = gpr(c, rcx);
  return wide ? f(reg) : f(reg.r32());
}

}  // namespace eyeflow::jit
