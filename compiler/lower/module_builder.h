#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/lower/leaf.h"
#include "vm/module/module.h"

namespace eyeflow::compiler::lowering {

enum class SlotId : std::uint32_t {};
inline constexpr SlotId kNoSlot{0xFFFFFFFF};

// A field of an instruction that will hold a slot's place, once the regions are laid out.
struct SlotUse {
  std::uint32_t instruction = 0;
  bool in_b = false;  // otherwise in c
  SlotId slot{};
};

// Collects the parts of a module that functions share: types, slots, constants. Places in memory are given out last,
// in lay_out(), scalars before texts and arrays and those by size: most instructions reach the first 512 KiB of a
// region, references to what lies behind begin at pages, so only what is large stands there.
class ModuleBuilder {
 public:
  vm::Module module;  // everything but types, slots and images is filled in directly

  vm::TypeId type(const vm::Type& type);
  vm::TypeId type(const LeafType& leaf, vm::Region region);
  vm::TypeId counter_type(std::uint32_t most_trips);

  SlotId add_slot(vm::Region region, LeafType type, std::string name = {}, vm::SlotKind kind = vm::SlotKind::Plain,
                  std::uint16_t subject = 0);
  SlotId add_slot(vm::Region region, LeafConstant initial, std::string name);
  // One slot for each different constant.
  SlotId constant(const LeafConstant& value);

  // What a constant array holds; null for other slots.
  const std::vector<vm::Word>* elements(SlotId slot) const {
    const PendingSlot& pending = slots_[index(slot)];
    const bool is_constant = pending.region == vm::Region::Const && pending.type.kind == vm::TypeKind::Array;
    return is_constant ? &pending.initial.elements : nullptr;
  }

  const LeafType& leaf(SlotId slot) const { return slots_[index(slot)].type; }
  vm::Region region(SlotId slot) const { return slots_[index(slot)].region; }
  std::uint32_t offset(SlotId slot) const { return slots_[index(slot)].offset; }  // after lay_out()

  void add_function(vm::Function function, std::vector<SlotUse> uses);

  // Gives every slot its place and writes it into the functions. Says which region is too large, in words for the
  // author; empty when all fit.
  std::string lay_out();

 private:
  struct PendingSlot {
    vm::Region region;
    vm::SlotKind kind;
    LeafType type;
    std::uint16_t subject = 0;
    std::string name;
    LeafConstant initial;
    std::uint32_t offset = 0;
  };
  static std::size_t index(SlotId slot) { return static_cast<std::size_t>(slot); }
  std::string lay_out(vm::Region region);
  std::vector<std::byte>* image(vm::Region region);

  std::vector<PendingSlot> slots_;
  std::map<std::vector<std::uint64_t>, SlotId> constants_;  // by kind, type and contents
  std::vector<std::vector<SlotUse>> uses_;                  // by function
};

}  // namespace eyeflow::compiler::lowering
