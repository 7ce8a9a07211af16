#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/fuzz/machine.h"

// A generated task with what happens to it, and whether two tiers say the same about it.
namespace eyeflow::vm::test {

struct Scenario {
  VerifiedModule program;
  std::vector<Event> events{};
  Against side = Against::End;  // where the guards lie
  PrepareOptions options{};
};

// The same seed gives the same scenario everywhere. The inputs hold anything that bits can say: NaNs with payloads,
// denormals, the ends of every range.
Scenario generate_scenario(std::uint64_t seed, IntrinsicTable intrinsics);

// Whether two machines that ran the same event gave the same, to the bit: outcome, results, rows, state and scratch. If
// not: what differs.
std::optional<std::string> difference(const Module& module, const Event& event, const Machine& one,
                                      const Machine& other);

// Two machines that are to agree, and what they agreed on. Kept between scenarios: their memory is used again.
class Comparison {
 public:
  Comparison(const Tier& one, const Tier& other) : one_(one), other_(other) {}

  // Runs the events in both. Nothing: there was no difference after any.
  std::optional<std::string> difference(const Scenario& scenario, IntrinsicTable intrinsics);

  // How events ended so far, by trap; None: they ran to their end.
  const std::array<std::uint64_t, kTrapCount>& ends() const { return ends_; }
  std::uint64_t whole() const { return whole_; }  // scenarios in which all events did
  // Of all that the last scenario gave, in the first tier; equal on every CPU.
  std::uint32_t digest() const { return static_cast<std::uint32_t>(digest_ ^ digest_ >> 32); }

 private:
  void digest_event();

  Machine one_, other_;
  std::array<std::uint64_t, kTrapCount> ends_ = {};
  std::uint64_t whole_ = 0, digest_ = 0;
};

// As a golden file of tests/golden/isa, but for what stands behind the arrows: the module, and a call for each event.
std::string write_scenario(const Scenario& scenario, IntrinsicTable intrinsics);

// What each event gives in a tier, as text to compare by eye with another CPU's.
std::string play(const Scenario& scenario, const Tier& tier, IntrinsicTable intrinsics);

}  // namespace eyeflow::vm::test
