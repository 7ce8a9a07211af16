#pragma once

#include <cstddef>

// What one would write with intrinsics for this machine (AVX-512, AVX2 or NEON), without FMA: beside the kernels of
// stdlib. The same arithmetic in the same order, so that results are equal to the bit.
namespace eyeflow::bench::by_hand {

void add(float* to, const float* x, const float* y, std::size_t n);
void multiply(float* to, const float* x, float y, std::size_t n);
void square_root(float* to, const float* x, std::size_t n);
float sum(const float* x, std::size_t n);
float dot(const float* x, const float* y, std::size_t n);
float rms(const float* x, std::size_t n);
float greatest(const float* x, std::size_t n);
// Square matrices, `side` a multiple of 16.
void matmul(float* to, const float* a, const float* b, std::size_t side);

// Adds in an order of its own: what the one order costs. In no comparison.
float dot_any_order(const float* x, const float* y, std::size_t n);

}  // namespace eyeflow::bench::by_hand
