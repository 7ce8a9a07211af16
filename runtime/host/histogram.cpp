#include "runtime/host/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace eyeflow::runtime {

// Below 2^kSubBits each ns has its bucket; above, the octave and the next kSubBits bits name it.
std::size_t Histogram::bucket_of(std::uint64_t ns) {
  if (ns < (1u << kSubBits)) return ns;
  const int octave = std::bit_width(ns) - 1;
  const auto sub = (ns >> (octave - kSubBits)) & ((1u << kSubBits) - 1);
  return std::min<std::size_t>((static_cast<std::size_t>(octave - kSubBits + 1) << kSubBits) + sub, kBuckets - 1);
}

std::uint64_t Histogram::upper_end(std::size_t bucket) {
  if (bucket < (1u << kSubBits)) return bucket;
  const auto octave = (bucket >> kSubBits) + kSubBits - 1;
  const std::uint64_t sub = bucket & ((1u << kSubBits) - 1);
  const std::uint64_t width = std::uint64_t{1} << (octave - kSubBits);
  return (std::uint64_t{1} << octave) + (sub + 1) * width - 1;
}

[[gnu::hot]] void Histogram::record(std::chrono::nanoseconds duration, std::uint32_t times) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
  buckets_[bucket_of(ns)].fetch_add(times, std::memory_order_relaxed);
  auto worst = worst_ns_.load(std::memory_order_relaxed);
  while (ns > worst && !worst_ns_.compare_exchange_weak(worst, ns, std::memory_order_relaxed)) {
  }
}

Percentiles Histogram::percentiles() const {
  std::array<std::uint32_t, kBuckets> counts;
  Percentiles p;
  for (std::size_t i = 0; i < kBuckets; ++i) p.count += counts[i] = buckets_[i].load(std::memory_order_relaxed);
  p.worst = std::chrono::nanoseconds(worst_ns_.load(std::memory_order_relaxed));
  const auto at = [&](double share) {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(p.count)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets && p.count > 0; ++i) {
      seen += counts[i];
      if (seen >= wanted) return std::min(std::chrono::nanoseconds(upper_end(i)), p.worst);
    }
    return p.worst;
  };
  p.p50 = at(0.5);
  p.p99 = at(0.99);
  p.p999 = at(0.999);
  return p;
}

}  // namespace eyeflow::runtime
