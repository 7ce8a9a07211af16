#include "jit/baseline/masm_x86_names.h"

#include <bit>

// Arithmetic, comparisons and conversions.
namespace eyeflow::jit {

namespace {
int width(Scalar type) { return vm::size_bytes(type) * 8; }
}  // namespace

// ---- Integers ------------------------------------------------------------------------------------------------------

// From the low bits of `to` to the canonical word. After a 32-bit operation an u32 is one already.
void MasmX86::canonical_int(Scalar type, Gp to) {
  switch (type) {
    case Scalar::I32:
      a_.movsxd(to, to.r32());
      return;
    case Scalar::U8:
      a_.movzx(to.r32(), to.r8());
      return;
    case Scalar::U16:
      a_.movzx(to.r32(), to.r16());
      return;
    default:
      return;
  }
}

void MasmX86::int_op(IntOp op, Scalar type, Slot to, Slot b, Slot c, Label overflow) {
  const bool wide = is_wide(type);
  const bool commutes =
      op != IntOp::Sub && op != IntOp::Shl && op != IntOp::Shr && op != IntOp::Min && op != IntOp::Max;
  if (commutes && (b.is(Slot::Kind::Constant) || c == to)) std::swap(b, c);
  Gp d = destination(to);
  if (c == to && c.is(Slot::Kind::Gpr) && !(b == c)) d = rax;
  const auto size = [&](Gp reg) { return wide ? reg : reg.r32(); };

  if (op == IntOp::Min || op == IntOp::Max) {  // canonical words compare like their numbers
    const Gp x = gpr(b, rax), y = gpr(c, rcx);
    if (x != rax) a_.mov(rax, x);
    a_.cmp(y, rax);
    if (op == IntOp::Min)
      is_signed(type) ? a_.cmovl(rax, y) : a_.cmovb(rax, y);
    else
      is_signed(type) ? a_.cmovg(rax, y) : a_.cmova(rax, y);
    return put(to, rax);
  }
  if (op == IntOp::Shl || op == IntOp::Shr) {
    if (c.is(Slot::Kind::Constant)) {
      const Gp x = gpr(b, d);
      if (x != d) a_.mov(size(d), size(x));
      const auto count = static_cast<std::uint32_t>(c.bits) & static_cast<std::uint32_t>(width(type) - 1);
      op == IntOp::Shl ? a_.shl(size(d), count) : a_.shr(size(d), count);
    } else {
      if (const Gp count = gpr(c, rcx); count != rcx) a_.mov(ecx, count.r32());
      if (width(type) < 32) a_.and_(ecx, width(type) - 1);
      const Gp x = gpr(b, d);
      if (x != d) a_.mov(size(d), size(x));
      op == IntOp::Shl ? a_.shl(size(d), cl) : a_.shr(size(d), cl);
    }
    if (op == IntOp::Shl) canonical_int(type, d);
    return put(to, d);
  }
  if (op == IntOp::Mul && c.is(Slot::Kind::Constant) &&
      is_immediate(wide ? c.bits : Word(std::int64_t(std::int32_t(c.bits))))) {
    const Gp x = gpr(b, d);
    a_.imul(size(d), size(x), Imm(static_cast<std::int32_t>(c.bits)));
  } else {
    const Gp x = gpr(b, d);
    if (x != d) a_.mov(size(d), size(x));
    with_int_operand(c, wide, [&](auto y) {
      switch (op) {
        case IntOp::Add:
          a_.add(size(d), y);
          break;
        case IntOp::Sub:
          a_.sub(size(d), y);
          break;
        case IntOp::Mul:
          if constexpr (std::is_same_v<decltype(y), Imm>)
            a_.imul(size(d), size(d), y);
          else
            a_.imul(size(d), y);
          break;
        case IntOp::And:
          a_.and_(size(d), y);
          break;
        case IntOp::Or:
          a_.or_(size(d), y);
          break;
        default:
          a_.xor_(size(d), y);
          break;
      }
    });
  }
  if (is_signed(type)) a_.jo(overflow);
  if (op != IntOp::And && op != IntOp::Or && op != IntOp::Xor) canonical_int(type, d);
  put(to, d);
}

void MasmX86::int_divide(Scalar type, bool remainder, Slot to, Slot b, Slot c, Label zero, Label overflow) {
  const bool wide = is_wide(type);
  const auto size = [&](Gp reg) { return wide ? reg : reg.r32(); };
  const bool known = c.is(Slot::Kind::Constant);
  if (known && c.bits == 0) return jump(zero);
  if (known && !is_signed(type) && std::has_single_bit(c.bits)) {
    const Gp d = destination(to), x = gpr(b, d);
    if (remainder && c.bits - 1 > 0x7FFFFFFF) {
      a_.mov(rcx, c.bits - 1);
      if (x != d) a_.mov(d, x);
      a_.and_(d, rcx);
    } else if (remainder) {
      if (x != d) a_.mov(d, x);
      a_.and_(size(d), static_cast<std::int32_t>(c.bits - 1));
    } else {
      if (x != d) a_.mov(d, x);
      a_.shr(d, std::countr_zero(c.bits));
    }
    return put(to, d);
  }
  const auto divisor = static_cast<std::int64_t>(c.bits);
  if (known && is_signed(type) && divisor > 1 && std::has_single_bit(c.bits) && divisor <= 0x40000000) {
    // Towards zero: a negative number gets divisor - 1 more first.
    const int shift = std::countr_zero(c.bits);
    const Gp x = gpr(b, rax);
    if (x != rax) a_.mov(rax, x);
    a_.mov(rcx, rax);
    a_.sar(rcx, 63);
    a_.shr(rcx, 64 - shift);
    a_.add(rax, rcx);
    if (remainder) {
      a_.and_(rax, static_cast<std::int32_t>(divisor - 1));
      a_.sub(rax, rcx);
    } else {
      a_.sar(rax, shift);
    }
    return put(to, rax);
  }
  Gp y = gpr(c, rcx);
  if (const Gp x = gpr(b, rax); x != rax) a_.mov(rax, x);
  if (!known) {
    a_.test(y, y);
    a_.jz(zero);
  }
  const bool minus_one = is_signed(type) && (!known || divisor == -1);
  Slow slow{.kind = Slow::Kind::DivideMinusOne, .label = {}, .back = {}, .trap = overflow};
  if (minus_one) {
    slow.label = a_.newLabel();
    slow.back = a_.newLabel();
    slow.type = type;
    slow.remainder = remainder;
    a_.cmp(y, -1);
    a_.je(slow.label);
  }
  if (type == Scalar::I64) {
    // Most numbers are small, and a 32-bit division is several times faster on many CPUs.
    const Label full = a_.newLabel(), done = a_.newLabel();
    a_.mov(rdx, rax);
    a_.or_(rdx, y);
    a_.shr(rdx, 32);
    a_.jnz(full);
    a_.div(y.r32());
    a_.jmp(done);
    a_.bind(full);
    a_.cqo();
    a_.idiv(y);
    a_.bind(done);
  } else if (type == Scalar::I32) {
    a_.cdq();
    a_.idiv(y.r32());
  } else {
    a_.xor_(edx, edx);
    a_.div(size(y));
  }
  if (minus_one) {
    a_.bind(slow.back);
    slow_.push_back(slow);
  }
  const Gp result = remainder ? rdx : rax;
  if (type == Scalar::I32) a_.movsxd(result, result.r32());
  put(to, result);
}

void MasmX86::int_unary(IntUnary op, Scalar type, Slot to, Slot b, Label overflow) {
  const bool wide = is_wide(type);
  const auto size = [&](Gp reg) { return wide ? reg : reg.r32(); };
  if (op == IntUnary::Abs) {
    const Gp x = gpr(b, rax);
    if (x != rax) a_.mov(rax, x);
    a_.mov(rcx, rax);
    a_.neg(size(rcx));
    a_.jo(overflow);
    if (!wide) a_.movsxd(rcx, ecx);
    a_.test(rax, rax);
    a_.cmovs(rax, rcx);
    return put(to, rax);
  }
  const Gp d = destination(to), x = gpr(b, d);
  if (x != d) a_.mov(d, x);
  if (op == IntUnary::Neg) {
    a_.neg(size(d));
    a_.jo(overflow);
    canonical_int(type, d);
  } else if (type == Scalar::Bool) {
    a_.xor_(d.r32(), 1);
  } else {
    a_.not_(size(d));
    canonical_int(type, d);
  }
  put(to, d);
}

CondCode MasmX86::integer_flags(Condition condition, Scalar type, Slot b, Slot c) {
  bool swapped = false;
  if (b.is(Slot::Kind::Constant) && !c.is(Slot::Kind::Constant)) {
    std::swap(b, c);
    swapped = true;
  }
  // Canonical words compare like their numbers: always 64 bits, or 32 where the constant only fits those.
  const bool narrow = type == Scalar::U32 && c.is(Slot::Kind::Constant) && !fits_32(c.bits);
  if (c == Slot::constant(0) && (condition == Condition::Eq || condition == Condition::Ne) && b.is(Slot::Kind::Gpr)) {
    a_.test(pin(b.reg), pin(b.reg));
  } else if (b.is(Slot::Kind::Memory) && (c.is(Slot::Kind::Gpr) || (c.is(Slot::Kind::Constant) && fits_32(c.bits)))) {
    with_int_operand(c, true, [&](auto y) {
      if constexpr (!std::is_same_v<decltype(y), Mem>) a_.cmp(frame(b, 8), y);
    });
  } else {
    const Gp x = gpr(b, rax);
    with_int_operand(c, !narrow, [&](auto y) { a_.cmp(narrow ? x.r32() : x, y); });
  }
  const bool sign = is_signed(type);
  switch (condition) {
    case Condition::Eq:
      return CondCode::kEqual;
    case Condition::Ne:
      return CondCode::kNotEqual;
    case Condition::Lt:
      if (swapped) return sign ? CondCode::kSignedGT : CondCode::kUnsignedGT;
      return sign ? CondCode::kSignedLT : CondCode::kUnsignedLT;
    default:
      if (swapped) return sign ? CondCode::kSignedGE : CondCode::kUnsignedGE;
      return sign ? CondCode::kSignedLE : CondCode::kUnsignedLE;
  }
}

void MasmX86::float_compare(Scalar type, Xmm b, const Slot& c) {
  const bool f64 = type == Scalar::F64;
  if (c.is(Slot::Kind::Fpr) || c.is(Slot::Kind::Gpr)) {
    const Xmm y = fpr(c, kFloat2);
    if (avx_)
      f64 ? a_.vucomisd(b, y) : a_.vucomiss(b, y);
    else
      f64 ? a_.ucomisd(b, y) : a_.ucomiss(b, y);
    return;
  }
  Mem y = c.is(Slot::Kind::Constant) ? literal(c.bits) : frame(c, 8);
  y.setSize(f64 ? 8 : 4);
  if (avx_)
    f64 ? a_.vucomisd(b, y) : a_.vucomiss(b, y);
  else
    f64 ? a_.ucomisd(b, y) : a_.ucomiss(b, y);
}

void MasmX86::compare(Condition condition, Scalar type, Slot to, Slot b, Slot c) {
  if (!is_float(type)) {
    const CondCode flags = integer_flags(condition, type, b, c);
    a_.set(flags, al);
    const Gp d = destination(to);
    a_.movzx(d.r32(), al);
    return put(to, d);
  }
  const Gp d = destination(to);
  if (condition == Condition::Lt || condition == Condition::Le) {  // c above b: false with a NaN
    float_compare(type, fpr(c, kFloat), b);
    condition == Condition::Lt ? a_.seta(al) : a_.setae(al);
  } else {
    float_compare(type, fpr(b, kFloat), c);
    if (condition == Condition::Eq) {
      a_.setnp(cl);
      a_.sete(al);
      a_.and_(al, cl);
    } else {
      a_.setp(cl);
      a_.setne(al);
      a_.or_(al, cl);
    }
  }
  a_.movzx(d.r32(), al);
  put(to, d);
}

void MasmX86::branch_compare(Condition condition, Scalar type, Slot b, Slot c, bool when, Label to) {
  if (!is_float(type)) {
    CondCode flags = integer_flags(condition, type, b, c);
    a_.j(when ? flags : negateCond(flags), to);
    return;
  }
  if (condition == Condition::Lt || condition == Condition::Le) {
    float_compare(type, fpr(c, kFloat), b);
    const CondCode flags = condition == Condition::Lt ? CondCode::kUnsignedGT : CondCode::kUnsignedGE;
    a_.j(when ? flags : negateCond(flags), to);
    return;
  }
  float_compare(type, fpr(b, kFloat), c);
  if ((condition == Condition::Eq) == when) {  // only if equal, and no NaN
    const Label no = a_.newLabel();
    a_.jp(no);
    a_.je(to);
    a_.bind(no);
  } else {
    a_.jp(to);
    a_.jne(to);
  }
}

void MasmX86::branch_bool(Slot b, bool when, Label to) {
  if (b.is(Slot::Kind::Constant)) {
    if ((b.bits != 0) == when) a_.jmp(to);
    return;
  }
  if (b.is(Slot::Kind::Memory))
    a_.cmp(frame(b, 8), 0);
  else {
    const Gp x = gpr(b, rax);
    a_.test(x.r32(), x.r32());
  }
  when ? a_.jnz(to) : a_.jz(to);
}

// ---- Floats --------------------------------------------------------------------------------------------------------

void MasmX86::float_binary(InstId sse, InstId avx, Xmm to, Xmm b, const Slot& c, Scalar type) {
  const bool in_memory = c.is(Slot::Kind::Constant) || c.is(Slot::Kind::Memory);
  Mem m = c.is(Slot::Kind::Constant) ? literal(c.bits) : frame(c, 8);
  m.setSize(type == Scalar::F64 ? 8 : 4);
  if (avx_) {
    if (in_memory)
      a_.emit(avx, to, b, m);
    else
      a_.emit(avx, to, b, fpr(c, kFloat2));
    return;
  }
  if (in_memory) {
    copy(to, b);
    a_.emit(sse, to, m);
    return;
  }
  Xmm y = fpr(c, kFloat2);
  if (y == to && b != to) {
    copy(kFloat2, y);
    y = kFloat2;
  }
  copy(to, b);
  a_.emit(sse, to, y);
}

void MasmX86::float_op(FloatOp op, Scalar type, Slot to, Slot b, Slot c) {
  const bool f64 = type == Scalar::F64;
  const Xmm d = to.is(Slot::Kind::Fpr) ? xmm(to.reg) : kFloat;
  InstId sse = 0, avx = 0;
  switch (op) {
    case FloatOp::Add:
      sse = f64 ? Inst::kIdAddsd : Inst::kIdAddss, avx = f64 ? Inst::kIdVaddsd : Inst::kIdVaddss;
      break;
    case FloatOp::Sub:
      sse = f64 ? Inst::kIdSubsd : Inst::kIdSubss, avx = f64 ? Inst::kIdVsubsd : Inst::kIdVsubss;
      break;
    case FloatOp::Mul:
      sse = f64 ? Inst::kIdMulsd : Inst::kIdMulss, avx = f64 ? Inst::kIdVmulsd : Inst::kIdVmulss;
      break;
    case FloatOp::Div:
      sse = f64 ? Inst::kIdDivsd : Inst::kIdDivss, avx = f64 ? Inst::kIdVdivsd : Inst::kIdVdivss;
      break;
    case FloatOp::Min:  // minsd x, y is x < y ? x : y
      sse = f64 ? Inst::kIdMinsd : Inst::kIdMinss, avx = f64 ? Inst::kIdVminsd : Inst::kIdVminss;
      std::swap(b, c);
      break;
    case FloatOp::Max:
      sse = f64 ? Inst::kIdMaxsd : Inst::kIdMaxss, avx = f64 ? Inst::kIdVmaxsd : Inst::kIdVmaxss;
      std::swap(b, c);
      break;
  }
  float_binary(sse, avx, d, fpr(b, kFloat), c, type);
  put(to, d);
}

void MasmX86::float_mul_add(bool subtract, Scalar type, Slot to, Slot b, Slot c) {
  const bool f64 = type == Scalar::F64;
  float_binary(f64 ? Inst::kIdMulsd : Inst::kIdMulss, f64 ? Inst::kIdVmulsd : Inst::kIdVmulss, kFloat2, fpr(b, kFloat),
               c, type);
  const Xmm sum = fpr(to, kFloat);
  if (avx_) {
    const InstId id = subtract ? (f64 ? Inst::kIdVsubsd : Inst::kIdVsubss) : f64 ? Inst::kIdVaddsd : Inst::kIdVaddss;
    a_.emit(id, sum, sum, kFloat2);
  } else {
    a_.emit(subtract ? (f64 ? Inst::kIdSubsd : Inst::kIdSubss) : f64 ? Inst::kIdAddsd : Inst::kIdAddss, sum, kFloat2);
  }
  put(to, sum);
}

void MasmX86::float_unary(FloatUnary op, Scalar type, Slot to, Slot b) {
  const bool f64 = type == Scalar::F64;
  const Xmm d = to.is(Slot::Kind::Fpr) ? xmm(to.reg) : kFloat;
  const Xmm x = fpr(b, kFloat);
  if (op == FloatUnary::Sqrt) {
    if (avx_)
      f64 ? a_.vsqrtsd(d, x, x) : a_.vsqrtss(d, x, x);
    else if (copy(d, x); f64)
      a_.sqrtsd(d, d);
    else
      a_.sqrtss(d, d);
    return put(to, d);
  }
  const Word sign = f64 ? 0x8000000000000000 : 0x80000000;
  a_.movsd(kFloat2, literal(op == FloatUnary::Neg ? sign : f64 ? ~sign : 0x7FFFFFFF));
  if (avx_) {
    op == FloatUnary::Neg ? a_.vxorps(d, x, kFloat2) : a_.vandps(d, x, kFloat2);
  } else {
    copy(d, x);
    op == FloatUnary::Neg ? a_.xorps(d, kFloat2) : a_.andps(d, kFloat2);
  }
  put(to, d);
}

void MasmX86::is_nan(Scalar type, Slot to, Slot b) {
  const Xmm x = fpr(b, kFloat);
  type == Scalar::F64 ? a_.ucomisd(x, x) : a_.ucomiss(x, x);
  a_.setp(al);
  const Gp d = destination(to);
  a_.movzx(d.r32(), al);
  put(to, d);
}

void MasmX86::convert(Op op, Slot to, Slot b, Label trap) {
  const Gp d = destination(to);
  switch (op) {
    case Op::I64FromBool:
    case Op::I64FromI32:
    case Op::I64FromU8:
    case Op::I64FromU16:
    case Op::I64FromU32:
    case Op::U64FromI64:
      return move(Scalar::U64, to, b);
    case Op::U8FromI64:
    case Op::U16FromI64:
    case Op::U32FromI64: {
      const Gp x = gpr(b, rax);
      if (op == Op::U8FromI64)
        a_.movzx(d.r32(), x.r8());
      else if (op == Op::U16FromI64)
        a_.movzx(d.r32(), x.r16());
      else
        a_.mov(d.r32(), x.r32());
      return put(to, d);
    }
    case Op::I32FromI64: {
      const Gp x = gpr(b, rcx);
      a_.movsxd(rax, x.r32());
      a_.cmp(rax, x);
      a_.jne(trap);
      return put(to, rax);
    }
    case Op::I64FromU64: {
      const Gp x = gpr(b, rax);
      a_.test(x, x);
      a_.js(trap);
      return put(to, x);
    }
    case Op::F64FromI64:
    case Op::F32FromI64:
    case Op::F64FromU64:
    case Op::F32FromU64: {
      const bool f64 = op == Op::F64FromI64 || op == Op::F64FromU64;
      const Gp x = gpr(b, rdx);
      const Xmm f = to.is(Slot::Kind::Fpr) ? xmm(to.reg) : kFloat;
      zero(f);
      Slow slow{.kind = Slow::Kind::Unsigned, .label = {}, .back = {}, .trap = {}};
      const bool is_unsigned = op == Op::F64FromU64 || op == Op::F32FromU64;
      if (is_unsigned) {
        slow.label = a_.newLabel();
        slow.back = a_.newLabel();
        slow.number = x;
        slow.value = f;
        slow.type = f64 ? Scalar::F64 : Scalar::F32;
        a_.test(x, x);
        a_.js(slow.label);
      }
      f64 ? a_.cvtsi2sd(f, x) : a_.cvtsi2ss(f, x);
      if (is_unsigned) {
        a_.bind(slow.back);
        slow_.push_back(slow);
      }
      return put(to, f);
    }
    case Op::F64FromF32: {
      const Xmm x = fpr(b, kFloat);
      const Xmm f = to.is(Slot::Kind::Fpr) ? xmm(to.reg) : kFloat;
      if (avx_)
        a_.vcvtss2sd(f, x, x);
      else
        a_.cvtss2sd(f, x);
      return put(to, f);
    }
    case Op::F32FromF64: {  // into a register of zeros, so that the upper half stays zero
      const Xmm x = fpr(b, kFloat);
      zero(kFloat2);
      a_.cvtsd2ss(kFloat2, x);
      return put(to, kFloat2);
    }
    default:
      break;
  }
  // i64.round … i64.trunc. Outside the range the machine gives -2^63.
  const Xmm x = fpr(b, kFloat);
  Slow slow{.kind = Slow::Kind::MinimumOrTrap, .label = a_.newLabel(), .back = a_.newLabel(), .trap = trap};
  slow.value = x;
  a_.cvttsd2si(rax, x);
  a_.cmp(rax, 1);
  a_.jo(slow.label);
  a_.bind(slow.back);
  slow_.push_back(slow);
  if (op == Op::I64Floor || op == Op::I64Ceil) {
    zero(kFloat2);
    a_.cvtsi2sd(kFloat2, rax);
    a_.mov(ecx, 0);
    op == Op::I64Floor ? a_.ucomisd(kFloat2, x) : a_.ucomisd(x, kFloat2);
    a_.seta(cl);
    op == Op::I64Floor ? a_.sub(rax, rcx) : a_.add(rax, rcx);
  } else if (op == Op::I64Round) {
    zero(kFloat2);
    a_.cvtsi2sd(kFloat2, rax);
    copy(kFloat, x);
    a_.subsd(kFloat, kFloat2);
    a_.mov(ecx, 0);
    a_.mov(edx, 0);
    a_.ucomisd(kFloat, literal(std::bit_cast<Word>(0.5)));
    a_.setae(cl);
    a_.movsd(kFloat2, literal(std::bit_cast<Word>(-0.5)));
    a_.ucomisd(kFloat2, kFloat);
    a_.setae(dl);
    a_.add(rax, rcx);
    a_.sub(rax, rdx);
  }
  put(to, rax);
}

}  // namespace eyeflow::jit
