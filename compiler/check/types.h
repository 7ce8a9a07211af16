#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "compiler/syntax/span.h"
#include "vm/module/image_unit.h"

namespace eyeflow::compiler::typed {

// `None` is the type of a call that gives nothing. `Error` never reaches the lowering: a program with errors is not
// lowered.
enum class TypeKind : std::uint8_t {
  Error,
  None,
  Bool,
  I64,  // `int`
  I32,
  U8,
  U16,
  U32,
  U64,
  F32,
  F64,
  Text,          // text(size): at most `size` bytes of UTF-8
  Time,          // i64, nanoseconds since 1970, UTC
  Duration,      // i64, nanoseconds
  FixedArray,    // [element; size]
  BoundedArray,  // [element; <=size]
  Record,
  Enum,      // a word: which of its values, from 0
  Optional,  // an element, or none: element?
};

struct UnitInfo;  // check/units.h; interned, so that equal units are equal pointers

// Small, copied by value. `unit`, `element` and `record` are interned in the TypeArena: equal types compare equal.
struct Type {
  TypeKind kind = TypeKind::Error;
  std::uint32_t size = 0;          // Text: bytes; arrays: elements
  const UnitInfo* unit = nullptr;  // numbers only; null is a plain number. Gone by the time of lowering.
  const Type* element = nullptr;   // arrays, optionals
  const struct Record* record = nullptr;
  const struct Enum* enumeration = nullptr;
  // An image is a FixedArray of u8 of `size` bytes that has these.
  std::uint16_t width = 0, height = 0;
  vm::PixelFormat format = vm::PixelFormat::None;

  friend bool operator==(const Type&, const Type&) = default;
};

struct Field {
  std::string name;
  Type type;
  Span span;
};

struct Record {
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
  std::string name;  // "running_spectrum(501)"
  Span span;
  std::vector<Field> fields;          // no record contains itself
  std::uint32_t declared = kNowhere;  // the checker's row of its declaration; a window's record has none
  std::vector<std::uint32_t> sizes;   // "(501)"
};

struct Enum {
  std::string name;
  Span span;
  std::vector<std::string> values;  // at least one
};

constexpr bool is_float(TypeKind k) { return k == TypeKind::F32 || k == TypeKind::F64; }
constexpr bool is_modular(TypeKind k) { return k >= TypeKind::U8 && k <= TypeKind::U64; }
constexpr bool is_integer(TypeKind k) { return k >= TypeKind::I64 && k <= TypeKind::U64; }
constexpr bool is_number(TypeKind k) { return k >= TypeKind::I64 && k <= TypeKind::F64; }
constexpr bool is_array(TypeKind k) { return k == TypeKind::FixedArray || k == TypeKind::BoundedArray; }
inline bool is_image(const Type& type) { return type.format != vm::PixelFormat::None; }
// One word: what a register holds.
constexpr bool is_scalar(TypeKind k) {
  return k == TypeKind::Bool || is_number(k) || k == TypeKind::Time || k == TypeKind::Duration || k == TypeKind::Enum;
}

// "f64 °C", "[int; <=64]", "text(40)", "Point"
std::string to_string(const Type& type);
// The unit as written, "°C"; empty for a plain number. Slot schemas carry it for the site's check.
std::string unit_text(const Type& type);

// Owns what types point to; lives as long as the program.
class TypeArena {
 public:
  const Type* intern(const Type& type);
  Record& new_record() { return records_.emplace_back(); }
  Enum& new_enum() { return enums_.emplace_back(); }
  const UnitInfo* intern_unit(UnitInfo unit);

  TypeArena();
  ~TypeArena();
  TypeArena(const TypeArena&) = delete;
  TypeArena& operator=(const TypeArena&) = delete;

 private:
  std::deque<Type> types_;
  std::deque<Record> records_;
  std::deque<Enum> enums_;
  std::vector<std::unique_ptr<UnitInfo>> units_;
};

}  // namespace eyeflow::compiler::typed
