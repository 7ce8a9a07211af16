#pragma once

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/host/stats.h"
#include "tools/common/card.h"
#include "tools/common/terminal.h"

// What a person sees of a running host: one screen on a terminal, a line a second elsewhere.
namespace eyeflow::tools {

struct ScreenSetup {
  std::string device;
  std::vector<TaskCard> cards;
  std::vector<std::string> instances;           // in the order of the site
  std::optional<std::chrono::nanoseconds> end;  // when the run ends by itself
};

// One alarm that came or went, as the list shows it.
struct ShownAlarm {
  runtime::AlarmTransition transition;
  std::optional<std::chrono::nanoseconds> stood;  // cleared: for how long
};

// What the numbers of the host do not say at one moment: which alarms stand, and since when.
class AlarmHistory {
 public:
  void take(const runtime::HostStats& stats);
  bool stands(const std::string& instance) const;
  const std::vector<ShownAlarm>& newest_last() const { return shown_; }

 private:
  std::uint64_t taken_ = 0;
  std::map<std::pair<std::string, std::string>, vm::TimeNs> standing_;
  std::vector<ShownAlarm> shown_;
};

struct FrameStyle {
  Size size;
  Paint paint{false};
  bool utf8 = true;
  bool over = false;  // the last picture of a run
};

// The whole screen, line by line, none wider than it.
std::vector<std::string> frame(const ScreenSetup& setup, const runtime::HostStats& stats, const AlarmHistory& alarms,
                               const std::vector<std::string>& log, const FrameStyle& style);

std::string plain_line(const runtime::HostStats& stats);
std::vector<std::string> summary(const ScreenSetup& setup, const runtime::HostStats& stats);

// Shows a run on a stream: draw() as often as one likes, finish() once. The terminal is itself again after finish().
class Screen {
 public:
  Screen(std::FILE* out, ScreenSetup setup);
  ~Screen() { leave(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void draw(const runtime::HostStats& stats, const std::vector<std::string>& log);
  void finish(const runtime::HostStats& stats, const std::vector<std::string>& log);
  bool is_live() const { return live_; }

 private:
  void leave();

  std::FILE* out_;
  ScreenSetup setup_;
  FrameStyle style_;
  AlarmHistory alarms_;
  bool live_;
  bool entered_ = false;
  std::chrono::nanoseconds next_line_{std::chrono::seconds(1)};
};

}  // namespace eyeflow::tools
