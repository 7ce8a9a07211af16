#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "runtime/host/deployment.h"
#include "runtime/host/stats.h"
#include "runtime/site/site.h"
#include "vm/base/result.h"

namespace eyeflow::runtime {

// A device at work: the tasks of one site, on its sensors and outputs.
//
//   auto site = load_site("site.toml");
//   auto host = Host::load(*std::move(site), {.trusted = …});
//   host->run(std::chrono::seconds(20));
//
// Tells what happens in the log named "eyeflow" (spdlog; register one of that name before to send it elsewhere).
class Host {
 public:
  // Verifies every bundle and binds every need; connects to nothing yet. A run that cannot be is left out, told in the
  // log, and the others go on. When none is left, that is the error, with a line for each problem; the switches of the
  // refused runs have been told their safe state by then.
  static Result<Host> load(Site site, HostOptions options);
  ~Host();
  Host(Host&&) noexcept;

  // Works until SIGINT or SIGTERM, stop(), `duration` is over, or wants_restart(). Then each switch goes to its safe
  // state, and what waits to be sent has up to a second. Once.
  Result<void> run(std::optional<std::chrono::nanoseconds> duration = std::nullopt);

  // run() has ended because the system's clock, which was wrong at the start, was put right: everything is kept, and
  // has to be loaded anew to go on with the right time.
  bool wants_restart() const;

  // From any thread, also before run().
  void stop();
  HostStats stats() const;

  const Site& site() const;
  const Deployment& deployment() const;

 private:
  struct Impl;
  explicit Host(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace eyeflow::runtime
