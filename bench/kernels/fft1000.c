#include "bench/kernels/fft.h"

#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

#define COUNT 1000

static float readings[COUNT], bins[COUNT + 2];
static float table[COUNT], roots[COUNT / 2 + 2];
static float scratch[2 * COUNT];
static double check;

static const int radices[] = {4, 5, 5, 5};

void fft1000_start(void) {
  uint32_t seed = 12345;
  for (int64_t k = 0; k < COUNT; ++k) {
    seed = next_seed(seed);
    readings[k] = (float)(noise(seed) - 0.5);
  }
  fft_prepare(COUNT, radices, table, roots);
}

void fft1000_run(void) {
  fft_real(COUNT, radices, table, roots, readings, bins, scratch);
  check = (double)(array_dot(bins, bins, COUNT + 2) - bins[COUNT] * bins[COUNT]);
}

KERNEL(fft1000, RESULT(bins))
