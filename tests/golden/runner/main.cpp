// Runs the golden files: what each file's first part gives must be what stands below it. See tests/golden/README.md.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "tests/golden/runner/coverage.h"
#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path root = "tests/golden";
  bool update = false;
  bool coverage = false;
  fs::path precompile;
  Environment environment;
  std::vector<std::string> parts;  // only files whose name contains one of these; none: all
};

constexpr const char* kUsage =
    "usage: golden_runner [OPTIONS] [PART…]\n"
    "\n"
    "Runs the golden files whose name contains one of PART (all without), from the repository's root.\n"
    "\n"
    "  --update            rewrite what differs, for review in the diff; refused where CI=true\n"
    "  --coverage          say which instructions, intrinsics, diagnostics and traps no golden file shows\n"
    "  --precompile DIR    only compile: write the modules of all programs into DIR\n"
    "  --precompiled DIR   run the modules in DIR instead of compiling\n"
    "  --programs DIR      where eyeflowc and eyeflow-vm lie (default: ../tools, seen from this program)\n"
    "  --root DIR          the folder of golden files (default: tests/golden)\n";

int usage_error(const std::string& message) {
  std::fprintf(stderr, "golden_runner: %s\n%s", message.c_str(), kUsage);
  return 2;
}

bool wanted(const std::string& name, const std::vector<std::string>& parts) {
  return parts.empty() ||
         std::ranges::any_of(parts, [&](const std::string& part) { return name.find(part) != std::string::npos; });
}

std::vector<fs::path> files_of(const fs::path& root, const Kind& kind) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root / kind.folder, error), end; !error && it != end; it.increment(error))
    if (it->is_regular_file() && it->path().extension() == kind.extension) paths.push_back(it->path());
  std::ranges::sort(paths);
  return paths;
}

void report(const std::string& name, const Environment& environment, const Kind& kind, const std::string& what) {
  std::printf("FAIL %s%s%s\n%s", name.c_str(), kind.in_every_tier ? ", tier " : "",
              kind.in_every_tier ? std::string(environment.tier->name).c_str() : "", what.c_str());
}

enum class Verdict { Good, Updated, Failed };

// Runs one file in one tier. With `update` its text is rewritten, so that the tiers after it are held against that.
Verdict run_once(const Options& options, const Environment& environment, const Kind& kind, const fs::path& path) {
  Result<GoldenFile> file = read_golden(options.root, path);
  if (!file) {
    report(path.string(), environment, kind, file.error().message + "\n");
    return Verdict::Failed;
  }
  Result<std::vector<Section>> made = kind.run(*file, environment);
  if (!made) {
    report(file->name, environment, kind, made.error().message + "\n\n");
    return Verdict::Failed;
  }
  const std::string before = join_sections(file->sections), after = join_sections(*made);
  if (before == after) return Verdict::Good;
  if (options.update) {
    if (Result<void> written = write_text(path, after); !written) {
      report(file->name, environment, kind, written.error().message + "\n");
      return Verdict::Failed;
    }
    std::printf("updated %s\n", file->name.c_str());
    return Verdict::Updated;
  }
  report(
      file->name, environment, kind,
      unified_diff(before, after) + "If that is what it should do: tools/dev golden --update " + file->name + "\n\n");
  return Verdict::Failed;
}

int run_all(const Options& options) {
  int files = 0, failed = 0, updated = 0;
  for (const Kind& kind : kinds()) {
    for (const fs::path& path : files_of(options.root, kind)) {
      if (!wanted(path.lexically_relative(options.root).generic_string(), options.parts)) continue;
      ++files;
      std::set<Verdict> verdicts;
      for (const vm::Tier* tier :
           kind.in_every_tier ? tiers_and_tools() : std::span<const vm::Tier* const>{tiers().first(1)}) {
        Environment environment = options.environment;
        environment.tier = tier;
        // A second tier that wants another text than the first is a disagreement, not an update.
        Options in_tier = options;
        in_tier.update = options.update && tier == tiers().front();
        verdicts.insert(run_once(in_tier, environment, kind, path));
      }
      failed += verdicts.contains(Verdict::Failed);
      updated += verdicts.contains(Verdict::Updated);
    }
  }
  if (files == 0) {
    std::fprintf(stderr, "golden_runner: no golden file under %s has that in its name\n", options.root.c_str());
    return 1;
  }
  std::string names;
  for (const vm::Tier* tier : tiers_and_tools()) names += (names.empty() ? "" : ", ") + std::string(tier->name);
  std::printf("%d golden files (programs in each tier: %s), %d failed", files, names.c_str(), failed);
  if (options.update) std::printf(", %d updated: read them in the diff", updated);
  std::printf("\n");
  return failed == 0 ? 0 : 1;
}

int precompile_all(const Options& options) {
  Environment target;
  target.precompiled = options.precompile;
  std::size_t modules = 0;
  for (const Kind& kind : kinds()) {
    if (!kind.in_every_tier || kind.extension != ".eft") continue;
    for (const fs::path& path : files_of(options.root, kind)) {
      Result<GoldenFile> file = read_golden(options.root, path);
      Result<std::vector<vm::Module>> compiled =
          file ? modules_of(*file, options.environment) : std::unexpected(file.error());
      if (!compiled) {
        std::printf("FAIL %s\n%s\n", path.c_str(), compiled.error().message.c_str());
        return 1;
      }
      for (std::size_t task = 0; task < compiled->size(); ++task, ++modules) {
        const std::vector<std::byte> bytes = vm::write_module((*compiled)[task]);
        Result<void> written = write_text(precompiled_path(target, *file, task),
                                          {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        if (!written) {
          std::printf("FAIL %s\n", written.error().message.c_str());
          return 1;
        }
      }
    }
  }
  std::printf("%zu modules in %s\n", modules, options.precompile.c_str());
  return 0;
}

int run(int count, char** arguments) {
  Options options;
  std::error_code ignored;
  options.environment.programs = fs::read_symlink("/proc/self/exe", ignored).parent_path().parent_path() / "tools";
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const bool takes_folder =
        argument == "--precompile" || argument == "--precompiled" || argument == "--programs" || argument == "--root";
    if (takes_folder && i + 1 == count) return usage_error(std::string(argument) + " needs a folder");
    if (argument == "--update")
      options.update = true;
    else if (argument == "--coverage")
      options.coverage = true;
    else if (argument == "--precompile")
      options.precompile = arguments[++i];
    else if (argument == "--precompiled")
      options.environment.precompiled = arguments[++i];
    else if (argument == "--programs")
      options.environment.programs = fs::absolute(arguments[++i]);
    else if (argument == "--root")
      options.root = arguments[++i];
    else if (argument == "--help")
      return std::fputs(kUsage, stdout), 0;
    else if (argument.starts_with("-"))
      return usage_error("no option " + std::string(argument));
    else
      options.parts.emplace_back(argument);
  }
  if (!fs::is_directory(options.root, ignored))
    return usage_error("no folder " + options.root.string() + "; run it from the repository's root or give --root");

  const char* ci = std::getenv("CI");
  if (options.update && ci != nullptr && std::string_view(ci) == "true") {
    std::fputs("golden_runner: --update is refused where CI=true: what a test expects is changed by a person\n",
               stderr);
    return 2;
  }
  if (!options.precompile.empty()) return precompile_all(options);
  if (options.coverage) return report_coverage(options.root, options.environment);
  return run_all(options);
}

}  // namespace
}  // namespace eyeflow::golden

int main(int count, char** arguments) { return eyeflow::golden::run(count, arguments); }
