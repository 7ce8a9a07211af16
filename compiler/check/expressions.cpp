#include <algorithm>
#include <charconv>
#include <cmath>

#include "compiler/check/checker.h"
#include "compiler/diagnostics/foreign_words.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

void Effects::merge(const Effects& other) {
  needs.insert(other.needs.begin(), other.needs.end());
  state_writes.insert(other.state_writes.begin(), other.state_writes.end());
  resizes.insert(other.resizes.begin(), other.resizes.end());
  reads_state |= other.reads_state;
  reads_clock |= other.reads_clock;
  emits |= other.emits;
  writes_self |= other.writes_self;
}

Value TaskChecker::expression(const syntax::ExprPtr& expr, const Type* expected) {
  return expr ? expression(*expr, expected) : Value();
}

Value TaskChecker::expression(const syntax::Expr& expr, const Type* expected) {
  const Span& span = expr.span;
  if (std::get_if<syntax::MissingExpr>(&expr.node)) {
    if (expected && expected->kind == TypeKind::Optional)
      return Value(make_constant({*expected, typed::Aggregate{}}, span));
    report(Code::NeverMissing, span, "nothing here says what is missing",
           expected ? to_string(*expected) + " is never missing: declare " + to_string(*expected) + "?"
                    : "give the type: let x : f64? = missing");
    return {};
  }
  if (expected && expected->kind == TypeKind::Optional) expected = expected->element;
  if (const auto* n = std::get_if<syntax::NumberExpr>(&expr.node)) return number_literal(*n, span);
  if (const auto* n = std::get_if<syntax::BoolExpr>(&expr.node)) {
    return Value(make_constant(make_bool(plain(TypeKind::Bool), n->value), span));
  }
  if (const auto* n = std::get_if<syntax::NameExpr>(&expr.node)) {
    if (expected && expected->kind == TypeKind::Enum && !find_local(n->name)) {
      if (Value value = enum_value(*expected->enumeration, n->name, span)) return value;
    }
    return name_value(n->name, span);
  }
  if (const auto* n = std::get_if<syntax::TextExpr>(&expr.node)) return text(*n, span, expected);
  if (const auto* n = std::get_if<syntax::ArrayExpr>(&expr.node)) return array_literal(*n, span, expected);
  if (const auto* n = std::get_if<syntax::FillExpr>(&expr.node)) return array_fill(*n, span, expected);
  if (const auto* n = std::get_if<syntax::UnaryExpr>(&expr.node)) return unary(*n, span);
  if (const auto* n = std::get_if<syntax::BinaryExpr>(&expr.node)) return binary(*n, span);
  if (const auto* n = std::get_if<syntax::CallExpr>(&expr.node)) return call(*n, span);
  if (const auto* n = std::get_if<syntax::MemberExpr>(&expr.node)) return member(*n, span);
  if (const auto* n = std::get_if<syntax::IndexExpr>(&expr.node)) return index(*n, span);
  if (const auto* n = std::get_if<syntax::ToUnitExpr>(&expr.node)) return to_unit(*n, span);
  if (const auto* n = std::get_if<syntax::IsMissingExpr>(&expr.node)) return is_missing(*n, span);
  return {};
}

// ---- Literals
// ----------------------------------------------------------------------------------------------------------

namespace {

// A whole number without a unit and without a point or exponent; nothing when it is too large.
std::optional<Wide> parse_whole(std::string_view text) {
  int base = text.starts_with("0x") ? 16 : text.starts_with("0b") ? 2 : 10;
  if (base != 10) text.remove_prefix(2);
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Value TaskChecker::number_literal(const syntax::NumberExpr& number, const Span& span) {
  const std::string& text = number.text;
  bool based = text.starts_with("0x") || text.starts_with("0b");
  bool is_whole = based || text.find_first_of(".eE") == std::string::npos;
  std::optional<Wide> whole_value = is_whole ? parse_whole(text) : std::nullopt;
  double value = whole_value ? static_cast<double>(*whole_value) : 0.0;
  bool readable = whole_value.has_value();
  if (!is_whole) readable = std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
  if (!readable) {
    report(Code::BadNumber, span, quoted(span) + " is not a number that fits anywhere",
           based      ? "write at most 64 bits behind " + text.substr(0, 2)
           : is_whole ? "the largest whole number is 18446744073709551615"
                      : "floats reach from about 2.2e-308 to 1.8e308");
    return {};
  }
  Value out;
  out.literal = true;
  if (!number.unit) {
    TypeKind kind = !is_whole ? TypeKind::F64 : fits(*whole_value, TypeKind::I64) ? TypeKind::I64 : TypeKind::U64;
    out.expr = make_constant(is_whole ? make_whole(plain(kind), *whole_value) : make_float(plain(kind), value), span);
    return out;
  }
  bool ok = true;
  const typed::UnitInfo* info = unit(*number.unit, ok);
  if (!ok) return {};
  out.with_unit = true;
  if (auto ns = info ? stdlib::nanoseconds(info->unit) : std::nullopt) {
    double nanoseconds = std::round(value * static_cast<double>(*ns));
    Wide exact = whole_value ? *whole_value * *ns : static_cast<Wide>(nanoseconds < 0x1p63 ? nanoseconds : 0x1p63);
    if (!fits(exact, TypeKind::I64)) {
      report(Code::ConstantOverflow, span, quoted(span) + " does not fit duration", "durations reach 292 years");
      return {};
    }
    out.expr = make_constant(make_whole(plain(TypeKind::Duration), exact), span);
    out.quantity = value;
    out.quantity_unit = info;
    return out;
  }
  Type type = plain(TypeKind::F64);
  type.unit = info;
  out.expr = make_constant(make_float(type, value), span);
  return out;
}

// Of two types of literal texts, or of arrays of them in one shape; nothing for others.
std::optional<Type> TaskChecker::longer(const std::optional<Type>& a, const std::optional<Type>& b) {
  if (!a || !b || a->kind != b->kind) return std::nullopt;
  if (a->kind == TypeKind::Text) return a->size < b->size ? b : a;
  const auto element = longer(*a->element, *b->element);
  if (!element || a->size != b->size) return std::nullopt;
  Type type = *a;
  type.element = arena_.intern(*element);
  return type;
}

// What an array of literal texts, or of arrays of them, is: with room for the longest. Nothing for others.
std::optional<Type> TaskChecker::type_of_texts(const syntax::ArrayExpr& array) {
  std::optional<Type> element;
  for (const syntax::ExprPtr& e : array.elements) {
    std::optional<Type> next;
    const auto* inner = e ? std::get_if<syntax::ArrayExpr>(&e->node) : nullptr;
    const auto* text = e ? std::get_if<syntax::TextExpr>(&e->node) : nullptr;
    if (inner) next = type_of_texts(*inner);
    if (text && std::ranges::none_of(text->parts, [](const syntax::TextPart& part) { return part.expr != nullptr; })) {
      std::size_t size = 1;
      for (const syntax::TextPart& part : text->parts) size = std::max(size, part.literal.size());
      next = plain(TypeKind::Text, static_cast<std::uint32_t>(std::min<std::size_t>(size, kMaxTextBytes)));
    }
    element = &e == &array.elements[0] ? next : longer(element, next);
    if (!element) return std::nullopt;
  }
  Type type = plain(TypeKind::FixedArray, static_cast<std::uint32_t>(array.elements.size()));
  if (element) type.element = arena_.intern(*element);
  return element ? std::optional(type) : std::nullopt;
}

namespace {

// A number without a unit, whole or not, perhaps with a minus; nothing for other expressions.
enum class Literal : std::uint8_t { None, Whole, Float };
Literal plain_literal(const syntax::ExprPtr& expr) {
  if (!expr) return Literal::None;
  if (const auto* minus = std::get_if<syntax::UnaryExpr>(&expr->node))
    return minus->op == syntax::UnaryOp::Negate ? plain_literal(minus->operand) : Literal::None;
  const auto* number = std::get_if<syntax::NumberExpr>(&expr->node);
  if (!number || number->unit) return Literal::None;
  const bool is_based = number->text.starts_with("0x") || number->text.starts_with("0b");
  return is_based || number->text.find_first_of(".eE") == std::string::npos ? Literal::Whole : Literal::Float;
}

// [1, 2.5]: where all are numbers and one is no whole number, all are floats.
bool are_floats(const syntax::ArrayExpr& array) {
  const auto is = [](Literal what) { return [what](const syntax::ExprPtr& e) { return plain_literal(e) == what; }; };
  return std::ranges::none_of(array.elements, is(Literal::None)) &&
         std::ranges::any_of(array.elements, is(Literal::Float));
}

}  // namespace

Value TaskChecker::array_literal(const syntax::ArrayExpr& array, const Span& span, const Type* expected) {
  const std::optional<Type> of_texts = expected ? std::nullopt : type_of_texts(array);
  if (of_texts) expected = &*of_texts;
  bool is_expected = expected && typed::is_array(expected->kind);
  if (array.elements.empty() && !(is_expected && expected->kind == TypeKind::BoundedArray)) {
    report(Code::BadSize, span, "an empty array has no type of its own", "give the type: [T; <=N]");
    return {};
  }
  Type element = is_expected ? *expected->element : are_floats(array) ? plain(TypeKind::F64) : plain(TypeKind::Error);
  std::vector<typed::ExprPtr> elements;
  for (const auto& e : array.elements) {
    Value value = expression(e, element.kind == TypeKind::Error ? nullptr : &element);
    if (element.kind == TypeKind::Error) {  // the first one tells, as a let would
      value = settle(std::move(value));
      if (value) element = value.type();
    }
    typed::ExprPtr converted = coerce(std::move(value), element);
    if (!converted) return {};  // the others would mostly lack the same
    elements.push_back(std::move(converted));
  }
  auto count = static_cast<std::uint32_t>(elements.size());
  Type type = is_expected ? *expected : plain(TypeKind::FixedArray, count);
  if (!is_expected) type.element = arena_.intern(element);
  bool fits_size = type.kind == TypeKind::BoundedArray ? count <= type.size : count == type.size;
  if (!fits_size) {
    report(Code::TypeMismatch, span,
           "these are " + std::to_string(count) + " elements, but " + to_string(type) + " is needed here");
    return {};
  }
  return Value(make_expr(type, span, typed::ArrayLiteral{std::move(elements)}));
}

Value TaskChecker::array_fill(const syntax::FillExpr& fill, const Span& span, const Type* expected) {
  bool is_expected = expected && typed::is_array(expected->kind);
  auto count =
      size_of(fill.count, is_expected && typed::is_image(*expected) ? expected->size : kMaxElements, "an array holds");
  Value value = expression(fill.value, is_expected ? expected->element : nullptr);
  if (!is_expected) {
    value = settle(std::move(value));
  }
  if (!value || !count) return {};
  Type type = is_expected ? *expected : plain(TypeKind::FixedArray, *count);
  if (!is_expected) type.element = arena_.intern(value.type());
  if (!is_expected && !check_size(type, span)) return {};
  typed::ExprPtr element = coerce(std::move(value), *type.element);
  if (!element) return {};
  bool fits_size = type.kind == TypeKind::BoundedArray ? *count <= type.size : *count == type.size;
  if (!fits_size) {
    report(Code::TypeMismatch, span,
           "these are " + std::to_string(*count) + " elements, but " + to_string(type) + " is needed here");
    return {};
  }
  return Value(make_expr(type, span, typed::ArrayFill{std::move(element), *count}));
}

// ---- Names
// -------------------------------------------------------------------------------------------------------------

Value TaskChecker::local_value(typed::LocalId id, const Span& span) {
  body_.infos[typed::index(id)].used = true;
  return Value(make_expr(body_.locals[typed::index(id)].type, span, typed::LocalExpr{id}));
}

Value TaskChecker::name_value(const std::string& name, const Span& span) {
  if (name.empty()) return {};
  if (name == "self" && body_.self) {
    effects_->reads_state = true;
    return Value(self_place(span));
  }
  if (auto local = find_local(name)) {
    if (body_.locals[typed::index(*local)].type.kind == TypeKind::Error) return {};
    return local_value(*local, span);
  }
  if (auto size = sizes_.find(name); size != sizes_.end()) {
    Value out(make_constant(make_whole(plain(TypeKind::I64), size->second), span));
    out.literal = true;
    return out;
  }
  if (Symbol* symbol = find_symbol(name, &span)) return symbol_value(name, *symbol, span);
  if (name == "on" || name == "off") return Value(make_constant(make_bool(plain(TypeKind::Bool), name == "on"), span));
  if (name == "pi") {
    Value value(make_constant(make_float(plain(TypeKind::F64), 3.14159265358979323846), span));
    value.literal = true;
    return value;
  }
  if (name == "now") {
    if (place_ == Place::Constant) {
      report(Code::NotConstant, span, "'now' is not known at compile time, but a constant is needed here");
      return {};
    }
    effects_->reads_clock = true;
    return Value(make_expr(plain(TypeKind::Time), span, typed::ClockExpr{typed::ClockField::Now}));
  }
  if (name == "event") {
    report(Code::NotAValue, span, "'event' is not a value by itself", "write event.time");
    return {};
  }
  std::vector<std::string> candidates = value_names();
  std::string hint = suggestion(name, candidates);
  if (hint.empty()) hint = instead_of_foreign_word(name);
  if (stdlib::parse_unit(name))
    hint = "'" + name + "' is a unit: it stands behind a number, x * 1 " + name + ", or in .to(" + name + ")";
  report(Code::UnknownName, span, "'" + name + "' is not declared here", std::move(hint));
  return {};
}

Value TaskChecker::symbol_value(const std::string& name, Symbol& symbol, const Span& span) {
  symbol.used = true;
  auto not_constant = [&] {
    if (place_ != Place::Constant) return false;
    report(Code::NotConstant, span, "'" + name + "' is not known at compile time, but a constant is needed here");
    return true;
  };
  switch (symbol.kind) {
    case SymbolKind::Const: {
      ConstEntry& entry = consts_[symbol.index];
      check_const(entry);
      if (!entry.value) return {};
      Value out;
      const typed::Constant* c = as_constant(*entry.value.expr);
      out.expr = c ? make_constant(*c, span) : nullptr;
      out.literal = entry.value.literal;
      out.with_unit = entry.value.with_unit;
      out.quantity = entry.value.quantity;
      out.quantity_unit = entry.value.quantity_unit;
      return out;
    }
    case SymbolKind::Input: {
      const typed::Input& input = task_.inputs[symbol.index];
      if (not_constant() || input.type.kind == TypeKind::Error) return {};
      if (input.policy == typed::BadPolicy::Skip || input.policy == typed::BadPolicy::Hold)
        effects_->needs.insert(typed::InputId{symbol.index});
      else if (input.stale_after_ns)
        effects_->reads_clock = true;
      return Value(
          make_expr(input.type, span, typed::InputExpr{typed::InputId{symbol.index}, typed::InputField::Value}));
    }
    case SymbolKind::Param: {
      const typed::Param& param = task_.params[symbol.index];
      if (not_constant() || param.type.kind == TypeKind::Error) return {};
      return Value(make_expr(param.type, span, typed::ParamExpr{typed::ParamId{symbol.index}}));
    }
    case SymbolKind::State: {
      const typed::State& state = task_.states[symbol.index];
      if (not_constant() || state.type.kind == TypeKind::Error) return {};
      if (place_ == Place::Test) {
        report(Code::NotAValue, span, "'" + name + "' is the task's own: a test sees its outputs and alarms",
               "send it to an output");
        return {};
      }
      effects_->reads_state = true;
      return Value(make_expr(state.type, span, typed::StateExpr{typed::StateId{symbol.index}}));
    }
    case SymbolKind::Output: {
      const typed::Output& output = task_.outputs[symbol.index];
      if (place_ == Place::Test && output.kind != typed::OutputKind::Log) {
        if (output.type.kind == TypeKind::Error) return {};
        return Value(make_expr(output.type, span, typed::OutputValue{typed::OutputId{symbol.index}}));
      }
      report(Code::NotAValue, span, "'" + name + "' is an output: a task writes it and does not read it",
             place_ == Place::Test ? "write " + name + ".count" : "keep the value in a state");
      return {};
    }
    case SymbolKind::Alarm:
      report(Code::NotAValue, span, "'" + name + "' is an alarm, not a value",
             "write " + name + ".active or " + name + ".raised");
      return {};
    case SymbolKind::Model:
      report(Code::NotAValue, span, "'" + name + "' is a model", "ask it: " + name + "(…)");
      return {};
    case SymbolKind::Function:
      report(Code::NotAValue, span, "'" + name + "' is a function", "call it: " + name + "(…)");
      return {};
    case SymbolKind::Record:
      report(Code::NotAValue, span, "'" + name + "' is a record's type", "make one: " + name + "(…)");
      return {};
    case SymbolKind::Unit:
      report(Code::NotAValue, span, "'" + name + "' is a unit", "write it behind a number: 1 " + name);
      return {};
    case SymbolKind::Enum:
      report(Code::NotAValue, span, "'" + name + "' is an enum's type",
             "write one of its values: " + name + "." + enums_[symbol.index].enumeration->values.front());
      return {};
    case SymbolKind::EnumValue:
      if (symbol.is_ambiguous) {
        report(Code::AmbiguousName, span, "two enums have the value '" + name + "'",
               "write " + enums_[symbol.index].enumeration->name + "." + name);
        return {};
      }
      return enum_value(*enums_[symbol.index].enumeration, name, span);
    case SymbolKind::Unavailable:
      return {};
  }
  return {};
}

// ---- Elements
// -------------------------------------------------------------------------------------------------

typed::ExprPtr TaskChecker::position(Value at) {
  const TypeKind kind = at.type().kind;
  const Type whole_type = plain(TypeKind::I64);
  if (!at.literal && typed::is_integer(kind) && kind != TypeKind::I64 && !at.type().unit) {
    at = make_convert(kind == TypeKind::U64 ? typed::ConvertOp::Narrow : typed::ConvertOp::Widen, whole_type,
                      std::move(at));
  }
  return coerce(std::move(at), whole_type);
}

// xs[2 ..< 6]
Value TaskChecker::slice(Value array, Value from, Value to, const Span& span) {
  const Type of = array.type();
  typed::ExprPtr first = position(std::move(from)), behind = position(std::move(to));
  if (!first || !behind) return {};
  const typed::Constant *a = as_constant(*first), *b = as_constant(*behind);
  for (const auto& [end, expr] : {std::pair(a, first.get()), std::pair(b, behind.get())}) {
    if (!end || (whole(*end) >= 0 && whole(*end) <= of.size)) continue;
    report(Code::ConstantIndex, expr->span,
           to_string(whole(*end)) + " is outside " + quoted(array.expr->span) + ", which has " +
               std::to_string(of.size) + " elements",
           "a slice ends at " + std::to_string(of.size) + " at most");
    return {};
  }
  if (a && b && whole(*b) <= whole(*a)) {
    report(Code::EmptyRange, span, "nothing lies in " + quoted(span),
           "the lower end stands first, the upper is left out");
    return {};
  }
  const bool fixed = a && b && of.kind == TypeKind::FixedArray;
  Type type = plain(fixed ? TypeKind::FixedArray : TypeKind::BoundedArray,
                    a && b ? static_cast<std::uint32_t>(whole(*b) - whole(*a)) : of.size);
  type.element = of.element;
  return Value(make_expr(type, span, typed::Slice{std::move(array.expr), std::move(first), std::move(behind)}));
}

Value TaskChecker::index(const syntax::IndexExpr& index, const Span& span) {
  Value array = expression(index.object);
  Value at = expression(index.index);
  Value end = index.end ? expression(index.end) : Value();
  if (!array || !at || (index.end && !end)) return {};
  if (!typed::is_array(array.type().kind)) {
    report(Code::OperandType, array.expr->span,
           quoted(array.expr->span) + " is " + to_string(array.type()) + ", and only arrays have elements");
    return {};
  }
  if (typed::is_image(array.type())) {
    report(Code::OperandType, array.expr->span, quoted(array.expr->span) + " is " + to_string(array.type()),
           "a pixel is .at(x, y) of a gray image, .red(x, y), .green(x, y), .blue(x, y) of others");
    return {};
  }
  if (index.end) return slice(std::move(array), std::move(at), std::move(end), span);
  typed::ExprPtr position = this->position(std::move(at));
  if (!position) return {};
  if (const typed::Constant* c = as_constant(*position); c && (whole(*c) < 0 || whole(*c) >= array.type().size)) {
    const std::string name = source_text(array.expr->span);
    const bool is_before = whole(*c) < 0;
    report(Code::ConstantIndex, position->span,
           "index " + to_string(whole(*c)) + " is outside " + quoted(array.expr->span) + ", which has " +
               std::to_string(array.type().size) + " elements",
           "indices are 0 to " + std::to_string(array.type().size - 1) +
               (is_before ? "; the last is " + name + "[" + name + ".len - 1]" : ""));
    return {};
  }
  Type element = *array.type().element;
  const typed::Constant* known = as_constant(*array.expr);
  if (const typed::Constant* at_constant = as_constant(*position); known && at_constant) {
    const auto& all = std::get<typed::Aggregate>(known->value);
    const auto i = static_cast<std::size_t>(whole(*at_constant));
    if (i < all.elements.size() || all.repeat > 0)
      return Value(make_constant(all.elements[all.repeat > 0 ? 0 : i], span));
  }
  return Value(make_expr(element, span, typed::Index{std::move(array.expr), std::move(position)}));
}

Value TaskChecker::to_unit(const syntax::ToUnitExpr& to, const Span& span) {
  Value value = expression(to.object);
  bool ok = true;
  const typed::UnitInfo* info = unit(to.unit, ok);
  if (!value || !ok) return {};
  if (value.type().kind == TypeKind::Duration) value = duration_to_float(std::move(value), TypeKind::F64);
  if (typed::is_array(value.type().kind) && typed::is_number(value.type().element->kind))
    return array_to_unit(std::move(value), info, span);
  if (!typed::is_number(value.type().kind)) {
    report(Code::BadConversion, span,
           quoted(value.expr->span) + " is " + to_string(value.type()) + ", and only numbers have a unit");
    return {};
  }
  if (value.literal && typed::is_integer(value.type().kind)) value = literal_to_kind(std::move(value), TypeKind::F64);
  Value out = to_unit(std::move(value), info, info ? info->unit : typed::plain_unit(), true);
  if (out) out.expr->span = span;
  return out;
}

}  // namespace eyeflow::compiler::check_detail
