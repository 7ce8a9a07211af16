#include "runtime/host/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <chrono>
#include <memory>
#include <utility>

namespace eyeflow::runtime {

std::shared_ptr<spdlog::logger> log() {
  static const auto logger = [] {
    if (auto registered = spdlog::get("eyeflow")) return registered;
    auto made = spdlog::stderr_color_mt("eyeflow");
    // It takes the first second of 1970, at which a device without a battery starts, for one that it knows already, and
    // would print 1900: so it is shown another one first.
    auto formatter = std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    spdlog::memory_buf_t unused;
    formatter->format({spdlog::log_clock::time_point(std::chrono::hours(1)), {}, "", spdlog::level::info, ""}, unused);
    made->set_formatter(std::move(formatter));
    return made;
  }();
  return logger;
}

std::string and_more(std::uint64_t count) { return count == 0 ? "" : fmt::format(" (and {} more)", count); }

}  // namespace eyeflow::runtime
