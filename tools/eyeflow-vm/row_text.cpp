#include "tools/eyeflow-vm/row_text.h"

#include <charconv>
#include <cstdint>

namespace eyeflow::tools {
namespace {

// Behind the text that begins here, its quotes included; npos when it does not end.
std::size_t end_of_text(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) at += json[at] == '\\';
  return at < json.size() ? at + 1 : std::string_view::npos;
}

std::size_t end_of_value(std::string_view json, std::size_t at) {
  for (int depth = 0; at < json.size();) {
    const char c = json[at];
    if (c == '"') {
      at = end_of_text(json, at);
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) return at;
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    ++at;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

}  // namespace

void for_each_member(std::string_view object,
                     const std::function<void(std::string_view key, std::string_view value)>& each) {
  if (!object.starts_with('{')) return;
  for (std::size_t at = 1; at < object.size() && object[at] == '"'; ++at) {
    const auto colon = end_of_text(object, at);
    if (colon == object.npos || colon >= object.size()) return;
    const auto end = end_of_value(object, colon + 1);
    if (end == object.npos) return;
    each(object.substr(at + 1, colon - at - 2), object.substr(colon + 1, end - colon - 1));
    at = end;
  }
}

std::vector<RowField> fields_of_schema(std::string_view schema) {
  std::vector<RowField> fields;
  for (std::size_t at = 1; at < schema.size() && schema[at] == '{'; ++at) {
    const auto end = end_of_value(schema, at);
    if (end == schema.npos) break;
    auto& field = fields.emplace_back();
    for_each_member(schema.substr(at, end - at), [&](std::string_view key, std::string_view value) {
      if (key == "name") field.name = plain_text(value);
      if (key == "unit") field.unit = plain_text(value);
    });
    at = end;
  }
  return fields;
}

// Escapes as append_json_text() writes them: of characters that are not allowed as they are.
std::string plain_text(std::string_view json) {
  if (!json.starts_with('"') || json.size() < 2) return std::string(json);
  json = json.substr(1, json.size() - 2);
  std::string out;
  for (std::size_t at = 0; at < json.size(); ++at) {
    if (json[at] != '\\' || at + 1 == json.size()) {
      out += json[at];
      continue;
    }
    constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
    const char c = json[++at];
    std::uint32_t point = 0;
    if (c == 'u' && at + 4 < json.size() &&
        std::from_chars(json.data() + at + 1, json.data() + at + 5, point, 16).ptr == json.data() + at + 5) {
      append_utf8(out, point);
      at += 4;
    } else {
      const auto letter = kLetters.find(c);
      out += letter == kLetters.npos ? c : kMeant[letter];
    }
  }
  return out;
}

std::string in_csv(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string in_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

}  // namespace eyeflow::tools
