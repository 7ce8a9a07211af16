// Any bytes are sentences: reading them ends in diagnostics that point into the text, or in a task whose every line has
// a sentence, and which the parser of the task language has nothing to say about.

#include <cstdint>
#include <string_view>

#include "compiler/english/english.h"
#include "compiler/parse/parse.h"
#include "vm/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eyeflow;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  text = text.substr(0, text.find("\n=== "));  // golden files are seeds
  const compiler::English english = compiler::read_english(text, "fuzz");
  for (const compiler::Diagnostic& diagnostic : english.diagnostics.all()) {
    EYEFLOW_CHECK(diagnostic.span.end() <= text.size());
    EYEFLOW_CHECK(!diagnostic.message.empty());
  }
  EYEFLOW_CHECK(english.task.empty() == english.diagnostics.has_errors());
  std::size_t lines = 0;
  for (const char c : english.task) lines += c == '\n';
  EYEFLOW_CHECK(english.origins.size() == lines);
  EYEFLOW_CHECK(!compiler::parse(english.task, "fuzz.eft").diagnostics.has_errors());
  return 0;
}
