#include "compiler/syntax/csv.h"

namespace eyeflow::compiler {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

CsvField trimmed(const CsvField& field) {
  CsvField out = field;
  const std::string_view text = trimmed(std::string_view(field.text));
  if (text.size() == field.text.size() || field.span.length != field.text.size())  // in quotes: as it stands
    return out.text = text, out;
  const auto before = text.empty() ? field.text.size() : field.text.find(text);
  for (std::size_t i = 0; i < before; ++i) out.span.column += begins_character(field.text[i]) ? 1 : 0;
  out.span.offset += static_cast<std::uint32_t>(before);
  out.span.length = static_cast<std::uint32_t>(text.size());
  out.text = text;
  return out;
}

std::optional<std::vector<CsvField>> next_csv_record(std::string_view text, CsvPlace& place) {
  if (place.offset == 0 && text.starts_with("\xEF\xBB\xBF")) place.offset = 3;
  std::vector<CsvField> fields;
  const auto begin_field = [&] {
    fields.push_back({{}, {place.line, place.column, static_cast<std::uint32_t>(place.offset), 0}});
  };
  const auto step = [&] {
    if (text[place.offset] == '\n') {
      ++place.line;
      place.column = 1;
    } else if (begins_character(text[place.offset])) {
      ++place.column;
    }
    ++place.offset;
  };
  const auto end_field = [&] {
    Span& span = fields.back().span;
    span.length = static_cast<std::uint32_t>(place.offset) - span.offset;
  };
  begin_field();
  bool quoted = false;
  while (place.offset < text.size()) {
    const char c = text[place.offset];
    std::string& field = fields.back().text;
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (text.substr(place.offset + 1).starts_with('"')) {
        field += c;
        step();
      } else {
        quoted = false;
      }
    } else if (c == '"' && trimmed(std::string_view(field)).empty()) {
      quoted = true;
      field.clear();
    } else if (c == ',' || c == '\n') {
      end_field();
      step();
      if (c == '\n') return fields;
      begin_field();
      continue;
    } else if (c != '\r') {
      field += c;
    }
    step();
  }
  end_field();
  if (quoted) return std::nullopt;
  return fields;
}

}  // namespace eyeflow::compiler
