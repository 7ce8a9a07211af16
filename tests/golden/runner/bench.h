#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/guarded_memory.h"
#include "vm/interpreter/tier.h"

namespace eyeflow::golden {

// Memory and buffers for running single functions of one module outside an instance. Each region lies against a page
// that nothing can access, behind its end or before its start.
// Models of golden files: number 0 answers the sum of the bytes that it is asked with, and of those given before times
// the number of their argument, and the numbers that follow; 1 is late; there are no others.
class ModelsOfTests final : public vm::ModelHost {
 public:
  vm::Trap give(std::int64_t model, std::int64_t argument, vm::Scalar element,
                std::span<const std::byte> value) override;
  vm::Trap ask(std::int64_t model, vm::Scalar element, std::span<const std::byte> argument,
               std::span<std::byte> result) override;

 private:
  float given_ = 0;
};

class Bench {
 public:
  Bench(const vm::VerifiedModule& verified, vm::IntrinsicTable intrinsics, const vm::Tier& tier,
        vm::test::Against side);

  // Everything back to what the module starts as.
  void reset();

  // Runs a function on `arguments`; with `fuel` it runs metered. `registers` holds the results afterwards.
  vm::Trap run(vm::FunctionId function, const std::vector<vm::Word>& arguments, std::optional<std::uint64_t> fuel);

  const vm::Context& context() const { return context_; }
  const vm::Word* results() const { return registers_.data(); }
  std::uint64_t fuel_charged() const { return fuel_given_ - context_.fuel; }
  const vm::OutputBuffer& output() const { return output_; }

  std::byte* at(const vm::Slot& slot) { return region(slot.region).data() + slot.offset; }
  std::span<std::byte> region(vm::Region region) const {
    const int n = static_cast<int>(region);
    return {context_.base[n], sizes_[n]};
  }

  // Undoes what the journal saved. Then every text, array and list of State must be as before the run: an instruction
  // that forgot to journal is named by its slot.
  std::optional<std::string> roll_back();

 private:
  const vm::VerifiedModule& verified_;
  std::unique_ptr<vm::TierCode> code_;
  vm::test::GuardedMemory regions_[vm::kRegionCount];
  std::size_t sizes_[vm::kRegionCount] = {};
  std::vector<std::byte> state_before_;
  std::vector<vm::Word> registers_;
  std::vector<vm::CallRecord> calls_;
  std::vector<std::uint64_t> seen_;
  std::vector<std::uint32_t> line_numbers_;
  std::vector<std::byte> saved_lines_;
  std::vector<std::byte> output_bytes_;
  std::vector<vm::Type> field_types_;
  std::vector<vm::OutputLayout> layouts_;
  ModelsOfTests models_;
  vm::Journal journal_;
  vm::OutputBuffer output_;
  vm::Context context_;
  std::uint64_t fuel_given_ = 0;
};

// A slot's content: "5", "\"text\"", "[1, 2]".
std::string write_slot(const vm::Module& module, const vm::Slot& slot, const std::byte* place);
// What an OutputBuffer holds, a line a row: "history(20.5, 3)".
std::vector<std::string> write_rows(const vm::Module& module, const vm::OutputBuffer& output);

}  // namespace eyeflow::golden
