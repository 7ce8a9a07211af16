#include "jit/baseline/code_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/unit/denials.h"

namespace eyeflow::jit {
namespace {

using namespace eyeflow::denials;

// A function that returns 42, written down from the CPUs' manuals.
#if defined(__aarch64__)
constexpr std::uint32_t kReturns42[] = {0xd503245f /* bti c */, 0x52800540 /* mov w0, #42 */, 0xd65f03c0 /* ret */};
#else
constexpr std::uint8_t kReturns42[] = {0xf3, 0x0f, 0x1e, 0xfa /* endbr64 */, 0xb8, 42, 0, 0, 0 /* mov eax, 42 */, 0xc3};
#endif

CodeMemory filled(std::size_t size_bytes = sizeof kReturns42) {
  auto memory = CodeMemory::allocate(size_bytes);
  if (!memory) {
    ADD_FAILURE() << memory.error().message;
    return {};
  }
  std::memcpy(memory->writable().data(), kReturns42, sizeof kReturns42);
  return std::move(*memory);
}
CodeMemory sealed(std::size_t size_bytes = sizeof kReturns42) {
  CodeMemory memory = filled(size_bytes);
  const Result<void> done = memory.seal();
  EXPECT_TRUE(done) << done.error().message;
  return memory;
}
EYEFLOW_CALLS_GENERATED_CODE int call(const CodeMemory& memory, std::size_t offset = 0) {
  return reinterpret_cast<int (*)()>(const_cast<std::byte*>(memory.code() + offset))();
}

struct Mapping {
  std::uintptr_t from, to;
  std::string rights;
};
std::vector<Mapping> mappings() {
  std::vector<Mapping> found;
  std::FILE* file = std::fopen("/proc/self/maps", "re");
  char line[4096];
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    unsigned long from, to;
    char rights[8];
    if (std::sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3) found.push_back({from, to, rights});
  }
  if (file != nullptr) std::fclose(file);
  return found;
}
// Of the page at an address; empty where nothing is mapped.
std::string rights_at(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (const Mapping& mapping : mappings())
    if (mapping.from <= at && at < mapping.to) return mapping.rights;
  return "";
}
// How many there are. Allocates nothing, so that nothing but what is tested adds to them.
std::ptrdiff_t mapping_count() {
  const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  static char text[4096];
  std::ptrdiff_t count = 0;
  for (ssize_t size; (size = read(file, text, sizeof text)) > 0;) count += std::count(text, text + size, '\n');
  close(file);
  return count;
}
bool any_writable_and_executable() {
  for (const Mapping& mapping : mappings())
    if (mapping.rights[1] == 'w' && mapping.rights[2] == 'x') return true;
  return false;
}
const std::size_t kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

TEST(CodeMemory, RunsWhatWasWritten) {
  const CodeMemory memory = sealed();
  EXPECT_TRUE(memory.is_sealed());
  EXPECT_TRUE(memory.writable().empty());
  EXPECT_EQ(call(memory), 42);
}

TEST(CodeMemory, IsNeverWritableAndExecutable) {
  CodeMemory memory = filled();
  EXPECT_EQ(rights_at(memory.writable().data()).substr(0, 3), "rw-");
  EXPECT_EQ(rights_at(memory.code()).substr(0, 3), "---");
  const void* const view = memory.writable().data();
  EXPECT_FALSE(any_writable_and_executable());
  ASSERT_TRUE(memory.seal());
  EXPECT_EQ(rights_at(memory.code()).substr(0, 3), "r-x");
  EXPECT_EQ(rights_at(view), "");
  EXPECT_FALSE(any_writable_and_executable());
}

TEST(CodeMemory, LiesBetweenGuardPages) {
  for (const std::size_t size : {std::size_t{1} + sizeof kReturns42, kPage, kPage + 1, 5 * kPage}) {
    const CodeMemory memory = sealed(size);
    const std::size_t pages = (size + kPage - 1) / kPage * kPage;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.code()) % kPage, 0u);
    EXPECT_EQ(rights_at(memory.code() - 1).substr(0, 3), "---") << size;
    EXPECT_EQ(rights_at(memory.code() + pages - 1).substr(0, 3), "r-x") << size;
    EXPECT_EQ(rights_at(memory.code() + pages).substr(0, 3), "---") << size;
  }
}

TEST(CodeMemory, CannotBeWrittenOrLeft) {
  const CodeMemory memory = sealed();
  auto* const code = const_cast<volatile char*>(reinterpret_cast<const char*>(memory.code()));
  const auto read = [code](std::ptrdiff_t offset) {
    return in_child([=] {
      static_cast<void>(code[offset]);
      return kWorked;
    });
  };
  const auto page = static_cast<std::ptrdiff_t>(kPage);
  EXPECT_EQ(in_child([&] {
              code[0] = 0;
              return kWorked;
            }),
            255);
  EXPECT_EQ(read(-1), 255);
  EXPECT_EQ(read(page), 255);
  EXPECT_EQ(read(page - 1), kWorked);
}

TEST(CodeMemory, WhatFollowsTheCodeTraps) {
  const CodeMemory memory = sealed();
  const auto behind = (sizeof kReturns42 + 7) / 8 * 8;
  EXPECT_EQ(in_child([&] {
              call(memory, behind);
              return kWorked;
            }),
            255);
}

TEST(CodeMemory, BlocksShareNoPage) {
  const CodeMemory one = sealed(), two = sealed();
  EXPECT_GE(one.code() < two.code() ? two.code() - one.code() : one.code() - two.code(),
            static_cast<std::ptrdiff_t>(kPage));
  EXPECT_EQ(call(one) + call(two), 84);
}

TEST(CodeMemory, IsGivenBack) {
  const std::byte* code = nullptr;
  {
    CodeMemory memory = sealed();
    const CodeMemory moved = std::move(memory);
    EXPECT_EQ(memory.code(), nullptr);
    code = moved.code();
    EXPECT_EQ(call(moved), 42);
  }
  EXPECT_NE(rights_at(code).substr(0, 3), "r-x");
  {
    const CodeMemory never_sealed = filled();
  }
  // Whatever leaks would add up.
  const std::ptrdiff_t before = mapping_count();
  for (int n = 0; n < 100; ++n) static_cast<void>(sealed());
  for (int n = 0; n < 100; ++n) static_cast<void>(filled());
  EXPECT_LE(mapping_count(), before + 2);
}

TEST(CodeMemory, UsesMemoryAsItIsWritten) {
  constexpr std::size_t kLarge = 64u << 20;
  CodeMemory memory = filled(kLarge);
  std::vector<unsigned char> in_memory(kLarge / kPage);
  ASSERT_EQ(mincore(memory.writable().data(), kLarge, in_memory.data()), 0);
  std::size_t used = 0;
  for (const unsigned char page : in_memory) used += page & 1;
#if defined(__aarch64__)
  if (used == in_memory.size()) GTEST_SKIP() << "this emulator does not tell which pages are in memory";
#endif
  EXPECT_EQ(used, 1u);
}

TEST(CodeMemory, WorksWhereNoMappingMayGainRights) {
  const int status = in_child([] {
    if (!deny_write_execute()) return kNotHere;
    void* const page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mprotect(page, kPage, PROT_READ | PROT_EXEC) == 0) return 2;  // the rule is not in force
    if (mmap(nullptr, kPage, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) return 3;
    return call(sealed()) == 42 ? kWorked : 4;
  });
  if (status == kNotHere) GTEST_SKIP() << "neither PR_SET_MDWE nor seccomp here";
  EXPECT_EQ(status, kWorked);
}

// What the error says when a system call is refused; the child prints it, so that a failure shows it.
int probe_without(const std::vector<Rule>& rules, const char* reason) {
  return in_child([&] {
    if (!refuse(rules)) return kNotHere;
    static_cast<void>(CodeMemory::probe());  // the allocator has its pages from now on
    const std::ptrdiff_t before = mapping_count();
    const Result<void> found = CodeMemory::probe();
    if (found) return kWorked;
    std::printf("%s\n", found.error().message.c_str());
    if (mapping_count() != before) return 2;
    return found.error().message == std::string("code pages are denied: ") + reason ? kRefused : 3;
  });
}

TEST(CodeMemory, SaysWhatWasRefused) {
  const int status = probe_without({{SYS_mmap, 2, PROT_EXEC}}, "mapping them executable: Operation not permitted");
  if (status == kNotHere) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, kRefused);
  EXPECT_EQ(probe_without({{SYS_memfd_create, 0, 0}}, "memfd_create: Operation not permitted"), kRefused);
}

TEST(CodeMemory, InPlaceIsNeverWritableAndExecutableEither) {
  auto memory = CodeMemory::allocate(sizeof kReturns42, true);
  ASSERT_TRUE(memory);
  std::memcpy(memory->writable().data(), kReturns42, sizeof kReturns42);
  EXPECT_EQ(rights_at(memory->code()).substr(0, 3), "rw-");
  ASSERT_TRUE(memory->seal());
  EXPECT_TRUE(memory->writable().empty());
  EXPECT_EQ(rights_at(memory->code()).substr(0, 3), "r-x");
  EXPECT_EQ(rights_at(memory->code() - 1).substr(0, 3), "---");
  EXPECT_EQ(rights_at(memory->code() + kPage).substr(0, 3), "---");
  EXPECT_EQ(call(*memory), 42);
  const std::byte* const code = memory->code();
  const CodeMemory moved = std::move(*memory);
  EXPECT_EQ(call(moved), 42);
  EXPECT_EQ(moved.code(), code);
}

TEST(CodeMemory, InPlaceGoesIntoAFileWhereNoMappingMayGainRights) {
  const int status = in_child([] {
    if (!deny_write_execute()) return kNotHere;
    auto memory = CodeMemory::allocate(sizeof kReturns42, true);
    if (!memory) return 2;
    std::memcpy(memory->writable().data(), kReturns42, sizeof kReturns42);
    if (!memory->seal()) return 3;
    return rights_at(memory->code()).substr(0, 3) == "r-x" && call(*memory) == 42 ? kWorked : 4;
  });
  if (status == kNotHere) GTEST_SKIP() << "neither PR_SET_MDWE nor seccomp here";
  EXPECT_EQ(status, kWorked);
}

TEST(CodeMemory, SaysWhenThereIsNoRoom) {
  const auto memory = CodeMemory::allocate(std::size_t{1} << 60);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().message, "code pages are denied: reserving addresses: Cannot allocate memory");
}

TEST(CodeMemory, AProbeLeavesNothing) {
  EXPECT_TRUE(CodeMemory::probe());  // the allocator has its pages from now on
  const std::ptrdiff_t before = mapping_count();
  EXPECT_TRUE(CodeMemory::probe());
  EXPECT_EQ(mapping_count(), before);
}

}  // namespace
}  // namespace eyeflow::jit
