#include "compiler/check/fold.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::Constant;
using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

namespace {

using Folded = std::expected<Constant, Code>;

int width_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::U8:
      return 8;
    case TypeKind::U16:
      return 16;
    case TypeKind::I32:
    case TypeKind::U32:
      return 32;
    default:
      return 64;
  }
}

bool is_signed(TypeKind kind) { return !typed::is_modular(kind); }

Wide lowest(TypeKind kind) { return is_signed(kind) ? -(Wide(1) << (width_of(kind) - 1)) : Wide(0); }
Wide highest(TypeKind kind) { return (Wide(1) << (is_signed(kind) ? width_of(kind) - 1 : width_of(kind))) - 1; }

Wide wrap(Wide value, TypeKind kind) { return value & highest(kind); }

Folded whole_result(const Type& type, Wide value) {
  if (typed::is_modular(type.kind)) return make_whole(type, wrap(value, type.kind));
  if (!fits(value, type.kind)) return std::unexpected(Code::ConstantOverflow);
  return make_whole(type, value);
}

template <typename T>
std::optional<bool> compare(BinaryOp op, const T& a, const T& b) {
  switch (op) {
    case BinaryOp::Eq:
      return a == b;
    case BinaryOp::Ne:
      return a != b;
    case BinaryOp::Lt:
      return a < b;
    case BinaryOp::Le:
      return a <= b;
    case BinaryOp::Gt:
      return a > b;
    case BinaryOp::Ge:
      return a >= b;
    default:
      return std::nullopt;
  }
}

Folded fold_whole(BinaryOp op, const Type& type, const Constant& left, Wide a, Wide b) {
  if (auto result = compare(op, a, b)) return make_bool(type, *result);
  auto bits = static_cast<Wide>(width_of(left.type.kind) - 1);
  switch (op) {
    case BinaryOp::Add:
      return whole_result(type, a + b);
    case BinaryOp::Sub:
      return whole_result(type, a - b);
    case BinaryOp::Mul: {
      Wide product = 0;
      if (__builtin_mul_overflow(a, b, &product)) return std::unexpected(Code::ConstantOverflow);
      return whole_result(type, product);
    }
    case BinaryOp::Div:
      if (b == 0) return std::unexpected(Code::ConstantDivision);
      return whole_result(type, a / b);
    case BinaryOp::Mod:
      if (b == 0) return std::unexpected(Code::ConstantDivision);
      return whole_result(type, a % b);
    case BinaryOp::BitAnd:
      return whole_result(type, a & b);
    case BinaryOp::BitOr:
      return whole_result(type, a | b);
    case BinaryOp::BitXor:
      return whole_result(type, a ^ b);
    case BinaryOp::Shl:
      return whole_result(type, wrap(a << static_cast<int>(b & bits), type.kind));
    default:
      return whole_result(type, a >> static_cast<int>(b & bits));
  }
}

Folded fold_float(BinaryOp op, const Type& type, double a, double b) {
  if (auto result = compare(op, a, b)) return make_bool(type, *result);
  // In f64 and rounded again for f32: for one operation that is the same as rounding once.
  switch (op) {
    case BinaryOp::Add:
      return make_float(type, a + b);
    case BinaryOp::Sub:
      return make_float(type, a - b);
    case BinaryOp::Mul:
      return make_float(type, a * b);
    default:
      return make_float(type, a / b);
  }
}

Folded float_to_whole(const Type& type, double value) {
  // Both bounds are exact in f64: -2^63 fits, 2^63 does not.
  if (!(value >= -0x1p63 && value < 0x1p63)) return std::unexpected(Code::ConstantOverflow);
  return whole_result(type, static_cast<Wide>(value));
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
  if (const bool* a = std::get_if<bool>(&left.value)) {
    bool b = std::get<bool>(right.value);
    if (auto result = compare(op, *a, b)) return make_bool(type, *result);
    return make_bool(type, op == BinaryOp::And ? *a && b : *a || b);
  }
  if (const auto* a = std::get_if<std::string>(&left.value)) {
    return make_bool(type, *compare(op, *a, std::get<std::string>(right.value)));
  }
  if (const double* a = std::get_if<double>(&left.value))
    return fold_float(op, type, *a, std::get<double>(right.value));
  return fold_whole(op, type, left, whole(left), whole(right));
}

Folded fold_unary(typed::UnaryOp op, const Constant& operand) {
  if (const bool* flag = std::get_if<bool>(&operand.value)) return make_bool(operand.type, !*flag);
  if (const double* number = std::get_if<double>(&operand.value)) return make_float(operand.type, -*number);
  if (op == typed::UnaryOp::BitNot) return make_whole(operand.type, wrap(~whole(operand), operand.type.kind));
  return whole_result(operand.type, -whole(operand));
}

Folded fold_convert(ConvertOp op, const Type& type, const Constant& operand) {
  switch (op) {
    case ConvertOp::Widen:
    case ConvertOp::TimeToInt:
    case ConvertOp::Narrow:
      return whole_result(type, whole(operand));
    case ConvertOp::Wrap:
      return make_whole(type, wrap(whole(operand), type.kind));
    case ConvertOp::IntToFloat: {
      Wide value = whole(operand);
      // Straight to f32: by way of f64 it would be rounded twice.
      if (type.kind == TypeKind::F32) return make_float(type, static_cast<double>(static_cast<float>(value)));
      return make_float(type, static_cast<double>(value));
    }
    case ConvertOp::F32ToF64:
    case ConvertOp::F64ToF32:
      return make_float(type, std::get<double>(operand.value));
    case ConvertOp::Round:
      return float_to_whole(type, std::round(std::get<double>(operand.value)));
    case ConvertOp::Floor:
      return float_to_whole(type, std::floor(std::get<double>(operand.value)));
    case ConvertOp::Ceil:
      return float_to_whole(type, std::ceil(std::get<double>(operand.value)));
    case ConvertOp::Trunc:
      return float_to_whole(type, std::trunc(std::get<double>(operand.value)));
    case ConvertOp::DurationToSeconds:
      return make_float(type, static_cast<double>(whole(operand)) / 1e9);
    case ConvertOp::SecondsToDuration:
      return float_to_whole(type, std::round(std::get<double>(operand.value) * 1e9));
  }
  return operand;
}

std::optional<Folded> fold_math(typed::Math function, const Type& type, const std::vector<const Constant*>& arguments) {
  using enum typed::Math;
  if (function != Abs && function != Min && function != Max && function != Sqrt) return std::nullopt;
  if (const double* a = std::get_if<double>(&arguments[0]->value)) {
    if (function == Abs) return make_float(type, std::fabs(*a));
    if (function == Sqrt) return make_float(type, std::sqrt(*a));
    double b = std::get<double>(arguments[1]->value);
    return make_float(type, function == Min ? (b < *a ? b : *a) : (*a < b ? b : *a));
  }
  Wide a = whole(*arguments[0]);
  if (function == Abs) return whole_result(type, a < 0 ? -a : a);
  Wide b = whole(*arguments[1]);
  return make_whole(type, function == Min ? std::min(a, b) : std::max(a, b));
}

}  // namespace eyeflow::compiler::check_detail
