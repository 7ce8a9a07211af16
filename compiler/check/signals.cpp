#include <algorithm>
#include <cmath>

#include "compiler/check/checker.h"
#include "stdlib/kernels/fft.h"

// Functions of whole arrays that have rules of their own: statistics of two arrays, spectra, filters, curves. What they
// compute says docs/language.md.
namespace eyeflow::compiler::check_detail {

using typed::ArrayFunction;
using typed::ExprPtr;
using typed::Type;
using typed::TypeKind;

namespace {

struct SignalRow {
  std::string_view name;
  std::size_t arity;
};
constexpr SignalRow kRows[] = {
#define EYEFLOW_ARRAY_FUNCTION(Name, spelling, arity) {spelling, arity},
#include "compiler/check/array_functions.def"
};
const SignalRow& row_of(ArrayFunction function) { return kRows[static_cast<std::size_t>(function)]; }

std::optional<stdlib::Window> window_kind(std::string_view name) {
  if (name == "hann") return stdlib::Window::Hann;
  if (name == "hamming") return stdlib::Window::Hamming;
  if (name == "blackman") return stdlib::Window::Blackman;
  return std::nullopt;
}

Value float_constant(TypeKind kind, double value, const Span& span) {
  return Value(make_constant(make_float(plain(kind), value), span));
}

ExprPtr array_constant(const Type& type, const std::vector<double>& values, const Span& span) {
  typed::Aggregate elements;
  for (const double value : values) elements.elements.push_back(make_float(*type.element, value));
  return make_constant({type, std::move(elements)}, span);
}

}  // namespace

// A unit as types have it: null for the plain number.
const typed::UnitInfo* TaskChecker::unit_or_none(const stdlib::Unit& unit) {
  return stdlib::is_plain(unit) ? nullptr : arena_.intern_unit({unit});
}

// An argument that must be an array of floats (or of whole numbers too), of one size.
Value TaskChecker::signal_argument(const syntax::CallExpr& call, std::size_t number, std::string_view name,
                                   bool whole_too) {
  Value array = expression(call.arguments[number].value);
  if (!array) return {};
  const Type& type = array.type();
  if (!typed::is_array(type.kind)) {
    report_no_array(*array.expr, name);
    return {};
  }
  if (!element_value(array, number)) return {};
  constexpr std::string_view kOfFixedLength[] = {"fft", "spectrum", "psd", "fir", "resample"};
  if (std::ranges::find(kOfFixedLength, name) != std::end(kOfFixedLength) && !has_fixed_length(array, name)) return {};
  if (!whole_too && !typed::is_float(type.element->kind)) {
    report(Code::TypeMismatch, array.expr->span,
           quoted(array.expr->span) + " is " + to_string(type) + ", but '" + std::string(name) + "' takes floats",
           "copy it into an array of f64 first");
    return {};
  }
  return array;
}

// A number for a place that wants `kind` in `unit`.
Value TaskChecker::in_unit(const syntax::Argument& argument, TypeKind kind, const stdlib::Unit& unit) {
  Type type = plain(kind);
  type.unit = unit_or_none(unit);
  Value value(coerce(expression(argument.value, &type), type));
  if (value) value.expr->type.unit = nullptr;
  return value;
}

Value TaskChecker::signal_call(const syntax::CallExpr& call, ArrayFunction function, const Span& span) {
  using enum ArrayFunction;
  const auto [name, arity] = row_of(function);
  if (function == Hann || function == Hamming || function == Blackman) return window_call(call, function, span);
  if (function == Fft || function == Spectrum || function == Psd) return spectrum_call(call, function, span);
  if (!count_arguments(call, name, arity, span)) return {};
  Value array = signal_argument(call, 0, name, function == Argmax || function == Argmin);
  if (!array) return {};
  const Type element = *array.type().element;
  typed::ArrayCall node{function, {}};
  switch (function) {
    case Covariance:
    case Correlation:
    case Slope: {
      Value ys = signal_argument(call, 1, name);
      return ys ? pair_call(std::move(array), std::move(ys), function, name, span) : Value();
    }
    case Fir: {
      Value taps = signal_argument(call, 1, name);
      return taps ? fir_call(std::move(array), std::move(taps), span) : Value();
    }
    case Band:
      return band_call(call, std::move(array), span);
    case Kurtosis:
      node.arguments.push_back(std::move(array.expr));
      return Value(make_expr(plain(element.kind), span, std::move(node)));
    case Argmax:
    case Argmin:
      node.arguments.push_back(std::move(array.expr));
      return Value(make_expr(plain(TypeKind::I64), span, std::move(node)));
    case Median:
    case Percentile: {
      Value percent = float_constant(element.kind, 50, span);
      if (function == Percentile) {
        percent = expression(call.arguments[1].value);
        if (!percent) return {};
        // A plain number is in percent already.
        const bool has_unit = percent.type().unit != nullptr;
        Type type = plain(element.kind);
        if (has_unit) type.unit = unit_or_none(*stdlib::parse_unit("%"));
        percent = Value(coerce(std::move(percent), type));
        if (!percent) return {};
        percent.expr->type.unit = nullptr;
      }
      node.function = Percentile;
      node.arguments.push_back(std::move(array.expr));
      node.arguments.push_back(std::move(percent.expr));
      return Value(make_expr(element, span, std::move(node)));
    }
    case Interpolate: {
      Value ys = signal_argument(call, 1, name);
      if (!ys) return {};
      if (ys.type().element->kind != element.kind || !go_together(ys.type(), array.type())) {
        report(Code::OperandType, span,
               quoted(array.expr->span) + " is " + to_string(array.type()) + ", but " + quoted(ys.expr->span) + " is " +
                   to_string(ys.type()),
               "'interpolate' takes arrays of one kind and size");
        return {};
      }
      const Type result = *ys.type().element;
      Value x(coerce(expression(call.arguments[2].value, &element), element));
      if (!x) return {};
      node.arguments.push_back(std::move(array.expr));
      node.arguments.push_back(std::move(ys.expr));
      node.arguments.push_back(std::move(x.expr));
      return Value(make_expr(result, span, std::move(node)));
    }
    default: {  // Resample
      const auto size = size_of(call.arguments[1].value, kMaxElements, "an array holds");
      if (!size) return {};
      Type type = plain(TypeKind::FixedArray, *size);
      type.element = array.type().element;
      node.arguments.push_back(std::move(array.expr));
      return Value(make_expr(type, span, std::move(node)));
    }
  }
}

// Of two arrays: differences from their means, so points are differences here.
Value TaskChecker::pair_call(Value xs, Value ys, ArrayFunction function, std::string_view name, const Span& span) {
  Type x = *xs.type().element, y = *ys.type().element;
  if (x.kind != y.kind || !go_together(xs.type(), ys.type())) {
    report(Code::OperandType, span,
           quoted(xs.expr->span) + " is " + to_string(xs.type()) + ", but " + quoted(ys.expr->span) + " is " +
               to_string(ys.type()),
           "'" + std::string(name) + "' takes arrays of one kind and size");
    return {};
  }
  const stdlib::Unit unit_x = stdlib::difference_unit(typed::unit_of(x)),
                     unit_y = stdlib::difference_unit(typed::unit_of(y));
  typed::ArrayCall node{function, {}};
  node.arguments.push_back(std::move(xs.expr));
  node.arguments.push_back(std::move(ys.expr));
  Value figure(make_expr(plain(x.kind), span, std::move(node)));
  if (function == ArrayFunction::Correlation) return figure;
  if (function == ArrayFunction::Covariance) return in_unit_of_product(std::move(figure), unit_x, unit_y, span);
  if (stdlib::is_plain(unit_x)) {
    figure.expr->type.unit = unit_or_none(unit_y);
    return figure;
  }
  const auto per_x = stdlib::divide(typed::plain_unit(), unit_x);
  if (!per_x) {
    report(Code::DimensionMismatch, span, per_x.error().message);
    return {};
  }
  return in_unit_of_product(std::move(figure), unit_y, *per_x, span);
}

Value TaskChecker::fir_call(Value xs, Value taps, const Span& span) {
  const Type &x = xs.type(), &w = taps.type();
  if (x.element->kind != w.element->kind || w.size > x.size || w.element->unit) {
    report(Code::OperandType, span,
           quoted(xs.expr->span) + " is " + to_string(x) + ", and " + quoted(taps.expr->span) + " is " + to_string(w),
           "'fir' takes an array and weights of its kind without a unit, no more of them than the array has elements");
    return {};
  }
  Type type = plain(TypeKind::FixedArray, x.size - w.size + 1);
  type.element = x.element;
  typed::ArrayCall node{ArrayFunction::Fir, {}};
  node.arguments.push_back(std::move(xs.expr));
  node.arguments.push_back(std::move(taps.expr));
  return Value(make_expr(type, span, std::move(node)));
}

// band(densities, width of a bin, from, to): the power between two frequencies.
Value TaskChecker::band_call(const syntax::CallExpr& call, Value densities, const Span& span) {
  const Type element = *densities.type().element;
  const stdlib::Unit hertz = *stdlib::parse_unit("Hz");
  typed::ArrayCall node{ArrayFunction::Band, {}};
  node.arguments.push_back(std::move(densities.expr));
  for (std::size_t n = 1; n < 4; ++n) {
    Value frequency = in_unit(call.arguments[n], element.kind, hertz);
    if (!frequency) return {};
    node.arguments.push_back(std::move(frequency.expr));
  }
  return in_unit_of_product(Value(make_expr(plain(element.kind), span, std::move(node))), typed::unit_of(element),
                            hertz, span);
}

// hann(1000): the window itself.
Value TaskChecker::window_call(const syntax::CallExpr& call, ArrayFunction function, const Span& span) {
  const std::string_view name = row_of(function).name;
  if (!count_arguments(call, name, 1, span)) return {};
  const auto size = size_of(call.arguments[0].value, kMaxElements, "an array holds");
  if (!size) return {};
  Type type = plain(TypeKind::FixedArray, *size);
  type.element = arena_.intern(plain(TypeKind::F64));
  return Value(array_constant(type, stdlib::window(*window_kind(name), *size), span));
}

// fft(xs), spectrum(xs), psd(xs, rate), each with `window: NAME` behind them. Spectra are one-sided: but for the first
// bin and, with an even number of elements, the last, each stands for two of the transform.
Value TaskChecker::spectrum_call(const syntax::CallExpr& call, ArrayFunction function, const Span& span) {
  using enum ArrayFunction;
  const auto [name, arity] = row_of(function);
  std::optional<stdlib::Window> kind;
  std::size_t count = call.arguments.size();
  if (count > 1 && call.arguments.back().label && call.arguments.back().label->text == "window") {
    --count;
    const auto* word = std::get_if<syntax::NameExpr>(&call.arguments.back().value->node);
    kind = word ? window_kind(word->name) : std::nullopt;
    if (!kind) {
      report(Code::UnknownOption, call.arguments.back().value->span,
             quoted(call.arguments.back().value->span) + " is not a window",
             word ? suggestion(word->name, {"hann", "hamming", "blackman"}) : "write 'window: hann'");
      return {};
    }
  }
  if (count != arity) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::ArgumentCount, span,
           "'" + std::string(name) + "' takes " + (arity == 1 ? "an array" : "an array and its rate") +
               ", and 'window: hann' behind them if one is wanted");
    return {};
  }
  Value xs = signal_argument(call, 0, name);
  if (!xs) return {};
  const std::uint32_t size = xs.type().size;
  const Type element = *xs.type().element;
  if (typed::is_point(element)) {
    report(Code::PointArithmetic, xs.expr->span,
           quoted(xs.expr->span) + " holds " + typed::points_name(typed::unit_of(element)) + ": points have no product",
           "subtract a point first");
    return {};
  }
  if (size < 2 || size > stdlib::kMaxFft) {
    report(Code::OperandType, xs.expr->span,
           quoted(xs.expr->span) + " has " + std::to_string(size) + (size == 1 ? " element" : " elements") + ", and '" +
               std::string(name) + "' takes 2 to " + std::to_string(stdlib::kMaxFft));
    return {};
  }
  double sum = size, squares = size;
  if (kind) {
    const std::vector<double> weights = stdlib::window(*kind, size);
    sum = squares = 0;
    for (const double w : weights) sum += w, squares += w * w;
    Type type = plain(TypeKind::FixedArray, size);
    type.element = arena_.intern(plain(element.kind));
    ExprPtr constant = array_constant(type, weights, span);
    const Type product = xs.type();
    xs = Value(make_expr(product, span, typed::Binary{typed::BinaryOp::Mul, std::move(xs.expr), std::move(constant)}));
  }
  Type pairs = plain(TypeKind::FixedArray, 2 * (size / 2 + 1));
  pairs.element = arena_.intern(element);
  typed::ArrayCall transform{Fft, {}};
  transform.arguments.push_back(std::move(xs.expr));
  Value bins(make_expr(pairs, span, std::move(transform)));
  if (function == Fft) return bins;

  Type type = plain(TypeKind::FixedArray, size / 2 + 1);
  Type bin = element;
  Value scale = float_constant(element.kind, 2 / (function == Spectrum ? sum : squares), span);
  if (function == Psd) {
    const stdlib::Unit hertz = *stdlib::parse_unit("Hz");
    Value rate = in_unit(call.arguments[1], element.kind, hertz);
    if (!rate) return {};
    scale = make_binary(typed::BinaryOp::Div, plain(element.kind), std::move(scale), std::move(rate), span);
    if (!scale) return {};
    const auto square = stdlib::multiply(typed::unit_of(element), typed::unit_of(element));
    const auto density = square ? stdlib::divide(*square, hertz) : square;
    if (!density) {
      report(Code::DimensionMismatch, span, density.error().message);
      return {};
    }
    bin.unit = unit_or_none(*density);
  }
  type.element = arena_.intern(bin);
  typed::ArrayCall node{function, {}, size % 2 == 0 ? 2u : 1u};
  node.arguments.push_back(std::move(bins.expr));
  node.arguments.push_back(std::move(scale.expr));
  return in_settled_unit(Value(make_expr(type, span, std::move(node))), span);
}

}  // namespace eyeflow::compiler::check_detail
