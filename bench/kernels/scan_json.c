#include <stdbool.h>

#include "bench/kernels/kernel.h"
#include "bench/kernels/signal.h"

static uint8_t bytes[24000];
static int64_t size, hot, bad;
static double check;

static void put(int64_t byte) { bytes[size++] = (uint8_t)byte; }
static void put_text(const char* text) {
  for (; *text; ++text) put(*text);
}
static void put_number(int64_t value) {
  int64_t unit = 1;
  while (unit * 10 <= value) unit *= 10;
  for (; unit > 0; unit /= 10) put('0' + value / unit % 10);
}

void scan_json_start(void) {
  uint32_t seed = 12345;
  size = 0;
  for (int64_t n = 0; n < 500; ++n) {
    seed = next_seed(seed);
    const int64_t tenths = (seed >> 8) % 1200;
    put_text("{\"sensor\":\"T");
    put_number(n % 16);
    put_text("\",\"temp\":");
    put_number(tenths / 10);
    put_text(".");
    put_number(tenths % 10);
    put_text(",\"ts\":");
    put_number(1234567890 + n);
    put_text("}\n");
  }
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

void scan_json_run(void) {
  int64_t at = 0, found = 0, wrong = 0;
  double sum = 0.0;
  while (at < size) {
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

KERNEL(scan_json, RESULT(size), RESULT(hot), RESULT(bad))
