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
  AlarmSlots& slots = alarms[typed::index(id)];
  struct Form {
    SlotId& slot;
    Scalar type;
    SlotKind kind;
    const char* name;
  };
  const Form forms[] = {{slots.active, Scalar::Bool, SlotKind::AlarmActive, ".active"},
                        {slots.raised, Scalar::I64, SlotKind::AlarmRaised, ".raised"},
                        {slots.acknowledged, Scalar::Bool, SlotKind::AlarmAcknowledged, ".acknowledged"},
                        {slots.shelved, Scalar::Bool, SlotKind::AlarmShelved, ".shelved"}};
  const Form& form = forms[static_cast<std::size_t>(field)];
  if (form.slot == kNoSlot) {
    form.slot = module.add_slot(Region::Input, scalar_leaf(form.type), task.alarms[typed::index(id)].name + form.name,
                                form.kind, static_cast<std::uint16_t>(id));
  }
  return form.slot;
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
