#pragma once

#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace eyeflow::runtime {

// The daemon's log: spdlog's logger named "eyeflow" if the program registered one, else lines on stderr.
std::shared_ptr<spdlog::logger> log();

// Lets one of a kind through every ten seconds and counts the others. Any thread.
class RateLimit {
 public:
  // How many were held back since the last one that was let through; nothing: hold this one back too.
  std::optional<std::uint64_t> pass() {
    using namespace std::chrono;
    const std::int64_t now = steady_clock::now().time_since_epoch() / 1ns;
    auto next = next_.load(std::memory_order_relaxed);
    if (now < next || !next_.compare_exchange_strong(next, now + std::int64_t{10'000'000'000})) {
      held_back_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    return held_back_.exchange(0, std::memory_order_relaxed);
  }

  // How many were held back and have no line to come with: nothing of the kind has come for ten seconds, or `all` is
  // asked for, because it is over.
  std::uint64_t take_held_back(bool all) {
    if (held_back_.load(std::memory_order_relaxed) == 0) return 0;
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    if (!all && now < next_.load(std::memory_order_relaxed)) return 0;
    next_.store(now + std::int64_t{10'000'000'000}, std::memory_order_relaxed);
    return held_back_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> next_ = 0;
  std::atomic<std::uint64_t> held_back_ = 0;
};

// " (and 12 more)", or nothing.
std::string and_more(std::uint64_t count);

}  // namespace eyeflow::runtime
