#include "compiler/testing/coverage.h"

#include "vm/interpreter/tracing.h"

namespace eyeflow::compiler {
namespace {

// Instructions and branches of a function, by lines.
void add_function(const vm::Function& function, std::span<const vm::TraceCount> counts, TaskCoverage& out) {
  std::size_t mark = 0;
  std::uint32_t line = 0;
  std::map<std::uint32_t, std::uint64_t> runs;
  std::map<std::uint32_t, std::size_t> branches;
  for (std::uint32_t at = 0; at < function.code.size(); ++at) {
    for (; mark < function.lines.size() && function.lines[mark].instruction <= at; ++mark)
      line = function.lines[mark].line;
    if (line == 0) continue;
    const vm::TraceCount& count = counts[at];
    const auto first = runs.try_emplace(line, count.runs).first;
    first->second = std::max(first->second, count.runs);
    if (!vm::is_decision(function.code[at].op)) continue;
    std::vector<BranchCount>& known = out.lines[line].branches;
    const std::size_t number = branches[line]++;
    if (known.size() <= number) known.resize(number + 1);
    known[number].goes += count.jumps;
    known[number].stays += count.runs - count.jumps;
  }
  for (const auto& [of, count] : runs) out.lines[of].runs += count;
}

}  // namespace

void Coverage::add(const typed::Task& task, const vm::Program& program, std::size_t own_functions,
                   std::span<const std::uint64_t> alarm_effects) {
  TaskCoverage& out = tasks_.emplace_back();
  out.task = task.name;
  const vm::Module& module = program.module();
  for (std::size_t f = 0; f < own_functions; ++f) {
    const vm::Function& function = module.functions[f];
    const auto counts = vm::trace_counts(program.code(), vm::FunctionId(f));
    add_function(function, counts, out);
    std::uint32_t line = 0;
    for (const vm::LineMark& mark : function.lines)
      if (line == 0) line = mark.line;
    if (line != 0) out.functions.push_back({function.name, line, counts.empty() ? 0 : counts[0].runs});
  }
  for (std::size_t a = 0; a < task.alarms.size(); ++a) {
    const auto add_state = [&](const char* state, vm::EffectKind kind) {
      out.alarms.push_back({task.alarms[a].name, state, alarm_effects[alarm_effect(a, kind)]});
    };
    add_state("raised", vm::EffectKind::AlarmRaised);
    add_state("cleared", vm::EffectKind::AlarmCleared);
    if (task.alarms[a].latch) add_state("acknowledged", vm::EffectKind::AlarmAcknowledged);
    if (task.alarms[a].remind_every_ns != 0) add_state("reminded", vm::EffectKind::AlarmReminded);
  }
}

}  // namespace eyeflow::compiler
