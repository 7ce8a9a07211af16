#include <algorithm>
#include <map>
#include <set>

#include "EyeFlowLexer.h"
#include "compiler/diagnostics/foreign_words.h"
#include "compiler/parse/build_tree.h"

namespace eyeflow::compiler::parse_detail {
namespace {

using Lexer = grammar::EyeFlowLexer;

bool is_hard_word(std::size_t type) { return type >= Lexer::TASK && type <= Lexer::ON; }
bool is_soft_word(std::size_t type) { return type >= Lexer::AT && type <= Lexer::UNIT_DECL; }

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
    bool is_grouped =
        (names && (t == Lexer::IDENT || is_soft_word(t))) ||
        (declarations && (is_hard_word(t) || t == Lexer::AT || t == Lexer::EVERY || t == Lexer::UNIT_DECL)) ||
        t == Lexer::TEXT || t == Lexer::NUMBER || t == Lexer::QUANTITY || t == Lexer::UNIT_WORD;
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

// What `double` or `int` stands for here; nothing for what is no type anywhere.
std::string_view instead_of_type(std::string_view word) {
  static constexpr std::string_view kTypes[] = {"bool", "int", "i32", "u8", "u16", "u32", "u64", "f32", "f64", "text"};
  auto own = std::ranges::find(kTypes, word);
  return own != std::end(kTypes) ? *own : instead_of_foreign_type(word);
}

constexpr const char* kChoice = "a choice is a statement: if c { x = 1 } else { x = 2 }";

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
    {":=", "write '='"},
    {"===", "write '=='"},
    {"!==", "write '!='"},
    {"<>", "write '!='"},
    {"**", "write x * x, or pow(x, y) of floats"},
    {"%", "the remainder is 'mod'; a unit stands behind its number"},
    {"?", kChoice},
    {"\u00BA", "the degree sign is '°', as in 80 °C"},
    {"\u2103", "write °C"},
    {"\u2109", "write °F"},
    {"\uFF05", "write %"},
    {"\u201C", "write \""},
    {"\u201D", "write \""},
    {"\u2013", "write -"},
    {"\u2212", "write -"},
    {"'", "write \"…\""},
    {"\u2265", "write >="},
    {"\u2264", "write <="},
    {"\u2260", "write !="},
    {"\u00D7", "write *"},
    {"\u00B7", "write *"},
    {"..", "a loop counts with '..<', which leaves out its end"},
    {"->", "a field stands behind '.'"},
    {"--", "a comment begins with '//'"},
    {"<-", "'<-' feeds a test's input; compare with a negative number as '< -'"},
};

std::string habit(antlr4::Token* token) {
  std::string text = token->getText();
  for (const Habit& h : kHabits) {
    if (h.found == text) return std::string(h.hint);
  }
  return "";
}

// "write count = count + 1": with the name that stands before it.
std::string habit_of(antlr4::Token* before, antlr4::Token* token) {
  std::string hint = habit(token);
  const std::string pattern = "write x = x ";
  if (before && before->getType() == Lexer::IDENT && before->getLine() == token->getLine() && hint.starts_with(pattern))
    hint = "write " + before->getText() + " = " + before->getText() + " " + hint.substr(pattern.size());
  return hint;
}

bool touch(antlr4::Token* left, antlr4::Token* right) {
  return left && left->getStopIndex() + 1 == right->getStartIndex();
}
bool is_number(antlr4::Token* token) {
  return token && (token->getType() == Lexer::NUMBER || token->getType() == Lexer::QUANTITY);
}

// '#' begins a comment in one language, a directive in another, and stands inside numbers in a third.
std::string meant_by_hash(antlr4::Token* before, antlr4::Token* token, antlr4::Token* after) {
  std::string left = before ? before->getText() : "", right = after ? after->getText() : "";
  if (touch(before, token) && left == "16") return "write 0x" + right;
  if (touch(before, token) && left == "2") return "write 0b" + right;
  if (touch(before, token) && (left == "T" || left == "TIME")) return "a time is a number with its unit: 5 s";
  if (touch(token, after) && right == "define") return "write const LIMIT = 80";
  if (touch(token, after) && right == "include") return std::string(instead_of_foreign_word(right));
  return "a comment begins with '//'";
}

// What the place of an unexpected token tells of what was meant.
std::string hint_from_place(antlr4::Parser& parser, antlr4::Token* token, const std::string& expected) {
  antlr4::TokenStream& tokens = *parser.getTokenStream();
  // The mistake may have been found further on than where the parser stands.
  std::size_t at = token->getTokenIndex();
  auto neighbour = [&](std::size_t i) { return i < tokens.size() ? tokens.get(i) : nullptr; };
  antlr4::Token* before = at > 0 ? neighbour(at - 1) : nullptr;
  antlr4::Token* after = token->getType() == antlr4::Token::EOF ? nullptr : neighbour(at + 1);
  std::string text = token->getText();
  if (text == "," && is_number(before) && is_number(after) && touch(before, token) && touch(token, after))
    return "a number has a decimal point, and '_' between groups of digits";
  if (text == "{" && before && before->getType() == Lexer::IDENT && after &&
      (after->getText() == "}" || (neighbour(at + 2) && neighbour(at + 2)->getText() == ":")))
    return "a record is made with '(' and ')': " + before->getText() + "(…)";
  if (before && before->getText() == "-" && at > 1 && neighbour(at - 2)->getText() == "-" &&
      touch(neighbour(at - 2), before)) {
    return "write x = x - 1";
  }
  if (text == "{" && before && before->getText() == "=") return "a record is made by its name: Point(x: 1.0, y: 2.0)";
  if (text == ":" && expected == "'{'" && before && before->getText() == ")" && after &&
      after->getLine() == token->getLine())
    return "a result's type stands behind '->'";
  if (text == ":" && expected == "a statement" && before && before->getType() == Lexer::IDENT)
    return "a variable is declared: var " + before->getText() + " : …";
  if (text == ":" && expected == "'{'") return "a block stands in '{ … }'";
  if (text == "[" && before && at > 1 && neighbour(at - 2)->getType() == Lexer::STATE)
    return "an array's size is part of its type: " + before->getText() + " : [f64; 4]";
  if (text == "(" && before && before->getType() == Lexer::FOR) return "write for i in 0 ..< 10 { … }";
  if (text == "for" && expected.empty()) return "a loop is a statement: for i, x in xs { ys[i] = 2 * x }";
  if (text == "in" && expected == "'{'") return "write x == 1 or x == 2";
  if (text == "," && before && at > 1 &&
      (neighbour(at - 2)->getType() == Lexer::LET || neighbour(at - 2)->getType() == Lexer::VAR))
    return "each name has a 'let' of its own";
  if (text == "&" && expected == "a value") return "there are no addresses: give the value itself";
  if (text == "else" && expected == "'{'") return kChoice;
  if (expected == "'{'" && before && before->getText() == ")") return "a block stands in '{ … }'";
  if (text == "[" && before && before->getType() == Lexer::IDENT && expected.find("declaration") != std::string::npos) {
    bool is_type = at > 1 && neighbour(at - 2)->getText() == ":";
    std::string element = is_type && before->getText() != "ARRAY" ? before->getText() : "f64";
    return "an array's type is written [" + element + "; 4]";
  }
  const bool begins_statement = text == "if" || text == "for" || text == "while" || text == "match";
  if (begins_statement && expected.find("declaration") != std::string::npos)
    return "what is done stands in a handler: on t1 as x { … }";
  if (text == "if" && expected == "a value") return "'if' is a statement: assign in both of its blocks";
  if (expected == "'{'" && token->getType() == Lexer::IDENT && before && before->getType() == Lexer::IDENT && at > 1 &&
      neighbour(at - 2)->getType() == Lexer::ON)
    return "write on " + before->getText() + " as " + text;
  if (text == "when" && expected == "a value" && at > 1 && neighbour(at - 2)->getType() == Lexer::ALARM)
    return "an alarm has a text: alarm " + before->getText() + " \"…\" when …";
  if (text == "const") return "inside a handler write 'let'";
  if (text == "state") return "a state stands in the task, outside of handlers";
  if (text == "=" && expected == "'{'" && before && before->getType() != Lexer::QUANTITY) return "'==' compares";
  if (expected.find("declaration") != std::string::npos && before && !instead_of_type(before->getText()).empty() &&
      after && after->getText() == "(")
    return "write fn " + text + "(a: int) -> int { … }";
  return habit(token);
}

// Whether the author has a thing of this name, such as a param `limit`: then it is no word of another language.
bool is_declared(antlr4::TokenStream& tokens, const std::string& name) {
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
    std::size_t declares = tokens.get(i - 1)->getType();
    bool is_name_place = (declares >= Lexer::INPUT && declares <= Lexer::FN) || declares == Lexer::LET ||
                         declares == Lexer::VAR || declares == Lexer::FOR || declares == Lexer::AS;
    bool is_named = is_name_place && tokens.get(i)->getText() == name;
    if (is_named && tokens.get(i + 1)->getType() != Lexer::IDENT) return true;
  }
  return false;
}

// Words that only begin a statement are looked for where one begins, the others beside the unexpected token.
antlr4::Token* foreign_word(antlr4::Parser& parser, antlr4::Token* token) {
  antlr4::TokenStream& tokens = *parser.getTokenStream();
  auto is_foreign = [&](antlr4::Token* t) {
    return (t->getType() == Lexer::IDENT || t->getType() == Lexer::CASE) &&
           !instead_of_foreign_word(t->getText()).empty() && !is_declared(tokens, t->getText());
  };
  if (is_foreign(token)) return token;
  std::size_t at = token->getTokenIndex();
  auto visible = [&](std::size_t i) { return tokens.get(i)->getChannel() == antlr4::Token::DEFAULT_CHANNEL; };
  if (at > 0 && visible(at - 1) && is_foreign(tokens.get(at - 1))) return tokens.get(at - 1);
  for (std::size_t i = at; i-- > 0;) {
    antlr4::Token* t = tokens.get(i);
    if (!visible(i) || t->getLine() != token->getLine()) break;
    bool begins = i == 0 || tokens.get(i - 1)->getLine() != t->getLine() || tokens.get(i - 1)->getText() == "}" ||
                  tokens.get(i - 1)->getText() == ";";
    if (begins && (is_foreign(t) || (t->getType() == Lexer::SWITCH && token->getText() == "{"))) return t;
  }
  // The branches of a CASE stand on lines of their own.
  if (token->getText() == ":" && at > 0)
    for (std::size_t i = at - 1; i-- > 0;) {
      antlr4::Token* t = tokens.get(i);
      if (is_foreign(t) && instead_of_foreign_word(t->getText()) == instead_of_foreign_word("case")) return t;
      if (t->getText() == "{" || t->getText() == "}") break;
    }
  return nullptr;
}

// The word behind the number of `3 THEN`, which reads as a unit.
std::string unit_word(antlr4::Token* token) {
  std::string text = token->getText();
  return text.substr(text.find_last_of(" \t0123456789") + 1);
}

// What an earlier mistake can leave behind: the end or the `else` of a block that was closed too early, the branches of
// a CASE and of a try.
bool is_left_over(antlr4::Parser& parser, antlr4::Token* token) {
  const std::string text = token->getText();
  if (text == "}") return parser.getContext()->getRuleIndex() == P::RuleFile;
  if (text == ":")
    return token->getTokenIndex() > 0 && is_number(parser.getTokenStream()->get(token->getTokenIndex() - 1));
  return token->getType() == Lexer::ELSE || text == "except" || text == "catch" || text == "finally";
}

bool runs_past_its_start(std::exception_ptr e) {
  try {
    if (e) std::rethrow_exception(e);
  } catch (const antlr4::NoViableAltException& found) {
    return found.getStartToken() != found.getOffendingToken();
  } catch (const std::exception&) {  // not about alternatives: what is expected is known
  }
  return false;
}

}  // namespace

void SyntaxErrors::syntaxError(antlr4::Recognizer* recognizer, antlr4::Token* token, std::size_t line, std::size_t,
                               const std::string&, std::exception_ptr e) {
  auto& parser = *dynamic_cast<antlr4::Parser*>(recognizer);
  Span place = span_of(reader_, token);
  if (!reader_.error_places.empty() && is_left_over(parser, token)) {
    reader_.error_places.push_back(place);
    return;
  }
  // What a forgotten quote or a stray word leaves behind on its line is not worth a second message.
  bool is_first_here = line != last_line_;
  for (const Span& seen : reader_.error_places) is_first_here = is_first_here && seen.line != place.line;
  last_line_ = line;
  reader_.error_places.push_back(place);
  if (!is_first_here) return;

  Diagnostics& out = reader_.diagnostics;
  std::size_t type = token->getType();
  // An alternative that failed further on says nothing about what was expected there.
  std::string expected = runs_past_its_start(e) ? "" : expectation(parser);
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
  } else if (type == Lexer::COMMENT_OPEN) {
    std::size_t next = token->getTokenIndex() + 1;
    bool is_all = token->getText() == "(*" && parser.getTokenStream()->get(next)->getText() == ")";
    out.add(Code::UnexpectedToken, place,
            is_all ? std::string("'*' does not stand for everything here")
                   : "comments are not written with " + quoted(token),
            is_all ? "an array's length is xs.len" : "begin each of their lines with '//'");
  } else if (antlr4::Token* word = foreign_word(parser, token)) {
    reader_.error_places.push_back(span_of(reader_, word));
    out.add(Code::UnexpectedToken, span_of(reader_, word),
            quoted(word) + (word->getType() == Lexer::SWITCH ? " begins no statement" : " is no word of the language"),
            std::string(instead_of_foreign_word(word->getText())));
  } else if (antlr4::Token* before =
                 token->getTokenIndex() > 0 ? parser.getTokenStream()->get(token->getTokenIndex() - 1) : nullptr;
             before && before->getType() == Lexer::QUANTITY && !instead_of_foreign_word(unit_word(before)).empty()) {
    std::string word = unit_word(before);
    Span word_place = span_of(reader_, before);
    auto skipped = static_cast<std::uint32_t>(word_place.length - word.size());
    word_place.offset += skipped;
    word_place.column += skipped;
    word_place.length = static_cast<std::uint32_t>(word.size());
    reader_.error_places.push_back(word_place);
    out.add(Code::UnexpectedToken, word_place, "'" + word + "' is no word of the language",
            std::string(instead_of_foreign_word(word)));
  } else if (before && before->getText().ends_with("°") && (token->getText() == "C" || token->getText() == "F")) {
    out.add(Code::UnitWithSpace, place, "a unit has no space in it", "write °" + token->getText());
  } else if (type == Lexer::AND_AND || type == Lexer::OR_OR || type == Lexer::BANG || type == Lexer::ASSIGN_OP ||
             type == Lexer::OTHER_OP) {
    out.add(Code::ForeignOperator, place, quoted(token) + " is not an operator here", habit_of(before, token));
  } else if (type == Lexer::UNKNOWN) {
    std::size_t at = token->getTokenIndex();
    antlr4::TokenStream& tokens = *parser.getTokenStream();
    std::string hint = token->getText() != "#"
                           ? habit(token)
                           : meant_by_hash(before, token, at + 1 < tokens.size() ? tokens.get(at + 1) : nullptr);
    const std::string what =
        token->getText() == "'" ? "a text does not stand in single quotes" : quoted(token) + " has no meaning here";
    out.add(Code::UnknownCharacter, place, what, hint);
  } else if (is_hard_word(type) && parser.getExpectedTokens().contains(static_cast<std::size_t>(Lexer::IDENT)) &&
             expected == "a name") {
    out.add(Code::UnexpectedToken, place, quoted(token) + " is a word of the language and cannot be a name",
            "take another name");
  } else {
    // What replaces a habit says more than what could stand there.
    const bool is_habit = !habit(token).empty();
    out.add(Code::UnexpectedToken, place, "unexpected " + quoted(token) + (is_habit ? "" : wanted),
            hint_from_place(parser, token, expected));
  }
}

}  // namespace eyeflow::compiler::parse_detail
