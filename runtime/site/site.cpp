#include "runtime/site/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "runtime/site/keeping.h"
#include "runtime/site/pattern.h"
#include "runtime/site/read.h"
#include "vm/base/nearest.h"

namespace eyeflow::runtime {
namespace {

namespace fs = std::filesystem;

// The tables of [kind.NAME]; anything else under [kind] is reported.
template <typename F>
void for_each_named(const toml::table& root, std::string_view kind, Problems& problems, F&& use) {
  const auto* node = root.get(kind);
  if (node == nullptr) return;
  const auto* tables = node->as_table();
  if (tables == nullptr) {
    problems.add(place_of(*node), fmt::format("'{}' must be tables; write [{}.NAME]", kind, kind));
    return;
  }
  for (const auto& [name, entry] : *tables) {
    if (const auto* table = entry.as_table()) {
      use(name.str(), *table);
    } else {
      problems.add(place_of(entry),
                   fmt::format("'{}' in [{}] must be a table; write [{}.NAME] before it", name.str(), kind, kind));
    }
  }
}

void read_device(const toml::table& table, Reading& r) {
  TableReader t(table, "[device]", r.problems);
  if (auto name = t.word("name")) {
    const auto names = expand_names(name->text);
    if (!names || names->size() != 1 || name->text.find('{') != std::string::npos) {
      t.problem(name->place, "the device's name has letters, digits and _ - .; write name = \"line1-pi4\"");
    }
    r.site.device = name->text;
  }
  r.site.trusted_keys_place = t.place("trusted_keys");
  for (const auto& key : t.texts("trusted_keys").value_or(std::vector<std::string>{})) {
    r.site.trusted_keys.push_back(r.folder / key);
  }
  r.site.workers = static_cast<unsigned>(t.integer("workers", 1, 256).value_or(0));
  if (auto name = t.word("timezone")) {
    auto zone = TimeZone::load(name->text);
    if (zone)
      r.site.time_zone = *zone;
    else
      t.problem(name->place, zone.error().message);
  }
  r.site.battery_clock = t.choice<bool>("clock", {{"network", false}, {"battery", true}}).value_or(false);
  r.site.tier =
      t.choice<TierChoice>("tier", {{"baseline", TierChoice::Baseline}, {"interpreter", TierChoice::Interpreter}})
          .value_or(TierChoice::Baseline);
  r.site.blind_constants = t.boolean("blind_constants").value_or(false);
  t.finish();
}

Simulation read_simulation(const toml::table& table, const std::string& title, Reading& r) {
  TableReader t(table, "simulate of " + title, r.problems);
  Simulation s;
  if (auto v = t.written("base")) s.base = *v;
  if (auto v = t.written("noise")) s.noise = *v;
  if (auto v = t.written("drift")) s.drift = *v;
  s.excursion = t.written("excursion");
  if (auto v = t.duration("excursion_every")) s.excursion_every = *v;
  if (auto v = t.duration("excursion_for")) s.excursion_for = *v;
  if (auto v = t.duration("period")) s.period = *v;
  s.seed = static_cast<std::uint64_t>(t.integer("seed", 0, INT64_MAX).value_or(1));
  if (s.period < std::chrono::microseconds(10)) {
    t.problem(t.place("period"), "'period' is the time between readings; write at least \"10 us\"");
    s.period = std::chrono::milliseconds(100);
  }
  if (s.excursion_for.count() <= 0 || s.excursion_for >= s.excursion_every) {
    t.problem(t.place("excursion_for"),
              "'excursion_for' must be shorter than 'excursion_every', and longer than nothing");
  }
  t.finish();
  return s;
}

// A name of a connection of this site, or one of the built-in words.
void check_endpoint(TableReader& t, std::string_view key, const Written& found,
                    std::span<const std::string_view> built_in, const Site& site) {
  if (std::ranges::find(built_in, found.text) != built_in.end() || site.connection(found.text) != nullptr) return;
  if (std::ranges::find(kOtherConnectors, found.text) != std::end(kOtherConnectors)) {
    t.problem(found.place, fmt::format("'{}' in {} is \"{}\": {}", key, t.title(), found.text, kNoSuchConnector));
    return;
  }
  std::vector<std::string_view> names(built_in.begin(), built_in.end());
  for (const auto& connection : site.connections) names.push_back(connection.name);
  const auto meant = nearest(found.text, names);
  std::string list;
  for (const auto name : names) list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
  t.problem(found.place, meant.empty()
                             ? fmt::format("'{}' in {} is \"{}\", which is no [connection.…] of this site; "
                                           "known are {}",
                                           key, t.title(), found.text, list)
                             : fmt::format("'{}' in {} is \"{}\", which is no [connection.…] of this site; did "
                                           "you mean \"{}\"?",
                                           key, t.title(), found.text, meant));
}

void check_pointer(TableReader& t, std::string_view key, const std::string& pointer) {
  if (pointer.empty() || pointer.starts_with('/')) return;
  t.problem(t.place(key), fmt::format("'{}' in {} is \"{}\"; a JSON pointer starts with '/': write {} = \"/{}\"", key,
                                      t.title(), pointer, key, pointer));
}

// A broker's messages have topics; files and databases go by the output's name.
void check_address(TableReader& t, const Written& to, const std::string& topic, std::string_view example,
                   const Site& site) {
  const auto* connection = site.connection(to.text);
  if (connection == nullptr) return;
  if (connection->kind == ConnectionKind::Mqtt) {
    if (topic.empty()) t.missing("topic", example);
  } else if (!topic.empty()) {
    t.problem(t.place("topic"),
              fmt::format("'topic' in {}: '{}' is no broker and has no topics; remove it", t.title(), to.text));
  }
}

// gpio = { chip = "gpiochip0", line = 17 }
PinSettings read_pin(const toml::table& table, const std::string& title, bool is_input, Reading& r) {
  TableReader t(table, "gpio of " + title, r.problems);
  PinSettings pin;
  pin.chip = t.text("chip").value_or("");
  if (pin.chip.empty()) t.missing("chip", "chip = \"gpiochip0\"");
  if (const auto line = t.written("line")) pin.line = line->text;
  if (pin.line.empty()) t.missing("line", "line = 17 (or the name that the chip gives it)");
  pin.active_low = t.choice<bool>("active", {{"high", false}, {"low", true}}).value_or(false);
  pin.bias = t.choice<PinBias>("bias", {{"as-is", PinBias::AsIs},
                                        {"off", PinBias::Off},
                                        {"pull-up", PinBias::PullUp},
                                        {"pull-down", PinBias::PullDown}})
                 .value_or(PinBias::AsIs);
  if (is_input) {
    pin.edge =
        t.choice<PinEdge>("edge", {{"both", PinEdge::Both}, {"rising", PinEdge::Rising}, {"falling", PinEdge::Falling}})
            .value_or(PinEdge::Both);
    pin.debounce = t.duration("debounce").value_or(std::chrono::nanoseconds(0));
    if (pin.debounce > std::chrono::seconds(10)) {
      t.problem(t.place("debounce"), "'debounce' is how long a contact bounces; write at most \"10 s\"");
    }
  } else {
    pin.drive = t.choice<PinDrive>("drive", {{"push-pull", PinDrive::PushPull},
                                             {"open-drain", PinDrive::OpenDrain},
                                             {"open-source", PinDrive::OpenSource}})
                    .value_or(PinDrive::PushPull);
  }
  t.finish();
  return pin;
}

void add_names(TableReader& t, std::string_view kind, std::string_view written, std::set<std::string>& taken,
               std::vector<std::string>& out) {
  auto names = expand_names(written);
  if (!names) {
    t.problem(t.place(), fmt::format("{}: {}", t.title(), names.error().message));
    return;
  }
  for (auto& name : *names) {
    if (!taken.insert(name).second) {
      t.problem(t.place(), fmt::format("{} '{}' of {} is already given by another table", kind, name, t.title()));
      return;
    }
    out.push_back(std::move(name));
  }
}

void read_sensor(std::string_view written, const toml::table& table, std::set<std::string>& taken, Reading& r) {
  TableReader t(table, title_of("sensor", written), r.problems);
  SensorSettings s;
  s.written = written;
  s.place = t.place();
  static constexpr std::string_view kBuiltIn[] = {"simulate", "replay"};
  if (const auto* gpio = t.table("gpio")) {
    s.pin = read_pin(*gpio, t.title(), true, r);
    s.from = {endpoint_of(*s.pin), t.place("gpio")};
    for (const auto* key : {"from", "topic", "field", "unit", "time"}) {
      if (t.has(key)) t.refuse(key, "a pin is on or off and nothing else; remove it");
    }
  } else if (auto from = t.word("from")) {
    s.from = *from;
    if (from->text == "console") {
      t.problem(from->place, fmt::format("'from' in {} is \"console\", which only takes output", t.title()));
    } else {
      check_endpoint(t, "from", *from, kBuiltIn, r.site);
      if (const auto* found = r.site.connection(from->text); found != nullptr && !found->takes_input()) {
        t.problem(from->place, fmt::format("'from' in {} is \"{}\", which only takes output", t.title(), from->text));
      }
    }
  } else if (!t.has("from") && !t.has("gpio")) {
    t.missing("from",
              "from = \"CONNECTION\", \"simulate\" or \"replay\", or gpio = { chip = \"gpiochip0\", line = 17 }");
  }
  for (const auto other : kOtherConnectors) {
    if (t.has(other)) t.refuse(other, kNoSuchConnector);
  }
  s.topic = t.text("topic").value_or("");
  check_topic(t, "topic", s.topic, {"name", "device"}, true);
  if (r.site.connection(s.from.text) != nullptr && s.topic.empty()) {
    t.missing("topic", "topic = \"plant/line1/{name}\"");
  }
  s.field = t.text("field").value_or("");
  check_pointer(t, "field", s.field);
  s.unit = t.text("unit").value_or("");
  s.unit_place = t.place("unit");
  s.scale = t.number("scale", -1e12, 1e12).value_or(1.0);
  s.offset = t.number("offset", -1e12, 1e12).value_or(0.0);
  s.scale_place = t.place("scale");
  s.encoding = t.choice<Encoding>("encoding", {{"hex", Encoding::Hex},
                                               {"base64", Encoding::Base64},
                                               {"little-endian", Encoding::LittleEndian},
                                               {"big-endian", Encoding::BigEndian}})
                   .value_or(Encoding::ByType);
  s.time = t.text("time").value_or("");
  check_pointer(t, "time", s.time);
  s.time_unit = t.choice<TimeUnit>("time_unit", {{"s", TimeUnit::Seconds},
                                                 {"ms", TimeUnit::Milliseconds},
                                                 {"us", TimeUnit::Microseconds},
                                                 {"ns", TimeUnit::Nanoseconds}})
                    .value_or(TimeUnit::Recognised);
  s.qos = static_cast<int>(t.integer("qos", 0, 2).value_or(0));
  if (const auto* simulate = t.table("simulate")) s.simulation = read_simulation(*simulate, t.title(), r);
  s.file = t.path("file", r.folder).value_or("");
  s.every = t.duration("every").value_or(s.every);
  s.speed = t.number("speed", 0, 1e6).value_or(1.0);
  if (s.from.text == "replay" && s.file.empty() && !t.has("file"))
    t.missing("file", "file = \"readings.csv\" (or .jsonl)");
  t.finish();

  std::vector<std::string> names;
  add_names(t, "sensor", written, taken, names);
  const auto settings = static_cast<std::uint32_t>(r.site.sensor_settings.size());
  r.site.sensor_settings.push_back(std::move(s));
  for (auto& name : names) r.site.sensors.push_back({std::move(name), settings});
}

void read_output(OutputKind kind, std::string_view written, const toml::table& table, std::set<std::string>& taken,
                 Reading& r) {
  TableReader t(table, title_of(name_of(kind), written), r.problems);
  OutputSettings s;
  s.kind = kind;
  s.written = written;
  s.place = t.place();
  if (kind == OutputKind::Log) {
    read_log_keeping(t, r.site, s);
    s.to = {"none", t.place()};
  }
  static constexpr std::string_view kBuiltIn[] = {"console", "none"};
  const auto built_in = std::span(kBuiltIn).first(kind == OutputKind::Log ? 2 : 1);
  bool other_connector = false;
  for (const auto other : kOtherConnectors) {
    if (!t.has(other)) continue;
    t.refuse(other, kNoSuchConnector);
    other_connector = true;
  }
  const auto* gpio = kind == OutputKind::Switch ? t.table("gpio") : nullptr;
  if (gpio != nullptr) {
    s.pin = read_pin(*gpio, t.title(), false, r);
    s.to = {endpoint_of(*s.pin), t.place("gpio")};
    s.topic = s.pin->line;
    for (const auto* key : {"to", "topic", "qos", "retain", "format", "on", "off"}) {
      if (t.has(key)) t.refuse(key, "a pin has levels, no messages; remove it");
    }
  } else if (auto to = t.word("to")) {
    s.to = *to;
    if (to->text == "simulate" || to->text == "replay") {
      t.problem(to->place, fmt::format("'to' in {} is \"{}\", which only gives input", t.title(), to->text));
    } else {
      check_endpoint(t, "to", *to, built_in, r.site);
    }
  } else if (!t.has("to") && !other_connector && !t.has("keep") && !t.has("sync") && !t.has("gpio")) {
    t.missing("to", kind == OutputKind::Log ? "to = \"CONNECTION\", \"console\" or \"none\", or keep = \"7 days\""
                    : kind == OutputKind::Value
                        ? "to = \"CONNECTION\" or \"console\""
                        : "to = \"CONNECTION\" or \"console\", or gpio = { chip = \"gpiochip0\", line = 17 }");
  }
  if (!s.pin) s.topic = t.text("topic").value_or("");
  check_topic(t, "topic", s.topic, {"name", "device"});
  check_address(t, s.to, s.topic, "topic = \"plant/line1/{name}\"", r.site);
  s.qos = static_cast<int>(t.integer("qos", 0, 2).value_or(1));
  s.retain = t.boolean("retain").value_or(false);
  if (kind != OutputKind::Log) {
    s.format = t.choice<PayloadFormat>("format", {{"text", PayloadFormat::Text}, {"json", PayloadFormat::Json}})
                   .value_or(PayloadFormat::Text);
  }
  if (kind == OutputKind::Switch) {
    s.safe = t.choice<bool>("safe", {{"off", false}, {"on", true}}).value_or(false);
    s.combine = t.choice<Combine>("combine", {{"any", Combine::Any}, {"all", Combine::All}}).value_or(Combine::No);
    s.restart = t.choice<Restart>("restart", {{"restore", Restart::Restore}, {"safe", Restart::Safe}})
                    .value_or(Restart::AfterCleanStop);
    s.on_text = t.text("on").value_or("on");
    s.off_text = t.text("off").value_or("off");
    if (s.on_text == s.off_text)
      t.problem(t.place(), fmt::format("{}: 'on' and 'off' are the same payload", t.title()));
  }
  if (kind == OutputKind::Value) {
    s.unit = t.text("unit").value_or("");
    s.unit_place = t.place("unit");
  }
  t.finish();

  std::vector<std::string> names;
  add_names(t, name_of(kind), written, taken, names);
  const auto settings = static_cast<std::uint32_t>(r.site.output_settings.size());
  r.site.output_settings.push_back(std::move(s));
  for (auto& name : names) r.site.outputs.push_back({std::move(name), settings});
}

void read_alarms(const toml::table& table, Reading& r) {
  TableReader t(table, "[alarms]", r.problems);
  static constexpr std::string_view kBuiltIn[] = {"console", "none"};
  auto& a = r.site.alarms;
  if (auto to = t.word("to")) {
    a.to = *to;
    check_endpoint(t, "to", *to, kBuiltIn, r.site);
  }
  a.topic = t.text("topic").value_or("");
  check_topic(t, "topic", a.topic, {"name", "alarm", "device"});
  check_address(t, a.to, a.topic, "topic = \"plant/line1/alarms/{name}/{alarm}\"", r.site);
  a.commands = t.text("commands").value_or("");
  check_topic(t, "commands", a.commands, {"device"});
  const auto* connection = r.site.connection(a.to.text);
  if (!a.commands.empty() && (connection == nullptr || connection->host.empty()))
    t.problem(t.place("commands"), "commands come over the MQTT connection that 'to' names; write to = \"plant\"");
  a.answers = t.text("answers").value_or("");
  check_topic(t, "answers", a.answers, {"device"});
  if (!a.answers.empty() && a.commands.empty())
    t.problem(t.place("answers"), "'answers' are to 'commands', of which there is no topic; add commands = \"…\"");
  if (!a.answers.empty() && a.answers == a.commands)
    t.problem(t.place("answers"), "'answers' would come back as commands; give them a topic of their own");
  a.qos = static_cast<int>(t.integer("qos", 0, 2).value_or(1));
  a.retain = t.boolean("retain").value_or(false);
  t.finish();
}

std::vector<Binding> read_bindings(TableReader& t, std::string_view key) {
  std::vector<Binding> out;
  const auto* table = t.table(key);
  if (table == nullptr) return out;
  for (const auto& [need, node] : *table) {
    std::string text;
    if (const auto value = node.value_exact<std::string>()) {
      text = *value;
    } else if (const auto integer = node.value_exact<std::int64_t>(); integer && key == "param") {
      text = fmt::format("{}", *integer);
    } else if (const auto number = node.value_exact<double>(); number && key == "param") {
      text = fmt::format("{}", *number);
    } else if (const auto boolean = node.value_exact<bool>(); boolean && key == "param") {
      text = *boolean ? "true" : "false";
    } else {
      t.problem(place_of(node), fmt::format("'{}' in {} of {} must be a text; write {} = \"…\"", need.str(), key,
                                            t.title(), need.str()));
      continue;
    }
    const Place place{static_cast<std::uint32_t>(need.source().begin.line),
                      static_cast<std::uint32_t>(need.source().begin.column)};
    out.push_back({std::string(need.str()), {std::move(text), place_of(node)}, place});
  }
  // The file's order, not the alphabet's: messages follow what a person reads.
  std::ranges::sort(out, {}, [](const Binding& b) { return std::pair(b.place.line, b.place.column); });
  return out;
}

void read_model(std::string_view name, const toml::table& table, Reading& r) {
  TableReader t(table, title_of("model", name), r.problems);
  ModelSettings m;
  m.name = name;
  m.place = t.place();
  m.file = t.path("file", r.folder).value_or("");
  if (!t.has("file")) t.missing("file", "file = \"parts.onnx\"");
  m.sha256 = t.text("sha256").value_or("");
  const bool is_hash = m.sha256.size() == 64 && m.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!t.has("sha256"))
    t.missing("sha256", "sha256 = \"…\", what 'sha256sum FILE' prints");
  else if (!is_hash)
    t.problem(t.place("sha256"), "'sha256' is 64 hexadecimal digits, small ones, as 'sha256sum FILE' prints them");
  m.command = t.texts("command").value_or(std::vector<std::string>{});
  if (m.command.empty() || m.command[0].empty()) {
    t.missing("command", "command = [\"python3\", \"/opt/line1/parts.py\"]");
  } else {
    // A program beside the site file; what has no slash is looked for in PATH.
    for (std::string& word : m.command)
      if (word.starts_with("./")) word = (r.folder / word).string();
  }
  m.timeout = t.duration("timeout").value_or(std::chrono::seconds(1));
  m.memory_bytes = t.size("memory");
  if (m.memory_bytes && *m.memory_bytes < (16u << 20))
    t.problem(t.place("memory"), "'memory' of a model's process must be at least \"16 MiB\"");
  t.finish();
  r.site.models.push_back(std::move(m));
}

void read_run(const toml::table& table, Reading& r) {
  TableReader t(table, "[[run]]", r.problems);
  Run run;
  run.place = t.place();
  if (auto bundle = t.word("bundle")) {
    run.bundle = *bundle;
    run.bundle_path = r.folder / bundle->text;
  } else if (!t.has("bundle")) {
    t.missing("bundle", "bundle = \"FILE.efb\"");
  }
  auto each = read_bindings(t, "each");
  if (each.size() > 1) {
    t.problem(each[1].place, fmt::format("'each' in [[run]] takes one input; bind the others by its name, as in bind = "
                                         "{{ {} = \"…{{{}}}\" }}",
                                         each[1].need, each[0].need));
  } else if (t.has("each") && each.empty()) {
    t.problem(t.place("each"), "'each' in [[run]] is empty; write each = { INPUT = \"T*\" }");
  }
  if (!each.empty()) run.each = std::move(each.front());
  run.bind = read_bindings(t, "bind");
  run.param = read_bindings(t, "param");
  t.finish();
  r.site.runs.push_back(std::move(run));
}

void read_root(const toml::table& root, Reading& r) {
  static constexpr std::string_view kKnown[] = {"device", "storage", "connection", "sensor", "switch", "value",
                                                "log",    "model",   "alarms",     "cloud",  "run"};
  for (const auto& [key, node] : root) {
    if (std::ranges::find(kKnown, key.str()) != std::end(kKnown)) continue;
    const auto meant = nearest(key.str(), kKnown);
    const Place place{static_cast<std::uint32_t>(key.source().begin.line),
                      static_cast<std::uint32_t>(key.source().begin.column)};
    r.problems.add(
        place,
        fmt::format("'{}' is not known in a site file; {}", key.str(),
                    meant.empty()
                        ? "known are device, storage, connection, sensor, switch, value, log, model, alarms, cloud, run"
                        : fmt::format("did you mean '{}'?", meant)));
  }
  const auto one_table = [&](std::string_view key, auto read) {
    const auto* node = root.get(key);
    if (node == nullptr) return;
    if (const auto* table = node->as_table()) {
      read(*table, r);
    } else {
      r.problems.add(place_of(*node), fmt::format("'{}' must be a table; write [{}]", key, key));
    }
  };
  one_table("device", read_device);
  one_table("storage", [](const toml::table& table, Reading& r) {
    TableReader t(table, "[storage]", r.problems);
    r.site.storage = read_storage(t, r.folder);
  });
  one_table("cloud", [](const toml::table& table, Reading& r) {
    TableReader t(table, "[cloud]", r.problems);
    r.site.cloud = read_cloud(t, r.folder);
    if (!r.site.storage) t.problem(t.place(), "[cloud] sends what the device's storage holds; add a table [storage]");
  });
  for_each_named(root, "connection", r.problems, [&](auto name, const auto& t) { read_connection(name, t, r); });
  std::set<std::string> sensors;
  for_each_named(root, "sensor", r.problems, [&](auto name, const auto& t) { read_sensor(name, t, sensors, r); });
  for (const auto kind : {OutputKind::Switch, OutputKind::Value, OutputKind::Log}) {
    std::set<std::string> taken;
    for_each_named(root, name_of(kind), r.problems,
                   [&](auto name, const auto& t) { read_output(kind, name, t, taken, r); });
  }
  for_each_named(root, "model", r.problems, [&](auto name, const auto& t) { read_model(name, t, r); });
  one_table("alarms", read_alarms);
  if (const auto* node = root.get("run")) {
    const auto* runs = node->as_array();
    if (runs == nullptr || !runs->is_array_of_tables()) {
      r.problems.add(place_of(*node), "'run' must be written [[run]], with double brackets: a device runs several");
    } else {
      for (const auto& run : *runs) read_run(*run.as_table(), r);
    }
  }
}

}  // namespace

std::string_view name(Encoding encoding) {
  static constexpr std::string_view kNames[] = {"", "hex", "base64", "little-endian", "big-endian"};
  return kNames[static_cast<std::size_t>(encoding)];
}

std::string_view name_of(OutputKind kind) {
  return kind == OutputKind::Switch ? "switch" : kind == OutputKind::Value ? "value" : "log";
}

const Connection* Site::connection(std::string_view name) const {
  const auto it = std::ranges::find(connections, name, &Connection::name);
  return it == connections.end() ? nullptr : &*it;
}

const Sensor* Site::sensor(std::string_view name) const {
  const auto it = std::ranges::find(sensors, name, &Sensor::name);
  return it == sensors.end() ? nullptr : &*it;
}

const Output* Site::output(OutputKind kind, std::string_view name) const {
  const auto it = std::ranges::find_if(
      outputs, [&](const Output& o) { return o.name == name && output_settings[o.settings].kind == kind; });
  return it == outputs.end() ? nullptr : &*it;
}

Result<Site> parse_site(std::string_view text, std::string file, const fs::path& folder) {
  Site site;
  site.file = file;
  Problems problems(std::move(file));
  try {
    const auto root = toml::parse(text, site.file);
    Reading reading{site, problems, folder};
    read_root(root, reading);
  } catch (const toml::parse_error& error) {
    const auto& begin = error.source().begin;
    problems.add({static_cast<std::uint32_t>(begin.line), static_cast<std::uint32_t>(begin.column)},
                 fmt::format("not TOML: {}", error.description()));
  }
  if (!problems.empty()) return std::unexpected(problems.as_error());
  return site;
}

Result<Site> load_site(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || file.bad()) {
    return fail(fmt::format("{}: cannot read the site file: {}; examples/demo.toml is one to start from", path.string(),
                            std::strerror(errno)));
  }
  return parse_site(text, path.string(), path.parent_path());
}

}  // namespace eyeflow::runtime
