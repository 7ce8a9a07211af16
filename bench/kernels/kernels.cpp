#include "bench/kernels/kernels.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

#include "tests/golden/runner/tiers.h"

// What CMakeLists.txt lists: EYEFLOW_KERNEL(NAME, KIND).
#define EYEFLOW_KERNEL(name, kind) extern "C" const Kernel name##_kernel;
#include "bench/kernels/kernel_list.inc"
#undef EYEFLOW_KERNEL

namespace eyeflow::bench {
namespace {

double processor_ns() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double time_runs(const KernelBench& bench, Variant& variant, long runs) {
  const double begin = processor_ns();
  for (long n = 0; n < runs; ++n) run(bench, variant);
  return processor_ns() - begin;
}

}  // namespace

std::string_view name_of(KernelKind kind) {
  constexpr std::string_view kNames[] = {"scalar", "array", "loops", "extra"};
  return kNames[static_cast<int>(kind)];
}

std::vector<KernelBench> load_kernels() {
  std::vector<KernelBench> all;
#define EYEFLOW_KERNEL(name, kind) all.push_back({&name##_kernel, KernelKind::kind, {}, {}});
#include "bench/kernels/kernel_list.inc"
#undef EYEFLOW_KERNEL
  for (KernelBench& bench : all) {
    bench.module = std::make_unique<vm::VerifiedModule>(
        compile_task(std::string(EYEFLOW_SOURCE_DIR "/bench/kernels/") + bench.kernel->name + ".eft"));
    bench.variants.push_back({"c", nullptr});
    for (const vm::Tier* tier : golden::tiers()) {
      auto task = std::make_unique<Task>(*bench.module, *tier);
      // Another tier under this one's name would be a lie, and one that nobody sees.
      if (const std::string fallback = task->code().report().fallback; fallback.empty())
        bench.variants.push_back({tier->name, std::move(task)});
      else
        std::fprintf(stderr, "%s: no %s: %s\n", bench.kernel->name, std::string(tier->name).c_str(), fallback.c_str());
    }
  }
  return all;
}

void start(const KernelBench& bench, Variant& variant) {
  if (variant.task)
    variant.task->start_anew();
  else
    bench.kernel->start();
}

void run(const KernelBench& bench, Variant& variant) {
  if (variant.task)
    variant.task->run(vm::HandlerKind::Every);
  else
    bench.kernel->run();
}

bool check_results(KernelBench& bench) {
  bool equal = true;
  for (Variant& variant : bench.variants) start(bench, variant);
  for (int round = 1; round <= 2; ++round) {
    for (Variant& variant : bench.variants) run(bench, variant);
    for (const Variant& variant : bench.variants) {
      if (!variant.task) continue;
      for (const KernelResult& result : bench.kernel->results) {
        if (!result.state) continue;
        const auto state = variant.task->state(result.state);
        if (state.size() == result.size && std::memcmp(state.data(), result.bytes, result.size) == 0) continue;
        equal = false;
        std::fprintf(stderr, "%s: state '%s' differs from C after run %d in the %s\n", bench.kernel->name, result.state,
                     round, std::string(variant.name).c_str());
      }
    }
  }
  return equal;
}

double measure(const KernelBench& bench, Variant& variant, double least_ms) {
  if (variant.runs == 0) {  // the first time: warm up, and find out how many runs it takes
    start(bench, variant);
    long runs = 1;
    double ns = time_runs(bench, variant, runs);
    while (ns < least_ms * 1e6 / 4) ns = time_runs(bench, variant, runs *= 2);
    variant.runs = std::max(1l, static_cast<long>(static_cast<double>(runs) * least_ms * 1e6 / ns) + 1);
  }
  return time_runs(bench, variant, variant.runs) / static_cast<double>(variant.runs);
}

}  // namespace eyeflow::bench
