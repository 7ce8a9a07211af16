#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/host/runner.h"
#include "runtime/host/stats.h"
#include "runtime/site/site.h"

namespace eyeflow::runtime {

// Who gets the readings of a sensor: decoded once for each distinct plan.
struct Route {
  struct Target {
    Actor* actor;
    vm::InputId input;
  };
  struct Group {
    DecodePlan plan;
    Ahead ahead;  // in `fields`
    std::vector<Target> targets;
  };
  std::vector<Group> groups;
  std::shared_ptr<const FieldsAhead> fields;  // of all sensors of its topic
};
std::vector<Route> make_routes(const Site& site, const Deployment& deployment, Runner& runner);

// What connections said last, by name.
class ConnectionBoard {
 public:
  void set(std::string_view name, bool up, std::string_view detail);
  std::vector<ConnectionStats> all() const;

 private:
  mutable std::mutex mutex_;
  std::vector<ConnectionStats> connections_;
};

// The host's side of one source: arrivals are decoded on the source's thread and brought to the instances.
class Inlet final : public Receiver {
 public:
  Inlet(const Site& site, const HostClock& clock, Counters& counters, Runner& runner, const std::vector<Route>& routes,
        ConnectionBoard& board, std::function<void()> on_end)
      : site_(site),
        clock_(clock),
        counters_(counters),
        runner_(runner),
        routes_(routes),
        board_(board),
        on_end_(std::move(on_end)),
        lane_(runner.make_lane()) {}

  void on_arrival(const Arrival& arrival) override { on_arrivals(std::span(&arrival.sensor, 1), arrival); }
  void on_arrivals(std::span<const SensorId> sensors, const Arrival& arrival) override;
  void on_unknown(std::string_view what) override;
  void on_bad_row(std::string_view what) override;
  void on_state(std::string_view connector, bool up, std::string_view detail) override;
  void on_finished(std::string_view connector, std::string_view detail) override;

  void close() { closed_ = true; }  // arrivals from now on are ignored

 private:
  void take(SensorId sensor, const Arrival& arrival, SteadyTime arrived, vm::TimeNs now);
  void deliver(Actor& actor, const Reading& reading);
  void deliver_gathered();
  DecodeResult decode(const Route::Group& group, const Arrival& arrival, vm::TimeNs now);
  void on_command(const Arrival& arrival);
  void tell_bad(SensorId sensor, const Arrival& arrival, BadReading reason);

  const Site& site_;
  const HostClock& clock_;
  Counters& counters_;
  Runner& runner_;
  const std::vector<Route>& routes_;
  ConnectionBoard& board_;
  std::function<void()> on_end_;
  std::unique_ptr<Lane> lane_;
  Actor* gathered_for_ = nullptr;
  std::vector<Reading> gathered_;  // of one arrival, one after the other for one instance
  std::atomic<bool> closed_ = false;
};

}  // namespace eyeflow::runtime
