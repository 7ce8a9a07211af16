#include "runtime/host/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace eyeflow::runtime {

std::shared_ptr<spdlog::logger> log() {
  static const auto logger = [] {
    if (auto registered = spdlog::get("eyeflow")) return registered;
    auto made = spdlog::stderr_color_mt("eyeflow");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    return made;
  }();
  return logger;
}

std::string and_more(std::uint64_t count) { return count == 0 ? "" : fmt::format(" (and {} more)", count); }

}  // namespace eyeflow::runtime
