#pragma once

#include "vm/isa/context.h"
#include "vm/isa/semantics.h"
#include "vm/module/module.h"

namespace eyeflow::vm {

// What most conditions are: one or two value instructions on scalars of Param, Input and Const, and nothing around
// them: `t1 > limit`, `t1 < limit - 2 K`, `t1.stale`. The engine knows what they say without a call of their function,
// by the meaning of the instructions that every tier runs.
struct QuickCondition {
  struct Operand {
    Word number = 0;
    std::uint32_t offset = 0;
    bool in_memory = false;  // `offset` in `region`; otherwise it is `number`
    Region region = Region::Const;
  };
  // The shapes that nearly all of them have, with all operands in memory; any other is carried out step by step.
  enum class Shape : std::uint8_t {
    Other,
    LtF64,
    LeF64,
    LtI64,
    LeI64,
    Age,              // le.i64 other, left - right: `t1.stale`
    BelowDifference,  // lt.f64 other, left - right: `t1 < limit - 2`
    AboveSum,         // lt.f64 left + right, other: `t1 > limit + 2`
  };

  // outer(left, right); with an inner instruction, its result stands in the place of left or right, and the other one
  // is `other`.
  Op outer = Op::Return, inner = Op::Return;
  bool has_inner = false, inner_is_left = false;
  Shape shape = Shape::Other;
  Operand left, right, other;

  // Trapped: an instruction did, and the function itself is to tell where.
  enum Says : std::uint8_t { No, Yes, Trapped };
  [[gnu::always_inline]] Says evaluate(const std::byte* const* base) const {
    switch (shape) {
      case Shape::Other:
        return evaluate_by_steps(base);
      case Shape::LtF64:
        return compare<Op::LtF64>(word(left, base), word(right, base));
      case Shape::LeF64:
        return compare<Op::LeF64>(word(left, base), word(right, base));
      case Shape::LtI64:
        return compare<Op::LtI64>(word(left, base), word(right, base));
      case Shape::LeI64:
        return compare<Op::LeI64>(word(left, base), word(right, base));
      case Shape::Age: {
        Word age = 0;
        if (!run<Op::SubI64>(word(left, base), word(right, base), age)) [[unlikely]]
          return Trapped;
        return compare<Op::LeI64>(word(other, base), age);
      }
      case Shape::BelowDifference: {
        Word sum = 0;
        run<Op::SubF64>(word(left, base), word(right, base), sum);
        return compare<Op::LtF64>(word(other, base), sum);
      }
      case Shape::AboveSum: {
        Word sum = 0;
        run<Op::AddF64>(word(left, base), word(right, base), sum);
        return compare<Op::LtF64>(sum, word(other, base));
      }
    }
    __builtin_unreachable();
  }
  Says evaluate_by_steps(const std::byte* const* base) const;

 private:
  static Word word(const Operand& operand, const std::byte* const* base) {
    Word word;
    std::memcpy(&word, base[static_cast<int>(operand.region)] + operand.offset, sizeof word);
    return word;
  }
  template <Op O>
  static bool run(Word b, Word c, Word& a) {
    Word registers[] = {0, b, c};
    const Trap trap = semantics::run_value<O>(registers, {.op = O, .a = 0, .b = 1, .c = 2});
    a = registers[0];
    return trap == Trap::None;
  }
  template <Op O>
  static Says compare(Word b, Word c) {
    Word holds = 0;
    run<O>(b, c, holds);
    return holds != 0 ? Yes : No;
  }
};

// Whether the function, which takes nothing and gives a bool, is such a condition.
bool find_quick(const Module& module, const Function& function, QuickCondition& found);

}  // namespace eyeflow::vm
