#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// Rows that were kept, as a person or a program wants to read them.
namespace eyeflow::tools {

// A field of a log's rows, from its schema (docs/sync.md).
struct RowField {
  std::string name, unit;
  friend bool operator==(const RowField&, const RowField&) = default;
};
std::vector<RowField> fields_of_schema(std::string_view schema);

// Calls `each` with the key and the text of every value of a JSON object, in their order; texts have their quotes. The
// object is one that the device wrote: what is not in order ends the walk.
void for_each_member(std::string_view object,
                     const std::function<void(std::string_view key, std::string_view value)>& each);

std::string plain_text(std::string_view json);  // a JSON text without quotes and escapes; others as they are
std::string in_csv(std::string_view text);      // quoted where RFC 4180 wants it
std::string in_line(std::string_view text);     // without characters that control a terminal

}  // namespace eyeflow::tools
