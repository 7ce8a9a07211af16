#include <algorithm>

#include "compiler/check/checker.h"
#include "stdlib/intrinsics/byte_form.h"

// Bytes, which are an array of u8 with a bound: numbers that stand in them, checksums, hexadecimal digits.
namespace eyeflow::compiler::check_detail {

using typed::ArrayFunction;
using typed::ConvertOp;
using typed::Type;
using typed::TypeKind;

namespace {

// "u16be": a number of a payload, by its type and the order of its bytes.
struct NumberName {
  TypeKind kind;  // what it gives
  stdlib::ByteForm form;
};

std::optional<NumberName> number_name(std::string_view name) {
  struct Row {
    std::string_view name;
    TypeKind kind;
    std::int64_t width;
    bool is_signed;
  };
  static constexpr Row kRows[] = {{"u8", TypeKind::U8, 1, false},   {"i8", TypeKind::I64, 1, true},
                                  {"u16", TypeKind::U16, 2, false}, {"i16", TypeKind::I64, 2, true},
                                  {"u32", TypeKind::U32, 4, false}, {"i32", TypeKind::I64, 4, true},
                                  {"u64", TypeKind::U64, 8, false}, {"i64", TypeKind::I64, 8, true},
                                  {"f32", TypeKind::F32, 4, false}, {"f64", TypeKind::F64, 8, false}};
  for (const Row& row : kRows) {
    if (!name.starts_with(row.name)) continue;
    const std::string_view order = name.substr(row.name.size());
    NumberName out{row.kind, {.width = row.width, .is_signed = row.is_signed}};
    if (row.width == 1) {
      if (order.empty()) return out;
      continue;
    }
    out.form.big_endian = order == "be" || order == "cdab";
    out.form.swaps_halves = order == "cdab" || order == "badc";
    if (order == "be" || order == "le" || (out.form.swaps_halves && row.width == 4)) return out;
  }
  return std::nullopt;
}

const std::vector<std::string>& number_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out{"u8", "i8"};
    for (const char* number : {"u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"})
      for (const char* order : {"be", "le"}) out.push_back(std::string(number) + order);
    for (const char* number : {"u32", "i32", "f32"})
      for (const char* order : {"cdab", "badc"}) out.push_back(std::string(number) + order);
    return out;
  }();
  return names;
}

std::optional<std::vector<std::uint8_t>> bytes_of_hex(std::string_view text) {
  std::vector<std::uint8_t> out;
  int digits = 0;
  std::uint8_t byte = 0;
  for (const char c : text) {
    if (c == ' ' && digits == 0) continue;
    const int value = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (value < 0) return std::nullopt;
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    if (++digits < 2) continue;
    out.push_back(byte);
    digits = 0;
  }
  if (digits != 0) return std::nullopt;
  return out;
}

}  // namespace

bool is_bytes(const Type& type) {
  return typed::is_array(type.kind) && type.element->kind == TypeKind::U8 && !type.element->unit &&
         !typed::is_image(type);
}

// bytes("01 03 00 6b"): known at compile time.
Value TaskChecker::bytes_literal(const syntax::CallExpr& call, const Span& span) {
  if (!count_arguments(call, "bytes", 1, span)) return {};
  Value text = expression(call.arguments[0].value);
  if (!text) return {};
  const typed::Constant* known = as_constant(*text.expr);
  const auto* digits = known ? std::get_if<std::string>(&known->value) : nullptr;
  const auto bytes = digits ? bytes_of_hex(*digits) : std::nullopt;
  if (!bytes || bytes->size() > kMaxTextBytes) {
    report(Code::BadConversion, call.arguments[0].value->span,
           quoted(call.arguments[0].value->span) + " is no text of hexadecimal digits, two a byte",
           "write bytes(\"01 03 00 6b\")");
    return {};
  }
  Type type = plain(TypeKind::BoundedArray, std::max<std::uint32_t>(1, static_cast<std::uint32_t>(bytes->size())));
  type.element = arena_.intern(plain(TypeKind::U8));
  typed::Aggregate elements;
  for (const std::uint8_t byte : *bytes) elements.elements.push_back(make_whole(*type.element, byte));
  return Value(make_constant({type, std::move(elements)}, span));
}

// crc16(bs), crc32(bs), hex(bs), utf8(bs)
Value TaskChecker::bytes_call(const syntax::CallExpr& call, ArrayFunction function, std::string_view name,
                              const Span& span) {
  if (!count_arguments(call, name, 1, span)) return {};
  Value bytes = expression(call.arguments[0].value);
  if (!bytes) return {};
  if (!is_bytes(bytes.type())) {
    report(
        Code::TypeMismatch, bytes.expr->span,
        quoted(bytes.expr->span) + " is " + to_string(bytes.type()) + ", but '" + std::string(name) + "' takes bytes");
    return {};
  }
  const std::uint32_t size = bytes.type().size;
  const Type type =
      function == ArrayFunction::Crc16 ? plain(TypeKind::U16)
      : function == ArrayFunction::Crc32
          ? plain(TypeKind::U32)
          : plain(TypeKind::Text, std::min(kMaxTextBytes, function == ArrayFunction::Hex ? 2 * size : size));
  typed::ArrayCall node{function, {}};
  node.arguments.push_back(std::move(bytes.expr));
  return Value(make_expr(type, span, std::move(node)));
}

// payload.u16be(4): the number that begins with byte 4.
Value TaskChecker::bytes_method(const syntax::CallExpr& call, Value bytes, const syntax::Name& name, const Span& span) {
  const auto number = number_name(name.text);
  if (!number) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    const std::string near = suggestion(name.text, number_names());
    report(Code::UnknownMember, name.span, to_string(bytes.type()) + " has no '" + name.text + "(…)'",
           near.empty() ? "numbers are read by .u16be(0), .i16le(0), .f32be(0) and their like" : near);
    return {};
  }
  if (!count_arguments(call, name.text, 1, span)) return {};
  Value at = expression(call.arguments[0].value);
  if (!at) return {};
  typed::ExprPtr first = position(std::move(at));
  if (!first) return {};
  const Wide size = bytes.type().size, width = number->form.width;
  if (const typed::Constant* c = as_constant(*first); c && (whole(*c) < 0 || whole(*c) + width > size)) {
    report(Code::ConstantIndex, first->span,
           "byte " + to_string(whole(*c)) + " begins no " + name.text + " in " + quoted(bytes.expr->span) +
               ", which has " + to_string(size) + " bytes");
    return {};
  }
  const bool is_float = typed::is_float(number->kind);
  typed::ArrayCall node{is_float ? ArrayFunction::FloatAt : ArrayFunction::WholeAt, {}};
  node.count = static_cast<std::uint32_t>(stdlib::to_number(number->form));
  node.arguments.push_back(std::move(bytes.expr));
  node.arguments.push_back(std::move(first));
  if (is_float) return Value(make_expr(plain(number->kind), span, std::move(node)));
  Value whole_number(make_expr(plain(TypeKind::I64), span, std::move(node)));
  if (number->kind == TypeKind::I64) return whole_number;
  Value out = make_convert(ConvertOp::Wrap, plain(number->kind), std::move(whole_number));
  if (out) out.expr->span = span;
  return out;
}

// frame.push_u16be(x) and frame.set_u16be(4, x). False when it is something else, not yet looked at.
bool TaskChecker::bytes_action(const syntax::CallExpr& call, const syntax::MemberExpr& member, const Span& span,
                               typed::Block& out) {
  const std::string& name = member.member.text;
  const bool pushes = name.starts_with("push_");
  const auto number = pushes || name.starts_with("set_") ? number_name(name.substr(pushes ? 5 : 4)) : std::nullopt;
  if (!number) return false;
  const auto* object = std::get_if<syntax::NameExpr>(&member.object->node);
  if (object && is_module_name(object->name)) return false;
  typed::ExprPtr bytes = writable(*member.object);
  if (bytes && bytes->type.kind == TypeKind::Record) return false;  // one of its functions
  if (!bytes || !is_bytes(bytes->type) || (pushes && bytes->type.kind != TypeKind::BoundedArray)) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    if (bytes)
      report(Code::UnknownMember, member.member.span, to_string(bytes->type) + " has no '" + name + "(…)'",
             "bytes(N) has it");
    return true;
  }
  if (!count_arguments(call, name, pushes ? 1 : 2, span)) return true;
  note_write(*bytes);
  const bool refused = pushes && changes_looped_array(*bytes, span);
  typed::PutNumber node;
  node.form = static_cast<std::uint32_t>(stdlib::to_number(number->form));
  if (!pushes) {
    Value at = expression(call.arguments[0].value);
    if (!at) return true;
    node.at = position(std::move(at));
    if (!node.at) return true;
  }
  const Type type = plain(number->kind);
  node.value = coerce(expression(call.arguments.back().value, &type), type);
  node.bytes = std::move(bytes);
  if (node.value && !refused) add_stmt(out, span, std::move(node));
  return true;
}

}  // namespace eyeflow::compiler::check_detail
