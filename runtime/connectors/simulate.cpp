#include "runtime/connectors/simulate.h"

#include <algorithm>
#include <cmath>

namespace eyeflow::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// splitmix64 (Steele, Lea, Flood 2014): a good hash of a counter.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// The sum of twelve uniform numbers less six: mean 0, deviation 1, never beyond 6, and no libm.
double nearly_normal(std::uint64_t key) {
  double sum = -6;
  for (std::uint64_t i = 0; i < 12; ++i) sum += unit_interval(mix(key + i));
  return sum;
}

// -1 … 1 … -1 over a phase of 0 … 1.
double triangle(double phase) { return 4 * std::fabs(phase - std::floor(phase) - 0.5) - 1; }

}  // namespace

double simulated_value(const Signal& s, std::uint32_t number, std::uint64_t sample) {
  const std::uint64_t key = mix(s.seed ^ mix(number));
  const double t = static_cast<double>(s.period.count()) * static_cast<double>(sample);
  double value = s.base;
  if (s.drift != 0) {
    const double wave_ns = 45e9 + 30e9 * unit_interval(mix(key ^ 1));
    value += s.drift * triangle(t / wave_ns + unit_interval(mix(key ^ 2)));
  }
  if (s.has_excursion) {
    const auto every = static_cast<double>(s.excursion_every.count());
    const double turns = t / every + unit_interval(mix(key ^ 3));
    const double in_cycle = (turns - std::floor(turns)) * every / static_cast<double>(s.excursion_for.count());
    // Up within the first tenth, down within the last: what a thermometer in a real place would show.
    if (in_cycle < 1) value += (s.excursion - value) * std::min({1.0, in_cycle * 10, (1 - in_cycle) * 10});
  }
  if (s.noise != 0) value += s.noise * nearly_normal(mix(key ^ 4) + 16 * sample);
  return value;
}

void SimulateSource::start(Receiver& receiver) {
  thread_ = std::thread([this, &receiver] { run(receiver); });
}

void SimulateSource::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SimulateSource::run(Receiver& receiver) {
  struct Due {
    Clock::time_point at;
    std::uint64_t sample;
    std::size_t index;
  };
  const auto later = [](const Due& a, const Due& b) { return a.at > b.at; };
  const auto begin = Clock::now();
  std::vector<Due> heap;
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    const auto phase = static_cast<double>(i) / static_cast<double>(sensors_.size());
    const auto offset = static_cast<std::int64_t>(phase * static_cast<double>(sensors_[i].signal.period.count()));
    heap.push_back({begin + std::chrono::nanoseconds(offset), 0, i});
  }
  std::ranges::make_heap(heap, later);
  std::unique_lock lock(mutex_);
  while (!stopping_ && !heap.empty()) {
    if (wake_.wait_until(lock, heap.front().at, [this] { return stopping_; })) break;
    lock.unlock();
    std::ranges::pop_heap(heap, later);
    Due& due = heap.back();
    const auto& sensor = sensors_[due.index];
    receiver.on_arrival({.sensor = sensor.sensor,
                         .form = Arrival::Form::Number,
                         .number = simulated_value(sensor.signal, sensor.number, due.sample)});
    ++due.sample;
    due.at += sensor.signal.period;
    // A machine that was asleep does not make up for the night with a burst.
    const auto now = Clock::now();
    if (now - due.at > std::chrono::seconds(5)) {
      const auto missed = static_cast<std::uint64_t>((now - due.at) / sensor.signal.period);
      due.sample += missed;
      due.at += missed * sensor.signal.period;
    }
    std::ranges::push_heap(heap, later);
    lock.lock();
  }
}

}  // namespace eyeflow::runtime
