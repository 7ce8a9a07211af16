#include "tests/system/device.h"

#include <stdexcept>

namespace eyeflow::test {

void build_bundle(const TemporaryFolder& folder, const std::string& name, const std::string& task) {
  const auto path = [&](const std::string& file) { return (folder / file).string(); };
  const auto must = [&](std::vector<std::string> command) {
    if (run(std::move(command), folder / "log") != 0) throw std::runtime_error(read_file(folder / "log"));
  };
  write_file(folder / (name + ".eft"), task);
  if (!std::filesystem::exists(folder / "key")) must({EYEFLOWC, "keygen", "-o", path("key")});
  must({EYEFLOWC, "build", path(name + ".eft"), "-o", path(name + ".efb"), "--key", path("key")});
}

void set_up_device(const TemporaryFolder& folder, int port, const std::string& name, const std::string& task,
                   const std::string& points, const std::string& of_plant) {
  build_bundle(folder, name, task);
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
