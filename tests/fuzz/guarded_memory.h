#pragma once

#include <cstddef>
#include <span>

// Memory between two pages that nothing can access: code that reaches past its end, or before its start, stops the
// process there, whether a sanitizer sees that code or not.
namespace eyeflow::vm::test {

// Which end of the memory lies right at such a page; the other end is a page's rest away from one.
enum class Against { Start, End };

class GuardedMemory {
 public:
  GuardedMemory() = default;
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  // `bytes` bytes at a multiple of 8; what was given out before is given up. Its content is whatever was there last.
  // Only growing costs a system call.
  std::byte* place(std::size_t bytes, Against side);

  template <typename T>
  T* place_array(std::size_t count, Against side) {
    static_assert(alignof(T) <= 8);
    return reinterpret_cast<T*>(place(count * sizeof(T), side));
  }

 private:
  std::byte* pages_ = nullptr;  // between the guards
  std::size_t size_ = 0;
};

}  // namespace eyeflow::vm::test
