#include "tools/eyeflowc/project.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>

#include "compiler/diagnostics/diagnostics.h"
#include "tools/eyeflowc/source.h"

namespace eyeflow::eyeflowc {
namespace {

namespace fs = std::filesystem;

class Reader {
 public:
  Reader(std::string file, fs::path folder) : file_(std::move(file)), folder_(std::move(folder)) {}

  Result<Project> read(const toml::table& document) {
    for (const auto& [key, node] : document)
      if (key.str() != "project")
        return wrong(node, fmt::format("'{}' is not a part of a project file; write [project]", key.str()));
    const toml::table* table = document["project"].as_table();
    if (!table) return fail(file_ + ": there is no [project]; write [project], then tasks = [\"monitor.eft\"]");
    Project project;
    project.folder = folder_;
    project.output = folder_;
    project.modules.push_back(folder_);
    for (const auto& [key, node] : *table) {
      const std::string_view word = key.str();
      Result<void> read = word == "name"      ? text(word, node, project.name)
                          : word == "tasks"   ? paths(word, node, project.tasks)
                          : word == "modules" ? paths(word, node, project.modules)
                          : word == "key"     ? path(word, node, project.key)
                          : word == "output"  ? path(word, node, project.output)
                                              : unknown(word, node);
      if (!read) return std::unexpected(read.error());
    }
    if (project.tasks.empty()) return fail(file_ + ": the project names no task; write tasks = [\"monitor.eft\"]");
    return project;
  }

 private:
  std::unexpected<Error> wrong(const toml::node& node, const std::string& what) const {
    return fail(fmt::format("{}:{}: {}", file_, node.source().begin.line, what));
  }
  Result<void> unknown(std::string_view key, const toml::node& node) const {
    const std::string hint = compiler::suggestion(key, {"name", "tasks", "modules", "key", "output"});
    return wrong(node, fmt::format("[project] has no '{}'; {}", key,
                                   hint.empty() ? "it has name, tasks, modules, key and output" : hint));
  }
  Result<void> text(std::string_view key, const toml::node& node, std::string& out) const {
    const auto value = node.value<std::string>();
    if (!node.is_string() || value->empty()) return wrong(node, fmt::format("'{}' is a text: {} = \"…\"", key, key));
    out = *value;
    return {};
  }
  Result<void> path(std::string_view key, const toml::node& node, fs::path& out) const {
    std::string written;
    if (auto read = text(key, node, written); !read) return read;
    out = folder_ / written;
    return {};
  }
  Result<void> paths(std::string_view key, const toml::node& node, std::vector<fs::path>& out) const {
    const toml::array* array = node.as_array();
    if (!array) return wrong(node, fmt::format("'{}' is a list of texts: {} = [\"…\"]", key, key));
    for (const toml::node& element : *array)
      if (auto read = path(key, element, out.emplace_back()); !read) return read;
    return {};
  }

  std::string file_;
  fs::path folder_;
};

}  // namespace

Result<std::optional<Project>> find_project(const fs::path& folder) {
  std::error_code none;
  for (fs::path at = fs::absolute(folder.empty() ? "." : folder).lexically_normal();; at = at.parent_path()) {
    if (!fs::exists(at / kProjectFile, none)) {
      if (at == at.parent_path()) return std::optional<Project>();
      continue;
    }
    // As it is called from here: messages shall not name more folders than the author did.
    fs::path near = at.lexically_proximate(fs::current_path());
    if (near == ".") near.clear();
    const std::string file = (near / kProjectFile).string();
    const auto text = read_file(file);
    if (!text) return std::unexpected(text.error());
    toml::table document;
    try {
      document = toml::parse(*text);
    } catch (const toml::parse_error& error) {
      return fail(fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
    }
    auto project = Reader(file, near).read(document);
    if (!project) return std::unexpected(project.error());
    return std::optional(std::move(*project));
  }
}

Result<std::vector<std::string>> files_or_project(const std::vector<std::string>& files) {
  if (!files.empty()) return files;
  const auto project = find_project(".");
  if (!project) return std::unexpected(project.error());
  if (!*project)
    return fail(fmt::format(
        "no file is named, and there is no {} here or above; name the files, or write a project file", kProjectFile));
  std::vector<std::string> tasks;
  for (const fs::path& task : (*project)->tasks) tasks.push_back(task.lexically_normal().string());
  return tasks;
}

}  // namespace eyeflow::eyeflowc
