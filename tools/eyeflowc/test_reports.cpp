#include "tools/eyeflowc/test_reports.h"

#include <fmt/core.h>

#include <algorithm>

#include "compiler/testing/values.h"
#include "tools/eyeflowc/lines.h"

namespace eyeflow::eyeflowc {
namespace {

std::string_view line_at(const std::vector<std::string_view>& lines, std::uint32_t number) {
  if (number == 0 || number > lines.size()) return {};
  const std::string_view line = without_indent(lines[number - 1]);
  return line.substr(0, line.find_last_not_of(" \t\r") + 1);
}

struct Share {
  std::size_t covered = 0, all = 0;
  void add(bool is_covered) {
    ++all;
    covered += is_covered;
  }
  std::string words(const char* what) const { return fmt::format("{} of {} {}", covered, all, what); }
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;  // XML 1.0 has no other control characters
    }
  }
  return out;
}

}  // namespace

std::string words_of(const compiler::TestFinding& finding) {
  return fmt::format("{}{}at {}: {}", finding.circumstances, finding.circumstances.empty() ? "" : ": ",
                     compiler::show_duration(finding.at), finding.message);
}

std::string coverage_summary(const TestedFile& file) {
  const auto lines = lines_of(file.text);
  std::string out;
  for (const compiler::TaskCoverage& task : file.coverage.tasks()) {
    Share ran, ways, states;
    std::string missing;
    const auto miss = [&](std::uint32_t line, const char* what) {
      missing += fmt::format("  {}:{}: {}  | {}\n", file.path, line, what, line_at(lines, line));
    };
    for (const auto& [number, line] : task.lines) {
      ran.add(line.runs > 0);
      if (line.runs == 0) miss(number, "never ran   ");
      bool one_way = false;
      for (const compiler::BranchCount& branch : line.branches) {
        ways.add(branch.goes > 0);
        ways.add(branch.stays > 0);
        one_way = one_way || (branch.goes > 0) != (branch.stays > 0);
      }
      if (one_way) miss(number, "one way only");
    }
    for (const compiler::AlarmState& state : task.alarms) {
      states.add(state.times > 0);
      if (state.times == 0) missing += fmt::format("  alarm {} was never {}\n", state.alarm, state.state);
    }
    out += fmt::format("coverage of {}: {}, {}, {}\n{}", task.task, ran.words("lines"), ways.words("ways of branches"),
                       states.words("states of alarms"), missing);
  }
  return out;
}

std::string lcov_tracefile(const std::vector<TestedFile>& files) {
  std::string out;
  for (const TestedFile& file : files) {
    // A line may belong to several tasks of a file: functions outside of them.
    std::map<std::uint32_t, compiler::LineCount> lines;
    out += fmt::format("TN:\nSF:{}\n", file.path);
    Share functions;
    std::string calls;
    for (const compiler::TaskCoverage& task : file.coverage.tasks()) {
      for (const auto& [number, line] : task.lines) {
        compiler::LineCount& sum = lines[number];
        sum.runs += line.runs;
        sum.branches.resize(std::max(sum.branches.size(), line.branches.size()));
        for (std::size_t b = 0; b < line.branches.size(); ++b) {
          sum.branches[b].goes += line.branches[b].goes;
          sum.branches[b].stays += line.branches[b].stays;
        }
      }
      for (const auto& function : task.functions) {
        out += fmt::format("FN:{},{}: {}\n", function.line, task.task, function.name);
        calls += fmt::format("FNDA:{},{}: {}\n", function.calls, task.task, function.name);
        functions.add(function.calls > 0);
      }
    }
    out += calls + fmt::format("FNF:{}\nFNH:{}\n", functions.all, functions.covered);
    Share ways, ran;
    for (const auto& [number, line] : lines) {
      for (std::size_t b = 0; b < line.branches.size(); ++b) {
        const std::uint64_t taken[] = {line.branches[b].goes, line.branches[b].stays};
        for (std::size_t way = 0; way < 2; ++way) {
          out += fmt::format("BRDA:{},{},{},{}\n", number, b, way, line.runs == 0 ? "-" : std::to_string(taken[way]));
          ways.add(taken[way] > 0);
        }
      }
    }
    out += fmt::format("BRF:{}\nBRH:{}\n", ways.all, ways.covered);
    for (const auto& [number, line] : lines) {
      out += fmt::format("DA:{},{}\n", number, line.runs);
      ran.add(line.runs > 0);
    }
    out += fmt::format("LF:{}\nLH:{}\nend_of_record\n", ran.all, ran.covered);
  }
  return out;
}

std::string junit_report(const std::vector<TestedFile>& files) {
  std::string suites;
  std::size_t tests = 0, failures = 0;
  for (const TestedFile& file : files) {
    std::string cases;
    std::size_t failed = 0;
    for (const compiler::TestReport& report : file.reports) {
      cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\">\n", escaped(file.path),
                           escaped(report.title), escaped(file.path), report.span.line);
      for (const compiler::TestFinding& finding : report.findings) {
        std::string text;
        for (const std::string& line : finding.explanation) text += escaped(line) + "\n";
        if (finding.is_failure)
          cases += fmt::format("      <failure message=\"{}\">line {}\n{}</failure>\n", escaped(words_of(finding)),
                               finding.span.line, text);
        else
          cases += fmt::format("      <system-out>line {}: {}</system-out>\n", finding.span.line,
                               escaped(words_of(finding)));
      }
      cases += "    </testcase>\n";
      failed += !report.passed;
    }
    suites += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n{}  </testsuite>\n",
                          escaped(file.path), file.reports.size(), failed, cases);
    tests += file.reports.size();
    failures += failed;
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\">\n{}"
      "</testsuites>\n",
      tests, failures, suites);
}

}  // namespace eyeflow::eyeflowc
