#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "jit/baseline/actions.h"
#include "jit/baseline/code_memory.h"
#if defined(__aarch64__)
#include "jit/baseline/masm_a64.h"
#else
#include "jit/baseline/masm_x86.h"
#endif
#include "vm/isa/context.h"
#include "vm/isa/evaluate.h"

// Calls compiled code with its number in each register that the platform's ABI has a callee keep, and tells what stands
// there afterwards.
#if defined(__aarch64__)
constexpr std::size_t kCallersRegisters = 19;  // x19 … x28, d8 … d15; how far x29 is from where it was
#else
constexpr std::size_t kCallersRegisters = 6;  // rbx, rbp, r12 … r15
#endif
constexpr std::uint64_t callers_number(std::size_t n) { return n < 18 ? 0x1111'0000'0000'0001 * (n + 1) : 0; }

extern "C" std::uint64_t eyeflow_call_filled(const void* entry, eyeflow::vm::Context* context, std::uint64_t* frame,
                                             const void* function, std::uint64_t* after);
#if defined(__aarch64__)
asm(R"(
  .text
  .global eyeflow_call_filled
  .type eyeflow_call_filled, %function
eyeflow_call_filled:
  hint #34
  stp x29, x30, [sp, #-176]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  str x4, [sp, #160]
  mov x9, x0
  mov x0, x1
  mov x1, x2
  mov x2, x3
  movz x19, #1
  movk x19, #0x1111, lsl #48
  add x20, x19, x19
  add x21, x20, x19
  add x22, x21, x19
  add x23, x22, x19
  add x24, x23, x19
  add x25, x24, x19
  add x26, x25, x19
  add x27, x26, x19
  add x28, x27, x19
  mov x10, x28
  add x10, x10, x19
  fmov d8, x10
  add x10, x10, x19
  fmov d9, x10
  add x10, x10, x19
  fmov d10, x10
  add x10, x10, x19
  fmov d11, x10
  add x10, x10, x19
  fmov d12, x10
  add x10, x10, x19
  fmov d13, x10
  add x10, x10, x19
  fmov d14, x10
  add x10, x10, x19
  fmov d15, x10
  mov x29, sp
  blr x9
  ldr x4, [sp, #160]
  stp x19, x20, [x4]
  stp x21, x22, [x4, #16]
  stp x23, x24, [x4, #32]
  stp x25, x26, [x4, #48]
  stp x27, x28, [x4, #64]
  stp d8, d9, [x4, #80]
  stp d10, d11, [x4, #96]
  stp d12, d13, [x4, #112]
  stp d14, d15, [x4, #128]
  mov x9, sp
  sub x9, x29, x9
  str x9, [x4, #144]
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  ldp x29, x30, [sp], #176
  ret
)");
#else
asm(R"(
  .text
  .global eyeflow_call_filled
  .type eyeflow_call_filled, @function
eyeflow_call_filled:
  endbr64
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  sub $24, %rsp
  mov %r8, (%rsp)
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  movabs $0x1111000000000001, %rbx
  lea (%rbx, %rbx), %rbp
  lea (%rbp, %rbx), %r12
  lea (%r12, %rbx), %r13
  lea (%r13, %rbx), %r14
  lea (%r14, %rbx), %r15
  call *%rax
  mov (%rsp), %rcx
  mov %rbx, (%rcx)
  mov %rbp, 8(%rcx)
  mov %r12, 16(%rcx)
  mov %r13, 24(%rcx)
  mov %r14, 32(%rcx)
  mov %r15, 40(%rcx)
  add $24, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
)");
#endif

// Each operation of the macro-assembler of this CPU by itself, in every kind of place, against the meanings of vm/isa.
namespace eyeflow::jit {
namespace {

using Place = jit::Place;
using vm::Context;

#if defined(__aarch64__)
using Masm = MasmA64;
constexpr auto kArch = asmjit::Arch::kAArch64;
// The second variant is of functions whose branches may have to go far.
struct Variant : Masm {
  Variant(asmjit::CodeHolder& code, int variant) : Masm(code) { expect(variant == 0 ? 1 : 1u << 20, kFprs); }
};
#else
using Masm = MasmX86;
constexpr auto kArch = asmjit::Arch::kX64;
struct Variant : Masm {
  Variant(asmjit::CodeHolder& code, int variant) : Masm(code, static_cast<X86Level>(variant)) {}
};
#endif

void save_line(Context* context, std::uint32_t line) {
  context->journal->touch(context->base[static_cast<int>(Region::State)], line * vm::kLineBytes, 1);
}

class Errors : public asmjit::ErrorHandler {
 public:
  void handleError(asmjit::Error, const char* message, asmjit::BaseEmitter*) override {
    ADD_FAILURE() << "the assembler refuses: " << message;
  }
};

// A function of one body, and what it runs on.
class Code {
 public:
  using Label = asmjit::Label;
  static constexpr std::size_t kFrameWords = 8192;

  // `body` emits; it gets the label of a trap that is Overflow at instruction 7 of function 3, and one that is what a
  // call left.
  explicit Code(const std::function<void(Masm&, Label trap, Label left)>& body, int variant = 0) {
    asmjit::CodeHolder holder;
    holder.init(asmjit::Environment(kArch));
    Errors errors;
    holder.setErrorHandler(&errors);
    Variant masm(holder, variant);
    masm.begin_module(reinterpret_cast<const void*>(&save_line));
    const Label function = masm.new_label(), trap = masm.new_label(), left = masm.new_label();
    masm.bind(function);
    masm.prologue(kAllPins);
    body(masm, trap, left);
    masm.epilogue(kAllPins);
    masm.trap_stub(trap, Trap::Overflow, 3, 7);
    masm.trap_stub(left, 4, 70000);
    masm.end_function();
    masm.end_module();
    holder.flatten();
    holder.resolveUnresolvedLinks();
    auto memory = CodeMemory::allocate(holder.codeSize());
    EXPECT_TRUE(memory);
    memory_ = std::move(*memory);
    holder.relocateToBase(reinterpret_cast<std::uintptr_t>(memory_.code()));
    holder.copyFlattenedData(memory_.writable().data(), memory_.writable().size());
    entry_ = memory_.code() + holder.labelOffset(masm.entry());
    function_ = memory_.code() + holder.labelOffset(function);
    EXPECT_TRUE(memory_.seal());
    size_ = holder.codeSize();
    for (int region = 0; region < vm::kRegionCount; ++region)
      context.base[region] = regions[static_cast<std::size_t>(region)].data();
    seen.resize(64);
    lines.resize(1024);
    saved.resize(1024 * 64);
    journal = {.seen = seen.data(), .line_numbers = lines.data(), .saved_lines = saved.data()};
    context.journal = &journal;
    frame.resize(kFrameWords);
  }

  EYEFLOW_CALLS_GENERATED_CODE Trap run() {
    using Entry = Trap (*)(Context*, Word*, const void*);
    return std::bit_cast<Entry>(entry_)(&context, frame.data(), function_);
  }
  Trap run_filled(Word (&after)[kCallersRegisters]) {
    return static_cast<Trap>(eyeflow_call_filled(entry_, &context, frame.data(), function_, after));
  }

  static constexpr PinSet kAllPins{(1u << Masm::kKeptGprs) - 1, (1u << Masm::kKeptFprs) - 1};
  Context context;
  vm::Journal journal;
  std::vector<std::uint64_t> seen;
  std::vector<std::uint32_t> lines;
  std::vector<std::byte> saved;
  std::array<std::array<std::byte, 1 << 16>, vm::kRegionCount> regions{};
  std::vector<Word> frame;
  std::size_t size_ = 0;

 private:
  CodeMemory memory_;
  const std::byte *entry_ = nullptr, *function_ = nullptr;
};

// ---- Values: every row, every kind of place ------------------------------------------------------------------------

bool is_float(Scalar type) { return type == Scalar::F32 || type == Scalar::F64; }

std::vector<Word> samples(Scalar type) {
  std::vector<Word> words;
  const auto add = [&](auto value) { words.push_back(vm::to_word(value)); };
  switch (type) {
    case Scalar::Void:
      words.push_back(0);
      break;
    case Scalar::Bool:
      add(false), add(true);
      break;
    case Scalar::F64:
      for (double x :
           {0.0, -0.0, 1.0, -1.5, 0.1, 2.5, -2.5, 0.49999999999999994, 4503599627370497.5, 9.2233720368547758e18,
            -9.2233720368547758e18, 9.223372036854774e18, 1e300, -1e300, 5e-324, 3.5e38, 1e-46,
            std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
        add(x);
      words.push_back(0x7ff8000000000000);
      words.push_back(0xfff8000000000123);
      break;
    case Scalar::F32:
      for (float x :
           {0.0f, -0.0f, 1.0f, -1.5f, 0.1f, 16777217.0f, 3.4e38f, 1e-45f, std::numeric_limits<float>::infinity()})
        add(x);
      words.push_back(0x7fc00000);
      words.push_back(0xffc00123);
      break;
    default: {
      const int bits = vm::size_bytes(type) * 8;
      const bool is_signed = type == Scalar::I32 || type == Scalar::I64;
      const Word top = Word{1} << (bits - 1), mask = bits == 64 ? ~Word{0} : (Word{1} << bits) - 1;
      for (Word word :
           {Word{0}, Word{1}, Word{2}, Word{3}, Word{7}, Word{63}, Word{100}, Word{4095}, Word{4096}, Word{0x12345678},
            Word{0xFFFFFFFF}, top - 1, top, top + 1, mask, mask - 1, mask - 4095, Word{0x123456789abcdef0}}) {
        word &= mask;
        if (is_signed && (word & top) != 0) word |= ~mask;
        words.push_back(word);
      }
    }
  }
  return words;
}

Scalar operand_type(Op op, int field) {
  const vm::Operand& operand = vm::info(op).operands[static_cast<std::size_t>(field)];
  return operand.match == vm::Match::Exact ? operand.scalar : Scalar::U64;
}

enum class In { Kept, Lost, Frame, FarFrame };
constexpr In kIns[] = {In::Kept, In::Lost, In::Frame, In::FarFrame};
constexpr int kFarWord = 6000;

// Where operand `n` (0 result, 1 b, 2 c) is.
Place place_of(In in, Scalar type, int n) {
  const auto pin = [&](int number) { return is_float(type) ? Place::fpr(number) : Place::gpr(number); };
  const int kept = is_float(type) ? Masm::kKeptFprs : Masm::kKeptGprs;
  switch (in) {
    case In::Kept:
      return kept > n ? pin(n) : pin(n + kept);
    case In::Lost:
      return pin(kept + n);
    case In::Frame:
      return Place::memory(8 * n);
    case In::FarFrame:
      return Place::memory(8 * (kFarWord + n));
  }
  return {};
}
// A word of the frame that an operand comes from and the result goes to.
Place home(int n) { return Place::memory(8 * (100 + n)); }

constexpr Word kUnwritten = 0x5555;

void emit_value(Masm& masm, Op op, Place to, Place b, Place c, asmjit::Label trap, asmjit::Label other) {
  const Action row = action(op);
  switch (row.kind) {
    case Kind::Move:
      return masm.move(Scalar::U64, to, b);
    case Kind::Integer:
      return masm.int_op(static_cast<IntOp>(row.detail), row.type, to, b, c, trap);
    case Kind::Divide:
      return masm.int_divide(row.type, row.detail == 1, to, b, c, other, trap);
    case Kind::Unary:
      return masm.int_unary(static_cast<IntUnary>(row.detail), row.type, to, b, trap);
    case Kind::Float:
      return masm.float_op(static_cast<FloatOp>(row.detail), row.type, to, b, c);
    case Kind::FloatOne:
      return masm.float_unary(static_cast<FloatUnary>(row.detail), row.type, to, b);
    case Kind::IsNan:
      return masm.is_nan(row.type, to, b);
    case Kind::Compare:
      return masm.compare(static_cast<Condition>(row.detail), row.type, to, b, c);
    case Kind::Convert:
      return masm.convert(op, to, b, trap);
    default:
      ADD_FAILURE() << vm::info(op).mnemonic << " is no value";
  }
}

Word comparable(Scalar type, Word word) {
  if (type == Scalar::F64) return vm::to_word(vm::canonical(vm::from_word<double>(word)));
  if (type == Scalar::F32) return vm::to_word(vm::canonical(vm::from_word<float>(word))) | (word >> 32 << 32);
  return word;
}

// Compares a run with the meaning. Traps: by the one stub for Overflow and ConversionOutOfRange, the other for zero.
void expect_meaning(Code& code, Op op, Word b, Word c, const std::string& where) {
  code.frame[100] = kUnwritten;
  code.frame[101] = b;
  code.frame[102] = c;
  Word expected = kUnwritten;
  const Trap meant = vm::evaluate(op, b, c, expected);
  code.context.trap_function = 0;
  const Trap trap = code.run();
  const Scalar type = operand_type(op, 0);
  if (meant == Trap::None) {
    ASSERT_EQ(trap, Trap::None) << vm::info(op).mnemonic << ' ' << std::hex << b << ' ' << c << ' ' << where;
    ASSERT_EQ(comparable(type, code.frame[100]), comparable(type, expected))
        << vm::info(op).mnemonic << ' ' << std::hex << b << ' ' << c << ' ' << where;
  } else {
    ASSERT_EQ(code.context.trap_function, meant == Trap::DivideByZero ? 5 : 3)
        << vm::info(op).mnemonic << ' ' << std::hex << b << ' ' << c << ' ' << where;
  }
}

bool is_value(Op op) { return vm::info(op).cls == vm::OpClass::Value; }
bool takes_c(Op op) { return vm::info(op).operands[2].role != vm::Role::None; }

Code code_for(Op op, Place to, Place b, Place c, int variant) {
  return Code(
      [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
        const asmjit::Label zero = masm.new_label(), over = masm.new_label();
        if (!b.is(Place::Kind::Constant)) masm.move(operand_type(op, 1), b, home(1));
        if (takes_c(op) && !c.is(Place::Kind::Constant)) masm.move(operand_type(op, 2), c, home(2));
        emit_value(masm, op, to, b, c, trap, zero);
        masm.move(operand_type(op, 0), home(0), to);
        masm.jump(over);
        masm.trap_stub(zero, Trap::DivideByZero, 5, 1);
        masm.bind(over);
      },
      variant);
}

class Values : public testing::TestWithParam<int> {};

TEST_P(Values, InEveryPlace) {
  for (std::size_t n = 0; n < vm::kOpCount; ++n) {
    const Op op = static_cast<Op>(n);
    if (!is_value(op)) continue;
    for (const In to : kIns)
      for (const In b : kIns)
        for (const In c : kIns) {
          if (!takes_c(op) && c != In::Kept) continue;
          for (int same = 0; same < (takes_c(op) ? 4 : 2); ++same) {  // the result in the place of b, of c; b in c's
            const Place b_place = place_of(b, operand_type(op, 1), 1), c_place = place_of(c, operand_type(op, 2), 2);
            Place to_place = place_of(to, operand_type(op, 0), 0);
            if (same != 0 && (to != In::Kept || is_float(operand_type(op, 0)) != is_float(operand_type(op, 1))))
              continue;
            if (same == 1) to_place = b_place;
            if (same == 2) to_place = c_place;
            Code code = code_for(op, to_place, b_place, same == 3 ? b_place : c_place, GetParam());
            const std::string where = std::to_string(static_cast<int>(to)) + std::to_string(static_cast<int>(b)) +
                                      std::to_string(static_cast<int>(c)) + std::to_string(same);
            // All pairs in registers and in memory; elsewhere the first pairs do.
            const bool all = (to == In::Kept && b == In::Kept && c == In::Kept) ||
                             (to == In::Frame && b == In::Frame && c == In::Frame);
            int left = all ? 100000 : 25;
            for (const Word x : samples(operand_type(op, 1)))
              for (const Word y : takes_c(op) ? samples(operand_type(op, 2)) : std::vector<Word>{0}) {
                if (left-- == 0) break;
                expect_meaning(code, op, x, same == 3 ? x : y, where);
                if (HasFatalFailure()) return;
                if (same == 3) break;
              }
          }
        }
  }
}

TEST_P(Values, OfConstants) {
  for (std::size_t n = 0; n < vm::kOpCount; ++n) {
    const Op op = static_cast<Op>(n);
    if (!is_value(op)) continue;
    for (const In to : {In::Kept, In::Frame}) {
      const Place to_place = place_of(to, operand_type(op, 0), 0);
      const Place b_place = place_of(In::Kept, operand_type(op, 1), 1);
      const Place c_place = place_of(In::Lost, operand_type(op, 2), 2);
      for (const Word x : samples(operand_type(op, 1))) {
        Code b_known = code_for(op, to_place, Place::constant(x), c_place, GetParam());
        for (const Word y : takes_c(op) ? samples(operand_type(op, 2)) : std::vector<Word>{0}) {
          expect_meaning(b_known, op, x, y, "b is constant");
          if (HasFatalFailure()) return;
        }
        if (!takes_c(op)) continue;
      }
      if (!takes_c(op)) continue;
      for (const Word y : samples(operand_type(op, 2))) {
        Code c_known = code_for(op, to_place, b_place, Place::constant(y), GetParam());
        for (const Word x : samples(operand_type(op, 1))) {
          expect_meaning(c_known, op, x, y, "c is constant");
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}
// The sum in any place, also that of an operand.
TEST_P(Values, AddsProducts) {
  for (const Scalar type : {Scalar::F64, Scalar::F32})
    for (const bool subtract : {false, true})
      for (const In to : kIns)
        for (const In b : kIns)
          for (int same = 0; same < 3; ++same) {  // b and c are one; all are
            const Place sum = place_of(to, type, 0), left = same == 2 ? sum : place_of(b, type, 1);
            const bool known = !same && b == In::FarFrame;
            Place right = same != 0 ? left : place_of(In::Lost, type, 2);
            if (known) right = Place::constant(samples(type)[4]);
            Code code(
                [&](Masm& masm, asmjit::Label, asmjit::Label) {
                  masm.move(type, sum, home(0));
                  if (left != sum) masm.move(type, left, home(1));
                  if (!same && !known) masm.move(type, right, home(2));
                  masm.float_mul_add(subtract, type, sum, left, right);
                  masm.move(type, home(0), sum);
                },
                GetParam());
            for (const Word x : samples(type))
              for (const Word y : samples(type))
                for (const Word z : {samples(type)[3], samples(type)[5], y}) {
                  const Word l = same == 2 ? x : y, r = same != 0 ? l : known ? samples(type)[4] : z;
                  code.frame[100] = x;
                  code.frame[101] = y;
                  code.frame[102] = z;
                  Word product = 0, expected = 0;
                  const bool f64 = type == Scalar::F64;
                  vm::evaluate(f64 ? Op::MulF64 : Op::MulF32, l, r, product);
                  vm::evaluate(subtract ? (f64 ? Op::SubF64 : Op::SubF32)
                               : f64    ? Op::AddF64
                                        : Op::AddF32,
                               x, product, expected);
                  ASSERT_EQ(code.run(), Trap::None);
                  ASSERT_EQ(comparable(type, code.frame[100]), comparable(type, expected))
                      << vm::name(type) << std::hex << ' ' << x << ' ' << l << ' ' << r;
                }
          }
}
TEST_P(Values, BranchesOnThem) {
  for (std::size_t n = 0; n < vm::kOpCount; ++n) {
    const Op op = static_cast<Op>(n);
    if (action(op).kind != Kind::Compare) continue;
    const Scalar type = operand_type(op, 1);
    for (const In b : kIns)
      for (int c = 0; c < 5; ++c)
        for (const bool when : {false, true})
          for (const Word y : samples(type)) {
            const Place left = place_of(b, type, 1);
            const Place right = c == 4 ? Place::constant(y) : place_of(kIns[c], type, 2);
            Code code(
                [&](Masm& masm, asmjit::Label, asmjit::Label) {
                  const asmjit::Label taken = masm.new_label(), over = masm.new_label();
                  masm.move(type, left, home(1));
                  if (c != 4) masm.move(type, right, home(2));
                  masm.branch_compare(static_cast<Condition>(action(op).detail), type, left, right, when, taken);
                  masm.move(Scalar::U64, home(0), Place::constant(1));
                  masm.jump(over);
                  masm.bind(taken);
                  masm.move(Scalar::U64, home(0), Place::constant(2));
                  masm.bind(over);
                },
                GetParam());
            for (const Word x : samples(type)) {
              code.frame[101] = x;
              code.frame[102] = y;
              ASSERT_EQ(code.run(), Trap::None);
              Word holds = 0;
              vm::evaluate(op, x, y, holds);
              ASSERT_EQ(code.frame[100], (holds != 0) == when ? 2u : 1u)
                  << vm::info(op).mnemonic << ' ' << x << ' ' << y;
            }
            if (c != 4) break;
          }
  }
}

// ---- Memory --------------------------------------------------------------------------------------------------------

constexpr Scalar kElements[] = {Scalar::Bool, Scalar::I32, Scalar::U8,  Scalar::U16, Scalar::U32,
                                Scalar::I64,  Scalar::U64, Scalar::F32, Scalar::F64};

// Every way to say where: known, by a reference, by an index, both; the parts in registers, in the frame and known.
struct Way {
  Address address;
  std::uint64_t offset;  // where that is, from the region's start
};
std::vector<Way> ways(Region region, int size, bool base_in_pin) {
  std::vector<Way> found;
  const auto scale = static_cast<std::uint8_t>(size);
  const Place base = base_in_pin ? Place::gpr(3) : Place{};
  for (const std::uint32_t displacement : {0u, 8u, 64u, 4088u, 32768u, 40000u})
    for (const Place& reference : {Place{}, place_of(In::Kept, Scalar::U64, 1), place_of(In::Frame, Scalar::U64, 1)})
      for (const Place& index :
           {Place{}, place_of(In::Kept, Scalar::U64, 2), place_of(In::Frame, Scalar::U64, 2), Place::constant(77)}) {
        const std::uint64_t offset = displacement + (reference.is(Place::Kind::None) ? 0 : 128) +
                                     (index.is(Place::Kind::None) ? 0 : std::uint64_t{77} * scale);
        found.push_back({{.region = region,
                          .base = base,
                          .displacement = displacement,
                          .reference = reference,
                          .index = index,
                          .scale = scale},
                         offset});
      }
  return found;
}
// The reference's upper half, which is no part of the place, is set.
void emit_ways(Masm& masm, const Address& address) {
  if (address.base.is(Place::Kind::Gpr)) masm.load_base(address.base, address.region);
  if (!address.reference.is(Place::Kind::None)) masm.move(Scalar::U64, address.reference, home(1));
  if (!address.index.is(Place::Kind::None) && !address.index.is(Place::Kind::Constant))
    masm.move(Scalar::U64, address.index, home(2));
}
constexpr Word kReference = 0xABCDEF0000000000 | 128;

TEST_P(Values, LoadsAndStoresElements) {
  for (const Scalar type : kElements)
    for (const bool base_in_pin : {false, true})
      for (const Way& way : ways(Region::State, vm::size_bytes(type), base_in_pin))
        for (const In in : {In::Lost, In::Frame}) {
          const Place value = place_of(in, type, 0);
          Code store(
              [&](Masm& masm, asmjit::Label, asmjit::Label) {
                emit_ways(masm, way.address);
                masm.move(type, value, home(0));
                masm.store_element(type, way.address, value);
              },
              GetParam());
          Code load(
              [&](Masm& masm, asmjit::Label, asmjit::Label) {
                emit_ways(masm, way.address);
                masm.load_element(type, value, way.address);
                masm.move(type, home(0), value);
              },
              GetParam());
          const auto size = static_cast<std::size_t>(vm::size_bytes(type));
          for (const Word word : samples(type)) {
            store.frame[100] = word;
            store.frame[101] = load.frame[101] = kReference;
            store.frame[102] = load.frame[102] = 77;
            auto& memory = store.regions[static_cast<std::size_t>(Region::State)];
            const std::size_t from = way.offset - std::min<std::size_t>(way.offset, 64), to = way.offset + 64;
            std::fill(memory.begin() + static_cast<std::ptrdiff_t>(from),
                      memory.begin() + static_cast<std::ptrdiff_t>(to), std::byte{0xEE});
            ASSERT_EQ(store.run(), Trap::None);
            const Word kept = type == Scalar::F64   ? vm::to_word(vm::canonical(vm::from_word<double>(word)))
                              : type == Scalar::F32 ? vm::to_word(vm::canonical(vm::from_word<float>(word)))
                                                    : word;
            ASSERT_EQ(std::memcmp(memory.data() + way.offset, &kept, size), 0) << vm::name(type) << ' ' << way.offset;
            for (std::size_t n = from; n < to; ++n)
              ASSERT_TRUE(n - way.offset < size || memory[n] == std::byte{0xEE}) << n << ' ' << way.offset;
            std::memcpy(load.regions[static_cast<std::size_t>(Region::State)].data() + way.offset, &kept, size);
            ASSERT_EQ(load.run(), Trap::None);
            ASSERT_EQ(load.frame[100], kept) << vm::name(type);
          }
        }
}

TEST_P(Values, LoadsAndStoresWords) {
  for (const Scalar type : {Scalar::I64, Scalar::F32, Scalar::F64})
    for (const std::uint32_t slot : {0u, 8u, 4088u, 32760u, 32768u, 65528u})
      for (const In in : kIns)
        for (const Word word : samples(type)) {
          const Address address{.region = Region::State, .base = {}, .displacement = slot};
          Code code(
              [&](Masm& masm, asmjit::Label, asmjit::Label) {
                const Place value = place_of(in, type, 0);
                masm.move(type, value, home(0));
                masm.store_word(type, address, value);
                masm.load_word(type, value, address);
                masm.move(type, home(1), value);
                masm.store_word(type, {.region = Region::Scratch, .base = {}, .displacement = slot},
                                Place::constant(word));
              },
              GetParam());
          code.frame[100] = word;
          ASSERT_EQ(code.run(), Trap::None);
          const Word kept = type == Scalar::F64   ? vm::to_word(vm::canonical(vm::from_word<double>(word)))
                            : type == Scalar::F32 ? vm::to_word(vm::canonical(vm::from_word<float>(word)))
                                                  : word;
          ASSERT_EQ(code.frame[101], kept);
          Word stored;
          std::memcpy(&stored, code.regions[static_cast<std::size_t>(Region::Scratch)].data() + slot, 8);
          ASSERT_EQ(stored, kept);
        }
}

// ---- Whole arrays --------------------------------------------------------------------------------------------------

// What a row makes of the elements, one at a time, by the meanings on scalars.
struct Whole {
  const char* name;
  Op element;
  ArrayOp op;
  Scalar type;
  bool one;
};
constexpr Whole kWholes[] = {
#define EYEFLOW_ARRAY_PAIR(T, Name, Element) {#Name #T, Op::Element##T, ArrayOp::Element, Scalar::T, false},
#define EYEFLOW_ARRAY_ONE(T, Name, Element) {#Name #T, Op::Element##T, ArrayOp::Element, Scalar::T, true},
#define EYEFLOW_ARRAY_WITH(T, Name, Element)
#define EYEFLOW_ARRAY_FROM(T, Name, Element)
#include "vm/isa/array_ops.def"
};

// Words as elements in a row.
std::vector<std::byte> elements_of(Scalar type, const std::vector<Word>& words) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(type));
  std::vector<std::byte> bytes(words.size() * size);
  for (std::size_t n = 0; n < words.size(); ++n) {
    Word word = words[n];
    if (type == Scalar::F64) word = vm::to_word(vm::canonical(vm::from_word<double>(word)));
    if (type == Scalar::F32) word = vm::to_word(vm::canonical(vm::from_word<float>(word)));
    std::memcpy(bytes.data() + n * size, &word, size);
  }
  return bytes;
}

constexpr std::uint32_t kLengths[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 23, 31, 32, 33, 40, 64};

// Pins hold numbers that must be there afterwards.
template <typename Emit>
Code array_code(int variant, Emit emit) {
  return Code(
      [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
        for (int n = 3; n < Masm::kGprs; ++n) masm.move(Scalar::U64, Place::gpr(n), Place::constant(1000u + n));
        for (int n = 3; n < Masm::kFprs; ++n) masm.move(Scalar::F64, Place::fpr(n), Place::constant(2000u + n));
        emit(masm, trap);
        for (int n = 3; n < Masm::kGprs; ++n) masm.move(Scalar::U64, Place::memory(8 * (200 + n)), Place::gpr(n));
        for (int n = 3; n < Masm::kFprs; ++n) masm.move(Scalar::F64, Place::memory(8 * (300 + n)), Place::fpr(n));
      },
      variant);
}
void expect_pins(const Code& code) {
  for (std::size_t n = 3; n < Masm::kGprs; ++n) ASSERT_EQ(code.frame[200 + n], 1000 + n);
  for (std::size_t n = 3; n < Masm::kFprs; ++n) ASSERT_EQ(code.frame[300 + n], 2000 + n);
}

// One of the first three pins, or a word of the frame.
Place free_place(Scalar type, int n, bool pinned) {
  return !pinned ? Place::memory(8 * n) : is_float(type) ? Place::fpr(n) : Place::gpr(n);
}

// The arrays of a test: in three regions, in one, in the place of another; known or by a reference.
struct Layout {
  Address to, b, c;
};
std::vector<Layout> layouts() {
  const auto at = [](Region region, std::uint32_t displacement, Place reference = {}) {
    return Address{.region = region, .base = {}, .displacement = displacement, .reference = reference};
  };
  const Place in_pin = Place::gpr(1), in_frame = home(2);
  return {{at(Region::State, 1000), at(Region::Const, 2000), at(Region::Param, 3000)},
          {at(Region::State, 1000), at(Region::State, 2000), at(Region::State, 3000)},
          {at(Region::State, 1000), at(Region::State, 1000), at(Region::Const, 8)},
          {at(Region::State, 1000), at(Region::Param, 8), at(Region::State, 1000)},
          {at(Region::Scratch, 0, in_pin), at(Region::Const, 64, in_frame), at(Region::State, 40000)},
          {at(Region::Scratch, 0, in_pin), at(Region::Scratch, 0, in_pin), at(Region::Param, 0, in_frame)}};
}
std::byte* memory_at(Code& code, const Address& address) {
  const bool by_reference = !address.reference.is(Place::Kind::None);
  return code.regions[static_cast<std::size_t>(address.region)].data() + address.displacement +
         (by_reference ? 4096 : 0);
}
void set_references(Masm& masm) {
  masm.move(Scalar::U64, Place::gpr(1), Place::constant(0xABCDEF0000001000));
  masm.move(Scalar::U64, home(2), Place::constant(0x1234560000001000));
}

class Picks {
 public:
  explicit Picks(const std::vector<Word>& from) : from_(from) {}
  Word next() { return from_[(at_ = at_ * 6364136223846793005ull + 1442695040888963407ull, at_ >> 33) % from_.size()]; }

 private:
  const std::vector<Word>& from_;
  std::uint64_t at_ = 1;
};

// With arrays, and with a scalar on either side; each length; pieces that overflow, and none.
TEST_P(Values, WorksOnWholeArrays) {
  for (const Whole& whole : kWholes)
    for (const std::uint32_t count : kLengths)
      for (const Layout& layout : layouts())
        for (int shape = 0; shape < (whole.one ? 1 : 3); ++shape)  // arrays; c, then b is a scalar
          for (const bool small : {true, false}) {
            std::vector<Word> all = samples(whole.type);
            if (small && !is_float(whole.type)) all = {0, 1, 2, 7, ~Word{0}, ~Word{0} - 40, 100};
            if (!small && is_float(whole.type)) continue;
            Picks picks(all);
            const auto size = static_cast<std::size_t>(vm::size_bytes(whole.type));
            std::vector<Word> b(count), c(count);
            for (Word& word : b) word = picks.next();
            for (Word& word : c) word = picks.next();
            if (shape == 1) std::ranges::fill(c, c[0]);
            if (shape == 2) std::ranges::fill(b, b[0]);
            const Place scalar = free_place(whole.type, 2, count % 2 == 0);
            const bool constant = count % 3 == 0;
            Code code = array_code(GetParam(), [&](Masm& masm, asmjit::Label trap) {
              set_references(masm);
              const Word word = shape == 1 ? c[0] : b[0];
              if (shape != 0 && !constant) masm.move(whole.type, scalar, home(1));
              Elements left{layout.b}, right{layout.c};
              if (shape == 2) left = {{}, constant ? Place::constant(word) : scalar};
              if (shape == 1) right = {{}, constant ? Place::constant(word) : scalar};
              masm.array_op(whole.op, whole.type, layout.to, left, whole.one ? Elements{} : right,
                            static_cast<std::uint32_t>(count * size), trap);
            });
            code.frame[101] = shape == 1 ? c[0] : b[0];
            const auto put = [&](const Address& address, const std::vector<Word>& words) {
              const auto bytes = elements_of(whole.type, words);
              std::memcpy(memory_at(code, address), bytes.data(), bytes.size());
            };
            std::byte* const to = memory_at(code, layout.to);
            for (std::size_t n = 0; n < count * size + 64; ++n) to[n] = std::byte{0xEE};
            if (shape != 1 && !whole.one) put(layout.c, c);
            if (shape != 2) put(layout.b, b);
            // Where one array is both operands, it is what was put there last.
            const auto is_array = [&](const Address& one) { return memory_at(code, one) == memory_at(code, layout.b); };
            if (shape == 0 && is_array(layout.c)) c = b;
            bool overflows = false;
            std::vector<Word> expected(count);
            for (std::uint32_t n = 0; n < count; ++n) {
              const auto element = [&](Word word) {
                Word canonical = 0;
                std::memcpy(&canonical, elements_of(whole.type, {word}).data(), size);
                if (whole.type == Scalar::I32) canonical = vm::to_word(static_cast<std::int32_t>(canonical));
                return canonical;
              };
              overflows |= vm::evaluate(whole.element, element(b[n]), element(c[n]), expected[n]) != Trap::None;
            }
            const std::string where = std::string(whole.name) + " of " + std::to_string(count) + ", shape " +
                                      std::to_string(shape) + ", to " + std::to_string(layout.to.displacement);
            ASSERT_EQ(code.run(), overflows ? Trap::Overflow : Trap::None) << where;
            if (overflows) continue;
            const auto bytes = elements_of(whole.type, expected);
            ASSERT_EQ(std::memcmp(to, bytes.data(), bytes.size()), 0) << where;
            if (layout.to.displacement != 1000 || shape != 0)
              for (std::size_t n = bytes.size(); n < bytes.size() + 64; ++n) ASSERT_EQ(to[n], std::byte{0xEE}) << where;
            expect_pins(code);
          }
}

TEST_P(Values, CopiesAndFillsWholeArrays) {
  for (const Scalar type : kElements)
    for (const std::uint32_t count : kLengths)
      for (const Layout& layout : layouts())
        for (const Word word : samples(type)) {
          const auto size = static_cast<std::size_t>(vm::size_bytes(type));
          const auto bytes = static_cast<std::uint32_t>(count * size);
          const Place value = free_place(type, 2, count % 2 == 0);
          Code copy = array_code(GetParam(), [&](Masm& masm, asmjit::Label trap) {
            set_references(masm);
            masm.array_op(ArrayOp::Copy, type, layout.to, {layout.b}, {}, bytes, trap);
          });
          Code fill = array_code(GetParam(), [&](Masm& masm, asmjit::Label) {
            set_references(masm);
            if (count % 3 != 0) masm.move(type, value, home(1));
            masm.array_fill(type, layout.to, count % 3 == 0 ? Place::constant(word) : value, bytes);
          });
          std::byte* const from = memory_at(copy, layout.b);
          for (std::size_t n = 0; n < bytes + 64; ++n) memory_at(copy, layout.to)[n] = std::byte{0xEE};
          std::vector<std::byte> random(bytes);
          for (std::size_t n = 0; n < bytes; ++n) random[n] = static_cast<std::byte>(n * 37 + word);
          std::memcpy(from, random.data(), bytes);
          ASSERT_EQ(copy.run(), Trap::None);
          ASSERT_EQ(std::memcmp(memory_at(copy, layout.to), random.data(), bytes), 0) << vm::name(type) << count;
          expect_pins(copy);
          fill.frame[101] = word;
          std::byte* const to = memory_at(fill, layout.to);
          for (std::size_t n = 0; n < bytes + 64; ++n) to[n] = std::byte{0xEE};
          ASSERT_EQ(fill.run(), Trap::None);
          const auto expected = elements_of(type, std::vector<Word>(count, word));
          ASSERT_EQ(std::memcmp(to, expected.data(), bytes), 0) << vm::name(type) << count << ' ' << word;
          for (std::size_t n = bytes; n < bytes + 64; ++n) {
            ASSERT_EQ(to[n], std::byte{0xEE});
            ASSERT_EQ(memory_at(copy, layout.to)[n], std::byte{0xEE});
          }
          expect_pins(fill);
          if (count > 9) break;
        }
}

// In the pinned order: 32 partial sums, folded by halves. Whole numbers exactly.
TEST_P(Values, SumsWholeArrays) {
  for (const Scalar type : {Scalar::F64, Scalar::F32, Scalar::I64, Scalar::I32})
    for (const std::uint32_t count : kLengths)
      for (const Layout& layout : layouts())
        for (int kind = 0; kind < 4; ++kind) {  // anything, ordinary numbers, -0 alone, the least
          Picks any(samples(type));
          std::vector<Word> words(count);
          for (std::uint32_t n = 0; n < count; ++n) {
            const auto ordinary = [&](auto value) { return vm::to_word(value); };
            words[n] = kind == 0 ? any.next()
                       : type == Scalar::F64
                           ? (kind == 2 ? ordinary(-0.0) : ordinary(1e3 / (n + 3.0) * (n % 3 == 0 ? -1e9 : 1)))
                       : type == Scalar::F32
                           ? (kind == 2 ? ordinary(-0.0f) : ordinary(1e3f / (static_cast<float>(n) + 3.0f)))
                       : kind == 3 ? vm::to_word(type == Scalar::I64 ? std::numeric_limits<std::int64_t>::min() / 8
                                                                     : std::int64_t{-300'000'000})
                                   : vm::to_word(std::int64_t{n} * 7 - 40);
          }
          const Place to = free_place(type, 0, count % 2 == 0);
          Code code = array_code(GetParam(), [&](Masm& masm, asmjit::Label trap) {
            set_references(masm);
            masm.array_sum(type, to, layout.b, count, trap);
            masm.move(type, home(0), to);
          });
          const auto bytes = elements_of(type, words);
          std::memcpy(memory_at(code, layout.b), bytes.data(), bytes.size());
          std::memset(memory_at(code, layout.b) + bytes.size(), 0x7B, 64);
          Word expected = 0;
          bool fits = true;
          if (type == Scalar::F64 || type == Scalar::F32) {
            double wide[32] = {};
            float narrow[32] = {};
            for (std::uint32_t n = 0; n < count; ++n) {
              wide[n % 32] += vm::from_word<double>(words[n]);
              narrow[n % 32] += vm::from_word<float>(words[n]);
            }
            for (int half = 16; half > 0; half /= 2)
              for (int n = 0; n < half; ++n) wide[n] += wide[n + half], narrow[n] += narrow[n + half];
            expected = type == Scalar::F64 ? vm::to_word(wide[0]) : vm::to_word(narrow[0]);
          } else {
            __int128 sum = 0;
            for (const Word word : words) sum += static_cast<std::int64_t>(word);
            expected = static_cast<Word>(sum);
            fits = type == Scalar::I64 ? sum == static_cast<std::int64_t>(sum) : sum == static_cast<std::int32_t>(sum);
          }
          const std::string where =
              std::string(vm::name(type)) + " of " + std::to_string(count) + ", kind " + std::to_string(kind);
          ASSERT_EQ(code.run(), fits ? Trap::None : Trap::Overflow) << where;
          if (!fits) continue;
          ASSERT_EQ(comparable(type, code.frame[100]), comparable(type, expected)) << where;
          expect_pins(code);
        }
}

// Against Journal::touch itself: each line once, with what was in it before; no pin is disturbed.
TEST_P(Values, TouchesLines) {
  for (const int size : {1, 4, 8})
    for (const bool seen_in_pin : {false, true})
      for (const Way& way : ways(Region::State, size, false)) {
        const auto pins = [&](auto each) {
          for (int n = 4; n < Masm::kGprs; ++n) each(Place::gpr(n), 200 + n);
          for (int n = 0; n < Masm::kFprs; ++n) each(Place::fpr(n), 300 + n);
        };
        const Place seen = seen_in_pin ? Place::gpr(0) : Place{};
        Code code(
            [&](Masm& masm, asmjit::Label, asmjit::Label) {
              pins([&](Place pin, int word) {
                masm.move(pin.is(Place::Kind::Fpr) ? Scalar::F64 : Scalar::U64, pin, Place::memory(8 * word));
              });
              if (seen_in_pin) masm.load_seen(seen);
              emit_ways(masm, way.address);
              masm.touch(way.address, seen);
              masm.touch(way.address, seen);
              pins([&](Place pin, int word) {
                masm.move(pin.is(Place::Kind::Fpr) ? Scalar::F64 : Scalar::U64, Place::memory(8 * (word + 1000)), pin);
              });
            },
            GetParam());
        for (std::size_t n = 200; n < 400; ++n) code.frame[n] = n * 0x9E3779B97F4A7C15;
        code.frame[101] = kReference;
        code.frame[102] = 77;
        auto& memory = code.regions[static_cast<std::size_t>(Region::State)];
        for (std::size_t n = 0; n < memory.size(); ++n) memory[n] = static_cast<std::byte>(n * 31 >> 3);
        ASSERT_EQ(code.run(), Trap::None);
        ASSERT_EQ(code.journal.count, 1u) << way.offset;
        const std::uint64_t line = way.offset / 64;
        ASSERT_EQ(code.lines[0], line);
        for (std::size_t n = 0; n < code.seen.size(); ++n)
          ASSERT_EQ(code.seen[n], n == line / 64 ? Word{1} << line % 64 : 0) << n;
        ASSERT_EQ(std::memcmp(code.saved.data(), memory.data() + line * 64, 64), 0);
        pins([&](Place pin, int word) {
          // x1, x2 of the ways may be among them; they are kept pins 1 and 2.
          if (pin.reg > 3 || pin.is(Place::Kind::Fpr))
            EXPECT_EQ(code.frame[static_cast<std::size_t>(word + 1000)], code.frame[static_cast<std::size_t>(word)]);
        });
      }
}

TEST_P(Values, ChecksIndices) {
  const auto traps = [&](const std::function<void(Masm&, asmjit::Label)>& emit, Word index, Word limit) {
    Code code([&](Masm& masm, asmjit::Label trap, asmjit::Label) { emit(masm, trap); }, GetParam());
    code.frame[101] = index;
    code.frame[102] = limit;
    std::memcpy(code.regions[static_cast<std::size_t>(Region::State)].data() + 24, &limit, 8);
    const Trap trap = code.run();
    if (trap != Trap::None) {
      EXPECT_EQ(trap, Trap::Overflow);
      EXPECT_EQ(code.context.trap_function, 3);
      EXPECT_EQ(code.context.trap_instruction, 7u);
    }
    return trap != Trap::None;
  };
  for (const Word limit : {Word{0}, Word{1}, Word{100}, Word{5000}, (Word{1} << 29) - 1})
    for (const Word index : {Word{0}, Word{99}, Word{100}, Word{4999}, limit - 1, limit, ~Word{0}, Word{1} << 63})
      for (const In in : kIns) {
        const Place place = place_of(in, Scalar::I64, 1);
        const auto known = [&](Masm& masm, asmjit::Label trap) {
          masm.move(Scalar::I64, place, home(1));
          masm.check_index(place, Place::constant(limit), trap);
        };
        const auto in_memory = [&](Masm& masm, asmjit::Label trap) {
          masm.move(Scalar::I64, place, home(1));
          masm.check_index(place, Address{.region = Region::State, .base = {}, .displacement = 24}, trap);
        };
        ASSERT_EQ(traps(known, index, limit), index >= limit) << index << ' ' << limit;
        ASSERT_EQ(traps(in_memory, index, limit), index >= limit) << index << ' ' << limit;
      }
  for (const Word word : {Word{0}, Word{1}, Word{1} << 63}) {
    const auto zero = [&](Masm& masm, asmjit::Label trap) {
      masm.branch_zero_word(Address{.region = Region::State, .base = {}, .displacement = 24}, trap);
    };
    EXPECT_EQ(traps(zero, 0, word), word == 0);
  }
}

// ---- Loops, fuel, calls --------------------------------------------------------------------------------------------

TEST_P(Values, Counts) {
  for (const Word wanted : {Word{0}, Word{1}, Word{7}, Word{5000}, ~Word{0}, Word{1} << 63, Word{5001}, Word{1} << 40})
    for (const bool in_frame : {false, true}) {
      const Place index = in_frame ? Place::memory32(8 * 110) : Place::gpr(1);
      const Place limit = in_frame ? Place::memory32(8 * 110 + 4) : Place::gpr(2);
      Code code(
          [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
            const asmjit::Label back = masm.new_label(), out = masm.new_label();
            masm.trip_count(limit, home(1), 5000, trap);
            masm.move(Scalar::U32, index, Place::constant(0));
            masm.branch_compare(Condition::Eq, Scalar::U32, limit, Place::constant(0), true, out);
            masm.bind(back);
            masm.int_op(IntOp::Add, Scalar::U64, home(0), home(0), index, {});
            masm.loop_next(index, limit, back);
            masm.bind(out);
          },
          GetParam());
      code.frame[101] = wanted;
      const auto trips = static_cast<std::int64_t>(wanted) < 0 ? 0 : wanted;
      ASSERT_EQ(code.run(), trips > 5000 ? Trap::Overflow : Trap::None) << wanted;
      if (trips <= 5000) ASSERT_EQ(code.frame[100], trips == 0 ? 0 : trips * (trips - 1) / 2);
    }
}

TEST_P(Values, StepsAndStops) {
  for (const Word end : {Word{5}, Word{4096}, Word{70000}, Word{0} - 3}) {
    for (const In in : kIns) {
      const Place at = place_of(in, Scalar::I64, 1), trips = place_of(In::Kept, Scalar::I64, 2);
      Code code(
          [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
            const asmjit::Label back = masm.new_label();
            masm.move(Scalar::I64, at, home(1));
            masm.move(Scalar::U32, trips, Place::constant(0));
            masm.bind(back);
            masm.count_trip(trips, 100, trap);
            masm.step_next(at, end, back);
            masm.move(Scalar::I64, home(0), trips);
          },
          GetParam());
      code.frame[101] = end - 100;
      ASSERT_EQ(code.run(), Trap::None);
      ASSERT_EQ(code.frame[100], 100u);
      code.frame[101] = end - 101;
      ASSERT_EQ(code.run(), Trap::Overflow);
    }
  }
}

TEST_P(Values, ChargesFuel) {
  for (const std::uint64_t fuel : {std::uint64_t{1}, std::uint64_t{4095}, std::uint64_t{4096}, std::uint64_t{1} << 40})
    for (const bool by_trips : {false, true})
      for (const Word trips : {Word{1}, Word{3}, (Word{1} << 29) - 1}) {
        Code code(
            [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
              masm.move(Scalar::U64, Place::gpr(1), home(1));
              by_trips ? masm.charge_trips(fuel, Place::gpr(1), trap) : masm.charge(fuel, trap);
            },
            GetParam());
        const auto cost = static_cast<unsigned __int128>(fuel) * (by_trips ? trips : 1);
        code.frame[101] = trips;
        for (const std::uint64_t have : {std::uint64_t{0}, static_cast<std::uint64_t>(cost) - 1,
                                         static_cast<std::uint64_t>(cost), ~std::uint64_t{0}}) {
          code.context.fuel = have;
          const bool enough = have >= cost;
          ASSERT_EQ(code.run(), enough ? Trap::None : Trap::Overflow) << fuel << ' ' << trips << ' ' << have;
          ASSERT_EQ(code.context.fuel, enough ? have - static_cast<std::uint64_t>(cost) : have);
        }
      }
}

Trap meaning_of_sum(Context* context, Word* frame, vm::Instruction i) {
  context->texts_cut = 77;
  frame[i.a] = frame[i.b] + frame[i.c];
  return frame[i.a] == 13 ? Trap::ListFull : Trap::None;
}
double direct_of(Context& context, double a, Word b, float c, std::int64_t d) {
  context.texts_cut = b;
  return a + static_cast<double>(b) + static_cast<double>(c) + static_cast<double>(d);
}
float narrow_of(float a, float b) { return a - b; }
Word may_trap_of(Word a) { return a == 1 ? static_cast<Word>(Trap::NoReading) : 0; }
Trap words_of(Context&, const Word* arguments, Word* result) {
  *result = arguments[0] * arguments[1];
  return arguments[0] == 9 ? Trap::Fault : Trap::None;
}

TEST_P(Values, CallsOut) {
  const Place kept = Place::gpr(0), a = place_of(In::Lost, Scalar::F64, 0), b = place_of(In::Lost, Scalar::U64, 1);
  Code code(
      [&](Masm& masm, asmjit::Label, asmjit::Label left) {
        masm.move(Scalar::U64, kept, Place::constant(0x1234567890ABCDEF));
        masm.call_meaning(reinterpret_cast<const void*>(&meaning_of_sum), {Op::AddI64, 2, 0, 1}, 8 * 400, left, true);
        masm.move(Scalar::F64, a, home(0));
        masm.move(Scalar::U64, b, home(1));
        const Argument arguments[] = {
            {Scalar::F64, a}, {Scalar::U64, b}, {Scalar::F32, home(2)}, {Scalar::I64, Place::constant(~Word{0})}};
        masm.call_direct(reinterpret_cast<const void*>(&direct_of), true, arguments, false, Scalar::F64, home(3), {});
        const Argument floats[] = {{Scalar::F32, home(2)}, {Scalar::F32, Place::constant(vm::to_word(0.5f))}};
        masm.call_direct(reinterpret_cast<const void*>(&narrow_of), false, floats, false, Scalar::F32, a, {});
        masm.move(Scalar::F32, home(4), a);
        const Argument word[] = {{Scalar::U64, home(5)}};
        masm.call_direct(reinterpret_cast<const void*>(&may_trap_of), false, word, true, Scalar::Void, {}, left);
        masm.call_intrinsic(reinterpret_cast<const void*>(&words_of), 8 * 106, Scalar::U64, home(8), left);
        masm.move(Scalar::U64, home(9), kept);
      },
      GetParam());
  code.frame[400] = 5;
  code.frame[401] = 6;
  code.frame[100] = vm::to_word(1.25);
  code.frame[101] = 1000;
  code.frame[102] = vm::to_word(0.5f);
  code.frame[106] = 6;
  code.frame[107] = 7;
  ASSERT_EQ(code.run(), Trap::None);
  EXPECT_EQ(code.frame[402], 11u);
  EXPECT_EQ(code.frame[103], vm::to_word(1.25 + 1000 + 0.5 - 1));
  EXPECT_EQ(code.frame[104], vm::to_word(0.0f));
  EXPECT_EQ(code.context.texts_cut, 1000u);
  EXPECT_EQ(code.frame[108], 42u);
  EXPECT_EQ(code.frame[109], 0x1234567890ABCDEFu);
  const auto trapped = [&](Trap trap) {
    EXPECT_EQ(code.run(), trap);
    EXPECT_EQ(code.context.trap_function, 4);
    EXPECT_EQ(code.context.trap_instruction, 70000u);
  };
  code.frame[106] = 9;
  trapped(Trap::Fault);
  code.frame[105] = 1;
  trapped(Trap::NoReading);
  code.frame[400] = 7;
  trapped(Trap::ListFull);
}

// A callee keeps the caller's pins, and a trap in it leaves from both.
TEST_P(Values, CallsFunctions) {
  Code code(
      [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
        const asmjit::Label callee = masm.new_label(), over = masm.new_label();
        for (int n = 0; n < Masm::kKeptGprs; ++n) masm.move(Scalar::U64, Place::gpr(n), Place::memory(8 * (200 + n)));
        for (int n = 0; n < Masm::kKeptFprs; ++n) masm.move(Scalar::F64, Place::fpr(n), Place::memory(8 * (300 + n)));
        masm.call_function(callee, 8 * 500);
        for (int n = 0; n < Masm::kKeptGprs; ++n) masm.move(Scalar::U64, Place::memory(8 * (600 + n)), Place::gpr(n));
        for (int n = 0; n < Masm::kKeptFprs; ++n) masm.move(Scalar::F64, Place::memory(8 * (700 + n)), Place::fpr(n));
        masm.jump(over);
        masm.bind(callee);
        masm.prologue(Code::kAllPins);
        for (int n = 0; n < Masm::kKeptGprs; ++n) masm.move(Scalar::U64, Place::gpr(n), Place::constant(99));
        for (int n = 0; n < Masm::kKeptFprs; ++n) masm.move(Scalar::F64, Place::fpr(n), Place::constant(99));
        masm.branch_compare(Condition::Eq, Scalar::U64, Place::memory(8), Place::constant(1), true, trap);
        masm.move(Scalar::U64, Place::memory(0), Place::constant(8));
        masm.epilogue(Code::kAllPins);
        masm.bind(over);
      },
      GetParam());
  for (std::size_t n = 200; n < 400; ++n) code.frame[n] = n * 0x9E3779B97F4A7C15;
  ASSERT_EQ(code.run(), Trap::None);
  EXPECT_EQ(code.frame[500], 8u);
  for (std::size_t n = 0; n < Masm::kKeptGprs; ++n) EXPECT_EQ(code.frame[600 + n], code.frame[200 + n]) << n;
  for (std::size_t n = 0; n < Masm::kKeptFprs; ++n) EXPECT_EQ(code.frame[700 + n], code.frame[300 + n]) << n;
  code.frame[501] = 1;
  EXPECT_EQ(code.run(), Trap::Overflow);
  code.frame[501] = 0;
  EXPECT_EQ(code.run(), Trap::None);
}

// A function that writes every pin and ends, one that traps, one that traps two calls deep.
TEST_P(Values, KeepWhatTheCallerHadInItsRegisters) {
  const auto write_all = [](Masm& masm) {
    for (int n = 0; n < Masm::kGprs; ++n) masm.move(Scalar::U64, Place::gpr(n), Place::constant(~static_cast<Word>(n)));
    for (int n = 0; n < Masm::kFprs; ++n) masm.move(Scalar::F64, Place::fpr(n), Place::constant(~static_cast<Word>(n)));
  };
  for (int how = 0; how < 3; ++how) {
    Code code(
        [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
          write_all(masm);
          if (how == 1) masm.jump(trap);
          if (how != 2) return;
          const asmjit::Label over = masm.new_label(), first = masm.new_label(), second = masm.new_label();
          masm.jump(over);
          masm.bind(second);
          masm.prologue(Code::kAllPins);
          write_all(masm);
          masm.jump(trap);
          masm.bind(first);
          masm.prologue(Code::kAllPins);
          write_all(masm);
          masm.call_function(second, 16);
          masm.epilogue(Code::kAllPins);
          masm.bind(over);
          masm.call_function(first, 16);
        },
        GetParam());
    Word after[kCallersRegisters] = {};
    EXPECT_EQ(code.run_filled(after), how == 0 ? Trap::None : Trap::Overflow);
    for (std::size_t n = 0; n < kCallersRegisters; ++n) EXPECT_EQ(after[n], callers_number(n)) << how << ", " << n;
  }
}

#if defined(__aarch64__)
// Two megabytes lie between a branch and where it goes, forward and back.
TEST(Far, BranchesReach) {
  for (const bool trapping : {false, true}) {
    Code code(
        [&](Masm& masm, asmjit::Label trap, asmjit::Label) {
          const asmjit::Label start = masm.new_label(), out = masm.new_label();
          masm.move(Scalar::U64, Place::gpr(0), Place::constant(0));
          masm.bind(start);
          masm.branch_compare(Condition::Eq, Scalar::I64, Place::gpr(0), Place::constant(3), true, out);
          masm.branch_bool(home(1), true, trap);
          masm.int_op(IntOp::Add, Scalar::I64, Place::gpr(0), Place::gpr(0), Place::constant(1), trap);
          for (int n = 0; n < 1 << 19; ++n) masm.assembler().nop();
          masm.branch_compare(Condition::Lt, Scalar::I64, Place::gpr(0), Place::constant(100), true, start);
          masm.bind(out);
          masm.move(Scalar::U64, home(0), Place::gpr(0));
        },
        1);
    code.frame[101] = trapping;
    EXPECT_EQ(code.run(), trapping ? Trap::Overflow : Trap::None);
    EXPECT_EQ(code.frame[100], trapping ? 0u : 3u);
  }
}
INSTANTIATE_TEST_SUITE_P(A64, Values, testing::Values(0, 1),
                         [](const auto& info) { return info.param == 0 ? "Near" : "Far"; });
#else
constexpr const char* kLevels[] = {"Sse2", "Avx", "Avx2"};
INSTANTIATE_TEST_SUITE_P(X86, Values, testing::Values(0, 1, 2), [](const auto& info) { return kLevels[info.param]; });
#endif

}  // namespace
}  // namespace eyeflow::jit
