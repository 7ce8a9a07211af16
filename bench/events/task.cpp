#include "bench/events/task.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "compiler/check/check.h"
#include "compiler/lower/lower.h"
#include "compiler/parse/parse.h"
#include "stdlib/intrinsics/intrinsics.h"

namespace eyeflow::bench {

std::unique_ptr<const vm::Program> load_task(const vm::Tier& tier) {
  constexpr const char* kFile = EYEFLOW_SOURCE_DIR "/examples/monitor_t1.eft";
  std::ifstream in(kFile, std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(in), {}};
  compiler::ParseResult parsed = compiler::parse(source, "monitor_t1.eft");
  const auto program = compiler::check(parsed.file, source, parsed.diagnostics, parsed.broken);
  auto lowered =
      program ? compiler::lower(*program, 0, {.source_name = "monitor_t1.eft"}, parsed.diagnostics) : std::nullopt;
  if (!lowered) {
    for (const compiler::Diagnostic& d : parsed.diagnostics.all())
      std::fprintf(stderr, "%s: %s\n", kFile, d.message.c_str());
    std::exit(1);
  }
  return vm::Program::make(std::move(lowered->verified), stdlib::intrinsics(), {.tier = &tier});
}

}  // namespace eyeflow::bench
