#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "runtime/security/signed_bundle.h"
#include "tools/eyeflowc/project.h"
#include "tools/eyeflowc/source.h"
#include "vm/module/card.h"

namespace eyeflow::eyeflowc {
namespace {

struct Options {
  std::string file, output, key, task;
};

Exit write_bundle(const compiler::Lowered& lowered, const std::string& output, const runtime::PrivateKey& key) {
  const std::vector<std::byte> module = vm::write_module(lowered.module());
  const std::vector<std::byte> card = vm::write_card(vm::card_of(lowered.verified));
  const vm::BundleSection sections[] = {{vm::kModuleSection, module}, {vm::kCardSection, card}};
  const auto bundle = runtime::sign_bundle(sections, key);
  if (!bundle) return complain(bundle.error());
  if (const auto written = write_file(output, {reinterpret_cast<const char*>(bundle->data()), bundle->size()});
      !written)
    return complain(written.error());
  if (output != "-")
    fmt::print("{}: task {}, {} bytes, signed with {}\n", output, lowered.module().task, bundle->size(),
               runtime::short_id(key.id));
  return Exit::Ok;
}

Exit no_key() {
  return complain(Exit::Usage,
                  "a bundle is always signed: name the key with --key KEY, or make one with 'eyeflowc keygen -o KEY'");
}

Exit build_file(const Options& options) {
  auto source = load_source(options.file);
  if (!source) return complain(source.error());
  if (!source->program) return report(*source), Exit::Findings;
  const auto task = choose_task(*source, options.task);
  if (!task) return Exit::Usage;
  const auto lowered =
      compiler::lower(*source->program, *task, {.source_name = source->program_name}, source->diagnostics);
  if (!report(*source) || !lowered) return Exit::Findings;
  std::string key_file = options.key;
  if (key_file.empty()) {
    const auto project = find_project(std::filesystem::path(options.file).parent_path());
    if (project && *project) key_file = (*project)->key.string();
  }
  if (key_file.empty()) return no_key();
  const auto key = runtime::load_private_key(key_file);
  if (!key) return complain(key.error());
  return write_bundle(
      *lowered,
      options.output.empty() ? std::filesystem::path(options.file).replace_extension(".efb").string() : options.output,
      *key);
}

// Every task of the project, each into a bundle of its name. Nothing is written before all of them are right.
Exit build_project(const Options& options) {
  const auto project = find_project(".");
  if (!project) return complain(Exit::Usage, project.error().message);
  const auto files = files_or_project({});
  if (!files) return complain(Exit::Usage, files.error().message);
  std::vector<compiler::Lowered> tasks;
  Exit exit = Exit::Ok;
  for (const std::string& file : *files) {
    auto source = load_source(file);
    if (!source) {
      exit = complain(source.error());
      continue;
    }
    for (std::size_t task = 0; source->program && task < source->program->tasks.size(); ++task) {
      if (!options.task.empty() && source->program->tasks[task].name != options.task) continue;
      auto lowered =
          compiler::lower(*source->program, task, {.source_name = source->program_name}, source->diagnostics);
      if (lowered) tasks.push_back(std::move(*lowered));
    }
    if (!report(*source) && exit == Exit::Ok) exit = Exit::Findings;
  }
  if (exit != Exit::Ok) return exit;
  if (tasks.empty()) return complain(Exit::Usage, "the project has no task '" + options.task + "'");
  const std::string key_file = options.key.empty() ? (*project)->key.string() : options.key;
  if (key_file.empty()) return no_key();
  const auto key = runtime::load_private_key(key_file);
  if (!key) return complain(key.error());
  const std::filesystem::path folder =
      options.output.empty() ? (*project)->output : std::filesystem::path(options.output);
  std::error_code none;
  if (!folder.empty()) std::filesystem::create_directories(folder, none);
  for (const compiler::Lowered& task : tasks) {
    exit = write_bundle(task, (folder / (task.module().task + ".efb")).lexically_normal().string(), *key);
    if (exit != Exit::Ok) return exit;
  }
  return Exit::Ok;
}

Exit build(const Options& options) { return options.file.empty() ? build_project(options) : build_file(options); }

}  // namespace

Action add_build(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "the task's source, FILE.eft; all tasks of the project if not given");
  app.add_option("-o,--output", options->output,
                 "the bundle to write ('-': stdout), FILE.efb if not given; of a project the folder");
  app.add_option("--key", options->key, "the private key to sign with, made by 'eyeflowc keygen'; else the project's");
  app.add_option("--task", options->task, "which task, where the file has several");
  return [options] { return build(*options); };
}

}  // namespace eyeflow::eyeflowc
