#pragma once

#include <string>
#include <vector>

#include "tools/common/devices.h"
#include "vm/engine/engine.h"
#include "vm/module/card.h"

// A task's card as a person or a script reads it. docs/card.md says what each figure means.
namespace eyeflow::tools {

struct TaskCard {
  vm::Card bounds;
  std::string doc;
  std::uint64_t fuel_quota = 0;      // a row above it is metered: counted while it runs, and stopped there
  std::uint64_t instance_bytes = 0;  // all that one more instance takes
};

TaskCard card_of(const vm::Program& program);

// What the declared rates make of the bounds, for one instance and the default commit of one second.
struct DayTraffic {
  std::string unknown;  // the first handler whose input declares no rate; then the figures say nothing
  std::uint64_t rows = 0, bytes = 0;
  std::uint64_t flash_writes =
      0;  // commits of rows and state; switch changes and alarms come on top, each with its own
};
DayTraffic traffic_of(const vm::Card& card);
std::string day_line(const vm::Card& card);

// A table, line by line, without a title. With a device, the longest time of each row as an estimate.
std::vector<std::string> card_lines(const TaskCard& card, const DeviceProfile* device = nullptr);

// The same as JSON: an object without the line's end.
std::string card_json(const TaskCard& card, const DeviceProfile* device = nullptr);

}  // namespace eyeflow::tools
