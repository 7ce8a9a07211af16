#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static float a[4096], b[4096], c[4096];
static double check;

void matmul_start(void) {
  uint32_t seed = 12345;
  for (int64_t i = 0; i < 4096; ++i) {
    seed = next_seed(seed);
    a[i] = (float)(noise(seed) - 0.5);
    seed = next_seed(seed);
    b[i] = (float)(noise(seed) - 0.5);
  }
}

void matmul_run(void) {
  for (int64_t i = 0; i < 4096; ++i) c[i] = 0.0f;
  for (int64_t row = 0; row < 64; ++row)
    for (int64_t k = 0; k < 64; ++k) {
      const float x = a[row * 64 + k];
      for (int64_t column = 0; column < 64; ++column) c[row * 64 + column] += x * b[k * 64 + column];
    }
  check = (double)c[65] + (double)c[4000];
}

KERNEL(matmul, RESULT(c))
