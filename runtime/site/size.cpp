#include "runtime/site/size.h"

#include "runtime/site/scaled.h"

namespace eyeflow::runtime {

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"B", 1},          {"kB", 1e3},          {"MB", 1e6},
      {"GB", 1e9},       {"TB", 1e12},         {"KiB", 1024},
      {"MiB", 1048576.}, {"GiB", 1073741824.}, {"TiB", 1099511627776.}};
  const auto bytes = scaled(text, kUnits, 1e18);
  return bytes ? std::optional(static_cast<std::uint64_t>(*bytes)) : std::nullopt;
}

}  // namespace eyeflow::runtime
