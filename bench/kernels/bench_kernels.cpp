// The kernels of this folder in C and in every tier; see README.md.
//
//   bench_kernels [--filter TEXT] [--tier NAME]… [--rounds N] [--core N]   ratios to C, as a table on the terminal
//   bench_kernels --check [--filter TEXT]    every tier's results against those of C, to the bit; nothing is timed
//   bench_kernels --serve [--core N]         for kernels.py: see serve()

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "bench/kernels/kernels.h"

namespace eyeflow::bench {
namespace {

constexpr double kLeastMs = 3;

struct Options {
  std::string filter;
  std::vector<std::string> tiers;
  int rounds = 15, core = 0;
  bool check = false, serve = false;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: bench_kernels [--filter TEXT] [--tier NAME]... [--rounds N] [--core N] [--check | --serve]\n");
  std::exit(2);
}

Options read_options(int count, char** words) {
  Options options;
  for (int n = 1; n < count; ++n) {
    const std::string word = words[n];
    const auto next = [&] { return n + 1 < count ? words[++n] : (usage(), nullptr); };
    if (word == "--filter") {
      options.filter = next();
    } else if (word == "--tier") {
      options.tiers.push_back(next());
    } else if (word == "--rounds") {
      options.rounds = std::max(1, std::atoi(next()));
    } else if (word == "--core") {
      options.core = std::atoi(next());
    } else if (word == "--check") {
      options.check = true;
    } else if (word == "--serve") {
      options.serve = true;
    } else {
      usage();
    }
  }
  return options;
}

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) std::fprintf(stderr, "not pinned: no processor %d here\n", core);
}

void keep_chosen(std::vector<KernelBench>& all, const Options& options) {
  std::erase_if(all, [&](const KernelBench& bench) {
    return std::string_view(bench.kernel->name).find(options.filter) == std::string_view::npos;
  });
  if (options.tiers.empty()) return;
  for (KernelBench& bench : all)
    std::erase_if(bench.variants, [&](const Variant& variant) {
      return variant.task && std::ranges::find(options.tiers, variant.name) == options.tiers.end();
    });
}

struct Quartiles {
  double low, median, high;
};
Quartiles quartiles(std::vector<double> values) {
  std::ranges::sort(values);
  const auto at = [&](double part) {
    const double place = part * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
  };
  return {at(0.25), at(0.5), at(0.75)};
}

// Ratios to C, round by round: a machine whose speed wanders slows both of a pair.
void print_table(std::vector<KernelBench>& all, int rounds) {
  std::printf("%-16s %-7s %11s", "kernel", "kind", "C us");
  for (const Variant& variant : all.front().variants)
    if (variant.task) std::printf("  %24s", std::string(variant.name).c_str());
  std::printf("\n");
  struct Sum {
    double logs = 0, worst = 0;
    int count = 0;
  };
  std::map<std::pair<std::string_view, std::string_view>, Sum> sums;  // by tier and kind
  for (KernelBench& bench : all) {
    std::vector<std::vector<double>> ns(bench.variants.size());
    for (int round = 0; round < rounds; ++round)
      for (std::size_t n = 0; n < bench.variants.size(); ++n)
        ns[n].push_back(measure(bench, bench.variants[n], kLeastMs));
    std::printf("%-16s %-7s %11.2f", bench.kernel->name, std::string(name_of(bench.kind)).c_str(),
                quartiles(ns[0]).median / 1e3);
    for (std::size_t n = 1; n < ns.size(); ++n) {
      std::vector<double> ratios;
      for (std::size_t round = 0; round < ns[n].size(); ++round) ratios.push_back(ns[n][round] / ns[0][round]);
      const Quartiles ratio = quartiles(ratios);
      std::printf("  %7.2f (%6.2f – %6.2f)", ratio.median, ratio.low, ratio.high);
      Sum& sum = sums[{bench.variants[n].name, name_of(bench.kind)}];
      sum.logs += std::log(ratio.median);
      sum.worst = std::max(sum.worst, ratio.median);
      ++sum.count;
    }
    std::printf("%s\n", bench.variants.back().task && bench.variants.back().task->is_metered() ? "  metered" : "");
    std::fflush(stdout);
  }
  for (const auto& [key, sum] : sums)
    std::printf("%-12s %-7s geometric mean %6.2f, worst %6.2f, of %d\n", std::string(key.first).c_str(),
                std::string(key.second).c_str(), std::exp(sum.logs / sum.count), sum.worst, sum.count);
}

// Answers on stdout, one line each: first "kernels NAME:KIND…" and "variants NAME…"; then, for each line
// "VARIANT KERNEL LEAST_MS" on stdin, the nanoseconds of a run. For "VARIANT KERNEL check" it is the state `check`
// after a start and two runs, as the bits of a double in hexadecimal.
void serve(std::vector<KernelBench>& all) {
  std::printf("kernels");
  for (const KernelBench& bench : all)
    std::printf(" %s:%s", bench.kernel->name, std::string(name_of(bench.kind)).c_str());
  std::printf("\nvariants");
  for (const Variant& variant : all.front().variants) std::printf(" %s", std::string(variant.name).c_str());
  std::printf("\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string variant_name, kernel_name, what;
    words >> variant_name >> kernel_name >> what;
    const auto bench = std::ranges::find(all, kernel_name, [](const KernelBench& b) { return b.kernel->name; });
    if (bench == all.end()) usage();
    const auto variant = std::ranges::find(bench->variants, variant_name, &Variant::name);
    if (variant == bench->variants.end()) usage();
    if (what == "check") {
      start(*bench, *variant);
      for (int n = 0; n < 2; ++n) run(*bench, *variant);
      std::uint64_t bits;
      std::memcpy(&bits, variant->task ? variant->task->state("check").data() : bench->kernel->results[0].bytes, 8);
      std::printf("%016llx\n", static_cast<unsigned long long>(bits));
    } else {
      std::printf("%.1f\n", measure(*bench, *variant, std::atof(what.c_str())));
    }
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace eyeflow::bench

int main(int count, char** words) {
  using namespace eyeflow::bench;
  const Options options = read_options(count, words);
  std::vector<KernelBench> all = load_kernels();
  keep_chosen(all, options);
  if (all.empty()) {
    std::fprintf(stderr, "no kernel's name contains '%s'\n", options.filter.c_str());
    return 2;
  }
  bool equal = true;
  for (KernelBench& bench : all) equal &= check_results(bench);
  if (!equal) return 1;  // what does different things is not compared
  if (options.check) {
    std::printf("%zu kernels, %zu ways each: the results are those of C\n", all.size(), all.front().variants.size());
    return 0;
  }
  pin_to(options.core);
  if (options.serve)
    serve(all);
  else
    print_table(all, options.rounds);
  return 0;
}
