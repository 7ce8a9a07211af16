#include <algorithm>

#include "stdlib/intrinsics/array_access.h"
#include "stdlib/intrinsics/functions.h"
#include "vm/isa/model_host.h"

namespace eyeflow::stdlib::functions {
namespace {

using vm::Context;
using vm::Word;

template <typename T>
Word ask_model(Context& context, Word to, std::int64_t model, Word argument, vm::Scalar element) {
  if (context.model_host == nullptr) return static_cast<Word>(vm::Trap::ModelFailed);
  float* const answer = writable<float>(context, to);
  const vm::Trap trap = context.model_host->ask(
      model, element, std::as_bytes(std::span(elements<T>(context, argument), length(argument))),
      std::as_writable_bytes(std::span(answer, length(to))));
  for (std::size_t n = 0; n < length(to); ++n) answer[n] = vm::canonical(answer[n]);
  return static_cast<Word>(trap);
}

template <typename T>
Word give_model(Context& context, std::int64_t model, std::int64_t argument, Word value, vm::Scalar element) {
  if (context.model_host == nullptr) return static_cast<Word>(vm::Trap::ModelFailed);
  return static_cast<Word>(context.model_host->give(
      model, argument, element, std::as_bytes(std::span(elements<T>(context, value), length(value)))));
}

template <typename T>
Word try_model(Context& context, Word to, std::int64_t model, Word argument, vm::Scalar element) {
  if (ask_model<T>(context, to, model, argument, element) == static_cast<Word>(vm::Trap::None))
    return vm::to_word(true);
  std::ranges::fill(std::span(writable<float>(context, to), length(to)), 0.0f);
  return vm::to_word(false);
}

}  // namespace

Word give_model_u8(Context& context, std::int64_t model, std::int64_t argument, Word value) {
  return give_model<std::uint8_t>(context, model, argument, value, vm::Scalar::U8);
}
Word give_model_f32(Context& context, std::int64_t model, std::int64_t argument, Word value) {
  return give_model<float>(context, model, argument, value, vm::Scalar::F32);
}
Word try_model_u8(Context& context, Word to, std::int64_t model, Word argument) {
  return try_model<std::uint8_t>(context, to, model, argument, vm::Scalar::U8);
}
Word try_model_f32(Context& context, Word to, std::int64_t model, Word argument) {
  return try_model<float>(context, to, model, argument, vm::Scalar::F32);
}
Word ask_model_u8(Context& context, Word to, std::int64_t model, Word argument) {
  return ask_model<std::uint8_t>(context, to, model, argument, vm::Scalar::U8);
}
Word ask_model_f32(Context& context, Word to, std::int64_t model, Word argument) {
  return ask_model<float>(context, to, model, argument, vm::Scalar::F32);
}

}  // namespace eyeflow::stdlib::functions
