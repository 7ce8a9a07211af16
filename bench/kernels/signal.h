#pragma once

#include <stdint.h>

// The generator of the tasks: u32 arithmetic wraps.
static inline uint32_t next_seed(uint32_t seed) { return seed * 1664525u + 1013904223u; }
// 0 <= noise < 1
static inline double noise(uint32_t seed) { return (double)(int64_t)(seed >> 8) / 16777216.0; }

// A triangle between 10 and 90 with a period of 2,048 and noise of ±3: readings whose branches are mostly predictable.
static inline void fill_readings(double* readings, int64_t count) {
  uint32_t seed = 12345;
  for (int64_t i = 0; i < count; ++i) {
    seed = next_seed(seed);
    const int64_t phase = i % 2048;
    const double triangle = phase < 1024 ? (double)phase / 512.0 - 1.0 : 3.0 - (double)phase / 512.0;
    readings[i] = 50.0 + 40.0 * triangle + 6.0 * (noise(seed) - 0.5);
  }
}
