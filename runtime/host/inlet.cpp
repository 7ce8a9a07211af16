#include "runtime/host/inlet.h"

#include <algorithm>
#include <map>

#include "runtime/site/pattern.h"

namespace eyeflow::runtime {
namespace {

// What a peer sent, safe to show: at most 60 bytes, control characters and broken bytes as dots.
std::string excerpt(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 60)) text += c >= 0x20 && c < 0x7f ? c : '.';
  return bytes.size() > 60 ? text + "…" : text;
}

bool same_plan(const DecodePlan& a, const DecodePlan& b) {
  return a.field == b.field && a.time == b.time && a.time_unit == b.time_unit && a.meaning == b.meaning &&
         a.type == b.type && a.capacity == b.capacity && a.is_list == b.is_list && a.encoding == b.encoding &&
         a.image == b.image && a.names == b.names && a.scale == b.scale && a.offset == b.offset &&
         a.conversion == b.conversion;
}

}  // namespace

std::vector<Route> make_routes(const Site& site, const Deployment& deployment, Runner& runner) {
  std::vector<Route> routes(site.sensors.size());
  std::map<std::pair<std::string_view, std::string>, std::shared_ptr<FieldsAhead>> by_topic;
  for (std::size_t i = 0; i < deployment.instances.size(); ++i) {
    for (const auto& input : deployment.instances[i].inputs) {
      auto& groups = routes[static_cast<std::size_t>(input.sensor)].groups;
      auto group = std::ranges::find_if(groups, [&](const Route::Group& g) { return same_plan(g.plan, input.plan); });
      if (group == groups.end()) group = groups.insert(groups.end(), {input.plan, {}, {}});
      group->targets.push_back({runner.actors()[i].get(), input.input});
    }
  }
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto& settings = site.settings(site.sensors[i]);
    const std::pair<std::string_view, std::string_view> fill[] = {{"name", site.sensors[i].name},
                                                                  {"device", site.device}};
    auto topic = fill_in(settings.topic, fill);
    if (routes[i].groups.empty() || !topic) continue;
    auto& fields = by_topic[{settings.from.text, std::move(*topic)}];
    if (!fields) fields = std::make_shared<FieldsAhead>();
    for (auto& group : routes[i].groups) group.ahead = fields->add(group.plan);
    routes[i].fields = fields;
  }
  // One plan's field and time are found at once anyway.
  for (auto& route : routes)
    if (route.fields && route.fields->pointers().size() < 2) route.fields = nullptr;
  return routes;
}

void ConnectionBoard::set(std::string_view name, bool up, std::string_view detail) {
  const std::lock_guard lock(mutex_);
  auto found = std::ranges::find(connections_, name, &ConnectionStats::name);
  if (found == connections_.end()) found = connections_.insert(connections_.end(), {std::string(name), false, "", 0});
  found->up = up;
  found->detail = detail;
  found->ups += up;
}

std::vector<ConnectionStats> ConnectionBoard::all() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

[[gnu::hot]] DecodeResult Inlet::decode(const Route::Group& group, const Arrival& arrival, vm::TimeNs now) {
  switch (arrival.form) {
    case Arrival::Form::Number:
      return decode_number(group.plan, arrival.number, now);
    case Arrival::Form::Bare:
      return lane_->decoder.decode_bare(group.plan, arrival.bytes, now);
    case Arrival::Form::Payload:
      break;
  }
  return lane_->decoder.decode(group.plan, arrival.bytes, now, group.ahead);
}

[[gnu::hot]] void Inlet::on_arrivals(std::span<const SensorId> sensors, const Arrival& arrival) {
  if (closed_.load(std::memory_order_relaxed)) return;
  const auto arrived = std::chrono::steady_clock::now();
  const auto now = clock_.at(arrived);
  static const FieldsAhead kNothing;
  const bool is_ahead = arrival.form == Arrival::Form::Payload && sensors.size() > 1 && sensors[0] != kCommands;
  const auto* fields = is_ahead ? routes_[static_cast<std::size_t>(sensors[0])].fields.get() : nullptr;
  lane_->decoder.read_ahead(fields != nullptr ? *fields : kNothing, arrival.bytes);
  for (const auto sensor : sensors) {
    if (sensor == kCommands)
      on_command(arrival);
    else
      take(sensor, arrival, arrived, now);
  }
  deliver_gathered();
}

// Of one arrival, what one instance gets is handed over together.
[[gnu::hot]] void Inlet::deliver(Actor& actor, const Reading& reading) {
  if (gathered_for_ != &actor) deliver_gathered();
  gathered_for_ = &actor;
  gathered_.push_back(reading);
  if (!reading.bytes.empty()) deliver_gathered();  // they last until the decoder is asked again
}

[[gnu::hot]] void Inlet::deliver_gathered() {
  if (!gathered_.empty()) runner_.deliver(*lane_, *gathered_for_, gathered_);
  gathered_.clear();
}

[[gnu::hot]] void Inlet::take(SensorId sensor, const Arrival& arrival, SteadyTime arrived, vm::TimeNs now) {
  add(counters_.arrivals);
  const auto& route = routes_[static_cast<std::size_t>(sensor)];
  if (route.groups.empty()) {
    add(counters_.unbound);
    if (const auto more = counters_.unbound_log.pass()) {
      log()->info("a reading of sensor {}, which no running task has bound, was dropped{}",
                  site_.sensors[static_cast<std::size_t>(sensor)].name, and_more(*more));
    }
    return;
  }
  for (const auto& group : route.groups) {
    const auto decoded = decode(group, arrival, now);
    if (!decoded) {
      tell_bad(sensor, arrival, decoded.error());
      for (const auto& target : group.targets) {
        if (!target.actor->instance.takes_bad(target.input)) continue;
        const Reading bad{
            .input = target.input, .event_time = now, .arrived = arrived, .may_wait = arrival.may_wait, .is_bad = true};
        deliver(*target.actor, bad);
      }
      continue;
    }
    if (decoded->from_future) {
      add(counters_.from_future);
      if (const auto more = counters_.future_log.pass()) {
        log()->warn(
            "the time of a reading of sensor {} is ahead of this device's clock and was set to now{}; check both "
            "clocks",
            site_.sensors[static_cast<std::size_t>(sensor)].name, and_more(*more));
      }
    }
    const bool age_unknown = arrival.is_kept && group.plan.time.empty();
    Reading reading{.value = decoded->value,
                    .bytes = decoded->text,
                    .event_time = age_unknown ? kAgeUnknown : decoded->time,
                    .arrived = arrived,
                    .may_wait = arrival.may_wait};
    for (const auto& target : group.targets) {
      reading.input = target.input;
      add(counters_.readings);
      deliver(*target.actor, reading);
    }
  }
}

// One that a broker kept was meant for another time: who came back to an alarm acknowledged it then.
void Inlet::on_command(const Arrival& arrival) {
  auto command = parse_alarm_command(arrival.bytes);
  if (!command) {
    AlarmCommand wrong;
    wrong.id = command_id(arrival.bytes);
    runner_.refuse(wrong, fmt::format("not understood: {}: '{}'", command.error().message, excerpt(arrival.bytes)));
  } else if (arrival.is_kept) {
    runner_.refuse(*command, fmt::format("alarm {} of {}: it was kept by the broker and is old; send it without "
                                         "'retain'",
                                         command->alarm, command->instance));
  } else {
    runner_.command(*lane_, std::move(*command));
  }
}

void Inlet::tell_bad(SensorId sensor, const Arrival& arrival, BadReading reason) {
  const auto i = static_cast<std::size_t>(reason);
  add(counters_.bad[i]);
  if (const auto more = counters_.bad_log[i].pass()) {
    const auto what = arrival.form == Arrival::Form::Number ? fmt::format("{}", arrival.number)
                                                            : fmt::format("'{}'", excerpt(arrival.bytes));
    log()->warn("bad reading from sensor {}: {}: {}{}", site_.sensors[static_cast<std::size_t>(sensor)].name,
                describe(reason), what, and_more(*more));
  }
}

void Inlet::on_unknown(std::string_view what) {
  add(counters_.unknown);
  if (const auto more = counters_.unknown_log.pass()) {
    log()->warn("no sensor of this site has '{}'; dropped{}; add a [sensor.…] if it is wanted", excerpt(what),
                and_more(*more));
  }
}

void Inlet::on_bad_row(std::string_view what) {
  add(counters_.bad_rows);
  if (const auto more = counters_.bad_row_log.pass()) log()->warn("{}{}", what, and_more(*more));
}

void Inlet::on_state(std::string_view connector, bool up, std::string_view detail) {
  board_.set(connector, up, detail);
  up ? log()->info("{}: {}", connector, detail) : log()->warn("{}: {}", connector, detail);
}

void Inlet::on_finished(std::string_view connector, std::string_view detail) {
  board_.set(connector, false, detail);
  log()->info("{}: {}", connector, detail);
  on_end_();
}

}  // namespace eyeflow::runtime
