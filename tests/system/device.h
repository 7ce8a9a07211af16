#pragma once

#include <string>
#include <vector>

#include "tests/system/process.h"

namespace eyeflow::test {

// NAME.efb of this task, signed by the folder's key, which is made first. Throws what the compiler says.
void build_bundle(const TemporaryFolder& folder, const std::string& name, const std::string& task);

// A device d1 that runs this task of this name: its bundle, its key, and site.toml with a connection "plant" to the
// broker at this port; `of_plant` are more lines of that, `points` is all the rest. Throws what the compiler says.
void set_up_device(const TemporaryFolder& folder, int port, const std::string& name, const std::string& task,
                   const std::string& points, const std::string& of_plant = "");

// The program that runs it.
std::vector<std::string> device_in(const TemporaryFolder& folder);

}  // namespace eyeflow::test
