#pragma once

#include "compiler/lower/task_context.h"

namespace eyeflow::compiler::lowering {

// The module's rows for inputs, outputs and params, with the slots of inputs, params and states.
void declare_slots(TaskContext& task);
void add_tables(TaskContext& task);  // after lay_out(): a param's row names its place

vm::Field field_of(ModuleBuilder& module, const std::string& name, const typed::Type& type);

}  // namespace eyeflow::compiler::lowering
