#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace eyeflow::vm {

// A register, and a scalar slot in memory, is one 64-bit word. What it means is the declared type's business; a word
// always holds the canonical form of its type: bool 0 or 1, signed numbers sign-extended, unsigned ones zero-extended,
// f32 in the low half with a zero high half.
using Word = std::uint64_t;

// The scalar types. The numbers are part of the module format: append only. `time` and `duration` are I64 nanoseconds,
// units are gone by now.
enum class Scalar : std::uint8_t { Void, Bool, I64, I32, U8, U16, U32, U64, F32, F64 };
inline constexpr int kScalarCount = 10;

std::string_view name(Scalar type);         // "f64"
int size_bytes(Scalar element);             // of an array element: 1, 2, 4 or 8; 0 for Void
bool is_canonical(Scalar type, Word word);  // what a slot's initial image must satisfy

// The five regions of a task's memory. Const, Param and Input are read-only to the task: the first is shared by all
// instances of a module, the second is set by the site, the third is written by the engine (latest readings, the
// clock, alarm flags). State lives on and is journalled; Scratch is the worker's and is zeroed after every event.
enum class Region : std::uint8_t { Const, Param, Input, State, Scratch };
inline constexpr int kRegionCount = 5;
constexpr bool is_writable(Region region) { return region >= Region::State; }
std::string_view name(Region region);

enum class TypeKind : std::uint8_t {
  Scalar,   // one word
  Text,     // reference to {u32 length; u8 bytes[capacity]}, padded to a word
  Array,    // reference to element[capacity]
  List,     // reference to {u64 length; element[capacity]}, at most `capacity` elements in use
  Counter,  // a loop's own register: trips so far and trips in all; `capacity` is the most trips it may make
  View,     // reference to element[length], a part of a list or array: at most `capacity` elements. In registers only
};
// A reference, to what has a slot or to a part of that.
constexpr bool is_reference(TypeKind kind) { return kind != TypeKind::Scalar && kind != TypeKind::Counter; }
// What a slot may hold.
constexpr bool has_place(TypeKind kind) { return kind != TypeKind::Counter && kind != TypeKind::View; }

// One row of the module's type table. Registers and slots name their type by its index there; the first
// kFirstModuleType indices are the scalars themselves.
struct Type {
  TypeKind kind = TypeKind::Scalar;
  Scalar element = Scalar::Void;  // the scalar itself, or what an array holds
  Region region = Region::Const;  // where a reference points
  std::uint32_t capacity = 0;     // bytes of a text, elements of an array, trips of a counter; < 2^29

  friend bool operator==(const Type&, const Type&) = default;
};
// As messages and the assembler's text have it: "f64", "text(20)@scratch", "[f64; 8]@state", "[u8; <=5]@state",
// "[u8; view 5]@state", "counter(10)".
std::string describe(const Type& type);

using TypeId = std::uint16_t;
inline constexpr TypeId kFirstModuleType = 16;
constexpr TypeId type_id(Scalar type) { return static_cast<TypeId>(type); }
inline constexpr std::uint32_t kMaxCapacity = (1u << 29) - 1;

// Bytes that a value of this type takes in its region, a multiple of 8; 0 for a counter and a view, which have none.
std::uint64_t slot_size_bytes(const Type& type);
// Whether these bytes, as many as slot_size_bytes says, hold a value of the type: canonical scalars, a length within
// the capacity, UTF-8. `used` becomes how many of them do.
bool is_value(const Type& type, std::span<const std::byte> bytes, std::size_t& used);

// A reference in a register: where and how many, never a host address. No instruction computes one from numbers.
//   bits 0–31 byte offset in the region · bits 32–34 region · bits 35–63 capacity
struct Reference {
  Word word;

  static constexpr Reference make(Region region, std::uint32_t offset, std::uint32_t capacity) {
    return {static_cast<Word>(offset) | static_cast<Word>(region) << 32 | static_cast<Word>(capacity) << 35};
  }
  constexpr std::uint32_t offset() const { return static_cast<std::uint32_t>(word); }
  constexpr Region region() const { return static_cast<Region>(word >> 32 & 7); }
  constexpr std::uint32_t capacity() const { return static_cast<std::uint32_t>(word >> 35); }
};

template <Scalar S>
struct CppTypeOf;
template <>
struct CppTypeOf<Scalar::Bool> {
  using type = bool;
};
template <>
struct CppTypeOf<Scalar::I64> {
  using type = std::int64_t;
};
template <>
struct CppTypeOf<Scalar::I32> {
  using type = std::int32_t;
};
template <>
struct CppTypeOf<Scalar::U8> {
  using type = std::uint8_t;
};
template <>
struct CppTypeOf<Scalar::U16> {
  using type = std::uint16_t;
};
template <>
struct CppTypeOf<Scalar::U32> {
  using type = std::uint32_t;
};
template <>
struct CppTypeOf<Scalar::U64> {
  using type = std::uint64_t;
};
template <>
struct CppTypeOf<Scalar::F32> {
  using type = float;
};
template <>
struct CppTypeOf<Scalar::F64> {
  using type = double;
};
template <Scalar S>
using CppType = typename CppTypeOf<S>::type;

template <typename T>
constexpr T from_word(Word word) {
  if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(word);
  else if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<float>(static_cast<std::uint32_t>(word));
  else if constexpr (std::is_same_v<T, Reference>)
    return Reference{word};
  else
    return static_cast<T>(word);
}

constexpr Word to_word(double value) { return std::bit_cast<Word>(value); }
constexpr Word to_word(float value) { return std::bit_cast<std::uint32_t>(value); }
constexpr Word to_word(Reference value) { return value.word; }
template <typename T>
  requires std::is_integral_v<T>
constexpr Word to_word(T value) {
  if constexpr (std::is_signed_v<T>)
    return static_cast<Word>(static_cast<std::int64_t>(value));
  else
    return static_cast<Word>(value);
}

// Where a float's bits can be seen (state, outputs), every NaN is the one canonical NaN.
constexpr double canonical(double value) {
  if (value == value) [[likely]]
    return value;
  return std::bit_cast<double>(0x7ff8000000000000ull);
}
constexpr float canonical(float value) {
  if (value == value) [[likely]]
    return value;
  return std::bit_cast<float>(0x7fc00000u);
}

}  // namespace eyeflow::vm
