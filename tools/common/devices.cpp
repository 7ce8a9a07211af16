#include "tools/common/devices.h"

#include <algorithm>

namespace eyeflow::tools {
namespace {

// Cores that run out of order need about two cycles for a unit of fuel in compiled code and ten in the interpreter; an
// A53 runs in order and needs half as many again.
constexpr DeviceProfile kProfiles[] = {
    {"rpi3", "Raspberry Pi 3 (Cortex-A53)", 1.2e9, 3, 15},
    {"rpi4", "Raspberry Pi 4 (Cortex-A72)", 1.5e9, 2, 10},
    {"rpi5", "Raspberry Pi 5 (Cortex-A76)", 2.4e9, 2, 10},
    {"jetson-nano", "Jetson Nano (Cortex-A57)", 1.43e9, 2, 10},
    {"jetson-orin-nano", "Jetson Orin Nano (Cortex-A78AE)", 1.5e9, 2, 10},
    {"nuc", "Intel NUC (Core i5-8259U)", 2.3e9, 2, 10},
};

}  // namespace

std::span<const DeviceProfile> device_profiles() { return kProfiles; }

const DeviceProfile* find_device(std::string_view name) {
  const auto found = std::ranges::find(kProfiles, name, &DeviceProfile::name);
  return found == std::end(kProfiles) ? nullptr : found;
}

std::chrono::nanoseconds estimate(const DeviceProfile& device, std::uint64_t fuel, bool compiled) {
  const double cycles = compiled ? device.cycles_compiled : device.cycles_interpreted;
  const double ns = static_cast<double>(fuel) * cycles / device.clock_hz * 1e9;
  constexpr double kMost = 9.2e18;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(ns, kMost)));
}

}  // namespace eyeflow::tools
