#include "runtime/payload/elements.h"

#include <bit>
#include <cstring>

#include "runtime/payload/number.h"

namespace eyeflow::runtime {
namespace {

using vm::Scalar;
using vm::Word;

std::size_t size_of(const DecodePlan& plan) { return static_cast<std::size_t>(vm::size_bytes(plan.type)); }

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool add_hex(std::string_view text, std::vector<char>& out) {
  int high = -1;
  for (const char c : text) {
    if (c == ' ' && high < 0) continue;
    const int value = digit_of(c);
    if (value < 0) return false;
    if (high < 0) {
      high = value;
      continue;
    }
    out.push_back(static_cast<char>(high << 4 | value));
    high = -1;
  }
  return high < 0;
}

// RFC 4648, section 4; the padding may be left out.
bool add_base64(std::string_view text, std::vector<char>& out) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count));
  }
  return count < 6 && (bits & ((1u << count) - 1)) == 0;
}

std::expected<Word, BadReading> raw_element(const DecodePlan& plan, Word word) {
  switch (plan.type) {
    case Scalar::F64:
      return to_word(plan, {.real = std::bit_cast<double>(word)});
    case Scalar::F32:
      return to_word(plan, {.real = std::bit_cast<float>(static_cast<std::uint32_t>(word))});
    case Scalar::I32:
      return to_word(plan, {.kind = Number::Kind::Signed, .whole = static_cast<std::int32_t>(word)});
    case Scalar::U64:
      return to_word(plan, {.kind = Number::Kind::Unsigned, .large = word});
    default:
      return to_word(plan, {.kind = Number::Kind::Signed, .whole = static_cast<std::int64_t>(word)});
  }
}

Elements elements_of_raw(const DecodePlan& plan, std::string_view payload, std::vector<char>& buffer) {
  const std::size_t size = size_of(plan);
  if (payload.size() % size != 0) return std::unexpected(BadReading::WrongCount);
  if (const auto count = checked_count(plan, payload); !count) return count;  // before anything is done for it
  if (plan.type == Scalar::U8 && !is_raw(plan) && stdlib::is_identity(plan.conversion)) return payload;
  for (std::size_t at = 0; at < payload.size(); at += size) {
    Word word = 0;
    for (std::size_t n = 0; n < size; ++n) {
      const std::size_t shift = 8 * (plan.encoding == Encoding::BigEndian ? size - 1 - n : n);
      word |= Word{static_cast<unsigned char>(payload[at + n])} << shift;
    }
    const auto element = raw_element(plan, word);
    if (!element) return std::unexpected(element.error());
    add_element(plan, *element, buffer);
  }
  return std::string_view(buffer.data(), buffer.size());
}

Elements elements_of_list(const DecodePlan& plan, std::string_view text, std::vector<char>& buffer) {
  text = trimmed(text);
  if (!text.starts_with('[') || !text.ends_with(']') || text.size() < 2) return std::unexpected(BadReading::Malformed);
  text = text.substr(1, text.size() - 2);
  for (bool more = !trimmed(text).empty(); more;) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view element = trimmed(text.substr(0, end));
    more = end < text.size();
    text.remove_prefix(end + (more ? 1 : 0));
    std::expected<Word, BadReading> word = std::unexpected(BadReading::Malformed);
    if (const auto flag = plan.type == Scalar::Bool ? parse_bool(element) : std::nullopt) {
      word = *flag;
    } else if (element == "null") {
      word = std::unexpected(BadReading::NotANumber);
    } else {
      const auto number = parse_number(element);
      word = number ? to_word(plan, *number) : std::unexpected(number.error());
    }
    if (!word) return std::unexpected(word.error());
    if (buffer.size() >= std::size_t{plan.capacity} * size_of(plan)) return std::unexpected(BadReading::WrongCount);
    add_element(plan, *word, buffer);
  }
  return checked_count(plan, {buffer.data(), buffer.size()});
}

}  // namespace

void add_element(const DecodePlan& plan, Word word, std::vector<char>& buffer) {
  const std::size_t at = buffer.size(), size = size_of(plan);
  buffer.resize(at + size);
  std::memcpy(buffer.data() + at, &word, size);
}

Elements checked_count(const DecodePlan& plan, std::string_view elements) {
  const std::size_t count = elements.size() / size_of(plan);
  const bool fits = plan.is_list ? count <= plan.capacity : count == plan.capacity;
  if (!fits) return std::unexpected(BadReading::WrongCount);
  return elements;
}

Elements elements_of_digits(const DecodePlan& plan, std::string_view text, std::vector<char>& buffer) {
  if (plan.type != Scalar::U8) return std::unexpected(BadReading::WrongType);
  buffer.clear();
  const bool good = plan.encoding == Encoding::Base64 ? add_base64(text, buffer) : add_hex(text, buffer);
  if (!good) return std::unexpected(BadReading::Malformed);
  return checked_count(plan, {buffer.data(), buffer.size()});
}

Elements elements_of_payload(const DecodePlan& plan, std::string_view payload, std::vector<char>& buffer) {
  buffer.clear();
  switch (plan.encoding) {
    case Encoding::Hex:
    case Encoding::Base64:
      return elements_of_digits(plan, trimmed(payload), buffer);
    case Encoding::LittleEndian:
    case Encoding::BigEndian:
      return elements_of_raw(plan, payload, buffer);
    case Encoding::ByType:
      break;
  }
  return plan.type == Scalar::U8 ? elements_of_raw(plan, payload, buffer) : elements_of_list(plan, payload, buffer);
}

Elements elements_of_text(const DecodePlan& plan, std::string_view text, std::vector<char>& buffer) {
  buffer.clear();
  if (trimmed(text).starts_with('[')) return elements_of_list(plan, text, buffer);
  return elements_of_digits(plan, trimmed(text), buffer);
}

}  // namespace eyeflow::runtime
