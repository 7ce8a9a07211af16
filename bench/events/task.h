#pragma once

#include <memory>

#include "vm/engine/engine.h"

namespace eyeflow::bench {

// examples/monitor_t1.eft for a tier, compiled in this process and verified as on a device.
std::unique_ptr<const vm::Program> load_task(const vm::Tier& tier);

}  // namespace eyeflow::bench
