#pragma once

#include <cstdint>
#include <vector>

namespace eyeflow::vm {

inline constexpr std::uint32_t kNeverJumpedTo = 0xFFFFFFFF;

// Which registers have been written at a place, whichever way led there, decided in one pass over a function. Since
// branches only go forward, and what is written stays written, a register needs one number: the place from which on it
// has been on the straight way. A branch that comes from before that place may have jumped over it, so at its target
// the register counts as not written. Writing it again before the next use is always good enough.
class WrittenRegisters {
 public:
  explicit WrittenRegisters(std::size_t registers) : is_written_(registers, false) {}

  void write(std::uint16_t reg, std::uint32_t at) {
    if (is_written_[reg]) return;
    is_written_[reg] = true;
    order_.push_back({at, reg});
  }
  void write_at_the_start(std::uint16_t reg) { is_written_[reg] = true; }
  // At a place where branches arrive, with the first instruction that goes there.
  void join(std::uint32_t earliest_source) {
    while (!order_.empty() && order_.back().at > earliest_source) {
      is_written_[order_.back().reg] = false;
      order_.pop_back();
    }
  }
  bool is_written(std::uint16_t reg) const { return is_written_[reg]; }

 private:
  struct Place {
    std::uint32_t at;
    std::uint16_t reg;
  };
  std::vector<bool> is_written_;
  std::vector<Place> order_;  // ascending
};

}  // namespace eyeflow::vm
