#include <algorithm>

#include "compiler/check/checker.h"

// Names across files: `use std.signal` makes the module's names known, behind the file's own; `signal.NAME` says which
// module is meant. A name that begins with '_' is its module's own.
namespace eyeflow::compiler::check_detail {

namespace {

std::string_view last_word(std::string_view path) { return path.substr(path.find_last_of('.') + 1); }

bool is_private(std::string_view name) { return name.starts_with('_'); }

}  // namespace

std::optional<std::uint32_t> TaskChecker::find_module(const syntax::Name& path) {
  const auto& used = modules_given_.used;
  const auto found = std::ranges::find(used, path.text, &Module::path);
  if (found != used.end()) return static_cast<std::uint32_t>(found - used.begin());
  report(Code::UnknownModule, path.span, "there is no module '" + path.text + "'",
         suggestion(path.text, modules_given_.known));
  lacks_module_ = true;
  return std::nullopt;
}

void TaskChecker::declare_use(const syntax::UseDecl& decl, Home home) {
  for (const syntax::Name& path : decl.modules) {
    const auto module = find_module(path);
    if (!module) continue;
    auto& uses = home.module == kOwnFile ? uses_ : modules_[static_cast<std::size_t>(home.module)].uses;
    uses.push_back({*module, path, home.of_file});
    declare_module(*module);
  }
}

void TaskChecker::declare_module(std::uint32_t module) {
  if (std::exchange(modules_[module].is_declared, true)) return;
  const auto before = std::exchange(module_, static_cast<ModuleIndex>(module));
  for (const syntax::Decl& decl : modules_given_.used[module].file.declarations)
    if (is_shared(decl)) declare_node(decl, {module_, true});
  module_ = before;
}

const std::vector<Use>& TaskChecker::uses() const {
  return module_ == kOwnFile ? uses_ : modules_[static_cast<std::size_t>(module_)].uses;
}

Symbol* TaskChecker::find_own_symbol(std::string_view name) {
  auto& symbols = module_ == kOwnFile ? symbols_ : modules_[static_cast<std::size_t>(module_)].symbols;
  auto found = symbols.find(name);
  if (found == symbols.end() || (module_ == kOwnFile && outside_task_ && !found->second.of_file)) return nullptr;
  return &found->second;
}

Symbol* TaskChecker::find_symbol(std::string_view name, const Span* use) {
  if (Symbol* own = find_own_symbol(name)) return own;
  if (is_private(name)) return nullptr;
  Symbol* symbol = nullptr;
  const Use* first = nullptr;
  for (const Use& one : uses()) {
    if (outside_task_ && !one.of_file) continue;
    auto& symbols = modules_[one.module].symbols;
    const auto found = symbols.find(name);
    if (found == symbols.end() || (first && first->module == one.module)) continue;
    if (!symbol) {
      symbol = &found->second;
      first = &one;
      continue;
    }
    if (use) {
      report(Code::AmbiguousName, *use,
             "'" + std::string(name) + "' is declared in " + first->path.text + " and in " + one.path.text,
             "write " + std::string(last_word(first->path.text)) + "." + std::string(name) + " or " +
                 std::string(last_word(one.path.text)) + "." + std::string(name));
    }
    return &ambiguous_;
  }
  return symbol;
}

bool TaskChecker::is_module_name(const std::string& word) {
  if (find_local(word) || find_own_symbol(word)) return false;
  return std::ranges::any_of(
      uses(), [&](const Use& use) { return last_word(use.path.text) == word && (!outside_task_ || use.of_file); });
}

Symbol* TaskChecker::find_in_module(std::string_view word, const syntax::Name& name) {
  for (const Use& use : uses()) {
    if (last_word(use.path.text) != word || (outside_task_ && !use.of_file)) continue;
    auto& symbols = modules_[use.module].symbols;
    const auto found = symbols.find(name.text);
    if (found != symbols.end() && !is_private(name.text)) return &found->second;
    std::vector<std::string> names;
    for (const auto& [other, symbol] : symbols)
      if (!is_private(other)) names.push_back(other);
    report(Code::UnknownMember, name.span, "module " + use.path.text + " has no '" + name.text + "'",
           suggestion(name.text, names));
    return nullptr;
  }
  return nullptr;
}

void TaskChecker::run_module(std::uint32_t module) {
  modules_.resize(modules_given_.used.size());
  declare_module(module);
  at_home({static_cast<ModuleIndex>(module), true}, {}, [&] {
    for (ConstEntry& entry : consts_)
      if (entry.home.module == module_) check_const(entry);
    for (std::uint32_t i = 0; i < units_.size(); ++i)
      if (units_[i].home.module == module_) own_unit(i);
    for (std::uint32_t i = 0; i < records_.size(); ++i)
      if (records_[i].home.module == module_ && records_[i].decl->sizes.empty()) record_of(i);
  });
  for (std::uint32_t i = 0; i < functions_.size(); ++i) {
    if (functions_[i].home.module != static_cast<ModuleIndex>(module) || functions_[i].has_open_sizes) continue;
    check_callee(i, functions_[i].decl->name.span);
  }
}

}  // namespace eyeflow::compiler::check_detail
