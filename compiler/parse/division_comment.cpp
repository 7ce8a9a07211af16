#include <algorithm>
#include <string_view>

#include "EyeFlowLexer.h"
#include "compiler/parse/division_comment.h"

namespace eyeflow::compiler::parse_detail {
namespace {

using Lexer = grammar::EyeFlowLexer;

bool ends_value(antlr4::Token* token) {
  std::size_t type = token->getType();
  return type == Lexer::IDENT || type == Lexer::NUMBER || type == Lexer::QUANTITY || token->getText() == ")" ||
         token->getText() == "]";
}

// "2", "2 + 1", "(2": what would be the rest of a division.
bool looks_like_divisor(std::string_view comment) {
  std::size_t digits = 0;
  for (char c : comment) {
    if (c >= '0' && c <= '9')
      ++digits;
    else if (std::string_view(" .+*()\r").find(c) == std::string_view::npos)
      return false;
  }
  return digits > 0;
}

}  // namespace

void warn_of_division_comments(antlr4::CommonTokenStream& tokens, const Reader& reader) {
  const std::vector<antlr4::Token*> all = tokens.getTokens();
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (!ends_value(all[i]) || all[i]->getLine() == all[i + 1]->getLine()) continue;
    Span value = span_of(reader, all[i]);
    std::string_view rest = reader.source.substr(std::min<std::size_t>(value.end(), reader.source.size()));
    rest = rest.substr(0, std::min(rest.find('\n'), rest.size()));
    std::size_t slashes = rest.find_first_not_of(" \t");
    if (slashes == std::string_view::npos || !rest.substr(slashes).starts_with("//")) continue;
    std::string_view comment = rest.substr(slashes + 2);
    if (comment.starts_with("/") || !looks_like_divisor(comment)) continue;
    const std::size_t character = all[i]->getStopIndex() + 1 + slashes;
    Span place = reader.span(character, character + 2, all[i]->getLine(),
                             all[i]->getCharPositionInLine() + character - all[i]->getStartIndex());
    reader.diagnostics.add(Code::DivisionComment, place, "'//' begins a comment: what follows is not computed",
                           "'/' divides, of whole numbers towards zero");
  }
}

}  // namespace eyeflow::compiler::parse_detail
