#include <algorithm>
#include <bit>

#include "jit/baseline/masm_a64.h"

// Short whole arrays, in pieces of 16, 8 and 4 bytes. Their places are in x9 (what is written), x10 and x11.
namespace eyeflow::jit {
namespace {

using namespace asmjit::a64;
using asmjit::arm::CondCode;
using asmjit::arm::lsl;
using asmjit::arm::uxtw;

constexpr std::uint32_t kWidth = 16;

// `each(offset, bytes)`, the widest pieces first.
template <typename Each>
void for_pieces(std::uint32_t bytes, Each each) {
  std::uint32_t at = 0;
  for (std::uint32_t width = kWidth; width > 0; width /= 2)
    for (; bytes - at >= width; at += width) each(at, width);
}

bool is_float(Scalar type) { return type == Scalar::F32 || type == Scalar::F64; }
Vec lanes(Scalar type, const Vec& v) { return vm::size_bytes(type) == 8 ? Vec(v.d2()) : Vec(v.s4()); }
const Vec kNan = v5, kGathered = v6;

}  // namespace

// ---- Operands ------------------------------------------------------------------------------------------------------

void MasmA64::array_at(const Address& array, Gp to) {
  Gp base = to;
  if (array.base.is(Place::Kind::Gpr))
    base = gpr_of(array.base);
  else
    load_base(to, array.region);
  std::uint64_t displacement = array.displacement;
  if (array.reference.is(Place::Kind::Constant)) {
    displacement += static_cast<std::uint32_t>(array.reference.bits);
  } else if (!array.reference.is(Place::Kind::None)) {
    a_.add(to, base, use(array.reference, x17), uxtw(0));
    base = to;
  }
  if (displacement != 0 || base.id() != to.id()) add_constant(to, base, displacement);
}

void MasmA64::splat(Scalar type, const Place& scalar, Vec to) {
  if (scalar == Place::constant(0)) {
    a_.movi(to.d2(), 0);
    return;
  }
  const Gp word = use(scalar, x16);
  switch (vm::size_bytes(type)) {
    case 1:
      a_.dup(to.b16(), word.w());
      break;
    case 2:
      a_.dup(to.h8(), word.w());
      break;
    case 4:
      a_.dup(to.s4(), word.w());
      break;
    default:
      a_.dup(to.d2(), word.x());
  }
}

MasmA64::Source MasmA64::source(Scalar type, const Elements& elements, Gp array, Vec all) {
  if (elements.scalar.is(Place::Kind::None)) {
    array_at(elements.array, array);
    return {.at = array};
  }
  splat(type, elements.scalar, all);
  return {.all = all};
}

void MasmA64::load_piece(Vec to, Gp from, std::uint32_t at, std::uint32_t bytes) {
  const Mem mem = ptr(from, static_cast<std::int32_t>(at));
  a_.ldr(bytes == 16  ? Vec(to.q())
         : bytes == 8 ? Vec(to.d())
         : bytes == 4 ? Vec(to.s())
         : bytes == 2 ? Vec(to.h())
                      : Vec(to.b()),
         mem);
}
void MasmA64::store_piece(Gp to, std::uint32_t at, Vec from, std::uint32_t bytes) {
  const Mem mem = ptr(to, static_cast<std::int32_t>(at));
  a_.str(bytes == 16  ? Vec(from.q())
         : bytes == 8 ? Vec(from.d())
         : bytes == 4 ? Vec(from.s())
         : bytes == 2 ? Vec(from.h())
                      : Vec(from.b()),
         mem);
}
Vec MasmA64::loaded(const Source& from, Vec temporary, std::uint32_t at, std::uint32_t bytes) {
  if (!from.at.isValid()) return from.all;
  load_piece(temporary, from.at, at, bytes);
  return temporary;
}

// ---- Elements ------------------------------------------------------------------------------------------------------

// All operands are lanes. What is behind a narrow piece is computed and forgotten.
void MasmA64::float_elements(ArrayOp op, Scalar type, Vec to, Vec b, Vec c) {
  const Vec mask = lanes(type, v4);
  switch (op) {
    case ArrayOp::Add:
      a_.fadd(to, b, c);
      break;
    case ArrayOp::Sub:
      a_.fsub(to, b, c);
      break;
    case ArrayOp::Mul:
      a_.fmul(to, b, c);
      break;
    case ArrayOp::Div:
      a_.fdiv(to, b, c);
      break;
    case ArrayOp::Min:  // c < b ? c : b
    case ArrayOp::Max:
      op == ArrayOp::Min ? a_.fcmgt(mask, b, c) : a_.fcmgt(mask, c, b);
      a_.bsl(mask.b16(), c.b16(), b.b16());
      a_.mov(to.b16(), mask.b16());
      return;  // an element as it was, or a scalar that is no NaN
    case ArrayOp::Neg:
      a_.fneg(to, b);
      break;
    case ArrayOp::Abs:
      a_.fabs(to, b);
      return;
    default:
      a_.fsqrt(to, b);
  }
  a_.fcmeq(mask, to, to);
  a_.bif(to.b16(), kNan.b16(), mask.b16());
}

// Where an element overflows, what saturates differs from what wraps: the differences are gathered.
void MasmA64::whole_elements(ArrayOp op, Scalar type, Vec to, Vec b, Vec c, bool first) {
  const Vec saturated = lanes(type, v4);
  switch (op) {
    case ArrayOp::Min:
    case ArrayOp::Max:
      if (type == Scalar::I32) {
        op == ArrayOp::Min ? a_.smin(to, b, c) : a_.smax(to, b, c);
      } else {
        op == ArrayOp::Min ? a_.cmgt(saturated, b, c) : a_.cmgt(saturated, c, b);
        a_.bsl(saturated.b16(), c.b16(), b.b16());
        a_.mov(to.b16(), saturated.b16());
      }
      return;
    case ArrayOp::Add:
      a_.sqadd(saturated, b, c);
      a_.add(to, b, c);
      break;
    case ArrayOp::Sub:
      a_.sqsub(saturated, b, c);
      a_.sub(to, b, c);
      break;
    case ArrayOp::Neg:
      a_.sqneg(saturated, b);
      a_.neg(to, b);
      break;
    default:
      a_.sqabs(saturated, b);
      a_.abs(to, b);
  }
  if (first) {
    a_.eor(kGathered.b16(), saturated.b16(), to.b16());
    return;
  }
  a_.eor(saturated.b16(), saturated.b16(), to.b16());
  a_.orr(kGathered.b16(), kGathered.b16(), saturated.b16());
}

// x12 = the product of one element. Uses x16 and x17.
void MasmA64::multiply_element(Scalar type, Gp to, const Source& b, const Source& c, std::uint32_t at, Label overflow) {
  const auto offset = static_cast<std::int32_t>(at);
  const bool wide = type == Scalar::I64;
  const auto element = [&](const Source& from, Gp into) {
    if (from.at.isValid())
      wide ? a_.ldr(into.x(), ptr(from.at, offset)) : a_.ldrsw(into.x(), ptr(from.at, offset));
    else if (wide)
      a_.umov(into.x(), from.all.d(0));
    else
      a_.smov(into.x(), from.all.s(0));
  };
  element(b, x16);
  element(c, x17);
  a_.mul(x12, x16, x17);
  if (wide) {
    a_.smulh(x16, x16, x17);
    a_.cmp(x16, x12, asmjit::arm::asr(63));
  } else {
    a_.cmp(x12, x12, asmjit::arm::sxtw(0));
  }
  branch(CondCode::kNE, overflow);
  a_.str(wide ? Gp(x12) : Gp(w12), ptr(to, offset));
}

void MasmA64::array_op(ArrayOp op, Scalar type, const Address& to, const Elements& b, const Elements& c,
                       std::uint32_t bytes, Label overflow) {
  const bool one = op == ArrayOp::Copy || op >= ArrayOp::Neg;
  const Source first = source(type, b, x10, v2);
  const Source second = one ? Source{} : source(type, c, x11, v3);
  array_at(to, x9);
  if (op == ArrayOp::Mul && !is_float(type)) {
    for (std::uint32_t at = 0; at < bytes; at += static_cast<std::uint32_t>(vm::size_bytes(type)))
      multiply_element(type, x9, first, second, at, overflow);
    return;
  }
  if (is_float(type) && op != ArrayOp::Copy) {
    set(x16, type == Scalar::F64 ? 0x7ff8000000000000 : 0x7fc00000);
    type == Scalar::F64 ? a_.dup(kNan.d2(), x16) : a_.dup(kNan.s4(), w16);
  }
  const bool overflows = !is_float(type) && op != ArrayOp::Copy && op != ArrayOp::Min && op != ArrayOp::Max;
  for_pieces(bytes, [&](std::uint32_t at, std::uint32_t width) {
    const Vec x = loaded(first, v0, at, width);
    if (op == ArrayOp::Copy) return store_piece(x9, at, x, width);
    // Lanes behind a narrow piece are zero in an array: a scalar there must not overflow.
    Vec y = one ? x : loaded(second, v1, at, width), left = x;
    const auto narrow = [&](Vec v, const Source& from, Vec temporary) {
      if (from.at.isValid() || width == kWidth || !overflows) return v;
      width == 8 ? a_.mov(temporary.b8(), v.b8()) : a_.fmov(temporary.s(), v.s());
      return temporary;
    };
    left = narrow(x, first, v0);
    if (!one) y = narrow(y, second, v1);
    if (is_float(type))
      float_elements(op, type, lanes(type, v0), lanes(type, left), lanes(type, y));
    else
      whole_elements(op, type, lanes(type, v0), lanes(type, left), lanes(type, y), at == 0);
    store_piece(x9, at, v0, width);
  });
  if (!overflows) return;
  a_.umaxp(kGathered.s4(), kGathered.s4(), kGathered.s4());
  a_.fmov(x12, kGathered.d());
  branch_zero(x12, false, overflow);
}

void MasmA64::array_fill(Scalar type, const Address& to, const Place& value, std::uint32_t bytes) {
  splat(type, value, v0);
  if (is_float(type)) {
    set(x16, type == Scalar::F64 ? 0x7ff8000000000000 : 0x7fc00000);
    type == Scalar::F64 ? a_.dup(kNan.d2(), x16) : a_.dup(kNan.s4(), w16);
    a_.fcmeq(lanes(type, v4), lanes(type, v0), lanes(type, v0));
    a_.bif(v0.b16(), kNan.b16(), v4.b16());
  }
  array_at(to, x9);
  for_pieces(bytes, [&](std::uint32_t at, std::uint32_t width) { store_piece(x9, at, v0, width); });
}

// ---- Sums ----------------------------------------------------------------------------------------------------------

// Vector `to` = the elements at `at`, and zeros behind the last.
void MasmA64::load_part(int to, const Sum& sum, std::uint32_t at) {
  const Vec v0 = v(static_cast<std::uint32_t>(to));
  const std::uint32_t bytes = std::min(kWidth, sum.bytes - at);
  if (std::has_single_bit(bytes)) return load_piece(v0, sum.from, at, bytes);
  load_piece(v0, sum.from, at, 8);
  add_constant(x12, sum.from, at + 8);
  a_.ld1(v0.s(2), ptr(x12));
}

// Vector `to` = the n-th of the vectors of partial sums, once they are folded down to `folded`. False: no element adds
// to it. That partial sums begin at +0 shows in the whole sum only, if all elements are -0.
bool MasmA64::partial_sum(const Sum& sum, std::uint32_t n, std::uint32_t folded, int to) {
  const std::uint32_t round = vm::kPartials * static_cast<std::uint32_t>(vm::size_bytes(sum.type));
  const Vec x = lanes(sum.type, v(static_cast<std::uint32_t>(to))),
            y = lanes(sum.type, v(static_cast<std::uint32_t>(to + 1)));
  std::uint32_t at = n * kWidth;
  if (at >= sum.bytes) return false;
  if (folded < round / kWidth) {
    partial_sum(sum, n, 2 * folded, to);
    if (partial_sum(sum, n + folded, 2 * folded, to + 1)) a_.fadd(x, x, y);
    return true;
  }
  load_part(to, sum, at);
  for (at += round; at < sum.bytes; at += round) {
    load_part(to + 1, sum, at);
    a_.fadd(x, x, y);
  }
  return true;
}

void MasmA64::array_sum(Scalar type, const Place& to, const Address& from, std::uint32_t count, Label overflow) {
  const auto size = static_cast<std::uint32_t>(vm::size_bytes(type));
  array_at(from, x9);
  if (is_float(type)) {
    partial_sum({type, x9, count * size}, 0, 1, 0);
    a_.ext(v1.b16(), v0.b16(), v0.b16(), 8);
    a_.fadd(lanes(type, v0), lanes(type, v0), lanes(type, v1));
    if (type == Scalar::F32) {
      a_.dup(v1.s4(), v0.s(1));
      a_.fadd(v0.s4(), v0.s4(), v1.s4());
    }
    a_.movi(v1.d(), 0);
    const Vec sum = sized(type, v0);
    a_.fadd(sum, sum, sized(type, v1));
    return finish_float(type, to, sum);
  }
  const auto mem = [&](std::uint32_t n) { return ptr(x9, static_cast<std::int32_t>(n * size)); };
  if (type == Scalar::I32) {
    a_.mov(x10, xzr);
    for (std::uint32_t n = 0; n < count; ++n) {
      a_.ldrsw(x12, mem(n));
      a_.add(x10, x10, x12);
    }
    a_.cmp(x10, x10, asmjit::arm::sxtw(0));
  } else {  // in 128 bits, x11 the upper ones
    a_.mov(x10, xzr);
    a_.mov(x11, xzr);
    for (std::uint32_t n = 0; n < count; ++n) {
      a_.ldr(x12, mem(n));
      a_.asr(x16, x12, 63);
      a_.adds(x10, x10, x12);
      a_.adc(x11, x11, x16);
    }
    a_.cmp(x11, x10, asmjit::arm::asr(63));
  }
  branch(CondCode::kNE, overflow);
  finish(to, x10);
}

}  // namespace eyeflow::jit
