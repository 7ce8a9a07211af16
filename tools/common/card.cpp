#include "tools/common/card.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/common/numbers.h"
#include "tools/common/terminal.h"

namespace eyeflow::tools {
namespace {

using vm::index;

CardRow row_of(const vm::Program& program, vm::FunctionId function) {
  const vm::FunctionBound& bound = program.verified().bounds[index(function)];
  return {.what = program.module().functions[index(function)].name,
          .fuel = bound.fuel,
          .metered = program.is_metered(function),
          .output_bytes = std::min<std::uint64_t>(bound.output_bytes, vm::kMaxOutputBytes),
          .frame_bytes = std::uint64_t{bound.frame_words} * 8};
}

CardRow alarm_row(const vm::Program& program, const vm::Alarm& alarm) {
  CardRow row = row_of(program, alarm.when);
  const auto add = [&](vm::FunctionId function) {
    const CardRow other = row_of(program, function);
    row.metered |= other.metered;
    row.frame_bytes = std::max(row.frame_bytes, other.frame_bytes);
    return other.fuel;
  };
  if (alarm.clear != vm::kNoFunction) row.fuel = std::max(row.fuel, add(alarm.clear));
  row.fuel += add(alarm.text);  // made when it is raised
  row.what = "alarm " + alarm.name;
  return row;
}

}  // namespace

Card card_of(const vm::Program& program) {
  const vm::Module& module = program.module();
  Card card{.task = module.task,
            .doc = module.doc,
            .rows = {},
            .state_bytes = module.state_image.size(),
            .scratch_bytes = module.scratch_bytes,
            .instance_bytes = vm::Instance(program, {}).memory_bytes()};
  for (const vm::Function& function : module.functions)
    card.code_bytes += function.code.size() * sizeof(vm::Instruction);
  for (const vm::Handler& handler : module.handlers) {
    card.rows.push_back(row_of(program, handler.function));
    card.rows.back().within_ns = handler.within_ns;
  }
  for (const vm::Alarm& alarm : module.alarms) card.rows.push_back(alarm_row(program, alarm));
  return card;
}

std::vector<std::string> card_lines(const Card& card) {
  std::size_t name_width = 8;
  for (const CardRow& row : card.rows) name_width = std::max(name_width, width_of(row.what));
  const auto line = [&](std::string_view what, std::string_view fuel, std::string_view outputs, std::string_view frame,
                        std::string_view within) {
    std::string text = fitted(what, name_width);
    for (const std::string_view column : {fuel, outputs, frame, within})
      text.append(14 - std::min<std::size_t>(12, width_of(column)), ' ').append(column);
    return text;
  };
  std::vector<std::string> lines{line("at most", "instructions", "outputs", "registers", "deadline")};
  for (const CardRow& row : card.rows)
    lines.push_back(line(row.what, count_text(row.fuel) + (row.metered ? "*" : ""),
                         row.output_bytes > 0 ? bytes_text(row.output_bytes) : "-", bytes_text(row.frame_bytes),
                         row.within_ns > 0 ? duration_text(std::chrono::nanoseconds(row.within_ns)) : "-"));
  if (std::ranges::any_of(card.rows, &CardRow::metered))
    lines.push_back("* above the quota: counted while it runs, and stopped there");
  lines.push_back(fmt::format("state {} · scratch {} · code {} · {} for each instance", bytes_text(card.state_bytes),
                              bytes_text(card.scratch_bytes), bytes_text(card.code_bytes),
                              bytes_text(card.instance_bytes)));
  return lines;
}

}  // namespace eyeflow::tools
