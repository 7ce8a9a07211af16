#include "vm/isa/type.h"

#include <cstring>

#include "vm/base/utf8.h"

namespace eyeflow::vm {
namespace {

using Bytes = std::span<const std::byte>;

Word load(Bytes bytes, std::size_t size) {
  Word word = 0;
  std::memcpy(&word, bytes.data(), size);
  return word;
}

// An element as the word that it would be in a register.
Word widened(Scalar element, Word word) {
  return element == Scalar::I32 ? to_word(static_cast<std::int32_t>(word)) : word;
}

bool elements_canonical(Scalar element, std::uint32_t count, Bytes bytes) {
  const auto size = static_cast<std::size_t>(size_bytes(element));
  for (std::uint32_t n = 0; n < count; ++n)
    if (!is_canonical(element, widened(element, load(bytes.subspan(n * size), size)))) return false;
  return true;
}

}  // namespace

std::string_view name(Scalar type) {
  static constexpr std::string_view kNames[kScalarCount] = {"void", "bool", "i64", "i32", "u8",
                                                            "u16",  "u32",  "u64", "f32", "f64"};
  return kNames[static_cast<int>(type)];
}

std::string_view name(Region region) {
  static constexpr std::string_view kNames[kRegionCount] = {"const", "param", "input", "state", "scratch"};
  return kNames[static_cast<int>(region)];
}

int size_bytes(Scalar element) {
  static constexpr int kSizes[kScalarCount] = {0, 1, 8, 4, 1, 2, 4, 8, 4, 8};
  return kSizes[static_cast<int>(element)];
}

bool is_canonical(Scalar type, Word word) {
  switch (type) {
    case Scalar::Void:
      return false;
    case Scalar::Bool:
      return word <= 1;
    case Scalar::I32:
      return to_word(static_cast<std::int32_t>(word)) == word;
    case Scalar::U8:
      return word <= 0xFF;
    case Scalar::U16:
      return word <= 0xFFFF;
    case Scalar::U32:
      return word <= 0xFFFFFFFF;
    case Scalar::F32:
      return word <= 0xFFFFFFFF && to_word(canonical(from_word<float>(word))) == word;
    case Scalar::F64:
      return to_word(canonical(from_word<double>(word))) == word;
    case Scalar::I64:
    case Scalar::U64:
      return true;
  }
  return false;
}

std::uint64_t slot_size_bytes(const Type& type) {
  const auto padded = [](std::uint64_t bytes) { return (bytes + 7) / 8 * 8; };
  switch (type.kind) {
    case TypeKind::Scalar:
      return 8;
    case TypeKind::Text:
      return padded(4 + std::uint64_t{type.capacity});
    case TypeKind::Array:
      return padded(std::uint64_t{type.capacity} * size_bytes(type.element));
    case TypeKind::List:
      return padded(8 + std::uint64_t{type.capacity} * size_bytes(type.element));
    case TypeKind::Counter:
    case TypeKind::View:
      return 0;
  }
  return 0;
}

bool is_value(const Type& type, Bytes bytes, std::size_t& used) {
  switch (type.kind) {
    case TypeKind::Scalar:
      used = 8;
      return is_canonical(type.element, load(bytes, 8));
    case TypeKind::Text: {
      const Word length = load(bytes, 4);
      if (length > type.capacity) return false;
      used = 4 + length;
      return is_utf8({reinterpret_cast<const char*>(bytes.data()) + 4, length});
    }
    case TypeKind::Array:
      used = std::size_t{type.capacity} * static_cast<std::size_t>(size_bytes(type.element));
      return elements_canonical(type.element, type.capacity, bytes);
    case TypeKind::List: {
      const Word length = load(bytes, 8);
      if (length > type.capacity) return false;
      used = 8 + length * static_cast<std::size_t>(size_bytes(type.element));
      return elements_canonical(type.element, static_cast<std::uint32_t>(length), bytes.subspan(8));
    }
    case TypeKind::Counter:
    case TypeKind::View:
      break;
  }
  return false;
}

std::string describe(const Type& type) {
  const std::string capacity = std::to_string(type.capacity), place = "@" + std::string(name(type.region));
  switch (type.kind) {
    case TypeKind::Scalar:
      return std::string(name(type.element));
    case TypeKind::Text:
      return "text(" + capacity + ")" + place;
    case TypeKind::Array:
      return "[" + std::string(name(type.element)) + "; " + capacity + "]" + place;
    case TypeKind::List:
      return "[" + std::string(name(type.element)) + "; <=" + capacity + "]" + place;
    case TypeKind::Counter:
      return "counter(" + capacity + ")";
    case TypeKind::View:
      return "[" + std::string(name(type.element)) + "; view " + capacity + "]" + place;
  }
  return {};
}

}  // namespace eyeflow::vm
