#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "stdlib/intrinsics/array_access.h"
#include "stdlib/intrinsics/byte_form.h"
#include "stdlib/intrinsics/functions.h"
#include "vm/base/utf8.h"

// Bytes as devices send them: numbers in either order, checksums, text. What is read lies in the array or list, the
// compiler has checked that; where a module of somebody else's making has not, it reads as zero.
namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Reference;
using vm::Word;
using Bytes = std::span<const std::uint8_t>;

Bytes array_bytes(Context& context, Word array) { return {elements<std::uint8_t>(context, array), length(array)}; }
Bytes list_bytes(Context& context, Word list) {
  const std::string_view bytes =
      context.bytes_of({.kind = vm::TypeKind::List, .element = vm::Scalar::U8}, Reference{list});
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

std::uint64_t bits_at(Bytes bytes, std::int64_t at, const ByteForm& form) {
  const auto width = static_cast<std::uint64_t>(form.width), first = static_cast<std::uint64_t>(at);
  if (width > 8 || first > bytes.size() || bytes.size() - first < width) return 0;
  std::uint64_t bits = 0;
  for (std::uint64_t n = 0; n < width; ++n) {
    std::uint64_t shift = 8 * (form.big_endian ? width - 1 - n : n);
    if (form.swaps_halves && width == 4) shift ^= 16;
    bits |= std::uint64_t{bytes[first + n]} << shift;
  }
  return bits;
}

std::int64_t whole_at(Bytes bytes, std::int64_t at, std::int64_t number) {
  const ByteForm form = byte_form(number);
  const std::uint64_t bits = bits_at(bytes, at, form);
  if (!form.is_signed || form.width < 1 || form.width > 7) return static_cast<std::int64_t>(bits);
  const auto unused = 64 - 8 * form.width;
  return static_cast<std::int64_t>(bits << unused) >> unused;
}
float f32_at(Bytes bytes, std::int64_t at, std::int64_t number) {
  return vm::canonical(std::bit_cast<float>(static_cast<std::uint32_t>(bits_at(bytes, at, byte_form(number)))));
}
double f64_at(Bytes bytes, std::int64_t at, std::int64_t number) {
  return vm::canonical(std::bit_cast<double>(bits_at(bytes, at, byte_form(number))));
}

void set(Context& context, Word text, std::string_view value) { context.set_text(Reference{text}, 0, value); }

void hex_of(Context& context, Word text, Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  set(context, text, {});
  char piece[64];
  for (std::size_t n = 0, used = 0; n < bytes.size(); ++n) {
    piece[used++] = kDigits[bytes[n] >> 4];
    piece[used++] = kDigits[bytes[n] & 15];
    if (used < sizeof piece && n + 1 < bytes.size()) continue;
    const Reference to{text};
    context.set_text(to, static_cast<std::uint32_t>(context.text(to).size()), {piece, used});
    used = 0;
  }
}

void text_of(Context& context, Word text, Bytes bytes) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::size_t good = 0;
  while (const std::size_t more = utf8_length(all.substr(good))) good += more;
  set(context, text, all.substr(0, good));
}

template <typename T, T Polynomial>
constexpr std::array<T, 256> crc_table() {
  std::array<T, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    auto rest = static_cast<T>(byte);
    for (int bit = 0; bit < 8; ++bit) rest = static_cast<T>((rest >> 1) ^ (rest & 1 ? Polynomial : T{0}));
    table[byte] = rest;
  }
  return table;
}
template <typename T, T Polynomial>
T crc(Bytes bytes) {
  static constexpr auto kTable = crc_table<T, Polynomial>();
  T rest = static_cast<T>(~T{0});
  for (const std::uint8_t byte : bytes) rest = static_cast<T>((rest >> 8) ^ kTable[(rest ^ byte) & 0xFF]);
  return rest;
}
Word crc16_of(Bytes bytes) { return crc<std::uint16_t, 0xA001>(bytes); }
Word crc32_of(Bytes bytes) { return ~crc<std::uint32_t, 0xEDB88320>(bytes) & 0xFFFFFFFF; }

}  // namespace

std::int64_t whole_at_list(Context& c, Word a, std::int64_t at, std::int64_t form) {
  return whole_at(list_bytes(c, a), at, form);
}
std::int64_t whole_at_array(Context& c, Word a, std::int64_t at, std::int64_t form) {
  return whole_at(array_bytes(c, a), at, form);
}
float f32_at_list(Context& c, Word a, std::int64_t at, std::int64_t form) { return f32_at(list_bytes(c, a), at, form); }
float f32_at_array(Context& c, Word a, std::int64_t at, std::int64_t form) {
  return f32_at(array_bytes(c, a), at, form);
}
double f64_at_list(Context& c, Word a, std::int64_t at, std::int64_t form) {
  return f64_at(list_bytes(c, a), at, form);
}
double f64_at_array(Context& c, Word a, std::int64_t at, std::int64_t form) {
  return f64_at(array_bytes(c, a), at, form);
}
std::int64_t bits_of_f32(float a) { return std::bit_cast<std::uint32_t>(vm::canonical(a)); }
std::int64_t bits_of_f64(double a) { return std::bit_cast<std::int64_t>(vm::canonical(a)); }
void hex_of_list(Context& c, Word a, Word b) { hex_of(c, a, list_bytes(c, b)); }
void hex_of_array(Context& c, Word a, Word b) { hex_of(c, a, array_bytes(c, b)); }
void text_of_list(Context& c, Word a, Word b) { text_of(c, a, list_bytes(c, b)); }
void text_of_array(Context& c, Word a, Word b) { text_of(c, a, array_bytes(c, b)); }
Word crc16_of_list(Context& c, Word a) { return crc16_of(list_bytes(c, a)); }
Word crc16_of_array(Context& c, Word a) { return crc16_of(array_bytes(c, a)); }
Word crc32_of_list(Context& c, Word a) { return crc32_of(list_bytes(c, a)); }
Word crc32_of_array(Context& c, Word a) { return crc32_of(array_bytes(c, a)); }

}  // namespace eyeflow::stdlib::functions
