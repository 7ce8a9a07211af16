#pragma once

// What hosts of kernels.wasm share: the questions on stdin (see README.md). A host defines the three functions and
// calls answer_stdin().

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct HostFunction HostFunction;  // the host's own

static HostFunction* host_find(const char* export_name);  // null when there is none
static void host_call(HostFunction* function);            // () -> ()
static double host_call_f64(HostFunction* function);      // () -> f64

static double host_now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double host_timed(HostFunction* run, long runs) {
  const double begin = host_now_ns();
  for (long n = 0; n < runs; ++n) host_call(run);
  return host_now_ns() - begin;
}

static HostFunction* host_find_of(const char* kernel, const char* part) {
  char name[64];
  snprintf(name, sizeof name, "%s_%s", kernel, part);
  return host_find(name);
}

static uint8_t* host_read_file(const char* path, uint32_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  *size = (uint32_t)ftell(file);
  rewind(file);
  uint8_t* bytes = (uint8_t*)malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) exit(2);
  fclose(file);
  return bytes;
}

static void answer_stdin(void) {
  char kernel[48], what[16];
  while (scanf("%47s %15s", kernel, what) == 2) {
    HostFunction *start = host_find_of(kernel, "start"), *run = host_find_of(kernel, "run");
    if (!start || !run) {
      puts("none");
    } else if (strcmp(what, "check") == 0) {
      host_call(start);
      host_call(run);
      host_call(run);
      const double check = host_call_f64(host_find_of(kernel, "check"));
      uint64_t bits;
      memcpy(&bits, &check, sizeof bits);
      printf("%016llx\n", (unsigned long long)bits);
    } else {
      const double least = atof(what) * 1e6;
      host_call(start);
      long runs = 1;
      double ns = host_timed(run, runs);
      while (ns < least / 4) ns = host_timed(run, runs *= 2);
      runs = (long)((double)runs * least / ns) + 1;
      printf("%.1f\n", host_timed(run, runs) / (double)runs);
    }
    fflush(stdout);
  }
}
