#include "vm/assembly/text.h"

#include <algorithm>
#include <charconv>

namespace eyeflow::vm::assembly {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <typename T>
std::string shortest(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

template <typename T>
std::optional<Word> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<T>)
    return to_word(canonical(value));
  else
    return to_word(value);
}

std::string hexadecimal(Word word) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, word, 16).ptr;
  return "0x" + std::string(buffer, end);
}

}  // namespace

std::optional<int> find_word(std::span<const std::string_view> words, std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<int>(found - words.begin());
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '.'; });
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    else
      out += c;
  }
  return out + "\"";
}

std::string as_name(std::string_view name) { return is_plain_name(name) ? std::string(name) : quoted(name); }

std::string as_value(Scalar type, Word word) {
  if (!is_canonical(type, word)) return "raw " + hexadecimal(word);
  switch (type) {
    case Scalar::Bool:
      return word != 0 ? "true" : "false";
    case Scalar::F32:
      return shortest(from_word<float>(word));
    case Scalar::F64:
      return shortest(from_word<double>(word));
    case Scalar::I64:
    case Scalar::I32:
      return shortest(from_word<std::int64_t>(word));
    default:
      return shortest(word);
  }
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Word> parse_value(Scalar type, std::string_view text) {
  switch (type) {
    case Scalar::Void:
      return std::nullopt;
    case Scalar::Bool:
      if (text == "true" || text == "1") return 1;
      if (text == "false" || text == "0") return 0;
      return std::nullopt;
    case Scalar::F32:
      return parse_number<float>(text);
    case Scalar::F64:
      return parse_number<double>(text);
    case Scalar::I64:
      return parse_number<std::int64_t>(text);
    case Scalar::I32:
      return parse_number<std::int32_t>(text);
    case Scalar::U8:
      return parse_number<std::uint8_t>(text);
    case Scalar::U16:
      return parse_number<std::uint16_t>(text);
    case Scalar::U32:
      return parse_number<std::uint32_t>(text);
    case Scalar::U64:
      return parse_number<std::uint64_t>(text);
  }
  return std::nullopt;
}

std::string label(const Module& module, const Slot& slot) {
  const auto of = [&](const auto& rows, auto name_of, std::string_view suffix) {
    return slot.subject < rows.size() ? name_of(rows[slot.subject]) + std::string(suffix) : std::string();
  };
  const auto input = [&](std::string_view suffix) {
    return of(module.inputs, [](const Input& i) { return i.value.name; }, suffix);
  };
  const auto alarm = [&](std::string_view suffix) {
    return of(module.alarms, [](const Alarm& a) { return a.name; }, suffix);
  };
  const auto output = [&](std::string_view suffix) {
    return of(module.outputs, [](const Output& o) { return o.name; }, suffix);
  };
  switch (slot.kind) {
    case SlotKind::Plain:
      return slot.name;
    case SlotKind::Now:
      return "now";
    case SlotKind::EventTime:
      return "event.time";
    case SlotKind::InputValue:
      return input("");
    case SlotKind::InputTime:
      return input(".time");
    case SlotKind::InputReady:
      return input(".ready");
    case SlotKind::InputName:
      return input(".name");
    case SlotKind::InputBad:
      return input(".bad");
    case SlotKind::AlarmActive:
      return alarm(".active");
    case SlotKind::AlarmRaised:
      return alarm(".raised");
    case SlotKind::OutputLast:
      return output(".last");
    case SlotKind::AlarmAcknowledged:
      return alarm(".acknowledged");
    case SlotKind::AlarmShelved:
      return alarm(".shelved");
    case SlotKind::WindowValues:
    case SlotKind::WindowStart:
    case SlotKind::WindowEnd:
    case SlotKind::WindowCount:
      return slot.name;
    case SlotKind::OutputCount:
      return output(".count");
  }
  return {};
}

std::uint16_t& field(Instruction& i, int n) { return n == 0 ? i.a : n == 1 ? i.b : i.c; }
std::uint16_t field(const Instruction& i, int n) { return n == 0 ? i.a : n == 1 ? i.b : i.c; }

std::optional<std::size_t> run_length(const Module& module, const Function& function, const Instruction& i, Block block,
                                      IntrinsicTable intrinsics) {
  const Function* callee = i.b < module.functions.size() ? &module.functions[i.b] : nullptr;
  const IntrinsicDesc* intrinsic = i.b < intrinsics.size() ? &intrinsics[i.b] : nullptr;
  switch (block) {
    case Block::None:
      return std::nullopt;
    case Block::Results:
      return function.results.size();
    case Block::CalleeParams:
      if (callee != nullptr) return callee->param_count;
      return std::nullopt;
    case Block::CalleeResults:
      if (callee != nullptr) return callee->results.size();
      return std::nullopt;
    case Block::IntrinsicParams:
      if (intrinsic != nullptr) return intrinsic->param_count;
      return std::nullopt;
    case Block::IntrinsicResult:
      if (intrinsic != nullptr) return intrinsic->result == Scalar::Void ? 0 : 1;
      return std::nullopt;
    case Block::OutputFields:
      if (i.a < module.outputs.size()) return module.outputs[i.a].fields.size();
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> implied(const Module& module, const Function& function, const Instruction& i, Role role) {
  if (role == Role::None) return 0;
  if (role != Role::TypeOfA && role != Role::ElementBytes) return std::nullopt;
  const TypeId id = i.a < function.registers.size() ? function.registers[i.a] : TypeId{0};
  if (role == Role::TypeOfA) return id;
  const Type* type = module.type(id);
  return type == nullptr ? std::uint16_t{0} : static_cast<std::uint16_t>(size_bytes(type->element));
}

}  // namespace eyeflow::vm::assembly
