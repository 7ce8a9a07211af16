#include "bench/kernels/kernel.h"

static int64_t steps;
static double check;

void mandelbrot_start(void) {}

void mandelbrot_run(void) {
  int64_t total = 0;
  double last = 0.0;
  for (int64_t row = 0; row < 64; ++row)
    for (int64_t column = 0; column < 64; ++column) {
      const double cr = (double)column / 64.0 * 3.0 - 2.0, ci = (double)row / 64.0 * 2.0 - 1.0;
      double zr = 0.0, zi = 0.0;
      for (int64_t n = 0; n < 50; ++n) {
        const double r2 = zr * zr, i2 = zi * zi;
        if (r2 + i2 > 4.0) break;
        zi = 2.0 * zr * zi + ci;
        zr = r2 - i2 + cr;
        ++total;
      }
      last += zr;
    }
  steps = total;
  check = last;
}

KERNEL(mandelbrot, RESULT(steps))
