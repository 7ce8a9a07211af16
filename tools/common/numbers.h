#pragma once

#include <chrono>
#include <cstdint>
#include <string>

// Numbers as a person reads them.
namespace eyeflow::tools {

std::string count_text(std::uint64_t count);                   // "12,034"
std::string bytes_text(std::uint64_t bytes);                   // "64 B", "3.25 KB", "9.8 MB" (powers of 1,000)
std::string duration_text(std::chrono::nanoseconds duration);  // "850 ns", "41 µs", "1.25 ms", "3.5 s", "2 min 5 s"

}  // namespace eyeflow::tools
