#include "jit/baseline/masm_x86_names.h"

#include <bit>

namespace eyeflow::jit {

namespace {
int width(Scalar type) { return vm::size_bytes(type) * 8; }
}  // namespace

// ---- Places --------------------------------------------------------------------------------------------------------

Mem MasmX86::frame(const Slot& place, int bytes) const {
  return Mem(rbx, place.offset, static_cast<std::uint32_t>(bytes));
}

void MasmX86::load_constant(Gp to, Word bits) {
  if (bits == 0)
    a_.xor_(to.r32(), to.r32());
  else
    load_number(to, bits);
}

// Blinded: the bytes of the number do not stand in the code, for whoever chooses eight bytes that can be jumped into
// chooses instructions. All 64 bits of what stands there depend on the key: lea adds to the low half, bswap turns.
void MasmX86::load_number(Gp to, Word bits) {
  if (blind_key_ == 0 || fits_16(bits)) {
    if (bits <= 0xFFFFFFFF)
      a_.mov(to.r32(), static_cast<std::uint32_t>(bits));
    else
      a_.mov(to, bits);
    return;
  }
  blind_key_ = blind_key_ * 6364136223846793005ull + 1442695040888963407ull;
  const auto first = static_cast<std::int32_t>(blind_key_ >> 32) | 0x01010101;
  const auto second = static_cast<std::int32_t>(blind_key_ >> 16 ^ blind_key_ >> 40) | 0x01010101;
  const auto extended = [](std::int32_t n) { return static_cast<Word>(std::int64_t{n}); };
  a_.mov(to, Imm(static_cast<std::int64_t>(std::byteswap(bits - extended(second)) - extended(first))));
  a_.lea(to, Mem(to, first, 8));
  a_.bswap(to);
  a_.lea(to, Mem(to, second, 8));
}

bool MasmX86::is_immediate(Word bits) const { return blind_key_ == 0 ? fits_32(bits) : fits_16(bits); }

Label MasmX86::literal_label(Word bits) {
  for (const Literal& l : literals_)
    if (l.bits == bits) return l.label;
  literals_.push_back({a_.newLabel(), bits});
  return literals_.back().label;
}
Mem MasmX86::literal(Word bits) { return Mem(literal_label(bits), 0, 8); }

Gp MasmX86::gpr(const Slot& place, Gp scratch) {
  switch (place.kind) {
    case Slot::Kind::Gpr:
      return pin(place.reg);
    case Slot::Kind::Memory:
      a_.mov(scratch, frame(place, 8));
      return scratch;
    case Slot::Kind::Memory32:
      a_.mov(scratch.r32(), frame(place, 4));
      return scratch;
    case Slot::Kind::Fpr:
      a_.movq(scratch, xmm(place.reg));
      return scratch;
    default: {
      load_number(scratch, place.bits);  // flags must live: no xor
      return scratch;
    }
  }
}

void MasmX86::zero(Xmm to) {
  if (avx_)
    a_.vxorps(to, to, to);
  else
    a_.xorps(to, to);
}
void MasmX86::copy(Xmm to, Xmm from) {
  if (to == from) return;
  if (avx_)
    a_.vmovaps(to, from);
  else
    a_.movaps(to, from);
}

Xmm MasmX86::fpr(const Slot& place, Xmm scratch) {
  switch (place.kind) {
    case Slot::Kind::Fpr:
      return xmm(place.reg);
    case Slot::Kind::Gpr:
      if (avx_)
        a_.vmovq(scratch, pin(place.reg));
      else
        a_.movq(scratch, pin(place.reg));
      return scratch;
    case Slot::Kind::Constant:
      if (place.bits == 0)
        zero(scratch);
      else if (avx_)
        a_.vmovsd(scratch, literal(place.bits));
      else
        a_.movsd(scratch, literal(place.bits));
      return scratch;
    default:
      if (avx_)
        a_.vmovsd(scratch, frame(place, 8));
      else
        a_.movsd(scratch, frame(place, 8));
      return scratch;
  }
}

Gp MasmX86::destination(const Slot& to) const { return to.is(Slot::Kind::Gpr) ? pin(to.reg) : Gp(rax); }

void MasmX86::put(const Slot& to, Gp from) {
  switch (to.kind) {
    case Slot::Kind::Gpr:
      if (pin(to.reg) != from) a_.mov(pin(to.reg), from);
      return;
    case Slot::Kind::Fpr:
      a_.movq(xmm(to.reg), from);
      return;
    case Slot::Kind::Memory32:
      a_.mov(frame(to, 4), from.r32());
      return;
    default:
      a_.mov(frame(to, 8), from);
  }
}
void MasmX86::put(const Slot& to, Xmm from) {
  if (to.is(Slot::Kind::Fpr)) return copy(xmm(to.reg), from);
  if (to.is(Slot::Kind::Gpr)) {
    if (avx_)
      a_.vmovq(pin(to.reg), from);
    else
      a_.movq(pin(to.reg), from);
    return;
  }
  if (avx_)
    a_.vmovsd(frame(to, 8), from);
  else
    a_.movsd(frame(to, 8), from);
}

void MasmX86::move(Scalar type, Slot to, Slot from) {
  if (to == from) return;
  if (to.is(Slot::Kind::Fpr) || from.is(Slot::Kind::Fpr)) {
    if (to.is(Slot::Kind::Fpr) && from.is(Slot::Kind::Constant)) {
      fpr(from, xmm(to.reg));
    } else if (to.is(Slot::Kind::Fpr)) {
      const Xmm value = fpr(from, xmm(to.reg));
      copy(xmm(to.reg), value);
    } else {
      put(to, xmm(from.reg));
    }
    return;
  }
  (void)type;
  if (to.is(Slot::Kind::Gpr)) {
    if (from.is(Slot::Kind::Constant)) return load_constant(pin(to.reg), from.bits);
    const Gp value = gpr(from, pin(to.reg));
    return put(to, value);
  }
  if (from.is(Slot::Kind::Constant) && is_immediate(from.bits)) {
    const Mem place = frame(to, to.is(Slot::Kind::Memory32) ? 4 : 8);
    a_.mov(place, static_cast<std::int32_t>(from.bits));
    return;
  }
  put(to, gpr(from, rax));
}

void MasmX86::load_base(Slot to, Region region) {
  a_.mov(pin(to.reg), context(offset_in_context(&vm::Context::base) + static_cast<int>(region) * 8, 8));
}
void MasmX86::load_seen(Slot to) {
  a_.mov(pin(to.reg), context(offset_in_context(&vm::Context::journal), 8));
  a_.mov(pin(to.reg), Mem(pin(to.reg), offsetof(vm::Journal, seen), 8));
}

// ---- Module and functions ------------------------------------------------------------------------------------------

void MasmX86::begin_module(const void* journal_line) {
  const std::int32_t saved_stack = offset_in_context(&vm::Context::code);
  const Gp kept[] = {rbx, rbp, r12, r13, r14, r15};
  entry_ = a_.newLabel();
  leave_ = a_.newLabel();
  trap_exit_ = a_.newLabel();
  touch_ = a_.newLabel();

  a_.bind(entry_);
  for (const Gp& reg : kept) a_.push(reg);
  a_.sub(rsp, 8);
  a_.mov(rbp, rdi);
  a_.mov(rbx, rsi);
  a_.mov(context(saved_stack, 8), rsp);
  a_.call(rdx);
  a_.xor_(eax, eax);
  a_.bind(leave_);
  a_.add(rsp, 8);
  for (int n = 5; n >= 0; --n) a_.pop(kept[n]);
  a_.ret();

  // Every trap: eax is the trap, ecx the instruction, edx the function. The stack is as it was at the entry.
  a_.bind(trap_exit_);
  a_.mov(context(offset_in_context(&vm::Context::trap_instruction), 4), ecx);
  a_.mov(context(offset_in_context(&vm::Context::trap_function), 2), dx);
  a_.mov(rsp, context(saved_stack, 8));
  a_.jmp(leave_);

  // The journal's slow path: eax is the line. Keeps every pin.
  a_.bind(touch_);
  constexpr int kSavedGprs = 6, kRoom = (kSavedGprs + kFprs) * 8;
  a_.push(rbx);
  a_.mov(rbx, rsp);
  a_.and_(rsp, -16);
  a_.sub(rsp, kRoom);
  for (int n = 0; n < kSavedGprs; ++n) a_.mov(Mem(rsp, n * 8, 8), pin(kKeptGprs + n));
  for (int n = 0; n < kFprs; ++n) a_.movsd(Mem(rsp, (kSavedGprs + n) * 8, 8), xmm(static_cast<std::uint32_t>(n)));
  a_.mov(rdi, rbp);
  a_.mov(esi, eax);
  a_.mov(rax, reinterpret_cast<std::uint64_t>(journal_line));
  a_.call(rax);
  for (int n = 0; n < kSavedGprs; ++n) a_.mov(pin(kKeptGprs + n), Mem(rsp, n * 8, 8));
  for (int n = 0; n < kFprs; ++n) a_.movsd(xmm(static_cast<std::uint32_t>(n)), Mem(rsp, (kSavedGprs + n) * 8, 8));
  a_.mov(rsp, rbx);
  a_.pop(rbx);
  a_.ret();
}

// The stack is a multiple of 16 in a function's body, with at least one word of its own at the top.
void MasmX86::prologue(PinSet used) {
  int pushed = 0;
  for (int n = 0; n < kKeptGprs; ++n)
    if (used.gprs >> n & 1) a_.push(pin(n)), ++pushed;
  a_.sub(rsp, pushed % 2 == 0 ? 8 : 16);
}
void MasmX86::epilogue(PinSet used) {
  const int pushed = std::popcount(used.gprs & 0xF);
  a_.add(rsp, pushed % 2 == 0 ? 8 : 16);
  for (int n = kKeptGprs - 1; n >= 0; --n)
    if (used.gprs >> n & 1) a_.pop(pin(n));
  a_.ret();
}

void MasmX86::end_function() {
  own_exit_ = Label();
  for (const Slow& slow : slow_) {
    a_.bind(slow.label);
    switch (slow.kind) {
      case Slow::Kind::Touch:
        if (slow.line_known) a_.mov(eax, slow.line);
        a_.call(touch_);
        break;
      case Slow::Kind::NanWord:
      case Slow::Kind::NanElement:
        if (slow.type == Scalar::F32 && slow.kind == Slow::Kind::NanElement) {
          Mem place = slow.place;
          place.setSize(4);
          a_.mov(place, static_cast<std::uint32_t>(kCanonicalNan32));
        } else {
          Mem place = slow.place;
          place.setSize(8);
          a_.mov(rax, slow.type == Scalar::F64 ? kCanonicalNan64 : kCanonicalNan32);
          a_.mov(place, rax);
        }
        break;
      case Slow::Kind::DivideMinusOne:
        if (slow.remainder) {
          a_.xor_(edx, edx);
        } else {
          if (slow.type == Scalar::I64)
            a_.neg(rax);
          else
            a_.neg(eax);
          a_.jo(slow.trap);
        }
        break;
      case Slow::Kind::Unsigned:  // 2^63 and more: half of it, odd if a bit was lost, and twice the result
        a_.mov(rcx, slow.number);
        a_.mov(rax, slow.number);
        a_.shr(rcx, 1);
        a_.and_(eax, 1);
        a_.or_(rcx, rax);
        if (slow.type == Scalar::F64) {
          a_.cvtsi2sd(slow.value, rcx);
          a_.addsd(slow.value, slow.value);
        } else {
          a_.cvtsi2ss(slow.value, rcx);
          a_.addss(slow.value, slow.value);
        }
        break;
      case Slow::Kind::MinimumOrTrap:  // the conversion gave -2^63: right for that number alone
        a_.ucomisd(slow.value, literal(std::bit_cast<Word>(-9223372036854775808.0)));
        a_.jp(slow.trap);
        a_.jne(slow.trap);
        break;
    }
    a_.jmp(slow.back);
  }
  slow_.clear();
  if (!vector_literals_.empty()) a_.align(AlignMode::kData, 32);
  for (const Literal& l : vector_literals_) {
    a_.bind(l.label);
    for (int n = 0; n < 4; ++n) a_.embedUInt64(l.bits);
  }
  vector_literals_.clear();
  if (literals_.empty()) return;
  a_.align(AlignMode::kData, 8);
  for (const Literal& l : literals_) {
    a_.bind(l.label);
    a_.embedUInt64(l.bits);
  }
  literals_.clear();
}

// ---- Calls and traps -----------------------------------------------------------------------------------------------

void MasmX86::call_function(Label function, std::int32_t frame_bytes) {
  a_.add(rbx, frame_bytes);
  a_.call(function);
  a_.sub(rbx, frame_bytes);
}
void MasmX86::call_function(const void* function, std::int32_t frame_bytes) {
  a_.add(rbx, frame_bytes);
  call_address(function);
  a_.sub(rbx, frame_bytes);
}
void MasmX86::call_address(const void* function) {
  a_.call(Mem(literal_label(reinterpret_cast<std::uint64_t>(function)), 0, 8));
}

void MasmX86::call_meaning(const void* meaning, vm::Instruction i, std::int32_t frame_bytes, Label trap,
                           bool may_trap) {
  a_.mov(rdi, rbp);
  a_.lea(rsi, Mem(rbx, frame_bytes));
  load_number(rdx, std::bit_cast<std::uint64_t>(i));
  call_address(meaning);
  if (!may_trap) return;
  a_.test(al, al);
  a_.jne(trap);
}

void MasmX86::call_intrinsic(const void* function, std::int32_t arguments, Scalar type, Slot result, Label trap) {
  a_.mov(rdi, rbp);
  a_.lea(rsi, Mem(rbx, arguments));
  a_.mov(rdx, rsp);
  call_address(function);
  a_.test(al, al);
  a_.jne(trap);
  if (result.is(Slot::Kind::None)) return;
  if (is_float(type) && result.is(Slot::Kind::Fpr))
    a_.movsd(xmm(result.reg), Mem(rsp, 0, 8));
  else
    a_.mov(rax, Mem(rsp, 0, 8)), put(result, rax);
}

void MasmX86::call_direct(const void* function, bool takes_context, std::span<const Argument> arguments, bool may_trap,
                          Scalar type, Slot result, Label trap) {
  static constexpr std::uint32_t kIntegers[] = {7, 6, 2, 1, 8, 9};
  struct Move {
    std::uint32_t to;
    Slot from;
    bool done;
  };
  Move integers[8], floats[8];
  std::size_t integer_count = 0, float_count = 0;
  for (const Argument& argument : arguments) {
    if (is_float(argument.type)) {
      floats[float_count] = {static_cast<std::uint32_t>(float_count), argument.place, false};
      ++float_count;
    } else {
      integers[integer_count] = {kIntegers[integer_count + (takes_context ? 1 : 0)], argument.place, false};
      ++integer_count;
    }
  }
  // All at once: first those whose register no other argument is still read from; a ring is opened with rax or xmm15.
  const auto place_all = [&](Move* moves, std::size_t count, auto is_source, auto transfer, auto open) {
    for (std::size_t left = count; left > 0;) {
      bool any = false;
      for (std::size_t n = 0; n < count; ++n) {
        if (moves[n].done) continue;
        bool blocked = false;
        for (std::size_t m = 0; m < count; ++m)
          if (m != n && !moves[m].done && is_source(moves[m].from, moves[n].to)) blocked = true;
        if (blocked) continue;
        transfer(moves[n]);
        moves[n].done = true;
        --left;
        any = true;
      }
      if (any) continue;
      for (std::size_t n = 0; n < count; ++n) {
        if (moves[n].done) continue;
        open(moves[n]);
        break;
      }
    }
  };
  bool opened = false;
  place_all(
      integers, integer_count,
      [&](const Slot& from, std::uint32_t to) { return from.is(Slot::Kind::Gpr) && kPinIds[from.reg] == to; },
      [&](const Move& move) {
        const Gp to = gpq(move.to);
        if (move.from.is(Slot::Kind::None)) return void(a_.mov(to, rax));
        if (const Gp from = gpr(move.from, to); from != to) a_.mov(to, from);
      },
      [&](Move& move) {
        a_.mov(rax, pin(move.from.reg));
        move.from = {};
        opened = true;
      });
  (void)opened;
  place_all(
      floats, float_count,
      [&](const Slot& from, std::uint32_t to) { return from.is(Slot::Kind::Fpr) && from.reg == to; },
      [&](const Move& move) {
        const Xmm to = xmm(move.to);
        if (move.from.is(Slot::Kind::None)) return copy(to, kFloat2);
        copy(to, fpr(move.from, to));
      },
      [&](Move& move) {
        copy(kFloat2, xmm(move.from.reg));
        move.from = {};
      });
  if (takes_context) a_.mov(rdi, rbp);
  call_address(function);
  if (may_trap) {
    a_.test(eax, eax);
    a_.jne(trap);
    return;
  }
  if (result.is(Slot::Kind::None)) return;
  if (!is_float(type)) return put(result, rax);
  if (type == Scalar::F32) {  // the callee leaves the bits above as they come
    zero(kFloat2);
    a_.movss(kFloat2, xmm0);
    return put(result, kFloat2);
  }
  put(result, xmm0);
}

void MasmX86::trap_stub(Label label, Trap trap, std::uint16_t function, std::uint32_t instruction) {
  // Nearly all are of one function, and go through a piece of code that knows which: ecx says the rest.
  constexpr std::uint32_t kMostInstructions = 1u << 24;
  if (!own_exit_.isValid()) {
    own_function_ = function;
    own_exit_ = a_.newLabel();
    a_.bind(own_exit_);
    a_.movzx(eax, cl);
    a_.shr(ecx, 8);
    a_.mov(edx, static_cast<std::uint32_t>(function));
    a_.jmp(trap_exit_);
  }
  a_.bind(label);
  if (function == own_function_ && instruction < kMostInstructions) {
    a_.mov(ecx, instruction << 8 | static_cast<std::uint32_t>(trap));
    a_.jmp(own_exit_);
    return;
  }
  a_.mov(eax, static_cast<std::uint32_t>(trap));
  a_.mov(ecx, instruction);
  a_.mov(edx, static_cast<std::uint32_t>(function));
  a_.jmp(trap_exit_);
}
void MasmX86::trap_stub(Label label, std::uint16_t function, std::uint32_t instruction) {
  a_.bind(label);
  a_.movzx(eax, al);
  a_.mov(ecx, instruction);
  a_.mov(edx, static_cast<std::uint32_t>(function));
  a_.jmp(trap_exit_);
}

void MasmX86::charge(std::uint64_t fuel, Label trap) {
  const Mem left = context(offset_in_context(&vm::Context::fuel), 8);
  if (is_immediate(fuel)) {
    a_.cmp(left, static_cast<std::int32_t>(fuel));
    a_.jb(trap);
    a_.sub(left, static_cast<std::int32_t>(fuel));
    return;
  }
  load_number(rax, fuel);
  a_.cmp(left, rax);
  a_.jb(trap);
  a_.sub(left, rax);
}
void MasmX86::charge_trips(std::uint64_t fuel, Slot trips, Label trap) {
  const Mem left = context(offset_in_context(&vm::Context::fuel), 8);
  const Gp count = gpr(trips, rcx);
  load_number(rax, fuel);
  a_.mul(count);
  a_.jo(trap);
  a_.cmp(left, rax);
  a_.jb(trap);
  a_.sub(left, rax);
}

// ---- Integers ------------------------------------------------------------------------------------------------------

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

// ---- Memory --------------------------------------------------------------------------------------------------------

Mem MasmX86::memory(const Address& address, int bytes) {
  const auto size = static_cast<std::uint32_t>(bytes);
  const auto displacement = static_cast<std::int32_t>(address.displacement);
  Gp base = rcx;
  if (address.base.is(Slot::Kind::Gpr))
    base = pin(address.base.reg);
  else
    a_.mov(rcx, context(offset_in_context(&vm::Context::base) + static_cast<int>(address.region) * 8, 8));
  if (!address.reference.is(Slot::Kind::None)) {
    const Gp reference = gpr(address.reference, rdx);
    a_.mov(edx, reference.r32());
    a_.add(rdx, base);
    if (address.index.is(Slot::Kind::None)) return Mem(rdx, displacement, size);
    const Gp index = gpr(address.index, rcx);
    return Mem(rdx, index, static_cast<std::uint32_t>(std::countr_zero(address.scale)), displacement, size);
  }
  if (address.index.is(Slot::Kind::None)) return Mem(base, displacement, size);
  const Gp index = gpr(address.index, rdx);
  return Mem(base, index, static_cast<std::uint32_t>(std::countr_zero(address.scale)), displacement, size);
}

void MasmX86::load_word(Scalar type, Slot to, const Address& from) {
  const Mem place = memory(from, 8);
  if (is_float(type) && to.is(Slot::Kind::Fpr)) {
    avx_ ? a_.vmovsd(xmm(to.reg), place) : a_.movsd(xmm(to.reg), place);
    return;
  }
  const Gp d = destination(to);
  a_.mov(d, place);
  put(to, d);
}

void MasmX86::load_element(Scalar type, Slot to, const Address& from) {
  const Mem place = memory(from, vm::size_bytes(type));
  const Gp d = destination(to);
  switch (type) {
    case Scalar::F64:
    case Scalar::F32: {
      const Xmm f = to.is(Slot::Kind::Fpr) ? xmm(to.reg) : kFloat;
      if (type == Scalar::F64)
        avx_ ? a_.vmovsd(f, place) : a_.movsd(f, place);
      else
        avx_ ? a_.vmovss(f, place) : a_.movss(f, place);
      return put(to, f);
    }
    case Scalar::Bool:
    case Scalar::U8:
    case Scalar::U16:
      a_.movzx(d.r32(), place);
      break;
    case Scalar::I32:
      a_.movsxd(d, place);
      break;
    case Scalar::U32:
      a_.mov(d.r32(), place);
      break;
    default:
      a_.mov(d, place);
  }
  put(to, d);
}

// A NaN goes another way, far behind: it stores the canonical one.
void MasmX86::store_float(Scalar type, Mem place, Slot from, bool word) {
  const bool f64 = type == Scalar::F64;
  if (from.is(Slot::Kind::Constant)) {
    const Word bits = f64 ? vm::to_word(vm::canonical(vm::from_word<double>(from.bits)))
                          : vm::to_word(vm::canonical(vm::from_word<float>(from.bits)));
    place.setSize(f64 || word ? 8 : 4);
    if (place.size() == 4) return void(a_.mov(place, static_cast<std::uint32_t>(bits)));
    if (fits_32(bits)) return void(a_.mov(place, static_cast<std::int32_t>(bits)));
    a_.mov(rax, bits);
    a_.mov(place, rax);
    return;
  }
  const Xmm x = fpr(from, kFloat);
  Slow slow{.kind = word ? Slow::Kind::NanWord : Slow::Kind::NanElement,
            .label = a_.newLabel(),
            .back = a_.newLabel(),
            .trap = {}};
  slow.place = place;
  slow.type = type;
  if (avx_)
    f64 ? a_.vucomisd(x, x) : a_.vucomiss(x, x);
  else
    f64 ? a_.ucomisd(x, x) : a_.ucomiss(x, x);
  a_.jp(slow.label);
  place.setSize(f64 || word ? 8 : 4);
  if (f64 || word)
    avx_ ? a_.vmovsd(place, x) : a_.movsd(place, x);
  else
    avx_ ? a_.vmovss(place, x) : a_.movss(place, x);
  a_.bind(slow.back);
  slow_.push_back(slow);
}

void MasmX86::store_word(Scalar type, const Address& to, Slot from) {
  const Mem place = memory(to, 8);
  if (is_float(type)) return store_float(type, place, from, true);
  if (from.is(Slot::Kind::Constant) && is_immediate(from.bits)) {
    a_.mov(place, static_cast<std::int32_t>(from.bits));
    return;
  }
  a_.mov(place, gpr(from, rax));
}

void MasmX86::store_element(Scalar type, const Address& to, Slot from) {
  const int bytes = vm::size_bytes(type);
  const Mem place = memory(to, bytes);
  if (is_float(type)) return store_float(type, place, from, false);
  if (from.is(Slot::Kind::Constant) && (bytes < 4 || is_immediate(from.bits) || (bytes == 4 && blind_key_ == 0))) {
    const auto bits = static_cast<std::int32_t>(from.bits);
    if (bytes == 1)
      a_.mov(place, static_cast<std::int8_t>(bits));
    else if (bytes == 2)
      a_.mov(place, static_cast<std::int16_t>(bits));
    else
      a_.mov(place, bits);
    return;
  }
  const Gp x = gpr(from, rax);
  switch (bytes) {
    case 1:
      a_.mov(place, x.r8());
      return;
    case 2:
      a_.mov(place, x.r16());
      return;
    case 4:
      a_.mov(place, x.r32());
      return;
    default:
      a_.mov(place, x);
  }
}

void MasmX86::check_index(Slot index, Slot limit, Label trap) {
  if (index.is(Slot::Kind::Memory) && limit.is(Slot::Kind::Constant) && is_immediate(limit.bits)) {
    a_.cmp(frame(index, 8), static_cast<std::int32_t>(limit.bits));
  } else {
    const Gp x = gpr(index, rax);
    with_int_operand(limit, true, [&](auto y) { a_.cmp(x, y); });
  }
  a_.jae(trap);
}
void MasmX86::check_index(Slot index, const Address& limit, Label trap) {
  const Mem place = memory(limit, 8);
  if (index.is(Slot::Kind::Constant) && is_immediate(index.bits)) {
    a_.cmp(place, static_cast<std::int32_t>(index.bits));
    a_.jbe(trap);
    return;
  }
  a_.cmp(gpr(index, rax), place);
  a_.jae(trap);
}
void MasmX86::branch_zero_word(const Address& word, Label to) {
  a_.cmp(memory(word, 8), 0);
  a_.jz(to);
}

void MasmX86::touch(const Address& to, Slot seen) {
  Gp bits = rdx;
  const auto load_bits = [&] {
    if (seen.is(Slot::Kind::Gpr)) {
      bits = pin(seen.reg);
      return;
    }
    a_.mov(rdx, context(offset_in_context(&vm::Context::journal), 8));
    a_.mov(rdx, Mem(rdx, offsetof(vm::Journal, seen), 8));
  };
  Slow slow{.kind = Slow::Kind::Touch, .label = a_.newLabel(), .back = a_.newLabel(), .trap = {}};
  if (to.reference.is(Slot::Kind::None) && to.index.is(Slot::Kind::None)) {
    slow.line = to.displacement / vm::kLineBytes;
    slow.line_known = true;
    load_bits();
    a_.test(Mem(bits, static_cast<std::int32_t>(slow.line / 8), 1), 1 << (slow.line % 8));
    a_.jz(slow.label);
  } else {
    const auto displacement = static_cast<std::int32_t>(to.displacement);
    const auto shift = static_cast<std::uint32_t>(std::countr_zero(to.scale));
    if (!to.reference.is(Slot::Kind::None)) {
      const Gp reference = gpr(to.reference, rax);
      if (reference != rax) a_.mov(eax, reference.r32());
      if (to.index.is(Slot::Kind::None))
        a_.lea(eax, Mem(rax, displacement, 4));
      else
        a_.lea(eax, Mem(rax, gpr(to.index, rcx), shift, displacement, 4));
    } else if (shift == 0) {
      a_.lea(eax, Mem(gpr(to.index, rcx), displacement, 4));
    } else {
      const Gp index = gpr(to.index, rcx);
      a_.mov(eax, index.r32());
      a_.shl(eax, shift);
      if (displacement != 0) a_.add(eax, displacement);
    }
    load_bits();
    a_.shr(eax, 6);
    a_.mov(ecx, eax);
    a_.shr(ecx, 5);
    a_.mov(ecx, Mem(bits, rcx, 2, 0, 4));
    a_.bt(ecx, eax);
    a_.jnc(slow.label);
  }
  a_.bind(slow.back);
  slow_.push_back(slow);
}

// A row behind those that are there, where there is room for it.
void MasmX86::emit_row(std::uint16_t output, std::span<const Argument> fields, Label trap) {
  const auto bytes = static_cast<std::int32_t>(fields.size() * 8);
  a_.mov(rcx, context(offset_in_context(&vm::Context::output), 8));
  a_.mov(eax, Mem(rcx, offsetof(vm::OutputBuffer, used), 4));
  a_.lea(edx, Mem(rax, 8 + bytes));
  a_.cmp(edx, Mem(rcx, offsetof(vm::OutputBuffer, capacity), 4));
  a_.ja(trap);
  a_.mov(Mem(rcx, offsetof(vm::OutputBuffer, used), 4), edx);
  a_.mov(rdx, Mem(rcx, offsetof(vm::OutputBuffer, data), 8));
  a_.add(rdx, rax);
  load_number(rax, Word{output} | static_cast<Word>(bytes) << 32);
  a_.mov(Mem(rdx, 0, 8), rax);
  for (std::size_t n = 0; n < fields.size(); ++n) {
    const Mem place(rdx, static_cast<std::int32_t>(8 + n * 8), 8);
    const Slot& from = fields[n].place;
    if (is_float(fields[n].type))
      store_float(fields[n].type, place, from, true);
    else if (from.is(Slot::Kind::Constant) && is_immediate(from.bits))
      a_.mov(place, static_cast<std::int32_t>(from.bits));
    else
      a_.mov(place, gpr(from, rax));
  }
}

// ---- Loops ---------------------------------------------------------------------------------------------------------

void MasmX86::trip_count(Slot limit, Slot wanted, std::uint32_t most, Label trap) {
  const Gp x = gpr(wanted, rax);
  if (x != rax) a_.mov(rax, x);
  a_.xor_(ecx, ecx);
  a_.test(rax, rax);
  a_.cmovs(rax, rcx);
  with_number(most, true, [&](auto y) { a_.cmp(rax, y); });
  a_.ja(trap);
  put(limit, rax);
}

void MasmX86::loop_next(Slot index, Slot limit, Label back) {
  if (index.is(Slot::Kind::Gpr)) {
    const Gp x = pin(index.reg);
    a_.add(x.r32(), 1);
    with_int_operand(limit, false, [&](auto y) { a_.cmp(x.r32(), y); });
  } else {
    a_.mov(eax, frame(index, 4));
    a_.add(eax, 1);
    a_.mov(frame(index, 4), eax);
    with_int_operand(limit, false, [&](auto y) { a_.cmp(eax, y); });
  }
  a_.jb(back);
}

void MasmX86::step_next(Slot index, Word end, Label back) {
  if (index.is(Slot::Kind::Gpr)) {
    a_.add(pin(index.reg), 1);
    with_number(end, true, [&](auto y) { a_.cmp(pin(index.reg), y); });
  } else {
    a_.add(frame(index, 8), 1);
    with_number(end, true, [&](auto y) { a_.cmp(frame(index, 8), y); });
  }
  a_.jne(back);
}

void MasmX86::count_trip(Slot index, std::uint32_t most, Label trap) {
  if (index.is(Slot::Kind::Gpr)) {
    with_number(most, false, [&](auto y) { a_.cmp(pin(index.reg).r32(), y); });
    a_.je(trap);
    a_.add(pin(index.reg).r32(), 1);
    return;
  }
  with_number(most, false, [&](auto y) { a_.cmp(frame(index, 4), y); });
  a_.je(trap);
  a_.add(frame(index, 4), 1);
}

}  // namespace eyeflow::jit
