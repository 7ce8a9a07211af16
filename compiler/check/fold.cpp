#include "compiler/check/fold.h"

#include <algorithm>
#include <cstdint>

#include "compiler/check/op_family.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/isa/evaluate.h"

namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::Constant;
using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;
using vm::Op;
using vm::Scalar;
using vm::Word;

namespace {

using Folded = std::expected<Constant, Code>;

// What a constant of this kind is in a register.
Scalar scalar_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::Bool:
      return Scalar::Bool;
    case TypeKind::I32:
      return Scalar::I32;
    case TypeKind::U8:
      return Scalar::U8;
    case TypeKind::U16:
      return Scalar::U16;
    case TypeKind::U32:
      return Scalar::U32;
    case TypeKind::U64:
      return Scalar::U64;
    case TypeKind::F32:
      return Scalar::F32;
    case TypeKind::F64:
      return Scalar::F64;
    default:  // int, time, duration, enum
      return Scalar::I64;
  }
}

Word word_of(const Constant& constant) {
  if (const bool* flag = std::get_if<bool>(&constant.value)) return vm::to_word(*flag);
  if (const double* number = std::get_if<double>(&constant.value))
    return constant.type.kind == TypeKind::F32 ? vm::to_word(static_cast<float>(*number)) : vm::to_word(*number);
  return vm::to_word(std::get<std::int64_t>(constant.value));
}

Constant constant_of(const Type& type, Word word) {
  switch (type.kind) {
    case TypeKind::Bool:
      return {type, word != 0};
    case TypeKind::F32:
      return {type, static_cast<double>(vm::from_word<float>(word))};
    case TypeKind::F64:
      return {type, vm::from_word<double>(word)};
    default:
      return {type, vm::from_word<std::int64_t>(word)};
  }
}

// What a function of numbers gives; how it is called is the contract of IntrinsicDesc::direct.
template <typename Number>
Word call(const vm::IntrinsicDesc& function, const std::vector<const Constant*>& arguments) {
  const auto argument = [&](std::size_t i) { return vm::from_word<Number>(word_of(*arguments[i])); };
  if (arguments.size() == 1) return vm::to_word(reinterpret_cast<Number (*)(Number)>(function.direct)(argument(0)));
  return vm::to_word(reinterpret_cast<Number (*)(Number, Number)>(function.direct)(argument(0), argument(1)));
}
Word call(const vm::IntrinsicDesc& function, const std::vector<const Constant*>& arguments) {
  return function.result == Scalar::F32 ? call<float>(function, arguments) : call<double>(function, arguments);
}

// A register on which instructions are carried out one after the other; the first that traps ends it.
struct Machine {
  Word word;
  vm::Trap trap = vm::Trap::None;

  Machine& run(std::optional<Op> op, Word c = 0) {
    if (trap == vm::Trap::None) trap = vm::evaluate(op.value(), word, c, word);
    return *this;
  }
  Folded result(const Type& type) const {
    if (trap == vm::Trap::DivideByZero) return std::unexpected(Code::ConstantDivision);
    if (trap != vm::Trap::None) return std::unexpected(Code::ConstantOverflow);
    return constant_of(type, word);
  }
};

const OpFamily& family_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::Add:
      return kAdd;
    case BinaryOp::Sub:
      return kSub;
    case BinaryOp::Mul:
      return kMul;
    case BinaryOp::Div:
      return kDiv;
    case BinaryOp::Mod:
      return kMod;
    case BinaryOp::BitAnd:
      return kAnd;
    case BinaryOp::BitOr:
      return kOr;
    case BinaryOp::BitXor:
      return kXor;
    case BinaryOp::Shl:
      return kShl;
    case BinaryOp::Shr:
      return kShr;
    case BinaryOp::Eq:
      return kEq;
    case BinaryOp::Ne:
      return kNe;
    case BinaryOp::Lt:
    case BinaryOp::Gt:  // with the operands the other way round
      return kLt;
    default:
      return kLe;
  }
}

bool compare_texts(BinaryOp op, const std::string& a, const std::string& b) { return (a == b) == (op == BinaryOp::Eq); }

Wide lowest(TypeKind kind) {
  return typed::is_modular(kind) ? Wide(0) : -(Wide(1) << (kind == TypeKind::I32 ? 31 : 63));
}
Wide highest(TypeKind kind) {
  switch (kind) {
    case TypeKind::U8:
      return 0xFF;
    case TypeKind::U16:
      return 0xFFFF;
    case TypeKind::I32:
      return 0x7FFFFFFF;
    case TypeKind::U32:
      return 0xFFFFFFFF;
    case TypeKind::U64:
      return (Wide(1) << 64) - 1;
    default:
      return (Wide(1) << 63) - 1;
  }
}

// An integer of any type as an i64, where it fits.
Machine& widen(Machine& machine, TypeKind from) {
  const Scalar scalar = scalar_of(from);
  return scalar == Scalar::I64 ? machine : machine.run(kI64From[scalar]);
}
Machine& narrow(Machine& machine, TypeKind to) {
  const Scalar scalar = scalar_of(to);
  return scalar == Scalar::I64 ? machine : machine.run(kFromI64[scalar]);
}

}  // namespace

std::string to_string(Wide value) {
  bool negative = value < 0;
  std::string digits;
  do {
    auto digit = static_cast<int>(value % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    value /= 10;
  } while (value != 0);
  if (negative) digits += '-';
  std::ranges::reverse(digits);
  return digits;
}

bool fits(Wide value, TypeKind kind) { return value >= lowest(kind) && value <= highest(kind); }

Wide whole(const Constant& constant) {
  if (const bool* flag = std::get_if<bool>(&constant.value)) return *flag;
  std::int64_t bits = std::get<std::int64_t>(constant.value);
  return constant.type.kind == TypeKind::U64 ? Wide(static_cast<std::uint64_t>(bits)) : Wide(bits);
}

Constant make_whole(const Type& type, Wide value) { return {type, static_cast<std::int64_t>(value)}; }

Constant make_float(const Type& type, double value) {
  return {type, type.kind == TypeKind::F32 ? static_cast<double>(static_cast<float>(value)) : value};
}

Folded fold_binary(BinaryOp op, const Type& type, const Constant& left, const Constant& right) {
  if (op == BinaryOp::And || op == BinaryOp::Or) {
    const bool a = std::get<bool>(left.value), b = std::get<bool>(right.value);
    return make_bool(type, op == BinaryOp::And ? a && b : a || b);
  }
  if (const auto* a = std::get_if<std::string>(&left.value))
    return make_bool(type, compare_texts(op, *a, std::get<std::string>(right.value)));
  const bool turned = op == BinaryOp::Gt || op == BinaryOp::Ge;
  Machine machine{word_of(turned ? right : left)};
  return machine.run(family_of(op)[scalar_of(left.type.kind)], word_of(turned ? left : right)).result(type);
}

Folded fold_unary(typed::UnaryOp op, const Constant& operand) {
  Machine machine{word_of(operand)};
  const OpFamily& family = op == typed::UnaryOp::Negate ? kNegate : kNot;
  return machine.run(family[scalar_of(operand.type.kind)]).result(operand.type);
}

Folded fold_convert(ConvertOp op, const Type& type, const Constant& operand) {
  const TypeKind from = operand.type.kind;
  Machine machine{word_of(operand)};
  switch (op) {
    case ConvertOp::TimeToInt:
      break;
    case ConvertOp::Widen:
    case ConvertOp::Narrow:
      if (from != type.kind) narrow(widen(machine, from), type.kind);
      break;
    case ConvertOp::Wrap:  // the low bits of a u64 are those of its word
      narrow(from == TypeKind::U64 ? machine : widen(machine, from), type.kind);
      break;
    case ConvertOp::IntToFloat: {
      const OpFamily& to = type.kind == TypeKind::F32 ? kF32From : kF64From;
      if (from == TypeKind::U64)
        machine.run(to[Scalar::U64]);
      else
        widen(machine, from).run(to[Scalar::I64]);
      break;
    }
    case ConvertOp::F32ToF64:
      machine.run(Op::F64FromF32);
      break;
    case ConvertOp::F64ToF32:
      machine.run(Op::F32FromF64);
      break;
    case ConvertOp::Round:
      machine.run(Op::I64Round);
      break;
    case ConvertOp::Floor:
      machine.run(Op::I64Floor);
      break;
    case ConvertOp::Ceil:
      machine.run(Op::I64Ceil);
      break;
    case ConvertOp::Trunc:
      machine.run(Op::I64Trunc);
      break;
    case ConvertOp::DurationToSeconds:
      machine.run(Op::F64FromI64).run(Op::DivF64, vm::to_word(1e9));
      break;
    case ConvertOp::SecondsToDuration:
      machine.run(Op::MulF64, vm::to_word(1e9)).run(Op::I64Round);
      break;
  }
  return machine.result(type);
}

Folded fold_math(typed::Math function, const Type& type, const std::vector<const Constant*>& arguments) {
  using enum typed::Math;
  const Scalar scalar = scalar_of(arguments[0]->type.kind);
  Machine machine{word_of(*arguments[0])};
  if (function == Abs) return machine.run(kAbs[scalar]).result(type);
  if (function == Sqrt) return machine.run(kSqrt[scalar]).result(type);
  if (function == Min) return machine.run(kMin[scalar], word_of(*arguments[1])).result(type);
  if (function == Max) return machine.run(kMax[scalar], word_of(*arguments[1])).result(type);
  if (function == IsNan) return machine.run(kIsNan[scalar]).result(type);
  const auto id =
      stdlib::find_intrinsic("math." + std::string(typed::name(function)) + "." + std::string(vm::name(scalar)));
  return constant_of(type, call(stdlib::intrinsics()[id.value()], arguments));
}

}  // namespace eyeflow::compiler::check_detail
