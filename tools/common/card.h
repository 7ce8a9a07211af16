#pragma once

#include <string>
#include <vector>

#include "vm/engine/engine.h"

// A task's card: what it can cost at most, recomputed from the bytecode, whoever made it.
namespace eyeflow::tools {

struct CardRow {
  std::string what;                // "on t1", "alarm hot"
  std::uint64_t fuel = 0;          // about an instruction each
  bool metered = false;            // its bound is above the quota: it is stopped there
  std::uint64_t output_bytes = 0;  // that it may send in one event
  std::uint64_t frame_bytes = 0;   // registers, the deepest callees included
  vm::TimeNs within_ns = 0;        // the deadline that it declares; 0: none
};

struct Card {
  std::string task, doc;
  std::vector<CardRow> rows;  // handlers, then alarms (the dearer condition and the text)
  std::uint64_t state_bytes = 0, scratch_bytes = 0, code_bytes = 0;
  std::uint64_t instance_bytes = 0;  // all that one more instance takes
};

Card card_of(const vm::Program& program);

// A table, line by line, without a title.
std::vector<std::string> card_lines(const Card& card);

}  // namespace eyeflow::tools
