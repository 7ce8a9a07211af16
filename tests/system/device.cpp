#include "tests/system/device.h"

#include <stdexcept>

namespace eyeflow::test {

void set_up_device(const TemporaryFolder& folder, int port, const std::string& name, const std::string& task,
                   const std::string& points, const std::string& of_plant) {
  const auto path = [&](const std::string& file) { return (folder / file).string(); };
  write_file(folder / (name + ".eft"), task);
  for (const auto& command : {std::vector<std::string>{EYEFLOWC, "keygen", "-o", path("key")},
                              std::vector<std::string>{EYEFLOWC, "build", path(name + ".eft"), "-o",
                                                       path(name + ".efb"), "--key", path("key")}}) {
    if (run(command, folder / "log") != 0) throw std::runtime_error(read_file(folder / "log"));
  }
  write_file(folder / "site.toml", R"(
[device]
name = "d1"
trusted_keys = ["key.pub"]
[connection.plant]
mqtt = "mqtt://127.0.0.1:)" + std::to_string(port) +
                                       "\"\n" + of_plant + points);
}

std::vector<std::string> device_in(const TemporaryFolder& folder) {
  return {EYEFLOW_VM, "run", "--site", (folder / "site.toml").string()};
}

}  // namespace eyeflow::test
