#pragma once

#include <openssl/crypto.h>

namespace eyeflow::runtime {

// The system's openssl.cnf is not read: what a device accepts must not depend on it, and parsing it costs start time.
inline void start_library() {
  static const int started = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  static_cast<void>(started);
}

}  // namespace eyeflow::runtime
