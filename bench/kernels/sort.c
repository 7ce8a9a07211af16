#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static int32_t values[512];
static uint32_t seed;
static double check;

void sort_start(void) { seed = 12345; }

static void sift(int64_t first, int64_t count) {
  const int32_t x = values[first];
  int64_t at = first, child = 2 * at + 1;
  while (child < count) {
    if (child + 1 < count && values[child + 1] > values[child]) ++child;
    if (values[child] <= x) break;
    values[at] = values[child];
    at = child;
    child = 2 * at + 1;
  }
  values[at] = x;
}

void sort_run(void) {
  for (int64_t i = 0; i < 512; ++i) {
    seed = next_seed(seed);
    values[i] = (int32_t)((int64_t)(seed >> 8) % 100000);
  }
  for (int64_t n = 0; n < 256; ++n) sift(255 - n, 512);
  for (int64_t last = 511; last > 0; --last) {
    const int32_t top = values[0];
    values[0] = values[last];
    values[last] = top;
    sift(0, last);
  }
  int64_t sum = 0;
  for (int64_t i = 0; i < 512; ++i) sum += i * values[i];
  check = (double)sum;
}

KERNEL(sort, RESULT(values))
