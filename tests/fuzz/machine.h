#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tests/fuzz/guarded_memory.h"
#include "vm/interpreter/tier.h"

// Runs functions of a verified module outside the engine, one event after the other on the same state, as a handler's
// transactions: after a trap everything is as it was before, and scratch is zero at the start of each. All memory that
// compiled code may reach is exactly as large as the verifier's bounds say, between pages that nothing can access.
namespace eyeflow::vm::test {

// What happens to a task: one of its functions is run.
struct Event {
  FunctionId function{};
  std::vector<Word> arguments{};        // of scalar types
  std::optional<std::uint64_t> fuel{};  // metered, with so much
  std::uint32_t output_bytes = 0;       // room for rows
  std::vector<Word> input{};            // what the Input region holds

  friend bool operator==(const Event&, const Event&) = default;
};

class Machine {
 public:
  explicit Machine(const Tier& tier) : tier_(tier) {}

  // Makes the module ready and fills its memory. The module must outlive its use here.
  void load(const VerifiedModule& verified, IntrinsicTable intrinsics, Against side,
            const PrepareOptions& options = {});
  void unload() { code_.reset(); }

  // A tier that changes Const, Param or Input, or something in State that its caller cannot undo, stops the process.
  void run(const Event& event);

  // What the last event gave.
  struct Outcome {
    Trap trap = Trap::None;
    std::uint16_t trap_function = 0;  // where, if there was one
    std::uint32_t trap_instruction = 0;
    std::uint64_t fuel_used = 0;  // 0 when not metered
    std::uint64_t texts_cut = 0;  // so far

    friend bool operator==(const Outcome&, const Outcome&) = default;
  };
  const Outcome& outcome() const { return outcome_; }
  // These only without a trap; NaNs among the results are made canonical, since their bits in registers are free.
  std::span<const Word> results() const { return {registers_, outcome_.trap == Trap::None ? result_count_ : 0}; }
  std::span<const std::byte> output() const { return {output_.data, outcome_.trap == Trap::None ? output_.used : 0}; }
  std::span<const std::byte> scratch() const { return region(Region::Scratch, outcome_.trap == Trap::None); }
  std::span<const std::byte> state() const { return region(Region::State, true); }

  const Tier& tier() const { return tier_; }
  TierReport report() const { return code_->report(); }

 private:
  std::span<const std::byte> region(Region which, bool there) const {
    const int n = static_cast<int>(which);
    return {context_.base[n], there ? sizes_[n] : 0};
  }
  void undo(const FunctionBound& bound);

  const Tier& tier_;
  const VerifiedModule* verified_ = nullptr;
  std::unique_ptr<TierCode> code_;
  Against side_ = Against::End;
  GuardedMemory regions_[kRegionCount], frame_, calls_, seen_, line_numbers_, saved_lines_, rows_;
  std::size_t sizes_[kRegionCount] = {};
  std::vector<std::byte> state_before_;
  std::vector<Type> field_types_;
  std::vector<OutputLayout> layouts_;
  Word* registers_ = nullptr;
  std::size_t result_count_ = 0;
  Journal journal_;
  OutputBuffer output_;
  Context context_;
  Outcome outcome_;
};

}  // namespace eyeflow::vm::test
