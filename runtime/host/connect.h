#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/connectors/connector.h"
#include "runtime/connectors/simulate.h"
#include "runtime/host/deployment.h"
#include "runtime/host/outputs.h"

namespace eyeflow::runtime {

// The connectors of a site, made but not started. Sensors that no task has bound are left alone.
struct Connectors {
  struct Named {
    std::string name;
    std::unique_ptr<Source> source;
    bool is_sink;  // it has to stay up until the last message is out
    bool gives_input = true;
  };
  std::vector<Named> sources;
  std::vector<std::unique_ptr<Sink>> own_sinks;  // that are no source
  Outputs::SinkOf sinks;
};

Result<Connectors> make_connectors(const Site& site, const Deployment& deployment, std::FILE* console);

// Everything that can be listened to: all sensors, and of outputs what is published to a broker, as the sensor whose
// number is that of the last one and the output's (Site::outputs). Nothing is set, and no output's pin is taken.
Result<Connectors> make_observers(const Site& site);

// The signal of a simulated sensor, its quantities in the sensor's unit.
Result<Signal> signal_of(const SensorSettings& settings);

}  // namespace eyeflow::runtime
