#include "tools/common/usage.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace eyeflow::tools {

std::string usage_message(const CLI::App* app, const CLI::Error& error) {
  std::string verb = app->get_name(), what = error.what();
  const CLI::App* at = app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    verb += " " + at->get_name();
  }
  if (const std::vector<std::string> unknown = app->remaining(true); !unknown.empty()) {
    what = "'" + unknown.front() + "' is not known here";
  } else if (const auto verbs = at->get_subcommands([](const CLI::App*) { return true; }); !verbs.empty()) {
    what = "a verb is missing: ";
    for (const CLI::App* each : verbs) what += (each == verbs.front() ? "" : ", ") + each->get_name();
  }
  return verb + ": " + what + "\n'" + verb + " --help' shows what it takes.\n";
}

}  // namespace eyeflow::tools
