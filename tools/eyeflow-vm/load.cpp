#include "tools/eyeflow-vm/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "runtime/host/deployment.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tools/common/terminal.h"
#include "tools/eyeflow-vm/commands.h"
#include "vm/module/card.h"

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

std::expected<LoadedBundle, int> load_bundle(const std::filesystem::path& path,
                                             const std::vector<std::filesystem::path>& key_paths,
                                             const vm::Program::Options& options) {
  const auto keys = load_keys(key_paths);
  if (!keys) return std::unexpected(report(keys.error().message, kUnreachable));
  const auto bytes = runtime::read_bundle_file(path);
  if (!bytes) return std::unexpected(report(bytes.error().message, kUnreachable));
  const auto refuse = [&](const Error& error) {  // messages of a verifier do not know the file
    const bool named = error.message.starts_with(path.string());
    return std::unexpected(report(named ? error.message : path.string() + ": " + error.message, kRefused));
  };
  const auto bundle = runtime::verify_bundle(*bytes, *keys);
  if (!bundle) return refuse(bundle.error());
  const vm::BundleSection* section = bundle->find(vm::kModuleSection);
  if (section == nullptr) return refuse({"the bundle has no module; build it again with eyeflowc"});
  Result<vm::Module> module = vm::read_module(section->bytes);
  if (!module) return refuse(module.error());
  Result<vm::VerifiedModule> verified = vm::verify(std::move(*module), stdlib::intrinsics());
  if (!verified) return refuse(verified.error());
  if (const auto card = vm::check_card(*bundle, *verified); !card) return refuse(card.error());
  return LoadedBundle{.key = runtime::short_id(bundle->frame.key_id),
                      .bytes = bytes->size(),
                      .program = vm::Program::make(std::move(*verified), stdlib::intrinsics(), options)};
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
