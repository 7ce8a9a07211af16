#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compiler/check/typed_tree.h"
#include "compiler/lower/lower.h"
#include "compiler/syntax/source_map.h"
#include "vm/engine/engine.h"

// What the tests of tasks have run: counted by the tracing interpreter, in code that was lowered for_coverage.
namespace eyeflow::compiler {

inline constexpr std::size_t kAlarmEffectKinds = 6;
constexpr std::size_t alarm_effect(std::size_t alarm, vm::EffectKind kind) {
  return alarm * kAlarmEffectKinds + static_cast<std::size_t>(kind) -
         static_cast<std::size_t>(vm::EffectKind::AlarmRaised);
}

struct BranchCount {
  std::uint64_t goes = 0, stays = 0;  // how often it went elsewhere, and how often on
};
struct LineCount {
  std::uint64_t runs = 0;               // of the instruction that ran most often, in all functions together
  std::vector<BranchCount> branches{};  // what decides something here, in the order of the code
};
struct AlarmState {
  std::string alarm;
  std::string state;  // "raised", "cleared", "acknowledged", "reminded": those that the alarm can be in
  std::uint64_t times = 0;
};
struct FunctionCount {
  std::string name;
  std::uint32_t line = 0;
  std::uint64_t calls = 0;
};
struct FileCoverage {
  std::string path;
  std::map<std::uint32_t, LineCount> lines{};  // those that have code
  std::vector<FunctionCount> functions{};
};
struct TaskCoverage {
  std::string task;
  std::vector<FileCoverage> files{};  // the task's own, then the project's modules, as far as the task calls them
  std::vector<AlarmState> alarms{};
};

class Coverage {
 public:
  // `own_functions` and `module_lines` of what the program was made of; `sources`: what all of it was read from.
  void add(const typed::Task& task, const vm::Program& program, std::size_t own_functions,
           const std::vector<FunctionLines>& module_lines, const SourceMap& sources,
           std::span<const std::uint64_t> alarm_effects);
  const std::vector<TaskCoverage>& tasks() const { return tasks_; }

 private:
  std::vector<TaskCoverage> tasks_;
};

}  // namespace eyeflow::compiler
