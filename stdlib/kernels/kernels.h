#pragma once

#include <cstddef>
#include <cstdint>

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
  T (*dot)(const T* x, const T* y, std::size_t n);
  // to = a b, all of them row by row: a has `rows` rows and `inner` columns, b `inner` rows and `columns` columns. Each
  // element of `to` starts as 0, and its products are added in order. `to` is neither a nor b.
  void (*matmul)(T* to, const T* a, const T* b, std::size_t rows, std::size_t inner, std::size_t columns);
};

struct Kernels {
  vm::ArrayKernels arrays;
  Reductions<double> f64;
  Reductions<float> f32;
};

// Of the CPU that this runs on.
const Kernels& kernels();

// As kernels() would be if it were asked for the first time now: for tests, which limit the targets of Highway.
Kernels chosen_kernels();

}  // namespace eyeflow::stdlib
