// What tiers cost besides the code that runs: preparing, calls of intrinsics, memory. Called by bench/programs.py:
//
//   bench_tiers BUNDLE KEY.pub     prints JSON: {"TIER": {"what": [a value a repetition]}}, "engine" for what no tier
//   changes

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "bench/kernels/task.h"
#include "bench/tiers/large_task.h"
#include "runtime/security/signed_bundle.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tests/golden/runner/tiers.h"
#include "vm/assembly/assembly.h"
#include "vm/base/check.h"

namespace eyeflow::bench {
namespace {

using namespace eyeflow::vm;
using Figures = std::map<std::string, std::vector<double>>;
constexpr int kRepetitions = 15;

// Processor time, so that another program on the core costs little.
double now_us() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// The mean of `runs` in a row, in microseconds; what `body` returns is freed outside.
template <typename Body>
double mean_us(int runs, Body body) {
  std::vector<decltype(body())> kept;
  kept.reserve(static_cast<std::size_t>(runs));
  const double begin = now_us();
  for (int n = 0; n < runs; ++n) kept.push_back(body());
  return (now_us() - begin) / runs;
}

template <typename T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

std::size_t instructions_of(const Module& module) {
  std::size_t count = 0;
  for (const Function& function : module.functions) count += function.code.size();
  return count;
}

// As the daemon does it, from bytes in memory to a program that instances can be made of.
std::unique_ptr<const Program> ready(std::span<const std::byte> bytes, const runtime::PublicKey& key,
                                     const Tier& tier) {
  const Bundle bundle = must(runtime::verify_bundle(bytes, {&key, 1}));
  Module module = must(read_module(bundle.find(kModuleSection)->bytes));
  VerifiedModule verified = must(verify(std::move(module), stdlib::intrinsics()));
  return Program::make(std::move(verified), stdlib::intrinsics(), {.tier = &tier});
}

// A chain of 1,000 calls, each of the result before.
constexpr int kCalls = 1000;
std::string chain(std::string_view intrinsic) {
  return fmt::format(R"(module calls isa 1
region state 64
slot state x: f64 = 0.5
function main
  registers n: i64, x: f64, up: counter({0})
  load x, state, x
  load.imm n, {0}
  loop.begin up, n
  loop.enter up, done
again:
  intrinsic x, {1}, x
  loop.next up, again
done:
  store.f64 x, x
  return
end
handler every 1000000000 call main
)",
                     kCalls, intrinsic);
}

// A call of an intrinsic from a tier's code, beside one from C++ through a pointer that the compiler does not know.
void measure_call(const Tier& tier, std::string_view name, Figures& figures) {
  const auto intrinsics = stdlib::intrinsics();
  const auto id = stdlib::find_intrinsic(name);
  EYEFLOW_CHECK(id.has_value());
  double (*volatile pointer)(double) = reinterpret_cast<double (*)(double)>(intrinsics[*id].direct);
  const VerifiedModule verified = must(verify(must(assemble(chain(name), intrinsics)), intrinsics));
  Task task(verified, tier);
  task.start_anew();
  volatile double place = 0.5;
  const auto native = [&] {
    double (*const function)(double) = pointer;
    double x = place;
    for (int n = 0; n < kCalls; ++n) x = function(x);
    place = x;
    return 0;
  };
  const auto by_tier = [&] { return task.run(HandlerKind::Every), 0; };
  native(), by_tier();
  double result;
  std::memcpy(&result, task.state("x").data(), sizeof result);
  EYEFLOW_CHECK(result == place);  // what does different things is not compared
  mean_us(100, native), mean_us(100, by_tier);
  for (int n = 0; n < kRepetitions; ++n) {
    const double native_us = mean_us(300, native);
    figures[fmt::format("call {}", name)].push_back(mean_us(300, by_tier) / native_us);
  }
}

// Instructions per second through `prepare`. Where a tier leaves a function for its first call, what it says that
// making the function took is counted.
double compile_speed(const VerifiedModule& verified, const Tier& tier) {
  const double begin = now_us();
  const auto code = tier.prepare(verified, stdlib::intrinsics());
  const double us = now_us() - begin;
  for (std::size_t n = 0; n < verified.module.functions.size(); ++n)
    if (code->report().code_bytes != 0 && code->report(static_cast<FunctionId>(n)).code_bytes == 0) {
      std::fprintf(stderr, "%s: functions of the large task are left for later; make it smaller\n",
                   std::string(tier.name).c_str());
      std::exit(1);
    }
  return static_cast<double>(instructions_of(verified.module)) / us * 1e6;
}

void measure_tier(const Tier& tier, const std::string& bundle, const runtime::PublicKey& key,
                  const VerifiedModule& large, Figures& figures) {
  const auto bytes = std::as_bytes(std::span(bundle));
  const auto program = ready(bytes, key, tier);
  for (int n = 0; n < kRepetitions; ++n) {
    figures["ready_us"].push_back(mean_us(50, [&] { return ready(bytes, key, tier); }));
    figures["prepare_us"].push_back(
        mean_us(50, [&] { return tier.prepare(program->verified(), stdlib::intrinsics()); }));
    figures["instructions_per_s"].push_back(compile_speed(large, tier));
  }
  for (const std::string_view name : {"math.floor.f64", "math.exp.f64"}) measure_call(tier, name, figures);
  figures["instructions"] = {static_cast<double>(instructions_of(program->module())),
                             static_cast<double>(instructions_of(large.module))};
}

// Bytes of the heap that an instance takes, beyond what the task itself asked for.
double instance_overhead_bytes(const Program& program) {
  constexpr int kInstances = 1000;
  const Module& module = program.module();
  const Instance::Binding binding{.params = {}, .input_names = {"T1"}};
  std::vector<Instance> all;
  all.reserve(kInstances);
  const std::size_t before = mallinfo2().uordblks;
  for (int n = 0; n < kInstances; ++n) all.emplace_back(program, binding);
  const double each =
      static_cast<double>(mallinfo2().uordblks - before) / kInstances + static_cast<double>(sizeof(Instance));
  double own = 0;
  for (const Region region : {Region::Param, Region::Input, Region::State})
    own += static_cast<double>(module.region_bytes(region));
  return each - own;
}

void print(const std::map<std::string, Figures>& all) {
  std::printf("{");
  const char* between = "";
  for (const auto& [tier, figures] : all) {
    std::printf("%s\n \"%s\": {", between, tier.c_str());
    between = "";
    for (const auto& [what, values] : figures)
      std::printf("%s\n  \"%s\": [%s]", std::exchange(between, ","), what.c_str(),
                  fmt::format("{:.6g}", fmt::join(values, ", ")).c_str());
    std::printf("}");
    between = ",";
  }
  std::printf("\n}\n");
}

}  // namespace
}  // namespace eyeflow::bench

int main(int count, char** words) {
  using namespace eyeflow;
  using namespace eyeflow::bench;
  if (count != 3) {
    std::fprintf(stderr, "usage: bench_tiers BUNDLE KEY.pub\n");
    return 2;
  }
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
  std::ifstream in(words[1], std::ios::binary);
  const std::string bundle{std::istreambuf_iterator<char>(in), {}};
  const runtime::PublicKey key = must(runtime::load_public_key(words[2]));
  const vm::VerifiedModule large = compile_text(large_task(240), "large.eft");
  std::map<std::string, Figures> all;
  for (const vm::Tier* tier : golden::tiers()) measure_tier(*tier, bundle, key, large, all[std::string(tier->name)]);
  const auto program = ready(std::as_bytes(std::span(bundle)), key, vm::kInterpreter);
  all["engine"]["instance_overhead_bytes"] = {instance_overhead_bytes(*program)};
  print(all);
  return 0;
}
