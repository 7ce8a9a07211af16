#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "vm/isa/isa.h"

// The machine knows scalars, texts, arrays and lists of scalars. A value of the language is a row of those, its leaves:
// a record is the leaves of its fields one after the other, an optional a flag (true: given) and the leaves of its
// element.
//
// An array is one array for each leaf of its element. Where an element is more than words, a leaf of it takes `count`
// places in that array, and the next element's stand behind them: a text its length in two bytes and its bytes, a fixed
// array those of its elements, a bounded one its length and, in leaves of their own, those of its elements. A bounded
// array of words is a list for each leaf; one of other elements is its length, an I64, and then what a fixed one is.
namespace eyeflow::compiler::lowering {

struct LeafType {
  vm::TypeKind kind = vm::TypeKind::Scalar;  // Scalar, Text, Array or List
  vm::Scalar scalar = vm::Scalar::Void;      // the scalar, or what an array holds; Void for a text
  std::uint32_t capacity = 0;                // bytes of a text, elements of an array

  bool is_scalar() const { return kind == vm::TypeKind::Scalar; }
  bool is_list() const { return kind == vm::TypeKind::List; }
  friend auto operator<=>(const LeafType&, const LeafType&) = default;
};

constexpr LeafType scalar_leaf(vm::Scalar scalar) { return {vm::TypeKind::Scalar, scalar, 0}; }
constexpr LeafType text_leaf(std::uint32_t capacity) { return {vm::TypeKind::Text, vm::Scalar::Void, capacity}; }

// What a register holds for a scalar of the language; Void for anything else.
vm::Scalar scalar_of(typed::TypeKind kind);

// What an element of an array takes in the array of each leaf.
struct NestedLeaf {
  vm::Scalar scalar = vm::Scalar::Void;
  std::uint32_t count = 1;
  bool is_scalar = true;  // a word of the element; otherwise a part with elements of its own
};
std::vector<NestedLeaf> nested_leaves_of(const typed::Type& type);
std::size_t nested_leaf_count(const typed::Type& type);
// All of it is words: no texts, no arrays.
bool is_of_words(const typed::Type& type);
std::vector<LeafType> leaves_of(const typed::Type& type);
std::size_t leaf_count(const typed::Type& type);
// Where the leaves of a record's field begin among the record's own.
std::size_t first_leaf_of_field(const typed::Record& record, std::uint32_t field);
std::size_t first_nested_leaf_of_field(const typed::Record& record, std::uint32_t field);

// A leaf whose value is known.
struct LeafConstant {
  LeafType type;
  vm::Word word = 0;                 // Scalar
  std::string text{};                // Text
  std::vector<vm::Word> elements{};  // Array: as many as its capacity; List: those in use
};

vm::Word scalar_word(const typed::Constant& constant);
std::vector<LeafConstant> leaf_constants(const typed::Constant& constant);

}  // namespace eyeflow::compiler::lowering
