#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[4096];
static double smooth, check;
static int64_t changes;

void calls_start(void) { fill_readings(readings, 4096); }

static double clamp(double x, double low, double high) {
  if (x < low) return low;
  if (x > high) return high;
  return x;
}
static double scaled(double x, double gain, double offset) { return x * gain + offset; }
static double blend(double a, double b, double weight) { return a + (b - a) * clamp(weight, 0.0, 1.0); }
static int64_t level(double x) {
  if (x < 20.0) return 0;
  if (x < 40.0) return 1;
  if (x < 60.0) return 2;
  return 3;
}
static double filtered(double last, double x) {
  return blend(last, clamp(scaled(x, 1.02, -0.5), 15.0, 85.0), 0.25);
}

void calls_run(void) {
  double value = 50.0, sum = 0.0;
  int64_t count = 0, before = 2;
  for (int64_t i = 0; i < 4096; ++i) {
    const double x = readings[i];
    value = filtered(value, x);
    const int64_t now_at = level(value);
    if (now_at != before) ++count;
    before = now_at;
    sum += blend(value, x, 0.5);
  }
  smooth = value;
  changes = count;
  check = sum;
}

KERNEL(calls, RESULT(smooth), RESULT(changes))
