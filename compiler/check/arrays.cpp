#include <algorithm>

#include "compiler/check/checker.h"

// Whole arrays: arithmetic element by element, and functions that make one figure of them.
namespace eyeflow::compiler::check_detail {

using typed::ArrayFunction;
using typed::BinaryOp;
using typed::ExprPtr;
using typed::Type;
using typed::TypeKind;

namespace {

struct ArrayFunctionRow {
  std::string_view name;
  ArrayFunction function;
  std::size_t arity;
};
constexpr ArrayFunctionRow kFunctions[] = {
#define EYEFLOW_ARRAY_FUNCTION(Name, spelling, arity) {spelling, ArrayFunction::Name, arity},
#include "compiler/check/array_functions.def"
};

// What the operators are checked with in place of a whole array: one element. No body has so many locals.
constexpr std::uint32_t kStandIns = 0xFFFFFF00;

std::optional<std::size_t> stand_in(const typed::Expr& expr) {
  const auto* local = std::get_if<typed::LocalExpr>(&expr.node);
  if (!local || typed::index(local->local) < kStandIns) return std::nullopt;
  return typed::index(local->local) - kStandIns;
}

bool has_instructions(TypeKind kind) { return typed::is_float(kind) || kind == TypeKind::I64 || kind == TypeKind::I32; }

bool has_instruction(BinaryOp op, TypeKind kind) {
  return op == BinaryOp::Add || op == BinaryOp::Sub || op == BinaryOp::Mul ||
         (op == BinaryOp::Div && typed::is_float(kind));
}
bool has_instruction(typed::Math function) {
  return function == typed::Math::Abs || function == typed::Math::Min || function == typed::Math::Max ||
         function == typed::Math::Sqrt;
}

// Turns an expression over stand-ins into the same one over their arrays.
class Lift {
 public:
  Lift(typed::TypeArena& arena, std::vector<ExprPtr>& arrays, Type whole)
      : arena_(arena), arrays_(arrays), whole_(whole) {}

  enum class Found : std::uint8_t { Scalar, Array, Refused };
  Found operator()(ExprPtr& expr) {
    if (const auto n = stand_in(*expr)) {
      expr = std::move(arrays_[*n]);
      return Found::Array;
    }
    const TypeKind kind = expr->type.kind;
    if (auto* node = std::get_if<typed::Binary>(&expr->node)) {
      const Found found = std::max((*this)(node->left), (*this)(node->right));
      return settle(*expr, found, has_instruction(node->op, kind));
    }
    if (auto* node = std::get_if<typed::Unary>(&expr->node))
      return settle(*expr, (*this)(node->operand), node->op == typed::UnaryOp::Negate);
    if (auto* node = std::get_if<typed::Convert>(&expr->node)) return settle(*expr, (*this)(node->operand), false);
    if (auto* node = std::get_if<typed::MathCall>(&expr->node)) {
      Found found = Found::Scalar;
      for (ExprPtr& argument : node->arguments) found = std::max(found, (*this)(argument));
      return settle(*expr, found, has_instruction(node->function));
    }
    return Found::Scalar;
  }

 private:
  Found settle(typed::Expr& expr, Found found, bool has_instruction) {
    if (found != Found::Array) return found;
    if (!has_instruction || !has_instructions(expr.type.kind)) return Found::Refused;
    Type type = whole_;
    type.element = arena_.intern(expr.type);
    expr.type = type;
    return Found::Array;
  }

  typed::TypeArena& arena_;
  std::vector<ExprPtr>& arrays_;
  Type whole_;  // the result but for its element
};

}  // namespace

std::optional<ArrayFunction> array_function(std::string_view name) {
  for (const ArrayFunctionRow& row : kFunctions)
    if (row.name == name) return row.function;
  return std::nullopt;
}

void TaskChecker::report_no_array(const typed::Expr& given, std::string_view function) {
  std::string hint;
  if (given.type.record)  // a window, as a rule
    for (const typed::Field& field : given.type.record->fields)
      if (hint.empty() && typed::is_array(field.type.kind))
        hint = "write " + source_text(given.span) + "." + field.name;
  report(Code::TypeMismatch, given.span,
         quoted(given.span) + " is " + to_string(given.type) + ", but '" + std::string(function) + "' takes an array",
         std::move(hint));
}

// An element of it, for the rules on scalars; null when there are no instructions on such arrays.
Value TaskChecker::element_value(const Value& array, std::size_t number) {
  if (!has_instructions(array.type().element->kind)) {
    report(Code::OperandType, array.expr->span,
           "whole arrays have arithmetic in f64, f32, int and i32, and " + quoted(array.expr->span) + " is " +
               to_string(array.type()),
           "write a loop over its elements");
    return {};
  }
  const auto id = typed::LocalId{static_cast<std::uint32_t>(kStandIns + number)};
  return Value(make_expr(*array.type().element, array.expr->span, typed::LocalExpr{id}));
}

Value TaskChecker::no_whole_form(std::string message, const Span& span) {
  report(Code::OperandType, span, std::move(message), "write a loop over the elements");
  return {};
}

Value TaskChecker::on_elements(std::vector<Value> operands, const Span& span, const OnScalars& on_scalars) {
  std::vector<ExprPtr> arrays;
  const typed::Expr* first = nullptr;
  std::uint32_t size = kMaxElements;  // of those that change their length, the shortest says how long the result may be
  for (Value& operand : operands) {
    if (!typed::is_array(operand.type().kind)) continue;
    Value element = element_value(operand, arrays.size());
    if (!element) return {};
    if (first && first->type.kind != operand.type().kind) {
      const bool left_changes = first->type.kind == TypeKind::BoundedArray;
      report(Code::OperandType, span,
             quoted(left_changes ? first->span : operand.expr->span) + " changes its length, but " +
                 quoted(left_changes ? operand.expr->span : first->span) + " does not",
             "take a part of it that is as long, xs[0 ..< " +
                 std::to_string(left_changes ? operand.type().size : first->type.size) + "]");
      return {};
    }
    if (first && first->type.kind == TypeKind::FixedArray && first->type.size != operand.type().size) {
      report(Code::OperandType, span,
             quoted(first->span) + " has " + std::to_string(first->type.size) + " elements, but " +
                 quoted(operand.expr->span) + " has " + std::to_string(operand.type().size),
             "element by element, both have as many");
      return {};
    }
    if (first && first->type.element->kind != element.type().kind) {
      report(Code::NeedsConversion, span,
             quoted(first->span) + " is " + to_string(first->type) + ", but " + quoted(operand.expr->span) + " is " +
                 to_string(operand.type()),
             "copy one into an array of the other's kind first");
      return {};
    }
    size = std::min(size, operand.type().size);
    arrays.push_back(std::move(operand.expr));
    first = first ? first : arrays.front().get();
    operand = std::move(element);
  }
  const Type whole = plain(first->type.kind, size);
  const std::string kind = to_string(first->type);
  Value result = on_scalars(std::move(operands));
  if (!result) return {};
  if (Lift(arena_, arrays, whole)(result.expr) != Lift::Found::Array)
    return no_whole_form(quoted(span) + " has no form for all elements of " + kind + " at once", span);
  result.expr->span = span;
  return Value(std::move(result.expr));
}

// A figure whose unit is that of a * b: converted where such a unit settles for another, as a product does.
Value TaskChecker::in_unit_of_product(Value figure, const stdlib::Unit& a, const stdlib::Unit& b, const Span& span) {
  if (stdlib::is_plain(a) && stdlib::is_plain(b)) return figure;
  auto unit = stdlib::multiply(a, b);
  if (!unit) {
    report(Code::DimensionMismatch, span, unit.error().message);
    return {};
  }
  const stdlib::Unit settled = stdlib::settled(*unit);
  figure.expr->type.unit = arena_.intern_unit({*unit});
  if (stdlib::mixing(*unit, settled) == stdlib::Mixing::Same) return figure;
  return to_unit(std::move(figure), arena_.intern_unit({settled}), settled, true);
}

Value TaskChecker::array_call(const syntax::CallExpr& call, ArrayFunction function, const Span& span) {
  using enum ArrayFunction;
  const ArrayFunctionRow& row = kFunctions[static_cast<std::size_t>(function)];
  if (function >= Crc16) return bytes_call(call, function, row.name, span);
  if (function >= Kurtosis) return signal_call(call, function, span);
  if (!count_arguments(call, row.name, row.arity, span)) return {};
  std::vector<Value> arrays, elements;
  for (std::size_t i = 0; i < std::min<std::size_t>(row.arity, 2); ++i) {
    Value array = expression(call.arguments[i].value);
    if (!array) return {};
    if (!typed::is_array(array.type().kind)) {
      report_no_array(*array.expr, row.name);
      return {};
    }
    Value element = element_value(array, i);
    if (!element) return {};
    const bool for_whole = function == Sum || function == Min || function == Max;
    if (!for_whole && !typed::is_float(element.type().kind)) {
      report(Code::TypeMismatch, array.expr->span,
             quoted(array.expr->span) + " is " + to_string(array.type()) + ", but '" + std::string(row.name) +
                 "' takes floats",
             "copy it into an array of f64 first");
      return {};
    }
    const bool for_points =
        function == Mean || function == Min || function == Max || function == Variance || function == Stddev;
    if (typed::is_point(element.type()) && !for_points) {
      report(Code::PointArithmetic, array.expr->span,
             quoted(array.expr->span) + " holds " + typed::points_name(typed::unit_of(element.type())) +
                 ": points have no " +
                 (function == Sum   ? "sum"
                  : function == Rms ? "square"
                                    : "product"),
             "subtract a point first" +
                 (function == Sum ? typed::level_of_all(typed::unit_of(element.type())) : std::string()));
      return {};
    }
    arrays.push_back(std::move(array));
    elements.push_back(std::move(element));
  }
  if (function == Matmul) return matmul_call(call, std::move(arrays), span);
  Type type = elements[0].type();
  if (function == Dot) {
    const Type& other = elements[1].type();
    if (type.kind != other.kind || !go_together(arrays[0].type(), arrays[1].type())) {
      report(Code::OperandType, span,
             quoted(arrays[0].expr->span) + " is " + to_string(arrays[0].type()) + ", but " +
                 quoted(arrays[1].expr->span) + " is " + to_string(arrays[1].type()),
             "'dot' takes arrays of one kind and size");
      return {};
    }
  }
  typed::ArrayCall node{function == Stddev ? Variance : function, {}};
  for (Value& array : arrays) node.arguments.push_back(std::move(array.expr));
  Value figure(make_expr(type, span, std::move(node)));
  if (function == Dot)
    return in_unit_of_product(std::move(figure), typed::unit_of(elements[0].type()), typed::unit_of(elements[1].type()),
                              span);
  if (function != Variance && function != Stddev) return figure;
  if (typed::is_point(type)) type = number(type.kind, stdlib::difference_unit(typed::unit_of(type)));
  figure.expr->type.unit = nullptr;
  if (function == Variance)
    return in_unit_of_product(std::move(figure), typed::unit_of(type), typed::unit_of(type), span);
  typed::MathCall root{typed::Math::Sqrt, {}};
  root.arguments.push_back(std::move(figure.expr));
  return Value(make_expr(type, span, std::move(root)));
}

// Arrays whose elements are taken in pairs: of one size, or of sizes that are compared when it runs.
bool go_together(const Type& a, const Type& b) {
  return a.kind == b.kind && (a.kind == TypeKind::BoundedArray || a.size == b.size);
}

// For a function that needs to know it when compiling.
bool TaskChecker::has_fixed_length(const Value& array, std::string_view function) {
  if (array.type().kind == TypeKind::FixedArray) return true;
  report(Code::OperandType, array.expr->span,
         quoted(array.expr->span) + " changes its length, but '" + std::string(function) +
             "' takes arrays whose length is known when compiling",
         "take a part of such a length, xs[0 ..< " + std::to_string(array.type().size) + "]");
  return false;
}

// matmul(a, b, rows): how many rows a has says the other sizes.
Value TaskChecker::matmul_call(const syntax::CallExpr& call, std::vector<Value> arrays, const Span& span) {
  for (const Value& array : arrays)
    if (!has_fixed_length(array, "matmul")) return {};
  const auto rows = size_of(call.arguments[2].value, kMaxElements, "a matrix has");
  if (!rows) return {};
  const Type &a = arrays[0].type(), &b = arrays[1].type();
  const std::uint32_t inner = *rows == 0 ? 0 : a.size / *rows;
  const std::uint32_t columns = inner == 0 ? 0 : b.size / inner;
  if (columns == 0 || inner * *rows != a.size || columns * inner != b.size || a.element->kind != b.element->kind) {
    report(Code::OperandType, span,
           to_string(a) + " with " + std::to_string(*rows) + " rows has no product with " + to_string(b),
           "a has rows * n elements, b has n * columns, both of one kind");
    return {};
  }
  Type element = *a.element;
  if (b.element->unit) element.unit = b.element->unit;
  if (a.element->unit && b.element->unit) {
    const auto unit = stdlib::multiply(typed::unit_of(*a.element), typed::unit_of(*b.element));
    if (!unit) {
      report(Code::DimensionMismatch, span, unit.error().message);
      return {};
    }
    element.unit = arena_.intern_unit({*unit});
  }
  if (std::uint64_t{*rows} * columns > kMaxElements) {
    report(Code::OperandType, span, "this product has more than " + std::to_string(kMaxElements) + " elements");
    return {};
  }
  Type type = plain(TypeKind::FixedArray, *rows * columns);
  type.element = arena_.intern(element);
  typed::ArrayCall node{ArrayFunction::Matmul, {}, columns};
  for (Value& array : arrays) node.arguments.push_back(std::move(array.expr));
  return in_settled_unit(Value(make_expr(type, span, std::move(node))), span);
}

// An array in a unit that settles for another, as that of a product does: each element is converted.
Value TaskChecker::in_settled_unit(Value array, const Span& span) {
  if (!array || !array.type().element->unit) return array;
  const stdlib::Unit settled = stdlib::settled(typed::unit_of(*array.type().element));
  if (stdlib::mixing(typed::unit_of(*array.type().element), settled) == stdlib::Mixing::Same) return array;
  std::vector<Value> operands;
  operands.push_back(std::move(array));
  return on_elements(std::move(operands), span, [&](std::vector<Value> v) {
    return to_unit(std::move(v[0]), unit_or_none(settled), settled, true);
  });
}

// xs.to(unit)
Value TaskChecker::array_to_unit(Value array, const typed::UnitInfo* unit, const Span& span) {
  const stdlib::Unit& target = unit ? unit->unit : typed::plain_unit();
  Type element = *array.type().element;
  element.unit = unit;
  std::vector<Value> operands;
  operands.push_back(std::move(array));
  Value out = on_elements(std::move(operands), span,
                          [&](std::vector<Value> v) { return to_unit(std::move(v[0]), unit, target, true); });
  if (!out || *out.type().element == element) return out;
  // Another name for the same numbers: nothing was computed, and the array says so itself.
  Type type = out.type();
  type.element = arena_.intern(element);
  retag(*out.expr, type);
  if (auto* known = std::get_if<typed::ConstantExpr>(&out.expr->node))
    for (typed::Constant& c : std::get<typed::Aggregate>(known->constant.value).elements) c.type = element;
  return out;
}

}  // namespace eyeflow::compiler::check_detail
