#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vm/base/result.h"

// Names for compiled code: for `perf` by its map file, for `gdb` by an object file in memory. Both are off until
// somebody asks for them: a device writes no file unasked.
namespace eyeflow::jit {

struct CodeFunction {
  std::uint32_t offset = 0;  // from CodeSymbols::code
  std::uint32_t size_bytes = 0;
  std::string name;  // "eyeflow:monitor_t1:on t1": symbol_name()
};
struct CodeLine {
  std::uint32_t offset = 0;  // where the code of a source line begins; ascending
  std::uint32_t line = 0;    // 1-based; 0: no line
};
struct CodeSymbols {
  const std::byte* code = nullptr;  // where it runs
  std::size_t size_bytes = 0;
  std::vector<CodeFunction> functions;  // ascending, disjoint
  std::vector<CodeLine> lines;
  std::string source;  // the file's name; empty: not known, no lines are told
};

std::string symbol_name(std::string_view task, std::string_view function);

// Everything registered from now on gets its lines in /tmp/perf-PID.map, and code is made in place, so that perf looks
// there (see code_memory.h). Error: the file cannot be written.
Result<void> enable_perf_map();
// Everything registered from now on is told to a debugger that is or will be attached.
void enable_gdb();
bool perf_map_wanted();
bool symbols_wanted();  // either of them: what they need is made only then

// A line a function, "ADDRESS SIZE NAME", both in hex: the format of perf's map files.
std::string perf_map_lines(const CodeSymbols& symbols);

// An ELF object with a symbol a function and, in DWARF 4, a line table. Its .text has no bytes: it is where the code
// is.
std::vector<std::byte> debug_object(const CodeSymbols& symbols);

// While it lives, gdb knows the code. (A map file of perf has no way to take a name back.) Any thread.
class SymbolRegistration {
 public:
  SymbolRegistration();  // of nothing
  explicit SymbolRegistration(const CodeSymbols& symbols);
  ~SymbolRegistration();
  SymbolRegistration(SymbolRegistration&&) noexcept;
  SymbolRegistration& operator=(SymbolRegistration&&) noexcept;

 private:
  struct Entry;
  void release();
  std::unique_ptr<Entry> entry_;  // nullptr: not told to gdb
};

}  // namespace eyeflow::jit
