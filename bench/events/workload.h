#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What both loops are given, and where both put what they decide: the same payloads in, the same effects out, or the
// comparison means nothing.
namespace eyeflow::bench {

inline constexpr int kSensors = 100;
inline constexpr std::int64_t kStartNs = 1'714'566'896'000'000'000;  // 2024-05-01
inline constexpr std::int64_t kStepNs = 1'000'000;                   // 100 sensors at 10 Hz

struct Event {
  std::uint32_t sensor;
  std::uint32_t offset, size;  // in Workload::bytes
  std::int64_t now_ns;
};

// 20 s of readings such as {"temp":79.43,"ts":1714566896789}, about one in two hundred crossing a limit. Behind each
// payload there are 64 bytes that may be read: simdjson asks for that, and the hand-written loop parses in place.
struct Workload {
  std::string bytes;
  std::vector<Event> events;
  std::vector<std::string> names;  // of the sensors

  std::string_view payload(const Event& event) const { return {bytes.data() + event.offset, event.size}; }
};
Workload make_workload();

// Effects of a run, counted and hashed without regard to their order within an event.
struct Outcome {
  std::uint64_t rows = 0, raised = 0, cleared = 0, switched = 0, bad = 0, hash = 0;

  void row(std::uint32_t sensor, std::uint64_t temp_bits, std::int64_t at_ns) {
    ++rows;
    mix(sensor, temp_bits ^ static_cast<std::uint64_t>(at_ns));
  }
  void raise(std::uint32_t sensor, std::string_view text) {
    ++raised;
    std::uint64_t h = text.size();
    for (const char c : text) h = h * 31 + static_cast<unsigned char>(c);
    mix(sensor, h);
  }
  void clear(std::uint32_t sensor) {
    ++cleared;
    mix(sensor, 1);
  }
  void set_siren(std::uint32_t sensor, bool on) {
    ++switched;
    mix(sensor, on ? 2 : 3);
  }
  friend bool operator==(const Outcome&, const Outcome&) = default;

 private:
  void mix(std::uint32_t sensor, std::uint64_t value) { hash += (value + sensor) * 0x9e3779b97f4a7c15ull; }
};

}  // namespace eyeflow::bench
