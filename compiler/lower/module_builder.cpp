#include "compiler/lower/module_builder.h"

#include <algorithm>
#include <cstring>

#include "vm/base/check.h"
#include "vm/isa/context.h"

namespace eyeflow::compiler::lowering {
namespace {

constexpr std::uint64_t kReachableWords = 65'536;  // a slot's place is a 16-bit word offset, or one of a page

vm::Type machine_type(const LeafType& leaf, vm::Region region) {
  return {.kind = leaf.kind, .element = leaf.scalar, .region = region, .capacity = leaf.capacity};
}

void put(std::byte* at, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

void write_initial(const LeafType& slot, const LeafConstant& value, std::byte* at) {
  switch (slot.kind) {
    case vm::TypeKind::Scalar:
      put(at, value.word, 8);
      return;
    case vm::TypeKind::Text:
      put(at, value.text.size(), 4);
      std::memcpy(at + 4, value.text.data(), value.text.size());
      return;
    case vm::TypeKind::List:
      put(at, value.elements.size(), 8);
      at += 8;
      [[fallthrough]];
    default:
      break;
  }
  const int width = vm::size_bytes(slot.scalar);
  for (std::size_t i = 0; i < value.elements.size(); ++i) put(at + i * width, value.elements[i], width);
}

// Equal keys, equal constants. A text's capacity is part of it: references to it must have one type.
std::vector<std::uint64_t> key_of(const LeafConstant& value) {
  std::vector<std::uint64_t> key = {static_cast<std::uint64_t>(value.type.kind),
                                    static_cast<std::uint64_t>(value.type.scalar), value.type.capacity, value.word,
                                    value.text.size()};
  for (const char c : value.text) key.push_back(static_cast<unsigned char>(c));
  key.insert(key.end(), value.elements.begin(), value.elements.end());
  return key;
}

}  // namespace

vm::TypeId ModuleBuilder::type(const vm::Type& wanted) {
  if (wanted.kind == vm::TypeKind::Scalar) return vm::type_id(wanted.element);
  auto at = std::ranges::find(module.types, wanted);
  if (at == module.types.end()) {
    module.types.push_back(wanted);
    at = module.types.end() - 1;
  }
  return static_cast<vm::TypeId>(vm::kFirstModuleType + (at - module.types.begin()));
}

vm::TypeId ModuleBuilder::type(const LeafType& leaf, vm::Region region) { return type(machine_type(leaf, region)); }

vm::TypeId ModuleBuilder::counter_type(std::uint32_t most_trips) {
  return type(vm::Type{.kind = vm::TypeKind::Counter, .capacity = most_trips});
}

SlotId ModuleBuilder::add_slot(vm::Region region, LeafType type, std::string name, vm::SlotKind kind,
                               std::uint16_t subject) {
  slots_.push_back({region, kind, type, subject, std::move(name), LeafConstant{.type = type}, 0});
  return static_cast<SlotId>(slots_.size() - 1);
}

SlotId ModuleBuilder::add_slot(vm::Region region, LeafConstant initial, std::string name) {
  const SlotId slot = add_slot(region, initial.type, std::move(name));
  slots_[index(slot)].initial = std::move(initial);
  return slot;
}

SlotId ModuleBuilder::constant(const LeafConstant& value) {
  LeafConstant pooled = value;
  // As many as fit the slot anyway, so that texts of similar length share a type; but no more than the checked type
  // has, or it could not be sent as a field that is just long enough. The pieces of an interpolation have no such type.
  if (pooled.type.kind == vm::TypeKind::Text) {
    const auto in_slot = static_cast<std::uint32_t>((pooled.text.size() + 4 + 7) / 8 * 8 - 4);
    const bool is_typed = value.type.capacity >= pooled.text.size() && value.type.capacity > 0;
    pooled.type.capacity = is_typed ? std::min(in_slot, value.type.capacity) : in_slot;
  }
  const auto [at, is_new] = constants_.try_emplace(key_of(pooled), kNoSlot);
  if (is_new) at->second = add_slot(vm::Region::Const, pooled, {});
  return at->second;
}

void ModuleBuilder::add_function(vm::Function function, std::vector<SlotUse> uses) {
  module.functions.push_back(std::move(function));
  uses_.push_back(std::move(uses));
}

std::vector<std::byte>* ModuleBuilder::image(vm::Region region) {
  switch (region) {
    case vm::Region::Const:
      return &module.const_image;
    case vm::Region::Param:
      return &module.param_image;
    case vm::Region::State:
      return &module.state_image;
    default:
      return nullptr;
  }
}

std::string ModuleBuilder::lay_out(vm::Region region) {
  std::vector<PendingSlot*> order;
  for (PendingSlot& slot : slots_)
    if (slot.region == region) order.push_back(&slot);
  const auto bytes_of = [&](const PendingSlot* slot) { return vm::slot_size_bytes(machine_type(slot->type, region)); };
  std::ranges::sort(order, {}, [&](const PendingSlot* slot) {
    return std::pair(slot->type.is_scalar() ? 0 : bytes_of(slot), slot - slots_.data());
  });

  std::uint64_t end = 0;
  for (PendingSlot* slot : order) {
    if (end / 8 >= kReachableWords) {
      if (slot->type.is_scalar())
        return "it has more numbers in its " + std::string(vm::name(region)) + " memory than an instruction can reach";
      end = (end + vm::kPageBytes - 1) / vm::kPageBytes * vm::kPageBytes;
    }
    if (end + bytes_of(slot) > vm::kMaxRegionBytes)
      return "its " + std::string(vm::name(region)) + " memory needs more than " +
             std::to_string(vm::kMaxRegionBytes >> 20) + " MiB";
    slot->offset = static_cast<std::uint32_t>(end);
    end += bytes_of(slot);
    module.slots.push_back({.region = region,
                            .kind = slot->kind,
                            .type = type(slot->type, region),
                            .offset = slot->offset,
                            .subject = slot->subject,
                            .name = slot->name});
  }
  if (vm::is_writable(region)) end = (end + vm::kLineBytes - 1) / vm::kLineBytes * vm::kLineBytes;
  if (region == vm::Region::Input) module.input_bytes = static_cast<std::uint32_t>(end);
  if (region == vm::Region::Scratch) module.scratch_bytes = static_cast<std::uint32_t>(end);
  if (std::vector<std::byte>* bytes = image(region)) {
    bytes->assign(end, std::byte{0});
    for (const PendingSlot* slot : order) write_initial(slot->type, slot->initial, bytes->data() + slot->offset);
  }
  return {};
}

std::string ModuleBuilder::lay_out() {
  for (int region = 0; region < vm::kRegionCount; ++region)
    if (std::string problem = lay_out(static_cast<vm::Region>(region)); !problem.empty()) return problem;
  EYEFLOW_CHECK(uses_.size() == module.functions.size());
  for (std::size_t f = 0; f < uses_.size(); ++f) {
    for (const SlotUse& use : uses_[f]) {
      vm::Instruction& instruction = module.functions[f].code[use.instruction];
      const std::uint32_t at = offset(use.slot);
      const bool is_far = at / 8 >= kReachableWords;
      EYEFLOW_CHECK(!is_far || instruction.op == vm::Op::Ref);
      if (is_far) instruction.op = vm::Op::RefPage;
      (use.in_b ? instruction.b : instruction.c) = static_cast<std::uint16_t>(at / (is_far ? vm::kPageBytes : 8));
    }
  }
  return {};
}

}  // namespace eyeflow::compiler::lowering
