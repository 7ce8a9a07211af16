#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "stdlib/kernels/fft.h"
#include "vm/isa/array_kernels.h"

// Loops over whole arrays, written once with Highway and compiled for every width of vector that a CPU may have. Which
// of them run is decided when the first is called. All give the same bits: element-wise ones round each element alike,
// reductions have the one order of vm/isa/array_kernels.h, and what has several terms for each result adds them in the
// order of their index.
namespace eyeflow::stdlib {

// Figures of n numbers; NaN where n is 0. A NaN that is given is the canonical one.
template <typename T>
struct Reductions {
  T (*mean)(const T* x, std::size_t n);
  T (*min)(const T* x, std::size_t n);  // by partials of x < p ? x : p; NaN if any is
  T (*max)(const T* x, std::size_t n);  // by partials of p < x ? x : p; NaN if any is
  T (*rms)(const T* x, std::size_t n);
  T (*variance)(const T* x, std::size_t n);  // the mean of the squares of x - mean
  T (*kurtosis)(const T* x, std::size_t n);  // the mean of the fourth powers of x - mean, by the square of the variance
  T (*dot)(const T* x, const T* y, std::size_t n);
  T (*covariance)(const T* x, const T* y, std::size_t n);  // the mean of (x - mean of x) * (y - mean of y)
  // to = a b, all of them row by row: a has `rows` rows and `inner` columns, b `inner` rows and `columns` columns. Each
  // element of `to` starts as 0, and its products are added in order. `to` is neither a nor b.
  void (*matmul)(T* to, const T* a, const T* b, std::size_t rows, std::size_t inner, std::size_t columns);
};

// What tasks call signals: transforms and filters. Complex numbers in arrays of a task stand in pairs: real, imaginary.
template <typename T>
struct Signals {
  // The transform of shape.n numbers at x, in shape.bins() pairs at `to`; see fft.h for the table and for how much
  // scratch there must be. No two of the four may overlap.
  void (*fft)(const FftShape& shape, T* to, const T* x, const T* table, T* scratch);
  // Only the stages: of shape.inner real parts, then as many imaginary parts, at the beginning of scratch. They come
  // out in its first or in its second half, which is told.
  const T* (*points)(const FftShape& shape, const T* table, T* scratch);
  void (*magnitudes)(T* to, const T* pairs, T scale, std::size_t n);  // √(re² + im²) * scale
  void (*powers)(T* to, const T* pairs, T scale, std::size_t n);      // (re² + im²) * scale
  // to[i] + x[i + count-1] taps[0] + … + x[i] taps[count-1], added in this order, count at most 4.
  void (*fir)(T* to, const T* x, const T* taps, std::size_t count, std::size_t n);
};

struct Kernels {
  vm::ArrayKernels arrays;
  Reductions<double> f64;
  Reductions<float> f32;
  Signals<double> f64_signals;
  Signals<float> f32_signals;
};

// Of the CPU that this runs on.
const Kernels& kernels();

// The part of it that signals.cpp brings, for the same CPU.
void choose_signals(Kernels& kernels);

// Of the targets that Highway chooses from: for tests, which limit them.
Kernels chosen_kernels();
// With vectors of the width that an AArch64 processor has (SVE); nothing where this one has none.
std::optional<Kernels> sve_kernels();

}  // namespace eyeflow::stdlib
