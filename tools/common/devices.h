#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// Devices for which a card estimates times. An estimate is fuel × cycles ÷ clock rate: good for choosing a device, not
// for a promise; what a deadline is held against is measured on the device itself.
namespace eyeflow::tools {

struct DeviceProfile {
  std::string_view name;      // "rpi4"
  std::string_view title;     // "Raspberry Pi 4"
  double clock_hz;            // of one core, as its maker states it
  double cycles_compiled;     // for a unit of fuel, in the baseline tier …
  double cycles_interpreted;  // … and in the interpreter
};

std::span<const DeviceProfile> device_profiles();
const DeviceProfile* find_device(std::string_view name);  // null when there is none

std::chrono::nanoseconds estimate(const DeviceProfile& device, std::uint64_t fuel, bool compiled);

}  // namespace eyeflow::tools
