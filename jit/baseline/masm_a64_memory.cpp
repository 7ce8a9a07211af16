#include "jit/baseline/masm_a64.h"

#include <bit>
#include <cstddef>

// The task's memory: addresses, loads, stores, and the journal.
namespace eyeflow::jit {
namespace {

using namespace asmjit::a64;
using asmjit::arm::CondCode;
using asmjit::arm::lsl;
using asmjit::arm::uxtw;

std::uint32_t shift_of(int bytes) { return static_cast<std::uint32_t>(std::countr_zero(static_cast<unsigned>(bytes))); }

}  // namespace

// What a load or store of `access_bytes` takes. Uses x16 and x17, and x12 for an index that is not in a register.
Mem MasmA64::operand(const Address& address, int access_bytes) {
  Gp base = x16;
  if (address.base.is(Place::Kind::Gpr))
    base = gpr_of(address.base);
  else
    load_base(x16, address.region);
  std::uint64_t displacement = address.displacement;
  if (!address.reference.is(Place::Kind::None)) {
    if (address.reference.is(Place::Kind::Constant)) {
      displacement += static_cast<std::uint32_t>(address.reference.bits);
    } else {
      a_.add(x16, base, use(address.reference, x17), uxtw(0));
      base = x16;
    }
  }
  const bool has_index = !address.index.is(Place::Kind::None);
  if (has_index && address.index.is(Place::Kind::Constant)) displacement += address.index.bits * address.scale;
  if (!has_index || address.index.is(Place::Kind::Constant)) {
    const auto bytes = static_cast<std::uint64_t>(access_bytes);
    if (displacement % bytes == 0 && displacement / bytes < 4096)
      return ptr(base, static_cast<std::int32_t>(displacement));
    set(x17, displacement);
    return ptr(base, x17);
  }
  if (displacement != 0) {
    add_constant(x16, base, displacement);
    base = x16;
  }
  const Gp index = use(address.index, x12);
  const std::uint32_t scale = shift_of(address.scale);
  if (address.scale == access_bytes || address.scale == 1)
    return scale == 0 ? ptr(base, index) : ptr(base, index, lsl(scale));
  a_.add(x16, base, index, lsl(scale));
  return ptr(x16);
}

void MasmA64::load_word(Scalar type, const Place& to, const Address& address) {
  const Mem mem = operand(address, 8);
  if (to.is(Place::Kind::Fpr)) {
    a_.ldr(fpr_of(to).d(), mem);
    return;
  }
  static_cast<void>(type);
  const Gp value = target(to, x9);
  a_.ldr(value, mem);
  finish(to, value);
}

// A NaN goes another way, behind the function, and comes back.
void MasmA64::store_float(Scalar type, int bytes, Vec value, const Mem& mem) {
  const NanStore put_off{a_.newLabel(), a_.newLabel(), mem, type, bytes};
  a_.fcmp(value, value);
  branch(CondCode::kVS, put_off.at);
  a_.str(bytes == 8 ? Vec(value.d()) : Vec(value.s()), mem);
  a_.bind(put_off.back);
  nan_stores_.push_back(put_off);
}

void MasmA64::store_word(Scalar type, const Address& address, const Place& from) {
  if (type == Scalar::F32 || type == Scalar::F64) {
    const Vec value = use_float(type, from, v29);
    store_float(type, 8, value, operand(address, 8));
    return;
  }
  const Gp value = from == Place::constant(0) ? Gp(xzr) : use(from, x9);
  a_.str(value, operand(address, 8));
}

void MasmA64::load_element(Scalar type, const Place& to, const Address& address) {
  const Mem mem = operand(address, vm::size_bytes(type));
  if (type == Scalar::F64 || type == Scalar::F32) {
    const Vec value = sized(type, target_float(to, v31));
    a_.ldr(value, mem);
    finish_float(type, to, value);
    return;
  }
  const Gp value = target(to, x9);
  switch (type) {
    case Scalar::Bool:
    case Scalar::U8:
      a_.ldrb(value.w(), mem);
      break;
    case Scalar::U16:
      a_.ldrh(value.w(), mem);
      break;
    case Scalar::U32:
      a_.ldr(value.w(), mem);
      break;
    case Scalar::I32:
      a_.ldrsw(value.x(), mem);
      break;
    default:
      a_.ldr(value.x(), mem);
      break;
  }
  finish(to, value);
}

void MasmA64::store_element(Scalar type, const Address& address, const Place& from) {
  const int bytes = vm::size_bytes(type);
  if (type == Scalar::F64 || type == Scalar::F32) {
    const Vec value = use_float(type, from, v29);
    store_float(type, bytes, value, operand(address, bytes));
    return;
  }
  const Gp value = from == Place::constant(0) ? Gp(xzr) : use(from, x9);
  const Mem mem = operand(address, bytes);
  switch (bytes) {
    case 1:
      a_.strb(value.w(), mem);
      break;
    case 2:
      a_.strh(value.w(), mem);
      break;
    case 4:
      a_.str(value.w(), mem);
      break;
    default:
      a_.str(value.x(), mem);
      break;
  }
}

// An index is a number; as an unsigned one, a negative one is larger than any limit.
void MasmA64::check_index(const Place& index, const Place& limit, Label trap) {
  compare_words(use(index, x9), limit);
  branch(CondCode::kHS, trap);
}

void MasmA64::check_index(const Place& index, const Address& limit, Label trap) {
  const Mem mem = operand(limit, 8);
  a_.ldr(x10, mem);
  a_.cmp(use(index, x9), x10);
  branch(CondCode::kHS, trap);
}

void MasmA64::branch_zero_word(const Address& address, Label to) {
  a_.ldr(x9, operand(address, 8));
  branch_zero(x9, true, to);
}

// The state's line that the address is in: its number in x11, unless all of it is known.
bool MasmA64::line_of(const Address& address, std::uint64_t& known) {
  using enum Place::Kind;
  known = address.displacement;
  bool in_register = false;
  if (address.reference.is(Constant)) {
    known += static_cast<std::uint32_t>(address.reference.bits);
  } else if (!address.reference.is(None)) {
    a_.mov(w11, use(address.reference, x9).w());
    in_register = true;
  }
  if (address.index.is(Constant)) {
    known += address.index.bits * address.scale;
  } else if (!address.index.is(None)) {
    const Gp index = use(address.index, x9);
    const std::uint32_t scale = shift_of(address.scale);
    if (in_register)
      a_.add(x11, x11, index, lsl(scale));
    else if (known % vm::kLineBytes == 0 && scale < 6)
      a_.lsr(x11, index, 6 - scale);
    else
      a_.lsl(x11, index, scale);
    if (!in_register && known % vm::kLineBytes == 0 && scale < 6) {
      if (known != 0) add_constant(x11, x11, known / vm::kLineBytes);
      return true;
    }
    in_register = true;
  }
  if (!in_register) {
    known /= vm::kLineBytes;
    return false;
  }
  if (known != 0) add_constant(x11, x11, known);
  a_.lsr(x11, x11, 6);
  return true;
}

// A row behind those that are there, where there is room for it.
void MasmA64::emit_row(std::uint16_t output, std::span<const Argument> fields, Label trap) {
  using vm::OutputBuffer;
  const std::uint64_t bytes = fields.size() * 8;
  a_.ldr(x10, ptr(context(), offset_in_context(&vm::Context::output)));
  a_.ldr(w9, ptr(x10, offsetof(OutputBuffer, used)));
  a_.ldr(w12, ptr(x10, offsetof(OutputBuffer, capacity)));
  a_.add(x11, x9, 8 + bytes);
  a_.cmp(x11, x12);
  branch(CondCode::kHI, trap);
  a_.str(w11, ptr(x10, offsetof(OutputBuffer, used)));
  a_.ldr(x10, ptr(x10, offsetof(OutputBuffer, data)));
  a_.add(x10, x10, x9);
  set(x9, vm::Word{output} | bytes << 32);
  a_.str(x9, ptr(x10));
  for (std::size_t n = 0; n < fields.size(); ++n) {
    const Mem mem = ptr(x10, static_cast<std::int32_t>(8 + n * 8));
    const Argument& field = fields[n];
    if (field.type == Scalar::F32 || field.type == Scalar::F64)
      store_float(field.type, 8, use_float(field.type, field.place, v29), mem);
    else
      a_.str(field.place == Place::constant(0) ? Gp(xzr) : use(field.place, x9), mem);
  }
}

// One bit a line says whether it was saved. What to do when not stands behind the function.
void MasmA64::touch(const Address& address, const Place& seen) {
  static_assert(vm::kLineBytes == 64);
  Untouched put_off{a_.newLabel(), a_.newLabel(), 0, false};
  put_off.in_register = line_of(address, put_off.line);
  Gp bits = x10;
  if (seen.is(Place::Kind::Gpr))
    bits = gpr_of(seen);
  else
    load_seen(x10);
  if (put_off.in_register) {
    a_.lsr(x12, x11, 6);
    a_.ldr(x10, ptr(bits, x12, lsl(3)));
    a_.lsr(x10, x10, x11);
    a_.tst(x10, 1);
  } else {
    const std::uint64_t offset = put_off.line / 64 * 8;
    if (offset < 32768) {
      a_.ldr(x10, ptr(bits, static_cast<std::int32_t>(offset)));
    } else {
      set(x12, offset);
      a_.ldr(x10, ptr(bits, x12));
    }
    a_.tst(x10, asmjit::Imm(std::uint64_t{1} << put_off.line % 64));
  }
  branch(CondCode::kEQ, put_off.at);
  a_.bind(put_off.back);
  untouched_.push_back(put_off);
}

}  // namespace eyeflow::jit
