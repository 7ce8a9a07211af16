#include <stdbool.h>

#include "bench/kernels/kernel.h"

static int64_t primes;
static double check;

void sieve_start(void) {}

void sieve_run(void) {
  bool struck[50000] = {false};
  int64_t count = 0, sum = 0;
  for (int64_t i = 2; i < 50000; ++i) {
    if (struck[i]) continue;
    ++count;
    sum += i;
    for (int64_t multiple = i * i; multiple < 50000; multiple += i) struck[multiple] = true;
  }
  primes = count;
  check = (double)sum;
}

KERNEL(sieve, RESULT(primes))
