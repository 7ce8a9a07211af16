#pragma once

namespace eyeflow {

// Ends the process with a message; the one way out when we ourselves are wrong. The host may install its own sink.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace eyeflow

// For mistakes of our own, never for input: the process stops, because what follows could not be trusted.
#define EYEFLOW_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::eyeflow::check_failed(#condition, __FILE__, __LINE__))
