#pragma once

#include <cstdint>

// How a number stands in bytes: what the intrinsics that read one are told in a single word.
namespace eyeflow::stdlib {

struct ByteForm {
  std::int64_t width = 1;     // bytes: 1, 2, 4 or 8
  bool big_endian = false;    // the highest byte first
  bool is_signed = false;     // two's complement
  bool swaps_halves = false;  // of 4 bytes: the lower 16 bits first, as many controllers send two registers
};

constexpr std::int64_t to_number(const ByteForm& form) {
  return form.width | (form.big_endian ? 16 : 0) | (form.is_signed ? 32 : 0) | (form.swaps_halves ? 64 : 0);
}
constexpr ByteForm byte_form(std::int64_t number) {
  return {number & 15, (number & 16) != 0, (number & 32) != 0, (number & 64) != 0};
}

}  // namespace eyeflow::stdlib
