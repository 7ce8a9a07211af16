#include <algorithm>
#include <map>
#include <set>

#include "EyeFlowLexer.h"
#include "compiler/parse/build_tree.h"

namespace eyeflow::compiler::parse_detail {
namespace {

using Lexer = grammar::EyeFlowLexer;

bool is_hard_word(std::size_t type) { return type >= Lexer::TASK && type <= Lexer::ON; }
bool is_soft_word(std::size_t type) { return type >= Lexer::AT && type <= Lexer::FROM; }

std::string quoted(antlr4::Token* token) {
  std::string text = token->getText();
  if (auto line = text.find('\n'); line != std::string::npos) text.resize(line);
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return "'" + text + "'";
}

// What could stand here, in the author's words; nothing when the choice is too wide to help.
std::string expectation(antlr4::Parser& parser) {
  antlr4::misc::IntervalSet set;
  try {
    set = parser.getExpectedTokens();
  } catch (const std::exception&) {  // an invalid state after recovery: then without
    return "";
  }
  auto has = [&](std::size_t type) { return set.contains(type); };
  std::vector<std::string> words;
  bool names = has(Lexer::IDENT), values = names && has(Lexer::NUMBER), declarations = has(Lexer::INPUT);
  if (has(Lexer::LET) && has(Lexer::IF) && !declarations)
    words.emplace_back("a statement");
  else if (values)
    words.emplace_back("a value");
  else if (names && has(Lexer::UNIT_WORD))
    words.emplace_back("a type");
  else if (names)
    words.emplace_back("a name");
  if (declarations && !names) words.emplace_back("a declaration");
  for (auto type : set.toList()) {
    auto t = static_cast<std::size_t>(type);
    if (type <= 0) continue;
    bool is_grouped = (names && (t == Lexer::IDENT || is_soft_word(t))) ||
                      (declarations && (is_hard_word(t) || t == Lexer::AT || t == Lexer::EVERY)) || t == Lexer::TEXT ||
                      t == Lexer::NUMBER || t == Lexer::QUANTITY || t == Lexer::UNIT_WORD;
    if (is_grouped || (values && (is_hard_word(t) || t < Lexer::TASK))) continue;
    std::string literal(parser.getVocabulary().getDisplayName(t));
    if (literal == "';'" && words.size() > 0) continue;
    words.push_back(literal);
  }
  if (!names && has(Lexer::TEXT)) words.emplace_back("a text");
  if (!names && has(Lexer::NUMBER)) words.emplace_back("a number");
  if (words.empty() || words.size() > 4) return "";
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return out;
}

// The innermost '{' that is still open where the file ends.
antlr4::Token* open_brace(antlr4::Parser& parser) {
  auto* tokens = dynamic_cast<antlr4::BufferedTokenStream*>(parser.getTokenStream());
  std::vector<antlr4::Token*> open;
  for (antlr4::Token* token : tokens->getTokens()) {
    if (token->getText() == "{") open.push_back(token);
    if (token->getText() == "}" && !open.empty()) open.pop_back();
  }
  return open.empty() ? nullptr : open.back();
}

struct Habit {
  std::string_view found;
  std::string_view hint;
};
constexpr Habit kHabits[] = {
    {"&&", "write 'and'"},
    {"||", "write 'or'"},
    {"!", "write 'not'"},
    {"+=", "write x = x + …"},
    {"-=", "write x = x - …"},
    {"*=", "write x = x * …"},
    {"/=", "write x = x / …"},
    {"++", "write x = x + 1"},
    {"\u201C", "write \""},
    {"\u201D", "write \""},
    {"\u2013", "write -"},
    {"\u2212", "write -"},
    {"'", "texts stand in \"…\""},
    {"\u2265", "write >="},
    {"\u2264", "write <="},
    {"\u2260", "write !="},
    {"\u00D7", "write *"},
    {"\u00B7", "write *"},
    {"..", "a loop counts with '..<', which leaves out its end"},
    {"<-", "'<-' feeds a test's input; compare with a negative number as '< -'"},
};

std::string habit(antlr4::Token* token) {
  std::string text = token->getText();
  for (const Habit& h : kHabits) {
    if (h.found == text) return std::string(h.hint);
  }
  return "";
}

}  // namespace

void SyntaxErrors::syntaxError(antlr4::Recognizer* recognizer, antlr4::Token* token, std::size_t line, std::size_t,
                               const std::string&, std::exception_ptr) {
  auto& parser = *dynamic_cast<antlr4::Parser*>(recognizer);
  Span place = span_of(reader_, token);
  // What a forgotten quote or a stray word leaves behind on its line is not worth a second message.
  bool is_first_here = line != last_line_;
  for (const Span& seen : reader_.error_places) is_first_here = is_first_here && seen.line != place.line;
  last_line_ = line;
  reader_.error_places.push_back(place);
  if (!is_first_here) return;

  Diagnostics& out = reader_.diagnostics;
  std::size_t type = token->getType();
  std::string expected = expectation(parser);
  std::string wanted = expected.empty() ? "" : ", but " + expected + " is expected";
  bool is_nested = reader_.base_character != 0;
  if (type == antlr4::Token::EOF && is_nested) {
    out.add(Code::UnexpectedToken, place, "'}' stands here" + wanted);
  } else if (type == antlr4::Token::EOF) {
    antlr4::Token* brace = open_brace(parser);
    Diagnostic& d = brace ? out.add(Code::UnclosedBlock, place, "the file ends, but a '}' is missing")
                          : out.add(Code::UnexpectedToken, place, "the file ends" + wanted);
    if (brace) d.notes.push_back({span_of(reader_, brace), "this '{' is not closed"});
  } else if (type == Lexer::UNCLOSED_TEXT) {
    out.add(Code::UnclosedText, place, "this text has no closing quote on its line",
            "end it with \", and write a brace as \\{");
  } else if (type == Lexer::AND_AND || type == Lexer::OR_OR || type == Lexer::BANG || type == Lexer::ASSIGN_OP) {
    out.add(Code::ForeignOperator, place, quoted(token) + " is not an operator here", habit(token));
  } else if (type == Lexer::UNKNOWN) {
    out.add(Code::UnknownCharacter, place, quoted(token) + " has no meaning here", habit(token));
  } else if (is_hard_word(type) && parser.getExpectedTokens().contains(static_cast<std::size_t>(Lexer::IDENT)) &&
             expected == "a name") {
    out.add(Code::UnexpectedToken, place, quoted(token) + " is a word of the language and cannot be a name",
            "take another name");
  } else {
    bool compares = token->getText() == "=" && expected == "'{'";
    out.add(Code::UnexpectedToken, place, "unexpected " + quoted(token) + wanted,
            compares ? "'==' compares" : habit(token));
  }
}

}  // namespace eyeflow::compiler::parse_detail
