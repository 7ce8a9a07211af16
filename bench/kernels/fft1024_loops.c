#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[1024], wr[512], wi[512], re[1024], im[1024];
static uint16_t swap[1024];
static double check;

void fft1024_loops_start(void) {
  uint32_t seed = 12345;
  double c = 1.0, s = 0.0;
  for (int64_t k = 0; k < 512; ++k) {
    wr[k] = c;
    wi[k] = -s;
    const double next = c * 0.9999811752826011 - s * 0.006135884649154475;
    s = s * 0.9999811752826011 + c * 0.006135884649154475;
    c = next;
  }
  for (int64_t i = 0; i < 1024; ++i) {
    seed = next_seed(seed);
    readings[i] = noise(seed) - 0.5;
    int64_t left = i, reversed = 0;
    for (int bit = 0; bit < 10; ++bit) {
      reversed = reversed * 2 + left % 2;
      left /= 2;
    }
    swap[i] = (uint16_t)reversed;
  }
}

void fft1024_loops_run(void) {
  for (int64_t i = 0; i < 1024; ++i) {
    re[swap[i]] = readings[i];
    im[i] = 0.0;
  }
  for (int64_t half = 1; half < 1024; half *= 2) {
    const int64_t groups = 512 / half;
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t j = 0; j < half; ++j) {
        const double c = wr[j * groups], s = wi[j * groups];
        const int64_t u = group * 2 * half + j, v = u + half;
        const double xr = re[v] * c - im[v] * s, xi = re[v] * s + im[v] * c;
        re[v] = re[u] - xr;
        im[v] = im[u] - xi;
        re[u] += xr;
        im[u] += xi;
      }
  }
  double power = 0.0;
  for (int64_t i = 0; i < 512; ++i) power = power + re[i] * re[i] + im[i] * im[i];
  check = power;
}

KERNEL(fft1024_loops, RESULT(re), RESULT(im))
