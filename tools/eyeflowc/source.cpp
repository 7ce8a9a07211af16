#include "tools/eyeflowc/source.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "compiler/modules/load.h"
#include "runtime/security/signed_bundle.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tools/common/terminal.h"
#include "tools/eyeflowc/project.h"

namespace eyeflow::eyeflowc {

Result<std::string> read_file(const std::string& path) {
  errno = 0;
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return fail(path + " is a folder; name a file in it");
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) return fail("cannot read " + path + ": " + std::strerror(errno));
  return text;
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  if (path == "-") {
    std::cout << bytes << std::flush;
    return {};
  }
  errno = 0;
  const std::string unfinished = path + ".part";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    std::remove(unfinished.c_str());
    return fail("cannot write " + path + ": " + std::strerror(reason) + "; check the folder and the space on the disk");
  }
  return {};
}

namespace {

namespace fs = std::filesystem;

// The modules below a folder, for "did you mean". Bounded: somebody may keep a task in a folder of everything.
void add_modules_below(const fs::path& root, std::vector<std::string>& out) {
  constexpr int kMaxDepth = 4, kMaxEntries = 2000;
  std::error_code none;
  int entries = 0;
  for (auto at = fs::recursive_directory_iterator(root.empty() ? "." : root, none);
       !none && at != fs::recursive_directory_iterator() && ++entries < kMaxEntries; at.increment(none)) {
    if (at.depth() >= kMaxDepth) at.disable_recursion_pending();
    if (at->path().extension() != ".eft") continue;
    std::string name = at->path().lexically_relative(root.empty() ? "." : root).replace_extension().string();
    std::ranges::replace(name, '/', '.');
    out.push_back(std::move(name));
  }
}

// A test's file as it is, or the files of its folder as `eyeflow-vm` plays one: in the order of their names, without
// those that begin with a dot.
Result<compiler::FedFiles> read_fed(const fs::path& named) {
  constexpr std::size_t kMostFiles = 10'000;
  const fs::path path = named.lexically_normal();
  std::error_code error;
  compiler::FedFiles out{.is_folder = fs::is_directory(path, error)};
  std::vector<fs::path> files;
  if (!out.is_folder) files.push_back(path);
  for (fs::directory_iterator at(out.is_folder ? path : fs::path(), error), end; out.is_folder && !error && at != end;
       at.increment(error))
    if (at->is_regular_file(error) && !at->path().filename().string().starts_with('.')) files.push_back(at->path());
  if (out.is_folder && error) return fail(path.string() + " cannot be listed: " + error.message());
  if (files.size() > kMostFiles) return fail(fmt::format("{} has more than {} files", path.string(), kMostFiles));
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    auto bytes = read_file(file.string());
    if (!bytes) return std::unexpected(bytes.error());
    out.files.push_back({file.string(), std::move(*bytes)});
  }
  return out;
}

// plant.pumps is plant/pumps.eft in the folder of the file, or under one of the project's.
Result<compiler::ModuleFinder> modules_for(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  std::vector<fs::path> roots = {folder};
  const auto project = find_project(folder);
  if (!project) return std::unexpected(project.error());
  if (*project) {
    for (const fs::path& root : (*project)->modules)
      if (std::ranges::find(roots, root) == roots.end()) roots.push_back(root);
  }
  compiler::ModuleFinder finder;
  finder.find = [roots](std::string_view module) -> std::optional<compiler::ModuleText> {
    std::string name(module);
    std::ranges::replace(name, '.', '/');
    for (const fs::path& root : roots) {
      const fs::path file = root / (name + ".eft");
      if (auto text = read_file(file.string()))
        return compiler::ModuleText{file.lexically_normal().string(), std::move(*text)};
    }
    return std::nullopt;
  };
  finder.read_data = [folder](std::string_view data) -> Result<compiler::ModuleText> {
    const fs::path file = (folder / data).lexically_normal();
    auto text = read_file(file.string());
    if (!text) return std::unexpected(text.error());
    return compiler::ModuleText{file.string(), std::move(*text)};
  };
  finder.read_fed = [folder](std::string_view named) { return read_fed(folder / named); };
  finder.known = [roots] {
    std::vector<std::string> known;
    for (const fs::path& root : roots) add_modules_below(root, known);
    return known;
  };
  return finder;
}

}  // namespace

Result<Source> load_source(const std::string& path) {
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  const auto finder = modules_for(path);
  if (!finder) return std::unexpected(finder.error());
  compiler::Loaded loaded = compiler::load(*text, path, *finder);
  return Source{.path = path,
                .text = loaded.english_task.empty() ? std::move(*text) : std::move(loaded.english_task),
                .sources = std::move(loaded.sources),
                .diagnostics = std::move(loaded.diagnostics),
                .program = std::move(loaded.program),
                .program_name = std::move(loaded.program_name)};
}

bool report(Source& source) {
  source.diagnostics.sort_by_place();
  std::cerr << compiler::render_all(source.diagnostics, source.sources, tools::Paint::of(stderr).on());
  return !source.diagnostics.has_errors() && source.program.has_value();
}

std::optional<std::size_t> choose_task(const Source& source, const std::string& name) {
  const auto& tasks = source.program->tasks;
  std::vector<std::string> names;
  for (const auto& task : tasks) names.push_back(task.name);
  if (name.empty() && tasks.size() == 1) return 0;
  const auto at = std::ranges::find(names, name);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  std::string list;
  for (const std::string& one : names) list += (list.empty() ? "" : ", ") + one;
  if (name.empty()) {
    complain(Exit::Usage, fmt::format("{} has the tasks {}; choose one with --task", source.path, list));
  } else {
    const std::string meant = compiler::suggestion(name, names);
    complain(Exit::Usage, fmt::format("{} has no task '{}'; it has {}{}", source.path, name, list,
                                      meant.empty() ? "" : " (" + meant + ")"));
  }
  return std::nullopt;
}

namespace {

std::optional<Loaded> load_bundle(const std::string& path, Exit& exit) {
  auto bytes = runtime::read_bundle_file(path);
  if (!bytes) return exit = complain(bytes.error()), std::nullopt;
  const auto bundle = vm::read_bundle(*bytes);
  if (!bundle) return exit = complain(Exit::Files, path + ": " + bundle.error().message), std::nullopt;
  const vm::BundleSection* section = bundle->find(vm::kModuleSection);
  if (section == nullptr) {
    return exit = complain(Exit::Files, path + " holds no module; rebuild it with 'eyeflowc build'"), std::nullopt;
  }
  auto module = vm::read_module(section->bytes);
  if (!module) return exit = complain(Exit::Files, path + ": " + module.error().message), std::nullopt;
  auto verified = vm::verify(std::move(*module), stdlib::intrinsics());
  if (!verified) return exit = complain(Exit::Files, path + ": " + verified.error().message), std::nullopt;
  fmt::print(stderr, "note: the signature of {} is not checked here; 'eyeflow-vm verify' does that\n", path);
  Loaded loaded;
  loaded.modules.push_back(std::move(*verified));
  return loaded;
}

}  // namespace

std::optional<Loaded> load_modules(const std::string& path, const std::string& task, Exit& exit) {
  if (path.ends_with(".efb")) return load_bundle(path, exit);
  auto source = load_source(path);
  if (!source) return exit = complain(source.error()), std::nullopt;
  if (!source->program) return report(*source), exit = Exit::Findings, std::nullopt;
  std::vector<std::size_t> wanted;
  if (task.empty()) {
    for (std::size_t i = 0; i < source->program->tasks.size(); ++i) wanted.push_back(i);
  } else if (const auto chosen = choose_task(*source, task)) {
    wanted.push_back(*chosen);
  } else {
    return exit = Exit::Usage, std::nullopt;
  }
  Loaded loaded;
  for (const std::size_t index : wanted) {
    auto lowered = compiler::lower(*source->program, index, {.source_name = source->program_name}, source->diagnostics);
    if (lowered) loaded.modules.push_back(std::move(lowered->verified));
  }
  if (!report(*source)) return exit = Exit::Findings, std::nullopt;
  loaded.source_text = std::move(source->text);
  return loaded;
}

}  // namespace eyeflow::eyeflowc
