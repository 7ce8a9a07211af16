#include "compiler/testing/values.h"

#include "stdlib/intrinsics/format.h"

namespace eyeflow::compiler {
namespace {

std::string number(const typed::Type& type, vm::Word word) {
  stdlib::FormatBuffer buffer;
  using enum typed::TypeKind;
  switch (type.kind) {
    case Bool:
      return word != 0 ? "true" : "false";
    case U64:
      return std::string(stdlib::format_u64(buffer, word));
    case F32:
      return std::string(stdlib::format_f32(buffer, vm::from_word<float>(word), stdlib::kShortest));
    case F64:
      return std::string(stdlib::format_f64(buffer, vm::from_word<double>(word), stdlib::kShortest));
    case Enum:
      return word < type.enumeration->values.size() ? type.enumeration->values[word] : std::to_string(word);
    case Time:
      return std::string(stdlib::format_time(buffer, vm::from_word<std::int64_t>(word)));
    case Duration:
      return std::string(stdlib::format_duration(buffer, vm::from_word<std::int64_t>(word)));
    default:
      return std::string(stdlib::format_i64(buffer, vm::from_word<std::int64_t>(word)));
  }
}

}  // namespace

std::string show_scalar(const typed::Type& type, vm::Word word) {
  const std::string unit = typed::is_number(type.kind) ? unit_text(type) : std::string();
  return unit.empty() ? number(type, word) : number(type, word) + " " + unit;
}

std::string show_text(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string show_duration(std::int64_t duration_ns) {
  stdlib::FormatBuffer buffer;
  return std::string(stdlib::format_duration(buffer, duration_ns));
}

}  // namespace eyeflow::compiler
