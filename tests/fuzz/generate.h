#pragma once

#include <cstdint>

#include "vm/isa/intrinsic.h"
#include "vm/module/module.h"

// Programs from a number: well typed, verified, ending; every value and memory instruction of the table by its operand
// roles alone, so that a new row is generated from the day it is there. The same seed gives the same module everywhere.
namespace eyeflow::vm::test {

// Small, fast, the same on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();                                                                                  // splitmix64
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>((next() >> 32) * n >> 32); }  // n > 0
  bool chance(int percent) { return below(100) < static_cast<std::uint32_t>(percent); }
  template <typename T>
  const auto& one_of(const T& all) {
    return all[below(static_cast<std::uint32_t>(all.size()))];
  }

 private:
  std::uint64_t state_;
};

// A word that is a value of the type; often one at an edge.
Word random_value(Random& random, Scalar type);

// Handlers call functions without parameters and results; there is at least one of each kind of trigger.
Module generate_module(std::uint64_t seed, IntrinsicTable intrinsics);

}  // namespace eyeflow::vm::test
