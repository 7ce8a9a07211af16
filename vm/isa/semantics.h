#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "vm/isa/isa.h"

// What every value instruction means: `eval(op_tag<Op::X>{}, operands…, result)`, one overload a row, operands and
// result in the C++ types of the row. The interpreter runs these, the compiler folds with them, a JIT without a fast
// path calls them; a row without its overload does not compile. Results must be the same bits on every CPU: no libm, no
// contraction, no undefined behaviour.
namespace eyeflow::vm::semantics {

#define EYEFLOW_EVAL1(Name, R, A, expression)        \
  constexpr Trap eval(op_tag<Op::Name>, A b, R& a) { \
    a = (expression);                                \
    return Trap::None;                               \
  }
#define EYEFLOW_EVAL2(Name, R, A, expression)             \
  constexpr Trap eval(op_tag<Op::Name>, A b, A c, R& a) { \
    a = (expression);                                     \
    return Trap::None;                                    \
  }

constexpr Trap eval(op_tag<Op::Move>, Word b, Word& a) {
  a = b;
  return Trap::None;
}

EYEFLOW_EVAL1(NotBool, bool, bool, !b)
EYEFLOW_EVAL2(EqBool, bool, bool, b == c)
EYEFLOW_EVAL2(NeBool, bool, bool, b != c)

template <typename T>
constexpr Trap divide(T b, T c, T& a) {
  if (c == 0) return Trap::DivideByZero;
  if (c == -1 && b == std::numeric_limits<T>::min()) return Trap::Overflow;
  a = static_cast<T>(b / c);
  return Trap::None;
}
template <typename T>
constexpr Trap remainder(T b, T c, T& a) {
  if (c == 0) return Trap::DivideByZero;
  a = c == -1 ? T{0} : static_cast<T>(b % c);  // min % -1 would fault in hardware though the remainder is 0
  return Trap::None;
}

#define EYEFLOW_CHECKED(T, Type)                                                                  \
  constexpr Trap eval(op_tag<Op::Add##T>, Type b, Type c, Type& a) {                              \
    return __builtin_add_overflow(b, c, &a) ? Trap::Overflow : Trap::None;                        \
  }                                                                                               \
  constexpr Trap eval(op_tag<Op::Sub##T>, Type b, Type c, Type& a) {                              \
    return __builtin_sub_overflow(b, c, &a) ? Trap::Overflow : Trap::None;                        \
  }                                                                                               \
  constexpr Trap eval(op_tag<Op::Mul##T>, Type b, Type c, Type& a) {                              \
    return __builtin_mul_overflow(b, c, &a) ? Trap::Overflow : Trap::None;                        \
  }                                                                                               \
  constexpr Trap eval(op_tag<Op::Div##T>, Type b, Type c, Type& a) { return divide(b, c, a); }    \
  constexpr Trap eval(op_tag<Op::Mod##T>, Type b, Type c, Type& a) { return remainder(b, c, a); } \
  constexpr Trap eval(op_tag<Op::Neg##T>, Type b, Type& a) {                                      \
    return __builtin_sub_overflow(Type{0}, b, &a) ? Trap::Overflow : Trap::None;                  \
  }                                                                                               \
  constexpr Trap eval(op_tag<Op::Abs##T>, Type b, Type& a) {                                      \
    if (b == std::numeric_limits<Type>::min()) return Trap::Overflow;                             \
    a = b < 0 ? -b : b;                                                                           \
    return Trap::None;                                                                            \
  }
EYEFLOW_CHECKED(I64, std::int64_t)
EYEFLOW_CHECKED(I32, std::int32_t)
#undef EYEFLOW_CHECKED

// Widened to 64 bits first: u8 and u16 would otherwise be promoted to a signed int, whose overflow is undefined.
#define EYEFLOW_MODULAR(T, Type)                                                                         \
  EYEFLOW_EVAL2(Add##T, Type, Type, static_cast<Type>(std::uint64_t{b} + c))                             \
  EYEFLOW_EVAL2(Sub##T, Type, Type, static_cast<Type>(std::uint64_t{b} - c))                             \
  EYEFLOW_EVAL2(Mul##T, Type, Type, static_cast<Type>(std::uint64_t{b} * c))                             \
  constexpr Trap eval(op_tag<Op::Div##T>, Type b, Type c, Type& a) {                                     \
    if (c == 0) return Trap::DivideByZero;                                                               \
    a = static_cast<Type>(b / c);                                                                        \
    return Trap::None;                                                                                   \
  }                                                                                                      \
  constexpr Trap eval(op_tag<Op::Mod##T>, Type b, Type c, Type& a) {                                     \
    if (c == 0) return Trap::DivideByZero;                                                               \
    a = static_cast<Type>(b % c);                                                                        \
    return Trap::None;                                                                                   \
  }                                                                                                      \
  EYEFLOW_EVAL2(And##T, Type, Type, static_cast<Type>(b & c))                                            \
  EYEFLOW_EVAL2(Or##T, Type, Type, static_cast<Type>(b | c))                                             \
  EYEFLOW_EVAL2(Xor##T, Type, Type, static_cast<Type>(b ^ c))                                            \
  EYEFLOW_EVAL1(Not##T, Type, Type, static_cast<Type>(~std::uint64_t{b}))                                \
  EYEFLOW_EVAL2(Shl##T, Type, Type, static_cast<Type>(std::uint64_t{b} << (c & (sizeof(Type) * 8 - 1)))) \
  EYEFLOW_EVAL2(Shr##T, Type, Type, static_cast<Type>(b >> (c & (sizeof(Type) * 8 - 1))))
EYEFLOW_MODULAR(U8, std::uint8_t)
EYEFLOW_MODULAR(U16, std::uint16_t)
EYEFLOW_MODULAR(U32, std::uint32_t)
EYEFLOW_MODULAR(U64, std::uint64_t)
#undef EYEFLOW_MODULAR

// Sqrt is correctly rounded by IEEE 754, so the hardware's is the same everywhere; clang cannot fold it.
#define EYEFLOW_FLOAT(T, Type, Bits, sign, sqrt_builtin)                                 \
  EYEFLOW_EVAL2(Add##T, Type, Type, b + c)                                               \
  EYEFLOW_EVAL2(Sub##T, Type, Type, b - c)                                               \
  EYEFLOW_EVAL2(Mul##T, Type, Type, b* c)                                                \
  EYEFLOW_EVAL2(Div##T, Type, Type, b / c)                                               \
  EYEFLOW_EVAL1(Neg##T, Type, Type, std::bit_cast<Type>(std::bit_cast<Bits>(b) ^ sign))  \
  EYEFLOW_EVAL1(Abs##T, Type, Type, std::bit_cast<Type>(std::bit_cast<Bits>(b) & ~sign)) \
  inline Trap eval(op_tag<Op::Sqrt##T>, Type b, Type& a) {                               \
    a = sqrt_builtin(b);                                                                 \
    return Trap::None;                                                                   \
  }                                                                                      \
  EYEFLOW_EVAL1(IsNan##T, bool, Type, b != b)
EYEFLOW_FLOAT(F32, float, std::uint32_t, 0x80000000u, __builtin_sqrtf)
EYEFLOW_FLOAT(F64, double, std::uint64_t, 0x8000000000000000ull, __builtin_sqrt)
#undef EYEFLOW_FLOAT

#define EYEFLOW_ORDERED(T, Type)                   \
  EYEFLOW_EVAL2(Eq##T, bool, Type, b == c)         \
  EYEFLOW_EVAL2(Ne##T, bool, Type, b != c)         \
  EYEFLOW_EVAL2(Lt##T, bool, Type, b < c)          \
  EYEFLOW_EVAL2(Le##T, bool, Type, b <= c)         \
  EYEFLOW_EVAL2(Min##T, Type, Type, c < b ? c : b) \
  EYEFLOW_EVAL2(Max##T, Type, Type, b < c ? c : b)
EYEFLOW_ORDERED(I64, std::int64_t)
EYEFLOW_ORDERED(I32, std::int32_t)
EYEFLOW_ORDERED(U8, std::uint8_t)
EYEFLOW_ORDERED(U16, std::uint16_t)
EYEFLOW_ORDERED(U32, std::uint32_t)
EYEFLOW_ORDERED(U64, std::uint64_t)
EYEFLOW_ORDERED(F32, float)
EYEFLOW_ORDERED(F64, double)
#undef EYEFLOW_ORDERED

EYEFLOW_EVAL1(I64FromBool, std::int64_t, bool, b ? 1 : 0)
EYEFLOW_EVAL1(I64FromI32, std::int64_t, std::int32_t, b)
EYEFLOW_EVAL1(I64FromU8, std::int64_t, std::uint8_t, b)
EYEFLOW_EVAL1(I64FromU16, std::int64_t, std::uint16_t, b)
EYEFLOW_EVAL1(I64FromU32, std::int64_t, std::uint32_t, b)
EYEFLOW_EVAL1(U8FromI64, std::uint8_t, std::int64_t, static_cast<std::uint8_t>(b))
EYEFLOW_EVAL1(U16FromI64, std::uint16_t, std::int64_t, static_cast<std::uint16_t>(b))
EYEFLOW_EVAL1(U32FromI64, std::uint32_t, std::int64_t, static_cast<std::uint32_t>(b))
EYEFLOW_EVAL1(U64FromI64, std::uint64_t, std::int64_t, static_cast<std::uint64_t>(b))
EYEFLOW_EVAL1(F64FromI64, double, std::int64_t, static_cast<double>(b))
EYEFLOW_EVAL1(F64FromU64, double, std::uint64_t, static_cast<double>(b))
EYEFLOW_EVAL1(F32FromI64, float, std::int64_t, static_cast<float>(b))
EYEFLOW_EVAL1(F32FromU64, float, std::uint64_t, static_cast<float>(b))
EYEFLOW_EVAL1(F64FromF32, double, float, static_cast<double>(b))
EYEFLOW_EVAL1(F32FromF64, float, double, static_cast<float>(b))

constexpr Trap eval(op_tag<Op::I32FromI64>, std::int64_t b, std::int32_t& a) {
  a = static_cast<std::int32_t>(b);
  return a == b ? Trap::None : Trap::ConversionOutOfRange;
}
constexpr Trap eval(op_tag<Op::I64FromU64>, std::uint64_t b, std::int64_t& a) {
  a = static_cast<std::int64_t>(b);
  return a >= 0 ? Trap::None : Trap::ConversionOutOfRange;
}

// b towards zero; false outside [-2^63, 2^63) and for NaN.
constexpr bool truncate(double b, std::int64_t& a) {
  if (!(b >= -9223372036854775808.0 && b < 9223372036854775808.0)) return false;
  a = static_cast<std::int64_t>(b);
  return true;
}
// The whole part is exact as a double wherever a fraction can exist, so these compare without rounding. From 2^53 on
// there is no fraction, and no step of one can leave the range.
constexpr Trap eval(op_tag<Op::I64Trunc>, double b, std::int64_t& a) {
  return truncate(b, a) ? Trap::None : Trap::ConversionOutOfRange;
}
constexpr Trap eval(op_tag<Op::I64Floor>, double b, std::int64_t& a) {
  if (!truncate(b, a)) return Trap::ConversionOutOfRange;
  if (static_cast<double>(a) > b) --a;
  return Trap::None;
}
constexpr Trap eval(op_tag<Op::I64Ceil>, double b, std::int64_t& a) {
  if (!truncate(b, a)) return Trap::ConversionOutOfRange;
  if (static_cast<double>(a) < b) ++a;
  return Trap::None;
}
constexpr Trap eval(op_tag<Op::I64Round>, double b, std::int64_t& a) {
  if (!truncate(b, a)) return Trap::ConversionOutOfRange;
  const double fraction = b - static_cast<double>(a);
  if (fraction >= 0.5) ++a;
  if (fraction <= -0.5) --a;
  return Trap::None;
}

#undef EYEFLOW_EVAL1
#undef EYEFLOW_EVAL2

// ---- From words to words, driven by the row ------------------------------------------------------------------------

// The C++ type of a row's operand: the row says which scalar; a row over any scalar works on the word itself.
template <Op O, int Field>
struct OperandType {
  static constexpr Operand kOperand = info(O).operands[Field];
  static constexpr auto pick() {
    if constexpr (kOperand.match == Match::Exact)
      return CppType<kOperand.scalar>{};
    else
      return Word{};
  }
  using type = decltype(pick());
};

// Operand c of a row, or of the row that it is made of: a register, or the number in the field.
template <Op O>
constexpr auto third_operand(const Word* r, const Instruction& i) {
  using C = typename OperandType<info(O).base, 2>::type;
  if constexpr (info(O).operands[2].role == Role::Imm)
    return static_cast<C>(static_cast<std::int16_t>(i.c));
  else
    return from_word<C>(r[i.c]);
}

// Runs value instruction O on registers: r[a] = eval(r[b], r[c]). On a trap r[a] is not written.
template <Op O>
[[gnu::always_inline]] inline Trap run_value(Word* r, const Instruction& i) {
  static_assert(info(O).cls == OpClass::Value);
  constexpr op_tag<info(O).base> kMeaning{};
  using A = typename OperandType<O, 0>::type;
  A a{};
  Trap trap;
  const auto b = from_word<typename OperandType<O, 1>::type>(r[i.b]);
  if constexpr (info(O).operands[2].role == Role::None) {
    trap = eval(kMeaning, b, a);
  } else {
    trap = eval(kMeaning, b, third_operand<O>(r, i), a);
  }
  if constexpr (info(O).has(MayTrap)) {
    if (trap != Trap::None) [[unlikely]]
      return trap;
  }
  r[i.a] = to_word(a);
  return Trap::None;
}

// What a comparison joined with a branch compares: whether base(r[b], r[c]) holds.
template <Op O>
[[gnu::always_inline]] inline bool holds(const Word* r, const Instruction& i) {
  static_assert(info(O).form != Form::Plain && info(O).cls == OpClass::Flow);
  bool a = false;
  (void)eval(op_tag<info(O).base>{}, from_word<typename OperandType<O, 1>::type>(r[i.b]), third_operand<O>(r, i), a);
  return a;
}

}  // namespace eyeflow::vm::semantics
