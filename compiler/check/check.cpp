#include "compiler/check/check.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "compiler/check/checker.h"
#include "compiler/diagnostics/foreign_words.h"

namespace eyeflow::compiler {

using namespace check_detail;

namespace {

bool lies_in(const Span& place, const std::vector<Span>& spans) {
  return std::ranges::any_of(spans, [&](const Span& s) { return place.offset >= s.offset && place.offset <= s.end(); });
}

// After a syntax error some names are not known and some uses are not seen: what is said about either is not reported.
bool needs_the_whole_file(Code code) {
  return code == Code::UnknownName || code == Code::UnknownFunction || code == Code::UnknownType ||
         code == Code::UnusedName || code == Code::NoTask || code == Code::Misplaced || code == Code::MissingReturn;
}

// How often the file has it as a word, comments and texts included.
std::size_t occurrences(std::string_view word, std::string_view source) {
  const auto is_letter = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80); };
  std::size_t count = 0;
  for (std::size_t at = source.find(word); at != source.npos; at = source.find(word, at + word.size())) {
    const std::size_t end = at + word.size();
    count += (at == 0 || !is_letter(source[at - 1])) && (end == source.size() || !is_letter(source[end]));
  }
  return count;
}

// Names that stand nowhere but where nobody knows them: no declaration that could not be read may have been theirs.
std::set<std::string_view> unknown_everywhere(const std::vector<Diagnostic>& all, std::string_view source,
                                              const std::vector<Span>& broken) {
  std::map<std::string_view, std::size_t> uses;
  for (const Diagnostic& d : all)
    if (d.code == Code::UnknownName && d.span.length > 0 && !lies_in(d.span, broken))
      ++uses[source.substr(d.span.offset, d.span.length)];
  std::set<std::string_view> found;
  if (uses.size() > 100) return found;  // a source that is something else
  for (const auto& [word, count] : uses)
    if (instead_of_foreign_word(word).empty() && occurrences(word, source) == count) found.insert(word);
  return found;
}

void report_misplaced(const syntax::File& file, Diagnostics& out) {
  for (const syntax::Decl& decl : file.declarations) {
    const char* what = std::get_if<syntax::InputDecl>(&decl.node)     ? "an input"
                       : std::get_if<syntax::OutputDecl>(&decl.node)  ? "an output"
                       : std::get_if<syntax::AlarmDecl>(&decl.node)   ? "an alarm"
                       : std::get_if<syntax::ParamDecl>(&decl.node)   ? "a param"
                       : std::get_if<syntax::StateDecl>(&decl.node)   ? "a state"
                       : std::get_if<syntax::ModelDecl>(&decl.node)   ? "a model"
                       : std::get_if<syntax::HandlerDecl>(&decl.node) ? "a handler"
                                                                      : nullptr;
    if (!what) continue;
    out.add(Code::Misplaced, decl.span, std::string(what) + " belongs to a task, and this one stands outside",
            "move it between the braces of a task");
  }
}

struct SharedName {
  syntax::Name name;
  const char* unused;
};
std::vector<SharedName> shared_names(const syntax::File& file) {
  std::vector<SharedName> out;
  for (const syntax::Decl& decl : file.declarations) {
    if (const auto* d = std::get_if<syntax::ConstDecl>(&decl.node)) out.push_back({d->name, "is never used"});
    if (const auto* d = std::get_if<syntax::RecordDecl>(&decl.node)) out.push_back({d->name, "is never used"});
    if (const auto* d = std::get_if<syntax::FunctionDecl>(&decl.node)) out.push_back({d->name, "is never called"});
  }
  return out;
}

class FileChecker {
 public:
  FileChecker(const syntax::File& file, std::string_view source, const Modules& modules)
      : file_(file), source_(source), modules_(modules) {}

  typed::Program run(Diagnostics& out) {
    typed::Program program;
    program.arena = std::make_unique<typed::TypeArena>();
    report_misplaced(file_, out);
    if (file_.tasks.empty() && shared_names(file_).empty()) {
      out.add(Code::NoTask, {}, "there is no task in this file", "write task NAME { … }");
      return program;
    }
    if (report_cycles(out)) return program;
    check_modules(*program.arena, out);
    if (file_.tasks.empty()) {
      const syntax::TaskDecl nothing{};
      TaskChecker(file_, nothing, source_, modules_, *program.arena, out).run();
      return program;
    }
    std::vector<std::string> names;
    std::set<std::string> used;
    std::vector<std::unique_ptr<TaskChecker>> checkers;
    for (const syntax::TaskDecl& task : file_.tasks) {
      auto same = std::ranges::find(names, task.name.text);
      if (same != names.end() && !task.name.text.empty()) {
        const Span& first = file_.tasks[static_cast<std::size_t>(same - names.begin())].name.span;
        out.add(Code::DuplicateName, task.name.span, "task '" + task.name.text + "' is declared already",
                "take another name")
            .notes.push_back({first, "declared here"});
      }
      names.push_back(task.name.text);
      checkers.push_back(std::make_unique<TaskChecker>(file_, task, source_, modules_, *program.arena, out));
      checkers.back()->run();
      used.merge(checkers.back()->used_file_names());
    }
    for (const syntax::TestDecl& test : file_.tests) {
      auto found = std::ranges::find(names, test.task.text);
      if (found != names.end()) {
        auto i = static_cast<std::uint32_t>(found - names.begin());
        program.tests.push_back(checkers[i]->test(test, i));
      } else if (!test.task.text.empty()) {
        out.add(Code::UnknownName, test.task.span, "there is no task '" + test.task.text + "'",
                suggestion(test.task.text, names));
      }
    }
    for (const SharedName& shared : shared_names(file_)) {
      if (shared.name.text.empty() || shared.name.text.starts_with('_') || used.contains(shared.name.text)) continue;
      out.add(Code::UnusedName, shared.name.span, "'" + shared.name.text + "' " + shared.unused,
              "remove it, or call it _" + shared.name.text);
    }
    for (auto& checker : checkers) program.tasks.push_back(checker->take());
    return program;
  }

 private:
  // The project's own modules are checked whole; of the standard library each task has what it uses.
  void check_modules(typed::TypeArena& arena, Diagnostics& out) {
    const syntax::TaskDecl nothing{};
    const syntax::File no_file{};
    for (std::uint32_t m = 0; m < modules_.used.size(); ++m) {
      report_misplaced(modules_.used[m].file, out);
      if (!modules_.used[m].path.starts_with("std."))
        TaskChecker(no_file, nothing, source_, modules_, arena, out).run_module(m);
    }
  }

  // A way back to a module that is being looked at is a cycle.
  bool report_cycles(Diagnostics& out) const {
    std::vector<std::size_t> open;
    std::vector<bool> done(modules_.used.size());
    bool found = false;
    const auto visit = [&](const auto& visit, std::size_t module) -> void {
      open.push_back(module);
      for (const syntax::Decl& decl : modules_.used[module].file.declarations) {
        const auto* use = std::get_if<syntax::UseDecl>(&decl.node);
        if (!use) continue;
        for (const syntax::Name& path : use->modules) {
          const auto at = std::ranges::find(modules_.used, path.text, &Module::path);
          if (at == modules_.used.end()) continue;
          const auto next = static_cast<std::size_t>(at - modules_.used.begin());
          if (const auto first = std::ranges::find(open, next); first != open.end()) {
            std::string cycle;
            for (auto m = first; m != open.end(); ++m) cycle += modules_.used[*m].path + " uses ";
            out.add(Code::ModuleCycle, path.span, "a module may not use itself: " + cycle + path.text,
                    "move what both need into a module of its own");
            found = true;
          } else if (!done[next]) {
            visit(visit, next);
          }
        }
      }
      open.pop_back();
      done[module] = true;
    };
    for (std::size_t m = 0; m < done.size(); ++m)
      if (!done[m]) visit(visit, m);
    return found;
  }

  const syntax::File& file_;
  std::string_view source_;
  const Modules& modules_;
};

}  // namespace

std::optional<typed::Program> check(const syntax::File& file, std::string_view source, Diagnostics& diagnostics,
                                    const std::vector<Span>& broken, const Modules& modules) {
  bool had_errors = diagnostics.has_errors();
  Diagnostics own(SIZE_MAX);  // what is not to be reported must not count
  typed::Program program = FileChecker(file, source, modules).run(own);
  bool has_errors = had_errors || own.has_errors();
  own.sort_by_place();  // of too many, the first are told
  std::set<std::string_view> mistyped;
  if (had_errors) mistyped = unknown_everywhere(own.all(), source, broken);
  for (const Diagnostic& d : own.all()) {
    if (lies_in(d.span, broken) ||
        (had_errors && needs_the_whole_file(d.code) && !mistyped.contains(source.substr(d.span.offset, d.span.length))))
      continue;
    if (has_errors && d.code == Code::UnusedName) continue;  // often only the other side of a mistyped name
    diagnostics.add(d);
  }
  diagnostics.sort_by_place();
  if (has_errors) return std::nullopt;
  return program;
}

}  // namespace eyeflow::compiler
