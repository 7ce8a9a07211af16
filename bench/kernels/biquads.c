#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[4096];
static double z1[4], z2[4];
static double check;

void biquads_start(void) { fill_readings(readings, 4096); }

void biquads_run(void) {
  const double b0[4] = {0.2, 0.25, 0.22, 0.3}, b1[4] = {0.3, 0.28, 0.31, 0.25}, b2[4] = {0.2, 0.25, 0.22, 0.3};
  const double a1[4] = {-0.5, -0.45, -0.42, -0.3}, a2[4] = {0.2, 0.23, 0.17, 0.15};
  double sum = 0.0;
  for (int64_t i = 0; i < 4096; ++i) {
    double x = readings[i];
    for (int64_t n = 0; n < 4; ++n) {
      const double y = b0[n] * x + z1[n];
      z1[n] = b1[n] * x - a1[n] * y + z2[n];
      z2[n] = b2[n] * x - a2[n] * y;
      x = y;
    }
    sum += x;
  }
  check = sum;
}

KERNEL(biquads, RESULT(z1), RESULT(z2))
