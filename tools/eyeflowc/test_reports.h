#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/testing/run_tests.h"

// What `eyeflowc test` writes for others than its user's eyes, and the summary of what tests have covered.
namespace eyeflow::eyeflowc {

struct TestedFile {
  std::string path, text;
  std::vector<compiler::TestReport> reports;
  compiler::Coverage coverage;
  compiler::SourceMap sources;  // with the texts of its modules
};

// For people: how much of each task ran, and which lines, branches and states of alarms did not.
std::string coverage_summary(const TestedFile& file);
// All of it, for programs: the layout stands in docs/formats.md.
std::string coverage_json(const std::vector<TestedFile>& files);
// The tracefile format of lcov (geninfo(1)): lines, functions, branches. The states of alarms have no place in it.
std::string lcov_tracefile(const std::vector<TestedFile>& files);
// One <testsuite> a file, in the form that build servers take from JUnit.
std::string junit_report(const std::vector<TestedFile>& files);
// "case 2 (t1 81 °C): at 0 s: expected siren == on": a finding without its place.
std::string words_of(const compiler::TestFinding& finding);

}  // namespace eyeflow::eyeflowc
