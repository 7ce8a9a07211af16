#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {

using vm::Op;

namespace {

constexpr std::size_t kSmallNodes = 60;           // a function up to this size stands wherever it is called …
constexpr std::size_t kOnceNodes = 1'000;         // … and one that is called at one place up to this size
constexpr std::uint32_t kMostInlinedDepth = 16;   // functions within functions
constexpr std::size_t kMostInlinedNodes = 5'000;  // into one body

bool has_scalar_leaves(const typed::Type& type) {
  return std::ranges::all_of(leaves_of(type), [](const LeafType& leaf) { return leaf.is_scalar(); });
}

}  // namespace

bool passes_memory(const typed::Function& function) {
  for (std::uint32_t i = 0; i < function.parameter_count; ++i)
    if (!has_scalar_leaves(function.locals[i].type)) return true;
  return false;
}

StateUse states_of(const TaskContext& task, const typed::Block& block) {
  StateUse use{std::vector<bool>(task.states.size()), std::vector<bool>(task.states.size())};
  for_each_expr(block, [&](const typed::Expr& expr) {
    if (const auto* node = std::get_if<typed::StateExpr>(&expr.node)) use.touched[typed::index(node->state)] = true;
    const auto* call = std::get_if<typed::Call>(&expr.node);
    if (call == nullptr) return;
    const CalleeInfo& callee = task.callees[typed::index(call->function)];
    for (std::size_t s = 0; s < use.touched.size(); ++s)
      if (callee.states.touched[s]) use.touched[s] = use.by_callees[s] = true;
    if (!callee.returns_self) return;  // else it writes what it is called on
    const auto* self = std::get_if<typed::StateExpr>(&root_of(*call->arguments[0]).node);
    if (self != nullptr) use.by_callees[typed::index(self->state)] = true;
  });
  return use;
}

// Only functions that take and give numbers: what is in memory has its place with the function.
void decide_inlining(TaskContext& task) {
  std::vector<std::size_t> calls(task.task.functions.size(), 0);
  const auto count = [&](const auto& tree) {
    for_each_expr(tree, [&](const typed::Expr& expr) {
      if (const auto* call = std::get_if<typed::Call>(&expr.node)) ++calls[typed::index(call->function)];
    });
  };
  for (const typed::Function& function : task.task.functions) count(function.body);
  for (const typed::Handler& handler : task.task.handlers) count(handler.body);
  for (const typed::Alarm& alarm : task.task.alarms)
    for (const typed::ExprPtr* part : {&alarm.when, &alarm.clear, &alarm.text}) count(*part);

  for (std::size_t f = 0; f < task.task.functions.size(); ++f) {  // callees come first
    const typed::Function& function = task.task.functions[f];
    CalleeInfo& info = task.callees[f];
    info.states = states_of(task, function.body);
    std::size_t size = 0;
    for_each_expr(function.body, [&](const typed::Expr& expr) {
      ++size;
      const auto* call = std::get_if<typed::Call>(&expr.node);
      if (call == nullptr) return;
      const CalleeInfo& callee = task.callees[typed::index(call->function)];
      if (!callee.is_inlined) return;
      size += callee.size;
      info.depth = std::max(info.depth, callee.depth + 1);
    });
    info.size = static_cast<std::uint32_t>(std::min<std::size_t>(size, 1'000'000));
    info.calls = static_cast<std::uint32_t>(calls[f]);
    const bool passes_numbers = has_scalar_leaves(function.result) && !passes_memory(function);
    info.is_inlined = !task.as_written && passes_numbers && !function.returns_self && info.depth <= kMostInlinedDepth &&
                      size <= (calls[f] == 1 ? kOnceNodes : kSmallNodes);
  }
}

// What an inlined function is given: a number that is known, the register that holds it anyway, or a copy.
Place Body::inlined_argument(const typed::Expr& argument) {
  if (auto place = known_place(argument)) return std::move(*place);
  if (typed::is_scalar(argument.type.kind)) {
    Place place;
    place.registers.push_back(eval(argument));
    place.leaves.push_back(Leaf::in(place.registers[0].reg(), leaves_of(argument.type)[0]));
    return place;
  }
  return temporary(argument);
}

Body::Frame Body::inlined_frame(const typed::Call& node) {
  inlined_ += task_.callees[typed::index(node.function)].size;
  const typed::Function& function = task_.task.functions[typed::index(node.function)];
  Frame frame;
  frame.in_nest = code_.in_nest();
  frame.declared = function.locals;
  frame.locals.resize(function.locals.size());
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    // A later argument may call something that changes what it is called on, which may be this very local.
    const bool calls_follow =
        std::any_of(node.arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, node.arguments.end(),
                    [](const typed::ExprPtr& argument) { return has_call(*argument); });
    frame.locals[i] = calls_follow ? temporary(*node.arguments[i]) : inlined_argument(*node.arguments[i]);
  }
  return frame;
}

bool Body::is_inlined(typed::FunctionId function) const {
  const CalleeInfo& callee = task_.callees[typed::index(function)];
  return callee.is_inlined && inlined_ + callee.size <= kMostInlinedNodes;
}

bool Body::branch_inlined(const typed::Call& node, bool when, Label label) {
  const typed::Block& body = task_.task.functions[typed::index(node.function)].body;
  if (body.size() != 1 || !is_inlined(node.function)) return false;
  const auto* only = std::get_if<typed::Return>(&body[0].node);
  if (only == nullptr) return false;
  Frame frame = inlined_frame(node);
  std::swap(frame, frame_);
  const bool lines = code_.keep_lines(!task_.task.functions[typed::index(node.function)].of_module);
  code_.mark_line(body[0].span.line);
  branch(*only->value, when, label);
  code_.restore_lines(lines);
  std::swap(frame, frame_);
  code_.mark_line(line_);
  return true;
}

// The callee's body in place of the call. Its `return` writes the result and goes to the end. Nothing that it runs can
// change the caller's locals, so its parameters may live where the arguments do; one number may go straight to the
// target, which may be such an argument, since that is written last.
Place Body::call_inlined(const typed::Call& node, std::optional<RegId> target) {
  const typed::Function& function = task_.task.functions[typed::index(node.function)];
  Frame frame = inlined_frame(node);
  Place result;
  const std::vector<LeafType> types = leaves_of(function.result);
  for (const LeafType& type : types) {
    if (target && types.size() == 1) {
      result.leaves.push_back(Leaf::in(*target, type));
      continue;
    }
    result.registers.push_back(code_.take(vm::type_id(type.scalar)));
    result.leaves.push_back(Leaf::in(result.registers.back().reg(), type));
  }
  frame.result = result.leaves;
  frame.end = code_.new_label();
  std::swap(frame, frame_);
  const std::uint32_t line = line_;
  const bool lines = code_.keep_lines(!function.of_module);
  lower(function.body);
  // The checker has seen a `return` on every path of a function with a result.
  if (code_.reachable() && !types.empty()) code_.emit(Op::Trap, static_cast<std::uint16_t>(vm::Trap::Fault));
  code_.bind(*frame_.end);
  code_.restore_lines(lines);
  std::swap(frame, frame_);
  line_ = line;
  code_.mark_line(line_);
  return result;
}

// A record that goes to and fro is copied last, as it is when the call begins, and back behind the call.
//
// Arguments are evaluated from left to right: scalars into the run of registers that the callee starts with, texts and
// arrays, unless they are lent, into the callee's own slots. Where an argument calls something, which might be this
// very callee, they are built beside those slots and copied at the end.
Place Body::call(const typed::Call& node, std::optional<RegId> target) {
  if (is_inlined(node.function)) return call_inlined(node, target);
  const Lent lent = lent_to(node);
  const MadeFunction& made = made_callee(task_, node.function, lent);
  const CalleeInfo& callee = task_.callees[typed::index(node.function)];
  std::vector<Temp> run = code_.take_run(callee.parameter_types);
  std::vector<std::pair<Place, std::vector<Leaf>>> late;
  std::size_t next_register = 0, next_leaf = 0;
  Place self, nested_self;
  std::vector<Leaf> self_to;
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    std::vector<Leaf> to = made.parameters[i];
    const std::size_t first_leaf = std::exchange(next_leaf, next_leaf + to.size());
    for (Leaf& leaf : to)
      if (leaf.kind == Leaf::Kind::Register) leaf.reg = run[next_register++].reg();
    if (i == 0 && callee.returns_self) {
      nested_self = raw_place(*node.arguments[0]);
      self = copied_out(Place{.leaves = nested_self.leaves, .registers = {}, .slots = {}}, node.arguments[0]->type);
      self_to = std::move(to);
      continue;
    }
    if (!lent.empty()) {
      const auto of_argument = std::span(lent).subspan(first_leaf, to.size());
      if (std::ranges::any_of(of_argument, [](SlotId slot) { return slot != kNoSlot; })) {
        pass_lent(*node.arguments[i], of_argument, to);
        continue;
      }
    }
    const bool in_memory = std::ranges::any_of(to, [](const Leaf& leaf) { return leaf.kind == Leaf::Kind::Slot; });
    const bool calls_follow = std::any_of(node.arguments.begin() + static_cast<std::ptrdiff_t>(i), node.arguments.end(),
                                          [](const typed::ExprPtr& argument) { return has_call(*argument); });
    if (in_memory && calls_follow) {
      late.emplace_back(temporary(*node.arguments[i]), std::move(to));
    } else {
      assign(to, *node.arguments[i], false);
    }
  }
  for (const auto& [from, to] : late)
    for (std::size_t leaf = 0; leaf < to.size(); ++leaf) copy(from.leaves[leaf], to[leaf]);
  for (std::size_t leaf = 0; leaf < self_to.size(); ++leaf) copy(self.leaves[leaf], self_to[leaf]);

  const std::uint16_t first_argument = run.empty() ? std::uint16_t{0} : index(run[0].reg());
  run.clear();
  Place result;
  std::uint16_t first_result = 0;
  if (target && callee.result_types.size() == 1 && !callee.returns_self) {
    first_result = index(*target);
  } else if (!callee.result_types.empty()) {
    result.registers = code_.take_run(callee.result_types);
    first_result = index(result.registers[0].reg());
  }
  code_.emit(Op::Call, first_result, static_cast<std::uint16_t>(made.id), first_argument);
  result.leaves = callee.result;
  std::uint16_t next_result = first_result;
  for (Leaf& leaf : result.leaves)
    if (leaf.kind == Leaf::Kind::Register) leaf.reg = RegId(next_result++);
  for (std::size_t leaf = 0; leaf < self_to.size(); ++leaf) {
    Leaf& from = self_to[leaf];
    if (from.kind == Leaf::Kind::Register) from.reg = RegId(next_result++);
    copy(from, self.leaves[leaf]);
  }
  if (is_nested(nested_self)) copy_in(node.arguments[0]->type, self, nested_self);
  return result;
}

}  // namespace eyeflow::compiler::lowering
