#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace eyeflow::runtime {

struct Percentiles {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50{}, p99{}, p999{}, worst{};
};

// Durations in buckets whose width grows with them, as HdrHistogram's: 32 per octave, so that a percentile is at most
// 3.2 % above the truth; the worst is exact. Any thread may record, without waiting.
class Histogram {
 public:
  void record(std::chrono::nanoseconds duration, std::uint32_t times = 1);
  Percentiles percentiles() const;

 private:
  static constexpr int kSubBits = 5;
  static constexpr int kOctaves = 42;  // up to 2^41 ns, more than half an hour; what is longer counts there
  static constexpr std::size_t kBuckets = (kOctaves - kSubBits + 1) << kSubBits;

  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::atomic<std::uint32_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> worst_ns_ = 0;
};

}  // namespace eyeflow::runtime
