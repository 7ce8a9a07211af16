#include <fmt/format.h>

#include "runtime/host/deployment.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tools/common/card.h"
#include "tools/common/numbers.h"
#include "tools/common/terminal.h"
#include "tools/eyeflow-vm/commands.h"
#include "tools/eyeflow-vm/load.h"
#include "vm/module/card.h"

namespace eyeflow::tools {

namespace {

// Messages of a verifier do not know the file.
std::string named(const std::filesystem::path& file, const Error& error) {
  return error.message.starts_with(file.string()) ? error.message : file.string() + ": " + error.message;
}

}  // namespace

int verify(const VerifyArguments& arguments) {
  const auto keys = load_keys(arguments.keys);
  if (!keys) return report(keys.error().message, kUnreachable);
  const auto bytes = runtime::read_bundle_file(arguments.bundle);
  if (!bytes) return report(bytes.error().message, kUnreachable);

  const auto refuse = [&](const Error& error) { return report(named(arguments.bundle, error), kRefused); };
  const auto bundle = runtime::verify_bundle(*bytes, *keys);
  if (!bundle) return refuse(bundle.error());
  const vm::BundleSection* section = bundle->find(vm::kModuleSection);
  if (section == nullptr) return refuse({"the bundle has no module; build it again with eyeflowc"});
  Result<vm::Module> module = vm::read_module(section->bytes);
  if (!module) return refuse(module.error());
  Result<vm::VerifiedModule> verified = vm::verify(std::move(*module), stdlib::intrinsics());
  if (!verified) return refuse(verified.error());
  if (const auto card = vm::check_card(*bundle, *verified); !card) return refuse(card.error());

  const auto program = vm::Program::make(std::move(*verified), stdlib::intrinsics());
  const TaskCard card = card_of(*program);
  const Paint paint = Paint::of(stdout);
  fmt::print("{}: {}, task {}, signed by {}, {}\n", arguments.bundle.string(), paint.green("good"),
             paint.bold(card.bounds.task), runtime::short_id(bundle->frame.key_id), bytes_text(bytes->size()));
  for (const std::string& line : card_lines(card)) fmt::print("  {}\n", line);
  return kDone;
}

int site_check(const SiteCheckArguments& arguments) {
  auto keys = load_keys(arguments.keys);
  if (!keys) return report(keys.error().message, kUnreachable);
  auto site = open_site(arguments.site, arguments.bundles);
  if (!site) return site.error();
  const runtime::SiteReport found = runtime::check_site(*site, {.trusted = std::move(*keys)});
  const Paint paint = Paint::of(stderr);
  for (const std::string& note : found.notes) fmt::print(stderr, "{} {}\n", paint.yellow("note:"), note);
  for (const std::string& problem : found.problems) report(problem, kRefused);
  if (!found.problems.empty()) return kRefused;
  const auto some = [](std::size_t count, std::string_view what) {
    return fmt::format(", {} {}{}", count, what, count == 1 ? "" : "s");
  };
  fmt::print("{}: {}{}{}{}{}\n", arguments.site.string(), Paint::of(stdout).green("good"),
             some(found.sensors, "sensor"), some(found.outputs, "output"), some(found.tasks, "task"),
             some(found.instances, "instance"));
  return kDone;
}

}  // namespace eyeflow::tools
