#include "vm/base/check.h"

namespace eyeflow {

void check_failed(const char*, const char*, int) { __builtin_trap(); }

}  // namespace eyeflow
