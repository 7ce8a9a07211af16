#pragma once

#include <algorithm>
#include <cstring>

#include "vm/base/utf8.h"
#include "vm/isa/context.h"
#include "vm/isa/isa.h"

// What every memory instruction means: `execute(op_tag<Op::X>{}, context, registers, instruction)`, one overload a row.
// Verified code only: slots, types and registers are in range; what one pass cannot see (an index, a length) is checked
// here. Floats in memory are always canonical, so that state compares equal on every CPU.
namespace eyeflow::vm::semantics {

inline Word load_word(const std::byte* place) {
  Word word;
  std::memcpy(&word, place, sizeof word);
  return word;
}
inline void store_word(std::byte* place, Word word) { std::memcpy(place, &word, sizeof word); }

#define EYEFLOW_EXECUTE(Name) \
  inline Trap execute(op_tag<Op::Name>, [[maybe_unused]] Context& c, [[maybe_unused]] Word* r, const Instruction& i)

EYEFLOW_EXECUTE(LoadImm) {
  r[i.a] = to_word(std::int64_t{static_cast<std::int16_t>(i.b)});
  return Trap::None;
}
EYEFLOW_EXECUTE(LoopIndex) {
  r[i.a] = r[i.b] & 0xFFFFFFFF;
  return Trap::None;
}
// Two operations on values, in a row of their own: each rounds (the build contracts nothing).
#define EYEFLOW_PRODUCT(T)                                                     \
  EYEFLOW_EXECUTE(MulAdd##T) {                                                 \
    using Value = CppType<Scalar::T>;                                          \
    const Value product = from_word<Value>(r[i.b]) * from_word<Value>(r[i.c]); \
    r[i.a] = to_word(static_cast<Value>(from_word<Value>(r[i.a]) + product));  \
    return Trap::None;                                                         \
  }                                                                            \
  EYEFLOW_EXECUTE(MulSub##T) {                                                 \
    using Value = CppType<Scalar::T>;                                          \
    const Value product = from_word<Value>(r[i.b]) * from_word<Value>(r[i.c]); \
    r[i.a] = to_word(static_cast<Value>(from_word<Value>(r[i.a]) - product));  \
    return Trap::None;                                                         \
  }
EYEFLOW_PRODUCT(F64)
EYEFLOW_PRODUCT(F32)
#undef EYEFLOW_PRODUCT
EYEFLOW_EXECUTE(Load) {
  r[i.a] = load_word(c.base[i.b] + std::size_t{i.c} * 8);
  return Trap::None;
}
EYEFLOW_EXECUTE(LoadReading) {
  const std::byte* input = c.base[static_cast<int>(Region::Input)];
  if (load_word(input + std::size_t{i.b} * 8) == 0) [[unlikely]]
    return Trap::NoReading;
  r[i.a] = load_word(input + std::size_t{i.c} * 8);
  return Trap::None;
}

// State scalars are saved at the handler's entry (FunctionBound::stores), so a store needs no journal.
inline std::byte* state_slot(Context& c, std::uint16_t word) {
  return c.base[static_cast<int>(Region::State)] + std::size_t{word} * 8;
}
EYEFLOW_EXECUTE(Store) {
  store_word(state_slot(c, i.c), r[i.a]);
  return Trap::None;
}
EYEFLOW_EXECUTE(StoreF32) {
  store_word(state_slot(c, i.c), to_word(canonical(from_word<float>(r[i.a]))));
  return Trap::None;
}
EYEFLOW_EXECUTE(StoreF64) {
  store_word(state_slot(c, i.c), to_word(canonical(from_word<double>(r[i.a]))));
  return Trap::None;
}
EYEFLOW_EXECUTE(Ref) {
  r[i.a] = c.references[i.b] | Word{i.c} * 8;
  return Trap::None;
}
EYEFLOW_EXECUTE(RefPage) {
  r[i.a] = c.references[i.b] | Word{i.c} * kPageBytes;
  return Trap::None;
}

// A float's bits can be seen in a row.
inline Word emitted(Scalar element, Word word) {
  if (element == Scalar::F64) return to_word(canonical(from_word<double>(word)));
  if (element == Scalar::F32) return to_word(canonical(from_word<float>(word)));
  return word;
}

inline std::byte* put_bytes(std::byte* place, std::string_view bytes) {
  const std::size_t padded = (bytes.size() + 7) / 8 * 8;
  store_word(place, bytes.size());
  if (padded != 0) store_word(place + padded, 0);  // the padding is seen: journals and uploads copy whole words
  std::memcpy(place + 8, bytes.data(), bytes.size());
  return place + 8 + padded;
}

// The way of rows with texts or arrays: how long they are is known only now.
inline Trap emit_with_references(Context& c, const OutputLayout& layout, const Word* fields, std::uint16_t number) {
  std::uint64_t bytes = 0;
  const auto is_scalar = [&](std::uint32_t f) { return layout.fields[f].kind == TypeKind::Scalar; };
  const auto bytes_of = [&](std::uint32_t f) { return c.bytes_of(layout.fields[f], Reference{fields[f]}); };
  for (std::uint32_t f = 0; f < layout.field_count; ++f)
    bytes += 8 + (is_scalar(f) ? 0 : (bytes_of(f).size() + 7) / 8 * 8);
  OutputBuffer& out = *c.output;
  if (out.capacity - out.used < 8 + bytes) return Trap::OutputOverflow;
  std::byte* place = out.data + out.used;
  store_word(place, Word{number} | bytes << 32);
  place += 8;
  for (std::uint32_t f = 0; f < layout.field_count; ++f) {
    if (!is_scalar(f)) {
      place = put_bytes(place, bytes_of(f));
    } else {
      store_word(place, emitted(layout.fields[f].element, fields[f]));
      place += 8;
    }
  }
  out.used += static_cast<std::uint32_t>(8 + bytes);
  return Trap::None;
}

EYEFLOW_EXECUTE(Emit) {
  const OutputLayout& layout = c.outputs[i.a];
  const Word* fields = r + i.b;
  if (!layout.scalars_only) return emit_with_references(c, layout, fields, i.a);
  OutputBuffer& out = *c.output;
  const std::uint64_t bytes = std::uint64_t{layout.field_count} * 8;
  if (out.capacity - out.used < 8 + bytes) [[unlikely]] {
    return Trap::OutputOverflow;
  }
  std::byte* place = out.data + out.used;
  out.used += static_cast<std::uint32_t>(8 + bytes);
  store_word(place, Word{i.a} | bytes << 32);
  for (std::uint32_t f = 0; f < layout.field_count; ++f)
    store_word(place += 8, emitted(layout.fields[f].element, fields[f]));
  return Trap::None;
}

// A row without fields: its number is the alarm's, and the next 16 bits tell it from a row of an output.
inline constexpr std::uint16_t kAcknowledges = 1;
EYEFLOW_EXECUTE(AlarmAck) {
  OutputBuffer& out = *c.output;
  if (out.capacity - out.used < 8) [[unlikely]] {
    return Trap::OutputOverflow;
  }
  store_word(out.data + out.used, Word{i.a} | Word{kAcknowledges} << 16);
  out.used += 8;
  return Trap::None;
}

// ---- Elements ------------------------------------------------------------------------------------------------------

inline constexpr std::uint32_t kListHeaderBytes = 8;

template <typename T>
Word load_element(const std::byte* place) {
  T value;
  std::memcpy(&value, place, sizeof value);
  return to_word(value);
}
template <typename T>
T element_of(Word word) {
  const T value = from_word<T>(word);
  if constexpr (std::is_floating_point_v<T>)
    return canonical(value);
  else
    return value;
}
template <typename T>
void store_element(std::byte* place, Word word) {
  const T value = element_of<T>(word);
  std::memcpy(place, &value, sizeof value);
}
inline std::uint64_t list_length(Context& c, Reference list) { return load_word(c.at(list)); }
inline void set_list_length(Context& c, Reference list, std::uint64_t length) {
  c.begin_element_write(list, 0);
  store_word(c.at(list), length);
}

// Indices are compared as unsigned numbers: a negative one is larger than any length.
template <typename T>
Trap array_get(Context& c, Word* r, const Instruction& i) {
  const Reference array{r[i.b]};
  if (r[i.c] >= array.capacity()) [[unlikely]]
    return Trap::IndexOutOfRange;
  r[i.a] = load_element<T>(c.at(array) + r[i.c] * sizeof(T));
  return Trap::None;
}
template <typename T>
Trap array_set(Context& c, Word* r, const Instruction& i) {
  const Reference array{r[i.a]};
  if (r[i.b] >= array.capacity()) [[unlikely]]
    return Trap::IndexOutOfRange;
  c.begin_element_write(array, r[i.b] * sizeof(T));
  store_element<T>(c.at(array) + r[i.b] * sizeof(T), r[i.c]);
  return Trap::None;
}
template <typename T>
Trap array_fill(Context& c, Word* r, const Instruction& i) {
  const Reference array{r[i.a]};
  c.begin_write(array, 0, std::uint64_t{array.capacity()} * sizeof(T));
  const T value = element_of<T>(r[i.b]);
  std::byte* place = c.at(array);
  for (std::uint32_t n = array.capacity(); n > 0; --n, place += sizeof(T)) std::memcpy(place, &value, sizeof value);
  return Trap::None;
}
template <typename T>
Trap list_get(Context& c, Word* r, const Instruction& i) {
  const Reference list{r[i.b]};
  if (r[i.c] >= list_length(c, list)) [[unlikely]]
    return Trap::IndexOutOfRange;
  r[i.a] = load_element<T>(c.at(list) + kListHeaderBytes + r[i.c] * sizeof(T));
  return Trap::None;
}
template <typename T>
Trap list_set(Context& c, Word* r, const Instruction& i) {
  const Reference list{r[i.a]};
  if (r[i.b] >= list_length(c, list)) [[unlikely]]
    return Trap::IndexOutOfRange;
  const std::uint64_t offset = kListHeaderBytes + r[i.b] * sizeof(T);
  c.begin_element_write(list, offset);
  store_element<T>(c.at(list) + offset, r[i.c]);
  return Trap::None;
}
template <typename T>
[[gnu::always_inline]] inline Trap list_push(Context& c, Word* r, const Instruction& i) {
  const Reference list{r[i.a]};
  const std::uint64_t length = list_length(c, list);
  if (length >= list.capacity()) [[unlikely]]
    return Trap::ListFull;
  const std::uint64_t offset = kListHeaderBytes + length * sizeof(T);
  c.begin_element_write(list, 0);
  c.begin_element_write(list, offset);
  std::byte* const at = c.at(list);
  store_word(at, length + 1);
  store_element<T>(at + offset, r[i.b]);
  return Trap::None;
}

#define EYEFLOW_ELEMENTS(T)                                                         \
  EYEFLOW_EXECUTE(ArrayGet##T) { return array_get<CppType<Scalar::T>>(c, r, i); }   \
  EYEFLOW_EXECUTE(ArraySet##T) { return array_set<CppType<Scalar::T>>(c, r, i); }   \
  EYEFLOW_EXECUTE(ArrayFill##T) { return array_fill<CppType<Scalar::T>>(c, r, i); } \
  EYEFLOW_EXECUTE(ListGet##T) { return list_get<CppType<Scalar::T>>(c, r, i); }     \
  EYEFLOW_EXECUTE(ListSet##T) { return list_set<CppType<Scalar::T>>(c, r, i); }     \
  EYEFLOW_EXECUTE(ListPush##T) { return list_push<CppType<Scalar::T>>(c, r, i); }
EYEFLOW_ELEMENTS(Bool)
EYEFLOW_ELEMENTS(I64)
EYEFLOW_ELEMENTS(I32)
EYEFLOW_ELEMENTS(U8)
EYEFLOW_ELEMENTS(U16)
EYEFLOW_ELEMENTS(U32)
EYEFLOW_ELEMENTS(U64)
EYEFLOW_ELEMENTS(F32)
EYEFLOW_ELEMENTS(F64)
#undef EYEFLOW_ELEMENTS

// ---- Whole arrays --------------------------------------------------------------------------------------------------

// A reference names a whole slot, a view what of a list is in use, and slots never overlap: two arrays begin at the
// same place or are disjoint. Views may be shorter than their type says: all go as far as the shortest. What the
// elements become is a kernel's business, which the host may replace by a faster one with the same bits.
template <typename T>
const T* elements(Context& c, Word array) {
  return reinterpret_cast<const T*>(c.at(Reference{array}));
}
template <typename T>
T* written_elements(Context& c, Word array, std::uint32_t count) {
  const Reference to{array};
  c.begin_write(to, 0, std::uint64_t{count} * sizeof(T));
  return reinterpret_cast<T*>(c.at(to));
}
inline std::uint32_t shortest(Word a, Word b) { return std::min(Reference{a}.capacity(), Reference{b}.capacity()); }
constexpr Trap unless_fits(bool fits) { return fits ? Trap::None : Trap::Overflow; }

template <typename T>
Trap array_one(Context& c, Word* r, const Instruction& i, OneKernel<T> kernel) {
  const std::uint32_t count = shortest(r[i.a], r[i.b]);
  T* to = written_elements<T>(c, r[i.a], count);
  return unless_fits(kernel(to, elements<T>(c, r[i.b]), count));
}
template <typename T>
Trap array_pair(Context& c, Word* r, const Instruction& i, PairKernel<T> kernel) {
  const std::uint32_t count = std::min(shortest(r[i.a], r[i.b]), Reference{r[i.c]}.capacity());
  T* to = written_elements<T>(c, r[i.a], count);
  return unless_fits(kernel(to, elements<T>(c, r[i.b]), elements<T>(c, r[i.c]), count));
}
template <typename T>
Trap array_with_scalar(Context& c, Word* r, const Instruction& i, ScalarKernel<T> kernel) {
  const std::uint32_t count = shortest(r[i.a], r[i.b]);
  T* to = written_elements<T>(c, r[i.a], count);
  return unless_fits(kernel(to, elements<T>(c, r[i.b]), element_of<T>(r[i.c]), count));
}
template <typename T>
Trap array_sum(Context& c, Word* r, const Instruction& i, SumKernel<T> kernel) {
  T sum{};
  const bool fits = kernel(&sum, elements<T>(c, r[i.b]), Reference{r[i.b]}.capacity());
  r[i.a] = to_word(sum);
  return unless_fits(fits);
}

#define EYEFLOW_ARRAY_ONE(T, Name, Element) \
  EYEFLOW_EXECUTE(Array##Name##T) { return array_one(c, r, i, c.intrinsics.arrays->Name##T); }
#define EYEFLOW_ARRAY_PAIR(T, Name, Element) \
  EYEFLOW_EXECUTE(Array##Name##T) { return array_pair(c, r, i, c.intrinsics.arrays->Name##T); }
#define EYEFLOW_ARRAY_WITH(T, Name, Element) \
  EYEFLOW_EXECUTE(Array##Name##T) { return array_with_scalar(c, r, i, c.intrinsics.arrays->Name##T); }
#define EYEFLOW_ARRAY_FROM(T, Name, Element) EYEFLOW_ARRAY_WITH(T, Name, Element)
#include "vm/isa/array_ops.def"
EYEFLOW_EXECUTE(ArraySumF64) { return array_sum(c, r, i, c.intrinsics.arrays->SumF64); }
EYEFLOW_EXECUTE(ArraySumF32) { return array_sum(c, r, i, c.intrinsics.arrays->SumF32); }
EYEFLOW_EXECUTE(ArraySumI64) { return array_sum(c, r, i, c.intrinsics.arrays->SumI64); }
EYEFLOW_EXECUTE(ArraySumI32) { return array_sum(c, r, i, c.intrinsics.arrays->SumI32); }

EYEFLOW_EXECUTE(ArrayCopy) {
  const Reference to{r[i.a]}, from{r[i.b]};
  const std::uint64_t bytes = std::uint64_t{shortest(r[i.a], r[i.b])} * i.c;
  c.begin_write(to, 0, bytes);
  std::memmove(c.at(to), c.at(from), bytes);
  return Trap::None;
}
EYEFLOW_EXECUTE(ListLen) {
  r[i.a] = list_length(c, Reference{r[i.b]});
  return Trap::None;
}
EYEFLOW_EXECUTE(ListClear) {
  set_list_length(c, Reference{r[i.a]}, 0);
  return Trap::None;
}
EYEFLOW_EXECUTE(ListCopy) {
  const Reference to{r[i.a]}, from{r[i.b]};
  const std::uint64_t length = list_length(c, from);
  if (length > to.capacity()) return Trap::ListFull;
  c.begin_write(to, kListHeaderBytes, length * i.c);
  std::memmove(c.at(to) + kListHeaderBytes, c.at(from) + kListHeaderBytes, length * i.c);
  set_list_length(c, to, length);
  return Trap::None;
}

EYEFLOW_EXECUTE(ViewList) {
  const Reference list{r[i.b]};
  r[i.a] =
      Reference::make(list.region(), list.offset() + kListHeaderBytes, static_cast<std::uint32_t>(list_length(c, list)))
          .word;
  return Trap::None;
}

// Whether `count` elements from `first` on lie in the array.
inline bool has_part(Reference array, Word first, std::uint64_t count) {
  return first <= array.capacity() && count <= array.capacity() - first;
}
template <std::size_t Size>
Trap array_part(Context& c, Word* r, const Instruction& i) {
  const Reference to{r[i.a]}, from{r[i.b]};
  if (!has_part(from, r[i.c], to.capacity())) [[unlikely]]
    return Trap::IndexOutOfRange;
  c.begin_write(to, 0, std::uint64_t{to.capacity()} * Size);
  std::memmove(c.at(to), c.at(from) + r[i.c] * Size, std::uint64_t{to.capacity()} * Size);
  return Trap::None;
}
template <std::size_t Size>
Trap array_put(Context& c, Word* r, const Instruction& i) {
  const Reference to{r[i.a]}, from{r[i.b]};
  if (!has_part(to, r[i.c], from.capacity())) [[unlikely]]
    return Trap::IndexOutOfRange;
  c.begin_write(to, r[i.c] * Size, std::uint64_t{from.capacity()} * Size);
  std::memmove(c.at(to) + r[i.c] * Size, c.at(from), std::uint64_t{from.capacity()} * Size);
  return Trap::None;
}
#define EYEFLOW_PARTS(T)                                                                    \
  EYEFLOW_EXECUTE(ArrayPart##T) { return array_part<sizeof(CppType<Scalar::T>)>(c, r, i); } \
  EYEFLOW_EXECUTE(ArrayPut##T) { return array_put<sizeof(CppType<Scalar::T>)>(c, r, i); }
EYEFLOW_PARTS(Bool)
EYEFLOW_PARTS(I64)
EYEFLOW_PARTS(I32)
EYEFLOW_PARTS(U8)
EYEFLOW_PARTS(U16)
EYEFLOW_PARTS(U32)
EYEFLOW_PARTS(U64)
EYEFLOW_PARTS(F32)
EYEFLOW_PARTS(F64)
#undef EYEFLOW_PARTS

// ---- Text ----------------------------------------------------------------------------------------------------------

EYEFLOW_EXECUTE(TextClear) {
  c.set_text(Reference{r[i.a]}, 0, {});
  return Trap::None;
}
EYEFLOW_EXECUTE(TextCopy) {
  c.set_text(Reference{r[i.a]}, 0, c.text(Reference{r[i.b]}));
  return Trap::None;
}
EYEFLOW_EXECUTE(TextAppend) {
  const Reference to{r[i.a]};
  c.set_text(to, static_cast<std::uint32_t>(c.text(to).size()), c.text(Reference{r[i.b]}));
  return Trap::None;
}
EYEFLOW_EXECUTE(TextLen) {
  r[i.a] = c.text(Reference{r[i.b]}).size();
  return Trap::None;
}
EYEFLOW_EXECUTE(TextEq) {
  r[i.a] = c.text(Reference{r[i.b]}) == c.text(Reference{r[i.c]});
  return Trap::None;
}

// A text in an array of bytes: its length in two of them, then its own.
inline constexpr std::uint32_t kTextHeaderBytes = 2;
EYEFLOW_EXECUTE(TextPart) {
  const Reference from{r[i.b]};
  if (!has_part(from, r[i.c], kTextHeaderBytes)) [[unlikely]]
    return Trap::IndexOutOfRange;
  const auto* bytes = reinterpret_cast<const unsigned char*>(c.at(from)) + r[i.c];
  const std::size_t length = bytes[0] | std::size_t{bytes[1]} << 8;
  if (!has_part(from, r[i.c], kTextHeaderBytes + length)) [[unlikely]]
    return Trap::IndexOutOfRange;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + kTextHeaderBytes, length);
  std::size_t good = 0;
  for (std::size_t next; good < length && (next = utf8_length(text.substr(good))) != 0;) good += next;
  c.set_text(Reference{r[i.a]}, 0, text.substr(0, good));
  return Trap::None;
}
EYEFLOW_EXECUTE(TextPut) {
  const Reference to{r[i.a]};
  const std::string_view text = c.text(Reference{r[i.b]});
  if (text.size() > 0xFFFF || !has_part(to, r[i.c], kTextHeaderBytes + text.size())) [[unlikely]]
    return Trap::IndexOutOfRange;
  c.begin_write(to, r[i.c], kTextHeaderBytes + text.size());
  std::byte* bytes = c.at(to) + r[i.c];
  bytes[0] = static_cast<std::byte>(text.size());
  bytes[1] = static_cast<std::byte>(text.size() >> 8);
  std::memcpy(bytes + kTextHeaderBytes, text.data(), text.size());
  return Trap::None;
}

#undef EYEFLOW_EXECUTE

}  // namespace eyeflow::vm::semantics
