// Events per second of one core: JSON bytes in, decoded, decided, alarm out, by examples/monitor_t1.eft and by the same
// loop written by hand in C++. Groups: the whole way, decoding alone, deciding alone.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "bench/events/by_hand.h"
#include "bench/events/by_task.h"
#include "bench/events/task.h"

namespace eyeflow::bench {
namespace {

const Workload& workload() {
  static const Workload made = make_workload();
  return made;
}
const vm::Program& program() {
  static const std::unique_ptr<const vm::Program> made = load_task();
  return *made;
}

std::unique_ptr<ByHand> make_by_hand() { return std::make_unique<ByHand>(workload()); }
std::unique_ptr<ByTask> make_by_task() { return std::make_unique<ByTask>(workload(), program()); }

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
template <auto Make>
void whole(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto loop = Make();
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
  const auto loop = make_by_task();
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
void decide_by_task(benchmark::State& state) {
  const auto all = readings();
  for (auto _ : state) {
    state.PauseTiming();
    auto loop = make_by_task();
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

BENCHMARK(whole<make_by_hand>)->Name("monitor_t1/by_hand")->Unit(benchmark::kMillisecond);
BENCHMARK(whole<make_by_task>)->Name("monitor_t1/interpreter")->Unit(benchmark::kMillisecond);
BENCHMARK(decode_by_hand)->Name("decode/by_hand")->Unit(benchmark::kMillisecond);
BENCHMARK(decode_by_plan)->Name("decode/by_plan")->Unit(benchmark::kMillisecond);
BENCHMARK(decide_by_hand)->Name("decide/by_hand")->Unit(benchmark::kMillisecond);
BENCHMARK(decide_by_task)->Name("decide/interpreter")->Unit(benchmark::kMillisecond);

// Loops that do different things are not compared.
void check_same_outcome() {
  const auto hand = make_by_hand();
  const auto task = make_by_task();
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
  eyeflow::bench::check_same_outcome();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
