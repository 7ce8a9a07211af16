#include "compiler/check/bounds.h"

#include <algorithm>
#include <cmath>

#include "compiler/check/fold.h"

namespace eyeflow::compiler::check_detail {
namespace {

using typed::TypeKind;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::int64_t saturate(Wide value) {
  return value < Wide(kMin) ? kMin : value > Wide(kMax) ? kMax : static_cast<std::int64_t>(value);
}

Range of_kind(TypeKind kind) {
  switch (kind) {
    case TypeKind::U8:
      return {0, 0xFF};
    case TypeKind::U16:
      return {0, 0xFFFF};
    case TypeKind::U32:
      return {0, 0xFFFFFFFF};
    case TypeKind::U64:
      return {0, kMax};
    case TypeKind::I32:
      return {-0x80000000LL, 0x7FFFFFFF};
    default:
      return {};
  }
}

Range intersect(Range a, Range b) { return {std::max(a.min, b.min), std::min(a.max, b.max)}; }

// A parameter of a float type with a range, behind round(), floor() …
Range of_float(const typed::Expr& expr, const RangeSource& source) {
  const auto* convert = std::get_if<typed::Convert>(&expr.node);
  if (convert && convert->op == typed::ConvertOp::F32ToF64) return of_float(*convert->operand, source);
  const auto* param = std::get_if<typed::ParamExpr>(&expr.node);
  if (!param) return {};
  const typed::Param& p = source.param(param->param);
  if (!p.min || !p.max) return {};
  double low = std::floor(std::get<double>(p.min->value)), high = std::ceil(std::get<double>(p.max->value));
  if (!(low > -0x1p62 && high < 0x1p62)) return {};
  return {static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)};
}

Range of_binary(const typed::Binary& binary, const RangeSource& source) {
  Range a = range_of(*binary.left, source), b = range_of(*binary.right, source);
  bool known = a.has_min() && a.has_max() && b.has_min() && b.has_max();
  switch (binary.op) {
    case typed::BinaryOp::Add:
      return {a.has_min() && b.has_min() ? saturate(Wide(a.min) + b.min) : kMin,
              a.has_max() && b.has_max() ? saturate(Wide(a.max) + b.max) : kMax};
    case typed::BinaryOp::Sub:
      return {a.has_min() && b.has_max() ? saturate(Wide(a.min) - b.max) : kMin,
              a.has_max() && b.has_min() ? saturate(Wide(a.max) - b.min) : kMax};
    case typed::BinaryOp::Mul: {
      if (!known) return {};
      Wide corners[] = {Wide(a.min) * b.min, Wide(a.min) * b.max, Wide(a.max) * b.min, Wide(a.max) * b.max};
      return {saturate(*std::ranges::min_element(corners)), saturate(*std::ranges::max_element(corners))};
    }
    case typed::BinaryOp::Div:
      // Towards zero: by a positive number it comes no further from zero.
      if (b.min < 1) return {};
      return {a.has_min() ? std::min<std::int64_t>(a.min / (a.min < 0 ? b.min : b.max), a.min < 0 ? 0 : kMax) : kMin,
              a.has_max() ? std::max<std::int64_t>(a.max / (a.max > 0 ? b.min : b.max), a.max > 0 ? 0 : kMin) : kMax};
    case typed::BinaryOp::Mod:
      if (b.min < 1 || !b.has_max()) return {};
      return {a.min < 0 ? -(b.max - 1) : 0, b.max - 1};
    case typed::BinaryOp::BitAnd:
      return {0, std::min(a.max, b.max)};  // u types only
    case typed::BinaryOp::Shr:
      return {0, a.max};
    default:
      return {};
  }
}

}  // namespace

Range range_of(const typed::Expr& expr, const RangeSource& source) {
  Range natural = of_kind(expr.type.kind);
  if (const auto* c = std::get_if<typed::ConstantExpr>(&expr.node)) {
    if (!std::holds_alternative<std::int64_t>(c->constant.value)) return natural;
    std::int64_t value = saturate(whole(c->constant));
    return {value, value};
  }
  if (const auto* l = std::get_if<typed::LocalExpr>(&expr.node)) return intersect(natural, source.local(l->local));
  if (const auto* p = std::get_if<typed::ParamExpr>(&expr.node)) {
    const typed::Param& param = source.param(p->param);
    if (!param.min || !param.max || !std::holds_alternative<std::int64_t>(param.min->value)) return natural;
    return {saturate(whole(*param.min)), saturate(whole(*param.max))};
  }
  if (const auto* l = std::get_if<typed::Length>(&expr.node)) return {0, l->operand->type.size};
  if (const auto* c = std::get_if<typed::Convert>(&expr.node)) {
    switch (c->op) {
      case typed::ConvertOp::Widen:
      case typed::ConvertOp::Narrow:
        return intersect(natural, range_of(*c->operand, source));
      case typed::ConvertOp::Round:
      case typed::ConvertOp::Floor:
      case typed::ConvertOp::Ceil:
      case typed::ConvertOp::Trunc:
        return of_float(*c->operand, source);
      case typed::ConvertOp::Wrap: {
        Range inner = range_of(*c->operand, source);
        return inner.min >= natural.min && inner.max <= natural.max ? inner : natural;
      }
      default:
        return natural;
    }
  }
  if (const auto* b = std::get_if<typed::Binary>(&expr.node)) {
    Range result = of_binary(*b, source);
    // A sum of u types wraps: what leaves the type's range is anywhere in it.
    bool may_wrap = typed::is_modular(expr.type.kind) && (result.min < natural.min || result.max > natural.max);
    return may_wrap ? natural : intersect(natural, result);
  }
  if (const auto* m = std::get_if<typed::MathCall>(&expr.node)) {
    if (m->function == typed::Math::Min || m->function == typed::Math::Max) {
      Range a = range_of(*m->arguments[0], source), b = range_of(*m->arguments[1], source);
      if (m->function == typed::Math::Min) return {std::min(a.min, b.min), std::min(a.max, b.max)};
      return {std::max(a.min, b.min), std::max(a.max, b.max)};
    }
    if (m->function == typed::Math::Abs && typed::is_integer(expr.type.kind)) {
      Range a = range_of(*m->arguments[0], source);
      if (!a.has_min() || !a.has_max()) return {0, kMax};
      return {0, std::max(a.max, a.min == kMin ? kMax : -a.min)};
    }
  }
  return natural;
}

}  // namespace eyeflow::compiler::check_detail
