#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[1000], wr[1000], wi[1000], re[1000], im[1000];
static double check;

void fft1000_loops_start(void) {
  uint32_t seed = 12345;
  double c = 1.0, s = 0.0;
  for (int64_t k = 0; k < 1000; ++k) {
    wr[k] = c;
    wi[k] = -s;
    const double next = c * 0.9999802608561371 - s * 0.006283143965558951;
    s = s * 0.9999802608561371 + c * 0.006283143965558951;
    c = next;
    seed = next_seed(seed);
    readings[k] = noise(seed) - 0.5;
  }
}

void fft1000_loops_run(void) {
  double xr[1000], xi[1000];
  for (int64_t i = 0; i < 1000; ++i) {
    re[i] = readings[i];
    im[i] = 0.0;
  }
  int64_t length = 1;  // of the transforms that are done
  for (int64_t stage = 0; stage < 6; ++stage) {
    const int64_t radix = stage >= 3 ? 5 : 2;
    const int64_t count = 1000 / (length * radix);  // of the transforms after this stage
    for (int64_t i = 0; i < 1000; ++i) {
      xr[i] = re[i];
      xi[i] = im[i];
    }
    for (int64_t p = 0; p < length * radix; ++p) {
      const int64_t from = p % length * radix * count, to = p * count;
      for (int64_t k = 0; k < count; ++k) {
        double sum_r = xr[from + k], sum_i = xi[from + k];
        int64_t turn = 0;
        for (int64_t t = 1; t < radix; ++t) {
          turn += p * count;
          if (turn >= 1000) turn -= 1000;
          const int64_t at = from + t * count + k;
          sum_r += xr[at] * wr[turn] - xi[at] * wi[turn];
          sum_i += xr[at] * wi[turn] + xi[at] * wr[turn];
        }
        re[to + k] = sum_r;
        im[to + k] = sum_i;
      }
    }
    length *= radix;
  }
  double power = 0.0;
  for (int64_t i = 0; i < 500; ++i) power = power + re[i] * re[i] + im[i] * im[i];
  check = power;
}

KERNEL(fft1000_loops, RESULT(re), RESULT(im))
