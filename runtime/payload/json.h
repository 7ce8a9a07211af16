#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/payload/json_pointer.h"

// What stands at a place of a JSON document, and the quick way to find it.
namespace eyeflow::runtime {

struct JsonValue {
  enum class Kind : std::uint8_t { Missing, Null, False, True, Signed, Unsigned, Real, Text, Other };
  Kind kind = Kind::Missing;
  union {
    std::int64_t whole = 0;  // Signed
    std::uint64_t large;     // Unsigned: above 2^63
    double real;             // Real: the nearest to what is written
  };
  std::string_view text{};  // Text: within the document

  bool is_bool() const { return kind == Kind::False || kind == Kind::True; }
};

// Reads a plain document once from its first byte to its last, and picks out what stands at two JSON pointers ("/temp",
// "/data/temp"; `time` may be empty). True: the document is valid as a whole and has both. False says nothing: it is
// not valid, or has not both, or is not plain (escapes, numbers of many digits, deep nesting, arrays on the way, the
// same key twice on the way), and a whole parser must look at it.
bool scan_json(std::string_view document, const JsonPointer& field_pointer, const JsonPointer& time_pointer,
               JsonValue& field, JsonValue& time);

// The same of up to kMostFields pointers, at least one and all plain. What is not there stays Missing.
inline constexpr std::size_t kMostFields = 64;
bool scan_json(std::string_view document, std::span<const JsonPointer> pointers, std::span<JsonValue> values);

}  // namespace eyeflow::runtime
