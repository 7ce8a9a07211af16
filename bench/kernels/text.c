#include <stdio.h>
#include <string.h>

#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[64];
static struct {
  uint32_t length;
  char bytes[60];
} line;  // a text as a task holds it
static int64_t same;
static double check;

void text_start(void) {
  uint32_t seed = 12345;
  for (int64_t i = 0; i < 64; ++i) {
    seed = next_seed(seed);
    readings[i] = (double)(int64_t)(seed >> 8) / 65536.0 - 100.0;
  }
}

void text_run(void) {
  static const char wanted[] = "sensor T7: 24.6 of 8.205, 259 readings";
  int64_t bytes = 0, equal = 0;
  for (int64_t i = 0; i < 64; ++i) {
    const double x = readings[i];
    char buffer[61];
    const int length = snprintf(buffer, sizeof buffer, "sensor T%lld: %.1f of %.3f, %lld readings", (long long)i, x, x / 3.0,
                                (long long)(i * 37));
    memcpy(line.bytes, buffer, (size_t)length);
    line.length = (uint32_t)length;
    bytes += length;
    if (line.length == sizeof wanted - 1 && memcmp(line.bytes, wanted, sizeof wanted - 1) == 0) ++equal;
  }
  same = equal;
  check = (double)bytes;
}

KERNEL(text, RESULT(line), RESULT(same))
