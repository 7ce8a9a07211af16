#include "compiler/lower/lower.h"

#include <algorithm>

#include "compiler/lower/body.h"
#include "compiler/lower/tables.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/base/check.h"
#include "vm/base/utf8.h"

namespace eyeflow::compiler {
namespace lowering {
namespace {

bool reads_clock(const TaskContext& task, const typed::Expr& expr) {
  if (const auto* n = std::get_if<typed::ClockExpr>(&expr.node)) return n->field == typed::ClockField::Now;
  if (const auto* n = std::get_if<typed::InputExpr>(&expr.node)) return n->field == typed::InputField::Age;
  if (const auto* n = std::get_if<typed::Call>(&expr.node)) return task.callees[typed::index(n->function)].reads_clock;
  return false;
}

// The oldest instruction set that can run it.
std::uint16_t oldest_version(const vm::Module& module) {
  if (std::ranges::any_of(module.models, [](const vm::Model& model) { return !model.more.empty(); })) return 6;
  for (const vm::Function& function : module.functions)
    for (const vm::Instruction& i : function.code)
      if (i.op >= vm::Op::RefPage ||
          (i.op == vm::Op::Trap && i.a == static_cast<std::uint16_t>(vm::Trap::LengthsDiffer)))
        return 5;
  return module.models.empty() ? 3 : 4;
}

// ---- Functions, alarms, handlers
// -------------------------------------------------------------------------------------

// Scalars in registers, the rest in slots of the callee's own.
void set_shared(ModuleBuilder& module, const typed::Function& function, CalleeInfo& info) {
  for (std::uint32_t i = 0; i < function.parameter_count; ++i) {
    for (const LeafType& leaf : leaves_of(function.locals[i].type)) {
      info.own_slots.push_back(kNoSlot);
      if (leaf.is_scalar()) info.parameter_types.push_back(vm::type_id(leaf.scalar));
    }
  }
  for (const LeafType& leaf : leaves_of(function.result)) {
    if (leaf.is_scalar()) {
      info.result_types.push_back(vm::type_id(leaf.scalar));
      info.result.push_back(Leaf::in(RegId{}, leaf));
    } else {
      info.result.push_back(Leaf::at(module.add_slot(vm::Region::Scratch, leaf), leaf));
    }
  }
  if (!info.returns_self) return;
  for (const LeafType& leaf : leaves_of(function.locals[0].type))
    if (leaf.is_scalar()) info.result_types.push_back(vm::type_id(leaf.scalar));
}

std::vector<std::vector<Leaf>> parameters_of(ModuleBuilder& module, const typed::Function& function, CalleeInfo& info,
                                             const Lent& lent) {
  std::vector<std::vector<Leaf>> parameters;
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < function.parameter_count; ++i) {
    std::vector<Leaf>& leaves = parameters.emplace_back();
    for (const LeafType& leaf : leaves_of(function.locals[i].type)) {
      const std::size_t n = at++;
      if (leaf.is_scalar()) {
        leaves.push_back(Leaf::in(RegId{}, leaf));
        continue;
      }
      SlotId slot = lent.empty() ? kNoSlot : lent[n];
      if (slot == kNoSlot) {
        if (info.own_slots[n] == kNoSlot) info.own_slots[n] = module.add_slot(vm::Region::Scratch, leaf);
        slot = info.own_slots[n];
      }
      leaves.push_back(Leaf::at(slot, leaf));
    }
  }
  return parameters;
}

// The values that each run of a test is given: params of the module.
struct Givens {
  std::span<const typed::Local> declared;
  std::span<const SlotId> slots;
};

vm::FunctionId lower_expression(TaskContext& task, std::string name, const typed::Expr& expr,
                                std::span<const typed::InputId> ready, const Givens& givens = {}) {
  Body body(task, std::move(name), task.root_scratch);
  body.set_ready(ready);
  body.set_givens(givens.declared, givens.slots);
  body.lower_return(expr);
  return body.finish(expr.span);
}

void lower_alarm(TaskContext& task, const typed::Alarm& alarm) {
  vm::Alarm row;
  row.name = alarm.name;
  row.priority = static_cast<vm::Priority>(alarm.priority);
  row.when_for_ns = alarm.when_for_ns;
  row.clear_for_ns = alarm.clear_for_ns;
  row.latch = alarm.latch;
  row.remind_every_ns = alarm.remind_every_ns;
  for (const typed::InputId input : alarm.needs) row.needs.push_back(vm::InputId(typed::index(input)));
  for (const typed::OutputId output : alarm.drives) row.drives.push_back(vm::OutputId(typed::index(output)));
  const auto polled = [&](const typed::Expr& e) { return reads_clock(task, e); };
  row.polled = any_expr(alarm.when, polled) || any_expr(alarm.clear, polled);

  row.when = lower_expression(task, alarm.name + " when", *alarm.when, alarm.needs);
  if (alarm.clear) row.clear = lower_expression(task, alarm.name + " clear", *alarm.clear, alarm.needs);
  row.text = lower_expression(task, alarm.name + " text", *alarm.text, alarm.needs);
  for (const vm::FunctionId id : {row.when, row.clear, row.text})
    row.reads_state = row.reads_state || (id != vm::kNoFunction && task.reads_state[vm::index(id)]);
  task.module.module.alarms.push_back(std::move(row));
}

vm::HandlerKind kind_of(typed::Trigger trigger) {
  switch (trigger) {
    case typed::Trigger::Input:
      return vm::HandlerKind::Input;
    case typed::Trigger::Every:
      return vm::HandlerKind::Every;
    case typed::Trigger::Start:
      return vm::HandlerKind::Start;
    case typed::Trigger::Stale:
      return vm::HandlerKind::Stale;
    case typed::Trigger::Stop:
      return vm::HandlerKind::Stop;
    case typed::Trigger::Condition:
      return vm::HandlerKind::Condition;
    case typed::Trigger::TimeOfDay:
      return vm::HandlerKind::TimeOfDay;
    case typed::Trigger::Window:
      return vm::HandlerKind::Window;
  }
  return {};
}

void lower_condition(TaskContext& task, const typed::Handler& handler, vm::Handler& row) {
  for (const typed::InputId input : handler.needs) row.needs.push_back(vm::InputId(typed::index(input)));
  row.polled = any_expr(*handler.condition, [&](const typed::Expr& e) { return reads_clock(task, e); });
  row.condition = lower_expression(task, handler.label + " condition", *handler.condition, handler.needs);
  row.reads_state = task.reads_state[vm::index(row.condition)];
}

void lower_handler(TaskContext& task, const typed::Handler& handler) {
  vm::Handler row;
  row.kind = kind_of(handler.trigger);
  row.time_ns = handler.time_ns;
  row.within_ns = handler.within_ns.value_or(0);
  const typed::Window& window = handler.window;
  row.window = {window.span_ns, window.values, window.step, window.least, window.late_ns, window.from_start};
  if (handler.condition) lower_condition(task, handler, row);
  Body body(task, handler.label, task.root_scratch);
  body.set_locals(handler.locals);
  const bool of_window = handler.trigger == typed::Trigger::Window;
  if (handler.trigger == typed::Trigger::Input || handler.trigger == typed::Trigger::Stale || of_window)
    row.input = vm::InputId(typed::index(handler.input));
  if (handler.trigger == typed::Trigger::Input || of_window) {
    body.set_ready({&handler.input, 1});  // there was a reading, or there would be no window
    if (!of_window) body.begin_reading(handler.input);
    if (of_window && handler.value)
      body.add_window_value(handler, static_cast<std::uint16_t>(task.module.module.handlers.size()));
    else
      body.add_handler_value(handler);
  }
  body.lower(handler.body);
  row.function = body.finish(handler.span);
  task.module.module.handlers.push_back(std::move(row));
}

// ---- Tests
// -------------------------------------------------------------------------------------------------------------

bool is_switch(const typed::Expr& expr) {
  return expr.type.kind == typed::TypeKind::Bool && std::holds_alternative<typed::OutputValue>(expr.node);
}

// What can be told of a condition: the sides of comparisons but for constants, which the reader sees, and flags, but
// for the whole condition, whose value is known.
class TestLowering {
 public:
  TestLowering(TaskContext& task, const typed::Test& test, TestCode& code) : task_(task), test_(test), code_(code) {
    code_.first_given = task.task.params.size() + task.givens.size();
    for (const typed::Local& given : test.givens) {
      const LeafConstant zero{.type = scalar_leaf(scalar_of(given.type.kind))};
      const std::string name = given.name + " of test " + std::to_string(code.test);
      task.givens.push_back({task.module.add_slot(vm::Region::Param, zero, name), name, given.type});
      slots_.push_back(task.givens.back().slot);
    }
  }

  void run() {
    for (const typed::TestStep& step : test_.steps) {
      name_ = "line " + std::to_string(step.span.line);
      StepCode& code = code_.steps.emplace_back();
      if (step.at_computed) code.at = lower(*step.at_computed);
      const auto* feed = std::get_if<typed::Feed>(&step.action);
      if (feed && feed->computed) code.value = lower(*feed->computed);
      if (const auto* expect = std::get_if<typed::Expect>(&step.action)) {
        name_ = "expect in line " + std::to_string(step.span.line);
        code.expect.condition = lower(*expect->condition);
        add_parts(*expect->condition, true, code.expect);
      }
    }
    for (const typed::WantedColumn& column : test_.columns) {
      name_ = "column " + column.source;
      code_.columns.push_back(lower(*column.value));
    }
  }

 private:
  vm::FunctionId lower(const typed::Expr& expr) {
    return lower_expression(task_, name_, expr, {}, {test_.givens, slots_});
  }

  // What can be told of a condition: the sides of comparisons but for constants, which the reader sees, and flags, but
  // for the whole condition, whose value is known.
  void add_parts(const typed::Expr& expr, bool is_whole, ExpectCode& code) {
    const auto add = [&](const typed::Expr& part, bool on_or_off) {
      if (std::holds_alternative<typed::ConstantExpr>(part.node)) return;
      if (!typed::is_scalar(part.type.kind) && part.type.kind != typed::TypeKind::Text) return;  // too much to show
      code.parts.push_back({lower(part), part.type, part.span, on_or_off});
    };
    if (const auto* node = std::get_if<typed::Binary>(&expr.node)) {
      if (node->op == typed::BinaryOp::And || node->op == typed::BinaryOp::Or) {
        add_parts(*node->left, false, code);
        add_parts(*node->right, false, code);
        return;
      }
      const bool on_or_off = is_switch(*node->left) || is_switch(*node->right);
      add(*node->left, on_or_off);
      add(*node->right, on_or_off);
    } else if (const auto* not_node = std::get_if<typed::Unary>(&expr.node)) {
      add_parts(*not_node->operand, is_whole, code);
    } else if (!is_whole) {
      add(expr, is_switch(expr));
    }
  }

  TaskContext& task_;
  const typed::Test& test_;
  TestCode& code_;
  std::vector<SlotId> slots_;
  std::string name_;
};

std::vector<TestCode> lower_tests(TaskContext& task, std::size_t task_index) {
  std::vector<TestCode> tests;
  for (std::size_t i = 0; i < task.program.tests.size(); ++i) {
    const typed::Test& test = task.program.tests[i];
    if (test.task == task_index) TestLowering(task, test, tests.emplace_back(TestCode{.test = i})).run();
  }
  return tests;
}

// A file may be named by any bytes, a module's texts are plain ones.
std::string file_name_as_text(const std::string& path) {
  std::string name = path.substr(path.find_last_of('/') + 1);
  const bool is_text = is_utf8(name);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_text)) c = '?';
  }
  return name;
}

// ---- What the verifier says

// The rules that a correct task can break, by their names in verify_rules.def: limits on how much, never on what.
constexpr std::string_view kLimits[] = {"Counts",    "RegionSize", "TimeSpan",  "TypeCapacity", "RegisterTypes",
                                        "LoopDepth", "FrameSize",  "CallDepth", "StoreLists"};

// "… is refused: WHAT. Rule NAME: TEXT. …" A limit is the author's to respect, anything else our own mistake.
void report_refusal(TaskContext& task, const std::string& message) {
  const auto between = [&](std::string_view before, std::string_view after) {
    const std::size_t begin = message.find(before);
    if (begin == std::string::npos) return std::string();
    const std::size_t first = begin + before.size();
    return message.substr(first, message.find(after, first) - first);
  };
  const std::string rule = between(". Rule ", ": ");
  if (std::ranges::find(kLimits, rule) == std::end(kLimits)) {
    check_failed(("the verifier refused what the compiler made: " + message).c_str(), __FILE__, __LINE__);
  }
  task.diagnostics.add(
      Code::TooLarge, task.task.span,
      "'" + task.task.name + "' is beyond a limit of the machine: " + between(" is refused: ", ". Rule "),
      between(". Rule " + rule + ": ", ". "));
}

}  // namespace

const MadeFunction& made_callee(TaskContext& task, typed::FunctionId id, const Lent& lent) {
  CalleeInfo& info = task.callees[typed::index(id)];
  const typed::Function& function = task.task.functions[typed::index(id)];
  if (info.made.empty()) set_shared(task.module, function, info);
  const auto [at, is_new] = info.made.try_emplace(lent);
  MadeFunction& made = at->second;
  if (!is_new) return made;
  made.parameters = parameters_of(task.module, function, info, lent);
  Body body(task, function.name, info.scratch);
  body.set_locals(function.locals);
  if (function.of_module && (function.of_library || !task.as_written)) body.leave_out_lines();
  body.add_parameters(made.parameters, info.parameter_types.size());
  body.set_result(info);
  body.lower(function.body);
  made.id = body.finish(function.span);
  if (function.of_module && task.as_written) {
    auto& lines = task.module.module.functions[vm::index(made.id)].lines;
    if (!lines.empty()) task.module_lines.push_back({made.id, function.span, std::exchange(lines, {})});
  }
  return made;
}
}  // namespace lowering

std::optional<Lowered> lower(const typed::Program& program, std::size_t task_index, const LowerOptions& options,
                             Diagnostics& diagnostics) {
  using namespace lowering;
  const std::size_t errors = diagnostics.error_count();
  const typed::Task& source = program.tasks[task_index];
  TaskContext task{program, source, stdlib::intrinsics(), diagnostics, options.for_coverage};
  vm::Module& module = task.module.module;
  module.task = source.name;
  module.doc = source.doc;
  module.source = file_name_as_text(options.source_name);

  declare_slots(task);
  for (const typed::Function& function : source.functions)
    task.callees.push_back(
        {.returns_self = function.returns_self,
         .reads_clock = any_expr(function.body, [&](const typed::Expr& e) { return reads_clock(task, e); })});
  decide_inlining(task);
  // Those that are given texts or arrays are made where they are called: there it is known where those stand.
  const auto make_functions = [&](bool all) {
    for (std::size_t f = 0; f < source.functions.size(); ++f) {
      const CalleeInfo& info = task.callees[f];
      if (!info.is_inlined && info.made.empty() && (all || !passes_memory(source.functions[f])))
        made_callee(task, typed::FunctionId(f), {});
    }
  };
  make_functions(task.as_written);
  for (const typed::Alarm& alarm : source.alarms) lower_alarm(task, alarm);
  for (const typed::Handler& handler : source.handlers) lower_handler(task, handler);
  make_functions(true);
  const std::size_t own_functions = module.functions.size();
  std::vector<TestCode> tests;
  if (options.with_tests) tests = lower_tests(task, task_index);
  if (std::string problem = task.module.lay_out(); !problem.empty())
    diagnostics.add(Code::TooLarge, source.span, "'" + source.name + "' is too large: " + problem);
  if (diagnostics.error_count() > errors) return std::nullopt;
  add_tables(task);
  module.isa_version = oldest_version(module);

  vm::Module finished = std::move(task.module.module);
  auto verified = vm::verify(std::move(finished), task.intrinsics);
  if (!verified) {
    report_refusal(task, verified.error().message);
    return std::nullopt;
  }
  return Lowered{std::move(*verified), std::move(tests), own_functions, std::move(task.module_lines)};
}

}  // namespace eyeflow::compiler
