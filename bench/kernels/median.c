#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[16384];
static int64_t jumps;
static double check;

void median_start(void) { fill_readings(readings, 16384); }

void median_run(void) {
  double sorted[5] = {0}, sum = 0.0, last = 0.0;
  int64_t count = 0;
  for (int64_t i = 4; i < 16384; ++i) {
    for (int64_t n = 0; n < 5; ++n) {
      const double x = readings[i - n];
      int64_t place = n;
      for (; place > 0 && sorted[place - 1] > x; --place) sorted[place] = sorted[place - 1];
      sorted[place] = x;
    }
    const double middle = sorted[2];
    if (__builtin_fabs(middle - last) > 2.0) ++count;
    last = middle;
    sum += middle;
  }
  jumps = count;
  check = sum;
}

KERNEL(median, RESULT(jumps))
