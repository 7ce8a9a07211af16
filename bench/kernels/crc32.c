#include "bench/kernels/kernel.h"

static uint8_t bytes[16384];
static uint32_t table[256], crc;
static double check;

void crc32_start(void) {
  for (int64_t i = 0; i < 16384; ++i) bytes[i] = (uint8_t)(i * 7 + i / 256 * 13);
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) == 1 ? (c >> 1) ^ 3988292384u : c >> 1;
    table[i] = c;
  }
}

void crc32_run(void) {
  uint32_t c = ~0u;
  for (int64_t i = 0; i < 16384; ++i) c = table[(c ^ bytes[i]) & 255] ^ (c >> 8);
  crc = ~c;
  check = (double)crc;
}

KERNEL(crc32, RESULT(crc))
