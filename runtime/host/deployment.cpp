#include "runtime/host/deployment.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "jit/baseline/baseline.h"
#include "runtime/host/connect.h"
#include "runtime/host/param.h"
#include "runtime/security/tls_client.h"
#include "runtime/site/pattern.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "vm/base/nearest.h"
#include "vm/module/card.h"
#include "vm/module/enum_unit.h"
#include "vm/module/verifier.h"

namespace eyeflow::runtime {
namespace {

using Fill = std::vector<std::pair<std::string_view, std::string_view>>;

// Binds the runs of one site, one after the other.
class Binder {
 public:
  Binder(const Site& site, const HostOptions& options, Deployment& out)
      : site_(site), options_(options), out_(out), keys_(options.trusted) {
    out_.time_zone = site.time_zone;
    for (std::uint32_t i = 0; i < site.sensors.size(); ++i) sensors_.emplace(site.sensors[i].name, SensorId{i});
    for (std::uint32_t i = 0; i < site.outputs.size(); ++i) {
      outputs_.emplace(std::pair(site.settings(site.outputs[i]).kind, std::string_view(site.outputs[i].name)), i);
    }
    for (const auto& path : site.trusted_keys) {
      auto key = load_public_key(path);
      if (key) {
        keys_.push_back(std::move(*key));
      } else {
        out_.problems.push_back(
            at(site.trusted_keys_place, fmt::format("'trusted_keys' in [device]: {}", key.error().message)));
        ++out_.key_problems;
      }
    }
  }

  void bind_all() {
    for (run_ = 0; run_ < site_.runs.size(); ++run_) bind(site_.runs[run_]);
    check_shared();
    for (auto& port : out_.ports) port.writers = 0;
    for (const auto& instance : out_.instances) {
      for (const auto id : instance.outputs) ++out_.ports[static_cast<std::size_t>(id)].writers;
    }
    if (site_.runs.empty()) out_.notes.push_back(fmt::format("{}: there is no [[run]]; nothing will run", site_.file));
  }

 private:
  std::string at(Place place, std::string_view what) const {
    return fmt::format("{}:{}:{}: {}", site_.file, place.line, place.column, what);
  }

  // What the hundredth instance of a pattern lacks the first lacks too: told once, with a count. `need` tells apart
  // what one place may be blamed for.
  void problem(Place place, std::string_view need, std::string_view what) {
    const auto known = std::ranges::find_if(problems_, [&](const Problem& p) {
      return p.place.line == place.line && p.place.column == place.column && p.need == need;
    });
    if (known != problems_.end()) {
      ++known->more;
    } else {
      problems_.push_back({place, std::string(need), at(place, what), 0});
    }
  }

  Result<std::uint32_t> task_of(const Run& run) {
    if (const auto known = tasks_.find(run.bundle_path); known != tasks_.end()) return known->second;
    const auto bytes = options_.read_bundle(run.bundle_path);
    if (!bytes) return std::unexpected(bytes.error());
    const auto bundle = verify_bundle(*bytes, keys_);
    const auto in_file = [&](const Error& error) {
      return fail(fmt::format("{}: {}", run.bundle_path.string(), error.message));
    };
    if (!bundle) return in_file(bundle.error());
    const auto* section = bundle->find(vm::kModuleSection);
    if (section == nullptr) return in_file(Error{"it has no module; build it again with 'eyeflowc build'"});
    auto module = vm::read_module(section->bytes);
    if (!module) return in_file(module.error());
    auto checked = vm::verify(std::move(*module), stdlib::intrinsics());
    if (!checked) return in_file(checked.error());
    if (const auto card = vm::check_card(*bundle, *checked); !card) return in_file(card.error());
    if (bundle->find(vm::kCardSection) == nullptr) {
      out_.notes.push_back(fmt::format(
          "{}: it has no card: who signed it does not state what the task can cost, and this device's own figures "
          "alone hold; 'eyeflowc build' adds one",
          run.bundle_path.string()));
    }
    const auto index = static_cast<std::uint32_t>(out_.tasks.size());
    const bool compiled = options_.tier.value_or(site_.tier) == TierChoice::Baseline;
    out_.tasks.push_back(
        {run.bundle.text, vm::Program::make(std::move(*checked), stdlib::intrinsics(),
                                            {.tier = compiled ? &jit::kBaseline : &vm::kInterpreter,
                                             .blind_constants = options_.blind_constants || site_.blind_constants,
                                             .calendar = calendar()})});
    note_tier(*out_.tasks.back().program);
    tasks_.emplace(run.bundle_path, index);
    return index;
  }

  vm::Calendar calendar() const {
    if (!out_.time_zone) return {};
    return {.next = &TimeZone::next_of, .zone = out_.time_zone.get()};
  }

  void bind(const Run& run) {
    problems_.clear();
    const auto first_instance = out_.instances.size();
    const auto ports_before = out_.ports;
    const auto task = task_of(run);
    if (!task) {
      problem(run.bundle.place, "bundle", task.error().message);
      note_refused(run);
    } else {
      const auto& module = out_.tasks[*task].program->module();
      check_names(run, module);
      const auto params = params_of(run, module);
      for (const auto& each : each_of(run, module)) bind_instance(run, *task, module, each, params);
      problems_.empty() ? note_wishes(module) : note_refused(run);
    }
    if (problems_.empty()) return;
    out_.instances.resize(first_instance);
    out_.ports = ports_before;
    std::erase_if(ports_,
                  [&](const auto& entry) { return static_cast<std::size_t>(entry.second) >= out_.ports.size(); });
    for (const auto& p : problems_) {
      out_.problems.push_back(
          p.more == 0 ? p.line
                      : fmt::format("{} (and for {} more instance{})", p.line, p.more, p.more == 1 ? "" : "s"));
    }
  }

  // Names in `bind`, `each` and `param` that the task does not know.
  void check_names(const Run& run, const vm::Module& module) {
    std::vector<std::string_view> needs, params;
    for (const auto& input : module.inputs) needs.push_back(input.value.name);
    for (const auto& output : module.outputs) needs.push_back(output.name);
    for (const auto& model : module.models) needs.push_back(model.name);
    for (const auto& param : module.params) params.push_back(param.name);
    std::set<std::string_view> seen;
    const auto check = [&](const Binding& b, std::span<const std::string_view> known, std::string_view kind) {
      if (!seen.insert(b.need).second) problem(b.place, "twice", fmt::format("'{}' is bound twice", b.need));
      if (std::ranges::find(known, b.need) != known.end()) return;
      const auto meant = nearest(b.need, known);
      problem(b.place, b.need,
              fmt::format("task {} has no {} '{}'{}", module.task, kind, b.need,
                          meant.empty() ? "; remove it" : fmt::format("; did you mean '{}'?", meant)));
    };
    if (run.each) check(*run.each, std::span(needs).first(module.inputs.size()), "input");
    for (const auto& b : run.bind) check(b, needs, "input or output");
    seen.clear();
    for (const auto& b : run.param) check(b, params, "param");
  }

  std::vector<std::optional<vm::Word>> params_of(const Run& run, const vm::Module& module) {
    std::vector<std::optional<vm::Word>> words(module.params.size());
    for (const auto& b : run.param) {
      const auto param = std::ranges::find(module.params, b.need, &vm::Param::name);
      if (param == module.params.end()) continue;  // told by check_names
      auto word = parse_param(*param, b.value.text);
      if (!word) {
        problem(b.value.place, b.need,
                fmt::format("param '{}' of task {}: {}", b.need, module.task, word.error().message));
      } else {
        words[static_cast<std::size_t>(param - module.params.begin())] = *word;
      }
    }
    return words;
  }

  // The sensors of `each`, or one empty name.
  std::vector<std::string_view> each_of(const Run& run, const vm::Module& module) {
    if (!run.each) return {std::string_view{}};
    auto names = matching(run);
    if (names.empty()) {
      problem(run.each->value.place, run.each->need,
              fmt::format("no sensor of this site matches '{}', so task {} would have no instance; add a [sensor.…] of "
                          "such a name or change the pattern",
                          run.each->value.text, module.task));
    }
    return names;
  }

  void bind_instance(const Run& run, std::uint32_t task, const vm::Module& module, std::string_view each,
                     const std::vector<std::optional<vm::Word>>& params) {
    Deployment::Instance instance{
        .run = run_, .task = task, .name = module.task, .binding = {params, {}}, .inputs = {}, .outputs = {}};
    if (run.each) instance.name += fmt::format("/{}", each);
    if (const auto copies = names_[instance.name]++; copies > 0) instance.name += fmt::format("#{}", copies + 1);
    Fill fill;
    if (run.each) fill.emplace_back(run.each->need, each);

    for (std::uint16_t i = 0; i < module.inputs.size(); ++i) {
      const auto& input = module.inputs[i];
      std::string sensor_name;
      Place place;
      if (run.each && run.each->need == input.value.name) {
        sensor_name = each;
        place = run.each->place;
      } else {
        const auto bound = std::ranges::find(run.bind, input.value.name, &Binding::need);
        if (bound == run.bind.end()) {
          problem(run.place, input.value.name,
                  fmt::format("input '{}' of task {} is not bound; add {}", input.value.name, module.task,
                              advice_for_input(run, input)));
          continue;
        }
        auto filled = fill_in(bound->value.text, fill);
        if (!filled) {
          problem(bound->value.place, input.value.name, filled.error().message);
          continue;
        }
        sensor_name = std::move(*filled);
        place = bound->value.place;
      }
      const auto sensor = sensors_.find(sensor_name);
      if (sensor == sensors_.end()) {
        problem(place, input.value.name,
                fmt::format("input '{}' is bound to '{}', but this site has no such sensor; {}", input.value.name,
                            sensor_name, advice_for_sensor(sensor_name)));
        continue;
      }
      const auto& settings = site_.settings(site_.sensors[static_cast<std::size_t>(sensor->second)]);
      auto plan = make_plan(settings, module, input);
      if (!plan) {
        problem(settings.unit.empty() ? settings.place : settings.unit_place, input.value.name,
                fmt::format("sensor '{}' for task {}: {}", sensor_name, module.task, plan.error().message));
        continue;
      }
      const bool takes_numbers = plan->meaning != Meaning::Text && plan->meaning != Meaning::Elements &&
                                 plan->meaning != Meaning::Image && plan->type != vm::Scalar::Bool;
      if (settings.from.text == "simulate" && !takes_numbers) {
        problem(settings.place, input.value.name,
                fmt::format("sensor '{}' for task {}: a simulation makes numbers, and input '{}' takes none; play "
                            "readings from a file instead, with from = \"replay\" and file = \"FILE\"",
                            sensor_name, module.task, input.value.name));
        continue;
      }
      instance.inputs.push_back({vm::InputId{i}, sensor->second, std::move(*plan)});
      instance.binding.input_names.push_back(sensor_name);
    }
    for (const auto& output : module.outputs) {
      if (const auto port = port_for(run, module, output, fill)) instance.outputs.push_back(*port);
    }
    for (const auto& model : module.models) {
      if (const auto found = model_for(run, module, model, fill)) instance.models.push_back(*found);
    }
    out_.instances.push_back(std::move(instance));
  }

  // The site's model of the name that the need is bound to, if its file is the one that the site means.
  std::optional<std::uint32_t> model_for(const Run& run, const vm::Module& module, const vm::Model& model,
                                         const Fill& fill) {
    const auto bound = std::ranges::find(run.bind, model.name, &Binding::need);
    if (bound == run.bind.end()) {
      problem(run.place, model.name,
              fmt::format("model '{}' of task {} is not bound; add {} = \"{}\" to its bind, and a table [model.{}]",
                          model.name, module.task, model.name, model.name, model.name));
      return std::nullopt;
    }
    const auto name = fill_in(bound->value.text, fill);
    const auto found = name ? std::ranges::find(site_.models, *name, &ModelSettings::name) : site_.models.end();
    if (found == site_.models.end()) {
      problem(
          bound->value.place, model.name,
          fmt::format("model '{}' is bound to '{}', but this site has no such model; add a table [model.{}] with file, "
                      "sha256 and command",
                      model.name, bound->value.text, bound->value.text));
      return std::nullopt;
    }
    const auto hash = hash_of_file(found->file);
    if (hash == found->sha256) return static_cast<std::uint32_t>(found - site_.models.begin());
    problem(found->place, model.name,
            hash.empty() ? fmt::format("model '{}': cannot read {}; check 'file'", found->name, found->file.string())
                         : fmt::format("model '{}': {} is another file than the one that was meant: its sha256 is {}",
                                       found->name, found->file.string(), hash));
    return std::nullopt;
  }

  // Empty where it cannot be read.
  static std::string hash_of_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return {};
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (file.bad()) return {};
    std::string text;
    for (const std::byte byte : sha256(std::as_bytes(std::span(bytes))))
      text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
  }

  std::optional<PortId> port_for(const Run& run, const vm::Module& module, const vm::Output& output, const Fill& fill) {
    const auto kind = name_of(output.kind);
    const auto bound = std::ranges::find(run.bind, output.name, &Binding::need);
    if (bound == run.bind.end()) {
      problem(run.place, output.name,
              fmt::format("output '{}' of task {} is not bound; add {}", output.name, module.task,
                          advice_for_output(run, output)));
      return std::nullopt;
    }
    const auto name = fill_in(bound->value.text, fill);
    if (!name) {
      problem(bound->value.place, output.name, name.error().message);
      return std::nullopt;
    }
    const auto found = outputs_.find(std::pair(output.kind, std::string_view(*name)));
    if (found == outputs_.end()) {
      for (const auto other : {OutputKind::Switch, OutputKind::Value, OutputKind::Log}) {
        if (!outputs_.contains(std::pair(other, std::string_view(*name)))) continue;
        problem(bound->value.place, output.name,
                fmt::format("output '{}' is a {}, but '{}' is a {} of this site; bind a {}, or add "
                            "[{}.{}] with to = \"console\" or a connection",
                            output.name, kind, *name, name_of(other), kind, kind, *name));
        return std::nullopt;
      }
      problem(bound->value.place, output.name,
              fmt::format("output '{}' is bound to '{}', but this site has no such {}; add [{}.{}] "
                          "with to = \"console\" or a connection",
                          output.name, *name, kind, kind, *name));
      return std::nullopt;
    }
    return port_of(found->second, module, output);
  }

  std::optional<PortId> port_of(std::uint32_t site_output, const vm::Module& module, const vm::Output& output) {
    if (const auto known = ports_.find(site_output); known != ports_.end()) {
      ++out_.ports[static_cast<std::size_t>(known->second)].writers;
      return known->second;
    }
    const auto& settings = site_.settings(site_.outputs[site_output]);
    Deployment::Port port{.output = site_output, .topic = {}, .conversion = {}, .unit = {}, .writers = 1};
    const Fill fill{{"name", site_.outputs[site_output].name}, {"device", site_.device}};
    auto topic = fill_in(settings.topic, fill);
    if (!topic) {
      problem(settings.place, output.name, topic.error().message);
      return std::nullopt;
    }
    port.topic = std::move(*topic);
    if (output.kind == OutputKind::Value) {
      const auto& field = output.fields.front();
      const std::string own_unit = vm::is_enum_unit(field.unit) ? std::string() : field.unit;
      port.unit = settings.unit.empty() ? own_unit : settings.unit;
      if (port.unit != own_unit) {
        const auto from = stdlib::parse_unit(field.unit.empty() ? "1" : field.unit);
        const auto to = stdlib::parse_unit(port.unit);
        const auto conversion = from && to ? stdlib::convert(*from, *to) : std::nullopt;
        if (!conversion) {
          problem(settings.unit_place, output.name,
                  fmt::format("{} '{}' is published in {}, but output '{}' of task {} is in {}; write a unit of that "
                              "dimension, or none",
                              name_of(output.kind), site_.outputs[site_output].name, port.unit, output.name,
                              module.task, field.unit.empty() ? "plain numbers" : field.unit));
          return std::nullopt;
        }
        port.conversion = *conversion;
      }
    }
    const PortId id{static_cast<std::uint32_t>(out_.ports.size())};
    out_.ports.push_back(std::move(port));
    ports_.emplace(site_output, id);
    return id;
  }

  // Across all runs: two writers of one switch or value. All of them are refused, and with them their whole runs, as
  // half a run is none.
  void check_shared() {
    std::set<std::uint32_t> refused;
    for (const auto& port : out_.ports) {
      const auto& output = site_.outputs[port.output];
      const auto& settings = site_.settings(output);
      if (settings.kind == OutputKind::Log || settings.combine != Combine::No) continue;
      std::string who;
      std::set<std::uint32_t> runs;
      std::size_t count = 0;
      const auto id = ports_.at(port.output);
      for (const auto& instance : out_.instances) {
        // A task with two outputs that are bound to one is two writers, too.
        const auto times = static_cast<std::size_t>(std::ranges::count(instance.outputs, id));
        if (times == 0) continue;
        runs.insert(instance.run);
        if ((count += times) <= 3) who += fmt::format("{}{}", who.empty() ? "" : ", ", instance.name);
      }
      if (count < 2) continue;
      if (count > 3) who += fmt::format(" and {} more", count - 3);
      refused.merge(runs);
      out_.problems.push_back(at(
          settings.place,
          fmt::format("{} '{}' is written by more than one ({}); {}", name_of(settings.kind), output.name, who,
                      settings.kind == OutputKind::Switch
                          ? fmt::format("add combine = \"any\" or \"all\" to [switch.\"{}\"], or bind each to its own",
                                        settings.written)
                          : "a value has one writer: bind each to its own")));
    }
    for (const auto run : refused) note_refused(site_.runs[run]);
    std::erase_if(out_.instances, [&](const Deployment::Instance& i) { return refused.contains(i.run); });
  }

  // What the run's last instance has bound a log to; null for other outputs.
  const OutputSettings* log_of(const vm::Output& output, const vm::Module& module) const {
    if (output.kind != OutputKind::Log) return nullptr;
    const auto number = static_cast<std::size_t>(&output - module.outputs.data());
    const auto port = out_.instances.back().outputs[number];
    return &site_.settings(site_.outputs[out_.ports[static_cast<std::size_t>(port)].output]);
  }

  // A row goes to the far side when its task wishes so and its log is granted it.
  void note_wishes(const vm::Module& module) {
    for (const auto& output : module.outputs) {
      const auto* granted = log_of(output, module);
      if (granted == nullptr || output.to_cloud == granted->sync) continue;
      if (!told_.insert(module.task + "." + output.name).second) continue;
      if (granted->sync) {
        out_.notes.push_back(at(granted->place, fmt::format("[log.{}] may go to the cloud, but output '{}' of task {} "
                                                            "does not wish to ('to cloud' in the task): it stays here",
                                                            granted->written, output.name, module.task)));
        continue;
      }
      out_.notes.push_back(
          at(granted->place, fmt::format("output '{}' of task {} wishes to go to the cloud; grant it with sync = "
                                         "\"cloud\" in [log.{}], or it stays here",
                                         output.name, module.task, granted->written)));
    }
  }

  // Once for all tasks what concerns them all.
  void note_tier(const vm::Program& program) {
    const std::string why = program.code().report().fallback;
    if (why.empty() || !told_.insert(why).second) return;
    out_.notes.push_back(fmt::format(
        "{}: task {} runs in the interpreter, which is slower: {}; write tier = \"interpreter\" in [device] "
        "if that is how it shall be",
        site_.file, program.module().task, why));
  }

  // The switches that a refused run names: they go to `safe`.
  void note_refused(const Run& run) {
    for (const auto name : run.each ? matching(run) : std::vector<std::string_view>{""}) {
      Fill fill;
      if (run.each) fill.emplace_back(run.each->need, name);
      for (const auto& b : run.bind) {
        const auto filled = fill_in(b.value.text, fill);
        if (!filled) continue;
        const auto found = outputs_.find(std::pair(OutputKind::Switch, std::string_view(*filled)));
        if (found == outputs_.end()) continue;
        auto& known = out_.outputs_of_refused;  // a hundred instances may share one horn
        if (std::ranges::find(known, found->second) == known.end()) known.push_back(found->second);
      }
    }
  }

  std::vector<std::string_view> matching(const Run& run) {
    std::vector<std::string_view> names;
    for (const auto& sensor : site_.sensors) {
      if (glob_matches(run.each->value.text, sensor.name)) names.push_back(sensor.name);
    }
    return names;
  }

  std::string advice_for_input(const Run& run, const vm::Input& input) {
    std::vector<std::string_view> names;
    for (const auto& [name, id] : sensors_) names.push_back(name);
    const auto near = nearest(input.value.name, names);
    const auto sensor = near.empty() ? std::string_view("SENSOR") : near;
    return run.bind.empty() ? fmt::format("bind = {{ {} = \"{}\" }}", input.value.name, sensor)
                            : fmt::format("{} = \"{}\" to its bind", input.value.name, sensor);
  }

  std::string advice_for_output(const Run& run, const vm::Output& output) {
    std::string name = output.name;
    bool exists = outputs_.contains(std::pair(output.kind, std::string_view(name)));
    if (!exists && run.each) {
      // siren_T1 … for siren of `each`: the usual way to name a hundred.
      const auto sensors = matching(run);
      if (!sensors.empty() &&
          outputs_.contains(std::pair(output.kind, std::string_view(fmt::format("{}_{}", name, sensors.front()))))) {
        name = fmt::format("{}_{{{}}}", name, run.each->need);
        exists = true;
      }
    }
    auto advice = run.bind.empty() ? fmt::format("bind = {{ {} = \"{}\" }}", output.name, name)
                                   : fmt::format("{} = \"{}\" to its bind", output.name, name);
    if (!exists)
      advice += fmt::format(", and a table [{}.{}] with to = \"console\" or a connection", name_of(output.kind), name);
    return advice;
  }

  std::string advice_for_sensor(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto& [known, id] : sensors_) names.push_back(known);
    const auto near = nearest(name, names);
    return near.empty() ? fmt::format("add [sensor.{}]", name) : fmt::format("did you mean '{}'?", near);
  }

  const Site& site_;
  const HostOptions& options_;
  Deployment& out_;
  struct Problem {
    Place place;
    std::string need;
    std::string line;
    std::size_t more;
  };
  std::uint32_t run_ = 0;          // the run at hand, by Site::runs
  std::vector<Problem> problems_;  // of it
  std::vector<PublicKey> keys_;
  std::map<std::string_view, SensorId> sensors_;
  std::map<std::pair<OutputKind, std::string_view>, std::uint32_t> outputs_;
  std::map<std::filesystem::path, std::uint32_t> tasks_;
  std::map<std::uint32_t, PortId> ports_;  // by Site::outputs
  std::map<std::string, int> names_;
  std::set<std::string> told_;
};

}  // namespace

Deployment deploy(const Site& site, const HostOptions& options) {
  Deployment deployment;
  Binder(site, options, deployment).bind_all();
  return deployment;
}

SiteReport check_site(const Site& site, const HostOptions& options) {
  auto deployment = deploy(site, options);
  if (const auto connectors = make_connectors(site, deployment, nullptr); !connectors) {
    deployment.problems.push_back(connectors.error().message);
  }
  // A run tries again and again, should they come later: here is somebody to tell.
  const auto check_tls = [&](Place place, std::string_view title, const TlsClient::Settings& files) {
    if (const auto found = TlsClient::check_files(files); !found)
      deployment.problems.push_back(
          fmt::format("{}:{}:{}: {}: {}", site.file, place.line, place.column, title, found.error().message));
  };
  for (const Connection& c : site.connections) {
    const TlsClient::Settings files{.host = {}, .ca_file = c.ca_file, .cert_file = c.cert_file, .key_file = c.key_file};
    if (c.tls || c.url.starts_with("https:")) check_tls(c.place, fmt::format("[connection.{}]", c.name), files);
  }
  if (const auto& c = site.cloud; c && c->url.tls)
    check_tls(c->place, "[cloud]",
              {.host = {}, .ca_file = c->ca_file, .cert_file = c->cert_file, .key_file = c->key_file});
  return {std::move(deployment.problems), std::move(deployment.notes), site.sensors.size(), site.outputs.size(),
          deployment.tasks.size(),        deployment.instances.size()};
}

Result<void> select_bundle(Site& site, const std::filesystem::path& bundle) {
  const auto name = bundle.filename();
  const auto other = [&](const Run& run) { return run.bundle_path.filename() != name; };
  if (std::ranges::all_of(site.runs, other)) {
    return fail(fmt::format("{}: no [[run]] runs {}; add\n\n  [[run]]\n  bundle = \"{}\"\n  bind   = {{ … }}\n",
                            site.file, name.string(), name.string()));
  }
  std::erase_if(site.runs, other);
  for (auto& run : site.runs) run.bundle_path = bundle;
  return {};
}

}  // namespace eyeflow::runtime
