#include "tools/eyeflowc/test_reports.h"

#include <fmt/core.h>

#include <algorithm>

#include "compiler/testing/values.h"
#include "tools/eyeflowc/lines.h"
#include "vm/base/json_text.h"

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
  std::string json(const char* what) const {
    return fmt::format(R"("{}":{{"covered":{},"all":{}}})", what, covered, all);
  }
};

struct Reached {
  Share lines, ways, states;
  void add(const compiler::FileCoverage& file) {
    for (const auto& [number, line] : file.lines) {
      lines.add(line.runs > 0);
      for (const compiler::BranchCount& branch : line.branches) {
        ways.add(branch.goes > 0);
        ways.add(branch.stays > 0);
      }
    }
  }
  void add(const std::vector<compiler::AlarmState>& alarms) {
    for (const compiler::AlarmState& state : alarms) states.add(state.times > 0);
  }
  std::string json() const {
    return lines.json("lines") + "," + ways.json("branches") + "," + states.json("alarm_states");
  }
};

// What all tasks together ran of each file; a line may belong to several of them.
std::vector<compiler::FileCoverage> by_file(const std::vector<TestedFile>& files) {
  std::vector<compiler::FileCoverage> out;
  for (const TestedFile& file : files) {
    for (const compiler::TaskCoverage& task : file.coverage.tasks()) {
      for (const compiler::FileCoverage& source : task.files) {
        auto sum = std::ranges::find(out, source.path, &compiler::FileCoverage::path);
        if (sum == out.end()) sum = out.insert(out.end(), {.path = source.path});
        for (const auto& [number, line] : source.lines) {
          compiler::LineCount& of_line = sum->lines[number];
          of_line.runs += line.runs;
          of_line.branches.resize(std::max(of_line.branches.size(), line.branches.size()));
          for (std::size_t b = 0; b < line.branches.size(); ++b) {
            of_line.branches[b].goes += line.branches[b].goes;
            of_line.branches[b].stays += line.branches[b].stays;
          }
        }
        for (const compiler::FunctionCount& function : source.functions)
          sum->functions.push_back({task.task + ": " + function.name, function.line, function.calls});
      }
    }
  }
  return out;
}

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
  std::string out;
  for (const compiler::TaskCoverage& task : file.coverage.tasks()) {
    Reached reached;
    std::string missing;
    for (const compiler::FileCoverage& source : task.files) {
      reached.add(source);
      const auto lines = lines_of(source.path == file.path ? file.text : file.sources.text_of(source.path));
      const auto miss = [&](std::uint32_t line, const char* what) {
        missing += fmt::format("  {}:{}: {}  | {}\n", source.path, line, what, line_at(lines, line));
      };
      for (const auto& [number, line] : source.lines) {
        const auto goes_one_way = [](const compiler::BranchCount& b) { return (b.goes > 0) != (b.stays > 0); };
        if (line.runs == 0)
          miss(number, "never ran   ");
        else if (std::ranges::any_of(line.branches, goes_one_way))
          miss(number, "one way only");
      }
    }
    reached.add(task.alarms);
    for (const compiler::AlarmState& state : task.alarms)
      if (state.times == 0) missing += fmt::format("  alarm {} was never {}\n", state.alarm, state.state);
    out += fmt::format("coverage of {}: {}, {}, {}\n{}", task.task, reached.lines.words("lines"),
                       reached.ways.words("ways of branches"), reached.states.words("states of alarms"), missing);
  }
  return out;
}

std::string coverage_json(const std::vector<TestedFile>& files) {
  Reached total;
  std::string tasks, sources;
  const auto add = [](std::string& list, const std::string& one) { list += (list.empty() ? "" : ",") + one; };
  for (const TestedFile& file : files) {
    for (const compiler::TaskCoverage& task : file.coverage.tasks()) {
      Reached reached;
      for (const compiler::FileCoverage& source : task.files) reached.add(source);
      reached.add(task.alarms);
      total.add(task.alarms);
      std::string alarms;
      for (const compiler::AlarmState& state : task.alarms)
        add(alarms,
            fmt::format(R"({{"alarm":{},"state":"{}","times":{}}})", json_text(state.alarm), state.state, state.times));
      add(tasks, fmt::format(R"({{"task":{},"file":{},{},"alarms":[{}]}})", json_text(task.task), json_text(file.path),
                             reached.json(), alarms));
    }
  }
  for (const compiler::FileCoverage& source : by_file(files)) {
    Reached reached;
    reached.add(source);
    total.add(source);
    std::string functions, lines;
    for (const compiler::FunctionCount& function : source.functions)
      add(functions, fmt::format(R"({{"function":{},"line":{},"calls":{}}})", json_text(function.name), function.line,
                                 function.calls));
    for (const auto& [number, line] : source.lines) {
      std::string branches;
      for (const compiler::BranchCount& branch : line.branches)
        add(branches, fmt::format("[{},{}]", branch.goes, branch.stays));
      add(lines, fmt::format(R"({{"line":{},"runs":{}{}}})", number, line.runs,
                             branches.empty() ? "" : R"(,"branches":[)" + branches + "]"));
    }
    add(sources, fmt::format(R"({{"file":{},{},"functions":[{}],"counts":[{}]}})", json_text(source.path),
                             reached.json(), functions, lines));
  }
  return fmt::format("{{\"format\":\"eyeflow-coverage\",\"version\":1,{},\n\"tasks\":[{}],\n\"files\":[{}]}}\n",
                     total.json(), tasks, sources);
}

std::string lcov_tracefile(const std::vector<TestedFile>& files) {
  std::string out;
  for (const compiler::FileCoverage& file : by_file(files)) {
    out += fmt::format("TN:\nSF:{}\n", file.path);
    Share functions;
    std::string calls;
    for (const compiler::FunctionCount& function : file.functions) {
      out += fmt::format("FN:{},{}\n", function.line, function.name);
      calls += fmt::format("FNDA:{},{}\n", function.calls, function.name);
      functions.add(function.calls > 0);
    }
    out += calls + fmt::format("FNF:{}\nFNH:{}\n", functions.all, functions.covered);
    Reached reached;
    reached.add(file);
    for (const auto& [number, line] : file.lines) {
      for (std::size_t b = 0; b < line.branches.size(); ++b) {
        const std::uint64_t taken[] = {line.branches[b].goes, line.branches[b].stays};
        for (std::size_t way = 0; way < 2; ++way)
          out += fmt::format("BRDA:{},{},{},{}\n", number, b, way, line.runs == 0 ? "-" : std::to_string(taken[way]));
      }
    }
    out += fmt::format("BRF:{}\nBRH:{}\n", reached.ways.all, reached.ways.covered);
    for (const auto& [number, line] : file.lines) out += fmt::format("DA:{},{}\n", number, line.runs);
    out += fmt::format("LF:{}\nLH:{}\nend_of_record\n", reached.lines.all, reached.lines.covered);
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
