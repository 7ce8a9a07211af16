#include "compiler/lower/leaf.h"

#include <algorithm>
#include <span>

#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

using typed::Constant;
using typed::Type;
using typed::TypeKind;

constexpr std::uint32_t kTextHeaderBytes = 2;  // of a text in an array

void add_nested(const Type& type, std::vector<NestedLeaf>& out) {
  if (type.kind == TypeKind::Text) {
    out.push_back({vm::Scalar::U8, kTextHeaderBytes + type.size, false});
  } else if (type.kind == TypeKind::Record) {
    for (const typed::Field& field : type.record->fields) add_nested(field.type, out);
  } else if (type.kind == TypeKind::Optional) {
    out.push_back({vm::Scalar::Bool});
    add_nested(*type.element, out);
  } else if (typed::is_array(type.kind)) {
    if (type.kind == TypeKind::BoundedArray) out.push_back({vm::Scalar::I64});
    for (const NestedLeaf& leaf : nested_leaves_of(*type.element))
      out.push_back({leaf.scalar, type.size * leaf.count, false});
  } else if (type.kind != TypeKind::None) {
    out.push_back({scalar_of(type.kind)});
  }
}

void add_leaves(const Type& type, std::vector<LeafType>& out) {
  if (type.kind == TypeKind::Text) {
    out.push_back(text_leaf(type.size));
  } else if (type.kind == TypeKind::Record) {
    for (const typed::Field& field : type.record->fields) add_leaves(field.type, out);
  } else if (type.kind == TypeKind::Optional) {
    out.push_back(scalar_leaf(vm::Scalar::Bool));
    add_leaves(*type.element, out);
  } else if (typed::is_array(type.kind)) {
    const bool is_list = type.kind == TypeKind::BoundedArray && is_of_words(*type.element);
    if (type.kind == TypeKind::BoundedArray && !is_list) out.push_back(scalar_leaf(vm::Scalar::I64));
    for (const NestedLeaf& leaf : nested_leaves_of(*type.element))
      out.push_back({is_list ? vm::TypeKind::List : vm::TypeKind::Array, leaf.scalar, type.size * leaf.count});
  } else if (type.kind != TypeKind::None) {
    out.push_back(scalar_leaf(scalar_of(type.kind)));
  }
}

using Words = std::vector<vm::Word>;

std::size_t count_of(const typed::Aggregate& aggregate) {
  return aggregate.repeat > 0 ? aggregate.repeat : aggregate.elements.size();
}

void add_nested(const Type& type, const Constant& constant, std::span<Words>& parts);

// Behind what the arrays of the element's leaves hold.
void add_elements(const typed::Aggregate& aggregate, const Type& element, std::span<Words> parts) {
  for (std::size_t i = 0; i < count_of(aggregate); ++i) {
    std::span<Words> next = parts;
    add_nested(element, aggregate.elements[aggregate.repeat > 0 ? 0 : i], next);
  }
}

// Takes as many of the parts as the type has nested leaves. A text may be longer by its type than the constant's own
// says.
void add_nested(const Type& type, const Constant& constant, std::span<Words>& parts) {
  const auto take = [&](std::size_t count) {
    const std::span<Words> taken = parts.first(count);
    parts = parts.subspan(count);
    return taken;
  };
  if (type.kind == TypeKind::Text) {
    Words& bytes = take(1)[0];
    const auto& text = std::get<std::string>(constant.value);
    const std::size_t end = bytes.size() + kTextHeaderBytes + type.size;
    bytes.push_back(text.size() & 0xFF);
    bytes.push_back(text.size() >> 8);
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    bytes.resize(end);
    return;
  }
  if (typed::is_scalar(type.kind)) {
    take(1)[0].push_back(scalar_word(constant));
    return;
  }
  const auto& aggregate = std::get<typed::Aggregate>(constant.value);
  if (type.kind == TypeKind::Record) {
    for (std::size_t i = 0; i < aggregate.elements.size(); ++i)
      add_nested(type.record->fields[i].type, aggregate.elements[i], parts);
    return;
  }
  if (type.kind == TypeKind::Optional) {
    take(1)[0].push_back(vm::to_word(!aggregate.elements.empty()));
    if (!aggregate.elements.empty()) return add_nested(*type.element, aggregate.elements.front(), parts);
    const std::vector<NestedLeaf> leaves = nested_leaves_of(*type.element);
    const std::span<Words> rest = take(leaves.size());
    for (std::size_t i = 0; i < leaves.size(); ++i) rest[i].resize(rest[i].size() + leaves[i].count);
    return;
  }
  if (type.kind == TypeKind::BoundedArray) take(1)[0].push_back(count_of(aggregate));
  const std::vector<NestedLeaf> leaves = nested_leaves_of(*type.element);
  const std::span<Words> elements = take(leaves.size());
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < leaves.size(); ++i) ends.push_back(elements[i].size() + leaves[i].count * type.size);
  add_elements(aggregate, *type.element, elements);
  for (std::size_t i = 0; i < leaves.size(); ++i) elements[i].resize(ends[i]);
}

void add_constants(const Constant& constant, std::vector<LeafConstant>& out) {
  const Type& type = constant.type;
  if (type.kind == TypeKind::Text) {
    LeafConstant leaf{.type = text_leaf(type.size)};
    leaf.text = std::get<std::string>(constant.value);
    out.push_back(std::move(leaf));
    return;
  }
  if (typed::is_scalar(type.kind)) {
    out.push_back({.type = scalar_leaf(scalar_of(type.kind)), .word = scalar_word(constant)});
    return;
  }
  const auto& aggregate = std::get<typed::Aggregate>(constant.value);
  if (type.kind == TypeKind::Optional) {
    const bool is_given = !aggregate.elements.empty();
    out.push_back({.type = scalar_leaf(vm::Scalar::Bool), .word = vm::to_word(is_given)});
    if (is_given) return add_constants(aggregate.elements.front(), out);
    for (const LeafType& leaf : leaves_of(*type.element)) {
      out.push_back({.type = leaf});
      if (leaf.kind == vm::TypeKind::Array) out.back().elements.resize(leaf.capacity);
    }
    return;
  }
  if (type.kind == TypeKind::Record) {
    for (const Constant& field : aggregate.elements) add_constants(field, out);
    return;
  }
  std::size_t first = out.size();
  for (const LeafType& leaf : leaves_of(type)) out.push_back({.type = leaf});
  if (out[first].type.is_scalar()) out[first++].word = count_of(aggregate);
  std::vector<Words> parts(out.size() - first);
  add_elements(aggregate, *type.element, parts);
  for (std::size_t leaf = 0; leaf < parts.size(); ++leaf) {
    out[first + leaf].elements = std::move(parts[leaf]);
    if (!out[first + leaf].type.is_list()) out[first + leaf].elements.resize(out[first + leaf].type.capacity);
  }
}

}  // namespace

vm::Scalar scalar_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::Bool:
      return vm::Scalar::Bool;
    case TypeKind::I64:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Enum:
      return vm::Scalar::I64;
    case TypeKind::I32:
      return vm::Scalar::I32;
    case TypeKind::U8:
      return vm::Scalar::U8;
    case TypeKind::U16:
      return vm::Scalar::U16;
    case TypeKind::U32:
      return vm::Scalar::U32;
    case TypeKind::U64:
      return vm::Scalar::U64;
    case TypeKind::F32:
      return vm::Scalar::F32;
    case TypeKind::F64:
      return vm::Scalar::F64;
    default:
      return vm::Scalar::Void;
  }
}

bool is_of_words(const Type& type) {
  if (type.kind == TypeKind::Record)
    return std::ranges::all_of(type.record->fields, [](const typed::Field& field) { return is_of_words(field.type); });
  if (type.kind == TypeKind::Optional) return is_of_words(*type.element);
  return type.kind != TypeKind::Text && !typed::is_array(type.kind);
}

std::vector<NestedLeaf> nested_leaves_of(const Type& type) {
  std::vector<NestedLeaf> out;
  add_nested(type, out);
  return out;
}

std::size_t nested_leaf_count(const Type& type) { return nested_leaves_of(type).size(); }

std::vector<LeafType> leaves_of(const Type& type) {
  std::vector<LeafType> out;
  add_leaves(type, out);
  return out;
}

std::size_t leaf_count(const Type& type) {
  if (type.kind == TypeKind::BoundedArray && !is_of_words(*type.element)) return 1 + nested_leaf_count(*type.element);
  if (typed::is_array(type.kind)) return nested_leaf_count(*type.element);
  if (type.kind == TypeKind::Optional) return 1 + leaf_count(*type.element);
  if (type.kind != TypeKind::Record) return type.kind == TypeKind::None ? 0 : 1;
  return first_leaf_of_field(*type.record, static_cast<std::uint32_t>(type.record->fields.size()));
}

std::size_t first_leaf_of_field(const typed::Record& record, std::uint32_t field) {
  std::size_t first = 0;
  for (std::uint32_t i = 0; i < field; ++i) first += leaf_count(record.fields[i].type);
  return first;
}

std::size_t first_nested_leaf_of_field(const typed::Record& record, std::uint32_t field) {
  std::size_t first = 0;
  for (std::uint32_t i = 0; i < field; ++i) first += nested_leaf_count(record.fields[i].type);
  return first;
}

vm::Word scalar_word(const Constant& constant) {
  if (const auto* flag = std::get_if<bool>(&constant.value)) return vm::to_word(*flag);
  if (const auto* number = std::get_if<double>(&constant.value)) {
    return constant.type.kind == TypeKind::F32 ? vm::to_word(vm::canonical(static_cast<float>(*number)))
                                               : vm::to_word(vm::canonical(*number));
  }
  EYEFLOW_CHECK(std::holds_alternative<std::int64_t>(constant.value));
  return static_cast<vm::Word>(std::get<std::int64_t>(constant.value));
}

std::vector<LeafConstant> leaf_constants(const Constant& constant) {
  std::vector<LeafConstant> out;
  add_constants(constant, out);
  return out;
}

}  // namespace eyeflow::compiler::lowering
