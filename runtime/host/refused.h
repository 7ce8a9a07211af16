#pragma once

#include "runtime/host/deployment.h"

namespace eyeflow::runtime {

// For a site of which nothing can run: connects, tells the switches of the refused runs their safe state, and leaves.
// A connection that is not up within a few seconds is told in the log.
void tell_refused_safe(const Site& site, const Deployment& deployment, std::FILE* console);

}  // namespace eyeflow::runtime
