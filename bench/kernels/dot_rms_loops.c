#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static float a[4096], b[4096];
static float dot, rms;
static double check;

void dot_rms_loops_start(void) {
  uint32_t seed = 12345;
  for (int64_t i = 0; i < 4096; ++i) {
    seed = next_seed(seed);
    a[i] = (float)(noise(seed) - 0.5);
    seed = next_seed(seed);
    b[i] = (float)(noise(seed) - 0.5);
  }
}

void dot_rms_loops_run(void) {
  float products[32] = {0}, squares[32] = {0};
  for (int64_t i = 0; i < 4096; i += 32)
    for (int64_t n = 0; n < 32; ++n) {
      products[n] += a[i + n] * b[i + n];
      squares[n] += a[i + n] * a[i + n];
    }
  for (int64_t half = 16; half > 0; half /= 2)
    for (int64_t n = 0; n < half; ++n) {
      products[n] += products[n + half];
      squares[n] += squares[n + half];
    }
  dot = products[0];
  rms = __builtin_sqrtf(squares[0] / 4096.0f);
  check = (double)dot + (double)rms;
}

KERNEL(dot_rms_loops, RESULT(dot), RESULT(rms))
