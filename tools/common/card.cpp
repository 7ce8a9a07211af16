#include "tools/common/card.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/common/numbers.h"
#include "tools/common/terminal.h"
#include "vm/base/json_text.h"

namespace eyeflow::tools {
namespace {

constexpr std::uint64_t kCommitsPerDay = 86'400;

std::uint64_t times(std::uint64_t a, std::uint64_t b) { return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b; }
std::uint64_t plus(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

bool is_alarm(const vm::CardRow& row) { return row.what.starts_with("alarm "); }

std::string row_json(const vm::CardRow& row, std::uint64_t quota, const DeviceProfile* device) {
  std::string text = fmt::format(
      R"({{"what":{},"instructions":{},"metered":{},"output_bytes":{},"rows":{},"register_bytes":{},"within_ns":{},"runs_per_day":{})",
      json_text(row.what), row.fuel, row.fuel > quota, std::min<std::uint64_t>(row.output_bytes, vm::kMaxOutputBytes),
      row.log_rows, row.frame_bytes, row.within_ns, row.runs_per_day);
  if (device != nullptr)
    text += fmt::format(R"(,"estimate_ns":{{"compiled":{},"interpreted":{}}})",
                        estimate(*device, row.fuel, true).count(), estimate(*device, row.fuel, false).count());
  return text + "}";
}

}  // namespace

TaskCard card_of(const vm::Program& program) {
  return {.bounds = vm::card_of(program.verified()),
          .doc = program.module().doc,
          .fuel_quota = vm::Program::Options{}.fuel_quota,
          .instance_bytes = vm::Instance(program, {}).memory_bytes()};
}

DayTraffic traffic_of(const vm::Card& card) {
  DayTraffic day;
  std::uint64_t runs = 0;
  for (const vm::CardRow& row : card.rows) {
    if (is_alarm(row)) continue;
    const bool once = row.what == "on start" || row.what == "on stop";
    if (row.runs_per_day == 0 && !once && day.unknown.empty()) day.unknown = row.what;
    const std::uint64_t count = once ? 1 : row.runs_per_day;
    runs = plus(runs, count);
    day.rows = plus(day.rows, times(count, row.log_rows));
  }
  day.bytes = times(day.rows, card.row_bytes);
  day.flash_writes = std::min(runs, kCommitsPerDay);
  return day;
}

std::string day_line(const vm::Card& card) {
  const DayTraffic day = traffic_of(card);
  if (!day.unknown.empty())
    return fmt::format("a day: not known, since '{}' has no declared rate; declare it, as in 'input x : f64 at 10 Hz'",
                       day.unknown);
  return fmt::format("a day, at the declared rates: {} rows · {} · {} writes to flash", count_text(day.rows),
                     bytes_text(day.bytes), count_text(day.flash_writes));
}

std::vector<std::string> card_lines(const TaskCard& card, const DeviceProfile* device) {
  std::size_t name_width = 8;
  for (const vm::CardRow& row : card.bounds.rows) name_width = std::max(name_width, width_of(row.what));
  const auto line = [&](std::string_view what, std::initializer_list<std::string> columns) {
    std::string text = fitted(what, name_width);
    for (const std::string& column : columns)
      text.append(14 - std::min<std::size_t>(12, width_of(column)), ' ').append(column);
    return text;
  };
  const auto columns = [&](const vm::CardRow& row) {
    const std::uint64_t output = std::min<std::uint64_t>(row.output_bytes, vm::kMaxOutputBytes);
    return line(row.what, {count_text(row.fuel) + (row.fuel > card.fuel_quota ? "*" : ""),
                           output > 0 ? bytes_text(output) : "-", bytes_text(row.frame_bytes),
                           row.within_ns > 0 ? duration_text(std::chrono::nanoseconds(row.within_ns)) : "-"});
  };
  std::vector<std::string> lines{line("at most", {"instructions", "outputs", "registers", "deadline"})};
  if (device != nullptr) lines[0] += "      estimate";
  for (const vm::CardRow& row : card.bounds.rows) {
    lines.push_back(columns(row));
    if (device != nullptr)
      lines.back() += fmt::format("{:>14}", "≈ " + duration_text(estimate(*device, row.fuel, true)));
  }
  if (std::ranges::any_of(card.bounds.rows, [&](const vm::CardRow& row) { return row.fuel > card.fuel_quota; }))
    lines.push_back("* above the quota: counted while it runs, and stopped there");
  if (device != nullptr)
    lines.push_back(fmt::format("estimate: of compiled code on a {}, calculated and not measured", device->title));
  lines.push_back(fmt::format("state {} · scratch {} · code {} · {} for each instance",
                              bytes_text(card.bounds.state_bytes), bytes_text(card.bounds.scratch_bytes),
                              bytes_text(card.bounds.code_bytes), bytes_text(card.instance_bytes)));
  return lines;
}

std::string card_json(const TaskCard& card, const DeviceProfile* device) {
  std::string rows;
  for (const vm::CardRow& row : card.bounds.rows)
    rows += (rows.empty() ? "" : ",") + row_json(row, card.fuel_quota, device);
  const DayTraffic day = traffic_of(card.bounds);
  std::string text = fmt::format(
      R"("task":{},"doc":{},"bounds":[{}],"state_bytes":{},"scratch_bytes":{},"code_bytes":{},"instance_bytes":{})",
      json_text(card.bounds.task), json_text(card.doc), rows, card.bounds.state_bytes, card.bounds.scratch_bytes,
      card.bounds.code_bytes, card.instance_bytes);
  text += day.unknown.empty() ? fmt::format(R"(,"day":{{"rows":{},"bytes":{},"flash_writes":{}}})", day.rows, day.bytes,
                                            day.flash_writes)
                              : fmt::format(R"(,"day":{{"unknown":{}}})", json_text(day.unknown));
  if (device != nullptr) text += fmt::format(R"(,"device":{})", json_text(device->name));
  return "{" + text + "}";
}

}  // namespace eyeflow::tools
