#include "tests/unit/allocations.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EYEFLOW_SANITIZED 1
#endif
#endif

namespace {
std::atomic<std::uint64_t> counted = 0;
}

namespace eyeflow {
std::uint64_t allocations() { return counted; }
}  // namespace eyeflow

#ifdef EYEFLOW_SANITIZED

// A sanitizer pairs its own operator new and delete; replacing them would break that pairing.
#include <sanitizer/allocator_interface.h>

namespace {
[[maybe_unused]] const int kInstalled = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++counted; }, [](const volatile void*) {});
}  // namespace

#else

void* operator new(std::size_t size) {
  ++counted;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++counted;
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#endif
