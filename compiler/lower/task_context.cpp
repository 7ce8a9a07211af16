#include "compiler/lower/task_context.h"

#include <algorithm>

#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {

using vm::Region;
using vm::Scalar;
using vm::SlotKind;

SlotId ScratchPool::take(ModuleBuilder& module, const LeafType& type) {
  std::vector<SlotId>& free = free_[type];
  if (free.empty()) return module.add_slot(Region::Scratch, type);
  const SlotId slot = free.back();
  free.pop_back();
  return slot;
}

SlotId TaskContext::clock(typed::ClockField field) {
  const bool is_now = field == typed::ClockField::Now;
  SlotId& slot = is_now ? now : event_time;
  if (slot == kNoSlot) {
    slot = module.add_slot(Region::Input, scalar_leaf(Scalar::I64), is_now ? "now" : "event.time",
                           is_now ? SlotKind::Now : SlotKind::EventTime);
  }
  return slot;
}

SlotId TaskContext::input_name(typed::InputId input) {
  SlotId& slot = inputs[typed::index(input)].name;
  if (slot == kNoSlot) {
    slot = module.add_slot(Region::Input, text_leaf(typed::kNameSize), task.inputs[typed::index(input)].name + ".name",
                           SlotKind::InputName, static_cast<std::uint16_t>(input));
  }
  return slot;
}

SlotId TaskContext::alarm(typed::AlarmId id, typed::AlarmField field) {
  const bool is_active = field == typed::AlarmField::Active;
  AlarmSlots& slots = alarms[typed::index(id)];
  SlotId& slot = is_active ? slots.active : slots.raised;
  if (slot == kNoSlot) {
    slot = module.add_slot(Region::Input, scalar_leaf(is_active ? Scalar::Bool : Scalar::I64),
                           task.alarms[typed::index(id)].name + (is_active ? ".active" : ".raised"),
                           is_active ? SlotKind::AlarmActive : SlotKind::AlarmRaised, static_cast<std::uint16_t>(id));
  }
  return slot;
}

SlotId TaskContext::output(typed::OutputId id) {
  const typed::Output& declared = task.outputs[typed::index(id)];
  const bool is_log = declared.kind == typed::OutputKind::Log;
  SlotId& slot = outputs[typed::index(id)];
  if (slot == kNoSlot) {
    const LeafType type = is_log ? scalar_leaf(Scalar::I64) : leaves_of(declared.type).front();
    slot = module.add_slot(Region::Input, type, declared.name + (is_log ? ".count" : ""),
                           is_log ? SlotKind::OutputCount : SlotKind::OutputLast, static_cast<std::uint16_t>(id));
  }
  return slot;
}

const vm::IntrinsicDesc& TaskContext::intrinsic(std::string_view name) const {
  const auto at = std::ranges::find(intrinsics, name, &vm::IntrinsicDesc::name);
  EYEFLOW_CHECK(at != intrinsics.end());
  return *at;
}

}  // namespace eyeflow::compiler::lowering
