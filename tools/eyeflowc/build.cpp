#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "runtime/security/signed_bundle.h"
#include "tools/eyeflowc/source.h"

namespace eyeflow::eyeflowc {
namespace {

struct Options {
  std::string file, output, key, task;
};

Exit build(const Options& options) {
  auto source = load_source(options.file);
  if (!source) return complain(source.error());
  if (!source->program) return report(*source), Exit::Findings;
  const auto task = choose_task(*source, options.task);
  if (!task) return Exit::Usage;
  const auto lowered = compiler::lower(*source->program, *task, {.source_name = options.file}, source->diagnostics);
  if (!report(*source) || !lowered) return Exit::Findings;

  if (options.key.empty()) {
    return complain(
        Exit::Usage,
        "a bundle is always signed: name the key with --key KEY, or make one with 'eyeflowc keygen -o KEY'");
  }
  const auto key = runtime::load_private_key(options.key);
  if (!key) return complain(key.error());
  const std::vector<std::byte> module = vm::write_module(lowered->module());
  const vm::BundleSection section{vm::kModuleSection, module};
  const auto bundle = runtime::sign_bundle({&section, 1}, *key);
  if (!bundle) return complain(bundle.error());
  const std::string output =
      options.output.empty() ? std::filesystem::path(options.file).replace_extension(".efb").string() : options.output;
  if (const auto written = write_file(output, {reinterpret_cast<const char*>(bundle->data()), bundle->size()});
      !written)
    return complain(written.error());
  if (output != "-")
    fmt::print("{}: task {}, {} bytes, signed with {}\n", output, lowered->module().task, bundle->size(),
               runtime::short_id(key->id));
  return Exit::Ok;
}

}  // namespace

Action add_build(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "the task's source, FILE.eft")->required();
  app.add_option("-o,--output", options->output, "the bundle to write ('-': stdout); FILE.efb if not given");
  app.add_option("--key", options->key, "the private key to sign with, made by 'eyeflowc keygen'");
  app.add_option("--task", options->task, "which task, where the file has several");
  return [options] { return build(*options); };
}

}  // namespace eyeflow::eyeflowc
