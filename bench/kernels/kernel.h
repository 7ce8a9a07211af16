#pragma once

// The C side of a kernel: NAME.c defines NAME_start() (what `on start` does), NAME_run() (what `every 1 s` does) and
// ends with KERNEL(NAME, RESULT(state), …). Compiled by itself, so that nothing of it is folded into the runner; the
// same file makes the WebAssembly that other machines run.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A state of the task and the bytes that it must hold.
struct KernelResult {
  const char* state;
  const void* bytes;
  size_t size;
};

struct Kernel {
  const char* name;
  void (*start)(void);
  void (*run)(void);
  struct KernelResult results[4];  // unused ones have no name
};

#ifdef __cplusplus
}
#endif

// `check` is the one number that every kernel leaves behind and every peer prints.
#define RESULT(variable) {#variable, &variable, sizeof variable}
#define KERNEL(name, ...)                     \
  double name##_check(void) { return check; } \
  const struct Kernel name##_kernel = {#name, name##_start, name##_run, {RESULT(check), __VA_ARGS__}};
