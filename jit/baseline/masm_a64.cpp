#include "jit/baseline/masm_a64.h"

#include <bit>
#include <cstddef>

#include "vm/base/check.h"

// Registers, frames, calls, traps and fuel. What the other files share stands here, too.
namespace eyeflow::jit {
namespace {

using namespace asmjit::a64;
using asmjit::arm::CondCode;
using asmjit::arm::lsl;
using asmjit::arm::uxtw;

constexpr std::uint8_t kGprPins[] = {21, 22, 23, 24, 25, 26, 27, 28, 8, 13, 14, 15};
constexpr std::uint8_t kFprPins[] = {8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28};
static_assert(std::size(kGprPins) == MasmA64::kGprs && std::size(kFprPins) == MasmA64::kFprs);

const GpX kContext = x19, kFrame = x20, kEntryStack = x29, kLink = x30;
// Hints, which older processors pass over. Signing the return address is a landing pad for indirect calls as well.
constexpr std::uint32_t kSignReturn = 25, kCheckReturn = 29;  // paciasp, autiasp
constexpr std::int32_t kEntryBytes = 160;

}  // namespace

// ---- Registers -----------------------------------------------------------------------------------------------------

Gp MasmA64::context() { return kContext; }
Gp MasmA64::gpr_of(const Place& place) { return x(kGprPins[place.reg]); }
Vec MasmA64::fpr_of(const Place& place) { return d(kFprPins[place.reg]); }

// 32-bit arithmetic for what has 32 bits or less.
Gp MasmA64::sized(Scalar type, Gp reg) {
  const bool wide = type == Scalar::I64 || type == Scalar::U64;
  return wide ? Gp(reg.x()) : Gp(reg.w());
}

// The shortest of: one logical immediate; movz or movn, and a movk for each other half-word.
void MasmA64::set(Gp to, std::uint64_t value) {
  const auto halves_unlike = [value](std::uint64_t fill) {
    int count = 0;
    for (int shift = 0; shift < 64; shift += 16) count += (value >> shift & 0xFFFF) != fill;
    return count;
  };
  const int from_zeros = halves_unlike(0), from_ones = halves_unlike(0xFFFF);
  if (from_zeros > 1 && from_ones > 1 && Utils::isLogicalImm(value, 64)) {
    a_.orr(to.x(), xzr, asmjit::Imm(value));
    return;
  }
  const std::uint64_t fill = from_ones < from_zeros ? 0xFFFF : 0;
  bool first = true;
  for (std::uint32_t shift = 0; shift < 64; shift += 16) {
    const std::uint64_t half = value >> shift & 0xFFFF;
    if (half == fill) continue;
    if (!first)
      a_.movk(to.x(), half, lsl(shift));
    else if (fill == 0)
      a_.movz(to.x(), half, lsl(shift));
    else
      a_.movn(to.x(), ~half & 0xFFFF, lsl(shift));
    first = false;
  }
  if (first) fill == 0 ? a_.movz(to.x(), 0) : a_.movn(to.x(), 0);
}

// Always as long, so that a listing does not depend on where the process was loaded. User space has 48 bits.
void MasmA64::set_address(Gp to, const void* address) {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  EYEFLOW_CHECK(value >> 48 == 0);
  a_.movz(to.x(), value & 0xFFFF);
  a_.movk(to.x(), value >> 16 & 0xFFFF, lsl(16));
  a_.movk(to.x(), value >> 32 & 0xFFFF, lsl(32));
}

// `to` may be `from`; neither is x17.
void MasmA64::add_constant(Gp to, Gp from, std::uint64_t value) {
  const auto negative = std::uint64_t{0} - value;
  if (value < 4096) {
    a_.add(to.x(), from.x(), value);
  } else if (negative < 4096) {
    a_.sub(to.x(), from.x(), negative);
  } else if (value < 4096 * 4096 && value % 4096 == 0) {
    a_.add(to.x(), from.x(), value >> 12, lsl(12));
  } else {
    set(x17, value);
    a_.add(to.x(), from.x(), x17);
  }
}

Mem MasmA64::frame(std::int32_t offset, int access_bytes) {
  if (offset >= 0 && offset % access_bytes == 0 && offset / access_bytes < 4096) return ptr(kFrame, offset);
  set(x17, static_cast<std::uint64_t>(std::int64_t{offset}));
  return ptr(kFrame, x17);
}

Gp MasmA64::use(const Place& place, Gp temporary) {
  if (place.is(Place::Kind::Gpr)) return gpr_of(place);
  into(temporary, place);
  return temporary;
}

void MasmA64::into(Gp to, const Place& place) {
  switch (place.kind) {
    case Place::Kind::Gpr:
      if (gpr_of(place).id() != to.id()) a_.mov(to.x(), gpr_of(place));
      break;
    case Place::Kind::Fpr:
      a_.fmov(to.x(), fpr_of(place).d());
      break;
    case Place::Kind::Memory:
      a_.ldr(to.x(), frame(place.offset, 8));
      break;
    case Place::Kind::Memory32:
      a_.ldr(to.w(), frame(place.offset, 4));
      break;
    case Place::Kind::Constant:
      set(to, place.bits);
      break;
    case Place::Kind::None:
      EYEFLOW_CHECK(!"a place");
  }
}

void MasmA64::finish(const Place& to, Gp value) {
  switch (to.kind) {
    case Place::Kind::Gpr:
      if (gpr_of(to).id() != value.id()) a_.mov(gpr_of(to), value.x());
      break;
    case Place::Kind::Fpr:
      a_.fmov(fpr_of(to).d(), value.x());
      break;
    case Place::Kind::Memory:
      a_.str(value.x(), frame(to.offset, 8));
      break;
    case Place::Kind::Memory32:
      a_.str(value.w(), frame(to.offset, 4));
      break;
    default:
      EYEFLOW_CHECK(!"a place to write to");
  }
}

void MasmA64::set_float(Scalar type, Vec to, Word bits) {
  const bool single = type == Scalar::F32;
  const double value = single ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                              : std::bit_cast<double>(bits);
  if (bits == 0)
    a_.movi(to.d(), 0);
  else if (single ? Utils::isFP32Imm8(static_cast<float>(value)) : Utils::isFP64Imm8(value))
    a_.fmov(sized(type, to), value);
  else if (!far_) {
    a_.ldr(to.d(), ptr(literal(bits)));
  } else {
    set(x17, bits);
    a_.fmov(to.d(), x17);
  }
}

MasmA64::Label MasmA64::literal(Word bits) {
  for (const Literal& known : literals_)
    if (known.bits == bits) return known.at;
  literals_.push_back({a_.newLabel(), bits});
  return literals_.back().at;
}

// Of an f32 the register's other bits are zero: every instruction that writes an s register clears them.
Vec MasmA64::use_float(Scalar type, const Place& place, Vec temporary) {
  switch (place.kind) {
    case Place::Kind::Fpr:
      return sized(type, fpr_of(place));
    case Place::Kind::Gpr:
      a_.fmov(temporary.d(), gpr_of(place));
      break;
    case Place::Kind::Memory:
      a_.ldr(temporary.d(), frame(place.offset, 8));
      break;
    case Place::Kind::Constant:
      set_float(type, temporary, place.bits);
      break;
    default:
      EYEFLOW_CHECK(!"a place of a float");
  }
  return sized(type, temporary);
}

void MasmA64::finish_float(Scalar type, const Place& to, Vec value) {
  switch (to.kind) {
    case Place::Kind::Fpr:
      if (fpr_of(to).id() != value.id()) a_.fmov(sized(type, fpr_of(to)), sized(type, value));
      break;
    case Place::Kind::Gpr:
      a_.fmov(gpr_of(to), value.d());
      break;
    case Place::Kind::Memory:
      a_.str(value.d(), frame(to.offset, 8));
      break;
    default:
      EYEFLOW_CHECK(!"a place of a float");
  }
}

void MasmA64::move(Scalar type, const Place& to, const Place& from) {
  if (to == from) return;
  const bool to_fpr = to.is(Place::Kind::Fpr), from_fpr = from.is(Place::Kind::Fpr);
  if (to_fpr || from_fpr) {
    const Vec value = target_float(to, v31);
    if (to_fpr && !from_fpr)
      finish_float(type, to, use_float(type, from, value));
    else
      finish_float(type, to, use_float(type, from, v31));
    return;
  }
  if (from == Place::constant(0) && !to.is(Place::Kind::Gpr)) {
    finish(to, xzr);
    return;
  }
  const Gp value = target(to, x9);
  finish(to, use(from, value));
}

void MasmA64::load_base(const Place& to, Region region) {
  const Gp base = target(to, x9);
  load_base(base, region);
  finish(to, base);
}

void MasmA64::load_base(Gp to, Region region) {
  a_.ldr(to, ptr(kContext, offset_in_context(&vm::Context::base) + 8 * static_cast<int>(region)));
}

void MasmA64::load_seen(const Place& to) {
  const Gp seen = target(to, x9);
  load_seen(seen);
  finish(to, seen);
}

void MasmA64::load_seen(Gp to) {
  a_.ldr(to, ptr(kContext, offset_in_context(&vm::Context::journal)));
  a_.ldr(to, ptr(to, offsetof(vm::Journal, seen)));
}

// ---- Branches ------------------------------------------------------------------------------------------------------

bool MasmA64::reaches(Label to) const {
  if (!a_.code()->isLabelBound(to)) return !far_;
  return a_.offset() - a_.code()->labelOffset(to) < (1u << 20) - 64;
}

void MasmA64::branch(Cond condition, Label to) {
  if (reaches(to)) {
    a_.b(condition, to);
    return;
  }
  const Label over = a_.newLabel();
  a_.b(asmjit::arm::negateCond(condition), over);
  a_.b(to);
  a_.bind(over);
}

void MasmA64::branch_zero(Gp reg, bool when_zero, Label to) {
  const bool near = reaches(to);
  const Label over = near ? to : a_.newLabel();
  if (when_zero == near)
    a_.cbz(reg, over);
  else
    a_.cbnz(reg, over);
  if (near) return;
  a_.b(to);
  a_.bind(over);
}

// ---- Entry and frames ----------------------------------------------------------------------------------------------

// Trap entry(Context*, Word* frame, const void* code). Saves all that C wants kept, once: functions below only keep
// what other compiled functions rely on.
void MasmA64::begin_module(const void*) {
  entry_ = a_.newLabel();
  leave_ = a_.newLabel();
  leave_with_trap_ = a_.newLabel();
  save_line_ = a_.newLabel();

  a_.bind(entry_);
  a_.hint(kSignReturn);
  a_.stp(x29, x30, ptr_pre(sp, -kEntryBytes));
  a_.mov(kEntryStack, sp);
  for (std::uint32_t n = 0; n < 5; ++n)
    a_.stp(x(19 + 2 * n), x(20 + 2 * n), ptr(sp, static_cast<std::int32_t>(16 + 16 * n)));
  for (std::uint32_t n = 0; n < 4; ++n)
    a_.stp(d(8 + 2 * n), d(9 + 2 * n), ptr(sp, static_cast<std::int32_t>(96 + 16 * n)));
  a_.mov(kContext, x0);
  a_.mov(kFrame, x1);
  a_.blr(x2);
  a_.movz(w0, static_cast<int>(Trap::None));
  // The way out, also from the middle of a call: the stack is what it was at the entry.
  a_.bind(leave_);
  a_.mov(sp, kEntryStack);
  for (std::uint32_t n = 0; n < 4; ++n)
    a_.ldp(d(8 + 2 * n), d(9 + 2 * n), ptr(sp, static_cast<std::int32_t>(96 + 16 * n)));
  for (std::uint32_t n = 0; n < 5; ++n)
    a_.ldp(x(19 + 2 * n), x(20 + 2 * n), ptr(sp, static_cast<std::int32_t>(16 + 16 * n)));
  a_.ldp(x29, x30, ptr_post(sp, kEntryBytes));
  a_.hint(kCheckReturn);
  a_.ret(kLink);

  // w0 trap, w9 function, w10 instruction.
  a_.bind(leave_with_trap_);
  a_.strh(w9, ptr(kContext, offset_in_context(&vm::Context::trap_function)));
  a_.str(w10, ptr(kContext, offset_in_context(&vm::Context::trap_instruction)));
  a_.b(leave_);

  // Saves line x11 of the state in the journal, as Journal::touch() does. Uses only what is free for one operation.
  using vm::Journal;
  a_.bind(save_line_);
  a_.ldr(x9, ptr(kContext, offset_in_context(&vm::Context::journal)));
  a_.ldr(x10, ptr(x9, offsetof(Journal, seen)));
  a_.lsr(x12, x11, 6);
  a_.ldr(x16, ptr(x10, x12, lsl(3)));
  a_.movz(x17, 1);
  a_.lsl(x17, x17, x11);
  a_.orr(x16, x16, x17);
  a_.str(x16, ptr(x10, x12, lsl(3)));
  a_.ldr(w12, ptr(x9, offsetof(Journal, count)));
  a_.ldr(x10, ptr(x9, offsetof(Journal, line_numbers)));
  a_.str(w11, ptr(x10, x12, lsl(2)));
  a_.ldr(x10, ptr(x9, offsetof(Journal, saved_lines)));
  static_assert(vm::kLineBytes == 64);
  a_.add(x10, x10, x12, lsl(6));
  a_.add(w12, w12, 1);
  a_.str(w12, ptr(x9, offsetof(Journal, count)));
  load_base(x16, Region::State);
  a_.add(x16, x16, x11, lsl(6));
  a_.ldp(q0, q1, ptr(x16));
  a_.ldp(q2, q3, ptr(x16, 32));
  a_.stp(q0, q1, ptr(x10));
  a_.stp(q2, q3, ptr(x10, 32));
  a_.ret(kLink);
}

namespace {

// Pairs of registers on the stack, the link register first.
template <typename Emit>
std::int32_t each_pair(PinSet used, Emit emit) {
  std::uint32_t saved[2 + MasmA64::kKeptGprs], count = 0;
  saved[count++] = 30;
  for (int n = 0; n < MasmA64::kKeptGprs; ++n)
    if (used.gprs >> n & 1) saved[count++] = kGprPins[n];
  if (count % 2 != 0) saved[count++] = 31;  // the zero register: the stack is a multiple of 16 bytes
  std::int32_t offset = 0;
  for (std::uint32_t n = 0; n < count; n += 2, offset += 16) emit(false, saved[n], saved[n + 1], offset);
  count = 0;
  for (int n = 0; n < MasmA64::kKeptFprs; ++n)
    if (used.fprs >> n & 1) saved[count++] = kFprPins[n];
  if (count % 2 != 0) {
    saved[count] = saved[count - 1];
    ++count;
  }
  for (std::uint32_t n = 0; n < count; n += 2, offset += 16) emit(true, saved[n], saved[n + 1], offset);
  return offset;
}
GpX saved_gpr(std::uint32_t id) { return id == 31 ? xzr : GpX(x(id)); }

}  // namespace

void MasmA64::prologue(PinSet used) {
  a_.hint(kSignReturn);
  const std::int32_t bytes = each_pair(used, [](bool, std::uint32_t, std::uint32_t, std::int32_t) {});
  each_pair(used, [&](bool floats, std::uint32_t first, std::uint32_t second, std::int32_t offset) {
    const Mem mem = offset == 0 ? ptr_pre(sp, -bytes) : ptr(sp, offset);
    if (floats)
      a_.stp(d(first), d(second), mem);
    else
      a_.stp(saved_gpr(first), saved_gpr(second), mem);
  });
}

void MasmA64::epilogue(PinSet used) {
  struct Pair {
    bool floats;
    std::uint32_t first, second;
    std::int32_t offset;
  };
  Pair pairs[1 + (kKeptGprs + kKeptFprs + 2) / 2];
  std::size_t count = 0;
  const std::int32_t bytes =
      each_pair(used, [&](bool floats, std::uint32_t first, std::uint32_t second, std::int32_t offset) {
        pairs[count++] = {floats, first, second, offset};
      });
  while (count-- > 0) {
    const Pair& pair = pairs[count];
    const Mem mem = pair.offset == 0 ? ptr_post(sp, bytes) : ptr(sp, pair.offset);
    if (pair.floats) {
      if (pair.first == pair.second)
        a_.ldr(d(pair.first), mem);
      else
        a_.ldp(d(pair.first), d(pair.second), mem);
    } else {
      a_.ldp(saved_gpr(pair.first), saved_gpr(pair.second), mem);
    }
  }
  a_.hint(kCheckReturn);
  a_.ret(kLink);
}

// ---- Calls ---------------------------------------------------------------------------------------------------------

void MasmA64::call_function(Label function, std::int32_t frame_bytes) {
  add_constant(kFrame, kFrame, static_cast<std::uint64_t>(std::int64_t{frame_bytes}));
  a_.bl(function);
  add_constant(kFrame, kFrame, static_cast<std::uint64_t>(-std::int64_t{frame_bytes}));
}

void MasmA64::call_function(const void* code, std::int32_t frame_bytes) {
  add_constant(kFrame, kFrame, static_cast<std::uint64_t>(std::int64_t{frame_bytes}));
  set_address(x16, code);
  a_.blr(x16);
  add_constant(kFrame, kFrame, static_cast<std::uint64_t>(-std::int64_t{frame_bytes}));
}

void MasmA64::call_meaning(const void* address, vm::Instruction instruction, std::int32_t frame_bytes, Label trap,
                           bool may_trap) {
  set_address(x16, address);
  a_.mov(x0, kContext);
  add_constant(x1, kFrame, static_cast<std::uint64_t>(std::int64_t{frame_bytes}));
  set(x2, std::bit_cast<std::uint64_t>(instruction));
  a_.blr(x16);
  if (!may_trap) return;
  a_.tst(w0, 0xFF);  // of a small result the upper bits mean nothing
  branch(CondCode::kNE, trap);
}

// Trap f(Context&, const Word* arguments, Word* result), with the result on the stack.
void MasmA64::call_intrinsic(const void* function, std::int32_t arguments, Scalar type, const Place& result,
                             Label trap) {
  set_address(x16, function);
  a_.mov(x0, kContext);
  add_constant(x1, kFrame, static_cast<std::uint64_t>(std::int64_t{arguments}));
  a_.sub(sp, sp, 16);
  a_.mov(x2, sp);
  a_.blr(x16);
  a_.ldr(x9, ptr_post(sp, 16));
  a_.tst(w0, 0xFF);
  branch(CondCode::kNE, trap);
  static_cast<void>(type);
  if (!result.is(Place::Kind::None)) finish(result, x9);
}

// No pin is a register that arguments travel in, so they can be moved one after the other.
void MasmA64::call_direct(const void* function, bool takes_context, std::span<const Argument> arguments, bool may_trap,
                          Scalar type, const Place& result, Label trap) {
  std::uint32_t words = takes_context ? 1 : 0, floats = 0;
  for (const Argument& argument : arguments) {
    if (argument.type == Scalar::F64 || argument.type == Scalar::F32) {
      const Vec to = sized(argument.type, v(floats++));
      const Vec from = use_float(argument.type, argument.place, to);
      if (from.id() != to.id()) a_.fmov(to, from);
    } else {
      into(x(words++), argument.place);
    }
  }
  if (takes_context) a_.mov(x0, kContext);
  set_address(x16, function);
  a_.blr(x16);
  if (may_trap) {
    branch_zero(x0, false, trap);
    return;
  }
  if (result.is(Place::Kind::None)) return;
  if (type == Scalar::F32) a_.fmov(s31, s0);  // the callee leaves the bits above as they come
  if (type == Scalar::F64 || type == Scalar::F32)
    finish_float(type, result, type == Scalar::F32 ? Vec(s31) : Vec(d0));
  else
    finish(result, x0);
}

// ---- Traps and fuel ------------------------------------------------------------------------------------------------

void MasmA64::trap_stub(Label label, Trap trap, std::uint16_t function, std::uint32_t instruction) {
  a_.bind(label);
  a_.movz(w0, static_cast<int>(trap));
  set(x9, function);
  set(x10, instruction);
  a_.b(leave_with_trap_);
}

void MasmA64::trap_stub(Label label, std::uint16_t function, std::uint32_t instruction) {
  a_.bind(label);
  a_.and_(w0, w0, 0xFF);
  set(x9, function);
  set(x10, instruction);
  a_.b(leave_with_trap_);
}

void MasmA64::charge(std::uint64_t fuel, Label trap) {
  const Mem left = ptr(kContext, offset_in_context(&vm::Context::fuel));
  a_.ldr(x9, left);
  if (fuel < 4096) {
    a_.subs(x9, x9, fuel);
  } else {
    set(x10, fuel);
    a_.subs(x9, x9, x10);
  }
  branch(CondCode::kLO, trap);
  a_.str(x9, left);
}

void MasmA64::charge_trips(std::uint64_t fuel, const Place& trips, Label trap) {
  const Mem left = ptr(kContext, offset_in_context(&vm::Context::fuel));
  const Gp count = use(trips, x9);
  set(x10, fuel);
  a_.umulh(x11, count, x10);
  branch_zero(x11, false, trap);
  a_.mul(x10, count, x10);
  a_.ldr(x9, left);
  a_.subs(x9, x9, x10);
  branch(CondCode::kLO, trap);
  a_.str(x9, left);
}

void MasmA64::end_function() {
  for (const NanStore& store : nan_stores_) {
    a_.bind(store.at);
    if (store.type == Scalar::F32)
      a_.movz(x9, 0x7fc0, lsl(16));
    else
      a_.movz(x9, 0x7ff8, lsl(48));
    a_.str(store.bytes == 8 ? Gp(x9) : Gp(w9), store.mem);
    a_.b(store.back);
  }
  for (const Untouched& line : untouched_) {
    a_.bind(line.at);
    if (!line.in_register) set(x11, line.line);
    a_.bl(save_line_);
    a_.b(line.back);
  }
  if (!literals_.empty()) a_.align(asmjit::AlignMode::kZero, 8);
  for (const Literal& literal : literals_) {
    a_.bind(literal.at);
    a_.embedUInt64(literal.bits);
  }
  literals_.clear();
  nan_stores_.clear();
  untouched_.clear();
}

void MasmA64::trip_count(const Place& limit, const Place& wanted, std::uint32_t most, Label trap) {
  const Gp from = use(wanted, x10);
  a_.bic(x9, from, from, asmjit::arm::asr(63));
  set(x10, most);
  a_.cmp(x9, x10);
  branch(CondCode::kHI, trap);
  finish(limit, x9);
}

void MasmA64::loop_next(const Place& index, const Place& limit, Label back) {
  const Gp trips = target(index, x9);
  a_.add(trips.w(), use(index, x9).w(), 1);
  finish(index, trips);
  if (limit.is(Place::Kind::Constant) && limit.bits < 4096) {
    a_.cmp(trips.w(), limit.bits);
  } else {
    a_.cmp(trips.w(), use(limit, x10).w());
  }
  branch(CondCode::kLO, back);
}

void MasmA64::step_next(const Place& index, Word end, Label back) {
  const Gp next = target(index, x9);
  a_.add(next, use(index, x9), 1);
  finish(index, next);
  compare_words(next, Place::constant(end));
  branch(CondCode::kNE, back);
}

void MasmA64::count_trip(const Place& index, std::uint32_t most, Label trap) {
  const Gp trips = use(index, x9);
  if (most < 4096) {
    a_.cmp(trips.w(), most);
  } else {
    set(x10, most);
    a_.cmp(trips.w(), w10);
  }
  branch(CondCode::kEQ, trap);
  const Gp next = target(index, x9);
  a_.add(next.w(), trips.w(), 1);
  finish(index, next);
}

}  // namespace eyeflow::jit
