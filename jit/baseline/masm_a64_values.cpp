#include "jit/baseline/masm_a64.h"
#include "vm/base/check.h"

// Arithmetic. Words are canonical for their type before and after: signed ones sign-extended, the others zero-extended.
namespace eyeflow::jit {
namespace {

using namespace asmjit::a64;
using asmjit::Imm;
using asmjit::arm::asr;
using asmjit::arm::CondCode;
using asmjit::arm::lsl;
using asmjit::arm::sxtw;

bool is_float(Scalar type) { return type == Scalar::F32 || type == Scalar::F64; }
bool is_signed(Scalar type) { return type == Scalar::I32 || type == Scalar::I64; }
bool is_constant(const Place& place) { return place.is(Place::Kind::Constant); }
int width_of(Scalar type) { return vm::size_bytes(type) * 8; }
bool is_power_of_two(Word bits) { return bits != 0 && (bits & (bits - 1)) == 0; }
Imm cond(CondCode condition) { return Imm(static_cast<std::uint32_t>(condition)); }

}  // namespace

// From what 32- or 64-bit arithmetic left to the word of a type.
void MasmA64::canonical(Scalar type, Gp reg) {
  switch (type) {
    case Scalar::I32:
      a_.sxtw(reg.x(), reg.w());
      break;
    case Scalar::U8:
    case Scalar::U16:
      a_.and_(reg.w(), reg.w(), type == Scalar::U8 ? 0xFF : 0xFFFF);
      break;
    default:  // writing a w register clears the upper half
      break;
  }
}

// ---- Integers ------------------------------------------------------------------------------------------------------

void MasmA64::compare_words(Gp b, const Place& c) {
  if (is_constant(c)) {
    const auto negative = Word{0} - c.bits;
    if (c.bits < 4096) {
      a_.cmp(b, c.bits);
      return;
    }
    if (negative < 4096) {
      a_.cmn(b, negative);
      return;
    }
  }
  a_.cmp(b, use(c, x10));
}

void MasmA64::int_op(IntOp op, Scalar type, const Place& to, const Place& b, const Place& c, Label overflow) {
  const Gp result = target(to, x11);
  if (op == IntOp::Min || op == IntOp::Max) {
    // a = c < b ? c : b, or b < c ? c : b. Both operands in registers, as csel wants them.
    const Gp left = use(b, x9), right = use(c, x10);
    const bool least = op == IntOp::Min;
    a_.cmp(least ? right : left, least ? left : right);
    a_.csel(result, right, left, cond(is_signed(type) ? CondCode::kLT : CondCode::kLO));
  } else if (is_signed(type)) {
    checked(op, type, result, b, c, overflow);
  } else {
    modular(op, type, result, b, c);
  }
  finish(to, result);
}

void MasmA64::checked(IntOp op, Scalar type, Gp to, const Place& b, const Place& c, Label overflow) {
  // The result goes to a register of its own where it must not be in `to` before it is known to fit: nothing reads
  // `to` after a trap, so it always may be.
  if (op == IntOp::Mul) {
    const Gp left = use(b, x9), right = use(c, x10);
    if (type == Scalar::I32) {
      a_.mul(to, left, right);  // exact in 64 bits
    } else {
      a_.smulh(x12, left, right);
      a_.mul(to, left, right);
      a_.cmp(x12, to, asr(63));
      branch(CondCode::kNE, overflow);
      return;
    }
  } else {
    // An addition's operands can be swapped to get its constant to where it can be an immediate.
    const bool swap = op == IntOp::Add && is_constant(b);
    const Place& first = swap ? c : b;
    const Place& second = swap ? b : c;
    const Gp left = use(first, x9);
    const bool add = op == IntOp::Add;
    if (is_constant(second) && (second.bits < 4096 || Word{0} - second.bits < 4096)) {
      // Adding -n overflows exactly where subtracting n does, but for n = 0, which is below 4096 as it is.
      const bool negative = second.bits >= 4096;
      const Word amount = negative ? Word{0} - second.bits : second.bits;
      if (type == Scalar::I32)
        add != negative ? a_.add(to, left, amount) : a_.sub(to, left, amount);
      else
        add != negative ? a_.adds(to, left, amount) : a_.subs(to, left, amount);
    } else {
      const Gp right = use(second, x10);
      if (type == Scalar::I32)
        add ? a_.add(to, left, right) : a_.sub(to, left, right);
      else
        add ? a_.adds(to, left, right) : a_.subs(to, left, right);
    }
    if (type == Scalar::I64) {
      branch(CondCode::kVS, overflow);
      return;
    }
  }
  // 64 bits held it; it fits (the extended register is the lower half) when they are the sign extension of the lower
  // 32, and then they are canonical.
  a_.cmp(to.x(), to.x(), sxtw(0));
  branch(CondCode::kNE, overflow);
}

void MasmA64::modular(IntOp op, Scalar type, Gp to, const Place& b, const Place& c) {
  if (op == IntOp::Shl || op == IntOp::Shr) {
    shift(op, type, to, use(b, x9), c);
    return;
  }
  const bool swap = op != IntOp::Sub && is_constant(b);
  const Place& first = swap ? c : b;
  const Place& second = swap ? b : c;
  const Gp left = sized(type, use(first, x9)), result = sized(type, to);
  const bool logical = op == IntOp::And || op == IntOp::Or || op == IntOp::Xor;
  const bool immediate =
      is_constant(second) && (logical ? Utils::isLogicalImm(second.bits, type == Scalar::U64 ? 64 : 32)
                                      : op != IntOp::Mul && second.bits < 4096);
  const auto emit = [&](const auto& right) {
    switch (op) {
      case IntOp::Add:
        a_.add(result, left, right);
        break;
      case IntOp::Sub:
        a_.sub(result, left, right);
        break;
      case IntOp::And:
        a_.and_(result, left, right);
        break;
      case IntOp::Or:
        a_.orr(result, left, right);
        break;
      case IntOp::Xor:
        a_.eor(result, left, right);
        break;
      default:
        break;
    }
  };
  if (op == IntOp::Mul)
    a_.mul(result, left, sized(type, use(second, x10)));
  else if (immediate)
    emit(Imm(second.bits));
  else
    emit(sized(type, use(second, x10)));
  if (!logical) canonical(type, to);
}

// The machine takes the count modulo 32 or 64 by itself; narrower types need it done.
void MasmA64::shift(IntOp op, Scalar type, Gp to, Gp b, const Place& c) {
  const int width = width_of(type);
  const Gp result = sized(type, to), value = sized(type, b);
  const bool left = op == IntOp::Shl;
  if (is_constant(c)) {
    const auto count = static_cast<std::uint32_t>(c.bits) & static_cast<std::uint32_t>(width - 1);
    if (count == 0)
      a_.mov(result, value);
    else
      left ? a_.lsl(result, value, count) : a_.lsr(result, value, count);
  } else {
    Gp count = sized(type, use(c, x10));
    if (width < 32) {
      a_.and_(w10, count.w(), width - 1);
      count = w10;
    }
    left ? a_.lsl(result, value, count) : a_.lsr(result, value, count);
  }
  if (left) canonical(type, to);
}

void MasmA64::int_divide(Scalar type, bool remainder, const Place& to, const Place& b, const Place& c, Label zero,
                         Label overflow) {
  const Gp result = target(to, x11);
  if (!is_signed(type) && is_constant(c) && is_power_of_two(c.bits)) {
    const Gp value = sized(type, use(b, x9));
    const auto shift = static_cast<std::uint32_t>(std::countr_zero(c.bits));
    if (!remainder)
      shift == 0 ? a_.mov(sized(type, result), value) : a_.lsr(sized(type, result), value, shift);
    else if (c.bits == 1)
      a_.movz(result.x(), 0);
    else
      a_.and_(sized(type, result), value, c.bits - 1);
    finish(to, result);
    return;
  }
  const Gp value = sized(type, use(b, x9)), divisor = sized(type, use(c, x10));
  if (!is_constant(c) || c.bits == 0) branch_zero(divisor, true, zero);
  if (is_signed(type) && !remainder && (!is_constant(c) || c.bits == ~Word{0})) {
    // Only the smallest number by -1: value - 1 overflows for that one alone.
    a_.cmn(divisor, 1);
    a_.ccmp(value, 1, 0, cond(CondCode::kEQ));
    branch(CondCode::kVS, overflow);
  }
  const Gp quotient = sized(type, remainder ? Gp(x12) : result);
  is_signed(type) ? a_.sdiv(quotient, value, divisor) : a_.udiv(quotient, value, divisor);
  // The smallest number by -1 gives itself here, and the remainder of that is 0.
  if (remainder) a_.msub(sized(type, result), quotient, divisor, value);
  if (is_signed(type)) canonical(type, result);
  finish(to, result);
}

void MasmA64::int_unary(IntUnary op, Scalar type, const Place& to, const Place& b, Label overflow) {
  const Gp result = target(to, x11), value = use(b, x9);
  switch (op) {
    case IntUnary::Neg:
      a_.negs(sized(type, result), sized(type, value));
      branch(CondCode::kVS, overflow);
      canonical(type, result);
      break;
    case IntUnary::Abs:
      a_.negs(sized(type, x12), sized(type, value));
      branch(CondCode::kVS, overflow);
      // The negated value is negative where the value was positive.
      a_.csel(sized(type, result), sized(type, value), sized(type, x12), cond(CondCode::kMI));
      break;  // not negative: the upper half is zero as it ought to be
    case IntUnary::Not:
      if (type == Scalar::Bool)
        a_.eor(result.w(), value.w(), 1);
      else if (type == Scalar::U8 || type == Scalar::U16)
        a_.eor(result.w(), value.w(), type == Scalar::U8 ? 0xFF : 0xFFFF);
      else
        a_.mvn(sized(type, result), sized(type, value));
      break;
  }
  finish(to, result);
}

// ---- Floats --------------------------------------------------------------------------------------------------------

void MasmA64::float_op(FloatOp op, Scalar type, const Place& to, const Place& b, const Place& c) {
  const Vec left = use_float(type, b, v29), right = use_float(type, c, v30);
  const Vec result = sized(type, target_float(to, v31));
  switch (op) {
    case FloatOp::Add:
      a_.fadd(result, left, right);
      break;
    case FloatOp::Sub:
      a_.fsub(result, left, right);
      break;
    case FloatOp::Mul:
      a_.fmul(result, left, right);
      break;
    case FloatOp::Div:
      a_.fdiv(result, left, right);
      break;
    case FloatOp::Min:  // c < b ? c : b, b when they are not ordered: fmin would give the NaN
    case FloatOp::Max:  // b < c ? c : b
      op == FloatOp::Min ? a_.fcmp(right, left) : a_.fcmp(left, right);
      a_.fcsel(result, right, left, cond(CondCode::kMI));
      break;
  }
  finish_float(type, to, result);
}

// Not fused: each operation rounds.
void MasmA64::float_mul_add(bool subtract, Scalar type, const Place& to, const Place& b, const Place& c) {
  const Vec product = sized(type, v30);
  a_.fmul(product, use_float(type, b, v29), use_float(type, c, v31));
  const Vec sum = use_float(type, to, v29);
  subtract ? a_.fsub(sum, sum, product) : a_.fadd(sum, sum, product);
  finish_float(type, to, sum);
}

void MasmA64::float_unary(FloatUnary op, Scalar type, const Place& to, const Place& b) {
  const Vec value = use_float(type, b, v29), result = sized(type, target_float(to, v31));
  switch (op) {
    case FloatUnary::Neg:
      a_.fneg(result, value);
      break;
    case FloatUnary::Abs:
      a_.fabs(result, value);
      break;
    case FloatUnary::Sqrt:
      a_.fsqrt(result, value);
      break;
  }
  finish_float(type, to, result);
}

void MasmA64::is_nan(Scalar type, const Place& to, const Place& b) {
  const Vec value = use_float(type, b, v29);
  const Gp result = target(to, x11);
  a_.fcmp(value, value);
  a_.cset(result.w(), cond(CondCode::kVS));
  finish(to, result);
}

// ---- Comparison ----------------------------------------------------------------------------------------------------

// Sets the flags; the result holds exactly when `condition` does. Its opposite is true with a NaN, as it ought to be.
MasmA64::Cond MasmA64::flags(Condition condition, Scalar type, const Place& b, const Place& c) {
  if (is_float(type)) {
    const Vec left = use_float(type, b, v29);
    if (is_constant(c) && c.bits == 0)
      a_.fcmp(left, 0.0);
    else
      a_.fcmp(left, use_float(type, c, v30));
    switch (condition) {
      case Condition::Eq:
        return CondCode::kEQ;
      case Condition::Ne:
        return CondCode::kNE;
      case Condition::Lt:
        return CondCode::kMI;
      case Condition::Le:
        return CondCode::kLS;
    }
  }
  // b ? c with b constant: c ? b, the other way round.
  const bool swap = is_constant(b) && !is_constant(c);
  compare_words(use(swap ? c : b, x9), swap ? b : c);
  switch (condition) {
    case Condition::Eq:
      return CondCode::kEQ;
    case Condition::Ne:
      return CondCode::kNE;
    case Condition::Lt:
      if (is_signed(type)) return swap ? CondCode::kGT : CondCode::kLT;
      return swap ? CondCode::kHI : CondCode::kLO;
    case Condition::Le:
      if (is_signed(type)) return swap ? CondCode::kGE : CondCode::kLE;
      return swap ? CondCode::kHS : CondCode::kLS;
  }
  EYEFLOW_CHECK(!"a condition");
  return CondCode::kAL;
}

void MasmA64::compare(Condition condition, Scalar type, const Place& to, const Place& b, const Place& c) {
  const Cond holds = flags(condition, type, b, c);
  const Gp result = target(to, x11);
  a_.cset(result.w(), cond(holds));
  finish(to, result);
}

void MasmA64::branch_compare(Condition condition, Scalar type, const Place& b, const Place& c, bool when, Label to) {
  const bool equality = condition == Condition::Eq || condition == Condition::Ne;
  if (!is_float(type) && equality && is_constant(c) && c.bits == 0) {
    branch_zero(use(b, x9), (condition == Condition::Eq) == when, to);
    return;
  }
  const Cond holds = flags(condition, type, b, c);
  branch(when ? holds : asmjit::arm::negateCond(holds), to);
}

void MasmA64::branch_bool(const Place& place, bool when, Label to) { branch_zero(use(place, x9).w(), !when, to); }

// ---- Conversions ---------------------------------------------------------------------------------------------------

// Traps unless -2^63 <= value < 2^63, so also with a NaN.
void MasmA64::check_range(Vec value, Label trap) {
  constexpr std::uint32_t kLess = 8;  // N without V: as if the second comparison had said "less"
  a_.movz(x9, 0x43e0, lsl(48));       // 2^63
  a_.fmov(d30, x9);
  a_.fneg(d31, d30);
  a_.fcmp(value, d30);
  a_.fccmp(value, d31, kLess, cond(CondCode::kMI));
  branch(CondCode::kLT, trap);
}

void MasmA64::whole_part(Op op, Gp to, const Place& b, Label trap) {
  const Vec value = use_float(Scalar::F64, b, v29);
  check_range(value, trap);
  switch (op) {
    case Op::I64Trunc:
      a_.fcvtzs(to, value);
      break;
    case Op::I64Floor:
      a_.fcvtms(to, value);
      break;
    case Op::I64Ceil:
      a_.fcvtps(to, value);
      break;
    default:
      a_.fcvtas(to, value);  // halves away from zero
      break;
  }
}

void MasmA64::convert(Op op, const Place& to, const Place& b, Label trap) {
  const Gp result = target(to, x11);
  const Vec float_result = target_float(to, v31);
  switch (op) {
    case Op::I64FromBool:
    case Op::I64FromI32:
    case Op::I64FromU8:
    case Op::I64FromU16:
    case Op::I64FromU32:
    case Op::U64FromI64:
      move(Scalar::U64, to, b);
      return;
    case Op::U8FromI64:
    case Op::U16FromI64:
      a_.and_(result.w(), use(b, x9).w(), op == Op::U8FromI64 ? 0xFF : 0xFFFF);
      break;
    case Op::U32FromI64:
      a_.mov(result.w(), use(b, x9).w());
      break;
    case Op::I32FromI64: {
      const Gp value = use(b, x9);
      a_.cmp(value.x(), value.x(), sxtw(0));
      branch(CondCode::kNE, trap);
      finish(to, value);
      return;
    }
    case Op::I64FromU64: {
      const Gp value = use(b, x9);
      a_.cmp(value, 0);
      branch(CondCode::kMI, trap);
      finish(to, value);
      return;
    }
    case Op::F64FromI64:
      a_.scvtf(float_result.d(), use(b, x9));
      finish_float(Scalar::F64, to, float_result.d());
      return;
    case Op::F64FromU64:
      a_.ucvtf(float_result.d(), use(b, x9));
      finish_float(Scalar::F64, to, float_result.d());
      return;
    case Op::F32FromI64:
      a_.scvtf(float_result.s(), use(b, x9));
      finish_float(Scalar::F32, to, float_result.s());
      return;
    case Op::F32FromU64:
      a_.ucvtf(float_result.s(), use(b, x9));
      finish_float(Scalar::F32, to, float_result.s());
      return;
    case Op::F64FromF32:
      a_.fcvt(float_result.d(), use_float(Scalar::F32, b, v29));
      finish_float(Scalar::F64, to, float_result.d());
      return;
    case Op::F32FromF64:
      a_.fcvt(float_result.s(), use_float(Scalar::F64, b, v29));
      finish_float(Scalar::F32, to, float_result.s());
      return;
    default:
      whole_part(op, result, b, trap);
      break;
  }
  finish(to, result);
}

}  // namespace eyeflow::jit
