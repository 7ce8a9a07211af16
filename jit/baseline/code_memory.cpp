#include "jit/baseline/code_memory.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "vm/base/check.h"

namespace eyeflow::jit {
namespace {

// Of newer kernels and other CPUs than the headers at hand may know.
constexpr unsigned kMemfdExecutable = 0x10;  // MFD_EXEC, Linux 6.3
#if defined(__aarch64__)
constexpr int kGuardBranchTargets = 0x10;        // PROT_BTI
constexpr unsigned long kCpuHasBti = 1ul << 17;  // HWCAP2_BTI
constexpr int kTrapByte = 0;                     // udf #0
#else
constexpr int kTrapByte = 0xCC;  // int3
#endif

std::unexpected<Error> refused(const char* what) {
  return fail(std::string("code pages are denied: ") + what + ": " + std::strerror(errno));
}

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

// A kernel that makes memory files non-executable by default wants to be told; an older one does not know the word.
int memory_file() {
  const int file = memfd_create("eyeflow-code", MFD_CLOEXEC | MFD_ALLOW_SEALING | kMemfdExecutable);
  return file >= 0 || errno != EINVAL ? file : memfd_create("eyeflow-code", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

// Calls `grant` with the rights of code; on ARM with BTI with landing pads asked for, where the system knows of them.
template <typename Grant>
bool as_code(Grant grant) {
#if defined(__aarch64__)
  if ((getauxval(AT_HWCAP2) & kCpuHasBti) != 0 && grant(PROT_READ | PROT_EXEC | kGuardBranchTargets)) return true;
#endif
  return grant(PROT_READ | PROT_EXEC);
}

// Over the reserved pages, a new mapping: an old one would have to gain a right.
bool map_executable(std::byte* at, std::size_t bytes, int file) {
  return as_code([&](int rights) { return mmap(at, bytes, rights, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED; });
}
bool make_executable(std::byte* at, std::size_t bytes) {
  return as_code([&](int rights) { return mprotect(at, bytes, rights) == 0; });
}

}  // namespace

std::uint64_t random_key() {
  std::uint64_t key = 0;
  while (key == 0)
    if (getrandom(&key, sizeof key, 0) != sizeof key) key = 0;
  return key;
}

CodeMemory& CodeMemory::operator=(CodeMemory&& other) noexcept {
  if (this == &other) return *this;
  release();
  code_ = std::exchange(other.code_, nullptr);
  view_ = std::exchange(other.view_, nullptr);
  size_ = std::exchange(other.size_, 0);
  pages_ = std::exchange(other.pages_, 0);
  file_ = std::exchange(other.file_, -1);
  return *this;
}

void CodeMemory::release() {
  if (view_ != nullptr && view_ != code_) munmap(view_, pages_);
  if (code_ != nullptr) munmap(code_ - page_bytes(), pages_ + 2 * page_bytes());
  if (file_ >= 0) close(file_);
  code_ = view_ = nullptr;
  size_ = pages_ = 0;
  file_ = -1;
}

Result<CodeMemory> CodeMemory::allocate(std::size_t size_bytes, bool in_place) {
  EYEFLOW_CHECK(size_bytes > 0);
  const std::size_t page = page_bytes();
  CodeMemory memory;
  memory.size_ = size_bytes;
  memory.pages_ = (size_bytes + page - 1) / page * page;
  void* const reserved =
      mmap(nullptr, memory.pages_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return refused("reserving addresses");
  memory.code_ = static_cast<std::byte*>(reserved) + page;
  if (in_place && mprotect(memory.code_, memory.pages_, PROT_READ | PROT_WRITE) == 0)
    memory.view_ = memory.code_;
  else if (auto opened = memory.open_view(); !opened)
    return std::unexpected(opened.error());
  return memory;
}

// The memory file, and a view of it to be written.
Result<void> CodeMemory::open_view() {
  file_ = memory_file();
  if (file_ < 0) return refused("memfd_create");
  if (ftruncate(file_, static_cast<off_t>(pages_)) != 0) return refused("sizing the memory file");
  void* const view = mmap(nullptr, pages_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (view == MAP_FAILED) return refused("mapping them to be written");
  view_ = static_cast<std::byte*>(view);
  return {};
}

Result<void> CodeMemory::leave_place() {
  if (auto opened = open_view(); !opened) return opened;
  std::memcpy(view_, code_, pages_);
  return {};
}

Result<void> CodeMemory::seal() {
  EYEFLOW_CHECK(view_ != nullptr);
  std::memset(view_ + size_, kTrapByte, pages_ - size_);
  const bool in_place = view_ == code_;
  if (in_place && make_executable(code_, pages_)) {
    view_ = nullptr;
  } else {
    if (in_place)
      if (auto left = leave_place(); !left) return left;
    munmap(view_, pages_);
    view_ = nullptr;
    // Nobody writes to the file again, not even through /proc. A kernel that refuses the seal leaves the code as safe
    // as unmapping made it.
    static_cast<void>(fcntl(file_, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
    const bool mapped = map_executable(code_, pages_, file_);
    const int error = errno;
    close(std::exchange(file_, -1));
    if (!mapped) {
      errno = error;
      const auto result = refused("mapping them executable");
      release();
      return result;
    }
  }
  __builtin___clear_cache(reinterpret_cast<char*>(code_), reinterpret_cast<char*>(code_ + size_));
  return {};
}

Result<void> CodeMemory::probe() {
  Result<CodeMemory> memory = allocate(1);
  if (!memory) return std::unexpected(memory.error());
  memory->writable()[0] = std::byte{0};
  return memory->seal();
}

}  // namespace eyeflow::jit
