#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[16384];
static int64_t alarms;
static double check;

void threshold_start(void) { fill_readings(readings, 16384); }

void threshold_run(void) {
  int64_t where = 0, count = 0, raised = 0;  // where: 0 between the thresholds, 1 above, 2 below
  double sum = 0.0;
  for (int64_t i = 0; i < 16384; ++i) {
    const double v = readings[i];
    if (where == 0) {
      if (v > 75.0) {
        if (++count >= 3) where = 1, count = 0, ++raised, sum += v;
      } else if (v < 25.0) {
        if (++count >= 3) where = 2, count = 0, ++raised, sum -= v;
      } else {
        count = 0;
      }
    } else if (where == 1) {
      if (v < 70.0) {
        if (++count >= 2) where = 0, count = 0, sum += 1.0;
      } else {
        count = 0;
      }
    } else {
      if (v > 30.0) {
        if (++count >= 2) where = 0, count = 0, sum += 0.5;
      } else {
        count = 0;
      }
    }
  }
  alarms = raised;
  check = sum;
}

KERNEL(threshold, RESULT(alarms))
