#pragma once

// For what an instruction rarely does: called without saving registers first, so that the usual way needs no stack
// frame.
#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
#define EYEFLOW_RARE [[gnu::noinline, clang::preserve_most]]
#else
#define EYEFLOW_RARE [[gnu::noinline]]
#endif
