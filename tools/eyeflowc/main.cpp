#include <fmt/core.h>

#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/common/usage.h"
#include "tools/eyeflowc/command.h"

namespace eyeflow {

// Our own mistake: say so, and how to get it repaired. Stands in for the one of vm/base, which only stops.
void check_failed(const char* condition, const char* file, int line) {
  const std::string_view path = file;
  fmt::print(stderr,
             "eyeflowc: internal error: {} ({}:{})\n"
             "This is a mistake in eyeflowc, not in your file. Please report it, with the file that shows it.\n",
             condition, path.substr(path.find_last_of('/') + 1), line);
  std::abort();
}

namespace eyeflowc {

Exit complain(Exit code, const std::string& message) {
  fmt::print(stderr, "eyeflowc: {}\n", message);
  return code;
}

}  // namespace eyeflowc
}  // namespace eyeflow

namespace {

struct Verb {
  const char* name;
  const char* summary;
  const char* examples;
  eyeflow::eyeflowc::Action (*add)(CLI::App&);
};

constexpr Verb kVerbs[] = {
    {"build", "Compile a task and sign it: FILE.eft becomes a bundle, FILE.efb",
     "Example:\n  eyeflowc keygen -o plant.key\n  eyeflowc build monitor.eft -o monitor.efb --key plant.key",
     &eyeflow::eyeflowc::add_build},
    {"check", "Look for mistakes without writing anything", "Example:\n  eyeflowc check tasks/*.eft",
     &eyeflow::eyeflowc::add_check},
    {"run", "Run a task on recorded readings, on a virtual clock",
     "IN has lines time_ms,input,value: the readings in order of time; a line with a time alone lets the time pass.\n"
     "OUT gets time_ms,output,value: one line for each switch or value that is set (on/off, a number), one for each\n"
     "field of a log's row (history.temp), and for alarms alarm.NAME with raised or cleared, and alarm.NAME.text.\n"
     "The clock starts at 0, or at the first reading where that is later than a day.\n\n"
     "Example:\n  eyeflowc run monitor.eft --replay readings.csv --outputs effects.csv --param 'limit=75 °C'",
     &eyeflow::eyeflowc::add_run},
    {"test", "Run the test blocks of source files, on a virtual clock", "Example:\n  eyeflowc test tasks/*.eft",
     &eyeflow::eyeflowc::add_test},
    {"disasm", "Show the bytecode of a task, beside its source lines", "Example:\n  eyeflowc disasm monitor.eft",
     &eyeflow::eyeflowc::add_disasm},
    {"card", "Show what a task needs and the bounds that are proven of it", "Example:\n  eyeflowc card monitor.efb",
     &eyeflow::eyeflowc::add_card},
    {"keygen", "Make a pair of keys to sign bundles with: KEY (keep it secret) and KEY.pub (for devices)",
     "Example:\n  eyeflowc keygen -o plant.key", &eyeflow::eyeflowc::add_keygen},
    {"english", "Show the task that a text in plain English stands for",
     "Every verb takes FILE.txt where it takes FILE.eft.\n\n"
     "Example:\n  eyeflowc english monitor.txt --show\n  eyeflowc build monitor.txt --key plant.key",
     &eyeflow::eyeflowc::add_english},
    {"explain", "Tell the story behind a diagnostic's code", "Example:\n  eyeflowc explain E0231",
     &eyeflow::eyeflowc::add_explain},
};

}  // namespace

int main(int argc, char** argv) {
  using eyeflow::eyeflowc::Exit;
  CLI::App app{"eyeflowc: compiles, checks, tests and runs EyeFlow tasks", "eyeflowc"};
  app.require_subcommand(1);
  app.failure_message(eyeflow::tools::usage_message);
  app.footer(
      "Exit status: 0 done, 1 mistakes or failed tests, 2 wrong usage, 3 a file cannot be read, written or "
      "trusted.\n'eyeflowc VERB --help' says more about a verb.");
  app.set_version_flag("--version", "eyeflowc " EYEFLOW_VERSION);
  std::vector<std::pair<CLI::App*, eyeflow::eyeflowc::Action>> actions;
  for (const Verb& verb : kVerbs) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.summary);
    sub->footer(verb.examples);
    actions.emplace_back(sub, verb.add(*sub));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? static_cast<int>(Exit::Ok) : static_cast<int>(Exit::Usage);
  }
  for (const auto& [sub, action] : actions)
    if (sub->parsed()) return static_cast<int>(action());
  return static_cast<int>(Exit::Usage);
}
