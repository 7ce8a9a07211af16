#pragma once

#include <chrono>
#include <string>

// How a pin of a GPIO chip is set up, as a site file says it.
namespace eyeflow::runtime {

enum class PinEdge { Both, Rising, Falling };
enum class PinBias { AsIs, Off, PullUp, PullDown };
enum class PinDrive { PushPull, OpenDrain, OpenSource };

struct PinSettings {
  std::string chip;  // its name, path, label or number
  std::string line;  // a number, or the name that the chip gives it
  bool active_low = false;
  PinBias bias = PinBias::AsIs;
  PinEdge edge = PinEdge::Both;          // inputs: Both gives levels, one of the others an event each time
  std::chrono::nanoseconds debounce{0};  // inputs: a level counts once it stood still for that long
  PinDrive drive = PinDrive::PushPull;   // outputs
};

// What stands for a chip where a connection's name does: in `from`, `to` and messages.
inline std::string endpoint_of(const PinSettings& pin) { return "gpio:" + pin.chip; }

}  // namespace eyeflow::runtime
