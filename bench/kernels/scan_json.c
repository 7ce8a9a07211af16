#include <stdbool.h>

#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static uint8_t bytes[5632];
static int64_t hot, bad;
static double check;

void scan_json_start(void) {
  static const char message[] = "{\"sensor\":\"T0\",\"temp\":00.0,\"ts\":1234567890}\n";
  uint32_t seed = 12345;
  for (int64_t n = 0; n < 128; ++n) {
    seed = next_seed(seed);
    const int64_t tenths = (seed >> 8) % 1000, first = n * 44;
    for (int64_t i = 0; i < 44; ++i) bytes[first + i] = (uint8_t)message[i];
    bytes[first + 12] = (uint8_t)(48 + n % 10);
    bytes[first + 22] = (uint8_t)(48 + tenths / 100);
    bytes[first + 23] = (uint8_t)(48 + tenths / 10 % 10);
    bytes[first + 25] = (uint8_t)(48 + tenths % 10);
  }
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

void scan_json_run(void) {
  int64_t at = 0, found = 0, wrong = 0;
  double sum = 0.0;
  while (at < 5632) {
    if (bytes[at] != '{') {
      ++at;
      continue;
    }
    ++at;
    while (bytes[at] != '}') {
      while (bytes[at] == ' ' || bytes[at] == ',') ++at;
      if (bytes[at] != '"') {
        ++wrong;
        break;
      }
      const int64_t key = ++at;
      while (bytes[at] != '"') ++at;
      const int64_t length = at - key;
      ++at;
      if (bytes[at] != ':') {
        ++wrong;
        break;
      }
      ++at;
      if (bytes[at] == '"') {
        ++at;
        while (bytes[at] != '"') ++at;
        ++at;
      } else {
        double value = 0.0, scale = 1.0;
        for (; is_digit(bytes[at]); ++at) value = value * 10.0 + (double)(bytes[at] - '0');
        if (bytes[at] == '.') {
          ++at;
          for (; is_digit(bytes[at]); ++at) {
            scale *= 0.1;
            value += (double)(bytes[at] - '0') * scale;
          }
        }
        if (length == 4 && bytes[key] == 't' && bytes[key + 1] == 'e' && bytes[key + 2] == 'm' && bytes[key + 3] == 'p') {
          if (value > 80.0) {
            ++found;
            sum += value;
          }
        }
      }
    }
  }
  hot = found;
  bad = wrong;
  check = sum;
}

KERNEL(scan_json, RESULT(hot), RESULT(bad))
