#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "bench/kernels/kernel.h"
#include "bench/kernels/task.h"

namespace eyeflow::bench {

// Scalar: loops over single values. Array: operations on whole arrays do the work. Loops: an array kernel written out
// as loops, which C turns into vector code and a tier does not. Extra: more scalar loads, which no bound is about and
// nobody tunes for. Only the first two are in the means that bounds are about.
enum class KernelKind { Scalar, Array, Loops, Extra };
std::string_view name_of(KernelKind kind);

// One way to run a kernel.
struct Variant {
  std::string_view name;       // "c", or a tier's
  std::unique_ptr<Task> task;  // none for C
  long runs = 0;               // of a measurement, once known
};

// A kernel, its task, and all ways to run it, C first.
struct KernelBench {
  const Kernel* kernel;
  KernelKind kind;
  std::unique_ptr<vm::VerifiedModule> module;
  std::vector<Variant> variants;
};

// Compiles every task; the kernels stand in the order of CMakeLists.txt.
std::vector<KernelBench> load_kernels();

void start(const KernelBench& bench, Variant& variant);
void run(const KernelBench& bench, Variant& variant);

// Runs C and every tier from their start twice, and compares the results of both runs to the bit. False, with a line on
// stderr for each difference.
bool check_results(KernelBench& bench);

// Nanoseconds of processor time a run, over runs that take at least `least_ms` together.
double measure(const KernelBench& bench, Variant& variant, double least_ms);

}  // namespace eyeflow::bench
