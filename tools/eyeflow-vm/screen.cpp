#include "tools/eyeflow-vm/screen.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "tools/common/numbers.h"

namespace eyeflow::tools {
namespace {

using runtime::HostStats;
using runtime::Percentiles;
using std::chrono::nanoseconds;

constexpr std::size_t kAlarmsKept = 200;
constexpr std::size_t kLeastAlarmLines = 6;

// What is drawn where the locale has no UTF-8.
std::string as_ascii(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kPlain[] = {
      {"µ", "u"}, {"·", "."}, {"▲", "^"},  {"▼", "v"}, {"■", "#"},
      {"━", "="}, {"─", "-"}, {"→", "->"}, {"×", "x"}, {"°", ""}};
  for (const auto& [from, to] : kPlain)
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return text;
}

std::string local_time(vm::TimeNs time) {
  const std::time_t seconds = time / 1'000'000'000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec, time / 1'000'000 % 1000);
}

// "monitor_t1/T5" is T5 where there is one task only.
std::string_view short_name(const ScreenSetup& setup, std::string_view instance) {
  const std::size_t slash = instance.rfind('/');
  return setup.cards.size() == 1 && slash != std::string_view::npos ? instance.substr(slash + 1) : instance;
}

std::string percentiles_text(const Percentiles& p) {
  if (p.count == 0) return "none yet";
  return fmt::format("p50 {}   p99 {}   p99.9 {}   worst {}", duration_text(p.p50), duration_text(p.p99),
                     duration_text(p.p999), duration_text(p.worst));
}

std::string right(std::string_view text, std::size_t columns) {
  return std::string(columns - std::min(columns, width_of(text)), ' ').append(text);
}

std::string percentiles_head() { return right("p50", 9) + right("p99", 11) + right("p99.9", 11) + right("worst", 11); }

std::string percentiles_columns(const Percentiles& p) {
  if (p.count == 0) return right("-", 9) + right("-", 11) + right("-", 11) + right("-", 11);
  return right(duration_text(p.p50), 9) + right(duration_text(p.p99), 11) + right(duration_text(p.p999), 11) +
         right(duration_text(p.worst), 11);
}

// What was lost or went wrong, as words; empty when nothing did.
std::string troubles(const HostStats& stats) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count_text(count), what);
  };
  add(stats.bad_total, "bad readings");
  add(stats.bad_rows, "bad rows");
  add(stats.unknown, "for no sensor");
  add(stats.unbound, "for no task");
  add(stats.queue_drops, "readings dropped");
  add(stats.sink_drops, "messages dropped");
  add(stats.traps, "faults");
  add(stats.deadlines_missed, "deadlines missed");
  add(stats.missed_periods, "timer periods missed");
  add(stats.windows_skipped, "windows skipped for their gaps");
  add(stats.readings_late, "readings too late for their windows");
  add(stats.alarms_held_back, "alarms held back in a flood");
  add(stats.from_future, "times from the future");
  add(stats.texts_cut, "texts cut");
  add(stats.rows_too_long, "rows too long to keep");
  add(stats.rows_not_kept, "rows lost, nothing can be kept");
  if (stats.storage) {
    const runtime::StoreStats& storage = *stats.storage;
    add(storage.rows_refused, "rows refused, the disk was behind");
    add(storage.rows_dropped_history + storage.rows_dropped_outbox, "rows dropped for want of disk");
    add(storage.rows_dropped_early, "rows dropped from the history before their time");
    add(storage.rows_unwritten, "rows lost at the end, the disk did not take them");
    add(storage.lost_rows, "rows lost in damaged files");
    add(storage.lost_values, "values lost in damaged files");
    add(storage.commit_failures, "commits failed");
  }
  return text;
}

// What is kept and sent; empty when all is in memory only.
std::string storage_text(const HostStats& stats) {
  if (!stats.storage) return {};
  const runtime::StoreStats& storage = *stats.storage;
  return fmt::format("{} rows kept   {} commits, the longest {}{}", count_text(storage.rows_kept),
                     count_text(storage.commits), duration_text(storage.longest_commit),
                     storage.disk_full ? "   the disk is full" : "");
}
std::string cloud_text(const HostStats& stats) {
  if (!stats.cloud) return {};
  std::string text =
      fmt::format("{} rows sent in {} batches   {} wait", count_text(stats.cloud->rows),
                  count_text(stats.cloud->batches), count_text(stats.storage ? stats.storage->outbox_rows : 0));
  if (stats.cloud->rows_left_out > 0)
    text += fmt::format("   {} were too large and are lost", count_text(stats.cloud->rows_left_out));
  return text;
}

std::string what_runs(const ScreenSetup& setup, const HostStats& stats) {
  std::string text;
  for (const runtime::TaskStats& task : stats.tasks) {
    if (task.instances == 0) continue;  // its run was refused
    text += fmt::format("{}{} × {}", text.empty() ? "" : ", ", count_text(task.instances), task.task);
  }
  return text + " on " + setup.device;
}

std::string progress_text(const ScreenSetup& setup, const HostStats& stats, bool over) {
  const auto seconds = [](nanoseconds time) { return time.count() / 1'000'000'000; };
  if (over) return fmt::format("ran for {} s", (stats.uptime.count() + 500'000'000) / 1'000'000'000);
  if (!setup.end) return fmt::format("{} s · Ctrl-C ends it", seconds(stats.uptime));
  return fmt::format("{} s of {} s", seconds(std::min(stats.uptime, *setup.end)), seconds(*setup.end));
}

std::string progress_bar(const ScreenSetup& setup, const HostStats& stats, const FrameStyle& style) {
  const auto width = static_cast<std::size_t>(style.size.columns);
  double share = 0;
  if (setup.end && setup.end->count() > 0)
    share = std::min(1.0, static_cast<double>(stats.uptime.count()) / static_cast<double>(setup.end->count()));
  const auto done = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string past, left;
  for (std::size_t n = 0; n < width; ++n) n < done ? past += "━" : left += "─";
  return style.paint.cyan(past) + style.paint.dim(left);
}

// A cell for each instance: which of them have an alarm standing.
std::vector<std::string> grid(const ScreenSetup& setup, const AlarmHistory& alarms, const FrameStyle& style) {
  const std::size_t most = static_cast<std::size_t>(style.size.columns) / 2;
  const std::size_t a_line = most >= 10 ? most / 10 * 10 : most;
  std::vector<std::string> lines;
  if (setup.instances.size() < 2 || a_line == 0 || setup.instances.size() > a_line * 6) return lines;
  lines.push_back(" " + style.paint.bold("instances") + "   " + style.paint.red("■") +
                  style.paint.dim(" an alarm stands"));
  for (std::size_t n = 0; n < setup.instances.size(); ++n) {
    if (n % a_line == 0) lines.emplace_back();
    lines.back() += " " + (alarms.stands(setup.instances[n]) ? style.paint.red("■") : style.paint.dim("·"));
  }
  return lines;
}

std::string alarm_line(const ScreenSetup& setup, const ShownAlarm& shown, std::size_t name_width, const Paint& paint) {
  const runtime::AlarmTransition& alarm = shown.transition;
  const std::string mark = alarm.raised ? paint.red("▲") : paint.green("▼");
  std::string what = alarm.raised ? alarm.text : "cleared";
  if (shown.stood) what += fmt::format(" after {}", duration_text(*shown.stood));
  return fmt::format("  {}  {} {}  {}  {}", paint.dim(local_time(alarm.time)), mark,
                     fitted(short_name(setup, alarm.instance), name_width), fitted(alarm.alarm, 10),
                     alarm.raised ? paint.bold(what) : paint.dim(what));
}

}  // namespace

void AlarmHistory::take(const HostStats& stats) {
  const std::uint64_t total = stats.alarms_raised + stats.alarms_cleared;
  const std::size_t fresh = std::min<std::uint64_t>(total - std::min(total, taken_), stats.transitions.size());
  taken_ = total;
  for (std::size_t n = stats.transitions.size() - fresh; n < stats.transitions.size(); ++n) {
    const runtime::AlarmTransition& transition = stats.transitions[n];
    ShownAlarm shown{transition, {}};
    const auto key = std::pair(transition.instance, transition.alarm);
    if (transition.raised) {
      standing_[key] = transition.time;
    } else if (const auto found = standing_.find(key); found != standing_.end()) {
      shown.stood = nanoseconds(transition.time - found->second);
      standing_.erase(found);
    }
    shown_.push_back(std::move(shown));
  }
  if (shown_.size() > kAlarmsKept) shown_.erase(shown_.begin(), shown_.end() - kAlarmsKept);
}

bool AlarmHistory::stands(const std::string& instance) const {
  const auto found = standing_.lower_bound({instance, ""});
  return found != standing_.end() && found->first.first == instance;
}

std::vector<std::string> frame(const ScreenSetup& setup, const HostStats& stats, const AlarmHistory& alarms,
                               const std::vector<std::string>& log, const FrameStyle& style) {
  const Paint& paint = style.paint;
  const auto columns = static_cast<std::size_t>(style.size.columns), rows = static_cast<std::size_t>(style.size.rows);
  std::vector<std::string> lines;
  const auto row = [&](std::string_view title, const std::string& text) {
    lines.push_back("  " + paint.dim(fitted(title, 12)) + text);
  };

  const std::string right = progress_text(setup, stats, style.over);
  const std::size_t left = columns - std::min(columns, width_of(right) + 1);
  lines.push_back(fitted(" " + paint.bold("EyeFlow") + "   " + what_runs(setup, stats), left) + paint.dim(right));
  lines.push_back(progress_bar(setup, stats, style));
  lines.emplace_back();
  row("readings",
      paint.bold(fmt::format("{} a second", count_text(static_cast<std::uint64_t>(stats.readings_per_second + 0.5)))) +
          fmt::format("   {} in all", count_text(stats.readings)));
  const std::string standing = fmt::format("{} standing", stats.alarms_active);
  row("alarms",
      (stats.alarms_active > 0 ? paint.red(standing) : paint.bold(standing)) +
          fmt::format("   {} raised   {} cleared", count_text(stats.alarms_raised), count_text(stats.alarms_cleared)));
  row("latency", paint.dim(percentiles_head()));
  row("  to alarm", percentiles_columns(stats.alarm_latency));
  row("  to done", percentiles_columns(stats.reading_latency));
  row("memory", fmt::format("{} resident   {}", bytes_text(stats.resident_bytes),
                            paint.dim(bytes_text(stats.instance_bytes) + " of it for all instances")));
  const std::string wrong = troubles(stats);
  row("losses", wrong.empty()
                    ? paint.green("none") + paint.dim("   no bad reading, no drop, no fault, no missed deadline")
                    : paint.yellow(wrong));
  if (stats.storage) row("storage", storage_text(stats));
  if (stats.cloud) row("cloud", cloud_text(stats));
  for (const runtime::ConnectionStats& connection : stats.connections)
    row("connection", connection.name + " " + (connection.up ? paint.green("up") : paint.red("down")) + "   " +
                          paint.dim(connection.detail));

  const std::vector<std::string> cells = grid(setup, alarms, style);
  if (!cells.empty()) {
    lines.emplace_back();
    lines.insert(lines.end(), cells.begin(), cells.end());
  }

  const std::size_t log_lines = std::min<std::size_t>(log.size(), 3);
  // The cards give way to the alarms where the screen is low.
  for (const TaskCard& card : setup.cards) {
    const std::vector<std::string> table = card_lines(card);
    if (lines.size() + table.size() + 2 + kLeastAlarmLines + 2 + log_lines > rows) break;
    lines.emplace_back();
    lines.push_back(" " + paint.bold(card.bounds.task) +
                    paint.dim("   what it can cost at most, proven before it ran"));
    for (std::size_t n = 0; n < table.size(); ++n)
      lines.push_back("  " + (n == 0 || n + 1 == table.size() ? paint.dim(table[n]) : table[n]));
  }

  lines.emplace_back();
  lines.push_back(" " + paint.bold("alarms") + paint.dim("   the newest first"));
  std::size_t name_width = 4;
  for (const std::string& instance : setup.instances)
    name_width = std::max(name_width, width_of(short_name(setup, instance)));
  const std::vector<ShownAlarm>& shown = alarms.newest_last();
  const std::size_t end = rows - std::min(rows, log_lines + (log_lines > 0 ? 1 : 0));
  for (auto alarm = shown.rbegin(); alarm != shown.rend() && lines.size() < end; ++alarm)
    lines.push_back(alarm_line(setup, *alarm, std::min<std::size_t>(name_width, 24), paint));
  if (shown.empty()) lines.push_back(paint.dim("  none yet"));
  if (log_lines > 0) {
    lines.resize(std::max(std::min(lines.size(), end), end), "");
    lines.emplace_back();
    for (std::size_t n = log.size() - log_lines; n < log.size(); ++n) lines.push_back(" " + paint.yellow(log[n]));
  }

  lines.resize(std::min(lines.size(), rows));
  for (std::string& line : lines) {
    if (!style.utf8) line = as_ascii(std::move(line));
    if (width_of(line) > columns) line = fitted(line, columns);
  }
  return lines;
}

std::string plain_line(const HostStats& stats) {
  return fmt::format("{:>4} s  {} readings/s, {} in all; alarms: {} standing, {} raised, {} cleared; latency {}; {}",
                     (stats.uptime.count() + 500'000'000) / 1'000'000'000,
                     count_text(static_cast<std::uint64_t>(stats.readings_per_second + 0.5)),
                     count_text(stats.readings), stats.alarms_active, stats.alarms_raised, stats.alarms_cleared,
                     stats.alarm_latency.count > 0 ? "p50 " + duration_text(stats.alarm_latency.p50) : "-",
                     bytes_text(stats.resident_bytes));
}

std::vector<std::string> summary(const ScreenSetup& setup, const HostStats& stats) {
  std::vector<std::string> lines;
  const auto row = [&](std::string_view title, const std::string& text) { lines.push_back(fitted(title, 12) + text); };
  const double seconds = static_cast<double>(stats.uptime.count()) / 1e9;
  row("ran", fmt::format("{} for {}", what_runs(setup, stats), duration_text(stats.uptime)));
  row("readings", fmt::format("{} ({} a second)", count_text(stats.readings),
                              count_text(static_cast<std::uint64_t>(
                                  seconds > 0 ? static_cast<double>(stats.readings) / seconds + 0.5 : 0))));
  row("alarms", fmt::format("{} raised, {} cleared, {} standing", stats.alarms_raised, stats.alarms_cleared,
                            stats.alarms_active));
  row("latency", percentiles_text(stats.alarm_latency) + "   from the sensor to the alarm");
  row("", percentiles_text(stats.reading_latency) + "   every reading");
  row("memory",
      bytes_text(stats.resident_bytes) + " resident, " + bytes_text(stats.instance_bytes) + " of it for all instances");
  const std::string wrong = troubles(stats);
  if (stats.storage) row("storage", storage_text(stats));
  if (stats.cloud) row("cloud", cloud_text(stats));
  row("losses", wrong.empty() ? "none" : wrong);
  return lines;
}

Screen::Screen(std::FILE* out, ScreenSetup setup)
    : out_(out),
      setup_(std::move(setup)),
      style_{.size = {}, .paint = Paint::of(out), .utf8 = speaks_utf8()},
      live_(is_terminal(out)) {}

void Screen::draw(const HostStats& stats, const std::vector<std::string>& log) {
  if (!live_) {
    if (stats.uptime < next_line_) return;
    next_line_ = stats.uptime - stats.uptime % std::chrono::seconds(1) + std::chrono::seconds(1);
    const std::string line = plain_line(stats);
    std::fprintf(out_, "%s\n", style_.utf8 ? line.c_str() : as_ascii(line).c_str());
    std::fflush(out_);
    return;
  }
  alarms_.take(stats);
  style_.size = terminal_size(out_);
  std::string bytes;
  if (!entered_) bytes += "\x1b[?1049h\x1b[?25l";  // a screen of its own, without a cursor
  entered_ = true;
  bytes += "\x1b[H";
  const std::vector<std::string> lines = frame(setup_, stats, alarms_, log, style_);
  for (std::size_t n = 0; n < lines.size(); ++n) bytes += (n > 0 ? "\r\n" : "") + lines[n] + "\x1b[K";
  bytes += "\x1b[J";
  std::fwrite(bytes.data(), 1, bytes.size(), out_);
  std::fflush(out_);
}

// The last picture stays above the prompt.
void Screen::finish(const HostStats& stats, const std::vector<std::string>& log) {
  std::vector<std::string> lines;
  if (live_) {
    alarms_.take(stats);
    style_.size = terminal_size(out_);
    style_.size.rows = std::max(1, style_.size.rows - 2);  // room for the command above and the prompt below
    style_.over = true;
    lines = frame(setup_, stats, alarms_, log, style_);
    leave();
  } else {
    lines = summary(setup_, stats);
    if (!style_.utf8) std::ranges::transform(lines, lines.begin(), as_ascii);
  }
  for (const std::string& line : lines) std::fprintf(out_, "%s\n", line.c_str());
  std::fflush(out_);
}

void Screen::leave() {
  if (!entered_) return;
  std::fputs("\x1b[?25h\x1b[?1049l", out_);
  std::fflush(out_);
  entered_ = false;
}

}  // namespace eyeflow::tools
