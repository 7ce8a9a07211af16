#pragma once

#include <cstdint>

#include "vm/isa/context.h"
#include "vm/isa/intrinsic.h"
#include "vm/isa/isa.h"

// What the driver (compiler.h) and the macro-assemblers (masm_x86.h, masm_a64.h) say to each other. The driver knows
// the bytecode, fuel, traps and where each value lives; a macro-assembler knows the machine. It is a template parameter
// of the driver: no virtual calls. README.md lists the operations that each must offer.
namespace eyeflow::jit {

using vm::Op;
using vm::Region;
using vm::Scalar;
using vm::Trap;
using vm::Word;

// Where a value is while an instruction runs. Every operation takes any mix of kinds.
struct Place {
  enum class Kind : std::uint8_t {
    None,
    Gpr,       // in the pin `reg` for integers, references, addresses: canonical 64-bit word
    Fpr,       // in the pin `reg` for floats; of an f32 the bits 32 to 63 are zero
    Memory,    // in the frame: the word `offset` bytes from the frame's start
    Memory32,  // in the frame: 4 bytes, read as zero-extended (halves of a counter)
    Constant,  // known: the canonical word `bits`
  };
  Kind kind = Kind::None;
  std::uint8_t reg = 0;
  std::int32_t offset = 0;
  Word bits = 0;

  static Place gpr(int pin) { return {Kind::Gpr, static_cast<std::uint8_t>(pin)}; }
  static Place fpr(int pin) { return {Kind::Fpr, static_cast<std::uint8_t>(pin)}; }
  static Place memory(std::int32_t offset) { return {Kind::Memory, 0, offset}; }
  static Place memory32(std::int32_t offset) { return {Kind::Memory32, 0, offset}; }
  static Place constant(Word bits) { return {Kind::Constant, 0, 0, bits}; }

  bool is(Kind k) const { return kind == k; }
  friend bool operator==(const Place&, const Place&) = default;
};

// A place in the task's memory: base of `region` + displacement + low half of `reference` + index × scale. The index
// has been checked: it is below 2^29.
struct Address {
  Region region = Region::Const;
  Place base{};                    // a Gpr that holds context.base[region]; None: it is still to be loaded
  std::uint32_t displacement = 0;  // bytes, below 2^27
  Place reference{};               // None, or the Place of a reference word whose slot is not known
  Place index{};                   // None, or where the index is
  std::uint8_t scale = 1;          // 1, 2, 4 or 8
};

enum class IntOp : std::uint8_t { Add, Sub, Mul, And, Or, Xor, Shl, Shr, Min, Max };
enum class IntUnary : std::uint8_t { Neg, Abs, Not };
enum class FloatOp : std::uint8_t { Add, Sub, Mul, Div, Min, Max };
enum class FloatUnary : std::uint8_t { Neg, Abs, Sqrt };
enum class Condition : std::uint8_t { Eq, Ne, Lt, Le };  // of floats: false with a NaN, but Ne is true

// What is done to each element of a whole array; Copy, Neg, Abs and Sqrt to one operand.
enum class ArrayOp : std::uint8_t { Copy, Add, Sub, Mul, Div, Min, Max, Neg, Abs, Sqrt };

// An operand of a whole array's operation: an array, or a scalar that stands for each of its elements.
struct Elements {
  Address array;
  Place scalar{};  // None: it is the array
};

// Up to which length operations on whole arrays are made in place; longer ones are calls, which are no slower there:
// bench/tiers/short_arrays.cpp.
struct ArrayLimits {
  std::uint32_t vector_bytes = 0;  // where several elements are worked on at a time
  std::uint32_t elements = 0;      // where it goes one by one
  std::uint32_t products = 0;      // likewise, where integers are multiplied
  bool integer_vectors = false;    // what the first limit is for: integers, too
};

// Pins that a piece of code needs kept across a call.
struct PinSet {
  std::uint32_t gprs = 0, fprs = 0;
};

// What a directly called intrinsic takes.
struct Argument {
  Scalar type = Scalar::Void;  // U64 for references
  Place place;
};

// The context's layout is ours (vm/isa/context.h): offsets are taken from an object, since it is no C struct.
template <typename T>
inline std::int32_t offset_in_context(T vm::Context::* member) {
  static const vm::Context context;
  return static_cast<std::int32_t>(reinterpret_cast<const char*>(&(context.*member)) -
                                   reinterpret_cast<const char*>(&context));
}

}  // namespace eyeflow::jit
