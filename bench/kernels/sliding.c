#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[16384];
static double means, check;

void sliding_start(void) { fill_readings(readings, 16384); }

void sliding_run(void) {
  int64_t low[128] = {0}, high[128] = {0};
  int64_t low_head = 0, low_tail = 0, high_head = 0, high_tail = 0;
  double sum = 0.0, spans = 0.0, mean_sum = 0.0;
  for (int64_t i = 0; i < 16384; ++i) {
    const double v = readings[i];
    sum += v;
    if (i >= 100) {
      sum -= readings[i - 100];
      if (low_head < low_tail && low[low_head % 128] <= i - 100) ++low_head;
      if (high_head < high_tail && high[high_head % 128] <= i - 100) ++high_head;
    }
    while (low_tail > low_head && readings[low[(low_tail - 1) % 128]] >= v) --low_tail;
    low[low_tail++ % 128] = i;
    while (high_tail > high_head && readings[high[(high_tail - 1) % 128]] <= v) --high_tail;
    high[high_tail++ % 128] = i;
    if (i >= 99) {
      spans += readings[high[high_head % 128]] - readings[low[low_head % 128]];
      mean_sum += sum / 100.0;
    }
  }
  means = mean_sum;
  check = spans;
}

KERNEL(sliding, RESULT(means))
