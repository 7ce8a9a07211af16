#include "stdlib/intrinsics/format.h"
#include "stdlib/intrinsics/functions.h"
#include "stdlib/intrinsics/search.h"

namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::from_word;
using vm::Reference;
using vm::Trap;
using vm::Word;

Trap append(Context& context, Word target, std::string_view suffix) {
  const Reference text{target};
  context.set_text(text, static_cast<std::uint32_t>(context.text(text).size()), suffix);
  return Trap::None;
}
Trap answer(Word* result, bool yes) {
  *result = vm::to_word(yes);
  return Trap::None;
}

}  // namespace

Trap append_bool(Context& context, const Word* a, Word*) { return append(context, a[0], a[1] != 0 ? "true" : "false"); }
Trap append_i64(Context& context, const Word* a, Word*) {
  FormatBuffer buffer;
  return append(context, a[0], format_i64(buffer, from_word<std::int64_t>(a[1])));
}
Trap append_u64(Context& context, const Word* a, Word*) {
  FormatBuffer buffer;
  return append(context, a[0], format_u64(buffer, a[1]));
}
Trap append_f64(Context& context, const Word* a, Word*) {
  FormatBuffer buffer;
  return append(context, a[0], format_f64(buffer, from_word<double>(a[1]), from_word<std::int64_t>(a[2])));
}
Trap append_f32(Context& context, const Word* a, Word*) {
  FormatBuffer buffer;
  return append(context, a[0], format_f32(buffer, from_word<float>(a[1]), from_word<std::int64_t>(a[2])));
}
Trap append_time(Context& context, const Word* a, Word*) {
  FormatBuffer buffer;
  return append(context, a[0], format_time(buffer, from_word<std::int64_t>(a[1])));
}
Trap append_duration(Context& context, const Word* a, Word*) {
  FormatBuffer buffer;
  return append(context, a[0], format_duration(buffer, from_word<std::int64_t>(a[1])));
}

Trap contains(Context& context, const Word* a, Word* result) {
  return answer(result, stdlib::contains(context.text({a[0]}), context.text({a[1]})));
}
Trap starts_with(Context& context, const Word* a, Word* result) {
  return answer(result, context.text({a[0]}).starts_with(context.text({a[1]})));
}
Trap ends_with(Context& context, const Word* a, Word* result) {
  return answer(result, context.text({a[0]}).ends_with(context.text({a[1]})));
}

}  // namespace eyeflow::stdlib::functions
