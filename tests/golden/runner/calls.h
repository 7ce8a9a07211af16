#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/base/result.h"

namespace eyeflow::golden {

// A line of a `calls` section, without what stands behind the arrow:
//   name(1, 2.5) with input.t1 = 3.0, fuel = 100 -> …
struct CallLine {
  std::string given;  // the text before the arrow, as it stands
  std::string function;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> settings;  // slot → value
  std::optional<std::uint64_t> fuel;
};

// Nothing for a line that calls nothing: empty ones and those that begin with `//`.
Result<std::optional<CallLine>> read_call(std::string_view line);

}  // namespace eyeflow::golden
