#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "vm/engine/engine.h"

// What became of a task's functions in the tier that runs it.
namespace eyeflow::tools {

struct TierRow {
  std::string what;              // "on t1", "hot when"
  std::string tier;              // "baseline", "interpreter"
  std::uint64_t code_bytes = 0;  // of machine code; 0: none, or not yet
  std::chrono::nanoseconds compile_time{};
  std::uint64_t calls = 0;  // by all instances so far
};

// Of what the outside calls: handlers, and the conditions and texts of alarms.
std::vector<TierRow> tier_rows(const vm::Program& program);

// A table of them, and a last line that says why it is another tier than was asked for.
std::vector<std::string> tier_lines(const vm::Program& program, bool with_calls);

}  // namespace eyeflow::tools
