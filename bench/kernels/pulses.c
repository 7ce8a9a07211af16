#include "bench/kernels/kernel.h"

static uint16_t samples[8192];
static int32_t edges[16];
static double check;

void pulses_start(void) {
  uint64_t x = 88172645463325252u;
  for (int64_t i = 0; i < 8192; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    samples[i] = (uint16_t)(x >> 24) & (uint16_t)(x >> 40);
  }
}

void pulses_run(void) {
  for (int64_t n = 0; n < 16; ++n) edges[n] = 0;
  uint16_t a = 0, b = 0, before = 0;
  for (int64_t i = 0; i < 8192; ++i) {
    const uint16_t c = samples[i], steady = (a & b) | (b & c) | (a & c);
    uint16_t rising = steady & (uint16_t)~before;
    while (rising != 0) {
      int64_t n = 0;
      while (((rising >> n) & 1) == 0) ++n;
      ++edges[n];
      rising &= rising - 1;
    }
    before = steady;
    a = b;
    b = c;
  }
  int64_t sum = 0;
  for (int64_t n = 0; n < 16; ++n) sum += (n + 1) * edges[n];
  check = (double)sum;
}

KERNEL(pulses, RESULT(edges))
