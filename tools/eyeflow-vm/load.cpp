#include "tools/eyeflow-vm/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "runtime/host/deployment.h"
#include "tools/common/terminal.h"
#include "tools/eyeflow-vm/commands.h"

namespace eyeflow::tools {

int report(std::string_view message, ExitStatus status) {
  fmt::print(stderr, "{} {}\n", Paint::of(stderr).red("eyeflow-vm:"), message);
  return status;
}

Result<std::vector<runtime::PublicKey>> load_keys(const std::vector<std::filesystem::path>& paths) {
  std::vector<runtime::PublicKey> keys;
  for (const auto& path : paths) {
    Result<runtime::PublicKey> key = runtime::load_public_key(path);
    if (!key) return std::unexpected(key.error());
    keys.push_back(std::move(*key));
  }
  return keys;
}

std::expected<runtime::Site, int> open_site(const std::filesystem::path& path,
                                            const std::vector<std::filesystem::path>& bundles) {
  // Asked first, because a file that is not there and one that is wrong have different exit statuses.
  const bool readable = ::access(path.c_str(), R_OK) == 0;
  Result<runtime::Site> site = runtime::load_site(path);
  if (!site) return std::unexpected(report(site.error().message, readable ? kRefused : kUnreachable));
  if (bundles.empty()) return std::move(*site);

  std::vector<runtime::Run> runs;
  for (const auto& bundle : bundles) {
    if (::access(bundle.c_str(), R_OK) != 0)
      return std::unexpected(
          report(fmt::format("{}: cannot open the bundle: {}", bundle.string(), std::strerror(errno)), kUnreachable));
    runtime::Site selected = *site;
    if (const Result<void> done = runtime::select_bundle(selected, bundle); !done)
      return std::unexpected(report(done.error().message, kRefused));
    runs.insert(runs.end(), selected.runs.begin(), selected.runs.end());
  }
  site->runs = std::move(runs);
  return std::move(*site);
}

}  // namespace eyeflow::tools
