#pragma once

#include <array>
#include <initializer_list>

#include "jit/baseline/masm.h"

namespace eyeflow::jit {

// What the driver does for a row. A row that is not named here calls its meaning in vm/isa: a new row works at once,
// and gets machine code of its own when it has a line here.
enum class Kind : std::uint8_t {
  Meaning,
  Return,
  Trap,
  Jump,
  JumpIf,
  JumpUnless,
  LoopBegin,
  LoopEnter,
  LoopNext,
  LoopStep,
  WhileBegin,
  WhileTest,
  WhileNext,
  WhileEnter,
  Repeat,         // always
  RepeatBool,     // when b is `when`
  RepeatCompare,  // when the comparison is `when`; detail: Condition
  JumpCompare,    // likewise
  Call,
  CallIntrinsic,
  Move,
  LoadImm,
  LoopIndex,
  Load,
  LoadReading,
  Store,
  Ref,
  Integer,   // detail: IntOp
  Divide,    // detail: 0 quotient, 1 remainder
  Unary,     // detail: IntUnary
  Float,     // detail: FloatOp
  FloatOne,  // detail: FloatUnary
  MulAdd,    // detail: 1 takes the product away
  IsNan,
  Compare,  // detail: Condition
  Convert,
  ArrayGet,
  ArraySet,
  ListGet,
  ListSet,
  ListLen,
  ArrayEach,  // element by element; detail: ArrayOp; of arrays that are long by its meaning
  ArrayFrom,  // likewise, with the operands turned round
  ArrayFill,
  ArraySum,
  Emit,  // of an output of a few scalars; of others by its meaning
  // Made by the analysis, no rows of their own:
  Enter,        // a function's start
  InlinedCall,  // the start of a callee that stands here itself
};

struct Action {
  Kind kind = Kind::Meaning;
  Scalar type = Scalar::Void;
  std::uint8_t detail = 0;
  bool when = true;
};

// Of Kind::Ref: where the slot begins in its region.
constexpr std::uint32_t slot_offset(const vm::Instruction& i) {
  return std::uint32_t{i.c} * (i.op == Op::RefPage ? vm::kPageBytes : 8);
}

inline constexpr std::size_t kMostEmittedFields = 32;  // of Kind::Emit
inline constexpr std::uint8_t kArgument = 1;  // detail of a Move that the analysis adds: a parameter of what is inlined

namespace actions_detail {

using Table = std::array<Action, vm::kOpCount>;

constexpr void set(Table& table, Op op, Kind kind, Scalar type = Scalar::Void, int detail = 0) {
  table[static_cast<std::size_t>(op)] = {kind, type, static_cast<std::uint8_t>(detail)};
}

constexpr Table make() {
  Table t{};
  set(t, Op::Return, Kind::Return);
  set(t, Op::Trap, Kind::Trap);
  set(t, Op::Jump, Kind::Jump);
  set(t, Op::JumpIf, Kind::JumpIf);
  set(t, Op::JumpUnless, Kind::JumpUnless);
  set(t, Op::LoopBegin, Kind::LoopBegin);
  set(t, Op::LoopEnter, Kind::LoopEnter);
  set(t, Op::LoopNext, Kind::LoopNext);
  set(t, Op::WhileBegin, Kind::WhileBegin);
  set(t, Op::WhileTest, Kind::WhileTest);
  set(t, Op::WhileNext, Kind::WhileNext);
  set(t, Op::LoopStep, Kind::LoopStep);
  set(t, Op::WhileEnter, Kind::WhileEnter);
  set(t, Op::WhileRepeat, Kind::Repeat);
  set(t, Op::WhileRepeatIf, Kind::RepeatBool);
  set(t, Op::WhileRepeatUnless, Kind::RepeatBool);
  t[static_cast<std::size_t>(Op::WhileRepeatUnless)].when = false;
  set(t, Op::Call, Kind::Call);
  set(t, Op::CallIntrinsic, Kind::CallIntrinsic);
  set(t, Op::Move, Kind::Move);
  set(t, Op::LoadImm, Kind::LoadImm, Scalar::I64);
  set(t, Op::LoopIndex, Kind::LoopIndex, Scalar::I64);
  set(t, Op::Load, Kind::Load);
  set(t, Op::LoadReading, Kind::LoadReading);
  set(t, Op::Store, Kind::Store, Scalar::U64);
  set(t, Op::StoreF32, Kind::Store, Scalar::F32);
  set(t, Op::StoreF64, Kind::Store, Scalar::F64);
  set(t, Op::Ref, Kind::Ref);
  set(t, Op::RefPage, Kind::Ref);
  set(t, Op::ListLen, Kind::ListLen, Scalar::I64);
  set(t, Op::Emit, Kind::Emit);
  set(t, Op::NotBool, Kind::Unary, Scalar::Bool, static_cast<int>(IntUnary::Not));
  set(t, Op::EqBool, Kind::Compare, Scalar::Bool, static_cast<int>(Condition::Eq));
  set(t, Op::NeBool, Kind::Compare, Scalar::Bool, static_cast<int>(Condition::Ne));
#define EYEFLOW_INTEGER(T)                                                    \
  set(t, Op::Add##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Add)); \
  set(t, Op::Sub##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Sub)); \
  set(t, Op::Mul##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Mul)); \
  set(t, Op::Min##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Min)); \
  set(t, Op::Max##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Max)); \
  set(t, Op::Div##T, Kind::Divide, Scalar::T, 0);                             \
  set(t, Op::Mod##T, Kind::Divide, Scalar::T, 1);
#define EYEFLOW_CHECKED(T)                                                     \
  EYEFLOW_INTEGER(T)                                                           \
  set(t, Op::Neg##T, Kind::Unary, Scalar::T, static_cast<int>(IntUnary::Neg)); \
  set(t, Op::Abs##T, Kind::Unary, Scalar::T, static_cast<int>(IntUnary::Abs));
#define EYEFLOW_MODULAR(T)                                                    \
  EYEFLOW_INTEGER(T)                                                          \
  set(t, Op::And##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::And)); \
  set(t, Op::Or##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Or));   \
  set(t, Op::Xor##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Xor)); \
  set(t, Op::Shl##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Shl)); \
  set(t, Op::Shr##T, Kind::Integer, Scalar::T, static_cast<int>(IntOp::Shr)); \
  set(t, Op::Not##T, Kind::Unary, Scalar::T, static_cast<int>(IntUnary::Not));
#define EYEFLOW_FLOATING(T)                                                           \
  set(t, Op::Add##T, Kind::Float, Scalar::T, static_cast<int>(FloatOp::Add));         \
  set(t, Op::Sub##T, Kind::Float, Scalar::T, static_cast<int>(FloatOp::Sub));         \
  set(t, Op::Mul##T, Kind::Float, Scalar::T, static_cast<int>(FloatOp::Mul));         \
  set(t, Op::Div##T, Kind::Float, Scalar::T, static_cast<int>(FloatOp::Div));         \
  set(t, Op::Min##T, Kind::Float, Scalar::T, static_cast<int>(FloatOp::Min));         \
  set(t, Op::Max##T, Kind::Float, Scalar::T, static_cast<int>(FloatOp::Max));         \
  set(t, Op::Neg##T, Kind::FloatOne, Scalar::T, static_cast<int>(FloatUnary::Neg));   \
  set(t, Op::Abs##T, Kind::FloatOne, Scalar::T, static_cast<int>(FloatUnary::Abs));   \
  set(t, Op::Sqrt##T, Kind::FloatOne, Scalar::T, static_cast<int>(FloatUnary::Sqrt)); \
  set(t, Op::IsNan##T, Kind::IsNan, Scalar::T);                                       \
  set(t, Op::MulAdd##T, Kind::MulAdd, Scalar::T, 0);                                  \
  set(t, Op::MulSub##T, Kind::MulAdd, Scalar::T, 1);
#define EYEFLOW_COMPARED(T)                                                     \
  set(t, Op::Eq##T, Kind::Compare, Scalar::T, static_cast<int>(Condition::Eq)); \
  set(t, Op::Ne##T, Kind::Compare, Scalar::T, static_cast<int>(Condition::Ne)); \
  set(t, Op::Lt##T, Kind::Compare, Scalar::T, static_cast<int>(Condition::Lt)); \
  set(t, Op::Le##T, Kind::Compare, Scalar::T, static_cast<int>(Condition::Le));
#define EYEFLOW_ELEMENTS(T)                           \
  set(t, Op::ArrayGet##T, Kind::ArrayGet, Scalar::T); \
  set(t, Op::ArraySet##T, Kind::ArraySet, Scalar::T); \
  set(t, Op::ListGet##T, Kind::ListGet, Scalar::T);   \
  set(t, Op::ListSet##T, Kind::ListSet, Scalar::T);   \
  set(t, Op::ArrayFill##T, Kind::ArrayFill, Scalar::T);
  EYEFLOW_CHECKED(I64)
  EYEFLOW_CHECKED(I32)
  EYEFLOW_MODULAR(U8)
  EYEFLOW_MODULAR(U16)
  EYEFLOW_MODULAR(U32)
  EYEFLOW_MODULAR(U64)
  EYEFLOW_FLOATING(F32)
  EYEFLOW_FLOATING(F64)
  EYEFLOW_COMPARED(I64)
  EYEFLOW_COMPARED(I32)
  EYEFLOW_COMPARED(U8)
  EYEFLOW_COMPARED(U16)
  EYEFLOW_COMPARED(U32)
  EYEFLOW_COMPARED(U64)
  EYEFLOW_COMPARED(F32)
  EYEFLOW_COMPARED(F64)
  EYEFLOW_ELEMENTS(Bool)
  EYEFLOW_ELEMENTS(I64)
  EYEFLOW_ELEMENTS(I32)
  EYEFLOW_ELEMENTS(U8)
  EYEFLOW_ELEMENTS(U16)
  EYEFLOW_ELEMENTS(U32)
  EYEFLOW_ELEMENTS(U64)
  EYEFLOW_ELEMENTS(F32)
  EYEFLOW_ELEMENTS(F64)
#undef EYEFLOW_INTEGER
#undef EYEFLOW_CHECKED
#undef EYEFLOW_MODULAR
#undef EYEFLOW_FLOATING
#undef EYEFLOW_COMPARED
#undef EYEFLOW_ELEMENTS
#define EYEFLOW_ARRAY_PAIR(T, Name, Element) \
  set(t, Op::Array##Name##T, Kind::ArrayEach, Scalar::T, static_cast<int>(ArrayOp::Element));
#define EYEFLOW_ARRAY_ONE(T, Name, Element) EYEFLOW_ARRAY_PAIR(T, Name, Element)
#define EYEFLOW_ARRAY_WITH(T, Name, Element) EYEFLOW_ARRAY_PAIR(T, Name, Element)
#define EYEFLOW_ARRAY_FROM(T, Name, Element) \
  set(t, Op::Array##Name##T, Kind::ArrayFrom, Scalar::T, static_cast<int>(ArrayOp::Element));
#include "vm/isa/array_ops.def"
  set(t, Op::ArrayCopy, Kind::ArrayEach, Scalar::Void, static_cast<int>(ArrayOp::Copy));
  set(t, Op::ArraySumI64, Kind::ArraySum, Scalar::I64);
  set(t, Op::ArraySumI32, Kind::ArraySum, Scalar::I32);
  set(t, Op::ArraySumF64, Kind::ArraySum, Scalar::F64);
  set(t, Op::ArraySumF32, Kind::ArraySum, Scalar::F32);
  for (Op op :
       {Op::I64FromBool, Op::I64FromI32, Op::I64FromU8,  Op::I64FromU16, Op::I64FromU32, Op::U8FromI64,  Op::U16FromI64,
        Op::U32FromI64,  Op::U64FromI64, Op::I32FromI64, Op::I64FromU64, Op::F64FromI64, Op::F64FromU64, Op::F32FromI64,
        Op::F32FromU64,  Op::F64FromF32, Op::F32FromF64, Op::I64Round,   Op::I64Floor,   Op::I64Ceil,    Op::I64Trunc})
    set(t, op, Kind::Convert);
  // Rows that are made of others do what those do.
  for (std::size_t n = 0; n < vm::kOpCount; ++n) {
    const vm::OpInfo& row = vm::isa_rows::kOps[n];
    const Action base = t[static_cast<std::size_t>(row.base)];
    switch (row.form) {
      case vm::Form::Plain:
        break;
      case vm::Form::Immediate:
        t[n] = base;
        break;
      case vm::Form::JumpIf:
      case vm::Form::JumpUnless:
        t[n] = {Kind::JumpCompare, base.type, base.detail, row.form == vm::Form::JumpIf};
        break;
      case vm::Form::RepeatIf:
      case vm::Form::RepeatUnless:
        t[n] = {Kind::RepeatCompare, base.type, base.detail, row.form == vm::Form::RepeatIf};
        break;
    }
  }
  return t;
}

inline constexpr Table kTable = make();

// Flow has no meaning outside a tier: each such row must have an action.
constexpr bool flow_is_complete() {
  for (std::size_t n = 0; n < vm::kOpCount; ++n)
    if (vm::isa_rows::kOps[n].cls == vm::OpClass::Flow && kTable[n].kind == Kind::Meaning) return false;
  return true;
}
static_assert(flow_is_complete());

}  // namespace actions_detail

constexpr Action action(Op op) { return actions_detail::kTable[static_cast<std::size_t>(op)]; }

// What the compiler asks of a row again and again, in a few bytes: the rows themselves are long, and all of them
// together are as large as a processor's first cache. Sets of fields have bit 0 for a, 1 for b, 2 for c.
struct Fields {
  static constexpr std::uint8_t kNone = 3;
  std::uint8_t registers = 0;                                     // that are a register's number …
  std::uint8_t reads = 0, writes = 0, updates = 0, counters = 0;  // … by what is done to it
  std::uint8_t target = kNone, back_target = kNone;               // the field that is a branch's
  std::uint8_t block_field = kNone;                               // that begins a run of registers
  vm::Block block = vm::Block::None;
  bool pure = false, may_trap = false, loops = false;
};

namespace actions_detail {
constexpr Fields fields_of(const vm::OpInfo& row) {
  Fields fields{.pure = row.has(vm::Pure), .may_trap = row.has(vm::MayTrap), .loops = row.has(vm::Loops)};
  for (std::uint8_t n = 0; n < 3; ++n) {
    const vm::Operand& operand = row.operands[n];
    const auto bit = static_cast<std::uint8_t>(1 << n);
    if (operand.role == vm::Role::Read) fields.reads |= bit;
    if (operand.role == vm::Role::Write) fields.writes |= bit;
    if (operand.role == vm::Role::Update) fields.updates |= bit;
    if (operand.role == vm::Role::Counter) fields.counters |= bit;
    if (operand.role == vm::Role::Target) fields.target = n;
    if (operand.role == vm::Role::BackTarget) fields.back_target = n;
    // Of a call, what it gives stands with what it takes.
    if (operand.block == vm::Block::None || operand.block == vm::Block::CalleeResults ||
        operand.block == vm::Block::IntrinsicResult)
      continue;
    fields.block = operand.block;
    fields.block_field = n;
  }
  fields.registers = fields.reads | fields.writes | fields.updates | fields.counters;
  return fields;
}
constexpr auto make_fields() {
  std::array<Fields, vm::kOpCount> all{};
  for (std::size_t n = 0; n < vm::kOpCount; ++n) all[n] = fields_of(vm::isa_rows::kOps[n]);
  return all;
}
inline constexpr auto kFields = make_fields();
}  // namespace actions_detail

constexpr const Fields& fields(Op op) { return actions_detail::kFields[static_cast<std::size_t>(op)]; }

// Sets of kinds.
class Kinds {
 public:
  constexpr Kinds(std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) bits_ |= bit(kind);
  }
  constexpr bool has(Kind kind) const { return (bits_ & bit(kind)) != 0; }

 private:
  static constexpr std::uint64_t bit(Kind kind) { return std::uint64_t{1} << static_cast<int>(kind); }
  std::uint64_t bits_ = 0;
};
static_assert(static_cast<int>(Kind::InlinedCall) < 64);

inline constexpr Kinds kEndsLoop{Kind::LoopNext, Kind::LoopStep,   Kind::WhileNext,
                                 Kind::Repeat,   Kind::RepeatBool, Kind::RepeatCompare};
inline constexpr Kinds kRepeats{Kind::Repeat, Kind::RepeatBool, Kind::RepeatCompare};
inline constexpr Kinds kBeginsLoop{Kind::LoopEnter, Kind::WhileBegin, Kind::WhileEnter};
inline constexpr Kinds kArrayOps{Kind::ArrayEach, Kind::ArrayFrom, Kind::ArrayFill, Kind::ArraySum};
inline constexpr Kinds kCallsOut{Kind::Meaning, Kind::Call, Kind::CallIntrinsic};
inline constexpr Kinds kGoesForward{Kind::Jump,        Kind::JumpIf,    Kind::JumpUnless,
                                    Kind::JumpCompare, Kind::LoopEnter, Kind::WhileTest};
inline constexpr Kinds kCountersOfLoops{Kind::LoopBegin, Kind::LoopEnter, Kind::LoopNext, Kind::LoopStep};

}  // namespace eyeflow::jit
