#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

// What stands inside of arrays: texts, arrays, and records of those. A row's parts lie one behind the other in one
// array of the machine (leaf.h); what is read of them is copied out into Scratch, what is written is copied in.
namespace eyeflow::compiler::lowering {

using vm::Op;
using vm::Scalar;

namespace {

using typed::Type;
using typed::TypeKind;

std::span<const Leaf> first(std::span<const Leaf>& leaves, std::size_t count) {
  const std::span<const Leaf> taken = leaves.first(count);
  leaves = leaves.subspan(count);
  return taken;
}

// Bytes behind a text's end or elements behind a length: what is there is nothing of the value.
bool has_rest(const Type& type) {
  if (type.kind == TypeKind::Record)
    return std::ranges::any_of(type.record->fields, [](const typed::Field& field) { return has_rest(field.type); });
  if (type.kind == TypeKind::FixedArray || type.kind == TypeKind::Optional) return has_rest(*type.element);
  return type.kind == TypeKind::Text || type.kind == TypeKind::BoundedArray;
}

}  // namespace

bool is_nested(const Place& place) {
  return std::ranges::any_of(place.leaves, [](const Leaf& leaf) { return leaf.kind == Leaf::Kind::Part; });
}

Temp Body::length_of(const Place& place, const Type& type, std::optional<RegId> target) {
  if (type.kind == TypeKind::FixedArray) return load_constant(Scalar::I64, type.size, target);
  if (place.leaves[0].type.is_scalar()) return load(place.leaves[0], target);
  const Temp ref = reference(place.leaves[0].slot);
  Temp length = destination(Scalar::I64, target);
  code_.emit(Op::ListLen, index(length.reg()), index(ref.reg()));
  return length;
}

// Traps where `at` is not an index below the length.
void Body::check_below(RegId at, Temp length) {
  const Label outside = code_.new_label(), inside = code_.new_label();
  Temp holds = code_.take(vm::type_id(Scalar::Bool));
  Temp zero = load_constant(Scalar::I64, 0);
  binary(Op::LeI64, std::move(zero), Temp::borrowed(at), Scalar::Bool, holds.reg());
  code_.jump_if(false, holds.reg(), outside);
  binary(Op::LtI64, Temp::borrowed(at), std::move(length), Scalar::Bool, holds.reg());
  code_.jump_if(true, holds.reg(), inside);
  code_.bind(outside);
  code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::IndexOutOfRange));
  code_.bind(inside);
}

// `at` is an I64 and lives as long as the place.
Place Body::element_at(const std::vector<Leaf>& array, const Type& type, RegId at) {
  Place result;
  std::span<const Leaf> parts = array;
  if (type.kind == TypeKind::BoundedArray && parts[0].type.is_scalar()) parts = parts.subspan(1);  // the length
  const std::vector<NestedLeaf> elements = nested_leaves_of(*type.element);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const NestedLeaf& element = elements[i];
    const Leaf& part = parts[i];
    RegId place = at;
    if (element.count > 1 || part.kind == Leaf::Kind::Part) {
      Temp sum = code_.take(vm::type_id(Scalar::I64));
      Temp count = load_constant(Scalar::I64, element.count);
      binary(Op::MulI64, Temp::borrowed(at), std::move(count), Scalar::I64, sum.reg());
      if (part.kind == Leaf::Kind::Part)
        binary(Op::AddI64, Temp::borrowed(sum.reg()), Temp::borrowed(part.reg), Scalar::I64, sum.reg());
      place = sum.reg();
      result.registers.push_back(std::move(sum));
    }
    result.leaves.push_back(element.is_scalar ? Leaf::element(place, part.slot, element.scalar)
                                              : Leaf::part(place, part.slot, element.scalar, element.count));
  }
  return result;
}

void Body::copy_out(const Leaf& part, const Leaf& to) {
  const Temp a = reference(to.slot), b = reference(part.slot);
  const Op op = to.type.kind == vm::TypeKind::Text ? Op::TextPart : *kArrayPart[part.type.scalar];
  code_.emit(op, index(a.reg()), index(b.reg()), index(part.reg));
}

void Body::copy_in(const Leaf& from, const Leaf& part) {
  const Temp a = reference(part.slot), b = reference(from.slot);
  const Op op = from.type.kind == vm::TypeKind::Text ? Op::TextPut : *kArrayPut[part.type.scalar];
  code_.emit(op, index(a.reg()), index(b.reg()), index(part.reg));
}

// Between a list of scalars and its length and elements within an array.
void Body::copy_list(std::span<const Leaf> lists, std::span<const Leaf> nested, bool in) {
  const Temp trips = code_.take(vm::type_id(Scalar::I64));
  if (in) {
    {
      const Temp ref = reference(lists[0].slot);
      code_.emit(Op::ListLen, index(trips.reg()), index(ref.reg()));
    }
    store(Temp::borrowed(trips.reg()), nested[0]);
  } else {
    load(nested[0], trips.reg());
    for (const Leaf& list : lists) code_.emit(Op::ListClear, index(reference(list.slot).reg()));
  }
  Temp at = code_.take(vm::type_id(Scalar::I64));
  load_constant(Scalar::I64, 0, at.reg());
  const Label end = code_.new_label();
  const RegId counter = begin_loop(trips.reg(), nested[1].type.capacity, end);
  const std::uint32_t top = code_.here();
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const Leaf& part = nested[1 + i];
    Temp place = binary(Op::AddI64, Temp::borrowed(at.reg()), Temp::borrowed(part.reg), Scalar::I64, {});
    const Leaf inside = Leaf::element(place.reg(), part.slot, part.type.scalar);
    if (in) {
      store(load(Leaf::element(at.reg(), lists[i].slot, lists[i].type.scalar), {}), inside);
    } else {
      const Temp value = load(inside, {});
      push(lists[i], value.reg());
    }
  }
  code_.emit_back(Op::LoopStep, index(counter), 0, index(at.reg()), top);
  code_.bind(end);
}

void Body::copy_out(const Type& type, std::span<const Leaf>& nested, Place& into) {
  if (type.kind == TypeKind::Record) {
    for (const typed::Field& field : type.record->fields) copy_out(field.type, nested, into);
    return;
  }
  if (type.kind == TypeKind::Optional) {
    into.leaves.push_back(first(nested, 1)[0]);
    return copy_out(*type.element, nested, into);
  }
  const std::span<const Leaf> parts = first(nested, nested_leaf_count(type));
  if (type.kind == TypeKind::BoundedArray && is_of_words(*type.element)) {
    std::vector<Leaf> lists;
    for (const LeafType& leaf : leaves_of(type)) lists.push_back(scratch_leaf(into, leaf));
    copy_list(lists, parts, false);
    into.leaves.insert(into.leaves.end(), lists.begin(), lists.end());
    return;
  }
  const std::vector<LeafType> types = leaves_of(type);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].kind == Leaf::Kind::Part) {
      const Leaf to = scratch_leaf(into, types[i]);
      copy_out(parts[i], to);
      into.leaves.push_back(to);
    } else {
      into.leaves.push_back(parts[i]);
    }
  }
}

Place Body::copied_out(Place nested, const Type& type) {
  if (!is_nested(nested)) return nested;
  Place result;
  std::span<const Leaf> leaves = nested.leaves;
  copy_out(type, leaves, result);
  result.registers = std::move(nested.registers);
  std::ranges::move(nested.slots, std::back_inserter(result.slots));
  return result;
}

void Body::copy_in(const Type& type, std::span<const Leaf>& from, std::span<const Leaf>& nested) {
  if (type.kind == TypeKind::Record) {
    for (const typed::Field& field : type.record->fields) copy_in(field.type, from, nested);
    return;
  }
  if (type.kind == TypeKind::Optional) {
    store(load(first(from, 1)[0], {}), first(nested, 1)[0]);
    return copy_in(*type.element, from, nested);
  }
  const std::span<const Leaf> parts = first(nested, nested_leaf_count(type));
  const std::span<const Leaf> values = first(from, leaf_count(type));
  if (type.kind == TypeKind::BoundedArray && is_of_words(*type.element)) return copy_list(values, parts, true);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].kind == Leaf::Kind::Part)
      copy_in(values[i], parts[i]);
    else
      store(load(values[i], {}), parts[i]);
  }
}

void Body::copy_in(const Type& type, const Place& from, const Place& nested) {
  std::span<const Leaf> values = from.leaves, parts = nested.leaves;
  copy_in(type, values, parts);
}

// ---- Whole arrays of them
// --------------------------------------------------------------------------------------------

template <typename MakeBody>
void Body::each_index(Temp trips, std::uint32_t most_trips, const MakeBody& body) {
  Temp at = code_.take(vm::type_id(Scalar::I64));
  load_constant(Scalar::I64, 0, at.reg());
  const Label end = code_.new_label();
  const RegId counter = begin_loop(trips.reg(), most_trips, end);
  const std::uint32_t top = code_.here();
  body(at.reg());
  code_.emit_back(Op::LoopStep, index(counter), 0, index(at.reg()), top);
  code_.bind(end);
}

void Body::assign_elements(const std::vector<Leaf>& to, const Type& type,
                           const std::vector<const typed::Expr*>& values) {
  if (to[0].type.is_scalar()) store(load_constant(Scalar::I64, values.size()), to[0]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Place value = place(*values[i]);
    const Temp at = load_constant(Scalar::I64, i);
    copy_in(*type.element, value, element_at(to, type, at.reg()));
  }
}

void Body::fill_elements(const std::vector<Leaf>& to, const Type& type, const typed::ArrayFill& node) {
  if (to[0].type.is_scalar()) store(load_constant(Scalar::I64, node.count), to[0]);
  const Place value = place(*node.value);
  each_index(load_constant(Scalar::I64, node.count), type.size,
             [&](RegId at) { copy_in(*type.element, value, element_at(to, type, at)); });
}

void Body::slice_elements(const std::vector<Leaf>& to, const Type& type, const Place& from, const Type& from_type,
                          RegId at, Temp trips) {
  if (to[0].type.is_scalar()) store(Temp::borrowed(trips.reg()), to[0]);
  each_index(std::move(trips), type.size, [&](RegId into) {
    const Temp source = binary(Op::AddI64, Temp::borrowed(at), Temp::borrowed(into), Scalar::I64, {});
    const Place element = copied_out(element_at(from.leaves, from_type, source.reg()), *type.element);
    copy_in(*type.element, element, element_at(to, type, into));
  });
}

void Body::push_nested(const Place& list, const Type& type, const typed::Expr& value) {
  const Place element = place(value);
  Temp length = load(list.leaves[0], {});
  const Label room = code_.new_label();
  {
    Temp most = load_constant(Scalar::I64, type.size);
    const Temp holds = binary(Op::LtI64, Temp::borrowed(length.reg()), std::move(most), Scalar::Bool, {});
    code_.jump_if(true, holds.reg(), room);
  }
  code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::ListFull));
  code_.bind(room);
  copy_in(*type.element, element, element_at(list.leaves, type, length.reg()));
  Temp one = load_constant(Scalar::I64, 1);
  store(binary(Op::AddI64, Temp::borrowed(length.reg()), std::move(one), Scalar::I64, {}), list.leaves[0]);
}

// Two values of one type, in places of their own.
void Body::compare(const Type& type, std::span<const Leaf>& left, std::span<const Leaf>& right, RegId equal,
                   Label end) {
  if (type.kind == TypeKind::Record) {
    for (const typed::Field& field : type.record->fields) compare(field.type, left, right, equal, end);
    return;
  }
  const std::size_t count = leaf_count(type);
  const std::span<const Leaf> a = first(left, count), b = first(right, count);
  const bool is_led = type.kind == TypeKind::BoundedArray && a[0].type.is_scalar();
  if (!typed::is_array(type.kind) || !(is_led || has_rest(*type.element))) {
    for (std::size_t i = 0; i < count; ++i) compare(a[i], b[i], equal, end);
    return;
  }
  if (is_led) compare(a[0], b[0], equal, end);
  load_constant(Scalar::Bool, 1, equal);
  const std::vector<Leaf> of_left(a.begin(), a.end()), of_right(b.begin(), b.end());
  Temp trips = is_led ? load(a[0], {}) : load_constant(Scalar::I64, type.size);
  each_index(std::move(trips), type.size, [&](RegId at) {
    const Place x = copied_out(element_at(of_left, type, at), *type.element);
    const Place y = copied_out(element_at(of_right, type, at), *type.element);
    std::span<const Leaf> xs = x.leaves, ys = y.leaves;
    compare(*type.element, xs, ys, equal, end);
  });
}

}  // namespace eyeflow::compiler::lowering
