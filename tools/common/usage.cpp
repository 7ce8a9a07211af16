#include "tools/common/usage.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "vm/base/nearest.h"

namespace eyeflow::tools {
namespace {

const auto kAll = [](const CLI::App*) { return true; };

// The options of a verb as they are written, --key.
std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// "; did you mean …?" of what is known here, "; 'eyeflowc test' has it" of what another verb knows.
std::string meant_by(std::string_view word, const CLI::App& at, const CLI::App& whole) {
  std::vector<std::string> known;
  if (word.starts_with('-'))
    known = options_of(at);
  else
    for (const CLI::App* verb : at.get_subcommands(kAll)) known.push_back(verb->get_name());
  const std::string_view near = nearest(word, std::vector<std::string_view>(known.begin(), known.end()));
  if (!near.empty()) return "; did you mean '" + std::string(near) + "'?";
  for (const CLI::App* verb : whole.get_subcommands(kAll))
    if (const auto options = options_of(*verb); std::ranges::find(options, word) != options.end())
      return "; '" + whole.get_name() + " " + verb->get_name() + "' has it";
  return "";
}

}  // namespace

std::string usage_message(const CLI::App* app, const CLI::Error& error) {
  std::string verb = app->get_name(), what = error.what();
  const CLI::App* at = app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    verb += " " + at->get_name();
  }
  if (const std::vector<std::string> unknown = app->remaining(true); !unknown.empty()) {
    const std::string name = unknown.front().substr(0, unknown.front().find('='));  // --optoin=value
    what = "'" + name + "' is not known here" + meant_by(name, *at, *app);
  } else if (const auto verbs = at->get_subcommands(kAll); !verbs.empty() && at->get_require_subcommand_min() > 0) {
    what = "a verb is missing: ";
    for (const CLI::App* each : verbs) what += (each == verbs.front() ? "" : ", ") + each->get_name();
  }
  return verb + ": " + what + "\n'" + verb + " --help' shows what it takes.\n";
}

}  // namespace eyeflow::tools
