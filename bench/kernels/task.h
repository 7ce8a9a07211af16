#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/engine/engine.h"

namespace eyeflow::bench {

// Compiles a task of one file; a mistake in it ends the process with what an author would read.
vm::VerifiedModule compile_task(const std::string& path);
vm::VerifiedModule compile_text(const std::string& source, const std::string& path);

// A task outside an engine: its memory, and its handlers run one at a time as transactions that never fail.
class Task {
 public:
  Task(const vm::VerifiedModule& verified, const vm::Tier& tier);

  const vm::TierCode& code() const { return *code_; }
  void run(vm::HandlerKind kind);  // the first of that kind; a trap ends the process
  bool is_metered() const;         // the kernel's handler: its bound is above the engine's quota
  void start_anew();               // everything as the module has it, then `on start`
  // A state by its name: its value's own bytes. None of that name ends the process.
  std::span<const std::byte> state(std::string_view name) const;

 private:
  const vm::VerifiedModule& verified_;
  std::unique_ptr<vm::TierCode> code_;
  std::vector<std::byte> regions_[vm::kRegionCount];
  std::vector<vm::Word> registers_, saved_;
  std::vector<vm::CallRecord> calls_;
  std::vector<std::uint64_t> seen_;
  std::vector<std::uint32_t> line_numbers_;
  std::vector<std::byte> saved_lines_, output_bytes_;
  std::vector<vm::Type> field_types_;
  std::vector<vm::OutputLayout> layouts_;
  vm::Journal journal_;
  vm::OutputBuffer output_;
  vm::Context context_;
  std::uint64_t fuel_quota_ = vm::Program::Options{}.fuel_quota;
};

}  // namespace eyeflow::bench
