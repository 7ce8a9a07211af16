#include "compiler/diagnostics/foreign_words.h"

#include <cctype>

namespace eyeflow::compiler {
namespace {

struct Row {
  std::string_view word;  // in small letters: Structured Text shouts
  std::string_view hint;
};

constexpr std::string_view kBlock = "a block stands in '{ … }'";
constexpr std::string_view kBlockEnd = "a block ends with '}'";
constexpr std::string_view kFunction = "write 'fn'";
constexpr std::string_view kCases = "write if … { } else if … { }";
constexpr std::string_view kLoop = "write 'for' or 'while … max N'";
constexpr std::string_view kRecord = "write 'record'";
constexpr std::string_view kDeclare = "declare it: 'input', 'state', or 'var' inside a handler";
constexpr std::string_view kPrint = "write a row to an output of the form log: history.send(…)";
constexpr std::string_view kNull = "there is none; a value that may be absent has a bool beside it";
constexpr std::string_view kImport = "a file is complete by itself; nothing is imported";

constexpr Row kRows[] = {
    {"elif", "write 'else if'"},
    {"elsif", "write 'else if'"},
    {"elseif", "write 'else if'"},
    {"then", kBlock},
    {"do", kBlock},
    {"begin", kBlock},
    {"end", kBlockEnd},
    {"endif", kBlockEnd},
    {"fi", kBlockEnd},
    {"done", kBlockEnd},
    {"xor", "write '!=' between conditions, '^' between u values"},
    {"def", kFunction},
    {"func", kFunction},
    {"function", kFunction},
    {"switch", kCases},
    {"case", kCases},
    {"default", kCases},
    {"loop", kLoop},
    {"repeat", kLoop},
    {"until", kLoop},
    {"foreach", kLoop},
    {"mut", "what changes is declared with 'var' alone"},
    {"class", kRecord},
    {"struct", kRecord},
    {"var_input", kDeclare},
    {"var_output", kDeclare},
    {"var_global", kDeclare},
    {"static", "write 'state', in the task"},
    {"global", "write 'state', in the task"},
    {"print", kPrint},
    {"println", kPrint},
    {"printf", kPrint},
    {"null", kNull},
    {"nil", kNull},
    {"none", kNull},
    {"import", kImport},
    {"include", kImport},
    {"using", kImport},
    {"range", "write for i in 0 ..< n"},
    {"len", "write xs.len"},
    {"severity", "write 'priority'"},
    {"timeout", "write 'stale after'"},
    {"under", "write 'below'"},
    {"over", "write 'above'"},
};

// The language's own words, as an author with another language in the fingers may write them.
constexpr std::string_view kOwnWords[] = {"and", "or",    "not",   "if",    "else", "for",   "while",    "return",
                                          "let", "var",   "const", "true",  "in",   "break", "continue", "mod",
                                          "on",  "false", "task",  "input", "fn",   "state", "output"};

}  // namespace

std::string_view instead_of_foreign_word(std::string_view word) {
  if (word.size() > 16) return {};
  std::string lower;
  for (char c : word) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower.starts_with("end_")) return kBlockEnd;
  for (const Row& row : kRows) {
    if (row.word == lower) return row.hint;
  }
  if (lower == word) return {};
  for (std::string_view own : kOwnWords) {
    if (own == lower) return "the words of the language are written in small letters";
  }
  return {};
}

}  // namespace eyeflow::compiler
