#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[16384], xs[33], ys[33];
static int64_t outside;
static double check;

void curve_start(void) {
  fill_readings(readings, 16384);
  for (int64_t i = 0; i < 33; ++i) {
    const double x = (double)i;
    xs[i] = 2.0 * x + 0.02 * x * x;
    ys[i] = 100.0 - x * x / 12.0;
  }
}

static double converted(double x) {
  int64_t low = 0, high = 32;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (xs[middle] <= x)
      low = middle;
    else
      high = middle;
  }
  return ys[low] + (ys[high] - ys[low]) * (x - xs[low]) / (xs[high] - xs[low]);
}

void curve_run(void) {
  double sum = 0.0;
  int64_t count = 0;
  for (int64_t i = 0; i < 16384; ++i) {
    const double x = readings[i];
    if (x < xs[0] || x > xs[32])
      ++count;
    else
      sum += converted(x);
  }
  outside = count;
  check = sum;
}

KERNEL(curve, RESULT(outside))
