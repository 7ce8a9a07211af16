#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "vm/module/module.h"

// The values of `for any`: which runs a test makes, and what remains of one that fails when everything is taken away
// that it does not need to fail.
namespace eyeflow::compiler {

struct Arrival {
  vm::TimeNs at = 0;                // since the start
  std::size_t stream = 0;           // index into Test::streams
  std::optional<vm::Word> value{};  // nothing: a bad reading
  friend bool operator==(const Arrival&, const Arrival&) = default;
};
// What one run is given.
struct Sample {
  std::vector<vm::Word> givens{};
  std::vector<Arrival> arrivals{};  // in the order of time
  vm::TimeNs end = 0;               // the run goes on at least to here
};

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound);  // bound > 0
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

class Arbitrary {
 public:
  // The same test, seed and number give the same sample.
  Arbitrary(const typed::Task& task, const typed::Test& test, std::uint64_t seed);

  // The first ones are at the edges: ends of the ranges, 0, what the task compares with; no reading at all, a bad one
  // first, silence until the input is stale. Then anything.
  Sample sample(std::uint64_t number) const;

  // The simplest sample found for which `fails` says true, beginning with one for which it does; asks at most so often.
  static constexpr std::uint64_t kMostShrinkRuns = 2000;
  Sample shrink(Sample failing, const std::function<bool(const Sample&)>& fails,
                std::uint64_t most_runs = kMostShrinkRuns) const;

  // "temp 80 °C; t1 79 °C at 1 s, bad at 2 s"
  std::string words(const Sample& sample) const;

 private:
  struct Domain {
    typed::Type type;
    vm::Word min = 0, max = 0;
    std::vector<vm::Word> edges{};  // the simplest first
  };
  struct Source {
    Domain domain;
    vm::TimeNs period = 0, stale = 0;  // 0: not declared
  };
  Domain domain_of(const typed::Task& task, const typed::Between& range, const typed::Test& test) const;
  vm::Word any_of(const Domain& domain, Random& random) const;
  vm::TimeNs any_gap(const Source& source, Random& random) const;
  void add_edge_arrivals(std::uint64_t number, Sample& sample) const;
  void add_arrivals(std::uint64_t number, Random& random, Sample& sample) const;

  const typed::Task& task_;
  const typed::Test& test_;
  std::uint64_t seed_;
  std::vector<Domain> givens_;
  std::vector<Source> streams_;
};

}  // namespace eyeflow::compiler
