#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "stdlib/kernels/kernels.h"

// What tests of the kernels share: rows of numbers of every kind, and a way through all targets of this CPU.
namespace eyeflow::stdlib {

template <typename T>
using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

// On the heap and exactly as long as it has to be, at a place that no vector is aligned to: sanitizers see what is read
// or written beyond.
template <typename T>
class Row {
 public:
  explicit Row(std::vector<T> values) : size_(values.size()), memory_(new T[size_ + 1]) {
    std::ranges::copy(values, data());
  }
  Row(const Row& other) : Row(std::vector<T>(other.data(), other.data() + other.size_)) {}
  T* data() { return memory_.get() + 1; }
  const T* data() const { return memory_.get() + 1; }
  std::size_t size() const { return size_; }
  friend bool operator==(const Row& a, const Row& b) {
    return a.size_ == b.size_ && std::memcmp(a.data(), b.data(), a.size_ * sizeof(T)) == 0;
  }

 private:
  std::size_t size_;
  std::unique_ptr<T[]> memory_;
};

template <typename T>
T some_value(std::mt19937_64& random, int kind) {
  if constexpr (std::is_floating_point_v<T>) {
    using Limits = std::numeric_limits<T>;
    static constexpr T kSpecial[] = {
        Limits::quiet_NaN(),  Limits::infinity(),    -Limits::infinity(), T(0),           -T(0),
        Limits::denorm_min(), -Limits::denorm_min(), Limits::max(),       -Limits::max(), Limits::min()};
    if (kind == 2 && random() % 6 == 0) return kSpecial[random() % std::size(kSpecial)];
    if (kind == 1) return vm::canonical(std::bit_cast<T>(static_cast<Bits<T>>(random())));
    if (kind == 3) return random() % 2 == 0 ? T(0) : -T(0);
    return static_cast<T>(static_cast<double>(static_cast<std::int64_t>(random())) * 0x1p-60);
  } else {
    if (kind == 1) return static_cast<T>(random());
    if (kind == 2 && random() % 40 == 0)
      return random() % 2 == 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
    return static_cast<T>(static_cast<std::int64_t>(random() % 2001) - 1000);
  }
}
template <typename T>
Row<T> some_row(std::mt19937_64& random, std::size_t n, int kind) {
  std::vector<T> values(n);
  for (T& x : values) x = some_value<T>(random, kind);
  return Row<T>(values);
}

// Runs `body(kernels, name of the target)` for each target of this CPU, after each other.
template <typename Body>
void on_each_target(const Body& body) {
  int count = 0;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    body(chosen_kernels(), hwy::TargetName(targets & -targets));
    ++count;
    hwy::SetSupportedTargetsForTest(0);
  }
  if (const auto sve = sve_kernels()) body(*sve, "SVE");
  EXPECT_GE(count, 1);
}

template <typename T>
void expect_bits(T got, T expected, const std::string& what) {
  expected = vm::canonical(expected);
  EXPECT_EQ(std::bit_cast<Bits<T>>(got), std::bit_cast<Bits<T>>(expected))
      << what << ": " << got << ", not " << expected;
}

}  // namespace eyeflow::stdlib
