#include <fmt/core.h>

#include <charconv>
#include <memory>

#include "stdlib/intrinsics/intrinsics.h"
#include "tools/eyeflowc/source.h"
#include "vm/assembly/assembly.h"

namespace eyeflow::eyeflowc {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view without_indent(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
}

// Behind each `line N` of the assembly the source line that it means, as a comment: the text still assembles.
std::string with_source(const std::string& assembly, const std::vector<std::string_view>& source) {
  constexpr std::string_view kLine = "  line ";
  std::string out;
  for (const std::string_view line : lines_of(assembly)) {
    out += line;
    std::size_t number = 0;
    if (line.starts_with(kLine)) std::from_chars(line.data() + kLine.size(), line.data() + line.size(), number);
    if (number > 0 && number <= source.size())
      out += fmt::format("{:>{}}; {}", "", 4, without_indent(source[number - 1]));
    out += '\n';
  }
  return out;
}

}  // namespace

Action add_disasm(CLI::App& app) {
  struct Options {
    std::string file, task;
  };
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "a source (.eft) or a bundle (.efb)")->required();
  app.add_option("--task", options->task, "which task of a source; all if not given");
  return [options] {
    Exit exit = Exit::Ok;
    const auto loaded = load_modules(options->file, options->task, exit);
    if (!loaded) return exit;
    for (const vm::VerifiedModule& module : loaded->modules) {
      if (&module != &loaded->modules.front()) fmt::print("\n");
      const std::string text =
          vm::disassemble(module.module, {.intrinsics = stdlib::intrinsics(), .with_numbers = true});
      fmt::print("{}", with_source(text, lines_of(loaded->source_text)));
    }
    return Exit::Ok;
  };
}

}  // namespace eyeflow::eyeflowc
