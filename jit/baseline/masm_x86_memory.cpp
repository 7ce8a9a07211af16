#include "jit/baseline/masm_x86_names.h"

// Slots, elements, the journal, rows, and the frames of loops.
namespace eyeflow::jit {

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
