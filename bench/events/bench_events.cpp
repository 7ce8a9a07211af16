// Events per second of one core: JSON bytes in, decoded, decided, alarm out, by examples/monitor_t1.eft and by the same
// loop written by hand in C++. Groups: the whole way, decoding alone, deciding alone; a variant for each tier.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "bench/events/by_hand.h"
#include "bench/events/by_task.h"
#include "bench/events/task.h"
#include "tests/golden/runner/tiers.h"

namespace eyeflow::bench {
namespace {

const Workload& workload() {
  static const Workload made = make_workload();
  return made;
}
const vm::Program& program(const vm::Tier& tier) {
  static std::map<std::string_view, std::unique_ptr<const vm::Program>> made;
  std::unique_ptr<const vm::Program>& program = made[tier.name];
  if (!program) program = load_task(tier);
  return *program;
}

std::unique_ptr<ByHand> make_by_hand() { return std::make_unique<ByHand>(workload()); }
std::unique_ptr<ByTask> make_by_task(const vm::Tier& tier) {
  return std::make_unique<ByTask>(workload(), program(tier));
}

template <typename Loop>
Outcome pass(Loop& loop) {
  Outcome outcome;
  loop.start(outcome);
  for (const Event& event : workload().events) loop.on_event(event, outcome);
  return outcome;
}

void count_events(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(workload().events.size()));
}

// A turn is all events once, with fresh sensors, whose making is not counted.
template <typename Make>
void whole(benchmark::State& state, Make make) {
  for (auto _ : state) {
    state.PauseTiming();
    auto loop = make();
    state.ResumeTiming();
    Outcome outcome = pass(*loop);
    benchmark::DoNotOptimize(outcome);
    state.PauseTiming();
    loop.reset();
    state.ResumeTiming();
  }
  count_events(state);
}

void decode_by_hand(benchmark::State& state) {
  const auto loop = make_by_hand();
  ByHand::Reading reading;
  for (auto _ : state)
    for (const Event& event : workload().events) {
      benchmark::DoNotOptimize(loop->decode(event, reading));
      benchmark::DoNotOptimize(reading);
    }
  count_events(state);
}
void decode_by_plan(benchmark::State& state) {
  const auto loop = make_by_task(vm::kInterpreter);
  for (auto _ : state)
    for (const Event& event : workload().events) {
      auto reading = loop->decode(event);
      benchmark::DoNotOptimize(reading);
    }
  count_events(state);
}

// Decoded beforehand, so that only what follows is measured.
std::vector<ByHand::Reading> readings() {
  const auto loop = make_by_hand();
  std::vector<ByHand::Reading> all;
  for (const Event& event : workload().events) loop->decode(event, all.emplace_back());
  return all;
}
void decide_by_hand(benchmark::State& state) {
  const auto all = readings();
  for (auto _ : state) {
    state.PauseTiming();
    auto loop = make_by_hand();
    Outcome outcome;
    loop->start(outcome);
    state.ResumeTiming();
    for (std::size_t n = 0; n < all.size(); ++n)
      loop->decide(workload().events[n].sensor, all[n], workload().events[n].now_ns, outcome);
    benchmark::DoNotOptimize(outcome);
  }
  count_events(state);
}
void decide_by_task(benchmark::State& state, const vm::Tier& tier) {
  const auto all = readings();
  for (auto _ : state) {
    state.PauseTiming();
    auto loop = make_by_task(tier);
    Outcome outcome;
    loop->start(outcome);
    state.ResumeTiming();
    for (std::size_t n = 0; n < all.size(); ++n)
      loop->decide(workload().events[n].sensor, vm::to_word(all[n].temp), all[n].time_ns, workload().events[n].now_ns,
                   outcome);
    benchmark::DoNotOptimize(outcome);
  }
  count_events(state);
}

void add(const std::string& name, auto function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMillisecond);
}
void add_all() {
  const auto each_tier = [](auto function) { std::ranges::for_each(golden::tiers(), function); };
  add("monitor_t1/by_hand", [](benchmark::State& state) { whole(state, make_by_hand); });
  each_tier([](const vm::Tier* tier) {
    add("monitor_t1/" + std::string(tier->name),
        [tier](benchmark::State& state) { whole(state, [tier] { return make_by_task(*tier); }); });
  });
  add("decode/by_hand", decode_by_hand);
  add("decode/by_plan", decode_by_plan);
  add("decide/by_hand", decide_by_hand);
  each_tier([](const vm::Tier* tier) {
    add("decide/" + std::string(tier->name), [tier](benchmark::State& state) { decide_by_task(state, *tier); });
  });
}

// Loops that do different things are not compared.
void check_same_outcome(const vm::Tier& tier) {
  const auto hand = make_by_hand();
  const auto task = make_by_task(tier);
  const Outcome expected = pass(*hand), got = pass(*task);
  const auto print = [](const char* who, const Outcome& o) {
    std::fprintf(stderr, "%s: %lu rows, %lu raised, %lu cleared, %lu switched, %lu bad, hash %lx\n", who, o.rows,
                 o.raised, o.cleared, o.switched, o.bad, o.hash);
  };
  if (expected == got && got.raised > 0 && got.cleared > 0 && got.bad == 0) return;
  print("by hand", expected);
  print("by task", got);
  std::fprintf(stderr, "the two loops decide differently: fix by_hand.cpp or the task before measuring\n");
  std::exit(1);
}

}  // namespace
}  // namespace eyeflow::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const eyeflow::vm::Tier* tier : eyeflow::golden::tiers()) eyeflow::bench::check_same_outcome(*tier);
  eyeflow::bench::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
