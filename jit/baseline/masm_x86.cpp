#include "jit/baseline/masm_x86_names.h"

#include <bit>

namespace eyeflow::jit {

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

}  // namespace eyeflow::jit
