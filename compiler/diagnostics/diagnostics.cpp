#include "compiler/diagnostics/diagnostics.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "vm/base/check.h"

namespace eyeflow::compiler {
namespace {

constexpr auto kKinds = std::to_array<DiagnosticKind>({
#define EYEFLOW_DIAGNOSTIC(Name, code, severity, title, explanation) \
  {Code::Name, code, Severity::severity, title, explanation},
#include "compiler/diagnostics/diagnostics.def"
});

}  // namespace

std::span<const DiagnosticKind> diagnostic_kinds() { return kKinds; }

const DiagnosticKind& kind_of(Code code) {
  auto place = static_cast<std::size_t>(code);
  EYEFLOW_CHECK(place < kKinds.size());
  return kKinds[place];
}

const DiagnosticKind* find_kind(std::string_view id) {
  auto found = std::ranges::find(kKinds, id, &DiagnosticKind::id);
  return found == kKinds.end() ? nullptr : &*found;
}

Diagnostic& Diagnostics::add(Code code, Span span, std::string message, std::string hint) {
  // A mistake that is reached twice, for example in a function checked for two tasks, is still one mistake.
  const bool is_new = seen_.emplace(code, span.offset, span.length, message).second;
  Diagnostic diagnostic{code, span, std::move(message), std::move(hint), {}};
  if (!is_new) return dropped_ = std::move(diagnostic);
  const bool is_error = kind_of(code).severity == Severity::Error;
  if (++(is_error ? error_count_ : warning_count_) > limit_) {
    ++(is_error ? omitted_ : omitted_warnings_);
    return dropped_ = std::move(diagnostic);
  }
  return all_.emplace_back(std::move(diagnostic));
}

void Diagnostics::add(Diagnostic diagnostic) {
  std::vector<Note> notes = std::move(diagnostic.notes);
  add(diagnostic.code, diagnostic.span, std::move(diagnostic.message), std::move(diagnostic.hint)).notes =
      std::move(notes);
}

void Diagnostics::sort_by_place() {
  std::ranges::sort(all_, {}, [](const Diagnostic& d) { return std::tuple(d.span.offset, d.code, d.message); });
}

}  // namespace eyeflow::compiler
