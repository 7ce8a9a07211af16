#include "compiler/diagnostics/for_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "vm/base/json_text.h"

namespace eyeflow::compiler {
namespace {

std::string_view severity_name(const DiagnosticKind& kind) {
  return kind.severity == Severity::Error ? "error" : "warning";
}

std::size_t characters(const Span& span, std::string_view source) {
  std::string_view text = source.substr(std::min<std::size_t>(span.offset, source.size()), span.length);
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string note_json(const Note& note, const Span& of, const SourceMap& sources) {
  std::string place;
  if (note.span && sources.begin_at(note.span->offset) != sources.begin_at(of.offset))
    place = fmt::format(R"("file":{},)", json_text(sources.name_at(note.span->offset)));
  place += note.span ? fmt::format(R"("line":{},"column":{},)", note.span->line, note.span->column) : "";
  return fmt::format(R"({{{}"message":{}}})", place, json_text(note.message));
}

// A path as a URI reference: what is not plain is escaped, so that a space or '%' is no other file.
std::string uri(std::string_view path) {
  std::string out;
  for (char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("/._-~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string sarif_location(const SourceMap& sources, const Span& span) {
  return fmt::format(
      R"({{"physicalLocation":{{"artifactLocation":{{"uri":{}}},"region":{{"startLine":{},"startColumn":{},"byteOffset":{},"byteLength":{}}}}}}})",
      json_text(uri(sources.name_at(span.offset))), span.line, span.column, span.offset - sources.begin_at(span.offset),
      span.length);
}

std::string sarif_result(const SourceMap& file, const Diagnostic& diagnostic, std::size_t rule) {
  const DiagnosticKind& kind = kind_of(diagnostic.code);
  std::string text = diagnostic.message + (diagnostic.hint.empty() ? "" : "; " + diagnostic.hint), related;
  for (const Note& note : diagnostic.notes) {
    if (!note.span) {
      text += "; " + note.message;
      continue;
    }
    std::string place = sarif_location(file, *note.span);
    place.pop_back();
    related +=
        fmt::format(R"({}{},"message":{{"text":{}}}}})", related.empty() ? "" : ",", place, json_text(note.message));
  }
  return fmt::format(R"({{"ruleId":"{}","ruleIndex":{},"level":"{}","message":{{"text":{}}},"locations":[{}]{}}})",
                     kind.id, rule, severity_name(kind), json_text(text), sarif_location(file, diagnostic.span),
                     related.empty() ? "" : R"(,"relatedLocations":[)" + related + "]");
}

}  // namespace

std::string json_lines(const FileDiagnostics& file) {
  std::string out;
  for (const Diagnostic& d : file.diagnostics->all()) {
    const DiagnosticKind& kind = kind_of(d.code);
    std::string notes;
    for (const Note& note : d.notes) notes += (notes.empty() ? "" : ",") + note_json(note, d.span, *file.sources);
    out +=
        fmt::format(R"({{"file":{},"line":{},"column":{},"length":{},"severity":"{}","code":"{}","message":{}{}{}}})",
                    json_text(file.sources->name_at(d.span.offset)), d.span.line, d.span.column,
                    characters(d.span, file.sources->text()), severity_name(kind), kind.id, json_text(d.message),
                    d.hint.empty() ? "" : R"(,"hint":)" + json_text(d.hint),
                    notes.empty() ? "" : R"(,"notes":[)" + notes + "]") +
        "\n";
  }
  return out;
}

std::string sarif_log(std::span<const FileDiagnostics> files, std::string_view tool_version) {
  std::vector<Code> used;
  for (const FileDiagnostics& file : files) {
    for (const Diagnostic& d : file.diagnostics->all()) {
      if (std::ranges::find(used, d.code) == used.end()) used.push_back(d.code);
    }
  }
  std::string rules, results;
  for (Code code : used) {
    const DiagnosticKind& kind = kind_of(code);
    rules += fmt::format(
        R"({}{{"id":"{}","shortDescription":{{"text":{}}},"fullDescription":{{"text":{}}},"defaultConfiguration":{{"level":"{}"}}}})",
        rules.empty() ? "" : ",", kind.id, json_text(kind.title), json_text(kind.explanation), severity_name(kind));
  }
  for (const FileDiagnostics& file : files) {
    for (const Diagnostic& d : file.diagnostics->all()) {
      auto rule = static_cast<std::size_t>(std::ranges::find(used, d.code) - used.begin());
      results += (results.empty() ? "" : ",") + sarif_result(*file.sources, d, rule);
    }
  }
  return fmt::format(
             R"({{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"eyeflowc","version":{},"rules":[{}]}}}},"columnKind":"unicodeCodePoints","results":[{}]}}]}})",
             json_text(tool_version), rules, results) +
         "\n";
}

}  // namespace eyeflow::compiler
