#include <sys/auxv.h>
#include <sys/prctl.h>

#include "stdlib/kernels/sve.h"

namespace eyeflow::stdlib {

std::size_t sve_bytes() {
  if ((getauxval(AT_HWCAP) & HWCAP_SVE) == 0) return 0;
  const int length = prctl(PR_SVE_GET_VL);
  return length < 0 ? 0 : static_cast<std::size_t>(length & PR_SVE_VL_LEN_MASK);
}

}  // namespace eyeflow::stdlib
