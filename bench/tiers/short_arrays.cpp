// Operations on short whole arrays in compiled code: made in place, with what this CPU has and with what every CPU has,
// beside the call that long ones are. Where in_place is no faster, the limits of the macro-assemblers end.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <string>

#include "bench/kernels/task.h"
#include "jit/baseline/baseline.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/assembly/assembly.h"
#include "vm/base/check.h"

namespace eyeflow::bench {
namespace {

using namespace eyeflow::vm;
constexpr int kTurns = 1000;

struct Operation {
  const char *name, *type, *text;
};
constexpr Operation kOperations[] = {
    {"add", "f64", "array.add.f64 to, b, c"},
    {"multiply", "f32", "array.mul_scalar.f32 to, b, x"},
    {"add", "i32", "array.add.i32 to, b, c"},
    {"multiply", "i64", "array.mul.i64 to, b, c"},
    {"largest", "f64", "array.max.f64 to, b, c"},
    {"copy", "u8", "array.copy to, b"},
    {"fill", "f64", "array.fill.f64 to, x"},
    {"sum", "f64", "array.sum.f64 x, b\n  store.f64 x, sum"},
    {"sum", "i64", "array.sum.i64 x, b\n  store x, sum"},
};

// The operation a thousand times on arrays of zeros.
std::string program(const Operation& operation, int elements) {
  const std::string array = fmt::format("[{}; {}]", operation.type, elements);
  std::string text = "module short isa 2\n";
  for (const char* region : {"scratch", "state"}) text += fmt::format("type {}@{}\n", array, region);
  const int bytes = (elements * 8 + 63) / 64 * 64;
  text += fmt::format("region state {}\nregion scratch {}\n", 2 * bytes + 64, bytes);
  text += fmt::format("slot scratch 0 to: {0}@scratch\nslot state 0 b: {0}@state\nslot state {1} c: {0}@state\n", array,
                      bytes);
  text += fmt::format("slot state {} sum: {}\n", 2 * bytes, operation.type);
  text += fmt::format(R"(function main
  registers n: i64, x: {0}, up: counter({1}), to: {2}@scratch, b: {2}@state, c: {2}@state
  ref to, to
  ref b, b
  ref c, c
  load.imm n, {1}
  loop.begin up, n
  loop.enter up, done
again:
  {3}
  loop.next up, again
done:
  return
end
handler every 1000000000 call main
)",
                      operation.type, kTurns, array, operation.text);
  return text;
}

template <bool Oldest, bool Calls>
std::unique_ptr<TierCode> make(const VerifiedModule& module, IntrinsicTable intrinsics, const PrepareOptions& given) {
  PrepareOptions options = given;
  options.oldest_cpu = Oldest;
  options.calls_for_arrays = Calls;
  return jit::kBaseline.make(module, intrinsics, options);
}
constexpr Tier kWays[] = {
    {"by_call", &make<false, true>}, {"in_place", &make<false, false>}, {"in_place_any_cpu", &make<true, false>}};

template <typename T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
  EYEFLOW_CHECK(result);
  return std::move(*result);
}

void add(const Operation& operation, int elements) {
  const auto intrinsics = stdlib::intrinsics();
  // As long as the program.
  const auto* verified =
      new VerifiedModule(must(verify(must(assemble(program(operation, elements), intrinsics)), intrinsics)));
  for (const Tier& way : kWays) {
    auto* const task = new Task(*verified, way);
    task->start_anew();
    benchmark::RegisterBenchmark(fmt::format("{}_{}_{}/{}", operation.name, operation.type, elements, way.name).c_str(),
                                 [task](benchmark::State& state) {
                                   for (auto _ : state) task->run(HandlerKind::Every);
                                   state.SetItemsProcessed(state.iterations() * kTurns);
                                 })
        ->MinTime(0.01);
  }
}

}  // namespace
}  // namespace eyeflow::bench

int main(int count, char** words) {
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 1;
  for (const auto& operation : eyeflow::bench::kOperations)
    for (const int elements : {4, 16, 32}) eyeflow::bench::add(operation, elements);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
