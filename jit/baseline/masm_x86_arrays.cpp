#include <algorithm>
#include <bit>

#include "jit/baseline/masm_x86_names.h"

// Short whole arrays, in pieces of 32 (with AVX), 16, 8 and 4 bytes. Their places are in rcx, rdx and rax at most; what
// is below the stack's top belongs to one operation, since none of these calls.
namespace eyeflow::jit {

namespace {

constexpr std::int32_t kSplatAt = -32, kSavedWordAt = -40;  // from the stack's top; floats are saved below

// `each(offset, bytes)`, the widest pieces first.
template <typename Each>
void for_pieces(std::uint32_t bytes, std::uint32_t widest, Each each) {
  std::uint32_t at = 0;
  for (std::uint32_t width = widest; width > 0; width /= 2)
    for (; bytes - at >= width; at += width) each(at, width);
}

Mem behind(const Mem& at, std::uint32_t bytes) { return at.cloneAdjusted(bytes); }

Word pattern(Scalar type, Word bits) {
  switch (vm::size_bytes(type)) {
    case 1:
      return (bits & 0xFF) * 0x0101010101010101;
    case 2:
      return (bits & 0xFFFF) * 0x0001000100010001;
    case 4:
      return (bits & 0xFFFFFFFF) * 0x0000000100000001;
    default:
      return bits;
  }
}

Word nan_pattern(Scalar type) { return pattern(type, type == Scalar::F64 ? kCanonicalNan64 : kCanonicalNan32); }
Word sign_pattern(Scalar type) { return pattern(type, type == Scalar::F64 ? 0x8000000000000000 : 0x80000000); }

struct Insts {
  InstId sse, avx;
};
Insts float_insts(ArrayOp op, bool f64) {
  switch (op) {
    case ArrayOp::Add:
      return f64 ? Insts{Inst::kIdAddpd, Inst::kIdVaddpd} : Insts{Inst::kIdAddps, Inst::kIdVaddps};
    case ArrayOp::Sub:
      return f64 ? Insts{Inst::kIdSubpd, Inst::kIdVsubpd} : Insts{Inst::kIdSubps, Inst::kIdVsubps};
    case ArrayOp::Mul:
      return f64 ? Insts{Inst::kIdMulpd, Inst::kIdVmulpd} : Insts{Inst::kIdMulps, Inst::kIdVmulps};
    case ArrayOp::Div:
      return f64 ? Insts{Inst::kIdDivpd, Inst::kIdVdivpd} : Insts{Inst::kIdDivps, Inst::kIdVdivps};
    case ArrayOp::Min:
      return f64 ? Insts{Inst::kIdMinpd, Inst::kIdVminpd} : Insts{Inst::kIdMinps, Inst::kIdVminps};
    case ArrayOp::Max:
      return f64 ? Insts{Inst::kIdMaxpd, Inst::kIdVmaxpd} : Insts{Inst::kIdMaxps, Inst::kIdVmaxps};
    case ArrayOp::Neg:
      return {Inst::kIdXorps, Inst::kIdVxorps};
    default:
      return {Inst::kIdAndps, Inst::kIdVandps};  // Abs
  }
}

}  // namespace

// The operation's own two float registers, and as many pins as it takes: those that the function uses are saved when
// they are first wanted, and are there again when this goes.
class MasmX86::Vectors {
 public:
  explicit Vectors(MasmX86& masm) : masm_(masm) {}
  ~Vectors() {
    for (int n = 2; n < kMost; ++n)
      if (saved_[n]) masm_.avx_ ? masm_.a_.vmovsd(reg(n), place(n)) : masm_.a_.movsd(reg(n), place(n));
  }
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;

  Xmm operator[](int n) {
    if (n >= 2 && !saved_[n] && kFprs + 1 - n < masm_.float_pins_) {
      saved_[n] = true;
      masm_.avx_ ? masm_.a_.vmovsd(place(n), reg(n)) : masm_.a_.movsd(place(n), reg(n));
    }
    return reg(n);
  }

 private:
  static constexpr int kMost = 10;
  static Xmm reg(int n) { return n == 0 ? kFloat : n == 1 ? kFloat2 : xmm(static_cast<std::uint32_t>(kFprs + 1 - n)); }
  static Mem place(int n) { return Mem(rsp, kSavedWordAt - 8 * (n - 1), 8); }

  MasmX86& masm_;
  bool saved_[kMost] = {};
};

ArrayLimits MasmX86::array_limits() const {
  return {.vector_bytes = 256, .elements = 16, .products = 32, .integer_vectors = avx2_};
}

// ---- Operands ------------------------------------------------------------------------------------------------------

Mem MasmX86::array_at(const Address& array, Gp scratch) {
  const Mem base = context(offset_in_context(&vm::Context::base) + static_cast<int>(array.region) * 8, 8);
  const bool pinned = array.base.is(Slot::Kind::Gpr);
  auto displacement = static_cast<std::int32_t>(array.displacement);
  if (array.reference.is(Slot::Kind::None)) {
    if (!pinned) a_.mov(scratch, base);
    return Mem(pinned ? pin(array.base.reg) : scratch, displacement, 0);
  }
  const Gp reference = gpr(array.reference, scratch);
  a_.mov(scratch.r32(), reference.r32());
  pinned ? a_.add(scratch, pin(array.base.reg)) : a_.add(scratch, base);
  return Mem(scratch, displacement, 0);
}

Mem MasmX86::vector_literal(Word bits) {
  for (const Literal& l : vector_literals_)
    if (l.bits == bits) return Mem(l.label, 0, 0);
  vector_literals_.push_back({a_.newLabel(), bits});
  return Mem(vector_literals_.back().label, 0, 0);
}

// kFloat = the scalar in every lane.
void MasmX86::splat(Scalar type, Slot scalar, bool wide) {
  if (scalar.is(Slot::Kind::Constant)) {
    const Word bits = pattern(type, scalar.bits);
    if (bits == 0) return zero(kFloat);
    if (blind_key_ == 0 || fits_16(scalar.bits)) return load_piece(kFloat, vector_literal(bits), wide ? 32 : 16);
    load_number(rax, bits);
  } else if (const Gp value = gpr(scalar, rax); vm::size_bytes(type) == 1) {
    a_.movzx(eax, value.r8());
    a_.imul(eax, eax, 0x01010101);
  } else if (vm::size_bytes(type) == 2) {
    a_.movzx(eax, value.r16());
    a_.imul(eax, eax, 0x00010001);
  } else if (value != rax) {
    a_.mov(rax, value);
  }
  const bool by_word = scalar.is(Slot::Kind::Constant) || vm::size_bytes(type) == 8;
  if (!avx_) {
    by_word ? a_.movq(kFloat, rax) : a_.movd(kFloat, eax);
    a_.pshufd(kFloat, kFloat, by_word ? 0x44 : 0);
    return;
  }
  by_word ? a_.vmovq(kFloat, rax) : a_.vmovd(kFloat, eax);
  a_.vpshufd(kFloat, kFloat, by_word ? 0x44 : 0);
  if (wide) a_.vinsertf128(kFloat.ymm(), kFloat.ymm(), kFloat, 1);
}

// Uses kFloat and rax for a scalar: those come first.
MasmX86::Source MasmX86::source(Scalar type, const Elements& elements, bool wide, Gp scratch) {
  if (elements.scalar.is(Slot::Kind::None)) return {array_at(elements.array, scratch), false};
  if (elements.scalar.is(Slot::Kind::Constant) && (blind_key_ == 0 || fits_16(elements.scalar.bits)))
    return {vector_literal(pattern(type, elements.scalar.bits)), true};
  splat(type, elements.scalar, wide);
  store_piece(Mem(rsp, kSplatAt), kFloat, wide ? 32 : 16);
  return {Mem(rsp, kSplatAt), true};
}

void MasmX86::load_piece(Xmm to, const Mem& from, std::uint32_t bytes) {
  Mem m = from;
  m.setSize(bytes);
  switch (bytes) {
    case 32:
      a_.vmovups(to.ymm(), m);
      return;
    case 16:
      avx_ ? a_.vmovups(to, m) : a_.movups(to, m);
      return;
    case 8:
      avx_ ? a_.vmovsd(to, m) : a_.movsd(to, m);
      return;
    default:
      avx_ ? a_.vmovss(to, m) : a_.movss(to, m);
  }
}

void MasmX86::store_piece(const Mem& to, Xmm from, std::uint32_t bytes) {
  Mem m = to;
  m.setSize(bytes);
  switch (bytes) {
    case 32:
      a_.vmovups(m, from.ymm());
      return;
    case 16:
      avx_ ? a_.vmovups(m, from) : a_.movups(m, from);
      return;
    case 8:
      avx_ ? a_.vmovsd(m, from) : a_.movsd(m, from);
      return;
    case 4:
      avx_ ? a_.vmovss(m, from) : a_.movss(m, from);
      return;
    default:
      avx_ ? a_.vmovd(eax, from) : a_.movd(eax, from);
      bytes == 2 ? a_.mov(m, ax) : a_.mov(m, al);
  }
}

// to = b op c; `to` is no operand but b.
void MasmX86::vector_op(InstId sse, InstId avx, Xmm to, Xmm b, const asmjit::Operand& c, bool wide) {
  if (avx_) {
    wide ? a_.emit(avx, to.ymm(), b.ymm(), c) : a_.emit(avx, to, b, c);
    return;
  }
  copy(to, b);
  a_.emit(sse, to, c);
}

// ---- Floats --------------------------------------------------------------------------------------------------------

void MasmX86::make_canonical(Scalar type, Xmm x, Xmm mask, bool wide) {
  const bool f64 = type == Scalar::F64;
  constexpr int kUnordered = 3;
  if (avx_) {
    Mem nan = vector_literal(nan_pattern(type));
    nan.setSize(wide ? 32 : 16);
    const Vec v = wide ? Vec(x.ymm()) : Vec(x), m = wide ? Vec(mask.ymm()) : Vec(mask);
    a_.emit(f64 ? Inst::kIdVcmppd : Inst::kIdVcmpps, m, v, v, kUnordered);
    a_.emit(f64 ? Inst::kIdVblendvpd : Inst::kIdVblendvps, v, v, nan, m);
    return;
  }
  // NaN or ones, and then without the bits that the canonical one has not.
  Mem other_bits = vector_literal(~nan_pattern(type));
  other_bits.setSize(16);
  a_.movaps(mask, x);
  f64 ? a_.cmppd(mask, mask, kUnordered) : a_.cmpps(mask, mask, kUnordered);
  a_.orps(x, mask);
  a_.andps(mask, other_bits);
  a_.andnps(mask, x);
  a_.movaps(x, mask);
}

void MasmX86::float_piece(ArrayOp op, Scalar type, const Mem& to, const Source& b, const Source& c,
                          std::uint32_t bytes) {
  const bool wide = bytes == 32, f64 = type == Scalar::F64;
  // minpd x, y is x < y ? x : y
  const bool swapped = op == ArrayOp::Min || op == ArrayOp::Max;
  const Source first = swapped ? c : b;
  Source second = swapped ? b : c;
  load_piece(kFloat, first.at, bytes);
  if (op == ArrayOp::Sqrt) {
    if (!avx_)
      f64 ? a_.sqrtpd(kFloat, kFloat) : a_.sqrtps(kFloat, kFloat);
    else
      a_.emit(f64 ? Inst::kIdVsqrtpd : Inst::kIdVsqrtps, wide ? Vec(kFloat.ymm()) : Vec(kFloat),
              wide ? Vec(kFloat.ymm()) : Vec(kFloat));
  } else {
    if (op == ArrayOp::Neg) second = {vector_literal(sign_pattern(type)), true};
    if (op == ArrayOp::Abs) second = {vector_literal(~sign_pattern(type)), true};
    const Insts insts = float_insts(op, f64);
    if (second.same || (avx_ && bytes >= 16)) {
      second.at.setSize(std::max(bytes, 16u));
      vector_op(insts.sse, insts.avx, kFloat, kFloat, second.at, wide);
    } else {
      load_piece(kFloat2, second.at, bytes);
      vector_op(insts.sse, insts.avx, kFloat, kFloat, kFloat2, false);
    }
  }
  // These give what an element is already, or a scalar that was less or more than one.
  if (!swapped && op != ArrayOp::Abs) make_canonical(type, kFloat, kFloat2, wide);
  store_piece(to, kFloat, bytes);
}

// ---- Integers ------------------------------------------------------------------------------------------------------

// With AVX2. Bits that overflows leave in the elements' signs are gathered, and looked at once.
void MasmX86::whole_elements(ArrayOp op, Scalar type, const Mem& to, const Source& b, const Source& c,
                             std::uint32_t bytes, Label overflow) {
  const bool i64 = type == Scalar::I64, overflows = op != ArrayOp::Min && op != ArrayOp::Max;
  Vectors vectors(*this);
  bool any = false;
  for_pieces(bytes, bytes >= 32 ? 32 : 16, [&](std::uint32_t at, std::uint32_t width) {
    const bool wide = width == 32;
    const auto reg = [&](int n) { return wide ? Vec(vectors[n].ymm()) : Vec(vectors[n]); };
    const auto place = [&](const Source& s) { return s.same ? s.at : behind(s.at, at); };
    const Vec x = reg(0), y = reg(1);
    load_piece(vectors[0], place(b), width);
    if (op != ArrayOp::Neg && op != ArrayOp::Abs) load_piece(vectors[1], place(c), width);
    Vec result = x, signs = y;
    switch (op) {
      case ArrayOp::Min:
      case ArrayOp::Max:
        if (!i64) {
          op == ArrayOp::Min ? a_.vpminsd(x, x, y) : a_.vpmaxsd(x, x, y);
        } else {
          const Vec less = reg(2);
          op == ArrayOp::Min ? a_.vpcmpgtq(less, x, y) : a_.vpcmpgtq(less, y, x);
          a_.vblendvpd(x, x, y, less);
        }
        break;
      case ArrayOp::Abs:
        if (i64) {
          a_.vpxor(y, y, y);
          a_.vpcmpgtq(y, y, x);
          a_.vpxor(x, x, y);
          a_.vpsubq(x, x, y);
        } else {
          a_.vpabsd(x, x);
        }
        signs = x;
        break;
      case ArrayOp::Neg:
        result = reg(2);
        a_.vpxor(y, y, y);
        i64 ? a_.vpsubq(result, y, x) : a_.vpsubd(result, y, x);
        a_.vpand(y, result, x);
        break;
      default:
        result = reg(2);
        if (op == ArrayOp::Add) {
          i64 ? a_.vpaddq(result, x, y) : a_.vpaddd(result, x, y);
          a_.vpxor(y, y, result);
        } else {
          i64 ? a_.vpsubq(result, x, y) : a_.vpsubd(result, x, y);
          a_.vpxor(y, y, x);
        }
        a_.vpxor(x, x, result);
        a_.vpand(y, y, x);
    }
    store_piece(behind(to, at), xmm(result.id()), width);
    if (!overflows) return;
    // A narrow piece has zeros above it.
    if (any && bytes >= 32)
      a_.vpor(vectors[3].ymm(), vectors[3].ymm(), xmm(signs.id()).ymm());
    else if (any)
      a_.vpor(vectors[3], vectors[3], xmm(signs.id()));
    else
      a_.vmovaps(reg(3), signs);
    any = true;
  });
  if (!overflows) return;
  const Xmm gathered = vectors[3];
  if (bytes >= 32) {
    i64 ? a_.vmovmskpd(eax, gathered.ymm()) : a_.vmovmskps(eax, gathered.ymm());
  } else {
    i64 ? a_.vmovmskpd(eax, gathered) : a_.vmovmskps(eax, gathered);
  }
  a_.test(eax, eax);
  if (bytes >= 32) a_.vzeroupper();
  a_.jnz(overflow);
}

void MasmX86::each_element(ArrayOp op, Scalar type, const Mem& to, const Source& b, const Source& c,
                           std::uint32_t bytes, Label overflow) {
  const auto size = static_cast<std::uint32_t>(vm::size_bytes(type));
  const auto is_base = [&](const Gp& reg) {
    for (const Mem* m : {&to, &b.at, &c.at})
      if (m->hasBaseReg() && m->baseId() == reg.id()) return true;
    return false;
  };
  Gp word = rax;
  for (int n = 0; is_base(word); ++n) word = pin(n);
  const bool borrowed = word != rax;
  if (borrowed) a_.mov(Mem(rsp, kSavedWordAt, 8), word);
  const Gp x = size == 8 ? word : Gp(word.r32());
  for (std::uint32_t at = 0; at < bytes; at += size) {
    const auto place = [&](const Source& s) {
      Mem m = s.same ? s.at : behind(s.at, at);
      m.setSize(size);
      return m;
    };
    a_.mov(x, place(b));
    switch (op) {
      case ArrayOp::Add:
        a_.add(x, place(c));
        a_.jo(overflow);
        break;
      case ArrayOp::Sub:
        a_.sub(x, place(c));
        a_.jo(overflow);
        break;
      case ArrayOp::Mul:
        a_.imul(x, place(c));
        a_.jo(overflow);
        break;
      case ArrayOp::Neg:
        a_.neg(x);
        a_.jo(overflow);
        break;
      case ArrayOp::Abs:
        a_.neg(x);
        a_.jo(overflow);
        a_.cmovs(x, place(b));
        break;
      default:
        a_.cmp(x, place(c));
        op == ArrayOp::Min ? a_.cmovg(x, place(c)) : a_.cmovl(x, place(c));
    }
    Mem m = behind(to, at);
    m.setSize(size);
    a_.mov(m, x);
  }
  if (borrowed) a_.mov(word, Mem(rsp, kSavedWordAt, 8));
}

// ---- The operations ------------------------------------------------------------------------------------------------

void MasmX86::array_op(ArrayOp op, Scalar type, const Address& to, const Elements& b, const Elements& c,
                       std::uint32_t bytes, Label overflow) {
  const bool wide = avx_ && bytes >= 32 && (avx2_ || is_float(type) || op == ArrayOp::Copy);
  const bool b_scalar = !b.scalar.is(Slot::Kind::None), one = op == ArrayOp::Copy || op >= ArrayOp::Neg;
  Source first, second;
  if (b_scalar) first = source(type, b, wide, rdx);
  if (!one) second = source(type, c, wide, b_scalar ? rdx : rax);
  if (!b_scalar) first = source(type, b, wide, rdx);
  const Mem place = array_at(to, rcx);
  if (!is_float(type) && op != ArrayOp::Copy) {
    if (avx2_ && op != ArrayOp::Mul)
      whole_elements(op, type, place, first, second, bytes, overflow);
    else
      each_element(op, type, place, first, second, bytes, overflow);
    if (wide && avx2_ && (op == ArrayOp::Min || op == ArrayOp::Max)) a_.vzeroupper();
    return;
  }
  for_pieces(bytes, wide ? 32 : 16, [&](std::uint32_t at, std::uint32_t width) {
    const auto source_at = [&](const Source& s) { return s.same ? s : Source{behind(s.at, at), false}; };
    if (op != ArrayOp::Copy)
      return float_piece(op, type, behind(place, at), source_at(first), one ? Source{} : source_at(second), width);
    if (width >= 4) {
      load_piece(kFloat, source_at(first).at, width);
      return store_piece(behind(place, at), kFloat, width);
    }
    Mem from = source_at(first).at, destination = behind(place, at);
    from.setSize(width);
    destination.setSize(width);
    a_.movzx(eax, from);
    width == 2 ? a_.mov(destination, ax) : a_.mov(destination, al);
  });
  if (wide) a_.vzeroupper();
}

void MasmX86::array_fill(Scalar type, const Address& to, Slot value, std::uint32_t bytes) {
  const bool wide = avx_ && bytes >= 32;
  if (value.is(Slot::Kind::Constant) && is_float(type))
    value.bits = type == Scalar::F64 ? vm::to_word(vm::canonical(vm::from_word<double>(value.bits)))
                                     : vm::to_word(vm::canonical(vm::from_word<float>(value.bits)));
  splat(type, value, wide);
  if (is_float(type) && !value.is(Slot::Kind::Constant)) make_canonical(type, kFloat, kFloat2, wide);
  const Mem place = array_at(to, rcx);
  for_pieces(bytes, wide ? 32 : 16,
             [&](std::uint32_t at, std::uint32_t width) { store_piece(behind(place, at), kFloat, width); });
  if (wide) a_.vzeroupper();
}

// ---- Sums ----------------------------------------------------------------------------------------------------------

// Vector `to` = the bytes, which are whole elements of four bytes at least, and zeros. Uses those behind it.
void MasmX86::load_part(Vectors& vectors, int to, const Mem& from, std::uint32_t bytes) {
  if (std::has_single_bit(bytes)) return load_piece(vectors[to], from, bytes);
  if (bytes > 16) {
    load_part(vectors, to + 1, behind(from, 16), bytes - 16);
    load_piece(vectors[to], from, 16);
    a_.vinsertf128(vectors[to].ymm(), vectors[to].ymm(), vectors[to + 1], 1);
    return;
  }
  load_piece(vectors[to], from, 8);
  load_piece(vectors[to + 1], behind(from, 8), 4);
  avx_ ? a_.vmovlhps(vectors[to], vectors[to], vectors[to + 1]) : a_.movlhps(vectors[to], vectors[to + 1]);
}

// Vector `to` = the n-th of the vectors of partial sums, once they are folded down to `folded`. False: no element adds
// to it. That partial sums begin at +0 shows in the whole sum only, if all elements are -0.
bool MasmX86::partial_sum(Vectors& vectors, const Sum& sum, std::uint32_t n, std::uint32_t folded, int to) {
  const auto size = static_cast<std::uint32_t>(vm::size_bytes(sum.type)), round = vm::kPartials * size;
  const bool f64 = sum.type == Scalar::F64;
  const auto add = [&] {
    const Xmm x = vectors[to], y = vectors[to + 1];
    const Insts insts = float_insts(ArrayOp::Add, f64);
    if (sum.width == 32)
      vector_op(insts.sse, insts.avx, x, x, y.ymm(), true);
    else
      vector_op(insts.sse, insts.avx, x, x, y, false);
  };
  std::uint32_t at = n * sum.width;
  if (at >= sum.bytes) return false;
  if (folded < round / sum.width) {
    partial_sum(vectors, sum, n, 2 * folded, to);
    if (partial_sum(vectors, sum, n + folded, 2 * folded, to + 1)) add();
    return true;
  }
  load_part(vectors, to, behind(sum.from, at), std::min(sum.width, sum.bytes - at));
  for (at += round; at < sum.bytes; at += round) {
    load_part(vectors, to + 1, behind(sum.from, at), std::min(sum.width, sum.bytes - at));
    add();
  }
  return true;
}

// kFloat2 = the sum, zeros above it.
void MasmX86::sum_floats(Scalar type, const Mem& from, std::uint32_t bytes) {
  const bool f64 = type == Scalar::F64, wide = avx_ && bytes > 16;
  const Xmm x = kFloat, y = kFloat2;
  Vectors vectors(*this);
  partial_sum(vectors, {type, from, bytes, wide ? 32u : 16u}, 0, 1, 0);
  if (wide) {
    a_.vextractf128(y, x.ymm(), 1);
    f64 ? a_.vaddpd(x, x, y) : a_.vaddps(x, x, y);
    a_.vzeroupper();
  }
  const auto fold = [&](std::uint32_t shuffle) {
    if (avx_) {
      a_.vpshufd(y, x, shuffle);
      f64 ? a_.vaddpd(x, x, y) : a_.vaddps(x, x, y);
    } else {
      a_.pshufd(y, x, shuffle);
      f64 ? a_.addpd(x, y) : a_.addps(x, y);
    }
  };
  fold(0xEE);  // the upper half
  if (!f64) fold(0x55);
  zero(y);
  if (avx_)
    f64 ? a_.vaddsd(y, y, x) : a_.vaddss(y, y, x);
  else
    f64 ? a_.addsd(y, x) : a_.addss(y, x);
}

void MasmX86::array_sum(Scalar type, Slot to, const Address& from, std::uint32_t count, Label overflow) {
  const auto size = static_cast<std::uint32_t>(vm::size_bytes(type));
  const Mem place = array_at(from, rcx);
  if (is_float(type)) {
    sum_floats(type, place, count * size);
    return put(to, kFloat2);
  }
  const auto element = [&](std::uint32_t n) {
    Mem m = behind(place, n * size);
    m.setSize(size);
    return m;
  };
  a_.xor_(eax, eax);
  if (type == Scalar::I32) {
    for (std::uint32_t n = 0; n < count; ++n) {
      a_.movsxd(rdx, element(n));
      a_.add(rax, rdx);
    }
    a_.movsxd(rdx, eax);
  } else {  // in 128 bits, rdx the upper ones
    a_.xor_(edx, edx);
    for (std::uint32_t n = 0; n < count; ++n) {
      a_.add(rax, element(n));
      a_.adc(rdx, 0);
      a_.bt(element(n), 63);
      a_.sbb(rdx, 0);
    }
    a_.mov(rcx, rax);
    a_.sar(rcx, 63);
    a_.cmp(rcx, rdx);
    a_.jne(overflow);
    return put(to, rax);
  }
  a_.cmp(rax, rdx);
  a_.jne(overflow);
  put(to, rax);
}

}  // namespace eyeflow::jit
