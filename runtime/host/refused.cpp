#include "runtime/host/refused.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "runtime/host/clock.h"
#include "runtime/host/connect.h"
#include "runtime/host/log.h"
#include "runtime/host/outputs.h"

namespace eyeflow::runtime {
namespace {

constexpr std::chrono::seconds kConnectLimit{5};

// Hears of connections only.
class Listener final : public Receiver {
 public:
  void on_arrival(const Arrival&) override {}
  void on_unknown(std::string_view) override {}
  void on_bad_row(std::string_view) override {}
  void on_finished(std::string_view, std::string_view) override {}
  void on_state(std::string_view connector, bool up, std::string_view detail) override {
    up ? log()->info("{}: {}", connector, detail) : log()->warn("{}: {}", connector, detail);
    const std::lock_guard lock(mutex_);
    up_ = up;
    changed_.notify_all();
  }
  bool wait_until_up(std::chrono::steady_clock::time_point limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, limit, [this] { return up_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool up_ = false;
};

}  // namespace

void tell_refused_safe(const Site& site, const Deployment& deployment, std::FILE* console) {
  if (deployment.outputs_of_refused.empty()) return;
  const auto connectors = make_connectors(site, deployment, console);
  if (!connectors) {
    log()->error("switches were not told their safe state: {}", connectors.error().message);
    return;
  }
  Counters counters;
  Outputs outputs(site, deployment, connectors->sinks, counters);
  const auto needed = [&](const std::string& name) {
    return std::ranges::any_of(deployment.outputs_of_refused, [&](std::uint32_t output) {
      return site.settings(site.outputs[output]).to.text == name;
    });
  };
  std::vector<std::pair<const Connectors::Named*, std::unique_ptr<Listener>>> started;
  for (const auto& named : connectors->sources) {
    if (!named.is_sink || !needed(named.name)) continue;
    started.emplace_back(&named, std::make_unique<Listener>());
    named.source->start(*started.back().second);
  }
  outputs.make_refused_safe(deployment, HostClock().now());
  const auto limit = std::chrono::steady_clock::now() + kConnectLimit;
  for (const auto& [named, listener] : started) {
    if (!listener->wait_until_up(limit))
      log()->error("{}: not connected within {} s: its switches were not told their safe state", named->name,
                   kConnectLimit.count());
  }
  for (const auto& [name, sink] : connectors->sinks) sink->flush();
  for (const auto& [named, listener] : started) named->source->stop();
}

}  // namespace eyeflow::runtime
