#include "runtime/host/connect.h"

#include <fmt/format.h>

#include <bit>
#include <map>

#include "runtime/connectors/console.h"
#include "runtime/connectors/files.h"
#include "runtime/connectors/folder.h"
#include "runtime/connectors/gpio.h"
#include "runtime/connectors/influx.h"
#include "runtime/connectors/mqtt.h"
#include "runtime/connectors/replay.h"
#include "runtime/host/param.h"
#include "runtime/payload/number.h"
#include "runtime/site/pattern.h"

namespace eyeflow::runtime {
namespace {

// "0.5 K" in the given unit; a bare number is taken as it is.
Result<double> quantity(const Written& written, const std::string& unit) {
  if (const auto number = parse_number(written.text)) return number->as_real();
  vm::Param param;
  param.unit = unit;
  const auto word = parse_param(param, written.text);
  if (!word) return std::unexpected(word.error());
  return std::bit_cast<double>(*word);
}

Result<void> add_chips(const Site& site, const std::vector<bool>& bound, bool with_outputs, Connectors& out) {
  struct Chip {
    std::string name;
    std::vector<GpioInput> inputs;
    std::vector<GpioOutput> outputs;
    std::map<std::string, std::string> taken;  // by line: what it is for
  };
  std::map<std::string, Chip> chips;  // by endpoint
  const auto take = [&](const PinSettings& pin, const std::string& what, Place place) -> Result<Chip*> {
    Chip& chip = chips[endpoint_of(pin)];
    chip.name = pin.chip;
    const auto [at, is_new] = chip.taken.emplace(pin.line, what);
    if (is_new) return &chip;
    return fail(fmt::format("{}:{}:{}: line '{}' of {} is for '{}' already; '{}' needs one of its own", site.file,
                            place.line, place.column, pin.line, pin.chip, at->second, what));
  };
  for (std::uint32_t i = 0; i < site.sensors.size(); ++i) {
    const auto& settings = site.settings(site.sensors[i]);
    if (!settings.pin || !bound[i]) continue;
    const auto chip = take(*settings.pin, site.sensors[i].name, settings.place);
    if (!chip) return std::unexpected(chip.error());
    (*chip)->inputs.push_back({SensorId{i}, *settings.pin});
  }
  for (const auto& output : site.outputs) {
    const auto& settings = site.settings(output);
    if (!settings.pin || !with_outputs) continue;
    const auto chip = take(*settings.pin, output.name, settings.place);
    if (!chip) return std::unexpected(chip.error());
    (*chip)->outputs.push_back({*settings.pin, settings.on_text, settings.safe});
  }
  for (auto& [endpoint, chip] : chips) {
    auto made = std::make_unique<GpioChip>(chip.name, std::move(chip.inputs), std::move(chip.outputs));
    out.sinks.emplace(endpoint, made.get());
    out.sources.push_back({endpoint, std::move(made), true});
  }
  return {};
}

Result<std::vector<MqttSubscription>> subscriptions_of(const Site& site, const std::vector<bool>& bound,
                                                       const Connection& connection) {
  std::vector<MqttSubscription> subscriptions;
  for (std::uint32_t i = 0; i < site.sensors.size(); ++i) {
    const auto& settings = site.settings(site.sensors[i]);
    if (settings.from.text != connection.name || (!bound[i] && connection.subscribe.empty())) continue;
    const std::pair<std::string_view, std::string_view> fill[] = {{"name", site.sensors[i].name},
                                                                  {"device", site.device}};
    auto filter = fill_in(settings.topic, fill);
    if (!filter) return std::unexpected(filter.error());
    subscriptions.push_back({std::move(*filter), SensorId{i}, settings.qos});
  }
  return subscriptions;
}

Result<void> add_mqtt(const Site& site, const std::vector<bool>& bound, Connectors& out) {
  for (const auto& connection : site.connections) {
    if (connection.kind != ConnectionKind::Mqtt) continue;
    auto subscriptions = subscriptions_of(site, bound, connection);
    if (!subscriptions) return std::unexpected(subscriptions.error());
    // The site's reader has seen that nothing else stands in their braces.
    const std::pair<std::string_view, std::string_view> fill[] = {{"device", site.device}};
    if (site.alarms.to.text == connection.name && !site.alarms.commands.empty())
      subscriptions->push_back({fill_in(site.alarms.commands, fill).value(), kCommands, 1});
    Connection settings = connection;
    settings.status = fill_in(settings.status, fill).value();
    auto made = MqttConnection::make(settings, fmt::format("eyeflow-{}-{}", site.device, connection.name),
                                     std::move(*subscriptions));
    if (!made) {
      return fail(
          fmt::format("{}:{}:{}: {}", site.file, connection.place.line, connection.place.column, made.error().message));
    }
    out.sinks.emplace(connection.name, made->get());
    out.sources.push_back({connection.name, std::move(*made), true});
  }
  return {};
}

Result<void> add_replays(const Site& site, const std::vector<bool>& bound, Connectors& out) {
  struct Tape {
    double speed;
    std::map<std::string, SensorId, std::less<>> sensors;
  };
  std::map<std::filesystem::path, Tape> tapes;
  for (std::uint32_t i = 0; i < site.sensors.size(); ++i) {
    const auto& settings = site.settings(site.sensors[i]);
    if (settings.from.text != "replay" || !bound[i]) continue;
    if (std::error_code none; std::filesystem::is_directory(settings.file, none)) {
      out.sources.push_back({fmt::format("{} ({})", settings.file.string(), site.sensors[i].name),
                             std::make_unique<FolderSource>(settings.file, SensorId{i}, settings.every, settings.speed),
                             false});
      continue;
    }
    auto& tape = tapes.try_emplace(settings.file, Tape{settings.speed, {}}).first->second;
    if (tape.speed != settings.speed) {
      return fail(fmt::format("{}:{}:{}: '{}' is replayed at {} and at {} times its speed; give all its sensors one",
                              site.file, settings.place.line, settings.place.column, settings.file.string(), tape.speed,
                              settings.speed));
    }
    tape.sensors.emplace(site.sensors[i].name, SensorId{i});
  }
  for (auto& [file, tape] : tapes) {
    out.sources.push_back(
        {file.string(), std::make_unique<ReplaySource>(file, tape.speed, std::move(tape.sensors)), false});
  }
  return {};
}

Result<void> add_simulations(const Site& site, const std::vector<bool>& bound, Connectors& out) {
  std::vector<SimulatedSensor> simulated;
  std::map<std::uint32_t, std::pair<Signal, std::uint32_t>> tables;  // by settings: the signal, the next number
  for (std::uint32_t i = 0; i < site.sensors.size(); ++i) {
    const auto& sensor = site.sensors[i];
    const auto& settings = site.settings(sensor);
    if (settings.from.text != "simulate") continue;
    auto table = tables.find(sensor.settings);
    if (table == tables.end()) {
      const auto signal = signal_of(settings);
      if (!signal) {
        return fail(
            fmt::format("{}:{}:{}: {}", site.file, settings.place.line, settings.place.column, signal.error().message));
      }
      table = tables.emplace(sensor.settings, std::pair(*signal, 0u)).first;
    }
    auto& [signal, number] = table->second;
    if (bound[i]) simulated.push_back({SensorId{i}, signal, number});
    ++number;  // also for one that nobody binds: binding it must not change the others' readings
  }
  if (!simulated.empty()) {
    out.sources.push_back({"simulate", std::make_unique<SimulateSource>(std::move(simulated)), false});
  }
  return {};
}

Result<void> add_databases(const Site& site, Connectors& out) {
  for (const auto& connection : site.connections) {
    if (connection.kind != ConnectionKind::Influx) continue;
    auto made = InfluxSink::make(connection, site.device);
    if (!made) {
      return fail(
          fmt::format("{}:{}:{}: {}", site.file, connection.place.line, connection.place.column, made.error().message));
    }
    out.sinks.emplace(connection.name, made->get());
    out.sources.push_back({connection.name, std::move(*made), true, false});
  }
  return {};
}

// What a log's records have behind time and instance: the same of all tasks that write to it, or a file would have two
// heads.
Result<std::vector<std::string>> columns_of(const Site& site, const Deployment& deployment, PortId port) {
  const auto& output = site.outputs[deployment.ports[static_cast<std::size_t>(port)].output];
  const auto& settings = site.settings(output);
  if (settings.kind != OutputKind::Log) return std::vector<std::string>{"value"};
  const vm::Module* first = nullptr;
  std::vector<std::string> columns;
  for (const auto& instance : deployment.instances) {
    const auto& module = deployment.tasks[instance.task].program->module();
    for (std::size_t i = 0; i < instance.outputs.size(); ++i) {
      if (instance.outputs[i] != port) continue;
      std::vector<std::string> names;
      for (const auto& field : module.outputs[i].fields) names.push_back(field.name);
      if (first == nullptr) {
        first = &module;
        columns = std::move(names);
      } else if (names != columns) {
        return fail(
            fmt::format("{}:{}:{}: tasks {} and {} write rows with different columns to log '{}', which is one "
                        "file of CSV; give each a log of its own, or write to a connection with 'jsonl'",
                        site.file, settings.place.line, settings.place.column, first->task, module.task, output.name));
      }
    }
  }
  return columns;
}

Result<void> add_folders(const Site& site, const Deployment& deployment, Connectors& out) {
  for (const auto& connection : site.connections) {
    const bool csv = connection.kind == ConnectionKind::Csv;
    if (!csv && connection.kind != ConnectionKind::Jsonl) continue;
    std::vector<FileOutput> outputs;
    std::map<std::string, const Output*> taken;  // switches, values and logs have names of their own each
    for (std::uint32_t i = 0; i < deployment.ports.size(); ++i) {
      const auto& output = site.outputs[deployment.ports[i].output];
      const auto& settings = site.settings(output);
      if (settings.to.text != connection.name) continue;
      const auto [at, is_new] = taken.emplace(output.name, &output);
      if (!is_new || (output.name == kAlarmRecords && site.alarms.to.text == connection.name)) {
        return fail(fmt::format(
            "{}:{}:{}: {} '{}' would be written to the file of {}; give it another name or folder", site.file,
            settings.place.line, settings.place.column, name_of(settings.kind), output.name,
            is_new ? "[alarms]" : fmt::format("the {} of that name", name_of(site.settings(*at->second).kind))));
      }
      std::vector<std::string> columns;
      if (csv) {
        auto found = columns_of(site, deployment, PortId{i});
        if (!found) return std::unexpected(found.error());
        columns = std::move(*found);
      }
      outputs.push_back({PortId{i}, output.name, std::move(columns)});
    }
    if (site.alarms.to.text == connection.name) {
      outputs.push_back({PortId{static_cast<std::uint32_t>(deployment.ports.size())},
                         std::string(kAlarmRecords),
                         {std::begin(kAlarmColumns), std::end(kAlarmColumns)}});
    }
    auto made = std::make_unique<FileSink>(connection, std::move(outputs));
    out.sinks.emplace(connection.name, made.get());
    out.sources.push_back({connection.name, std::move(made), true, false});
  }
  return {};
}

}  // namespace

Result<Signal> signal_of(const SensorSettings& settings) {
  const auto& s = settings.simulation;
  std::string difference;
  if (!settings.unit.empty()) {
    const auto unit = stdlib::parse_unit(settings.unit);
    if (!unit) return fail(fmt::format("[sensor.\"{}\"] unit: {}", settings.written, unit.error().message));
    difference = stdlib::difference_unit(*unit).text;
  }
  Signal signal{
      .excursion_every = s.excursion_every, .excursion_for = s.excursion_for, .period = s.period, .seed = s.seed};
  const auto take = [&](const Written& written, const std::string& unit, std::string_view key,
                        double& into) -> Result<void> {
    const auto value = quantity(written, unit);
    if (!value) {
      return fail(fmt::format("'{}' in simulate of [sensor.\"{}\"]: {}", key, settings.written, value.error().message));
    }
    into = *value;
    return {};
  };
  if (auto r = take(s.base, settings.unit, "base", signal.base); !r) return std::unexpected(r.error());
  if (auto r = take(s.noise, difference, "noise", signal.noise); !r) return std::unexpected(r.error());
  if (auto r = take(s.drift, difference, "drift", signal.drift); !r) return std::unexpected(r.error());
  if (s.excursion) {
    signal.has_excursion = true;
    if (auto r = take(*s.excursion, settings.unit, "excursion", signal.excursion); !r)
      return std::unexpected(r.error());
  }
  return signal;
}

Result<Connectors> make_observers(const Site& site) {
  const std::vector<bool> all(site.sensors.size(), true);
  Connectors out;
  if (auto added = add_chips(site, all, false, out); !added) return std::unexpected(added.error());
  for (Connection connection : site.connections) {
    if (connection.kind != ConnectionKind::Mqtt) continue;
    // Of its own name, and without a session at the broker: the daemon may be at work beside it.
    connection.client_id.clear();
    connection.status.clear();
    auto subscriptions = subscriptions_of(site, all, connection);
    if (!subscriptions) return std::unexpected(subscriptions.error());
    for (auto& subscription : *subscriptions) subscription.qos = 0;
    std::vector<std::string> of_outputs;
    for (std::uint32_t i = 0; i < site.outputs.size(); ++i) {
      const auto& settings = site.settings(site.outputs[i]);
      if (settings.to.text != connection.name) continue;
      const std::pair<std::string_view, std::string_view> fill[] = {{"name", site.outputs[i].name},
                                                                    {"device", site.device}};
      auto topic = fill_in(settings.topic, fill);
      if (!topic) return std::unexpected(topic.error());
      of_outputs.push_back(*topic);
      subscriptions->push_back({std::move(*topic), SensorId{static_cast<std::uint32_t>(site.sensors.size()) + i}, 0});
    }
    if (!connection.subscribe.empty())
      connection.subscribe.insert(connection.subscribe.end(), of_outputs.begin(), of_outputs.end());
    auto made = MqttConnection::make(connection, fmt::format("eyeflow-io-{}", site.device), std::move(*subscriptions));
    if (!made) {
      return fail(
          fmt::format("{}:{}:{}: {}", site.file, connection.place.line, connection.place.column, made.error().message));
    }
    out.sources.push_back({connection.name, std::move(*made), false});
  }
  for (const auto add : {add_replays, add_simulations}) {
    if (auto added = add(site, all, out); !added) return std::unexpected(added.error());
  }
  return out;
}

Result<Connectors> make_connectors(const Site& site, const Deployment& deployment, std::FILE* console) {
  std::vector<bool> bound(site.sensors.size(), false);
  for (const auto& instance : deployment.instances) {
    for (const auto& route : instance.inputs) bound[static_cast<std::size_t>(route.sensor)] = true;
  }
  Connectors out;
  if (console != nullptr) {
    out.own_sinks.push_back(std::make_unique<ConsoleSink>(console));
    out.sinks.emplace("console", out.own_sinks.back().get());
  }
  if (auto added = add_chips(site, bound, true, out); !added) return std::unexpected(added.error());
  for (const auto add : {add_mqtt, add_replays, add_simulations}) {
    if (auto added = add(site, bound, out); !added) return std::unexpected(added.error());
  }
  if (auto added = add_databases(site, out); !added) return std::unexpected(added.error());
  if (auto added = add_folders(site, deployment, out); !added) return std::unexpected(added.error());
  return out;
}

}  // namespace eyeflow::runtime
