#pragma once

#include "jit/baseline/compiler.h"

// What the driver says about arrays and lists: their places, and operations on whole ones.
namespace eyeflow::jit {

template <typename Masm>
Elements Compiler<Masm>::elements(std::uint32_t id) const {
  if (id == kNoValue) return {};
  if (type_of(id).kind == vm::TypeKind::Scalar) return {{}, place(id)};
  return {through(id)};
}

// Journals every line of an array.
template <typename Masm>
void Compiler<Masm>::touch_array(const Address& array, std::uint32_t bytes) {
  if (array.region != Region::State) return;
  const std::uint32_t end = array.displacement + bytes;
  Address line = array;
  // Of a place that is not known yet the last line may be one more.
  const bool known = array.reference.is(Place::Kind::None);
  for (; line.displacement < end; line.displacement += vm::kLineBytes) {
    masm_.touch(line, seen());
    if (known) line.displacement = line.displacement / vm::kLineBytes * vm::kLineBytes;
  }
  if (known) return;
  line.displacement = end - 1;
  masm_.touch(line, seen());
}

template <typename Masm>
void Compiler<Masm>::emit_array(const Item& item) {
  const auto& v = item.value;
  const vm::Type& array = type_of(v[0]);
  const Address to = through(v[0]);
  const std::uint32_t bytes = array.capacity * static_cast<std::uint32_t>(vm::size_bytes(array.element));
  if (bytes == 0) return;
  touch_array(to, bytes);
  if (item.action.kind == Kind::ArrayFill) return masm_.array_fill(array.element, to, place(v[1]), bytes);
  Elements b = elements(v[1]), c = elements(v[2]);
  if (item.action.kind == Kind::ArrayFrom) std::swap(b, c);
  const bool may_trap = fields(item.i.op).may_trap;
  masm_.array_op(static_cast<ArrayOp>(item.action.detail), array.element, to, b, c, bytes,
                 may_trap ? trap(item, Trap::Overflow) : Label());
}

// Adds the index to the address and checks it. False: it is known to be wrong.
template <typename Masm>
bool Compiler<Masm>::index(const Item& item, Address& address, std::uint32_t id, std::uint32_t capacity, Scalar type) {
  const Place where = place(id);
  const auto size = static_cast<std::uint8_t>(vm::size_bytes(type));
  if (where.is(Place::Kind::Constant)) {
    if (where.bits >= capacity) {
      masm_.jump(trap(item, Trap::IndexOutOfRange));
      return false;
    }
    address.displacement += static_cast<std::uint32_t>(where.bits) * size;
    return true;
  }
  const Value& v = resolved(id);
  const bool counted = v.is_counter && v.next_at != kNoValue && module_.type(v.type)->capacity <= capacity;
  const bool stepped = v.end != 0 && v.end <= capacity && at_ < v.next_at;
  const bool in_range = counted || stepped;
  if (!in_range) masm_.check_index(where, Place::constant(capacity), trap(item, Trap::IndexOutOfRange));
  address.index = where;
  address.scale = size;
  return true;
}

template <typename Masm>
Address Compiler<Masm>::list_element(const Item& item, std::uint32_t list, std::uint32_t id, Scalar type) {
  Address address = through(list);
  const Place where = place(id);
  masm_.check_index(where, address, trap(item, Trap::IndexOutOfRange));
  const auto size = static_cast<std::uint8_t>(vm::size_bytes(type));
  address.displacement += vm::semantics::kListHeaderBytes;
  const std::uint32_t capacity = type_of(list).capacity;
  if (where.is(Place::Kind::Constant)) {
    // Not below the capacity: it has trapped.
    if (where.bits < capacity) address.displacement += static_cast<std::uint32_t>(where.bits) * size;
    return address;
  }
  address.index = where;
  address.scale = size;
  return address;
}

}  // namespace eyeflow::jit
