#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/syntax/span.h"

namespace eyeflow::compiler {

// A field of a table in a text file: what it says, without quotes, and where it stands, with them.
struct CsvField {
  std::string text;
  Span span;
};

// Where reading goes on.
struct CsvPlace {
  std::size_t offset = 0;  // in the text
  std::uint32_t line = 1, column = 1;
};

// The fields of the record that begins at `place`, which moves behind it (RFC 4180: fields stand between commas, in
// quotes where they hold commas, quotes or line breaks). Nothing when a quote is not closed. There is a next one while
// place.offset < text.size(). A byte order mark at the start of the text is skipped.
std::optional<std::vector<CsvField>> next_csv_record(std::string_view text, CsvPlace& place);

// The field without blanks around it.
CsvField trimmed(const CsvField& field);
std::string_view trimmed(std::string_view text);

}  // namespace eyeflow::compiler
