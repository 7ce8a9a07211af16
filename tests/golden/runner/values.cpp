#include "tests/golden/runner/values.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <span>

namespace eyeflow::golden {

namespace {

using vm::Scalar;
using vm::Word;

std::string hex(Word word) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, word, 16).ptr;
  return "0x" + std::string(digits, end);
}

template <typename T>
std::string write_float(T value, Word canonical_nan) {
  if (value != value) {
    const Word bits = vm::to_word(value);
    return bits == canonical_nan ? "nan" : "nan(" + hex(bits) + ")";
  }
  char digits[64];
  std::string text(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

template <typename T>
std::optional<Word> read_float(std::string_view text, Word canonical_nan) {
  if (text == "nan") return canonical_nan;
  if (text.starts_with("nan(0x") && text.ends_with(")")) {
    Word bits = 0;
    const auto [end, error] = std::from_chars(text.data() + 6, text.data() + text.size() - 1, bits, 16);
    if (error != std::errc() || end != text.data() + text.size() - 1) return std::nullopt;
    return bits;
  }
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return vm::to_word(value);
}

template <typename T>
std::optional<Word> read_integer(std::string_view text) {
  if (text.starts_with("0x")) {
    Word bits = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    const T value = static_cast<T>(bits);
    return static_cast<std::make_unsigned_t<T>>(value) == bits ? std::optional(vm::to_word(value)) : std::nullopt;
  }
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return vm::to_word(value);
}

constexpr Word kNanF32 = 0x7fc00000, kNanF64 = 0x7ff8000000000000;

}  // namespace

std::string write_value(Scalar type, Word word) {
  if (type == Scalar::F32 || type == Scalar::F64 ? false : !vm::is_canonical(type, word))
    return "not a " + std::string(vm::name(type)) + ": " + hex(word);
  switch (type) {
    case Scalar::Void:
      return "void";
    case Scalar::Bool:
      return word != 0 ? "true" : "false";
    case Scalar::I64:
    case Scalar::I32:
      return std::to_string(static_cast<std::int64_t>(word));
    case Scalar::U8:
    case Scalar::U16:
    case Scalar::U32:
    case Scalar::U64:
      return std::to_string(word);
    case Scalar::F32:
      if (word > 0xFFFFFFFF) return "not a f32: " + hex(word);
      return write_float(vm::from_word<float>(word), kNanF32);
    case Scalar::F64:
      return write_float(vm::from_word<double>(word), kNanF64);
  }
  return "no type";
}

std::optional<Word> read_value(Scalar type, std::string_view text) {
  switch (type) {
    case Scalar::Void:
      return std::nullopt;
    case Scalar::Bool:
      if (text == "true") return 1;
      if (text == "false") return 0;
      return std::nullopt;
    case Scalar::I64:
      return read_integer<std::int64_t>(text);
    case Scalar::I32:
      return read_integer<std::int32_t>(text);
    case Scalar::U8:
      return read_integer<std::uint8_t>(text);
    case Scalar::U16:
      return read_integer<std::uint16_t>(text);
    case Scalar::U32:
      return read_integer<std::uint32_t>(text);
    case Scalar::U64:
      return read_integer<std::uint64_t>(text);
    case Scalar::F32:
      return read_float<float>(text, kNanF32);
    case Scalar::F64:
      return read_float<double>(text, kNanF64);
  }
  return std::nullopt;
}

std::string write_elements(Scalar type, std::string_view bytes) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(type));
  std::string text;
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    Word word = 0;
    std::memcpy(&word, bytes.data() + at, size);
    if (type == Scalar::U8) {
      text += {"0123456789abcdef"[word >> 4], "0123456789abcdef"[word & 15]};
      continue;
    }
    if (type == Scalar::I32) word = vm::to_word(static_cast<std::int32_t>(word));
    text += (text.empty() ? "" : ", ") + write_value(type, word);
  }
  return type == Scalar::U8 ? text : "[" + text + "]";
}

std::optional<std::vector<std::byte>> read_elements(Scalar type, std::string_view text) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(type));
  std::vector<std::byte> bytes;
  const auto add = [&](std::string_view element) {
    const std::optional<Word> word = read_value(type, element);
    if (!word) return false;
    const auto raw = std::as_bytes(std::span(&*word, 1)).first(size);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
    return true;
  };
  if (type == Scalar::U8) {
    for (std::size_t at = 0; at < text.size(); at += 2)
      if (!add("0x" + std::string(text.substr(at, 2)))) return std::nullopt;
    return bytes;
  }
  if (!text.starts_with('[') || !text.ends_with(']')) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (!add(text.substr(0, end))) return std::nullopt;
    text.remove_prefix(std::min(text.find_first_not_of(", ", end), text.size()));
  }
  return bytes;
}

std::string write_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      quoted += "\\x" + std::string(1, "0123456789abcdef"[byte >> 4]) + "0123456789abcdef"[byte & 15];
    else
      quoted += c;
  }
  return quoted + "\"";
}

}  // namespace eyeflow::golden
