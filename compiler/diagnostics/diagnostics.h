#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "compiler/syntax/source_map.h"
#include "compiler/syntax/span.h"

// What the compiler says to the author. Every kind of message is one row of diagnostics.def; codes are stable, because
// people search for them.
namespace eyeflow::compiler {

enum class Severity : std::uint8_t { Error, Warning };

enum class Code : std::uint16_t {
#define EYEFLOW_DIAGNOSTIC(Name, code, severity, title, explanation) Name,
#include "compiler/diagnostics/diagnostics.def"
};

struct DiagnosticKind {
  Code code;
  std::string_view id;  // "E0231"
  Severity severity;
  std::string_view title;        // "a point where a difference is needed"
  std::string_view explanation;  // for `eyeflowc explain`: the story, with an example
};

// All kinds, in the order of the table.
std::span<const DiagnosticKind> diagnostic_kinds();
const DiagnosticKind& kind_of(Code code);
const DiagnosticKind* find_kind(std::string_view id);  // null when there is none

struct Note {
  std::optional<Span> span;
  std::string message;
};

struct Diagnostic {
  Code code{};
  Span span;
  std::string message;  // what was found and what was expected, lower case, no full stop
  std::string hint;     // stands behind the caret: what to write; may be empty
  std::vector<Note> notes;
};

// Collects the diagnostics of one run: the same message at the same place is kept once, and after kDiagnosticLimit
// errors, or as many warnings, the rest of them is only counted.
inline constexpr std::size_t kDiagnosticLimit = 50;

class Diagnostics {
 public:
  explicit Diagnostics(std::size_t limit = kDiagnosticLimit) : limit_(limit) {}

  Diagnostic& add(Code code, Span span, std::string message, std::string hint = {});
  void add(Diagnostic diagnostic);

  bool has_errors() const { return error_count_ > 0; }
  std::size_t error_count() const { return error_count_; }
  std::size_t omitted() const { return omitted_; }  // errors
  std::size_t omitted_warnings() const { return omitted_warnings_; }
  const std::vector<Diagnostic>& all() const { return all_; }
  void sort_by_place();

 private:
  std::size_t limit_;
  std::vector<Diagnostic> all_;
  std::size_t error_count_ = 0;
  std::size_t warning_count_ = 0;
  std::size_t omitted_ = 0, omitted_warnings_ = 0;
  std::set<std::tuple<Code, std::uint32_t, std::uint32_t, std::string>> seen_;  // with the span's place and length
  Diagnostic dropped_;                                                          // what add() hands out past the limit
};

// "monitor.eft:11:25: error[E0231]: …", the source line, the caret line with the hint, the notes; ends with a newline.
// With colour only when the caller says that the reader has a terminal.
std::string render(const Diagnostic& diagnostic, const SourceMap& sources, bool colour = false);
std::string render_all(const Diagnostics& diagnostics, const SourceMap& sources, bool colour = false);
// Of a source that is one file.
std::string render_all(const Diagnostics& diagnostics, std::string_view source, std::string_view file_name,
                       bool colour = false);

// The candidate that the author probably meant: the nearest by edits, if it is near enough for the word's length.
std::optional<std::string> did_you_mean(std::string_view word, const std::vector<std::string>& candidates);
// "did you mean 'limit'?", or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace eyeflow::compiler
