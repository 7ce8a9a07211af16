#include "tools/common/tiers.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/common/numbers.h"
#include "tools/common/terminal.h"

namespace eyeflow::tools {

std::vector<TierRow> tier_rows(const vm::Program& program) {
  const vm::Module& module = program.module();
  std::vector<TierRow> rows;
  const auto add = [&](vm::FunctionId id) {
    const vm::FunctionReport report = program.code().report(id);
    rows.push_back({.what = module.functions[vm::index(id)].name,
                    .tier = std::string(report.tier),
                    .code_bytes = report.code_bytes,
                    .compile_time = std::chrono::nanoseconds(report.compile_time_ns),
                    .calls = program.calls(id)});
  };
  for (const vm::Handler& handler : module.handlers) {
    if (handler.kind == vm::HandlerKind::Condition) add(handler.condition);
    add(handler.function);
  }
  for (const vm::Alarm& alarm : module.alarms) {
    add(alarm.when);
    if (alarm.clear != vm::kNoFunction) add(alarm.clear);
    add(alarm.text);
  }
  return rows;
}

std::vector<std::string> tier_lines(const vm::Program& program, bool with_calls) {
  const std::vector<TierRow> rows = tier_rows(program);
  std::size_t name_width = 8;
  for (const TierRow& row : rows) name_width = std::max(name_width, width_of(row.what));
  const auto line = [&](std::string_view what, std::string_view tier, std::string_view code, std::string_view compiled,
                        std::string_view calls) {
    std::string text = fitted(what, name_width) + "  " + fitted(tier, 11);
    const auto add = [&](std::string_view column) {
      text.append(14 - std::min<std::size_t>(12, width_of(column)), ' ').append(column);
    };
    add(code);
    add(compiled);
    if (with_calls) add(calls);
    return text;
  };
  std::vector<std::string> lines{line("function", "tier", "machine code", "compiled in", "calls")};
  for (const TierRow& row : rows)
    lines.push_back(line(row.what, row.tier, row.code_bytes > 0 ? bytes_text(row.code_bytes) : "-",
                         row.code_bytes > 0 ? duration_text(row.compile_time) : "-", count_text(row.calls)));
  const vm::TierReport report = program.code().report();
  if (report.code_bytes > 0) lines.push_back(fmt::format("{} of machine code in all", bytes_text(report.code_bytes)));
  if (!report.fallback.empty()) lines.push_back(report.fallback);
  return lines;
}

}  // namespace eyeflow::tools
