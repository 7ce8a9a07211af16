#include <algorithm>
#include <array>

#include "compiler/check/checker.h"
#include "compiler/diagnostics/foreign_words.h"

namespace eyeflow::compiler::check_detail {

using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

namespace {

struct MathRow {
  std::string_view name;
  typed::Math function;
  std::size_t arity;
};
constexpr MathRow kMath[] = {
#define EYEFLOW_MATH(Name, spelling, arity) {spelling, typed::Math::Name, arity},
#include "compiler/check/math.def"
};

struct RoundRow {
  std::string_view name;
  ConvertOp op;
};
constexpr RoundRow kRound[] = {
    {"round", ConvertOp::Round}, {"floor", ConvertOp::Floor}, {"ceil", ConvertOp::Ceil}, {"trunc", ConvertOp::Trunc}};

struct ScalarRow {
  std::string_view name;
  TypeKind kind;
};
constexpr ScalarRow kScalars[] = {{"bool", TypeKind::Bool}, {"int", TypeKind::I64},          {"i32", TypeKind::I32},
                                  {"u8", TypeKind::U8},     {"u16", TypeKind::U16},          {"u32", TypeKind::U32},
                                  {"u64", TypeKind::U64},   {"f32", TypeKind::F32},          {"f64", TypeKind::F64},
                                  {"time", TypeKind::Time}, {"duration", TypeKind::Duration}};

}  // namespace

std::optional<typed::Math> math_function(std::string_view name) {
  for (const MathRow& row : kMath) {
    if (row.name == name) return row.function;
  }
  return std::nullopt;
}

std::optional<TypeKind> scalar_type(std::string_view name) {
  for (const ScalarRow& row : kScalars) {
    if (row.name == name) return row.kind;
  }
  return std::nullopt;
}

const std::vector<std::string>& builtin_functions() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const MathRow& row : kMath) out.emplace_back(row.name);
    for (const RoundRow& row : kRound) out.emplace_back(row.name);
    for (const ScalarRow& row : kScalars) {
      if (typed::is_number(row.kind)) out.emplace_back(row.name);
    }
    return out;
  }();
  return names;
}

bool is_reserved(std::string_view name) {
  return name == "on" || name == "off" || name == "now" || name == "event" || name == "pi" || name == "self" ||
         std::ranges::find(builtin_functions(), name) != builtin_functions().end();
}

Value TaskChecker::call(const syntax::CallExpr& call, const Span& span) {
  if (const auto* callee = std::get_if<syntax::NameExpr>(&call.callee->node))
    return named_call(call, callee->name, span);
  const auto* member = std::get_if<syntax::MemberExpr>(&call.callee->node);
  if (!member) {
    if (Value callee = expression(call.callee)) {
      report(Code::UnknownFunction, call.callee->span, quoted(call.callee->span) + " is not a function");
    }
    return {};
  }
  // An action of an output or array (siren.on()) gives no value; statements handle those.
  if (const auto* object = std::get_if<syntax::NameExpr>(&member->object->node); object && !find_local(object->name)) {
    if (is_module_name(object->name)) {
      Symbol* symbol = find_in_module(object->name, member->member);
      if (symbol) return symbol_call(call, member->member.text, *symbol, span);
      for (const syntax::Argument& a : call.arguments) expression(a.value);
      return {};
    }
    if (Symbol* symbol = find_symbol(object->name)) {
      if (symbol->kind == SymbolKind::Unavailable) return {};
      if (symbol->kind == SymbolKind::Output) {
        report(Code::NoValue, span, quoted(span) + " is an action and gives no value", "write it as a statement");
        return {};
      }
    }
  }
  Value object = expression(member->object);
  if (!object) return {};
  if (object.type().kind == TypeKind::Record) return method_call(call, std::move(object), *member, span);
  bool is_action =
      object.type().kind == TypeKind::BoundedArray && (member->member.text == "push" || member->member.text == "clear");
  if (is_action) {
    report(Code::NoValue, span, quoted(span) + " is an action and gives no value", "write it as a statement");
  } else {
    report(Code::UnknownMember, member->member.span,
           to_string(object.type()) + " has no '" + member->member.text + "(…)'");
  }
  return {};
}

Value TaskChecker::named_call(const syntax::CallExpr& call, const std::string& name, const Span& span) {
  if (find_local(name)) {
    report(Code::UnknownFunction, call.callee->span, "'" + name + "' is a value, not a function");
    return {};
  }
  if (Symbol* symbol = find_symbol(name, &call.callee->span)) return symbol_call(call, name, *symbol, span);
  if (auto function = math_function(name)) return math_call(call, *function, span);
  if (auto function = array_function(name)) return array_call(call, *function, span);
  for (const RoundRow& row : kRound) {
    if (row.name == name) return round_call(call, name, row.op, span);
  }
  if (auto kind = scalar_type(name); kind && typed::is_number(*kind)) return convert_call(call, name, *kind, span);
  for (const syntax::Argument& a : call.arguments) expression(a.value);
  if (lacks_module_) return {};
  std::vector<std::string> candidates = builtin_functions();
  for (SymbolKind kind : {SymbolKind::Function, SymbolKind::Record}) {
    for (std::string& n : names_of(kind)) candidates.push_back(std::move(n));
  }
  std::string hint = suggestion(name, candidates);
  if (std::string_view instead = instead_of_foreign_word(name); !instead.empty()) hint = instead;
  report(Code::UnknownFunction, call.callee->span, "there is no function '" + name + "'", std::move(hint));
  return {};
}

Value TaskChecker::symbol_call(const syntax::CallExpr& call, const std::string& name, Symbol& symbol,
                               const Span& span) {
  symbol.used = true;
  if (symbol.kind == SymbolKind::Function) return function_call(call, symbol.index, span);
  if (symbol.kind == SymbolKind::Record) return record_call(call, symbol.index, span);
  if (symbol.kind == SymbolKind::Unavailable) return {};
  report(Code::UnknownFunction, call.callee->span, "'" + name + "' is not a function")
      .notes.push_back({symbol.span, "declared here"});
  return {};
}

bool TaskChecker::count_arguments(const syntax::CallExpr& call, std::string_view name, std::size_t count,
                                  const Span& span) {
  if (call.arguments.size() == count) return true;
  for (const syntax::Argument& a : call.arguments) expression(a.value);
  report(Code::ArgumentCount, span,
         "'" + std::string(name) + "' takes " + std::to_string(count) + (count == 1 ? " argument" : " arguments") +
             ", not " + std::to_string(call.arguments.size()));
  return false;
}

// ---- Conversions
// -------------------------------------------------------------------------------------------------------

Value TaskChecker::convert_call(const syntax::CallExpr& call, const std::string& name, TypeKind to, const Span& span) {
  if (!count_arguments(call, name, 1, span)) return {};
  Value value = expression(call.arguments[0].value);
  if (!value) return {};
  TypeKind from = value.type().kind;
  Type type = value.type();
  type.kind = to;
  auto done = [&](Value out) {
    out.literal = out.with_unit = false;
    out.quantity.reset();
    if (out) out.expr->span = span;
    return out;
  };
  bool is_time = from == TypeKind::Time || from == TypeKind::Duration;
  if (is_time && to == TypeKind::I64) return done(make_convert(ConvertOp::TimeToInt, type, std::move(value)));
  if (from == TypeKind::Enum && to == TypeKind::I64)
    return done(make_convert(ConvertOp::TimeToInt, plain(to), std::move(value)));
  if (from == TypeKind::Bool && to == TypeKind::I64)
    return done(make_convert(ConvertOp::Widen, type, std::move(value)));
  std::string text = source_text(value.expr->span);
  if (!typed::is_number(from)) {
    report(Code::BadConversion, span, to_string(value.type()) + " does not convert to " + name,
           is_time ? "divide by a duration: " + text + " / 1 s" : "");
    return {};
  }
  if (typed::is_float(from) && !typed::is_float(to)) {
    if (value.literal && value.with_unit) return done(literal_to_kind(std::move(value), to));
    report(Code::BadConversion, span,
           name + "(…) takes a whole number, and " + quoted(value.expr->span) + " is " + to_string(value.type()),
           to == TypeKind::I64 ? "write round(" + text + "), floor(…), ceil(…) or trunc(…)"
                               : "write " + name + "(trunc(" + text + "))");
    return {};
  }
  if (from == to) return done(std::move(value));
  if (typed::is_float(to)) {
    if (value.literal) return done(literal_to_kind(std::move(value), to));
    ConvertOp op = !typed::is_float(from) ? ConvertOp::IntToFloat
                   : to == TypeKind::F64  ? ConvertOp::F32ToF64
                                          : ConvertOp::F64ToF32;
    return done(make_convert(op, type, std::move(value)));
  }
  if (typed::is_modular(to)) {
    static constexpr std::array<TypeKind, 4> kOrder{TypeKind::U8, TypeKind::U16, TypeKind::U32, TypeKind::U64};
    bool widens = typed::is_modular(from) && std::ranges::find(kOrder, from) < std::ranges::find(kOrder, to);
    return done(make_convert(widens ? ConvertOp::Widen : ConvertOp::Wrap, type, std::move(value)));
  }
  bool widens = to == TypeKind::I64 ? from != TypeKind::U64 : from == TypeKind::U8 || from == TypeKind::U16;
  return done(make_convert(widens ? ConvertOp::Widen : ConvertOp::Narrow, type, std::move(value)));
}

Value TaskChecker::round_call(const syntax::CallExpr& call, const std::string& name, ConvertOp op, const Span& span) {
  if (!count_arguments(call, name, 1, span)) return {};
  Value value = expression(call.arguments[0].value);
  if (!value) return {};
  if (value.type().kind == TypeKind::Duration && value.quantity)
    value = duration_to_float(std::move(value), TypeKind::F64);
  if (!typed::is_float(value.type().kind)) {
    report(Code::BadConversion, span,
           "'" + name + "' takes a float, and " + quoted(value.expr->span) + " is " + to_string(value.type()),
           typed::is_integer(value.type().kind) ? "it is whole already" : "");
    return {};
  }
  Type wide = value.type();
  if (wide.kind == TypeKind::F32) {
    wide.kind = TypeKind::F64;
    value = make_convert(ConvertOp::F32ToF64, wide, std::move(value));
  }
  Type type = wide;
  type.kind = TypeKind::I64;
  Value out = make_convert(op, type, std::move(value));
  if (out) out.expr->span = span;
  return out;
}

// ---- The standard library
// ----------------------------------------------------------------------------------------------

Value TaskChecker::math_call(const syntax::CallExpr& call, typed::Math function, const Span& span) {
  using enum typed::Math;
  if (call.arguments.size() == 1 && (function == Min || function == Max))
    return array_call(call, function == Min ? typed::ArrayFunction::Min : typed::ArrayFunction::Max, span);
  std::string fn(typed::name(function));
  if (!count_arguments(call, fn, kMath[static_cast<std::size_t>(function)].arity, span)) return {};
  std::vector<Value> values;
  for (const syntax::Argument& a : call.arguments) values.push_back(expression(a.value));
  if (!std::ranges::all_of(values, [](const Value& v) { return static_cast<bool>(v); })) return {};
  bool whole = std::ranges::any_of(values, [](const Value& v) { return typed::is_array(v.type().kind); });
  if (!whole) return math_values(function, std::move(values), span);
  if (function != Abs && function != Sqrt && function != Min && function != Max)
    return unavailable("this function on whole arrays", span);
  return on_elements(std::move(values), span,
                     [&](std::vector<Value> v) { return math_values(function, std::move(v), span); });
}

Value TaskChecker::math_values(typed::Math function, std::vector<Value> values, const Span& span) {
  using enum typed::Math;
  std::string fn(typed::name(function));
  Value& first = values[0];
  bool keeps_kind = function == Abs || function == Min || function == Max;
  bool literal = std::ranges::all_of(values, &Value::literal);
  auto refuse = [&](const Value& v) {
    report(Code::TypeMismatch, v.expr->span,
           quoted(v.expr->span) + " is " + to_string(v.type()) + ", but '" + fn + "' takes " +
               (keeps_kind ? "numbers, times or durations" : "floats"),
           typed::is_integer(v.type().kind) ? "write f64(" + source_text(v.expr->span) + ")" : "");
    return Value();
  };
  for (Value& v : values) {
    TypeKind kind = v.type().kind;
    bool is_time = kind == TypeKind::Time || kind == TypeKind::Duration;
    if (keeps_kind ? !typed::is_number(kind) && !is_time : !typed::is_number(kind) && kind != TypeKind::Duration)
      return refuse(v);
    if (keeps_kind) continue;
    if (kind == TypeKind::Duration) v = duration_to_float(std::move(v), TypeKind::F64);
    if (v.literal && typed::is_integer(v.type().kind)) v = literal_to_kind(std::move(v), TypeKind::F64);
    if (!v) return {};
    if (!typed::is_float(v.type().kind)) return refuse(v);
  }
  if (values.size() == 2) {
    bool both_numbers = typed::is_number(first.type().kind) && typed::is_number(values[1].type().kind);
    if (!both_numbers && first.type().kind != values[1].type().kind) {
      const Type target = first.type();
      values[1] = Value(coerce(std::move(values[1]), target));
      if (!values[1]) return {};
    }
    if (both_numbers && !unify(first, values[1])) return {};
    if (both_numbers) {
      bool move_first = first.literal && !values[1].literal;
      Value& moved = move_first ? first : values[1];
      Type target = move_first ? values[1].type() : first.type();
      moved = to_unit(std::move(moved), target.unit, typed::unit_of(target));
      if (!moved) return {};
    }
  }
  Type type = first.type();
  auto plain_argument = [&](Value& v) {  // in plain numbers: angles in radians, ratios as such
    const stdlib::Unit& from = typed::unit_of(v.type());
    bool is_angle = (function == Sin || function == Cos || function == Tan) &&
                    from.dimension == stdlib::parse_unit("rad")->dimension;
    if (is_angle) {
      Type radians = number(v.type().kind, *stdlib::parse_unit("rad"));
      v = to_unit(std::move(v), radians.unit, typed::unit_of(radians));
      if (v) v.expr->type.unit = nullptr;
    } else {
      v = to_unit(std::move(v), nullptr, typed::plain_unit(), stdlib::is_dimensionless(from));
    }
    return static_cast<bool>(v);
  };
  if (function == Sqrt && type.unit) {
    auto root = stdlib::square_root(typed::unit_of(type));
    if (!root) {
      report(Code::DimensionMismatch, first.expr->span, root.error().message);
      return {};
    }
    type = number(type.kind, *root);
  } else if (function == IsNan) {
    type = plain(TypeKind::Bool);
  } else if (function == Abs) {
    if (typed::is_point(type)) {
      report(Code::PointArithmetic, first.expr->span,
             quoted(first.expr->span) + " is a temperature: a point has no absolute value", "subtract a point first");
      return {};
    }
    if (type.kind == TypeKind::Time || typed::is_modular(type.kind)) return refuse(first);
  } else if (function == Atan2) {
    type.unit = nullptr;  // of two like quantities: an angle in radians
  } else if (function == Hypot && typed::is_point(type)) {
    report(Code::PointArithmetic, span, "a temperature is a point and has no square", "subtract a point first");
    return {};
  } else if (!keeps_kind && function != Sqrt && function != Hypot) {
    for (Value& v : values) {
      if (!plain_argument(v)) return {};
    }
    type.unit = nullptr;
  }
  std::vector<const typed::Constant*> constants;
  for (const Value& v : values) {
    if (const typed::Constant* c = as_constant(*v.expr)) constants.push_back(c);
  }
  if (constants.size() == values.size()) {
    if (auto folded = fold_math(function, type, constants)) {
      if (*folded) {
        Value out(make_constant(std::move(**folded), span));
        out.literal = literal;
        out.with_unit = first.with_unit;
        return out;
      }
      report(folded->error(), span, quoted(span) + " does not fit " + to_string(plain(type.kind)));
      return {};
    }
  }
  typed::MathCall node{function, {}};
  for (Value& v : values) node.arguments.push_back(std::move(v.expr));
  return Value(make_expr(type, span, std::move(node)));
}

// ---- Own functions and records
// -------------------------------------------------------------------------------------------

std::optional<std::vector<std::size_t>> TaskChecker::match_arguments(const syntax::CallExpr& call,
                                                                     const syntax::FunctionDecl& callee,
                                                                     const std::string& name, const Span& span) {
  const auto& parameters = callee.parameters;
  std::size_t needed = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (!parameters[i].value) needed = i + 1;
  const auto wrong_count = [&] {
    std::string count = std::to_string(needed);
    if (needed < parameters.size()) count += " to " + std::to_string(parameters.size());
    report(Code::ArgumentCount, span,
           "'" + name + "' takes " + count + (parameters.size() == 1 ? " argument" : " arguments") + ", not " +
               std::to_string(call.arguments.size()));
    return std::nullopt;
  };
  std::vector<std::size_t> out;
  std::size_t next = 0;
  if (call.arguments.size() > parameters.size()) return wrong_count();
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const auto& label = call.arguments[i].label;
    if (next == parameters.size()) return wrong_count();
    std::size_t at = next;
    // A label may leave out those before it that have a default.
    while (label && at < parameters.size() && parameters[at].name.text != label->text && parameters[at].value) ++at;
    if (label && (at == parameters.size() || parameters[at].name.text != label->text)) {
      report(Code::ArgumentLabel, label->span,
             "argument " + std::to_string(i + 1) + " of '" + name + "' is '" + parameters[next].name.text + "'",
             "write '" + parameters[next].name.text + ":', or no label");
      return std::nullopt;  // two that changed places are one mistake
    }
    out.push_back(at);
    next = at + 1;
  }
  for (; next < parameters.size(); ++next)
    if (!parameters[next].value) return wrong_count();
  return out;
}

Value TaskChecker::function_call(const syntax::CallExpr& call, std::uint32_t function, const Span& span) {
  const std::string name = functions_[function].name;
  if (place_ == Place::Constant) {
    report(Code::NotConstant, span, quoted(span) + " is not known at compile time, but a constant is needed here");
    return {};
  }
  if (place_ == Place::Test) {
    report(Code::EffectNotAllowed, span, "a test does not call the task's functions",
           "expect what the task shows: outputs and alarms");
    return {};
  }
  return instance_call(call, function, name, {}, span);
}

// x.m(…): the function works on the record where it is, in a state, or on a copy that it gives back.
Value TaskChecker::method_call(const syntax::CallExpr& call, Value object, const syntax::MemberExpr& member,
                               const Span& span) {
  const typed::Record& record = *object.type().record;
  if (record.declared == typed::Record::kNowhere) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::UnknownMember, member.member.span, record.name + " has no '" + member.member.text + "(…)'");
    return {};
  }
  const RecordEntry& entry = records_[record.declared];
  const std::string& name = member.member.text;
  const auto found =
      std::ranges::find(entry.decl->functions, name, [](const syntax::FunctionDecl& f) { return f.name.text; });
  if (found == entry.decl->functions.end() || (name.starts_with('_') && entry.home.module != module_)) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    std::vector<std::string> names;
    for (const syntax::FunctionDecl& f : entry.decl->functions) names.push_back(f.name.text);
    report(Code::UnknownMember, member.member.span, "record " + record.name + " has no '" + name + "(…)'",
           suggestion(name, names));
    return {};
  }
  if (place_ == Place::Constant || place_ == Place::Test) {
    report(place_ == Place::Test ? Code::EffectNotAllowed : Code::NotConstant, span,
           place_ == Place::Test ? "a test does not call the task's functions"
                                 : quoted(span) + " is not known at compile time, but a constant is needed here");
    return {};
  }
  Receiver receiver{object.type(), {}, {}};
  const typed::Expr* place = object.expr.get();
  for (const auto* f = std::get_if<typed::FieldOf>(&place->node); f; f = std::get_if<typed::FieldOf>(&place->node)) {
    receiver.path.insert(receiver.path.begin(), f->field);
    place = f->record.get();
  }
  if (const auto* state = std::get_if<typed::StateExpr>(&place->node))
    receiver.state = state->state;
  else
    receiver.path.clear();
  FunctionEntry of;
  of.decl = &*found;
  of.home = entry.home;
  Sizes sizes;
  for (std::size_t i = 0; i < record.sizes.size(); ++i) sizes[entry.decl->sizes[i].text] = record.sizes[i];
  const std::string where = receiver.state ? place_name(*object.expr) : entry.decl->name.text;
  at_home(entry.home, sizes, [&] { of.has_open_sizes = has_open_sizes(*found); });
  const std::uint32_t function = instance(of, std::move(sizes), receiver, where + "." + name);
  return instance_call(call, function, name, receiver.state ? Value() : std::move(object), span, &member);
}

// `self`: the record to pass to and fro, if there is one; `member` says where it came from.
Value TaskChecker::instance_call(const syntax::CallExpr& call, std::uint32_t function, const std::string& name,
                                 Value self, const Span& span, const syntax::MemberExpr* member) {
  const auto matched = match_arguments(call, *functions_[function].decl, name, span);
  const auto abandon = [&] {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    return Value();
  };
  if (!matched) return abandon();
  std::vector<Value> values(functions_[function].decl->parameters.size());
  bool ok = true;
  if (functions_[function].has_open_sizes) {
    Sizes sizes = functions_[function].sizes;
    for (std::size_t i = 0; i < matched->size(); ++i) {
      const syntax::TypePtr& written = functions_[function].decl->parameters[(*matched)[i]].type;
      Value value = settle(expression(call.arguments[i].value));
      if (!value) {
        ok = false;
        continue;
      }
      bool fits = true;
      const FunctionEntry& of = functions_[function];
      at_home(of.home, of.sizes, [&] { fits = !written || infer(*written, value.type(), sizes); });
      if (!fits) {
        report(Code::TypeMismatch, value.expr->span,
               quoted(value.expr->span) + " is " + to_string(value.type()) + ", but " + source_text(written->span) +
                   " is needed here");
        ok = false;
      }
      values[(*matched)[i]] = std::move(value);
    }
    if (!ok) return {};
    FunctionEntry of;
    of.decl = functions_[function].decl;
    of.home = functions_[function].home;
    of.receiver = functions_[function].receiver;
    of.name = functions_[function].name;
    function = instance(of, std::move(sizes), of.receiver, of.name);
    check_signature(functions_[function]);
    if (!functions_[function].is_sound) return {};
  } else {
    check_signature(functions_[function]);
    if (!functions_[function].is_sound) return abandon();
    for (std::size_t i = 0; i < matched->size(); ++i) {
      const Type type = functions_[function].parameters[(*matched)[i]].type;
      values[(*matched)[i]] = expression(call.arguments[i].value, &type);
    }
  }
  check_callee(function, span);
  const FunctionEntry& callee = functions_[function];
  typed::Call node{callee.id, {}};
  if (self) node.arguments.push_back(std::move(self.expr));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_given = std::ranges::find(*matched, i) != matched->end();
    typed::ExprPtr value =
        is_given ? coerce(std::move(values[i]), callee.parameters[i].type) : make_constant(*callee.defaults[i], span);
    ok = ok && value;
    node.arguments.push_back(std::move(value));
  }
  if (!callee.is_sound || !ok) return {};
  const bool writes_self = effects_->writes_self;
  effects_->merge(callee.effects);
  effects_->writes_self = writes_self;
  if (callee.effects.writes_self && member) {
    typed::ExprPtr place = writable(*member->object);
    if (!place) return {};
    note_write(*place);
    if (const std::size_t* loops = loop_count_of(*place); loops && *loops > 0) {
      report(Code::LoopArrayWritten, span,
             "a loop goes over a part of " + quoted(place->span) + ", which '" + name + "' changes",
             "call it after the loop");
      return {};
    }
    node.arguments[0] = std::move(place);
  }
  for (typed::StateId state : callee.effects.resizes) {
    auto loops = state_loops_.find(state);
    if (loops == state_loops_.end() || loops->second == 0) continue;
    report(Code::LoopArrayWritten, span,
           "a loop goes over '" + task_.states[typed::index(state)].name + "', and '" + name + "' changes its length",
           "call it after the loop");
    ok = false;
  }
  return ok ? Value(make_expr(callee.result, span, std::move(node))) : Value();
}

std::optional<std::vector<typed::ExprPtr>> TaskChecker::labelled(
    const syntax::CallExpr& call, const std::string& what, const std::vector<typed::Field>& fields, const Span& span,
    std::size_t first, const std::vector<std::optional<typed::Constant>>& defaults) {
  std::vector<typed::ExprPtr> values(fields.size());
  std::vector<bool> given(fields.size());
  std::vector<std::string> names;
  for (const typed::Field& f : fields) names.push_back(f.name);
  bool ok = true;
  for (; first < call.arguments.size(); ++first) {
    const syntax::Argument& argument = call.arguments[first];
    auto found = argument.label ? std::ranges::find(names, argument.label->text) : names.end();
    if (found == names.end()) {
      expression(argument.value);
      Span at = argument.label ? argument.label->span : argument.value->span;
      report(Code::ArgumentLabel, at,
             argument.label ? what + " has no field '" + argument.label->text + "'"
                            : "the fields of " + what + " are given by name",
             argument.label ? suggestion(argument.label->text, names) : "write '" + names.front() + ": …'");
      return std::nullopt;
    }
    auto i = static_cast<std::size_t>(found - names.begin());
    if (given[i]) {
      report(Code::ArgumentLabel, argument.label->span, "field '" + names[i] + "' is given twice");
      ok = false;
    }
    given[i] = true;
    values[i] = coerce(expression(argument.value, &fields[i].type), fields[i].type);
    ok = ok && values[i];
  }
  std::string absent;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (given[i]) continue;
    if (i < defaults.size() && defaults[i])
      values[i] = make_constant(*defaults[i], span);
    else
      absent += (absent.empty() ? "" : ", ") + names[i];
  }
  if (!absent.empty()) {
    report(Code::ArgumentCount, span, "these fields of " + what + " are not given: " + absent);
    return std::nullopt;
  }
  return ok ? std::optional(std::move(values)) : std::nullopt;
}

// Point(x: 1.0, y: 2.0); running_spectrum(501): its sizes, then the fields that have no default.
Value TaskChecker::record_call(const syntax::CallExpr& call, std::uint32_t declared, const Span& span) {
  const syntax::RecordDecl& decl = *records_[declared].decl;
  std::vector<std::uint32_t> sizes;
  for (std::size_t i = 0; i < decl.sizes.size(); ++i) {
    const bool is_given = i < call.arguments.size() && !call.arguments[i].label;
    if (!is_given) {
      sizes_of(decl, {}, span);  // says how it is written
      return {};
    }
    auto size = size_of(call.arguments[i].value, kMaxElements, "a size is");
    if (!size) return {};
    sizes.push_back(*size);
  }
  const typed::Record* record = record_of(declared, sizes);
  if (!record) return {};
  auto values = labelled(call, "record " + record->name, record->fields, span, sizes.size(), form_of(*record).defaults);
  if (!values) return {};
  Type type = plain(TypeKind::Record);
  type.record = record;
  return Value(make_expr(type, span, typed::RecordLiteral{std::move(*values)}));
}

}  // namespace eyeflow::compiler::check_detail
