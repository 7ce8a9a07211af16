#include <algorithm>
#include <string>

#include "compiler/diagnostics/diagnostics.h"

namespace eyeflow::compiler {
namespace {

constexpr std::size_t kMaxLineShown = 160;  // characters; a generated line of a megabyte is not shown whole

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (starts_character(text[i]) && count-- == 0) break;
    ++i;
  }
  return text.substr(0, i);
}

std::string_view line_at(std::string_view source, std::size_t offset) {
  offset = std::min(offset, source.size());
  std::size_t begin = offset;
  while (begin > 0 && source[begin - 1] != '\n') --begin;
  std::size_t end = std::min(source.find('\n', offset), source.size());
  while (end > begin && source[end - 1] == '\r') --end;
  return source.substr(begin, end - begin);
}

// Terminal control bytes in a source must not reach the terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '\t' || (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) ? ' ' : c;
  return out;
}

struct Paint {
  bool on;
  std::string operator()(const char* code, std::string_view text) const {
    return on ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
  }
};

std::string place(const SourceMap& sources, const Span& span) {
  return sources.name_at(span.offset) + ":" + std::to_string(span.line) + ":" + std::to_string(span.column);
}

// The line, and carets under the characters of the span that stand on it.
std::string excerpt(const Span& span, std::string_view source, std::string_view hint, const char* colour, Paint paint) {
  std::string_view line = line_at(source, span.offset);
  std::string number = std::to_string(span.line);
  if (number.size() < 5) number.insert(0, 5 - number.size(), ' ');
  std::size_t before = span.column - 1;
  std::size_t start = std::min<std::size_t>(span.offset, source.size());
  std::string_view marked = source.substr(start, std::min<std::size_t>(span.length, source.size() - start));
  marked = marked.substr(0, std::min(marked.find('\n'), marked.size()));
  std::size_t width = std::max<std::size_t>(1, count_characters(marked));
  std::string shown = printable(line);
  if (before + width > kMaxLineShown || count_characters(line) > kMaxLineShown) {
    std::size_t skip = before > kMaxLineShown / 2 ? before - kMaxLineShown / 2 : 0;
    shown = std::string(
        first_characters(std::string_view(shown).substr(first_characters(shown, skip).size()), kMaxLineShown));
    before -= skip;
    width = std::clamp<std::size_t>(width, 1, kMaxLineShown - before);
  }
  while (!shown.empty() && shown.back() == ' ') shown.pop_back();
  std::string out = number + (shown.empty() ? " |" : " | ") + shown + "\n";
  out += std::string(number.size(), ' ') + " | " + std::string(before, ' ') + paint(colour, std::string(width, '^'));
  if (!hint.empty()) out += " " + paint(colour, hint);
  return out + "\n";
}

}  // namespace

std::string render(const Diagnostic& diagnostic, const SourceMap& sources, bool colour) {
  const std::string_view source = sources.text();
  Paint paint{colour};
  const DiagnosticKind& kind = kind_of(diagnostic.code);
  bool is_error = kind.severity == Severity::Error;
  const char* hue = is_error ? "1;31" : "1;33";
  std::string label = std::string(is_error ? "error[" : "warning[") + std::string(kind.id) + "]";
  std::string out = place(sources, diagnostic.span) + ": " + paint(hue, label) + ": " +
                    paint("1", printable(diagnostic.message)) + "\n";
  out += excerpt(diagnostic.span, source, printable(diagnostic.hint), hue, paint);
  for (const Note& note : diagnostic.notes) {
    out += note.span ? place(sources, *note.span) + ": note: " + printable(note.message) + "\n" +
                           excerpt(*note.span, source, "", "1;36", paint)
                     : "      = note: " + printable(note.message) + "\n";
  }
  return out;
}

std::string render_all(const Diagnostics& diagnostics, const SourceMap& sources, bool colour) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.all()) out += render(diagnostic, sources, colour);
  if (diagnostics.omitted() > 0) {
    out += sources.name() + ": " + std::to_string(diagnostics.omitted()) +
           " more errors are not shown; repair the first ones and compile again\n";
  }
  if (const std::size_t more = diagnostics.omitted_warnings(); more > 0)
    out += sources.name() + ": " + std::to_string(more) + " more " + (more == 1 ? "warning is" : "warnings are") +
           " not shown\n";
  return out;
}

std::string render_all(const Diagnostics& diagnostics, std::string_view source, std::string_view file_name,
                       bool colour) {
  return render_all(diagnostics, SourceMap(source, file_name), colour);
}

}  // namespace eyeflow::compiler
