#include "vm/base/check.h"

#include <cstdio>

namespace eyeflow {

// Of the C library only, which is there wherever a process is; unbuffered, because nothing runs after it.
void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "EyeFlow is wrong about itself: %s does not hold (%s:%d). Please report this.\n", condition,
               file, line);
  std::fflush(stderr);
  __builtin_trap();
}

}  // namespace eyeflow
