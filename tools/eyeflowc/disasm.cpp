#include <fmt/core.h>

#include <charconv>
#include <cstdint>
#include <memory>

#include "jit/baseline/baseline.h"
#include "stdlib/intrinsics/intrinsics.h"
#include "tools/eyeflowc/lines.h"
#include "tools/eyeflowc/source.h"
#include "vm/assembly/assembly.h"

namespace eyeflow::eyeflowc {
namespace {

// What stands before the number of an instruction, and what begins a function.
constexpr std::string_view kNumber = "// ", kFunction = "function ";

// The machine code of a module between the lines of its assembly.
class MachineCode {
 public:
  explicit MachineCode(const std::vector<jit::ListedCode>& listing, const vm::Module& module)
      : listing_(listing), module_(module) {}

  // To be called with each line; gives what stands behind it, or before it where it ends a function.
  std::string behind(std::string_view line) {
    if (line.starts_with(kFunction)) {
      ++function_;
      return {};
    }
    const std::size_t at = line.find(kNumber);
    if (!line.starts_with("  ") || at == line.npos) return {};
    std::uint32_t number = 0;
    const char* const digits = line.data() + at + kNumber.size();
    if (std::from_chars(digits, line.data() + line.size(), number).ec != std::errc{}) return {};
    return until(number + 1);
  }
  std::string before(std::string_view line) {
    if (line != "end") return {};
    const std::string rest = until(UINT32_MAX);
    return rest.empty() ? rest : "  ; traps and what rarely happens\n" + rest;
  }

 private:
  // The pieces of this function before its own instruction `end`.
  std::string until(std::uint32_t end) {
    std::string text;
    const auto own = static_cast<vm::FunctionId>(function_);
    for (; next_ < listing_.size() && listing_[next_].function == own; ++next_) {
      const jit::ListedCode& piece = listing_[next_];
      if (piece.of == own && piece.instruction >= end) break;
      if (piece.of != own)
        text += fmt::format("  ;   of {} {}\n", module_.functions[vm::index(piece.of)].name, piece.instruction);
      for (std::string_view line : lines_of(piece.text)) text += formatted(line);
    }
    return text;
  }
  // The assembler writes an instruction, then its bytes behind a semicolon: bytes first, as disassemblers have it.
  static std::string formatted(std::string_view line) {
    line = without_indent(line);
    const std::size_t semicolon = line.find(';');
    std::string_view code = line.substr(0, semicolon);
    code = code.substr(0, code.find_last_not_of(' ') + 1);
    const std::string_view bytes =
        semicolon == line.npos ? std::string_view() : without_indent(line.substr(semicolon + 1));
    if (code.empty()) return {};
    return fmt::format("  ;     {:<22}  {}\n", bytes, code);
  }

  const std::vector<jit::ListedCode>& listing_;
  const vm::Module& module_;
  int function_ = -1;
  std::size_t next_ = 0;
};

// Behind each `line N` of the assembly the source line that it means, behind each instruction its machine code, both as
// comments: the text still assembles.
std::string with_source(const std::string& assembly, const std::vector<std::string_view>& source, MachineCode* code) {
  constexpr std::string_view kLine = "  line ";
  std::string out;
  for (const std::string_view line : lines_of(assembly)) {
    if (code != nullptr) out += code->before(line);
    out += line;
    std::size_t number = 0;
    if (line.starts_with(kLine)) std::from_chars(line.data() + kLine.size(), line.data() + line.size(), number);
    if (number > 0 && number <= source.size())
      out += fmt::format("{:>{}}; {}", "", 4, without_indent(source[number - 1]));
    out += '\n';
    if (code != nullptr && number == 0) out += code->behind(line);
  }
  return out;
}

#if defined(__aarch64__)
constexpr const char* kThisMachine = "aarch64";
#else
constexpr const char* kThisMachine = "x86-64";
#endif

}  // namespace

Action add_disasm(CLI::App& app) {
  struct Options {
    std::string file, task, tier, target = kThisMachine;
    bool metered = false;
  };
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "a source (.eft) or a bundle (.efb)")->required();
  app.add_option("--task", options->task, "which task of a source; all if not given");
  CLI::Option* const tier = app.add_option("--tier", options->tier, "show also what it becomes in a tier")
                                ->check(CLI::IsMember({"baseline"}));
  app.add_option("--target", options->target, "the processor of --tier")
      ->check(CLI::IsMember({"x86-64", "aarch64"}))
      ->capture_default_str()
      ->needs(tier);
  app.add_flag("--metered", options->metered, "of --tier: the code that counts its fuel")->needs(tier);
  return [options] {
    Exit exit = Exit::Ok;
    const auto loaded = load_modules(options->file, options->task, exit);
    if (!loaded) return exit;
    for (const vm::VerifiedModule& module : loaded->modules) {
      if (&module != &loaded->modules.front()) fmt::print("\n");
      const std::string text =
          vm::disassemble(module.module, {.intrinsics = stdlib::intrinsics(), .with_numbers = true});
      if (options->tier.empty()) {
        fmt::print("{}", with_source(text, lines_of(loaded->source_text), nullptr));
        continue;
      }
      const auto target = options->target == "aarch64" ? jit::Target::AArch64 : jit::Target::X86_64;
      const auto compiled = jit::compile(module, stdlib::intrinsics(), target, {.metered = options->metered}, true);
      if (!compiled) return complain(Exit::Findings, compiled.error().message);
      MachineCode code(compiled->listing, module.module);
      fmt::print("; machine code of the baseline tier for {}, {} bytes; addresses of a process are 0 here\n",
                 options->target, compiled->code.size());
      fmt::print("{}", with_source(text, lines_of(loaded->source_text), &code));
    }
    return Exit::Ok;
  };
}

}  // namespace eyeflow::eyeflowc
