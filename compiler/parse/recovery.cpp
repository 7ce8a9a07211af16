#include "compiler/parse/recovery.h"

#include <algorithm>

#include "EyeFlowLexer.h"

namespace eyeflow::compiler::parse_detail {
namespace {

using Lexer = grammar::EyeFlowLexer;

bool is_one_of(std::size_t type, std::initializer_list<std::size_t> set) {
  return std::ranges::find(set, type) != set.end();
}

bool is_file_word(std::size_t type) { return type == Lexer::TASK || type == Lexer::TEST; }
// `on` also names a switch's position: here it must be followed by a name, as a handler is.
bool is_declaration_word(antlr4::TokenStream& tokens) {
  std::size_t type = tokens.LA(1);
  if (type == Lexer::ON) {
    std::size_t next = tokens.LA(2);
    return next == Lexer::IDENT || (next >= Lexer::AT && next <= Lexer::UNIT_DECL);
  }
  return is_file_word(type) ||
         is_one_of(type, {Lexer::INPUT, Lexer::OUTPUT, Lexer::ALARM, Lexer::PARAM, Lexer::STATE, Lexer::CONST,
                          Lexer::MODEL, Lexer::RECORD, Lexer::ENUM, Lexer::FN, Lexer::USE});
}
bool is_statement_word(std::size_t type) {
  return is_one_of(type, {Lexer::LET, Lexer::VAR, Lexer::IF, Lexer::FOR, Lexer::WHILE, Lexer::MATCH, Lexer::BREAK,
                          Lexer::CONTINUE, Lexer::RETURN});
}
bool is_name_word(std::size_t type) {
  return type == Lexer::IDENT || type == Lexer::ON || (type >= Lexer::AT && type <= Lexer::UNIT_DECL);
}

bool starts_line(antlr4::TokenStream& tokens) {
  antlr4::Token* before = tokens.LT(-1);
  return !before || before->getLine() < tokens.LT(1)->getLine();
}

bool is_text(antlr4::TokenStream& tokens, std::string_view text) { return tokens.LT(1)->getText() == text; }

}  // namespace

// Where the line begins that `token` stands on.
std::size_t indentation(antlr4::TokenStream& tokens, antlr4::Token* token) {
  std::size_t column = token->getCharPositionInLine();
  for (std::size_t i = token->getTokenIndex(); i-- > 0 && tokens.get(i)->getLine() == token->getLine();) {
    column = tokens.get(i)->getCharPositionInLine();
  }
  return column;
}

// True where a block or task is still open although the next line can only stand outside it. A declaration that is
// indented further than its block's first line was meant to stand inside.
bool Recovery::closes_by_itself(antlr4::Parser* parser) {
  auto& tokens = *parser->getTokenStream();
  std::size_t rule = parser->getContext()->getRuleIndex();
  if (!starts_line(tokens)) return false;
  if (rule == P::RuleBlock) {
    return is_declaration_word(tokens) &&
           tokens.LT(1)->getCharPositionInLine() <= indentation(tokens, parser->getContext()->getStart());
  }
  return (rule == P::RuleTaskDecl || rule == P::RuleTestDecl) && is_file_word(tokens.LA(1));
}

void Recovery::report_missing_brace(antlr4::Parser* parser) {
  Span place = span_of(reader_, parser->getCurrentToken());
  reader_.error_places.push_back(place);
  Diagnostic& d = reader_.diagnostics.add(Code::UnclosedBlock, place,
                                          "a '}' is missing before '" + parser->getCurrentToken()->getText() + "'");
  for (auto* child : parser->getContext()->children) {
    auto* leaf = dynamic_cast<antlr4::tree::TerminalNode*>(child);
    if (leaf && leaf->getText() == "{")
      d.notes.push_back({span_of(reader_, leaf->getSymbol()), "this '{' is not closed"});
  }
}

// Called before each turn of a loop in the grammar, and nowhere else of interest.
void Recovery::sync(antlr4::Parser* parser) {
  std::size_t rule = parser->getContext()->getRuleIndex();
  bool is_list = rule == P::RuleFile || rule == P::RuleTaskDecl || rule == P::RuleTestDecl || rule == P::RuleBlock;
  if (!is_list) return;
  auto& tokens = *parser->getTokenStream();
  bool is_open = parser->getContext()->children.size() > 0 && rule != P::RuleFile &&
                 std::ranges::any_of(parser->getContext()->children, [](auto* c) { return c->getText() == "{"; });
  if (is_open && closes_by_itself(parser)) {
    report_missing_brace(parser);
    brace_put_in_ = true;
    throw antlr4::InputMismatchException(parser);
  }
  const auto& atn = parser->getInterpreter<antlr4::atn::ParserATNSimulator>()->atn;
  auto viable = atn.nextTokens(atn.states[parser->getState()]);
  if (tokens.LA(1) == antlr4::Token::EOF || viable.contains(tokens.LA(1)) ||
      viable.contains(static_cast<std::size_t>(antlr4::Token::EPSILON))) {
    return;
  }
  if (rule != P::RuleFile && !is_open) return;
  if (!inErrorRecoveryMode(parser)) {
    antlr4::InputMismatchException e(parser);
    reportError(parser, e);
  }
  while (tokens.LA(1) != antlr4::Token::EOF && !viable.contains(tokens.LA(1))) {
    // With a brace goes all that it encloses, with the start of a comment the whole of it.
    if (!is_text(tokens, "{") && tokens.LA(1) != Lexer::COMMENT_OPEN) parser->consume();
    std::size_t item = rule == P::RuleBlock      ? P::RuleStatement
                       : rule == P::RuleTestDecl ? P::RuleTestStep
                                                 : P::RuleDecl;
    skip_to_next(parser, rule == P::RuleFile ? static_cast<std::size_t>(P::RuleFile) : item);
    // A brace too many, at the file's level, is passed over.
    if (rule != P::RuleFile && is_text(tokens, "}")) break;
  }
}

void Recovery::reportError(antlr4::Parser* parser, const antlr4::RecognitionException& e) {
  if (brace_put_in_) return;
  DefaultErrorStrategy::reportError(parser, e);
}

void Recovery::recover(antlr4::Parser* parser, std::exception_ptr e) {
  if (brace_put_in_) {
    brace_put_in_ = false;
    return;
  }
  std::size_t rule = parser->getContext()->getRuleIndex();
  bool is_item = is_one_of(rule, {P::RuleFile, P::RuleTaskDecl, P::RuleTestDecl, P::RuleDecl, P::RuleTestStep,
                                  P::RuleStatement, P::RuleInterpolation});
  if (!is_item) std::rethrow_exception(e);  // the item as a whole is given up
  auto& tokens = *parser->getTokenStream();
  if (tokens.index() == last_index_ && tokens.LA(1) != antlr4::Token::EOF) parser->consume();
  skip_to_next(parser, rule);
  last_index_ = tokens.index();
}

antlr4::Token* Recovery::recoverInline(antlr4::Parser* parser) {
  throw antlr4::InputMismatchException(parser);  // no token is guessed or passed over inside an item
}

// Leaves the stream behind the '*/' or '*)' of a comment of another language, or at the end.
void Recovery::skip_comment(antlr4::Parser* parser) {
  auto& tokens = *parser->getTokenStream();
  std::string close = is_text(tokens, "/*") ? "/" : ")";
  for (parser->consume(); tokens.LA(1) != antlr4::Token::EOF; parser->consume()) {
    if (is_text(tokens, close) && tokens.LT(-1)->getText().ends_with('*')) {
      parser->consume();
      return;
    }
  }
}

// Leaves the stream at the start of the next item of this kind, at the brace that closes the list, or at the end.
void Recovery::skip_to_next(antlr4::Parser* parser, std::size_t rule) {
  auto& tokens = *parser->getTokenStream();
  std::size_t braces = 0, brackets = 0;
  for (; tokens.LA(1) != antlr4::Token::EOF; parser->consume()) {
    if (tokens.LA(1) == Lexer::COMMENT_OPEN) skip_comment(parser);
    std::size_t type = tokens.LA(1);
    if (type == antlr4::Token::EOF) return;
    bool on_new_line = starts_line(tokens);
    if (on_new_line && is_file_word(type)) return;
    if (braces == 0) {
      bool is_list_end = is_text(tokens, "}");
      if (is_list_end && rule != P::RuleFile && rule != P::RuleTaskDecl && rule != P::RuleTestDecl) return;
      if (on_new_line && is_declaration_word(tokens)) return;
      if (rule == P::RuleStatement && is_text(tokens, ";")) return;
      if (rule == P::RuleStatement && on_new_line &&
          (is_statement_word(type) || (brackets == 0 && is_name_word(type)))) {
        return;
      }
      if (rule == P::RuleTestStep && on_new_line && (is_name_word(type) || type == Lexer::PARAM || type == Lexer::FOR))
        return;
      if (rule == P::RuleDecl && on_new_line && (type == Lexer::EVERY || type == Lexer::AT)) return;
    }
    if (is_text(tokens, "{")) ++braces;
    if (is_text(tokens, "}") && braces > 0) --braces;
    if (is_text(tokens, "(") || is_text(tokens, "[")) ++brackets;
    if ((is_text(tokens, ")") || is_text(tokens, "]")) && brackets > 0) --brackets;
  }
}

}  // namespace eyeflow::compiler::parse_detail
