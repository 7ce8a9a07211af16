#include "runtime/host/render.h"

#include <fmt/compile.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <iterator>

#include "runtime/connectors/time_text.h"
#include "vm/module/enum_unit.h"

namespace eyeflow::runtime {
namespace {

using vm::Scalar;
using vm::Word;

[[gnu::hot]] void append_real(Buffer& out, double value, Style style) {
  if (!std::isfinite(value) && style == Style::Json) return append(out, "null");
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), value == 0 ? 0.0 : value);  // -0.0 prints as 0
}

template <typename T>
void append_integer(Buffer& out, T value) {
  const fmt::format_int digits(value);
  append(out, {digits.data(), digits.size()});
}

// Decimal digits that tell this f32 from its neighbours, not those of the f64 that holds it.
void append_small_real(Buffer& out, float value, Style style) {
  if (!std::isfinite(value) && style == Style::Json) return append(out, "null");
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), value == 0 ? 0.0f : value);
}

bool is_signed(Scalar type) { return type == Scalar::I64 || type == Scalar::I32; }

double as_real(Scalar type, Word word) {
  switch (type) {
    case Scalar::F64:
      return std::bit_cast<double>(word);
    case Scalar::F32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(word));
    default:
      return is_signed(type) ? static_cast<double>(static_cast<std::int64_t>(word)) : static_cast<double>(word);
  }
}

}  // namespace

[[gnu::hot]] void append(Buffer& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

[[gnu::hot]] void append_json_text(Buffer& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (u < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", u);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

[[gnu::hot]] void append_time(Buffer& out, vm::TimeNs time) { append_time(out, time_point(time)); }

void append_clock(Buffer& out, vm::TimeNs time) {
  const std::time_t seconds = time / 1'000'000'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec,
                 time / 1'000'000 % 1000);
}

namespace {

std::string_view bytes_behind(std::span<const std::byte> bytes, Word size) {
  return {reinterpret_cast<const char*>(bytes.data()) + sizeof size, static_cast<std::size_t>(size)};
}
std::size_t size_of(Word bytes) { return sizeof bytes + (bytes + 7) / 8 * 8; }

[[gnu::hot]] void append_number(Buffer& out, Scalar type, Word word, Style style,
                                const stdlib::Conversion& conversion) {
  if (!stdlib::is_identity(conversion)) {
    append_real(out, stdlib::apply(conversion, as_real(type, word)), style);
  } else if (type == Scalar::Bool) {
    append(out, word != 0 ? "true" : "false");
  } else if (type == Scalar::F64) {
    append_real(out, std::bit_cast<double>(word), style);
  } else if (type == Scalar::F32) {
    append_small_real(out, std::bit_cast<float>(static_cast<std::uint32_t>(word)), style);
  } else if (is_signed(type)) {
    append_integer(out, static_cast<std::int64_t>(word));
  } else {
    append_integer(out, word);
  }
}

}  // namespace

void append_elements(Buffer& out, Scalar type, std::span<const std::byte> elements, Style style,
                     const stdlib::Conversion& conversion) {
  const auto size = static_cast<std::size_t>(vm::size_bytes(type));
  if (type == Scalar::U8) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (style == Style::Payload) return append(out, {reinterpret_cast<const char*>(elements.data()), elements.size()});
    if (style == Style::Json) out.push_back('"');
    for (const std::byte byte : elements) {
      out.push_back(kDigits[std::to_integer<std::size_t>(byte >> 4)]);
      out.push_back(kDigits[std::to_integer<std::size_t>(byte & std::byte{15})]);
    }
    if (style == Style::Json) out.push_back('"');
    return;
  }
  out.push_back('[');
  for (std::size_t at = 0; at + size <= elements.size(); at += size) {
    Word word = 0;
    std::memcpy(&word, elements.data() + at, size);
    if (type == Scalar::I32) word = vm::to_word(static_cast<std::int32_t>(word));
    if (at > 0) out.push_back(',');
    append_number(out, type, word, Style::Json, conversion);
  }
  out.push_back(']');
}

[[gnu::hot]] std::size_t append_value(Buffer& out, const vm::Module& module, const vm::Field& field,
                                      std::span<const std::byte> bytes, Style style,
                                      const stdlib::Conversion& conversion) {
  const auto* type = module.type(field.type);
  Word word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  if (type->kind == vm::TypeKind::Text) {
    const std::string_view text = bytes_behind(bytes, word);
    style == Style::Json ? append_json_text(out, text) : append(out, text);
    return size_of(word);
  }
  if (type->kind != vm::TypeKind::Scalar) {
    append_elements(out, type->element, bytes.subspan(sizeof word, word), style, conversion);
    return size_of(word);
  }
  if (field.unit == "time") {
    if (style == Style::Json) out.push_back('"');
    append_time(out, static_cast<vm::TimeNs>(word));
    if (style == Style::Json) out.push_back('"');
  } else if (vm::is_enum_unit(field.unit)) {
    const std::string_view name = vm::enum_name(field.unit, static_cast<std::int64_t>(word));
    style == Style::Json ? append_json_text(out, name) : append(out, name);
  } else if (field.unit == "duration") {
    append_real(out, static_cast<double>(static_cast<std::int64_t>(word)) / 1e9, style);
  } else {
    append_number(out, type->element, word, style, conversion);
  }
  return sizeof word;
}

std::string schema_of(const vm::Module& module, const vm::Output& log) {
  Buffer out;
  out.push_back('[');
  for (const vm::Field& field : log.fields) {
    append(out, &field == log.fields.data() ? R"({"name":)" : R"(,{"name":)");
    append_json_text(out, field.name);
    append(out, R"(,"type":")");
    const auto* type = module.type(field.type);
    if (type->kind == vm::TypeKind::Text) {
      append(out, R"(text")");
    } else if (field.unit == "time") {
      append(out, R"(time")");
    } else if (field.unit == "duration") {
      append(out, R"(duration","unit":"s")");
    } else if (vm::is_enum_unit(field.unit)) {
      append(out, R"(enum","values":[)");
      vm::for_each_enum_value(field.unit, [&](std::int64_t number, std::string_view name) {
        if (number != 0) out.push_back(',');
        append_json_text(out, name);
        return false;
      });
      out.push_back(']');
    } else {
      const std::string_view element = type->element == Scalar::I64 ? "int" : vm::name(type->element);
      const bool is_array = type->kind != vm::TypeKind::Scalar;
      if (is_array && type->element == Scalar::U8)
        append(out, "bytes");
      else
        fmt::format_to(std::back_inserter(out), fmt::runtime(is_array ? "[{}]" : "{}"), element);
      out.push_back('"');
      if (!field.unit.empty()) {
        append(out, R"(,"unit":)");
        append_json_text(out, field.unit);
      }
    }
    out.push_back('}');
  }
  out.push_back(']');
  return fmt::to_string(out);
}

[[gnu::hot]] void append_row(Buffer& out, const vm::Module& module, std::size_t output,
                             std::span<const std::byte> values) {
  const auto& fields = module.outputs[output].fields;
  out.push_back('{');
  for (const auto& field : fields) {
    if (&field != fields.data()) out.push_back(',');
    append_json_text(out, field.name);
    out.push_back(':');
    values = values.subspan(append_value(out, module, field, values, Style::Json));
  }
  out.push_back('}');
}

std::size_t datum_of(const vm::Module& module, const vm::Field& field, std::span<const std::byte> bytes,
                     const stdlib::Conversion& conversion, Datum& out, Buffer& array) {
  const auto* type = module.type(field.type);
  out.name = field.name;
  Word word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  if (type->kind == vm::TypeKind::Text) {
    out.value = bytes_behind(bytes, word);
    return size_of(word);
  }
  if (type->kind != vm::TypeKind::Scalar) {
    array.clear();
    append_elements(array, type->element, bytes.subspan(sizeof word, word), Style::Plain, conversion);
    out.value = std::string_view(array.data(), array.size());
    return size_of(word);
  }
  if (field.unit == "time") {
    out.value = time_point(static_cast<vm::TimeNs>(word));
  } else if (vm::is_enum_unit(field.unit)) {
    out.value = vm::enum_name(field.unit, static_cast<std::int64_t>(word));
  } else if (field.unit == "duration") {
    out.value = static_cast<double>(static_cast<std::int64_t>(word)) / 1e9;
  } else if (!stdlib::is_identity(conversion)) {
    out.value = stdlib::apply(conversion, as_real(type->element, word));
  } else if (type->element == Scalar::Bool) {
    out.value = word != 0;
  } else if (type->element == Scalar::F64) {
    out.value = std::bit_cast<double>(word);
  } else if (type->element == Scalar::F32) {
    out.value = std::bit_cast<float>(static_cast<std::uint32_t>(word));
  } else if (is_signed(type->element)) {
    out.value = static_cast<std::int64_t>(word);
  } else {
    out.value = static_cast<std::uint64_t>(word);
  }
  return sizeof word;
}

std::string_view priority_name(vm::Priority priority) {
  switch (priority) {
    case vm::Priority::Low:
      return "low";
    case vm::Priority::Medium:
      return "medium";
    case vm::Priority::High:
      return "high";
    case vm::Priority::Critical:
      return "critical";
  }
  return "";
}

}  // namespace eyeflow::runtime
