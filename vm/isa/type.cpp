#include "vm/isa/type.h"

namespace eyeflow::vm {

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
      return 0;
  }
  return 0;
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
  }
  return {};
}

}  // namespace eyeflow::vm
