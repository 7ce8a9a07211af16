#include "bench/kernels/arrays.h"
#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static float a[4096], b[4096];
static float product, size;
static double check;

void dot_rms_start(void) {
  uint32_t seed = 12345;
  for (int64_t i = 0; i < 4096; ++i) {
    seed = next_seed(seed);
    a[i] = (float)(noise(seed) - 0.5);
    seed = next_seed(seed);
    b[i] = (float)(noise(seed) - 0.5);
  }
}

void dot_rms_run(void) {
  product = array_dot(a, b, 4096);
  size = array_rms(a, 4096);
  check = (double)product + (double)size;
}

KERNEL(dot_rms, RESULT(product), RESULT(size))
