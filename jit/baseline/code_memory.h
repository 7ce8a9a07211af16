#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vm/base/result.h"

// For a function that calls generated code: the sanitizer of indirect calls reads a signature before the callee's first
// byte, where generated code has none, and where it is the first of its pages there is a guard page.
#if defined(__clang__)
#define EYEFLOW_CALLS_GENERATED_CODE __attribute__((no_sanitize("function")))
#else
#define EYEFLOW_CALLS_GENERATED_CODE
#endif

namespace eyeflow::jit {

// Of the system's: what nobody can guess. Never 0.
std::uint64_t random_key();

// Pages for compiled code, each used by one block only. No address of them is ever writable and executable: the code is
// written through one view of a memory file, that view is unmapped, and only then is the file mapped executable, at an
// address that was reserved from the start. Before and after it lies a page that nothing can access. No mapping ever
// gains a right, so this works under PR_SET_MDWE (Linux 6.3, systemd's MemoryDenyWriteExecute).
//
// In place: for `perf`, which looks for names in its map file only where memory is of no file. The code is written
// where it will run, and only then do the pages lose the right to be written and gain the one to be run. Where nothing
// may gain a right the code goes into a memory file after all, and perf does not find its names.
//
//   allocate() → writable(), filled for the address code() → seal() → code() runs
//
// Not for several threads at once. The destructor gives everything back; nothing may run in it by then.
class CodeMemory {
 public:
  CodeMemory() = default;
  ~CodeMemory() { release(); }
  CodeMemory(CodeMemory&& other) noexcept { *this = static_cast<CodeMemory&&>(other); }
  CodeMemory& operator=(CodeMemory&& other) noexcept;

  // Room for `size_bytes` (at least 1) of code. Memory is used as it is written. Error: what the system refused.
  static Result<CodeMemory> allocate(std::size_t size_bytes, bool in_place = false);

  // Whether the system grants code pages at all, asked by having some for a moment. Error: what it refused.
  static Result<void> probe();

  // Where to write; empty once sealed. Not where it will run.
  std::span<std::byte> writable() const { return {view_, view_ == nullptr ? 0 : size_}; }

  // Ends the writing and makes the code executable. What is left of the last page traps when it is run. On ARM with
  // BTI, indirect branches must then arrive at landing pads. Error: what the system refused; the block is of no use.
  [[nodiscard]] Result<void> seal();

  // Where the code runs; fixed from allocate() on, a multiple of the page size.
  const std::byte* code() const { return code_; }
  std::size_t size_bytes() const { return size_; }
  bool is_sealed() const { return code_ != nullptr && view_ == nullptr; }

 private:
  void release();
  Result<void> open_view();
  Result<void> leave_place();

  std::byte* code_ = nullptr;  // pages_ bytes, between two guard pages
  std::byte* view_ = nullptr;  // the same pages, writable; nullptr once sealed; in place: code_ itself
  std::size_t size_ = 0, pages_ = 0;
  int file_ = -1;  // until sealed
};

}  // namespace eyeflow::jit
