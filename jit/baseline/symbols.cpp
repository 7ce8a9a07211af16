#include "jit/baseline/symbols.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "jit/baseline/lock.h"

// What a debugger looks for by name in every process: its breakpoint is on the function, and the list hangs on the
// descriptor (gdb's manual, "JIT Compilation Interface"). Weak, because other compilers in the process bring them too.
extern "C" {
struct jit_code_entry {
  jit_code_entry *next_entry, *prev_entry;
  const char* symfile_addr;
  std::uint64_t symfile_size;
};
struct jit_descriptor {
  std::uint32_t version, action_flag;
  jit_code_entry *relevant_entry, *first_entry;
};
[[gnu::weak, gnu::noinline, gnu::used]] void __jit_debug_register_code() { asm volatile("" ::: "memory"); }
[[gnu::weak, gnu::used]] jit_descriptor __jit_debug_descriptor = {1, 0, nullptr, nullptr};
}

namespace eyeflow::jit {
namespace {

enum Action : std::uint32_t { kRegister = 1, kUnregister = 2 };

std::atomic<int> perf_map = -1;  // the open file
std::atomic<bool> gdb_wanted = false;

// The list is walked by a debugger that stops all threads; between ourselves this lock is enough. Rarely contended.
std::atomic_flag list_taken = ATOMIC_FLAG_INIT;

void tell_debugger(Action action, jit_code_entry& entry) {
  __jit_debug_descriptor.action_flag = action;
  __jit_debug_descriptor.relevant_entry = &entry;
  __jit_debug_register_code();
  __jit_debug_descriptor.action_flag = 0;
  __jit_debug_descriptor.relevant_entry = nullptr;
}

std::string hex(std::uint64_t value) {
  char digits[16];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr};
}

}  // namespace

std::string symbol_name(std::string_view task, std::string_view function) {
  std::string name = "eyeflow:";
  name.append(task).append(":").append(function);
  for (char& c : name)
    if (static_cast<unsigned char>(c) < ' ') c = '?';  // the map has one line a name
  return name;
}

Result<void> enable_perf_map() {
  if (perf_map >= 0) return {};
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  // Nobody else's file and no link, for the name can be guessed; but one of our own may be left of an earlier process.
  unlink(path.c_str());
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return fail(path + ": cannot be written: " + std::strerror(errno) + "; remove it, or do without");
  perf_map = file;
  return {};
}
void enable_gdb() { gdb_wanted = true; }
bool perf_map_wanted() { return perf_map >= 0; }
bool symbols_wanted() { return perf_map >= 0 || gdb_wanted; }

std::string perf_map_lines(const CodeSymbols& symbols) {
  std::string text;
  for (const CodeFunction& function : symbols.functions)
    text += hex(reinterpret_cast<std::uintptr_t>(symbols.code) + function.offset) + ' ' + hex(function.size_bytes) +
            ' ' + function.name + '\n';
  return text;
}

struct SymbolRegistration::Entry {
  std::vector<std::byte> object;
  jit_code_entry link{};
};

SymbolRegistration::SymbolRegistration() = default;
SymbolRegistration::SymbolRegistration(const CodeSymbols& symbols) {
  if (const int file = perf_map; file >= 0) {
    // In one write, so that threads do not mix their lines. A full disk costs names, nothing else.
    const std::string lines = perf_map_lines(symbols);
    [[maybe_unused]] const ssize_t written = write(file, lines.data(), lines.size());
  }
  if (!gdb_wanted) return;
  entry_ = std::make_unique<Entry>();
  entry_->object = debug_object(symbols);
  jit_code_entry& link = entry_->link;
  link.symfile_addr = reinterpret_cast<const char*>(entry_->object.data());
  link.symfile_size = entry_->object.size();
  const Lock lock(list_taken);
  link.next_entry = __jit_debug_descriptor.first_entry;
  if (link.next_entry != nullptr) link.next_entry->prev_entry = &link;
  __jit_debug_descriptor.first_entry = &link;
  tell_debugger(kRegister, link);
}

void SymbolRegistration::release() {
  if (entry_ == nullptr) return;
  jit_code_entry& link = entry_->link;
  const Lock lock(list_taken);
  (link.prev_entry != nullptr ? link.prev_entry->next_entry : __jit_debug_descriptor.first_entry) = link.next_entry;
  if (link.next_entry != nullptr) link.next_entry->prev_entry = link.prev_entry;
  tell_debugger(kUnregister, link);
  entry_.reset();
}

SymbolRegistration::~SymbolRegistration() { release(); }
SymbolRegistration::SymbolRegistration(SymbolRegistration&&) noexcept = default;
SymbolRegistration& SymbolRegistration::operator=(SymbolRegistration&& other) noexcept {
  if (this == &other) return *this;
  release();
  entry_ = std::move(other.entry_);
  return *this;
}

}  // namespace eyeflow::jit
