#include "compiler/testing/coverage.h"

#include <algorithm>

#include "vm/interpreter/tracing.h"

namespace eyeflow::compiler {
namespace {

// Instructions and branches of a function, by lines.
void add_function(const vm::Function& function, std::span<const vm::LineMark> marks,
                  std::span<const vm::TraceCount> counts, FileCoverage& out) {
  std::size_t mark = 0;
  std::uint32_t line = 0;
  std::map<std::uint32_t, std::uint64_t> runs;
  std::map<std::uint32_t, std::size_t> branches;
  for (std::uint32_t at = 0; at < function.code.size(); ++at) {
    for (; mark < marks.size() && marks[mark].instruction <= at; ++mark) line = marks[mark].line;
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
                   const std::vector<FunctionLines>& module_lines, const SourceMap& sources,
                   std::span<const std::uint64_t> alarm_effects) {
  TaskCoverage& out = tasks_.emplace_back();
  out.task = task.name;
  out.files.push_back({.path = sources.name()});
  const auto file_of = [&](const std::string& path) -> FileCoverage& {
    const auto known = std::ranges::find(out.files, path, &FileCoverage::path);
    return known != out.files.end() ? *known : out.files.emplace_back(FileCoverage{.path = path});
  };
  const vm::Module& module = program.module();
  for (std::size_t f = 0; f < own_functions; ++f) {
    const vm::Function& function = module.functions[f];
    const auto apart = std::ranges::find(module_lines, vm::FunctionId(f), &FunctionLines::function);
    const bool is_own = apart == module_lines.end();
    const auto& marks = is_own ? function.lines : apart->lines;
    if (marks.empty()) continue;
    FileCoverage& file = is_own ? out.files.front() : file_of(sources.name_at(apart->span.offset));
    const auto counts = vm::trace_counts(program.code(), vm::FunctionId(f));
    add_function(function, marks, counts, file);
    const auto first = std::ranges::find_if(marks, [](const vm::LineMark& mark) { return mark.line != 0; });
    if (first != marks.end())
      file.functions.push_back({function.name, first->line, counts.empty() ? 0 : counts[0].runs});
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
