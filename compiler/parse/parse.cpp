#include "compiler/parse/parse.h"

#include "EyeFlowLexer.h"
#include "compiler/parse/build_tree.h"
#include "compiler/parse/division_comment.h"
#include "compiler/parse/recovery.h"

bool eyeflow::compiler::grammar::EyeFlowLexer::unit_ends_here() {
  auto is_unit_letter = [](std::size_t c) {
    return c == '_' || (c < 0x80 ? std::isalnum(static_cast<int>(c)) != 0 : c == 0xB0 || c == 0xB5 || c >= 0xC0);
  };
  if (std::size_t next = _input->LA(1); next <= 0x10FFFF && is_unit_letter(next)) return false;
  std::string text = _input->getText(antlr4::misc::Interval(tokenStartCharIndex, _input->index() - 1));

  // Behind the number (whose own letters are those of 0x… and of an exponent) stands the unit's first word.
  auto is_digit = [&](std::size_t i) { return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])); };
  std::size_t i = 0;
  if (text.starts_with("0x") || text.starts_with("0b")) {
    while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_')) ++i;
  } else {
    while (is_digit(i) || (i < text.size() && (text[i] == '.' || text[i] == '_'))) ++i;
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
      std::size_t digits = i + 1 < text.size() && (text[i + 1] == '+' || text[i + 1] == '-') ? i + 2 : i + 1;
      if (is_digit(digits)) {
        for (i = digits; is_digit(i);) ++i;
      }
    }
  }
  while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
  std::size_t end = i;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
  std::string_view word = std::string_view(text).substr(i, end - i);
  // A blank, a word, and what no quantity has behind it: another statement on the same line begins with the word.
  if (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t') && end == text.size()) {
    std::size_t blanks = 1;
    while (_input->LA(static_cast<ssize_t>(blanks)) == ' ' || _input->LA(static_cast<ssize_t>(blanks)) == '\t')
      ++blanks;
    const auto behind = [&](std::size_t n) { return _input->LA(static_cast<ssize_t>(blanks + n)); };
    const bool is_assigned = behind(0) == '=' && behind(1) != '=';
    const bool is_used = blanks == 1 && (behind(0) == '(' || behind(0) == '[');
    const bool has_member = blanks == 1 && behind(0) == '.' && is_unit_letter(behind(1)) &&
                            !(behind(1) == 't' && behind(2) == 'o' && behind(3) == '(');
    if (is_assigned || is_used || has_member) return false;
  }
  const antlr4::dfa::Vocabulary& vocabulary = getVocabulary();
  for (std::size_t type = TASK; type <= UNIT_DECL; ++type) {
    std::string literal = vocabulary.getLiteralName(type);
    if (literal.size() == word.size() + 2 && std::string_view(literal).substr(1, word.size()) == word) return false;
  }
  return true;
}

namespace eyeflow::compiler {

using namespace parse_detail;

namespace {

using Lexer = grammar::EyeFlowLexer;

const syntax::Block* body_of(const syntax::Decl& decl) {
  if (const auto* handler = std::get_if<syntax::HandlerDecl>(&decl.node)) return &handler->body;
  const auto* function = std::get_if<syntax::FunctionDecl>(&decl.node);
  return function ? &function->body : nullptr;
}

template <typename Holds>
const Span* find_statement(const syntax::Block& body, const Holds& holds) {
  for (const syntax::Stmt& statement : body.statements)
    if (holds(statement.span)) return &statement.span;
  return nullptr;
}

// What holds a syntax error: the statement of a body, otherwise the declaration. What is not understood behind one, on
// its last line, belongs to it.
std::vector<Span> broken_parts(const syntax::File& file, std::string_view source, const std::vector<Span>& errors) {
  std::vector<Span> broken;
  const auto up_to_line_end = [&](Span span) {
    const std::size_t end =
        std::min(source.find('\n', std::min<std::size_t>(span.end(), source.size())), source.size());
    span.length = static_cast<std::uint32_t>(end) - span.offset;
    return span;
  };
  const auto add = [&](const Span& span, const syntax::Block* body) {
    const Span whole = up_to_line_end(span);
    for (const Span& error : errors) {
      if (error.offset < whole.offset || error.offset > whole.end()) continue;
      const auto statement = !body ? nullptr : find_statement(*body, [&](const Span& one) {
        return error.offset >= one.offset && error.offset <= up_to_line_end(one).end();
      });
      broken.push_back(statement ? up_to_line_end(*statement) : span);
      if (!statement) return;
    }
  };
  for (const auto& d : file.declarations) add(d.span, body_of(d));
  for (const auto& t : file.tasks) {
    for (const auto& d : t.declarations) add(d.span, body_of(d));
  }
  for (const auto& t : file.tests) add(t.span, nullptr);
  return broken;
}

// The parser recurses with brackets and prefix operators.
bool nests_within_limit(antlr4::CommonTokenStream& tokens, const Reader& reader) {
  tokens.fill();
  std::size_t open = 0, prefixes = 0;
  for (antlr4::Token* token : tokens.getTokens()) {
    std::string text = token->getText();
    bool opens = text == "(" || text == "[" || text == "{" || token->getType() == Lexer::COMMENT_OPEN;
    if (opens) ++open;
    if ((text == ")" || text == "]" || text == "}") && open > 0) --open;
    prefixes = text == "-" || text == "~" || text == "not" ? prefixes + 1 : 0;
    if (open <= kMaxDepth && prefixes <= kMaxDepth && reader.texts <= kMaxTextsInTexts) continue;
    Span place = span_of(reader, token);
    reader.error_places.push_back(place);
    reader.diagnostics.add(Code::TooDeep, place,
                           "this is nested more than " +
                               std::to_string(reader.texts > kMaxTextsInTexts ? kMaxTextsInTexts : kMaxDepth) + " deep",
                           "name a part with let, or move it into a function");
    return false;
  }
  return true;
}

// Fast first: SLL prediction, giving up at the first mistake. Only a source that does not pass (a wrong one, or one of
// the rare texts for which SLL is too weak) is parsed again, with full prediction, recovery and reports.
template <typename Rule>
auto parse_rule(P& parser, antlr4::CommonTokenStream& tokens, const Reader& reader, SyntaxErrors& errors, Rule rule) {
  using antlr4::atn::PredictionMode;
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<antlr4::BailErrorStrategy>());
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(PredictionMode::SLL);
  try {
    return rule(parser);
  } catch (const antlr4::ParseCancellationException&) {
    tokens.seek(0);
    parser.reset();
    parser.addErrorListener(&errors);
    parser.setErrorHandler(std::make_shared<Recovery>(reader));
    parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(PredictionMode::LL);
    return rule(parser);
  }
}

}  // namespace

ParseResult parse(std::string_view source, std::string file_name, std::uint32_t begin) {
  ParseResult result;
  result.file_name = std::move(file_name);
  const std::string_view file = source.substr(begin);
  std::vector<std::uint32_t> byte_offsets;
  if (!prescan(file, begin, byte_offsets, result.diagnostics)) return result;
  if (file.starts_with("\xEF\xBB\xBF")) byte_offsets.erase(byte_offsets.begin());  // ANTLR drops it, too

  std::vector<Span> error_places;
  Reader reader{source, byte_offsets, result.diagnostics, error_places};
  antlr4::ANTLRInputStream characters{std::string(file)};
  Lexer lexer(&characters);
  lexer.removeErrorListeners();
  antlr4::CommonTokenStream tokens(&lexer);
  P parser(&tokens);
  SyntaxErrors errors(reader);
  if (!nests_within_limit(tokens, reader)) return result;
  auto* tree = parse_rule(parser, tokens, reader, errors, [](P& p) { return p.file(); });
  result.file = TreeBuilder(reader, tokens).file(tree);
  warn_of_division_comments(tokens, reader);
  result.broken = broken_parts(result.file, source, error_places);
  return result;
}

namespace parse_detail {

void parse_interpolation(const Reader& outer, std::string_view text, std::size_t first_character, std::size_t line,
                         std::size_t column, syntax::TextPart& part) {
  Reader reader{outer.source, outer.byte_offsets, outer.diagnostics, outer.error_places, first_character, line,
                column,       outer.texts + 1};
  antlr4::ANTLRInputStream characters{std::string(text)};
  Lexer lexer(&characters);
  lexer.removeErrorListeners();
  antlr4::CommonTokenStream tokens(&lexer);
  P parser(&tokens);
  SyntaxErrors errors(reader);
  if (!nests_within_limit(tokens, reader)) return;
  auto* tree = parse_rule(parser, tokens, reader, errors, [](P& p) { return p.interpolation(); });
  TreeBuilder(reader, tokens).interpolation(tree, part);
}

}  // namespace parse_detail
}  // namespace eyeflow::compiler
