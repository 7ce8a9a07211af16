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

const typed::UnitInfo* TaskChecker::unit(const syntax::UnitText& written, bool& ok) {
  auto parsed = stdlib::parse_unit(written.text);
  if (!parsed) {
    ok = false;
    // "'kpa' is not a unit; did you mean 'kPa'?": what stands behind the ';' is the hint.
    std::string message = parsed.error().message, hint;
    if (auto end = message.find("; "); end != std::string::npos) {
      hint = message.substr(end + 2);
      message.resize(end);
    }
    report(Code::UnknownUnit, written.span, message, hint);
    return nullptr;
  }
  return arena_.intern_unit({std::move(*parsed)});
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
  const char* construct =
      std::get_if<syntax::OptionalType>(&type->node) ? "a type that may be missing ('T?')" : "a record without a name";
  unavailable(construct, type->span);
  return error;
}

Type TaskChecker::resolve_array(const syntax::ArrayType& array, const Span& span) {
  Type element = resolve(array.element);
  auto size = size_of(array.size, kMaxElements, "an array holds");
  Type type;
  if (element.kind == TypeKind::Error || !size) return type;
  if (!typed::is_scalar(element.kind)) {
    unavailable("an array of texts, records or arrays", span);
    return type;
  }
  type = plain(array.bounded ? TypeKind::BoundedArray : TypeKind::FixedArray, *size);
  type.element = arena_.intern(element);
  return type;
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
  if (name == "image" || name == "bytes") {
    unavailable(name == "image" ? "the type 'image'" : "the type 'bytes'", span);
    return error;
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
  if (!named.unit && stdlib::parse_unit(name)) return unit_type(TypeKind::F64, {name, named.name.span});
  if (lacks_module_) return error;
  std::vector<std::string> candidates{"bool", "int", "i32", "u8",   "u16",  "u32",
                                      "u64",  "f32", "f64", "text", "time", "duration"};
  for (SymbolKind kind : {SymbolKind::Record, SymbolKind::Enum})
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
