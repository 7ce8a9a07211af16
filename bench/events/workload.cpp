#include "bench/events/workload.h"

#include <charconv>
#include <cmath>

namespace eyeflow::bench {

Workload make_workload() {
  constexpr int kEvents = 20'000;
  Workload workload;
  for (int n = 0; n < kSensors; ++n) workload.names.push_back("T" + std::to_string(n + 1));
  std::uint64_t random = 7;
  for (int n = 0; n < kEvents; ++n) {
    const auto sensor = static_cast<std::uint32_t>(n % kSensors);
    const std::int64_t now = kStartNs + (n + 1) * kStepNs;
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    const double noise = static_cast<double>(random >> 40) / 0x1p24 - 0.5;
    const double seconds = n * 1e-3;
    const double temp = 75 + 6.5 * std::sin(0.35 * seconds + sensor * 0.7) + 0.6 * noise;

    char number[32];
    const char* const end = std::to_chars(number, number + sizeof number, temp, std::chars_format::fixed, 2).ptr;
    std::string payload = "{\"temp\":";
    payload.append(std::string_view(number, end))
        .append(",\"ts\":")
        .append(std::to_string(now / 1'000'000))
        .append("}");
    workload.events.push_back({.sensor = sensor,
                               .offset = static_cast<std::uint32_t>(workload.bytes.size()),
                               .size = static_cast<std::uint32_t>(payload.size()),
                               .now_ns = now});
    workload.bytes += payload;
    workload.bytes.append(64, '\0');
  }
  return workload;
}

}  // namespace eyeflow::bench
