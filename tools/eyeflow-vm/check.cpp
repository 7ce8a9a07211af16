#include <fmt/format.h>

#include "jit/baseline/baseline.h"
#include "runtime/host/deployment.h"
#include "tools/common/card.h"
#include "tools/common/numbers.h"
#include "tools/common/terminal.h"
#include "tools/common/tiers.h"
#include "tools/eyeflow-vm/commands.h"
#include "tools/eyeflow-vm/load.h"

namespace eyeflow::tools {

int verify(const VerifyArguments& arguments) {
  const auto loaded = load_bundle(arguments.bundle, arguments.keys, {});
  if (!loaded) return loaded.error();
  const TaskCard card = card_of(*loaded->program);
  const Paint paint = Paint::of(stdout);
  fmt::print("{}: {}, task {}, signed by {}, {}\n", arguments.bundle.string(), paint.green("good"),
             paint.bold(card.bounds.task), loaded->key, bytes_text(loaded->bytes));
  for (const std::string& line : card_lines(card)) fmt::print("  {}\n", line);
  return kDone;
}

int tiers(const TiersArguments& arguments) {
  const auto loaded = load_bundle(arguments.bundle, arguments.keys,
                                  {.tier = &jit::kBaseline, .blind_constants = arguments.blind_constants});
  if (!loaded) return loaded.error();
  fmt::print("{}: task {}\n", arguments.bundle.string(), Paint::of(stdout).bold(loaded->program->module().task));
  for (const std::string& line : tier_lines(*loaded->program, false)) fmt::print("  {}\n", line);
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
