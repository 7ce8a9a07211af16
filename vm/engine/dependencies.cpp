#include "vm/engine/dependencies.h"

#include <algorithm>

#include "vm/base/check.h"
#include "vm/isa/isa.h"

namespace eyeflow::vm {

void merge(std::vector<std::uint32_t>& into, const std::vector<std::uint32_t>& from) {
  into.insert(into.end(), from.begin(), from.end());
  std::ranges::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

Reads reads_of(const Module& module, const Function& function, const std::vector<Reads>& callees) {
  Reads reads;
  const auto add = [&](Region region, std::uint32_t word, std::uint32_t bytes = 8) {
    const Slot* slot = module.slot(region, word * bytes);
    EYEFLOW_CHECK(slot != nullptr);
    reads.slots.push_back(static_cast<std::uint32_t>(slot - module.slots.data()));
    reads.scratch |= region == Region::Scratch;
  };
  for (const Instruction& instruction : function.code) {
    const std::uint16_t fields[] = {instruction.a, instruction.b, instruction.c};
    for (std::size_t n = 0; n < 3; ++n) {
      switch (info(instruction.op).operands[n].role) {
        case Role::SlotOfA:
          add(static_cast<Region>(instruction.b), fields[n]);
          break;
        case Role::SlotReady:
        case Role::SlotInput:
          add(Region::Input, fields[n]);
          break;
        case Role::SlotRef:
          add(module.type(function.registers[instruction.a])->region, fields[n]);
          break;
        case Role::SlotPage:
          add(module.type(function.registers[instruction.a])->region, fields[n], kPageBytes);
          break;
        case Role::Function: {
          const Reads& callee = callees[fields[n]];
          reads.slots.insert(reads.slots.end(), callee.slots.begin(), callee.slots.end());
          reads.scratch |= callee.scratch;
          break;
        }
        default:
          break;
      }
    }
  }
  merge(reads.slots, {});
  return reads;
}

Dependencies dependencies_of(const Module& module, FunctionId when, FunctionId clear, const std::vector<InputId>& needs,
                             const std::vector<Reads>& reads) {
  Dependencies found;
  for (const InputId input : needs) found.inputs.push_back(static_cast<std::uint32_t>(input));
  std::vector<std::uint32_t> slots = reads[index(when)].slots;
  if (clear != kNoFunction) merge(slots, reads[index(clear)].slots);
  for (const std::uint32_t number : slots) {
    const Slot& slot = module.slots[number];
    if (slot.region == Region::State) {
      if (module.type(slot.type)->kind == TypeKind::Scalar)
        found.state_scalars.push_back(slot.offset);
      else
        found.state_references = true;
    }
    if (slot.region != Region::Input) continue;
    switch (slot.kind) {
      case SlotKind::InputTime:
        found.input_times.push_back(slot.subject);
        [[fallthrough]];
      case SlotKind::InputValue:
      case SlotKind::InputReady:
      case SlotKind::InputBad:
        found.inputs.push_back(slot.subject);
        break;
      case SlotKind::AlarmActive:
      case SlotKind::AlarmRaised:
        found.alarms.push_back(slot.subject);
        break;
      case SlotKind::EventTime:
        found.every_event = true;
        break;
      case SlotKind::OutputLast:
      case SlotKind::OutputCount:
        found.outputs = true;
        break;
      case SlotKind::AlarmAcknowledged:
      case SlotKind::AlarmShelved:
        found.alarms.push_back(slot.subject);
        break;
      case SlotKind::WindowValues:  // a condition that reads one sees the window before
      case SlotKind::WindowStart:
      case SlotKind::WindowEnd:
      case SlotKind::WindowCount:
      case SlotKind::Plain:
      case SlotKind::Now:  // by `.stale`, which has a deadline, or polled
      case SlotKind::InputName:
        break;
    }
  }
  for (std::vector<std::uint32_t>* list : {&found.inputs, &found.input_times, &found.alarms}) merge(*list, {});
  return found;
}

}  // namespace eyeflow::vm
