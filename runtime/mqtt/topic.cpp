#include "runtime/mqtt/topic.h"

#include <algorithm>
#include <cstddef>

namespace eyeflow::runtime::mqtt {
namespace {

constexpr std::size_t kLongest = 65'535;  // its size has 16 bits

// Of a character beyond ASCII that begins at `at`: how many bytes it has; 0: it is none (RFC 3629; 1.5.3 of MQTT
// refuses surrogates, too).
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t n) { return static_cast<unsigned char>(n < text.size() ? text[n] : 0); };
  const unsigned first = byte(at);
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (std::size_t n = 1; n < size; ++n)
    if ((byte(at + n) & 0xC0) != 0x80) return 0;
  const unsigned second = byte(at + 1);
  if (first == 0xE0 && second < 0xA0) return 0;
  if (first == 0xED && second > 0x9F) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return size;
}

[[gnu::hot]] bool is_text(std::string_view text) {
  if (text.empty() || text.size() > kLongest) return false;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0) return false;
    const std::size_t size = byte < 0x80 ? 1 : character_bytes(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

}  // namespace

[[gnu::hot]] bool is_topic(std::string_view text) { return !has_wildcard(text) && is_text(text); }

bool is_filter(std::string_view text) {
  if (!is_text(text)) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '+' && text[at] != '#') continue;
    const bool begins = at == 0 || text[at - 1] == '/';
    const bool is_last = at + 1 == text.size();
    if (!begins || !(is_last || (text[at] == '+' && text[at + 1] == '/'))) return false;
  }
  return true;
}

[[gnu::hot]] bool has_wildcard(std::string_view filter) {
  return std::ranges::any_of(filter, [](char c) { return c == '+' || c == '#'; });
}

[[gnu::hot]] bool topic_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('#') || filter.starts_with('+'))) return false;
  std::size_t f = 0, t = 0;
  while (f < filter.size()) {
    if (filter[f] == '#') return true;
    if (filter[f] == '+') {
      while (t < topic.size() && topic[t] != '/') ++t;
      ++f;
    } else if (t < topic.size() && filter[f] == topic[t]) {
      ++f;
      ++t;
    } else {
      // "a/#" means "a", too.
      return t == topic.size() && filter.substr(f) == "/#";
    }
  }
  return t == topic.size();
}

}  // namespace eyeflow::runtime::mqtt
