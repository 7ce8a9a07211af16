#include "compiler/modules/load.h"

#include <algorithm>
#include <iterator>

#include "compiler/english/english.h"
#include "compiler/parse/parse.h"
#include "stdlib/library/library.h"

namespace eyeflow::compiler {
namespace {

void add_uses(const std::vector<syntax::Decl>& declarations, std::vector<std::string>& out) {
  for (const syntax::Decl& decl : declarations) {
    const auto* use = std::get_if<syntax::UseDecl>(&decl.node);
    if (!use) continue;
    for (const syntax::Name& path : use->modules) out.push_back(path.text);
  }
}

std::optional<ModuleText> find(std::string_view path, const ModuleFinder& finder) {
  if (path.starts_with("std.")) {
    const auto text = stdlib::library_module(path);
    return text ? std::optional(ModuleText{std::string(path) + ".eft", std::string(*text)}) : std::nullopt;
  }
  return finder.find ? finder.find(path) : std::nullopt;
}

// Positions in a source are 32 bits wide, and nobody reads a longer table.
constexpr std::size_t kMostDataBytes = std::size_t{64} << 20;

DataFile read_data(const std::string& path, const ModuleFinder& finder, SourceMap& sources) {
  if (!finder.read_data) return {.path = path, .problem = "no files can be read here"};
  const auto found = finder.read_data(path);
  if (!found) return {.path = path, .problem = found.error().message};
  if (found->text.size() > kMostDataBytes) return {.path = path, .problem = path + " is larger than 64 MiB"};
  return {.path = path,
          .begin = sources.add(found->text, found->file_name),
          .length = static_cast<std::uint32_t>(found->text.size())};
}

// A file name's part that names what is in it: "line/monitor.txt" is of "monitor".
std::string_view stem_of(std::string_view file_name) {
  file_name.remove_prefix(file_name.rfind('/') + 1);
  return file_name.substr(0, file_name.rfind('.'));
}

// What was found in a task that was made from English is told at the sentence that it was made from.
void tell_by_sentence(Loaded& loaded, const English& english, std::uint32_t begin) {
  const auto origin = [&](const Span& span) {
    return english.origins[std::min<std::size_t>(span.line, english.origins.size()) - 1];
  };
  const auto is_made = [&](const Span& span) {
    return span.offset >= begin && span.offset <= begin + english.task.size();
  };
  Diagnostics told;
  for (Diagnostic diagnostic : loaded.diagnostics.all()) {
    if (is_made(diagnostic.span)) {
      diagnostic.notes.push_back({diagnostic.span, "here, in the task that this stands for"});
      diagnostic.span = origin(diagnostic.span);
      if (diagnostic.code == Code::NoDeadband)
        diagnostic.hint = "say when it is over: until it is below ... or above ...";
    }
    told.add(std::move(diagnostic));
  }
  loaded.diagnostics = std::move(told);
}

}  // namespace

Loaded load(std::string_view text, std::string_view file_name, const ModuleFinder& finder) {
  Loaded loaded;
  loaded.program_name = file_name;
  std::optional<English> english;
  if (file_name.ends_with(".txt")) {
    loaded.sources.add(text, file_name);
    english = read_english(text, stem_of(file_name));
    loaded.diagnostics = english->diagnostics;
    if (loaded.diagnostics.has_errors()) return loaded;
    loaded.english_task = english->task;
    loaded.program_name = std::string(file_name.substr(0, file_name.size() - 4)) + ".eft";
  }
  std::vector<Span> broken;
  Modules modules;
  const auto read = [&](std::string_view file, std::string_view name) {
    const std::uint32_t begin = loaded.sources.add(file, name);
    ParseResult parsed = parse(loaded.sources.text(), std::string(name), begin);
    for (const Diagnostic& diagnostic : parsed.diagnostics.all()) loaded.diagnostics.add(diagnostic);
    std::ranges::copy(parsed.broken, std::back_inserter(broken));
    return std::move(parsed.file);
  };
  const syntax::File file = english ? read(english->task, loaded.program_name) : read(text, file_name);
  std::vector<std::string> wanted;
  add_uses(file.declarations, wanted);
  for (const syntax::TaskDecl& task : file.tasks) add_uses(task.declarations, wanted);
  bool lacks_some = false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::ranges::find(modules.used, wanted[i], &Module::path) != modules.used.end()) continue;
    const auto module = find(wanted[i], finder);
    if (!module) {  // the checker says so, at the `use`
      lacks_some = true;
      continue;
    }
    modules.used.push_back({wanted[i], read(module->text, module->file_name)});
    add_uses(modules.used.back().file.declarations, wanted);
  }
  if (lacks_some) {
    for (const std::string_view path : stdlib::library_modules()) modules.known.emplace_back(path);
    if (finder.known) std::ranges::copy(finder.known(), std::back_inserter(modules.known));
  }
  for (const syntax::TestDecl& test : file.tests) {
    for (const syntax::TestStep& step : test.steps) {
      if (!step.file || (step.form == syntax::StepForm::Feed && !is_table(step.file->path))) continue;
      if (std::ranges::find(modules.data, step.file->path, &DataFile::path) == modules.data.end())
        modules.data.push_back(read_data(step.file->path, finder, loaded.sources));
    }
  }
  modules.read_fed = finder.read_fed;
  loaded.program = check(file, loaded.sources.text(), loaded.diagnostics, broken, modules);
  if (english) tell_by_sentence(loaded, *english, static_cast<std::uint32_t>(text.size()) + 1);
  return loaded;
}

}  // namespace eyeflow::compiler
