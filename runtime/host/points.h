#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/host/deployment.h"
#include "runtime/site/site.h"
#include "vm/base/result.h"

// What is connected to a device, and how it is at the moment: for whoever stands in front of it with a screwdriver.
namespace eyeflow::runtime {

enum class Quality {
  Good,
  Stale,      // the last reading is older than its task takes (than a day, if none says), or nobody knows how old it is
  Bad,        // what came is not what the binding says
  Missing,    // nothing came
  Unwatched,  // an output that cannot be heard: console, files, databases, pins
};
std::string_view name_of(Quality quality);

struct Point {
  std::string kind;  // "sensor", "switch", "value", "log"
  std::string name;
  std::string where;                   // "plant: line1/T1, field /temp"
  std::vector<std::string> used_by{};  // instances of tasks
  Quality quality = Quality::Missing;
  std::string value{};  // as the sensor's payload says it; of an output what was published last
  bool is_number = false;
  std::string unit{};
  std::optional<std::chrono::nanoseconds> age{};  // since the reading's own time; nothing: unknown
  std::string why{};                              // it is not good
};

// Listens for `span`, or until every sensor has had a reading and every output that can be heard was heard. Sets and
// publishes nothing; pins of outputs are left alone, because taking one over would set it. `deployment` says who uses
// what and when a reading is stale; it may be empty.
Result<std::vector<Point>> look_at_points(const Site& site, const Deployment& deployment,
                                          std::chrono::nanoseconds span);

}  // namespace eyeflow::runtime
