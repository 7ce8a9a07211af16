#pragma once

#include <cstring>

#include "vm/interpreter/code.h"
#include "vm/interpreter/dispatch.h"
#include "vm/isa/memory_ops.h"
#include "vm/isa/semantics.h"

// The flow instructions: `flow(op_tag<Op::X>{}, cursor, context, trap)`, one overload a row; false ends the handler.
namespace eyeflow::vm {

// A counter holds the trips that were begun before this one (low half) and those it makes in all (high half).
struct TripCount {
  static constexpr Word make(std::uint32_t total) { return static_cast<Word>(total) << 32; }
  static constexpr std::uint32_t made(Word counter) { return static_cast<std::uint32_t>(counter); }
  static constexpr std::uint32_t total(Word counter) { return static_cast<std::uint32_t>(counter >> 32); }
};

#define EYEFLOW_FLOW(Name)                                                                           \
  [[gnu::always_inline]] inline bool flow(op_tag<Op::Name>, Cursor& at, [[maybe_unused]] Context& c, \
                                          [[maybe_unused]] Trap& trap)

// A few words, usually one or two: a loop that the compiler would make a vector loop of, or a call of memcpy, costs
// more.
[[gnu::always_inline]] inline void copy_words(Word* to, const Word* from, std::uint16_t count) {
#if defined(__clang__)
#pragma clang loop vectorize(disable) unroll(disable)
#endif
  for (std::uint16_t n = 0; n < count; ++n) {
    to[n] = from[n];
    asm volatile("" ::: "memory");
  }
}
[[gnu::always_inline]] inline void clear_words(Word* to, std::uint16_t first, std::uint16_t end) {
  for (std::uint16_t n = first; n < end; ++n) {
    to[n] = 0;
    asm volatile("" ::: "memory");
  }
}

// The outermost function returns to nowhere: its record stands at the bottom of the call stack.
EYEFLOW_FLOW(Return) {
  const CallRecord& record = *--c.call_top;
  copy_words(record.frame + record.result, at.r + at.pc->a, running(c).result_count);
  if (record.return_to == nullptr) [[unlikely]] {
    trap = Trap::None;
    return false;
  }
  c.running = record.caller;
  at = {record.return_to, record.frame};
  return true;
}

EYEFLOW_FLOW(Trap) {
  trap = static_cast<vm::Trap>(at.pc->a);
  return false;
}

EYEFLOW_FLOW(Jump) {
  at.pc += at.pc->a;
  return true;
}
EYEFLOW_FLOW(LoopBegin) {
  const auto wanted = from_word<std::int64_t>(at.r[at.pc->b]);
  const std::int64_t trips = wanted < 0 ? 0 : wanted;
  if (trips > Reference{c.references[at.pc->c]}.capacity()) [[unlikely]] {
    trap = Trap::TripLimit;
    return false;
  }
  at.r[at.pc->a] = TripCount::make(static_cast<std::uint32_t>(trips));
  ++at.pc;
  return true;
}
EYEFLOW_FLOW(LoopEnter) {
  const std::uint32_t trips = TripCount::total(at.r[at.pc->a]);
  if (trips == 0) {
    at.pc += at.pc->b;
    return true;
  }
  if (c.metered) [[unlikely]] {
    std::uint64_t fuel;
    if (__builtin_mul_overflow(running(c).trip_fuel[at.pc->a], trips, &fuel) || !charge(c, fuel)) {
      trap = Trap::OutOfFuel;
      return false;
    }
  }
  ++at.pc;
  return true;
}
EYEFLOW_FLOW(LoopNext) {
  const Word counter = ++at.r[at.pc->a];
  if (TripCount::made(counter) < TripCount::total(counter))
    at.pc -= at.pc->b;
  else
    ++at.pc;
  return true;
}

EYEFLOW_FLOW(LoopStep) {
  ++at.r[at.pc->c];
  return flow(op_tag<Op::LoopNext>{}, at, c, trap);
}

EYEFLOW_FLOW(WhileBegin) {
  at.r[at.pc->a] = TripCount::make(Reference{c.references[at.pc->b]}.capacity());
  ++at.pc;
  return true;
}
EYEFLOW_FLOW(WhileTest) {
  if (at.r[at.pc->b] == 0) {
    at.pc += at.pc->c;
    return true;
  }
  Word& counter = at.r[at.pc->a];
  if (TripCount::made(counter) == TripCount::total(counter)) [[unlikely]] {
    trap = Trap::WhileLimit;
    return false;
  }
  if (c.metered && !charge(c, running(c).trip_fuel[at.pc->a])) [[unlikely]] {
    trap = Trap::OutOfFuel;
    return false;
  }
  ++counter;
  ++at.pc;
  return true;
}
EYEFLOW_FLOW(WhileNext) {
  at.pc -= at.pc->b;
  return true;
}

// The trip that a while loop is about to begin: there must be one left, and its fuel.
[[gnu::always_inline]] inline bool begin_trip(std::uint16_t counter, Word value, Cursor& at, Context& c, Trap& trap) {
  if (TripCount::made(value) == TripCount::total(value)) [[unlikely]] {
    trap = Trap::WhileLimit;
    return false;
  }
  if (c.metered && !charge(c, running(c).trip_fuel[counter])) [[unlikely]] {
    trap = Trap::OutOfFuel;
    return false;
  }
  at.r[counter] = value;
  return true;
}
EYEFLOW_FLOW(WhileEnter) {
  const Word counter = TripCount::make(Reference{c.references[at.pc->b]}.capacity());
  if (!begin_trip(at.pc->a, counter, at, c, trap)) [[unlikely]]
    return false;
  ++at.pc;
  return true;
}
// Back to the instruction behind while.enter, which names the counter.
[[gnu::always_inline]] inline bool repeat_while(bool goes_on, Cursor& at, Context& c, Trap& trap) {
  if (!goes_on) {
    ++at.pc;
    return true;
  }
  const Instruction* const first = at.pc - at.pc->a;
  const std::uint16_t counter = first[-1].a;
  if (!begin_trip(counter, at.r[counter] + 1, at, c, trap)) [[unlikely]]
    return false;
  at.pc = first;
  return true;
}
EYEFLOW_FLOW(WhileRepeat) { return repeat_while(true, at, c, trap); }
EYEFLOW_FLOW(WhileRepeatIf) { return repeat_while(at.r[at.pc->b] != 0, at, c, trap); }
EYEFLOW_FLOW(WhileRepeatUnless) { return repeat_while(at.r[at.pc->b] == 0, at, c, trap); }

EYEFLOW_FLOW(Call) {
  const FunctionCode& callee = function_code(c, at.pc->b);
  if (c.metered && !charge(c, callee.entry_fuel)) [[unlikely]] {
    trap = Trap::OutOfFuel;
    return false;
  }
  Word* frame = at.r + running(c).register_count;
  copy_words(frame, at.r + at.pc->c, callee.param_count);
  clear_words(frame, callee.param_count, callee.clear_end);
  *c.call_top++ = {at.pc + 1, at.r, c.running, at.pc->a};
  c.running = &callee;
  at = {callee.code, frame};
  return true;
}

EYEFLOW_FLOW(CallIntrinsic) {
  // Through a word of its own: an intrinsic without a result must not write register a.
  const IntrinsicDesc& intrinsic = c.intrinsics[at.pc->b];
  Word result = 0;
  trap = intrinsic.function(c, at.r + at.pc->c, &result);
  if (trap != Trap::None) [[unlikely]]
    return false;
  if (intrinsic.result != Scalar::Void) at.r[at.pc->a] = result;
  ++at.pc;
  return true;
}
#undef EYEFLOW_FLOW

// Rows that go forward, by field a, or on.
template <Op O>
constexpr bool kJumpsOrNot =
    O == Op::JumpIf || O == Op::JumpUnless || info(O).form == Form::JumpIf || info(O).form == Form::JumpUnless;
template <Op O>
[[gnu::always_inline]] inline bool jumps(const Word* r, const Instruction& i) {
  if constexpr (O == Op::JumpIf)
    return r[i.b] != 0;
  else if constexpr (O == Op::JumpUnless)
    return r[i.b] == 0;
  else
    return semantics::holds<O>(r, i) == (info(O).form == Form::JumpIf);
}

template <Op O>
inline bool step(Cursor& at, Context& context, Trap& trap) {
  if constexpr (kJumpsOrNot<O>) {
    at.pc += jumps<O>(at.r, *at.pc) ? at.pc->a : 1;
    return true;
  } else if constexpr (info(O).form == Form::RepeatIf || info(O).form == Form::RepeatUnless) {
    return repeat_while(semantics::holds<O>(at.r, *at.pc) == (info(O).form == Form::RepeatIf), at, context, trap);
  } else if constexpr (info(O).cls == OpClass::Flow) {
    return flow(op_tag<O>{}, at, context, trap);
  } else {
    if constexpr (info(O).cls == OpClass::Value)
      trap = semantics::run_value<O>(at.r, *at.pc);
    else
      trap = semantics::execute(op_tag<O>{}, context, at.r, *at.pc);
    if constexpr (info(O).has(MayTrap)) {
      if (trap != Trap::None) [[unlikely]]
        return false;
    }
    ++at.pc;
    return true;
  }
}

}  // namespace eyeflow::vm
