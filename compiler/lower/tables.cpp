#include "compiler/lower/tables.h"

#include <cmath>

#include "vm/base/check.h"
#include "vm/module/enum_unit.h"

namespace eyeflow::compiler::lowering {
namespace {

using vm::Region;
using vm::Scalar;
using vm::SlotKind;

constexpr double kNsPerSecond = 1e9;

std::string unit_of(const typed::Type& type) {
  if (typed::is_image(type)) return vm::image_unit({type.width, type.height, type.format});
  if (typed::is_array(type.kind)) return unit_of(*type.element);
  if (type.kind == typed::TypeKind::Time) return "time";
  if (type.kind == typed::TypeKind::Duration) return "duration";
  if (type.kind == typed::TypeKind::Enum) return vm::enum_unit(type.enumeration->values);
  return unit_text(type);
}

vm::Input input_row(TaskContext& task, const typed::Input& input) {
  vm::Input row;
  row.value = field_of(task.module, input.name, input.type);
  row.stale_after_ns = input.stale_after_ns.value_or(0);
  if (input.every_ns) row.period_ns = *input.every_ns;
  if (input.rate_hz) row.period_ns = std::llround(kNsPerSecond / *input.rate_hz);
  row.queue = input.latest ? 1 : input.queue.value_or(0);
  row.drop = input.drop == typed::Drop::Oldest ? vm::DropPolicy::Oldest : vm::DropPolicy::Newest;
  return row;
}

vm::Output output_row(TaskContext& task, const typed::Output& output) {
  vm::Output row;
  row.name = output.name;
  row.kind = output.kind == typed::OutputKind::Switch  ? vm::OutputKind::Switch
             : output.kind == typed::OutputKind::Value ? vm::OutputKind::Value
                                                       : vm::OutputKind::Log;
  if (output.kind == typed::OutputKind::Log) {
    for (const typed::Field& field : output.fields) row.fields.push_back(field_of(task.module, field.name, field.type));
  } else {
    row.fields.push_back(field_of(task.module, output.name, output.type));
  }
  // A switch always starts somewhere: off, unless declared.
  row.has_initial = output.kind == typed::OutputKind::Switch || output.initial.has_value();
  if (output.initial && typed::is_scalar(output.type.kind)) row.initial = scalar_word(*output.initial);
  row.to_cloud = output.to_cloud;
  row.driven = output.driven_by_alarms;
  return row;
}

vm::Param param_row(const TaskContext& task, std::size_t index) {
  const typed::Param& param = task.task.params[index];
  vm::Param row;
  row.name = param.name;
  row.unit = unit_of(param.type);
  row.type = scalar_of(param.type.kind);
  row.offset = task.module.offset(task.params[index]);
  row.has_range = param.min.has_value();
  if (param.min) row.min = scalar_word(*param.min);
  if (param.max) row.max = scalar_word(*param.max);
  return row;
}

// "line.from.x" for a record's field, in the order of leaves_of(): names in state must tell its parts apart.
void add_leaf_names(const typed::Type& type, const std::string& prefix, bool nested, std::vector<std::string>& names) {
  if (typed::is_array(type.kind)) {
    if (type.kind == typed::TypeKind::BoundedArray && (nested || !is_of_words(*type.element)))
      names.push_back(prefix + ".len");
    return add_leaf_names(*type.element, prefix, true, names);
  }
  if (type.kind == typed::TypeKind::Optional) {
    names.push_back(prefix + ".given");
    return add_leaf_names(*type.element, prefix, nested, names);
  }
  if (type.kind != typed::TypeKind::Record) return names.push_back(prefix);
  for (const typed::Field& field : type.record->fields)
    add_leaf_names(field.type, prefix + "." + field.name, nested, names);
}

}  // namespace

vm::Field field_of(ModuleBuilder& module, const std::string& name, const typed::Type& type) {
  const LeafType leaf = leaves_of(type).back();  // behind the flag of what may be missing
  return {.name = name,
          .type = module.type(leaf, Region::Input),
          .unit = unit_of(type.kind == typed::TypeKind::Optional ? *type.element : type)};
}

void declare_slots(TaskContext& task) {
  ModuleBuilder& module = task.module;
  for (std::size_t i = 0; i < task.task.inputs.size(); ++i) {
    const typed::Input& input = task.task.inputs[i];
    const auto subject = static_cast<std::uint16_t>(i);
    TaskContext::InputSlots slots;
    slots.value =
        module.add_slot(Region::Input, leaves_of(input.type).back(), input.name, SlotKind::InputValue, subject);
    slots.time =
        module.add_slot(Region::Input, scalar_leaf(Scalar::I64), input.name + ".time", SlotKind::InputTime, subject);
    slots.ready =
        module.add_slot(Region::Input, scalar_leaf(Scalar::Bool), input.name + ".ready", SlotKind::InputReady, subject);
    if (input.policy != typed::BadPolicy::Skip || input.has_quality)
      slots.bad =
          module.add_slot(Region::Input, scalar_leaf(Scalar::Bool), input.name + ".bad", SlotKind::InputBad, subject);
    task.inputs.push_back(slots);
  }
  task.alarms.resize(task.task.alarms.size());
  task.outputs.resize(task.task.outputs.size(), kNoSlot);
  for (const typed::Param& param : task.task.params)
    task.params.push_back(module.add_slot(Region::Param, leaf_constants(param.value).front(), param.name));
  for (const typed::State& state : task.task.states) {
    const std::vector<LeafType> types = leaves_of(state.type);
    std::vector<LeafConstant> initial = leaf_constants(state.initial);
    EYEFLOW_CHECK(types.size() == initial.size());
    std::vector<std::string> names;
    add_leaf_names(state.type, state.name, false, names);
    EYEFLOW_CHECK(names.size() == types.size());
    std::vector<SlotId>& slots = task.states.emplace_back();
    for (std::size_t leaf = 0; leaf < types.size(); ++leaf) {
      initial[leaf].type = types[leaf];
      slots.push_back(module.add_slot(Region::State, std::move(initial[leaf]), std::move(names[leaf])));
    }
  }
}

void add_tables(TaskContext& task) {
  vm::Module& module = task.module.module;
  for (const typed::Input& input : task.task.inputs) module.inputs.push_back(input_row(task, input));
  for (const typed::Output& output : task.task.outputs) module.outputs.push_back(output_row(task, output));
  for (const typed::Model& model : task.task.models) {
    vm::Model& row = module.models.emplace_back(model.name, vm::Field{}, std::vector<vm::Field>(), model.results);
    for (const typed::Field& parameter : model.parameters) {
      const bool is_first = &parameter == model.parameters.data();
      vm::Field& field = is_first ? row.parameter : row.more.emplace_back();
      field = field_of(task.module, parameter.name.empty() ? "x" : parameter.name, parameter.type);
      // A number is an array of one to a model.
      if (parameter.type.kind == typed::TypeKind::F32)
        field.type = task.module.type({vm::TypeKind::Array, vm::Scalar::F32, 1}, vm::Region::Input);
    }
  }
  for (std::size_t i = 0; i < task.task.params.size(); ++i) module.params.push_back(param_row(task, i));
  for (const TaskContext::Given& given : task.givens) {
    module.params.push_back({.name = given.name,
                             .unit = unit_of(given.type),
                             .type = scalar_of(given.type.kind),
                             .offset = task.module.offset(given.slot)});
  }
}

}  // namespace eyeflow::compiler::lowering
