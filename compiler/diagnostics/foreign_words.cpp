#include "compiler/diagnostics/foreign_words.h"

#include <cctype>
#include <functional>
#include <map>

namespace eyeflow::compiler {
namespace {

struct Row {
  std::string_view word;  // in small letters: Structured Text shouts
  std::string_view hint;
};

constexpr std::string_view kBlock = "a block stands in '{ … }'";
constexpr std::string_view kBlockEnd = "a block ends with '}'";
constexpr std::string_view kFunction = "write fn NAME(a: int) -> int { … }";
constexpr std::string_view kCases = "write if … { } else if … { }, or match over an enum";
constexpr std::string_view kLoop = "write 'for' or 'while … max N'";
constexpr std::string_view kRecord = "write record NAME { field: int }";
constexpr std::string_view kDeclare = "declare it: 'input', 'state', or 'var' inside a handler";
constexpr std::string_view kPrint = "write a row to an output of the form log: history.send(…)";
constexpr std::string_view kNull = "write 'missing', for a value of a type with '?'";
constexpr std::string_view kImport = "write use std.signal, or the name of a module of the project";
constexpr std::string_view kTask = "write task NAME { … }";
constexpr std::string_view kFault = "a handler that faults is undone as a whole; ask before: if x != 0 { … }";
constexpr std::string_view kHandler = "write a handler: on INPUT as x { if x > 80 { … } }";
constexpr std::string_view kCondition = "inside the handler write if … { }";
constexpr std::string_view kRow = "a row is written by history.send(value: x)";
constexpr std::string_view kLog = "declare it: output history : log { … }";
constexpr std::string_view kSet = "write count = x";
constexpr std::string_view kWindow = "write on window x[10 s] as w { … }";
constexpr std::string_view kBetween = "write a <= x and x <= b";
constexpr std::string_view kCast = "a conversion is written f64(x)";
constexpr std::string_view kEmpty = "a block may be empty: { }";
constexpr std::string_view kEdge = "write a handler: on rising (x > 3) { … }";
constexpr std::string_view kElse = "write x ?? d, for a value of a type with '?'";
constexpr std::string_view kDelay =
    "a delay belongs to an alarm, when … for 5 s, or to a handler, on (x > 3) for 5 s { … }";
constexpr std::string_view kMean = "write mean(xs)";
constexpr std::string_view kClamp = "write min(max(x, least), most)";
constexpr std::string_view kLength = "write xs.len";
constexpr std::string_view kSpan = "write 5 min";
constexpr std::string_view kOneByOne =
    "a handler sees one reading at a time; several stand in a window: on window x[10 s] as w { … }";

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
    {"lambda", kFunction},
    {"switch", kCases},
    {"case", kCases},
    {"default", kCases},
    {"loop", kLoop},
    {"repeat", kLoop},
    {"until", kLoop},
    {"foreach", kLoop},
    {"exit", "write 'break'"},
    {"pass", kEmpty},
    {"mut", "what changes is declared with 'var' alone"},
    {"class", kRecord},
    {"struct", kRecord},
    {"var_input", kDeclare},
    {"var_output", kDeclare},
    {"var_global", kDeclare},
    {"program", kTask},
    {"function_block", "write a task, or a record with functions"},
    {"static", "write 'state', in the task"},
    {"global", "write 'state', in the task"},
    {"self", "the task's names stand alone: count"},
    {"this", "the task's names stand alone: count"},
    {"print", kPrint},
    {"println", kPrint},
    {"printf", kPrint},
    {"null", kNull},
    {"nil", kNull},
    {"none", kNull},
    {"import", kImport},
    {"include", kImport},
    {"using", kImport},
    {"np", "functions stand alone: mean(xs)"},
    {"math", "functions stand alone: sqrt(x)"},
    {"range", "write for i in 0 ..< n"},
    {"len", kLength},
    {"length", kLength},
    {"try", kFault},
    {"except", kFault},
    {"catch", kFault},
    {"finally", kFault},
    {"throw", kFault},
    {"raise", kFault},
    {"severity", "write 'priority'"},
    {"timeout", "write 'stale after'"},
    {"under", "write 'below'"},
    {"over", "write 'above'"},
    {"r_trig", kEdge},
    {"f_trig", "write a handler: on rising (not (x > 3)) { … }"},
    {"ton", kDelay},
    {"tof", "a delay belongs to an alarm, clear when … for 5 s, or to a handler, on (x < 3) for 5 s { … }"},
    {"select", kHandler},
    {"where", kCondition},
    {"having", kCondition},
    {"group", kOneByOne},
    {"order", kOneByOne},
    {"limit", "what is to be limited is asked with if: a log keeps all rows that it is sent"},
    {"insert", kRow},
    {"values", kRow},
    {"create", kLog},
    {"update", kSet},
    {"delete", kSet},
    {"between", kBetween},
    {"like", "texts are equal or not: name == \"T1\""},
    {"cast", kCast},
    {"coalesce", kElse},
    {"isnull", "write x is missing"},
    {"interval", kSpan},
    {"avg", kMean},
    {"clamp", kClamp},
    {"limit(", kClamp},
    {"ln", "write log(x)"},
    {"exp10", "write pow(10.0, x)"},
    {"sqr", "write x * x"},
    {"expt", "write pow(x, y)"},
    {"sel", "write an if that assigns in both of its blocks"},
    {"sign", "write if x < 0.0 { … } else { … }"},
    {"sort", "what is asked of sorted values has a function: median(xs), percentile(xs, 95 %), min(xs)"},
    {"db", "write 85 dBSPL for a level of sound: how a meter weighs it is no part of the unit"},
    {"average", kMean},
    {"count", kLength},
    {"tumblingwindow", kWindow},
    {"hoppingwindow", "write on window x[10 s every 2 s] as w { … }"},
    {"slidingwindow", "write on window x[10 s every 2 s] as w { … }"},
};

// The language's own words, as an author with another language in the fingers may write them.
constexpr std::string_view kOwnWords[] = {
    "and",     "or",    "not",      "if",  "else",   "for",   "while", "return", "let",   "var",   "const",  "true",
    "in",      "break", "continue", "mod", "on",     "false", "task",  "input",  "fn",    "state", "output", "is",
    "missing", "when",  "as",       "at",  "record", "enum",  "match", "use",    "every", "alarm", "param",  "now"};

// Those of them that people shout where another thing is meant.
constexpr Row kShouted[] = {
    {"as", "a type stands behind ':', a conversion is written f64(x)"},
    {"at", "'at' says when, or how often; an address stands in the device's site file"},
    {"is", "write x is missing"},
    {"for", "write for i in 0 ..< 10 { … }"},
    {"var", "what stays is a state: state count : int = 0; what does not stands in a handler: var n = 0"},
};

struct TypeRow {
  std::string_view name, type;
};

// Types that are spelt differently elsewhere. Case matters: 'real' and 'REAL' come from different places.
constexpr TypeRow kTypeRows[] = {
    {"float", "f64"},       {"double", "f64"},      {"real", "f64"},         {"integer", "int"},
    {"long", "int"},        {"short", "i32"},       {"byte", "u8"},          {"char", "u8"},
    {"i64", "int"},         {"int8_t", "i32"},      {"int16_t", "i32"},      {"int32_t", "i32"},
    {"int64_t", "int"},     {"uint8_t", "u8"},      {"uint16_t", "u16"},     {"uint32_t", "u32"},
    {"uint64_t", "u64"},    {"unsigned", "u32"},    {"boolean", "bool"},     {"str", "text(40)"},
    {"string", "text(40)"}, {"String", "text(40)"}, {"INT", "int"},          {"DINT", "i32"},
    {"LINT", "int"},        {"SINT", "i32"},        {"UINT", "u16"},         {"USINT", "u8"},
    {"UDINT", "u32"},       {"ULINT", "u64"},       {"INTEGER", "int"},      {"BIGINT", "int"},
    {"SMALLINT", "i32"},    {"REAL", "f32"},        {"LREAL", "f64"},        {"FLOAT", "f64"},
    {"DOUBLE", "f64"},      {"DECIMAL", "f64"},     {"NUMERIC", "f64"},      {"BOOL", "bool"},
    {"BOOLEAN", "bool"},    {"BYTE", "u8"},         {"WORD", "u16"},         {"DWORD", "u32"},
    {"LWORD", "u64"},       {"STRING", "text(40)"}, {"WSTRING", "text(40)"}, {"VARCHAR", "text(40)"},
    {"CHAR", "text(40)"},   {"TEXT", "text(40)"},   {"TIME", "duration"},    {"INTERVAL", "duration"},
    {"TIMESTAMP", "time"},  {"DATETIME", "time"},   {"datetime", "time"}};

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
  for (const Row& row : kShouted) {
    if (row.word == lower) return row.hint;
  }
  for (std::string_view own : kOwnWords) {
    if (own != lower) continue;
    static const std::map<std::string, std::string, std::less<>> hints = [] {
      std::map<std::string, std::string, std::less<>> made;
      for (const std::string_view each : kOwnWords)
        made[std::string(each)] = "write '" + std::string(each) + "': the language's words are in small letters";
      return made;
    }();
    return hints.find(lower)->second;
  }
  return {};
}

std::string_view instead_of_foreign_type(std::string_view name) {
  for (const TypeRow& row : kTypeRows) {
    if (row.name == name) return row.type;
  }
  return {};
}

}  // namespace eyeflow::compiler
