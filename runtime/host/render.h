#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "runtime/connectors/connector.h"
#include "stdlib/units/units.h"
#include "vm/module/module.h"

// Values as text and JSON, appended to a buffer that its thread keeps.
namespace eyeflow::runtime {

using Buffer = fmt::memory_buffer;

void append(Buffer& out, std::string_view text);
void append_json_text(Buffer& out, std::string_view text);  // with its quotes
void append_time(Buffer& out, vm::TimeNs time);             // 2026-01-31T06:00:00.123Z
void append_clock(Buffer& out, vm::TimeNs time);            // 06:00:00.123, local time

enum class Style {
  Plain,
  Payload,  // plain, but bytes are as they are
  Json,
};

// One value as OutputBuffer lays it out: a word, or a length and its bytes. Times are RFC 3339, durations seconds.
// NaN and infinities, which JSON does not have, are null there. Bytes (arrays of u8) are hexadecimal digits, other
// arrays lists: [1.5,2]. Returns the bytes that it took.
std::size_t append_value(Buffer& out, const vm::Module& module, const vm::Field& field,
                         std::span<const std::byte> bytes, Style style, const stdlib::Conversion& conversion = {});

void append_elements(Buffer& out, vm::Scalar type, std::span<const std::byte> elements, Style style,
                     const stdlib::Conversion& conversion = {});

// A row of a log as JSON, {"temp":71.5,"at":"2026-01-31T06:00:00.123Z"}: the values of all fields of `output`.
void append_row(Buffer& out, const vm::Module& module, std::size_t output, std::span<const std::byte> values);

// The same value for a sink that takes records; a text is a view of `bytes`, an array is a text in `array`.
std::size_t datum_of(const vm::Module& module, const vm::Field& field, std::span<const std::byte> bytes,
                     const stdlib::Conversion& conversion, Datum& out, Buffer& array);

// What the fields of a log's rows are: a JSON array, as docs/sync.md has it.
std::string schema_of(const vm::Module& module, const vm::Output& log);

inline std::chrono::sys_time<std::chrono::nanoseconds> time_point(vm::TimeNs time) {
  return std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(time));
}

std::string_view priority_name(vm::Priority priority);

}  // namespace eyeflow::runtime
