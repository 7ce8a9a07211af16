#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/golden/runner/golden_file.h"
#include "tests/golden/runner/tiers.h"
#include "vm/module/module.h"

namespace eyeflow::golden {

struct Environment {
  const vm::Tier* tier = nullptr;
  std::filesystem::path programs;     // folder with eyeflowc and eyeflow-vm, for the command lines
  std::filesystem::path precompiled;  // modules made on another machine; empty: compile here
};

// A folder of golden files and what is done with them.
struct Kind {
  std::string_view folder;     // "isa"
  std::string_view extension;  // ".eva"
  bool in_every_tier;          // else it runs once
  // What the file ought to hold: sections that are given are copied, those that are expected are made anew. An error
  // means that the file could not be run at all.
  Result<std::vector<Section>> (*run)(const GoldenFile& file, const Environment& environment);
};

// What this build can run: kinds_full.cpp has all, kinds_device.cpp those that need no compiler.
std::span<const Kind> kinds();

// The modules of a `.eft` file, one a task: compiled here, or read from `environment.precompiled`.
Result<std::vector<vm::Module>> modules_of(const GoldenFile& file, const Environment& environment);
Result<std::vector<vm::Module>> read_precompiled(const GoldenFile& file, const Environment& environment);
std::filesystem::path precompiled_path(const Environment& environment, const GoldenFile& file, std::size_t task);

Result<std::vector<Section>> run_isa(const GoldenFile& file, const Environment& environment);
Result<std::vector<Section>> run_language(const GoldenFile& file, const Environment& environment);
Result<std::vector<Section>> run_diagnostics(const GoldenFile& file, const Environment& environment);
Result<std::vector<Section>> run_english(const GoldenFile& file, const Environment& environment);
Result<std::vector<Section>> run_bytecode(const GoldenFile& file, const Environment& environment);
Result<std::vector<Section>> run_cli(const GoldenFile& file, const Environment& environment);

}  // namespace eyeflow::golden
