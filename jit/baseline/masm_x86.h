#pragma once

#include <asmjit/x86.h>

#include <span>
#include <vector>

#include "jit/baseline/masm.h"
#include "vm/isa/isa.h"

namespace eyeflow::jit {

// What of x86-64 is used; each level has the ones before it.
enum class X86Level : std::uint8_t { Sse2, Avx, Avx2 };

// x86-64, System V calling convention.
//   rbx  the frame          rbp  the context          rax rcx rdx xmm14 xmm15  of an operation's own
//   pins  r12–r15 (kept), rsi rdi r8–r11; xmm0–xmm13
class MasmX86 {
 public:
  using Label = asmjit::Label;
  static constexpr int kGprs = 10, kKeptGprs = 4, kFprs = 14, kKeptFprs = 0;

  // `blind_key`: 0, or what the numbers of a task are hidden with where they stand in instructions.
  MasmX86(asmjit::CodeHolder& code, X86Level level, std::uint64_t blind_key = 0)
      : a_(&code), avx_(level >= X86Level::Avx), avx2_(level >= X86Level::Avx2), blind_key_(blind_key) {}

  Label new_label() { return a_.newLabel(); }
  void bind(Label label) { a_.bind(label); }
  void align_loop() { a_.align(asmjit::AlignMode::kCode, 16); }
  void jump(Label to) { a_.jmp(to); }
  std::size_t offset() const { return a_.offset(); }

  void begin_module(const void* journal_line);
  void end_module() {}
  Label entry() const { return entry_; }
  void expect(std::size_t, int float_pins) { float_pins_ = float_pins; }
  void prologue(PinSet used);
  void epilogue(PinSet used);
  void end_function();

  void call_function(Label function, std::int32_t frame_bytes);
  void call_function(const void* function, std::int32_t frame_bytes);
  void call_meaning(const void* meaning, vm::Instruction i, std::int32_t frame_bytes, Label trap, bool may_trap);
  // `arguments`: where the first one is, bytes from the frame's start. The result goes to `result` (None: there is
  // none).
  void call_intrinsic(const void* function, std::int32_t arguments, Scalar type, Place result, Label trap);
  void call_direct(const void* function, bool takes_context, std::span<const Argument> arguments, bool may_trap,
                   Scalar type, Place result, Label trap);

  void trap_stub(Label label, Trap trap, std::uint16_t function, std::uint32_t instruction);
  void trap_stub(Label label, std::uint16_t function, std::uint32_t instruction);

  void charge(std::uint64_t fuel, Label trap);
  void charge_trips(std::uint64_t fuel, Place trips, Label trap);

  void move(Scalar type, Place to, Place from);
  void load_base(Place to, Region region);
  void load_seen(Place to);

  void int_op(IntOp op, Scalar type, Place to, Place b, Place c, Label overflow);
  void int_divide(Scalar type, bool remainder, Place to, Place b, Place c, Label zero, Label overflow);
  void int_unary(IntUnary op, Scalar type, Place to, Place b, Label overflow);
  void float_op(FloatOp op, Scalar type, Place to, Place b, Place c);
  void float_unary(FloatUnary op, Scalar type, Place to, Place b);
  void float_mul_add(bool subtract, Scalar type, Place to, Place b, Place c);  // to += b * c, or -=; rounded twice
  void compare(Condition condition, Scalar type, Place to, Place b, Place c);
  void branch_compare(Condition condition, Scalar type, Place b, Place c, bool when, Label to);
  void branch_bool(Place b, bool when, Label to);
  void is_nan(Scalar type, Place to, Place b);
  void convert(Op op, Place to, Place b, Label trap);

  void load_word(Scalar type, Place to, const Address& from);
  void store_word(Scalar type, const Address& to, Place from);
  void load_element(Scalar type, Place to, const Address& from);
  void store_element(Scalar type, const Address& to, Place from);
  void check_index(Place index, Place limit, Label trap);
  void check_index(Place index, const Address& limit, Label trap);
  void branch_zero_word(const Address& word, Label to);
  void touch(const Address& to, Place seen);
  void emit_row(std::uint16_t output, std::span<const Argument> fields, Label trap);

  ArrayLimits array_limits() const;
  void array_op(ArrayOp op, Scalar type, const Address& to, const Elements& b, const Elements& c, std::uint32_t bytes,
                Label overflow);
  void array_fill(Scalar type, const Address& to, Place value, std::uint32_t bytes);
  void array_sum(Scalar type, Place to, const Address& from, std::uint32_t count, Label overflow);

  void trip_count(Place limit, Place wanted, std::uint32_t most, Label trap);
  void loop_next(Place index, Place limit, Label back);
  void step_next(Place index, Word end, Label back);
  void count_trip(Place index, std::uint32_t most, Label trap);

 private:
  using Gp = asmjit::x86::Gp;
  using Xmm = asmjit::x86::Xmm;
  using Mem = asmjit::x86::Mem;

  struct Slow {
    enum class Kind : std::uint8_t { Touch, NanWord, NanElement, DivideMinusOne, Unsigned, MinimumOrTrap } kind;
    Label label{}, back{}, trap{};
    Mem place{};
    Gp number{};
    Xmm value{};
    Scalar type = Scalar::Void;
    bool remainder = false;
    std::uint32_t line = 0;
    bool line_known = false;
  };
  struct Literal {
    Label label;
    Word bits;
  };

  Mem frame(const Place& place, int bytes) const;
  Gp gpr(const Place& place, Gp scratch);    // the word, loaded into `scratch` where it is in no register
  Xmm fpr(const Place& place, Xmm scratch);  // f64 or f32
  Gp destination(const Place& to) const;     // its register, or rax
  void put(const Place& to, Gp from);
  void put(const Place& to, Xmm from);
  void load_constant(Gp to, Word bits);
  void load_number(Gp to, Word bits);  // leaves the flags as they are
  bool is_immediate(Word bits) const;  // may stand in an instruction that extends the sign of 32 bits
  Mem literal(Word bits);
  Label literal_label(Word bits);
  // index register is in rdx at most, base in rcx at most
  Mem memory(const Address& address, int bytes);
  void call_address(const void* function);
  void canonical_int(Scalar type, Gp to);
  template <typename F>
  void with_number(Word bits, bool wide, F f);
  template <typename F>
  void with_int_operand(const Place& c, bool wide, F f);
  void float_binary(asmjit::InstId sse, asmjit::InstId avx, Xmm to, Xmm b, const Place& c, Scalar type);
  void float_compare(Scalar type, Xmm b, const Place& c);
  asmjit::x86::CondCode integer_flags(Condition condition, Scalar type, Place b, Place c);
  void zero(Xmm to);
  void copy(Xmm to, Xmm from);
  void store_float(Scalar type, Mem place, Place from, bool word);

  // Whole arrays (masm_x86_arrays.cpp)
  struct Source {
    Mem at;
    bool same = false;  // for every element: a vector of it is there
  };
  class Vectors;
  Mem array_at(const Address& array, Gp scratch);
  Mem vector_literal(Word pattern);
  void splat(Scalar type, Place scalar, bool wide);
  Source source(Scalar type, const Elements& elements, bool wide, Gp scratch);
  void load_piece(Xmm to, const Mem& from, std::uint32_t bytes);
  void store_piece(const Mem& to, Xmm from, std::uint32_t bytes);
  void vector_op(asmjit::InstId sse, asmjit::InstId avx, Xmm to, Xmm b, const asmjit::Operand& c, bool wide);
  void make_canonical(Scalar type, Xmm x, Xmm mask, bool wide);
  void float_piece(ArrayOp op, Scalar type, const Mem& to, const Source& b, const Source& c, std::uint32_t bytes);
  void whole_elements(ArrayOp op, Scalar type, const Mem& to, const Source& b, const Source& c, std::uint32_t bytes,
                      Label overflow);
  void each_element(ArrayOp op, Scalar type, const Mem& to, const Source& b, const Source& c, std::uint32_t bytes,
                    Label overflow);
  void load_part(Vectors& vectors, int to, const Mem& from, std::uint32_t bytes);
  struct Sum {
    Scalar type;
    Mem from;
    std::uint32_t bytes, width;
  };
  bool partial_sum(Vectors& vectors, const Sum& sum, std::uint32_t n, std::uint32_t folded, int to);
  void sum_floats(Scalar type, const Mem& from, std::uint32_t bytes);

  asmjit::x86::Assembler a_;
  bool avx_, avx2_;
  int float_pins_ = kFprs;  // that the function uses, from the first on
  std::uint64_t blind_key_;
  Label entry_, leave_, trap_exit_, touch_;
  Label own_exit_;  // of the traps of own_function_, in the function at hand
  std::uint16_t own_function_ = 0;
  std::vector<Slow> slow_;
  std::vector<Literal> literals_, vector_literals_;
};

}  // namespace eyeflow::jit
