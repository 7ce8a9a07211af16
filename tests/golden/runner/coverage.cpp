#include "tests/golden/runner/coverage.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "stdlib/intrinsics/intrinsics.h"
#include "tests/golden/runner/calls.h"
#include "vm/assembly/assembly.h"

namespace eyeflow::golden {

namespace {

using namespace eyeflow::vm;

using Names = std::set<std::string, std::less<>>;

struct Shown {
  Names instructions, intrinsics, traps, diagnostics;
};

// What running a function may execute: its own code and its callees'.
void add_function(const Module& module, std::size_t function, std::set<std::size_t>& visited, Shown& shown) {
  if (!visited.insert(function).second) return;
  for (const Instruction& instruction : module.functions[function].code) {
    shown.instructions.emplace(info(instruction.op).mnemonic);
    if (instruction.op == Op::Call) add_function(module, instruction.b, visited, shown);
    if (instruction.op == Op::CallIntrinsic) shown.intrinsics.emplace(stdlib::intrinsics()[instruction.b].name);
  }
}

// An instruction counts when a function that holds it is called in a `calls` section.
void add_isa(const GoldenFile& file, Shown& shown) {
  const std::string* calls = file.find("calls");
  if (calls == nullptr) return;
  const Result<Module> module = assemble(file.source(), stdlib::intrinsics());
  if (!module) return;  // the file fails by itself
  Names called;
  for (const std::string_view line : lines_of(*calls))
    if (const auto call = read_call(line); call && *call) called.insert((*call)->function);
  std::set<std::size_t> visited;
  for (std::size_t n = 0; n < module->functions.size(); ++n)
    if (called.contains(module->functions[n].name)) add_function(*module, n, visited, shown);
}

// Every word behind `before` in the expected text.
void add_words_after(std::string_view text, std::string_view before, Names& names) {
  for (std::size_t at = text.find(before); at != std::string_view::npos; at = text.find(before, at + 1)) {
    const std::string_view rest = text.substr(at + before.size());
    const auto is_end = [](char c) {
      return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
    };
    names.emplace(rest.begin(), std::ranges::find_if(rest, is_end));
  }
}

void add_expected(const GoldenFile& file, Shown& shown) {
  for (const Section& section : file.sections) {
    if (section.title == "calls" || section.title == "output") add_words_after(section.text, " trap ", shown.traps);
    if (section.title != "diagnostics" && section.title != "session") continue;
    add_words_after(section.text, "error[", shown.diagnostics);
    add_words_after(section.text, "warning[", shown.diagnostics);
  }
}

int report_kind(const char* what, const std::vector<std::string>& all, const Names& shown) {
  std::vector<std::string> missing;
  for (const std::string& name : all)
    if (!shown.contains(name)) missing.push_back(name);
  std::printf("%-12s %3zu of %3zu shown\n", what, all.size() - missing.size(), all.size());
  for (const std::string& name : missing) std::printf("  no golden file shows %s\n", name.c_str());
  return static_cast<int>(missing.size());
}

}  // namespace

int report_coverage(const std::filesystem::path& root, const Environment&) {
  Shown shown;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    const std::filesystem::path extension = it->path().extension();
    if (extension != ".eva" && extension != ".eft" && extension != ".txt") continue;
    const Result<GoldenFile> file = read_golden(root, it->path());
    if (!file) continue;
    if (extension == ".eva") add_isa(*file, shown);
    add_expected(*file, shown);
  }

  std::vector<std::string> instructions, intrinsics, traps;
  for (const OpInfo& op : isa_rows::kOps) instructions.emplace_back(op.mnemonic);
  for (const IntrinsicDesc& intrinsic : stdlib::intrinsics()) intrinsics.emplace_back(intrinsic.name);
  for (int n = 1; n < kTrapCount; ++n) traps.emplace_back(kTrapNames[n]);
  int missing = report_kind("instructions", instructions, shown.instructions);
  missing += report_kind("intrinsics", intrinsics, shown.intrinsics);
  missing += report_kind("traps", traps, shown.traps);
  missing += report_kind("diagnostics", diagnostic_codes(), shown.diagnostics);
  return missing == 0 ? 0 : 1;
}

}  // namespace eyeflow::golden
