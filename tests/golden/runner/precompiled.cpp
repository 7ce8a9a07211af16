#include "tests/golden/runner/kind.h"

namespace eyeflow::golden {

std::filesystem::path precompiled_path(const Environment& environment, const GoldenFile& file, std::size_t task) {
  return environment.precompiled / (file.name + "." + std::to_string(task) + ".efm");
}

Result<std::vector<vm::Module>> read_precompiled(const GoldenFile& file, const Environment& environment) {
  std::vector<vm::Module> modules;
  std::error_code ignored;
  for (std::filesystem::path path = precompiled_path(environment, file, 0); std::filesystem::exists(path, ignored);
       path = precompiled_path(environment, file, modules.size())) {
    const Result<std::string> bytes = read_text(path);
    if (!bytes) return std::unexpected(bytes.error());
    Result<vm::Module> module = vm::read_module(std::as_bytes(std::span(*bytes)));
    if (!module) return fail(path.string() + ": " + module.error().message);
    modules.push_back(std::move(*module));
  }
  if (modules.empty())
    return fail(precompiled_path(environment, file, 0).string() +
                ": there is no such module; make it with golden_runner --precompile " +
                environment.precompiled.string());
  return modules;
}

}  // namespace eyeflow::golden
