#pragma once

#include <asmjit/core.h>
// Behind core.h, which it needs.
#include <asmjit/arm/a64assembler.h>
#include <asmjit/arm/a64utils.h>

#include <span>
#include <vector>

#include "jit/baseline/masm.h"
#include "vm/isa/context.h"

namespace eyeflow::jit {

// The macro-assembler for AArch64 (Armv8.0; BTI landing pads are no-ops where there is no BTI). What each operation
// means stands in README.md.
//
//   x19 context, x20 frame, x29 the stack where the code was entered: a trap leaves from any depth by it
//   pins: x21 … x28 kept across calls, x8 x13 x14 x15 not; v8 … v15 kept, v16 … v28 not
//   free for one operation: x0 … x7, x9 … x12, x16, x17, v0 … v7, v29 … v31; x18 is the platform's
class MasmA64 {
 public:
  using Label = asmjit::Label;
  static constexpr int kGprs = 12, kFprs = 21, kKeptGprs = 8, kKeptFprs = 8;

  explicit MasmA64(asmjit::CodeHolder& code) : a_(&code) {}

  asmjit::a64::Assembler& assembler() { return a_; }
  Label new_label() { return a_.newLabel(); }
  void bind(Label label) { a_.bind(label); }
  void align_loop() {}

  // How many instructions of the bytecode the next function has: where there are so many that a conditional branch may
  // not reach, each is turned into one over an unconditional one.
  void expect(std::size_t instructions, int /*float_pins*/) { far_ = instructions > kNearInstructions; }

  // The journal's slow path is written here: the one that is offered is for machines that call out for it.
  void begin_module(const void* journal_line);
  void end_module() {}
  Label entry() const { return entry_; }

  void prologue(PinSet used);
  void epilogue(PinSet used);
  void end_function();

  void call_function(Label function, std::int32_t frame_bytes);
  void call_function(const void* code, std::int32_t frame_bytes);
  void call_meaning(const void* address, vm::Instruction instruction, std::int32_t frame_bytes, Label trap,
                    bool may_trap);

  void call_intrinsic(const void* function, std::int32_t arguments, Scalar type, const Place& result, Label trap);
  void call_direct(const void* function, bool takes_context, std::span<const Argument> arguments, bool may_trap,
                   Scalar type, const Place& result, Label trap);

  void trap_stub(Label label, Trap trap, std::uint16_t function, std::uint32_t instruction);
  void trap_stub(Label label, std::uint16_t function, std::uint32_t instruction);

  void charge(std::uint64_t fuel, Label trap);
  void charge_trips(std::uint64_t fuel, const Place& trips, Label trap);

  void move(Scalar type, const Place& to, const Place& from);
  void load_base(const Place& to, Region region);
  void load_seen(const Place& to);

  void int_op(IntOp op, Scalar type, const Place& to, const Place& b, const Place& c, Label overflow);
  void int_divide(Scalar type, bool remainder, const Place& to, const Place& b, const Place& c, Label zero,
                  Label overflow);
  void int_unary(IntUnary op, Scalar type, const Place& to, const Place& b, Label overflow);
  void float_op(FloatOp op, Scalar type, const Place& to, const Place& b, const Place& c);
  void float_unary(FloatUnary op, Scalar type, const Place& to, const Place& b);
  void float_mul_add(bool subtract, Scalar type, const Place& to, const Place& b, const Place& c);
  void compare(Condition condition, Scalar type, const Place& to, const Place& b, const Place& c);
  void branch_compare(Condition condition, Scalar type, const Place& b, const Place& c, bool when, Label to);
  void branch_bool(const Place& place, bool when, Label to);
  void is_nan(Scalar type, const Place& to, const Place& b);
  void convert(Op op, const Place& to, const Place& b, Label trap);

  void load_word(Scalar type, const Place& to, const Address& address);
  void store_word(Scalar type, const Address& address, const Place& from);
  void load_element(Scalar type, const Place& to, const Address& address);
  void store_element(Scalar type, const Address& address, const Place& from);
  void check_index(const Place& index, const Place& limit, Label trap);
  void check_index(const Place& index, const Address& limit, Label trap);
  void branch_zero_word(const Address& address, Label to);
  void touch(const Address& address, const Place& seen);
  void emit_row(std::uint16_t output, std::span<const Argument> fields, Label trap);

  static ArrayLimits array_limits() {
    return {.vector_bytes = 256, .elements = 16, .products = 32, .integer_vectors = true};
  }
  void array_op(ArrayOp op, Scalar type, const Address& to, const Elements& b, const Elements& c, std::uint32_t bytes,
                Label overflow);
  void array_fill(Scalar type, const Address& to, const Place& value, std::uint32_t bytes);
  void array_sum(Scalar type, const Place& to, const Address& from, std::uint32_t count, Label overflow);

  void trip_count(const Place& limit, const Place& wanted, std::uint32_t most, Label trap);
  void loop_next(const Place& index, const Place& limit, Label back);
  void step_next(const Place& index, Word end, Label back);
  void count_trip(const Place& index, std::uint32_t most, Label trap);
  void jump(Label to) { a_.b(to); }
  std::size_t offset() const { return a_.offset(); }

 private:
  using Gp = asmjit::a64::Gp;
  using Vec = asmjit::a64::Vec;
  using Mem = asmjit::a64::Mem;
  using Cond = asmjit::arm::CondCode;

  // Of what an operation of the bytecode takes at most, with what it puts off: 1 MB / 4 bytes / 48 instructions.
  static constexpr std::size_t kNearInstructions = 5000;

  // Registers (masm_a64.cpp)
  void load_base(Gp to, Region region);
  void load_seen(Gp to);
  static Gp context();
  static Gp gpr_of(const Place& place);
  static Vec fpr_of(const Place& place);
  void set(Gp to, std::uint64_t value);
  void set_address(Gp to, const void* address);
  void add_constant(Gp to, Gp from, std::uint64_t value);
  Mem frame(std::int32_t offset, int access_bytes);
  Gp use(const Place& place, Gp temporary);
  void into(Gp to, const Place& place);
  Vec use_float(Scalar type, const Place& place, Vec temporary);
  void set_float(Scalar type, Vec to, Word bits);
  Label literal(Word bits);
  Gp target(const Place& to, Gp temporary) { return to.is(Place::Kind::Gpr) ? gpr_of(to) : temporary; }
  Vec target_float(const Place& to, Vec temporary) { return to.is(Place::Kind::Fpr) ? fpr_of(to) : temporary; }
  void finish(const Place& to, Gp value);
  void finish_float(Scalar type, const Place& to, Vec value);
  static Gp sized(Scalar type, Gp reg);
  static Vec sized(Scalar type, Vec reg) { return type == Scalar::F32 ? Vec(reg.s()) : Vec(reg.d()); }

  // Branches that may have to go far
  void branch(Cond condition, Label to);
  void branch_zero(Gp reg, bool when_zero, Label to);
  bool reaches(Label to) const;

  // Values (masm_a64_values.cpp)
  void canonical(Scalar type, Gp reg);
  void checked(IntOp op, Scalar type, Gp to, const Place& b, const Place& c, Label overflow);
  void modular(IntOp op, Scalar type, Gp to, const Place& b, const Place& c);
  void shift(IntOp op, Scalar type, Gp to, Gp b, const Place& c);
  Cond flags(Condition condition, Scalar type, const Place& b, const Place& c);
  void compare_words(Gp b, const Place& c);
  void whole_part(Op op, Gp to, const Place& b, Label trap);
  void check_range(Vec value, Label trap);

  // Memory (masm_a64_memory.cpp)
  Mem operand(const Address& address, int access_bytes);
  bool line_of(const Address& address, std::uint64_t& known);
  void store_float(Scalar type, int bytes, Vec value, const Mem& mem);

  // Whole arrays (masm_a64_arrays.cpp)
  struct Source {
    Gp at{};    // the array …
    Vec all{};  // … or a vector of a scalar
  };
  void array_at(const Address& array, Gp to);
  void splat(Scalar type, const Place& scalar, Vec to);
  Source source(Scalar type, const Elements& elements, Gp array, Vec all);
  void load_piece(Vec to, Gp from, std::uint32_t at, std::uint32_t bytes);
  void store_piece(Gp to, std::uint32_t at, Vec from, std::uint32_t bytes);
  Vec loaded(const Source& from, Vec temporary, std::uint32_t at, std::uint32_t bytes);
  void float_elements(ArrayOp op, Scalar type, Vec to, Vec b, Vec c);
  void whole_elements(ArrayOp op, Scalar type, Vec to, Vec b, Vec c, bool first);
  void multiply_element(Scalar type, Gp to, const Source& b, const Source& c, std::uint32_t at, Label overflow);
  struct Sum {
    Scalar type;
    Gp from;
    std::uint32_t bytes;
  };
  void load_part(int to, const Sum& sum, std::uint32_t at);
  bool partial_sum(const Sum& sum, std::uint32_t n, std::uint32_t folded, int to);

  // What a function puts behind its end.
  struct NanStore {
    Label at, back;
    Mem mem;
    Scalar type;
    int bytes;
  };
  struct Untouched {
    Label at, back;
    std::uint64_t line;  // when there is no register that holds it
    bool in_register;
  };

  struct Literal {
    Label at;
    Word bits;
  };

  asmjit::a64::Assembler a_;
  Label entry_, leave_, leave_with_trap_, save_line_;
  std::vector<NanStore> nan_stores_;
  std::vector<Untouched> untouched_;
  std::vector<Literal> literals_;
  bool far_ = false;
};

}  // namespace eyeflow::jit
