#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/host/clock.h"
#include "runtime/payload/decoder.h"
#include "runtime/security/signed_bundle.h"
#include "runtime/site/site.h"
#include "vm/engine/engine.h"

namespace eyeflow::runtime {

struct HostOptions {
  std::vector<PublicKey> trusted;  // besides the site's trusted_keys
  // Where bundles come from; tests and the demo hand them over from memory.
  std::function<Result<std::vector<std::byte>>(const std::filesystem::path&)> read_bundle = read_bundle_file;
  std::FILE* console = stdout;        // where the site's "console" writes; nullptr: nowhere
  std::optional<TierChoice> tier{};   // instead of the site's
  bool blind_constants = false;       // also where the site does not ask for it
  HostClock::Source clock{};          // tests have their own
  bool stop_when_inputs_end = false;  // run() returns when every source is at its end (replays)
};

// What a site's runs come to once their bundles are verified and every need is bound: plain data, nothing connected.
struct Deployment {
  struct Task {
    std::string bundle;  // as the site names it
    std::unique_ptr<const vm::Program> program;
  };
  struct InputRoute {
    vm::InputId input;
    SensorId sensor;
    DecodePlan plan;
  };
  struct Instance {
    std::uint32_t run = 0;  // index into Site::runs
    std::uint32_t task;
    std::string name;  // "monitor_t1/T5", or the task's name
    vm::Instance::Binding binding;
    std::vector<InputRoute> inputs;
    std::vector<PortId> outputs;          // by output
    std::vector<std::uint32_t> models{};  // by model: index into Site::models
  };
  // An output of the site that somebody writes.
  struct Port {
    std::uint32_t output;           // index into Site::outputs
    std::string topic;              // filled in
    stdlib::Conversion conversion;  // values: from the task's unit to the published one
    std::string unit;               // values: the published one
    std::uint32_t writers = 0;
  };

  std::shared_ptr<const TimeZone> time_zone;  // of the programs' times of day; null: UTC
  std::vector<Task> tasks;
  std::vector<Instance> instances;
  std::vector<Port> ports;
  std::vector<std::string> problems;  // of the runs that are left out; each line with its place in the site file
  std::size_t key_problems = 0;       // the first of them, which are about keys and leave no run out
  std::vector<std::string> notes;     // what works, but not as one may think
  std::vector<std::uint32_t> outputs_of_refused;  // switches that a refused run would have driven (Site::outputs)
};

// Verifies, loads and binds every [[run]]. A run with a problem is left out; its problems are listed.
Deployment deploy(const Site& site, const HostOptions& options);

// What `eyeflow-vm site check` tells: everything that deploy() found, connecting to nothing.
struct SiteReport {
  std::vector<std::string> problems, notes;
  std::size_t sensors = 0, outputs = 0, tasks = 0, instances = 0;
};
SiteReport check_site(const Site& site, const HostOptions& options);

// For `run BUNDLE --site SITE`: keeps the runs of the bundle with that file name and takes it from `bundle`.
Result<void> select_bundle(Site& site, const std::filesystem::path& bundle);

}  // namespace eyeflow::runtime
