#include "bench/events/by_hand.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace eyeflow::bench {
namespace {

constexpr double kLimit = 80, kDeadband = 2;
constexpr std::int64_t kStaleNs = 30'000'000'000;

struct Sensor {
  std::string name;
  std::int64_t last_ns = kStartNs;
  bool hot = false, silent = false, siren = false;
};

}  // namespace

struct ByHand::State {
  const Workload& workload;
  simdjson::ondemand::parser parser;
  std::vector<Sensor> sensors;
};

ByHand::ByHand(const Workload& workload)
    : state_(new State{.workload = workload, .parser = simdjson::ondemand::parser(), .sensors = {}}) {
  for (const std::string& name : workload.names) state_->sensors.push_back({.name = name});
}
ByHand::~ByHand() = default;

void ByHand::start(Outcome& outcome) {
  for (std::uint32_t n = 0; n < state_->sensors.size(); ++n) outcome.set_siren(n, false);
}

bool ByHand::decode(const Event& event, Reading& reading) {
  const char* json = state_->workload.bytes.data() + event.offset;
  simdjson::ondemand::document document;
  if (state_->parser.iterate(json, event.size, event.size + simdjson::SIMDJSON_PADDING).get(document)) return false;
  std::int64_t time_ms;
  if (document["temp"].get(reading.temp) || document["ts"].get(time_ms) || !std::isfinite(reading.temp)) return false;
  reading.time_ns = std::min(time_ms * 1'000'000, event.now_ns);
  return true;
}

void ByHand::decide(std::uint32_t index, const Reading& reading, std::int64_t now_ns, Outcome& outcome) {
  Sensor& sensor = state_->sensors[index];
  sensor.last_ns = reading.time_ns;
  if (!sensor.hot && reading.temp > kLimit) {
    sensor.hot = true;
    char text[96];
    char* end = std::copy(sensor.name.begin(), sensor.name.end(), text);
    end = std::copy_n(" is ", 4, end);
    end = std::to_chars(end, end + 40, reading.temp, std::chars_format::fixed, 1).ptr;
    end = std::copy_n(" °C", std::strlen(" °C"), end);
    outcome.raise(index, {text, static_cast<std::size_t>(end - text)});
  } else if (sensor.hot && reading.temp < kLimit - kDeadband) {
    sensor.hot = false;
    outcome.clear(index);
  }
  const bool silent = now_ns - sensor.last_ns >= kStaleNs;
  if (silent != sensor.silent) {
    sensor.silent = silent;
    if (silent)
      outcome.raise(index, sensor.name + " is silent");
    else
      outcome.clear(index);
  }
  outcome.row(index, std::bit_cast<std::uint64_t>(reading.temp), reading.time_ns);
  if (const bool on = sensor.hot || sensor.silent; on != sensor.siren) {
    sensor.siren = on;
    outcome.set_siren(index, on);
  }
}

void ByHand::on_event(const Event& event, Outcome& outcome) {
  Reading reading;
  if (decode(event, reading))
    decide(event.sensor, reading, event.now_ns, outcome);
  else
    ++outcome.bad;
}

}  // namespace eyeflow::bench
