#include "compiler/lower/leaf.h"

#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

using typed::Constant;
using typed::Type;
using typed::TypeKind;

vm::TypeKind array_kind(TypeKind kind) {
  return kind == TypeKind::FixedArray ? vm::TypeKind::Array : vm::TypeKind::List;
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
    std::vector<LeafType> element;
    add_leaves(*type.element, element);
    for (const LeafType& leaf : element) out.push_back({array_kind(type.kind), leaf.scalar, type.size});
  } else if (type.kind != TypeKind::None) {
    out.push_back(scalar_leaf(scalar_of(type.kind)));
  }
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
  const std::size_t first = out.size();
  for (const LeafType& leaf : leaves_of(type)) out.push_back({.type = leaf});
  const std::size_t count = aggregate.repeat > 0 ? aggregate.repeat : aggregate.elements.size();
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<LeafConstant> element;
    add_constants(aggregate.elements[aggregate.repeat > 0 ? 0 : i], element);
    for (std::size_t leaf = 0; leaf < element.size(); ++leaf) out[first + leaf].elements.push_back(element[leaf].word);
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

bool has_leaves(const Type& type) {
  if (type.kind == TypeKind::Record) {
    for (const typed::Field& field : type.record->fields)
      if (!has_leaves(field.type)) return false;
    return true;
  }
  if (type.kind == TypeKind::Optional) return has_leaves(*type.element);
  if (!typed::is_array(type.kind)) return true;
  for (const LeafType& leaf : leaves_of(*type.element))
    if (!leaf.is_scalar()) return false;
  return true;
}

std::vector<LeafType> leaves_of(const Type& type) {
  std::vector<LeafType> out;
  add_leaves(type, out);
  return out;
}

std::size_t leaf_count(const Type& type) {
  if (typed::is_array(type.kind)) return leaf_count(*type.element);
  if (type.kind == TypeKind::Optional) return 1 + leaf_count(*type.element);
  if (type.kind != TypeKind::Record) return type.kind == TypeKind::None ? 0 : 1;
  return first_leaf_of_field(*type.record, static_cast<std::uint32_t>(type.record->fields.size()));
}

std::size_t first_leaf_of_field(const typed::Record& record, std::uint32_t field) {
  std::size_t first = 0;
  for (std::uint32_t i = 0; i < field; ++i) first += leaf_count(record.fields[i].type);
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
