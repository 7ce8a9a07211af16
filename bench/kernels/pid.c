#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static double readings[4096];
static double level, check;
static volatile double gain_param = 2.0;

void pid_start(void) { fill_readings(readings, 4096); }

static double limited(double x, double low, double high) {
  x = x < high ? x : high;
  return low < x ? x : low;
}

void pid_run(void) {
  struct {
    double set, integral, last;
  } loop = {50.0, 0.0, 20.0};
  const double gain = gain_param;
  double tank = 20.0, effort = 0.0;
  for (int64_t i = 0; i < 4096; ++i) {
    const double disturbance = readings[i];
    if (i % 1024 == 0) loop.set = 30.0 + (double)i / 100.0;
    const double error = loop.set - tank;
    const double wanted = gain * error + loop.integral - 0.5 * (tank - loop.last);
    const double power = limited(wanted, 0.0, 100.0);
    if (power == wanted) loop.integral = loop.integral + 0.05 * error;
    loop.last = tank;
    tank = tank + 0.02 * (power - 0.4 * tank) + 0.001 * (disturbance - 50.0);
    effort = effort + __builtin_fabs(power);
  }
  level = tank;
  check = effort;
}

KERNEL(pid, RESULT(level))
