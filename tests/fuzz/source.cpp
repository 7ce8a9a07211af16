// Any bytes are a source: reading them ends in a tree or in diagnostics that point into the text and can be shown.

#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/parse/parse.h"
#include "vm/base/check.h"

namespace {

using namespace eyeflow;

void check_diagnostics(const compiler::Diagnostics& diagnostics, std::string_view source) {
  for (const compiler::Diagnostic& diagnostic : diagnostics.all()) {
    EYEFLOW_CHECK(diagnostic.span.end() <= source.size());
    EYEFLOW_CHECK(!diagnostic.message.empty());
  }
  const std::string shown = compiler::render_all(diagnostics, source, "fuzz.eft");
  EYEFLOW_CHECK(shown.empty() == diagnostics.all().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const compiler::ParseResult parsed = compiler::parse(source, "fuzz.eft");
  check_diagnostics(parsed.diagnostics, source);
  return 0;
}
