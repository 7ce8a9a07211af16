#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[16384];
static double mean, check;
static int64_t anomalies;

void ewma_start(void) { fill_readings(readings, 16384); }

void ewma_run(void) {
  const double a = 0.05;
  double m = 50.0, variance = 100.0, scores = 0.0;
  int64_t count = 0;
  for (int64_t i = 0; i < 16384; ++i) {
    const double d = readings[i] - m;
    const double z = d / __builtin_sqrt(variance);
    if (z > 1.8 || z < -1.8) {
      ++count;
      scores += z;
    }
    m += a * d;
    variance = (1.0 - a) * (variance + a * d * d);
  }
  mean = m;
  anomalies = count;
  check = scores + variance;
}

KERNEL(ewma, RESULT(mean), RESULT(anomalies))
