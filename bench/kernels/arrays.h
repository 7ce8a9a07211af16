#pragma once

// What whole arrays of a task mean, in C, for the kernels on them: written so that the compiler makes vector code of
// it.

#include <stddef.h>
#include <stdint.h>

// Sums have one order: element i goes to partial sum i mod 32, and these are folded by halves.
#define EYEFLOW_PARTIALS 32

static inline float fold_partials(float* partials) {
  for (int half = EYEFLOW_PARTIALS / 2; half > 0; half /= 2)
    for (int n = 0; n < half; ++n) partials[n] += partials[n + half];
  return partials[0];
}
static inline float array_dot(const float* restrict a, const float* restrict b, int64_t count) {
  float partials[EYEFLOW_PARTIALS] = {0};
  int64_t i = 0;
  for (; i + EYEFLOW_PARTIALS <= count; i += EYEFLOW_PARTIALS)
    for (int64_t n = 0; n < EYEFLOW_PARTIALS; ++n) partials[n] += a[i + n] * b[i + n];
  for (int64_t n = 0; i + n < count; ++n) partials[n] += a[i + n] * b[i + n];
  return fold_partials(partials);
}
static inline float array_rms(const float* a, int64_t count) {
  return __builtin_sqrtf(array_dot(a, a, count) / (float)count);
}
