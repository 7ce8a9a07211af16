#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "jit/baseline/symbols.h"
#include "runtime/host/host.h"
#include "runtime/host/log.h"
#include "runtime/site/duration.h"
#include "tools/common/numbers.h"
#include "tools/common/tiers.h"
#include "tools/eyeflow-vm/commands.h"
#include "tools/eyeflow-vm/load.h"
#include "tools/eyeflow-vm/screen.h"

namespace eyeflow::tools {
namespace {

constexpr auto kFrameEvery = std::chrono::milliseconds(100);
constexpr std::size_t kLogKept = 50;

// While the screen is up, lines on stderr would tear it: warnings are shown on it, and all of them told afterwards.
class LogOnScreen {
 public:
  LogOnScreen() : sink_(std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kLogKept)) {
    sink_->set_level(spdlog::level::warn);
    sink_->set_pattern("%H:%M:%S %v");
    spdlog::register_logger(std::make_shared<spdlog::logger>("eyeflow", sink_));
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines = sink_->last_formatted();
    for (std::string& line : lines)
      while (line.ends_with('\n')) line.pop_back();
    return lines;
  }

 private:
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> sink_;
};

// Draws until it is told that the run is over, then once more for the last state.
class Drawing {
 public:
  Drawing(const runtime::Host& host, Screen& screen, const LogOnScreen* log)
      : host_(host), screen_(screen), log_(log), thread_([this] { draw(); }) {}
  ~Drawing() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void draw() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      screen_.draw(host_.stats(), log_ != nullptr ? log_->lines() : std::vector<std::string>{});
      changed_.wait_for(lock, kFrameEvery, [this] { return over_; });
    }
  }

  const runtime::Host& host_;
  Screen& screen_;
  const LogOnScreen* log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

// Task by task.
std::vector<std::string> all_tier_lines(const runtime::Host& host) {
  std::vector<std::string> lines;
  for (const auto& task : host.deployment().tasks) {
    lines.push_back("task " + task.program->module().task);
    for (const std::string& line : tier_lines(*task.program, true)) lines.push_back("  " + line);
  }
  return lines;
}

Result<void> run_on_screen(runtime::Host& host, std::optional<std::chrono::nanoseconds> duration,
                           const LogOnScreen* log) {
  ScreenSetup setup{.device = host.site().device, .cards = {}, .instances = {}, .end = duration};
  for (const auto& task : host.deployment().tasks) setup.cards.push_back(card_of(*task.program));
  for (const auto& instance : host.deployment().instances) setup.instances.push_back(instance.name);
  Screen screen(stdout, std::move(setup));
  Result<void> done;
  {
    const Drawing drawing(host, screen, log);
    done = host.run(duration);
  }
  const std::vector<std::string> lines = log != nullptr ? log->lines() : std::vector<std::string>{};
  screen.finish(host.stats(), {});
  for (const std::string& line : lines) fmt::print(stderr, "{}\n", line);
  return done;
}

// A daemon's last lines: what it did, and what was lost.
Result<void> run_with_log(runtime::Host& host, std::optional<std::chrono::nanoseconds> duration) {
  const Result<void> done = host.run(duration);
  ScreenSetup setup{.device = host.site().device, .cards = {}, .instances = {}, .end = duration};
  for (const std::string& line : summary(setup, host.stats())) runtime::log()->info("{}", line);
  return done;
}

}  // namespace

int run(const RunArguments& arguments) {
  // Threads of a device seldom allocate; an arena of its own for each would cost more memory than it saves time.
  mallopt(M_ARENA_MAX, 1);
  std::optional<std::chrono::nanoseconds> duration;
  if (!arguments.duration.empty()) {
    duration = runtime::parse_duration(arguments.duration);
    if (!duration)
      return report("--for " + arguments.duration + ": not a duration; write it as 20s, \"2 min\" or 1h", kUsage);
  }
  auto keys = load_keys(arguments.keys);
  if (!keys) return report(keys.error().message, kUnreachable);
  auto site = open_site(arguments.site, arguments.bundles);
  if (!site) return site.error();

  std::optional<LogOnScreen> log;
  if (arguments.screen && is_terminal(stdout)) log.emplace();
  runtime::HostOptions options;
  options.trusted = std::move(*keys);
  if (!arguments.tier.empty())
    options.tier = arguments.tier == "interpreter" ? runtime::TierChoice::Interpreter : runtime::TierChoice::Baseline;
  options.blind_constants = arguments.blind_constants;
  if (arguments.screen) options.console = nullptr;
  if (arguments.perf_map)
    if (const auto enabled = jit::enable_perf_map(); !enabled) return report(enabled.error().message, kUnreachable);
  if (arguments.gdb) jit::enable_gdb();
  const auto end = std::chrono::steady_clock::now() + duration.value_or(std::chrono::nanoseconds(0));
  for (;;) {
    auto host = runtime::Host::load(*site, options);
    if (!host) return report(host.error().message, kRefused);
    const bool all_run = host->deployment().problems.empty();

    const Result<void> done =
        arguments.screen ? run_on_screen(*host, duration, log ? &*log : nullptr) : run_with_log(*host, duration);
    if (!done) return report(done.error().message, kUnreachable);
    if (host->wants_restart()) {
      if (duration)
        duration =
            std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(end - std::chrono::steady_clock::now()));
      continue;
    }
    if (arguments.tiers)
      for (const std::string& line : all_tier_lines(*host)) fmt::print("{}\n", line);
    return all_run ? kDone : kRefused;
  }
}

}  // namespace eyeflow::tools
