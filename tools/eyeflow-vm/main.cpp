#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "tools/common/usage.h"
#include "tools/eyeflow-vm/commands.h"
#include "vm/isa/isa.h"

namespace {

constexpr const char* kExitStatuses = R"(Exit status:
  0  done
  1  what was to be checked or run is not in order
  2  wrong usage
  3  a file cannot be opened, or a key cannot be read)";

std::string footer(const char* examples) { return std::string("Examples:\n") + examples + "\n\n" + kExitStatuses; }

}  // namespace

int main(int argc, char** argv) {
  using namespace eyeflow::tools;
  CLI::App app("Runs signed EyeFlow tasks on a device.", "eyeflow-vm");
  app.set_version_flag("--version",
                       "eyeflow-vm " EYEFLOW_VERSION ", instruction set " + std::to_string(eyeflow::vm::kIsaVersion));
  app.require_subcommand(1);
  app.failure_message(usage_message);
  app.footer(
      footer("  eyeflow-vm verify monitor_t1.efb --key plant.pub\n"
             "  eyeflow-vm site check site.toml --key plant.pub\n"
             "  eyeflow-vm run --site site.toml"));
  const char* key_help = "Public key whose bundles are trusted (may be repeated)";

  RunArguments run_arguments;
  CLI::App* run_verb = app.add_subcommand("run", "Run the tasks of a site file");
  run_verb->add_option("BUNDLE", run_arguments.bundles,
                       "Bundles to run instead of the files that the site names; runs of the site that name no file of "
                       "theirs are left out");
  run_verb->add_option("--site", run_arguments.site, "Site file: what is there and what tasks may use")->required();
  // One key each: a bundle may stand behind it.
  run_verb->add_option("--key", run_arguments.keys, std::string(key_help) + ", besides the site's trusted_keys")
      ->allow_extra_args(false);
  run_verb->add_option("--for", run_arguments.duration, "Stop after this long, such as 20s or \"2 min\"");
  run_verb
      ->add_option("--tier", run_arguments.tier,
                   "What runs the tasks, instead of the site's choice: baseline (machine code) or interpreter")
      ->check(CLI::IsMember({"baseline", "interpreter"}));
  run_verb->add_flag("--blind-constants", run_arguments.blind_constants,
                     "Keep the numbers of tasks out of their machine code, as blind_constants in the site does");
  run_verb->add_flag("--tiers", run_arguments.tiers,
                     "Tell at the end for each function what ran it, its machine code and how often it was called");
  run_verb->add_flag("--perf-map", run_arguments.perf_map,
                     "Write the names of compiled functions to /tmp/perf-PID.map, for perf");
  run_verb->add_flag("--gdb", run_arguments.gdb, "Tell gdb of compiled functions and their source lines");
  run_verb->add_flag("--screen", run_arguments.screen,
                     "Show the run on one screen (without a terminal: a line a second)");
  run_verb->footer(
      footer("  eyeflow-vm run --site site.toml\n"
             "  eyeflow-vm run monitor_t1.efb --site site.toml --key plant.pub --for 20s --screen"));

  VerifyArguments verify_arguments;
  CLI::App* verify_verb = app.add_subcommand("verify", "Check a bundle's signature and code, and show its card");
  verify_verb->add_option("BUNDLE", verify_arguments.bundle, "The bundle (.efb)")->required();
  verify_verb->add_option("--key", verify_arguments.keys, key_help)->required()->allow_extra_args(false);
  verify_verb->footer(footer("  eyeflow-vm verify monitor_t1.efb --key plant.pub"));

  TiersArguments tiers_arguments;
  CLI::App* tiers_verb =
      app.add_subcommand("tiers", "Show what a bundle's functions become on this machine, running nothing");
  tiers_verb->add_option("BUNDLE", tiers_arguments.bundle, "The bundle (.efb)")->required();
  tiers_verb->add_option("--key", tiers_arguments.keys, key_help)->required()->allow_extra_args(false);
  tiers_verb->add_flag("--blind-constants", tiers_arguments.blind_constants, "As for run");
  tiers_verb->footer(footer("  eyeflow-vm tiers monitor_t1.efb --key plant.pub"));

  SiteCheckArguments site_arguments;
  CLI::App* site_verb = app.add_subcommand("site", "Work with site files");
  site_verb->require_subcommand(1);
  CLI::App* check_verb = site_verb->add_subcommand("check", "Read a site file as `run` will, connecting to nothing");
  check_verb->add_option("SITE", site_arguments.site, "The site file (TOML)")->required();
  check_verb->add_option("BUNDLE", site_arguments.bundles, "Bundles to take instead of the files that the site names");
  check_verb->add_option("--key", site_arguments.keys, std::string(key_help) + ", besides the site's trusted_keys")
      ->allow_extra_args(false);
  check_verb->footer(
      footer("  eyeflow-vm site check site.toml\n"
             "  eyeflow-vm site check site.toml build/monitor_t1.efb --key plant.pub"));
  site_verb->footer(footer("  eyeflow-vm site check site.toml"));

  IoArguments io_arguments;
  CLI::App* io_verb = app.add_subcommand(
      "io", "Listen for a moment, and list every sensor and output with its value, quality and age; sets nothing");
  io_verb->add_option("--site", io_arguments.site, "The site file (TOML)")->required();
  io_verb->add_option("--key", io_arguments.keys, std::string(key_help) + ", besides the site's trusted_keys")
      ->allow_extra_args(false);
  io_verb->add_option("--for", io_arguments.duration, "Listen for at most this long (2s)");
  io_verb->add_flag("--json", io_arguments.json, "As JSON");
  io_verb->footer(
      footer("  eyeflow-vm io --site site.toml\n"
             "  eyeflow-vm io --site site.toml --for 10s --json"));

  RowsArguments rows_arguments;
  CLI::App* rows_verb =
      app.add_subcommand("rows", "Show the rows that the device keeps for queries, oldest first, while it runs or not");
  rows_verb->add_option("--site", rows_arguments.site, "The site file (TOML)")->required();
  rows_verb->add_option("--instance", rows_arguments.instance, "Only rows of this instance, such as monitor_t1/T5");
  rows_verb->add_option("--log", rows_arguments.log, "Only rows of this log, as its task calls it");
  rows_verb->add_option("--from", rows_arguments.from, "Only from this time on: 2026-01-31T06:00:00Z or \"2 h ago\"");
  rows_verb->add_option("--to", rows_arguments.to, "Only up to this time");
  rows_verb->add_option("--last", rows_arguments.last, "Only the newest so many of them")->type_name("COUNT");
  rows_verb->add_option("--format", rows_arguments.format, "table (when not given), csv (of one log) or jsonl")
      ->check(CLI::IsMember({"table", "csv", "jsonl"}));
  rows_verb->footer(
      footer("  eyeflow-vm rows --site site.toml --last 20\n"
             "  eyeflow-vm rows --site site.toml --log history --from \"2 h ago\" --format csv >history.csv"));

  ExportArguments export_arguments;
  CLI::App* export_verb = app.add_subcommand(
      "export", "Write the rows that wait for the far side to a stick, as signed files (the device must not run)");
  export_verb->add_option("DIR", export_arguments.folder, "The stick; files go to DIR/DEVICE")->required();
  export_verb->add_option("--site", export_arguments.site, "The site file (TOML)")->required();
  export_verb->add_flag("--release", export_arguments.release,
                        "Take the rows out of the outbox that a receipt on the stick says are stored");
  export_verb->footer(
      footer("  eyeflow-vm export --site site.toml /media/stick\n"
             "  eyeflow-collector import /media/stick --devices keys/ --db rows.db     (at the far side)\n"
             "  eyeflow-vm export --release --site site.toml /media/stick"));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (*run_verb) return run(run_arguments);
  if (*io_verb) return io(io_arguments);
  if (*rows_verb) return rows(rows_arguments);
  if (*export_verb) return export_rows(export_arguments);
  if (*verify_verb) return verify(verify_arguments);
  if (*tiers_verb) return tiers(tiers_arguments);
  return site_check(site_arguments);
}
