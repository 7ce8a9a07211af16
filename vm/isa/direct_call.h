#pragma once

#include <utility>

#include "vm/isa/context.h"
#include "vm/isa/intrinsic.h"

// The C++ type of an intrinsic's function from its row, and its Word form from the function: the meaning is written
// once.
namespace eyeflow::vm {

constexpr bool is_reference(const Operand& param) { return param.match != Match::Exact; }

// What a scalar is in a direct call. Narrow integers travel as whole words: a callee leaves the upper bits of a narrow
// result undefined.
template <Scalar S>
struct DirectTypeOf {
  using type = Word;
};
template <>
struct DirectTypeOf<Scalar::F64> {
  using type = double;
};
template <>
struct DirectTypeOf<Scalar::F32> {
  using type = float;
};
template <>
struct DirectTypeOf<Scalar::I64> {
  using type = std::int64_t;
};
template <>
struct DirectTypeOf<Scalar::Void> {
  using type = void;
};
template <Operand P>
using DirectParam = typename DirectTypeOf<is_reference(P) ? Scalar::U64 : P.scalar>::type;

template <bool MayTrap, Scalar Result, Operand... P>
struct DirectSignature {
  static_assert(!MayTrap || Result == Scalar::Void, "an intrinsic that may trap has no result");
  static constexpr bool kTakesContext = (is_reference(P) || ...);
  static constexpr int kFloats =
      ((P.scalar == Scalar::F64 || P.scalar == Scalar::F32 ? !is_reference(P) : 0) + ... + 0);
  static_assert(kFloats <= 8 && sizeof...(P) - kFloats + kTakesContext <= 6, "arguments travel in registers");

  using Return = typename DirectTypeOf<MayTrap ? Scalar::U64 : Result>::type;
  using type = std::conditional_t<kTakesContext, Return(Context&, DirectParam<P>...), Return(DirectParam<P>...)>;
};

template <typename... P>
inline constexpr bool kTakesContextFirst = false;
template <typename... P>
inline constexpr bool kTakesContextFirst<Context&, P...> = true;

// The IntrinsicFunction of a direct function.
template <bool MayTrap, auto Function>
struct WordCall;

template <bool MayTrap, typename R, typename... P, R (*Function)(Context&, P...)>
struct WordCall<MayTrap, Function> {
  static Trap call(Context& context, const Word* arguments, Word* result) {
    return [&]<std::size_t... N>(std::index_sequence<N...>) {
      if constexpr (MayTrap) {
        return static_cast<Trap>(Function(context, from_word<P>(arguments[N])...));
      } else {
        if constexpr (std::is_void_v<R>)
          Function(context, from_word<P>(arguments[N])...);
        else
          *result = to_word(Function(context, from_word<P>(arguments[N])...));
        return Trap::None;
      }
    }(std::index_sequence_for<P...>{});
  }
};
template <bool MayTrap, typename R, typename... P, R (*Function)(P...)>
  requires(!kTakesContextFirst<P...>)
struct WordCall<MayTrap, Function> {
  static R with_context(Context&, P... arguments) { return Function(arguments...); }
  static Trap call(Context& context, const Word* arguments, Word* result) {
    return WordCall<MayTrap, &with_context>::call(context, arguments, result);
  }
};

}  // namespace eyeflow::vm
