#include "compiler/lower/body.h"

#include <string>

#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {

using vm::Op;

namespace {

// From the code, as the verifier sees it.
bool reads_state(const TaskContext& task, const vm::Function& function) {
  for (const vm::Instruction& i : function.code) {
    if (i.op == Op::Call && task.reads_state[i.b]) return true;
    if (i.op == Op::Load && static_cast<vm::Region>(i.b) == vm::Region::State) return true;
    if (i.op == Op::Ref && task.module.module.types[i.b - vm::kFirstModuleType].region == vm::Region::State)
      return true;
  }
  return false;
}

}  // namespace

Body::Body(TaskContext& task, std::string name, ScratchPool& scratch)
    : task_(task), code_(std::move(name)), scratch_(scratch), ready_(task.task.inputs.size(), false) {}

void Body::set_locals(std::span<const typed::Local> locals) {
  frame_.declared = locals;
  frame_.locals.resize(locals.size());
}

void Body::set_givens(std::span<const typed::Local> givens, std::span<const SlotId> slots) {
  set_locals(givens);
  for (std::size_t i = 0; i < givens.size(); ++i)
    frame_.locals[i].leaves = {Leaf::at(slots[i], scalar_leaf(scalar_of(givens[i].type.kind)))};
}

void Body::set_ready(std::span<const typed::InputId> inputs) {
  for (const typed::InputId input : inputs) ready_[typed::index(input)] = true;
}

void Body::add_parameters(const std::vector<std::vector<Leaf>>& parameters, std::size_t registers) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Place& place = frame_.locals[i];
    place.leaves = parameters[i];
    for (Leaf& leaf : place.leaves) {
      if (leaf.kind != Leaf::Kind::Register) continue;
      place.registers.push_back(code_.take(vm::type_id(leaf.type.scalar)));
      leaf.reg = place.registers.back().reg();
    }
  }
  code_.set_parameters(static_cast<std::uint16_t>(registers));
}

// A handler of an input that is told of bad readings, too: without one to hold, or where they are left out, it ends.
void Body::begin_reading(typed::InputId input) {
  const typed::Input& declared = task_.task.inputs[typed::index(input)];
  const auto& slots = task_.inputs[typed::index(input)];
  if (slots.bad == kNoSlot) return;
  if (declared.policy != typed::BadPolicy::Skip && declared.policy != typed::BadPolicy::Hold) return;
  const Label go_on = code_.new_label();
  const bool skips = declared.policy == typed::BadPolicy::Skip;
  {
    const Temp flag = load(skips ? slots.bad : slots.ready);
    code_.jump_if(!skips, flag.reg(), go_on);
  }
  code_.emit(Op::Return);
  code_.bind(go_on);
}

// The reading at hand stands in its input's slot all the while. Read once, it is read there; read more often, it has a
// register.
void Body::add_handler_value(const typed::Handler& handler) {
  if (!handler.value) return;
  const typed::LocalId local = *handler.value;
  const SlotId slot = task_.inputs[typed::index(handler.input)].value;
  const LeafType type = task_.module.leaf(slot);
  const typed::Input& input = task_.task.inputs[typed::index(handler.input)];
  if (input.policy == typed::BadPolicy::Instead || input.policy == typed::BadPolicy::Missing) {
    // Whether this one is good, not how old it is: a handler is told of what has just come.
    code_.mark_line(handler.span.line);
    Temp good = unary(Op::NotBool, load(task_.inputs[typed::index(handler.input)].bad), vm::Scalar::Bool, {});
    Place& value = frame_.locals[typed::index(local)];
    if (input.policy == typed::BadPolicy::Instead) {
      value.registers.push_back(reading_or(input, std::move(good), slot, {}));
      value.leaves = {Leaf::in(value.registers[0].reg(), type)};
    } else {
      value.registers.push_back(std::move(good));
      value.leaves = {Leaf::in(value.registers[0].reg(), scalar_leaf(vm::Scalar::Bool)), Leaf::at(slot, type)};
    }
    return;
  }
  int uses = 0;
  for_each_expr(handler.body, [&](const typed::Expr& expr) {
    const auto* node = std::get_if<typed::LocalExpr>(&expr.node);
    uses += node && node->local == local;
  });
  Place& place = frame_.locals[typed::index(local)];
  place.leaves = {Leaf::at(slot, type)};
  if (uses < 2 || !type.is_scalar()) return;
  code_.mark_line(handler.span.line);
  place.registers.push_back(load(slot));
  place.leaves = {Leaf::in(place.registers[0].reg(), type)};
}

// The window's record stands in Input, where the engine puts it.
void Body::add_window_value(const typed::Handler& handler, std::uint16_t number) {
  const typed::LocalId local = *handler.value;
  const typed::Record& record = *handler.locals[typed::index(local)].type.record;
  constexpr vm::SlotKind kKinds[] = {vm::SlotKind::WindowValues, vm::SlotKind::WindowStart, vm::SlotKind::WindowEnd,
                                     vm::SlotKind::WindowCount};
  for (std::size_t n = 0; n < std::size(kKinds); ++n) {
    const LeafType type = leaves_of(record.fields[n].type).front();
    const std::string name = handler.locals[typed::index(local)].name + "." + record.fields[n].name;
    const SlotId slot = task_.module.add_slot(vm::Region::Input, type, name, kKinds[n], number);
    frame_.locals[typed::index(local)].leaves.push_back(Leaf::at(slot, type));
  }
}

void Body::set_result(const CalleeInfo& info) {
  frame_.result = info.result;
  frame_.result_types = info.result_types;
  frame_.returns_self = info.returns_self;
  code_.set_results(frame_.result_types);
}

void Body::lower_return(const typed::Expr& value) {
  code_.mark_line(value.span.line);
  if (typed::is_scalar(value.type.kind)) {
    code_.set_results({vm::type_id(scalar_of(value.type.kind))});
    const Temp result = eval(value);
    code_.emit(Op::Return, index(result.reg()));
    return;
  }
  EYEFLOW_CHECK(value.type.kind == typed::TypeKind::Text);
  const Place text = place(value);
  const Temp result = reference(text.leaves[0].slot);
  code_.set_results({code_.type_of(result.reg())});
  code_.emit(Op::Return, index(result.reg()));
}

vm::FunctionId Body::finish(Span span) {
  if (code_.reachable()) {
    // The checker has seen a `return` on every path of a function with a result.
    if (frame_.result.empty()) {
      give_back(nullptr);
    } else {
      code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::Fault));
    }
  }
  // What they hold goes back to the registers, which leave with the function.
  frame_.alive.clear();
  frame_.locals.clear();
  counters_.clear();
  const std::size_t id = task_.module.module.functions.size();
  vm::Function function = code_.take_function();
  if (code_.overflowed()) {
    task_.diagnostics.add(
        Code::TooLarge, span,
        "'" + function.name + "' is too large: a function has at most 65,535 instructions and registers",
        "move a part of it into a fn");
  }
  task_.reads_state.push_back(reads_state(task_, function));
  task_.module.add_function(std::move(function), code_.take_slot_uses());
  return vm::FunctionId(id);
}

}  // namespace eyeflow::compiler::lowering
