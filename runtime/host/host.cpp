#include "runtime/host/host.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <cstdio>
#include <map>
#include <thread>
#include <utility>

#include "runtime/host/connect.h"
#include "runtime/host/inlet.h"
#include "runtime/host/keeper.h"
#include "runtime/host/outputs.h"
#include "runtime/host/refused.h"
#include "runtime/host/runner.h"
#include "runtime/host/start_memory.h"
#include "runtime/host/upload.h"

namespace eyeflow::runtime {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kExpireEvery = std::chrono::minutes(10);
constexpr auto kLastCommit = std::chrono::seconds(5);

std::uint64_t resident_bytes() {
  std::uint64_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

// One with a battery needs nobody to set it.
HostClock::Source clock_of(const Site& site, const HostOptions& options) {
  HostClock::Source source = options.clock;
  if (site.battery_clock) source.is_synchronised = [] { return true; };
  return source;
}

}  // namespace

struct Host::Impl {
  Impl(Site site, HostOptions options)
      : site(std::move(site)), options(std::move(options)), clock(clock_of(this->site, this->options)) {}

  Site site;
  HostOptions options;
  Deployment deployment;
  HostClock clock;
  Counters counters;
  ConnectionBoard board;
  Connectors connectors;
  std::unique_ptr<Keeper> keeper;  // null: everything is in memory only
  Upload upload;                   // after the keeper, whose rows it sends
  std::unique_ptr<Outputs> outputs;

  asio::io_context io{1};
  asio::steady_timer wake{io}, tick{io}, keep{io}, end{io};
  std::map<std::pair<std::uint32_t, std::string>, std::unique_ptr<ModelProcess>> models;  // by Site::models and head
  std::unique_ptr<Runner> runner;
  std::unique_ptr<Lane> lane;  // of the thread in run()
  std::vector<Route> routes;
  std::vector<std::unique_ptr<Inlet>> inlets;
  std::atomic<int> sources_running = 0;

  std::atomic<double> readings_per_second = 0;
  std::uint64_t readings_before = 0;
  Clock::time_point ticked;
  bool is_starting = true;  // connections are being made; until the first tick
  std::chrono::nanoseconds told_drift{};
  bool wants_restart = false;
  std::uint64_t instance_bytes = 0;
  Clock::time_point expire_at{};

  Result<void> prepare();
  Result<void> open_storage();
  void start_models();
  void await_keep();
  void arm();
  void on_tick();
  void await_tick();
  void shut_down();
  HostStats stats() const;
};

Result<void> Host::Impl::prepare() {
  deployment = deploy(site, options);
  if (deployment.instances.empty()) {
    auto lines = deployment.problems;
    if (lines.empty()) lines = deployment.notes;
    if (lines.empty()) lines.push_back(site.file + ": nothing to run");
    tell_refused_safe(site, deployment, options.console);
    return fail(joined(lines));
  }
  for (std::size_t i = 0; i < deployment.problems.size(); ++i) {
    log()->error("{}{}", deployment.problems[i], i < deployment.key_problems ? "" : "; this run is left out");
  }
  for (const auto& line : deployment.notes) log()->info("{}", line);
  auto made = make_connectors(site, deployment, options.console);
  if (!made) return std::unexpected(made.error());
  connectors = std::move(*made);
  outputs = std::make_unique<Outputs>(site, deployment, connectors.sinks, counters);
  std::vector<std::unique_ptr<TaskInfo>> tasks;
  for (const auto& task : deployment.tasks) tasks.push_back(std::make_unique<TaskInfo>(*task.program));
  runner = std::make_unique<Runner>(clock, *outputs, counters, std::move(tasks), deployment,
                                    [this] { asio::post(io, [this] { arm(); }); });
  if (auto opened = open_storage(); !opened) return opened;
  start_models();
  lane = runner->make_lane();
  routes = make_routes(site, deployment, *runner);
  for (const auto& actor : runner->actors()) instance_bytes += actor->instance.memory_bytes();
  return {};
}

// One process for each model as it is asked; instances share it.
void Host::Impl::start_models() {
  for (const auto& actor : runner->actors()) {
    const auto& planned = deployment.instances[actor->number];
    const vm::Module& module = *actor->writer.module;
    if (module.models.empty()) continue;
    actor->models = std::make_unique<ModelTable>();
    for (std::size_t n = 0; n < module.models.size(); ++n) {
      const vm::Model& model = module.models[n];
      std::string head = model_head(module, model);
      auto& process = models[{planned.models[n], head}];
      if (!process) process = std::make_unique<ModelProcess>(site.models[planned.models[n]], std::move(head));
      actor->models->add(module, model, *process);
    }
    actor->instance.use_models(actor->models.get());
  }
}

std::string_view describe(StoreReport::LastRun last_run) {
  switch (last_run) {
    case StoreReport::LastRun::Unknown:
      return "nothing of an earlier run can be read; tasks begin afresh";
    case StoreReport::LastRun::None:
      return "new";
    case StoreReport::LastRun::InOrder:
      return "the last run ended in order";
    case StoreReport::LastRun::BrokenOff:
      break;
  }
  return "the last run did not end in order; tasks go on from what had been committed";
}

// A device whose disk is gone still has alarms to raise; but two programs must not drive the same switches.
Result<void> Host::Impl::open_storage() {
  if (!site.storage) {
    log()->info("{}: no [storage]: state, alarms and rows are in memory only and end with this program", site.file);
    return {};
  }
  auto opened = Keeper::open(site, clock, counters, [this] { upload.on_commit(); });
  if (!opened && opened.error().in_use) return std::unexpected(Error{opened.error().message});
  if (!opened) {
    log()->error("{}; state and alarms are in memory only, rows to keep or to send are lost and counted",
                 opened.error().message);
    runner->keep_nothing(site, deployment);
    if (site.cloud) {
      constexpr std::string_view kWhy = "not started: rows are sent from the data folder, which cannot be used";
      log()->error("[cloud] {}: {}", site.cloud->shown, kWhy);
      board.set("cloud", false, kWhy);
    }
    return {};
  }
  keeper = std::move(*opened);
  runner->keep_with(*keeper, site, deployment);
  log()->info("{}: {}", site.storage->folder.string(), describe(keeper->store().report().last_run));
  upload.prepare(site, keeper->store(), board);
  return {};
}

// Wakes the loop at the first deadline of all.
void Host::Impl::arm() {
  const auto next = runner->next_timer();
  if (next == kNever) return;
  wake.expires_at(clock.steady_at(next));
  wake.async_wait([this](const asio::error_code& error) {
    if (error) return;  // armed anew for an earlier one
    runner->run_due_timers(*lane);
    arm();
  });
}

void Host::Impl::on_tick() {
  const auto now = Clock::now();
  const auto readings = value(counters.readings);
  const std::chrono::duration<double> span = now - ticked;
  readings_per_second = static_cast<double>(readings - readings_before) / span.count();
  readings_before = readings;
  ticked = now;
  const auto drift = clock.drift();
  if (clock.is_put_right()) {
    log()->warn(
        "the system's clock was wrong by {:.0f} s and is right now; all is kept and begins anew with the right time",
        static_cast<double>(drift.count()) / 1e9);
    wants_restart = true;
    io.stop();
    return;
  }
  if (const auto change = drift - told_drift; change > 1s || change < -1s) {
    told_drift = drift;
    log()->warn(
        "the system's clock was set: it is {:.3f} s ahead of the one that tasks see, which goes on undisturbed; "
        "restart to take the new time over",
        static_cast<double>(drift.count()) / 1e9);
  }
  tell_held_back(counters, false);
  if (std::exchange(is_starting, false)) release_start_memory();
  await_tick();
}

void Host::Impl::await_keep() {
  if (keeper == nullptr) return;
  keep.expires_after(site.storage->commit);
  keep.async_wait([this](const asio::error_code& error) {
    if (error) return;
    runner->keep_all(*lane);
    if (const auto now = Clock::now(); now >= expire_at) {
      expire_at = now + kExpireEvery;
      keeper->expire(clock.now());
    }
    await_keep();
  });
}

void Host::Impl::await_tick() {
  tick.expires_after(1s);
  tick.async_wait([this](const asio::error_code& error) {
    if (!error) on_tick();
  });
}

void Host::Impl::shut_down() {
  for (auto& inlet : inlets) inlet->close();
  for (auto& named : connectors.sources) {
    if (!named.is_sink) named.source->stop();
  }
  const auto dropped_before = value(counters.queue_drops);
  runner->stop();
  runner->stop_instances(*lane);
  outputs->make_safe(clock.now());
  if (keeper != nullptr) runner->keep_all(*lane);
  for (const auto& [name, sink] : connectors.sinks) sink->flush();
  for (auto& named : connectors.sources) named.source->stop();
  for (const auto& [name, sink] : connectors.sinks) {
    if (const auto dropped = sink->dropped(); dropped > 0)
      log()->warn("{}: {} {} dropped", name, dropped, dropped == 1 ? "message was" : "messages were");
  }
  if (keeper != nullptr) {
    auto& store = keeper->store();
    static_cast<void>(store.wait_until_committed(store.submitted(), kLastCommit));
    upload.stop();
    if (!store.stop()) log()->error("{}: the last commit failed; what it held is lost", site.storage->folder.string());
  }
  tell_held_back(counters, true);
  if (const auto left = value(counters.queue_drops) - dropped_before; left > 0) {
    log()->warn("{} {} still waited after {} s and {} dropped", left, left == 1 ? "reading" : "readings",
                Runner::kStopLimit.count(), left == 1 ? "was" : "were");
  }
}

HostStats Host::Impl::stats() const {
  HostStats s;
  const auto& c = counters;
  s.uptime = Clock::now() - clock.start();
  s.now = clock.now();
  s.arrivals = value(c.arrivals);
  s.readings = value(c.readings);
  s.readings_per_second = readings_per_second;
  for (std::size_t i = 0; i < kBadReadingCount; ++i) s.bad_total += s.bad[i] = value(c.bad[i]);
  s.unknown = value(c.unknown);
  s.bad_rows = value(c.bad_rows);
  s.unbound = value(c.unbound);
  s.queue_drops = value(c.queue_drops);
  for (const auto& [name, sink] : connectors.sinks) s.sink_drops += sink->dropped();
  s.from_future = value(c.from_future);
  s.texts_cut = value(c.texts_cut);
  s.missed_periods = value(c.missed_periods);
  s.windows_skipped = value(c.windows_skipped);
  s.readings_late = value(c.readings_late);
  s.alarms_held_back = value(c.alarms_held_back);
  s.traps = value(c.traps);
  s.deadlines_missed = value(c.deadlines_missed);
  s.switch_changes = value(c.switch_changes);
  s.values = value(c.values);
  s.rows = value(c.rows);
  s.rows_too_long = value(c.rows_too_long);
  s.rows_not_kept = value(c.rows_not_kept);
  s.alarms_cleared = value(c.alarms_cleared);  // before the raised ones: what stands is never below zero
  s.alarms_raised = value(c.alarms_raised);
  s.alarms_recalled = value(c.alarms_recalled);
  s.alarms_active = s.alarms_recalled + s.alarms_raised - s.alarms_cleared;
  s.transitions = outputs->transitions();
  s.reading_latency = c.reading_latency.percentiles();
  s.alarm_latency = c.alarm_latency.percentiles();
  s.resident_bytes = resident_bytes();
  s.instance_bytes = instance_bytes;
  for (std::size_t i = 0; i < deployment.tasks.size(); ++i) {
    const auto& counters_of = runner->tasks()[i]->counters;
    TaskStats task{.task = deployment.tasks[i].program->module().task, .bundle = deployment.tasks[i].bundle};
    for (const auto& instance : deployment.instances) task.instances += instance.task == i;
    task.readings = value(counters_of.readings);
    task.traps = value(counters_of.traps);
    task.deadlines_missed = value(counters_of.deadlines_missed);
    task.readings_dropped = value(counters_of.dropped);
    s.tasks.push_back(std::move(task));
  }
  s.connections = board.all();
  if (keeper != nullptr) s.storage = keeper->store().stats();
  s.cloud = upload.stats();
  return s;
}

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Host::~Host() = default;
Host::Host(Host&&) noexcept = default;

Result<Host> Host::load(Site site, HostOptions options) {
  auto impl = std::make_unique<Impl>(std::move(site), std::move(options));
  if (auto prepared = impl->prepare(); !prepared) return std::unexpected(prepared.error());
  return Host(std::move(impl));
}

Result<void> Host::run(std::optional<std::chrono::nanoseconds> duration) {
  auto& h = *impl_;
  signal(SIGPIPE, SIG_IGN);  // a reader of our output who leaves is no reason to stop
  asio::signal_set signals(h.io, SIGINT, SIGTERM);
  signals.async_wait([&](const asio::error_code& error, int number) {
    if (error) return;
    log()->info("{}: stopping", number == SIGINT ? "interrupted" : "asked to end");
    h.io.stop();
  });
  if (duration) {
    h.end.expires_after(*duration);
    h.end.async_wait([&](const asio::error_code& error) {
      if (!error) h.io.stop();
    });
  }
  h.outputs->make_refused_safe(h.deployment, h.clock.now());
  h.runner->start_instances(*h.lane, h.site, h.deployment);
  h.upload.start();
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  h.runner->start_pool(h.site.workers != 0 ? h.site.workers : std::min(4u, cores));
  h.sources_running = static_cast<int>(std::ranges::count(h.connectors.sources, true, &Connectors::Named::gives_input));
  for (auto& named : h.connectors.sources) {
    h.inlets.push_back(std::make_unique<Inlet>(h.site, h.clock, h.counters, *h.runner, h.routes, h.board, [&h] {
      if (--h.sources_running == 0 && h.options.stop_when_inputs_end) asio::post(h.io, [&h] { h.io.stop(); });
    }));
    named.source->start(*h.inlets.back());
  }
  h.ticked = Clock::now();
  h.await_tick();
  h.await_keep();
  h.io.run();
  h.shut_down();
  return {};
}

bool Host::wants_restart() const { return impl_->wants_restart; }
void Host::stop() { impl_->io.stop(); }
HostStats Host::stats() const { return impl_->stats(); }
const Site& Host::site() const { return impl_->site; }
const Deployment& Host::deployment() const { return impl_->deployment; }

}  // namespace eyeflow::runtime
