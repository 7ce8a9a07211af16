#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

namespace eyeflow::eyeflowc {

// A line `time_ms,input,value` of a recording. A line without input lets the time pass.
struct Reading {
  std::int64_t time_ns = 0;
  std::string input, value;
  std::size_t line = 0;
};

// RFC 4180, with the times in order. The header line may be left out, empty lines and lines beginning with # are
// skipped. The error names the line.
Result<std::vector<Reading>> read_recording(std::string_view text, const std::string& path);

// Milliseconds with as many digits behind the point as it takes: "1500", "0.25".
std::string milliseconds(std::int64_t time_ns);
// In quotes where the value holds a comma, a quote or a line break.
std::string csv_field(std::string_view value);

}  // namespace eyeflow::eyeflowc
