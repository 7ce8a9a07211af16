#include <algorithm>

#include "compiler/check/checker.h"
#include "compiler/diagnostics/foreign_words.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

Type TaskChecker::number(TypeKind kind, const stdlib::Unit& unit) {
  Type type = plain(kind);
  type.unit = arena_.intern_unit({unit});
  return type;
}

Result<stdlib::Unit> TaskChecker::find_unit(std::string_view text) {
  bool is_wrong = false;
  auto found = stdlib::parse_unit(text, [&](std::string_view name) -> std::optional<stdlib::Unit> {
    Symbol* symbol = find_symbol(name);
    if (!symbol || symbol->kind != SymbolKind::Unit) return std::nullopt;
    symbol->used = true;
    const stdlib::Unit* unit = own_unit(symbol->index);
    is_wrong = unit == nullptr;
    return unit ? std::optional(*unit) : std::nullopt;
  });
  if (is_wrong) return fail("");
  return found;
}

// unit furlong = 201.168 m
const stdlib::Unit* TaskChecker::own_unit(std::uint32_t index) {
  UnitEntry& entry = units_[index];
  const syntax::UnitDecl& decl = *entry.decl;
  const auto result = [&] { return entry.unit ? &*entry.unit : nullptr; };
  if (entry.progress == UnitEntry::Busy)
    report(Code::NotConstant, decl.name.span, "'" + decl.name.text + "' is defined by itself");
  if (entry.progress != UnitEntry::Waiting) return result();
  entry.progress = UnitEntry::Busy;
  if (stdlib::parse_unit(decl.name.text)) {
    report(Code::ReservedName, decl.name.span, "'" + decl.name.text + "' is a unit already", "take another name");
  }
  const auto* number = decl.value ? std::get_if<syntax::NumberExpr>(&decl.value->node) : nullptr;
  if (!number || !number->unit || number->text.starts_with("0x") || number->text.starts_with("0b")) {
    if (decl.value && !std::holds_alternative<syntax::ErrorExpr>(decl.value->node))
      report(Code::UnitNeeded, decl.value->span, "a unit is a number of another unit, not " + quoted(decl.value->span),
             "write unit " + decl.name.text + " = 201.168 m");
  } else {
    at_home(entry.home, {}, [&] {
      bool ok = true;
      const typed::UnitInfo* of = unit(*number->unit, ok);
      if (!ok) return;
      auto made = stdlib::define_unit(decl.name.text, number->text, of ? of->unit : typed::plain_unit());
      if (made)
        entry.unit = std::move(*made);
      else
        report(Code::UnknownUnit, decl.value->span, made.error().message);
    });
  }
  entry.progress = UnitEntry::Done;
  return result();
}

void TaskChecker::check_border(const Type& type, const Span& span) {
  const Type& value = type.kind == TypeKind::Optional ? *type.element : type;
  const Type& number = typed::is_array(value.kind) ? *value.element : value;
  if (!number.unit) return;
  const auto known = stdlib::parse_unit(number.unit->unit.text);
  if (known && stdlib::same_unit(*known, number.unit->unit)) return;
  report(Code::InputType, span,
         "'" + typed::unit_text(number) +
             "' is a unit of the author's own, which no device and no "
             "database knows",
         "declare it in a common unit; values convert by themselves");
}

const typed::UnitInfo* TaskChecker::unit(const syntax::UnitText& written, bool& ok) {
  auto parsed = find_unit(written.text);
  if (!parsed) {
    ok = false;
    if (parsed.error().message.empty()) return nullptr;
    report_unit(written.text, written.span, parsed.error().message);
    return nullptr;
  }
  return arena_.intern_unit({std::move(*parsed)});
}

// "'kpa' is not a unit; did you mean 'kPa'?": what stands behind the ';' is the hint.
void TaskChecker::report_unit(std::string_view text, const Span& span, std::string message) {
  std::string hint;
  if (auto end = message.find("; "); end != std::string::npos) {
    hint = message.substr(end + 2);
    message.resize(end);
  }
  if (auto own = suggestion(text, names_of(SymbolKind::Unit)); !own.empty()) hint = own;
  for (const std::string_view suffix : {"f", "u", "U", "UL", "ul", "LL", "ll"})
    if (text == suffix) hint = "a number has no suffix: leave it out, or write f32(…), u32(…)";
  // `n = n + 1 r`: what stands behind a number on its line is its unit.
  if (find_local(text) || find_own_symbol(text))
    hint = "it is a name here: write '* " + std::string(text) + "', or ';' in front of another statement";
  report(Code::UnknownUnit, span, std::move(message), std::move(hint));
}

Type TaskChecker::unit_type(TypeKind kind, const syntax::UnitText& written) {
  bool ok = true;
  const typed::UnitInfo* info = unit(written, ok);
  Type type = plain(ok ? kind : TypeKind::Error);
  type.unit = info;
  return type;
}

std::optional<std::uint32_t> TaskChecker::size_of(const syntax::ExprPtr& expr, std::uint32_t max, const char* what) {
  auto c = constant(expr, plain(TypeKind::I64));
  if (!c) return std::nullopt;
  Wide value = whole(*c);
  if (value >= 1 && value <= Wide(max)) return static_cast<std::uint32_t>(value);
  report(Code::BadSize, expr->span, std::string(what) + " 1 to " + std::to_string(max) + ", not " + to_string(value));
  return std::nullopt;
}

Type TaskChecker::resolve(const syntax::TypePtr& type) {
  Type error;
  if (!type) return error;
  if (const auto* n = std::get_if<syntax::NamedType>(&type->node)) return resolve_named(*n, type->span);
  if (const auto* n = std::get_if<syntax::UnitType>(&type->node)) return unit_type(TypeKind::F64, n->unit);
  if (const auto* n = std::get_if<syntax::ArrayType>(&type->node)) return resolve_array(*n, type->span);
  if (const auto* n = std::get_if<syntax::OptionalType>(&type->node)) {
    Type element = resolve(n->element);
    if (element.kind == TypeKind::Error) return error;
    Type optional = plain(TypeKind::Optional);
    optional.element = arena_.intern(element);
    return optional;
  }
  report(Code::UnknownType, type->span, "only what a model answers is a record without a name",
         "declare record NAME { … } and write its name");
  return error;
}

// What an array of these takes; counted generously.
std::uint64_t bytes_of(const Type& type) {
  if (type.kind == TypeKind::Text) return 8 + type.size;
  if (type.kind == TypeKind::Record) {
    std::uint64_t sum = 0;
    for (const typed::Field& field : type.record->fields) sum += bytes_of(field.type);
    return sum;
  }
  if (type.kind == TypeKind::Optional) return 8 + bytes_of(*type.element);
  if (typed::is_array(type.kind)) return 8 + type.size * bytes_of(*type.element);
  switch (type.kind) {
    case TypeKind::Bool:
    case TypeKind::U8:
      return 1;
    case TypeKind::U16:
      return 2;
    case TypeKind::I32:
    case TypeKind::U32:
    case TypeKind::F32:
      return 4;
    default:
      return 8;
  }
}

bool TaskChecker::check_size(const Type& array, const Span& span) {
  const std::uint64_t bytes = bytes_of(array);
  if (bytes <= kMaxArrayBytes) return true;
  report(Code::BadSize, span,
         to_string(array) + " takes " + std::to_string(bytes >> 20) + " MiB, more than a task's memory of " +
             std::to_string(kMaxArrayBytes >> 20) + " MiB",
         "take fewer or shorter elements");
  return false;
}

Type TaskChecker::resolve_array(const syntax::ArrayType& array, const Span& span) {
  Type element = resolve(array.element);
  auto size = size_of(array.size, kMaxElements, "an array holds");
  Type type;
  if (element.kind == TypeKind::Error || !size) return type;
  type = plain(array.bounded ? TypeKind::BoundedArray : TypeKind::FixedArray, *size);
  type.element = arena_.intern(element);
  return check_size(type, span) ? type : Type{};
}

// The sizes behind a record's name: as many as it declares.
std::optional<std::vector<std::uint32_t>> TaskChecker::sizes_of(const syntax::RecordDecl& decl,
                                                                const std::vector<syntax::ExprPtr>& arguments,
                                                                const Span& span) {
  if (arguments.size() != decl.sizes.size()) {
    std::string names;
    for (const syntax::Name& name : decl.sizes) names += (names.empty() ? "" : ", ") + name.text;
    report(Code::ArgumentCount, span,
           "'" + decl.name.text + "' takes " + std::to_string(decl.sizes.size()) +
               (decl.sizes.size() == 1 ? " size" : " sizes") + ", not " + std::to_string(arguments.size()),
           names.empty() ? "write " + decl.name.text : "write " + decl.name.text + "(" + names + ")");
    return std::nullopt;
  }
  std::vector<std::uint32_t> sizes;
  for (const syntax::ExprPtr& argument : arguments) {
    auto size = size_of(argument, kMaxElements, "a size is");
    if (!size) return std::nullopt;
    sizes.push_back(*size);
  }
  return sizes;
}

Type TaskChecker::resolve_named(const syntax::NamedType& named, const Span& span) {
  const std::string& name = named.name.text;
  Type error;
  if (name.empty()) return error;
  if (name == "image") return resolve_image(named, span);
  if (name == "bytes") {  // another word for [u8; <=N]
    if (named.arguments.size() != 1) {
      report(Code::UnknownType, span, "bytes say how many there are at most", "write bytes(64)");
      return error;
    }
    const auto size = size_of(named.arguments[0], kMaxElements, "bytes are");
    Type type = plain(TypeKind::BoundedArray, size.value_or(1));
    type.element = arena_.intern(plain(TypeKind::U8));
    return size ? type : error;
  }
  if (name == "text") {
    if (named.arguments.size() != 1) {
      report(Code::UnknownType, span, "a text says how many bytes it holds at most", "write text(40)");
      return error;
    }
    auto size = size_of(named.arguments[0], kMaxTextBytes, "a text holds");
    return size ? plain(TypeKind::Text, *size) : error;
  }
  auto kind = scalar_type(name);
  if (kind && named.arguments.empty()) {
    if (!named.unit) return plain(*kind);
    if (typed::is_number(*kind)) return unit_type(*kind, *named.unit);
    report(Code::UnknownType, span, name + " has no unit", "leave it out");
    return error;
  }
  Symbol* symbol = nullptr;
  if (!named.module.text.empty()) {
    if (is_module_name(named.module.text))
      symbol = find_in_module(named.module.text, named.name);
    else
      report(Code::UnknownModule, named.module.span, "no module '" + named.module.text + "' is used here",
             "add use PATH." + named.module.text);
    if (!symbol) return error;
  } else {
    symbol = find_symbol(name, &named.name.span);
  }
  if (symbol) {
    if (symbol->kind == SymbolKind::Unavailable) return error;
    if (symbol->kind == SymbolKind::Unit && !named.unit && named.arguments.empty())
      return unit_type(TypeKind::F64, {name, named.name.span});
    if (symbol->kind == SymbolKind::Enum && !named.unit && named.arguments.empty()) {
      symbol->used = true;
      Type type = plain(TypeKind::Enum);
      type.enumeration = enums_[symbol->index].enumeration;
      return type;
    }
    if (symbol->kind == SymbolKind::Record && !named.unit) {
      symbol->used = true;
      Type type = plain(TypeKind::Record);
      auto sizes = sizes_of(*records_[symbol->index].decl, named.arguments, span);
      if (sizes) type.record = record_of(symbol->index, *sizes);
      return type.record ? type : error;
    }
  }
  if (!named.arguments.empty()) {
    if (!lacks_module_) {
      bool sized = kind.has_value();
      if (sized)
        report(Code::UnknownType, span, name + " has no size", "write " + name);
      else if (std::string_view type = instead_of_foreign_type(name); !type.empty())
        report(Code::UnknownType, named.name.span, "there is no type or unit '" + name + "'",
               "write " + std::string(type));
      else
        report(Code::UnknownType, named.name.span, "there is no type '" + name + "'",
               suggestion(name, names_of(SymbolKind::Record)));
    }
    return error;
  }
  if (!named.unit && find_unit(name)) return unit_type(TypeKind::F64, {name, named.name.span});
  if (lacks_module_) return error;
  std::vector<std::string> candidates{"bool", "int", "i32",  "u8",    "u16",   "u32",  "u64",
                                      "f32",  "f64", "text", "bytes", "image", "time", "duration"};
  for (SymbolKind kind : {SymbolKind::Record, SymbolKind::Enum, SymbolKind::Unit})
    for (std::string& n : names_of(kind)) candidates.push_back(std::move(n));
  std::string hint = suggestion(name, candidates);
  if (std::string_view type = instead_of_foreign_type(name); !type.empty()) hint = "write " + std::string(type);
  if (hint.empty()) hint = instead_of_foreign_word(name);
  if (auto near = hint.empty() ? stdlib::suggest_unit(name) : std::nullopt)
    hint = "did you mean the unit '" + *near + "'?";
  report(Code::UnknownType, named.name.span, "there is no type or unit '" + name + "'", hint);
  return error;
}

}  // namespace eyeflow::compiler::check_detail
