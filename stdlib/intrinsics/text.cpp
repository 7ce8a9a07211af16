#include "stdlib/intrinsics/format.h"
#include "stdlib/intrinsics/functions.h"
#include "stdlib/intrinsics/search.h"

namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Reference;
using vm::Word;

void append(Context& context, Word target, std::string_view suffix) {
  const Reference text{target};
  context.set_text(text, static_cast<std::uint32_t>(context.text(text).size()), suffix);
}

}  // namespace

void append_bool(Context& context, Word a, Word b) { append(context, a, b != 0 ? "true" : "false"); }
void append_i64(Context& context, Word a, std::int64_t b) {
  FormatBuffer buffer;
  append(context, a, format_i64(buffer, b));
}
void append_u64(Context& context, Word a, Word b) {
  FormatBuffer buffer;
  append(context, a, format_u64(buffer, b));
}
void append_f64(Context& context, Word a, double b, std::int64_t digits) {
  FormatBuffer buffer;
  append(context, a, format_f64(buffer, b, digits));
}
void append_f32(Context& context, Word a, float b, std::int64_t digits) {
  FormatBuffer buffer;
  append(context, a, format_f32(buffer, b, digits));
}
void append_time(Context& context, Word a, std::int64_t ns) {
  FormatBuffer buffer;
  append(context, a, format_time(buffer, ns));
}
void append_duration(Context& context, Word a, std::int64_t ns) {
  FormatBuffer buffer;
  append(context, a, format_duration(buffer, ns));
}

Word contains(Context& context, Word a, Word b) {
  return stdlib::contains(context.text(Reference{a}), context.text(Reference{b}));
}
Word starts_with(Context& context, Word a, Word b) {
  return context.text(Reference{a}).starts_with(context.text(Reference{b}));
}
Word ends_with(Context& context, Word a, Word b) {
  return context.text(Reference{a}).ends_with(context.text(Reference{b}));
}

}  // namespace eyeflow::stdlib::functions
