#include "tests/fuzz/guarded_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include "vm/base/check.h"

namespace eyeflow::vm::test {
namespace {

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

GuardedMemory::~GuardedMemory() {
  if (pages_ != nullptr) munmap(pages_ - page_bytes(), size_ + 2 * page_bytes());
}

std::byte* GuardedMemory::place(std::size_t bytes, Against side) {
  const std::size_t page = page_bytes();
  bytes = (bytes + 7) / 8 * 8;
  if (bytes > size_ || pages_ == nullptr) {
    if (pages_ != nullptr) munmap(pages_ - page, size_ + 2 * page);
    size_ = (bytes / page + 1) * page;
    void* const reserved = mmap(nullptr, size_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EYEFLOW_CHECK(reserved != MAP_FAILED);
    pages_ = static_cast<std::byte*>(reserved) + page;
    EYEFLOW_CHECK(mprotect(pages_, size_, PROT_READ | PROT_WRITE) == 0);
  }
  return side == Against::Start ? pages_ : pages_ + size_ - bytes;
}

}  // namespace eyeflow::vm::test
