#include <fmt/core.h>

#include <memory>

#include "tools/eyeflowc/source.h"

namespace eyeflow::eyeflowc {
namespace {

struct Options {
  std::string file, output;
  bool show = false;
};

Exit english(const Options& options) {
  if (!options.file.ends_with(".txt"))
    return complain(Exit::Usage, options.file + " is no text in plain English: those are named FILE.txt");
  auto source = load_source(options.file);
  if (!source) return complain(source.error());
  // What the sentences say is shown even where the task that they make has a mistake.
  const bool is_right = report(*source);
  const bool is_understood = source->program_name != source->path;
  if (is_understood && options.show) fmt::print("{}", source->text);
  if (!is_right) return Exit::Findings;
  if (!options.output.empty()) {
    if (const auto written = write_file(options.output, source->text); !written) return complain(written.error());
  } else if (!options.show) {
    fmt::print("{}: understood; --show prints the task that it stands for\n", options.file);
  }
  return Exit::Ok;
}

}  // namespace

Action add_english(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "sentences in plain English, FILE.txt")->required();
  app.add_flag("--show", options->show, "print the task that they stand for, for a person to read before it runs");
  app.add_option("-o,--output", options->output, "write that task to a file, to go on from there; - is stdout");
  return [options] { return english(*options); };
}

}  // namespace eyeflow::eyeflowc
