#include <algorithm>
#include <cctype>
#include <utility>

#include "EyeFlowLexer.h"
#include "compiler/diagnostics/foreign_words.h"
#include "compiler/parse/build_tree.h"

namespace eyeflow::compiler::parse_detail {

namespace {

using Lexer = grammar::EyeFlowLexer;

template <typename T>
T* as(antlr4::tree::ParseTree* tree) {
  return dynamic_cast<T*>(tree);
}

syntax::BinaryOp binary_op(std::string_view text) {
  using enum syntax::BinaryOp;
  struct Row {
    std::string_view text;
    syntax::BinaryOp op;
  };
  static constexpr Row kRows[] = {{"+", Add},    {"-", Sub},   {"*", Mul},    {"/", Div},     {"mod", Mod},
                                  {"&", BitAnd}, {"|", BitOr}, {"^", BitXor}, {"<<", Shl},    {">>", Shr},
                                  {"==", Eq},    {"!=", Ne},   {"<", Lt},     {"<=", Le},     {">", Gt},
                                  {">=", Ge},    {"and", And}, {"or", Or},    {"??", Default}};
  for (const Row& row : kRows) {
    if (row.text == text) return row.op;
  }
  return Add;
}

}  // namespace

// ---- Statements
// --------------------------------------------------------------------------------------------------------

syntax::Block TreeBuilder::block(P::BlockContext* ctx) {
  syntax::Block block;
  if (!ctx) return block;
  block.span = span(ctx);
  std::vector<P::StatementContext*> statements = ctx->statement();
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (i + 1 < statements.size() &&
        (is_stray_word(statements[i], statements[i + 1]) || is_foreign_value(statements[i], statements[i + 1]))) {
      continue;
    }
    if (auto statement = this->statement(statements[i])) block.statements.push_back(std::move(*statement));
  }
  return block;
}

// `int k = 0`, `IF v > 3 THEN`: a name alone, and a statement right behind it. Nobody means two statements by that.
bool TreeBuilder::is_stray_word(P::StatementContext* ctx, P::StatementContext* next) {
  auto* alone = as<P::AssignOrCallStmtContext>(ctx);
  if (!alone || ctx->exception || ctx->getStart() != ctx->getStop() || ctx->getStart()->getType() != Lexer::IDENT) {
    return false;
  }
  antlr4::Token *word = ctx->getStart(), *follower = next->getStart();
  if (follower->getLine() != word->getLine() || follower->getTokenIndex() != word->getTokenIndex() + 1) return false;
  Span place = span(word);
  bool is_first_here = std::ranges::none_of(reader_.error_places, [&](const Span& s) { return s.line == place.line; });
  reader_.error_places.push_back(place);
  if (!is_first_here) return true;
  // `count = CASE WHEN …` stops at its second word, and is told of its first.
  antlr4::Token* before = word->getTokenIndex() > 0 ? tokens_.get(word->getTokenIndex() - 1) : nullptr;
  if (before && before->getLine() == word->getLine() && before->getType() == Lexer::IDENT &&
      !instead_of_foreign_word(before->getText()).empty()) {
    word = before;
    place = span(word);
  }
  std::string text = word->getText();
  static constexpr std::string_view kTypes[] = {"bool", "int", "i32", "u8", "u16", "u32", "u64", "f32", "f64", "text"};
  std::string_view type = instead_of_foreign_type(text);
  if (std::ranges::find(kTypes, text) != std::end(kTypes)) type = text;
  if (std::string_view hint = instead_of_foreign_word(text); !hint.empty()) {
    reader_.diagnostics.add(Code::UnexpectedToken, place, "'" + text + "' is no word of the language",
                            std::string(hint));
  } else if (!type.empty()) {
    reader_.diagnostics.add(Code::UnexpectedToken, place, "a declaration does not begin with its type",
                            "write var " + follower->getText() + " : " + std::string(type) + " = …");
  } else {
    reader_.diagnostics.add(Code::UnexpectedToken, place,
                            "'" + text + "' stands alone, and '" + follower->getText() + "' follows on its line",
                            "statements on one line are separated by ';'");
  }
  return true;
}

// `f"n{x}"` and `(int)level`: what ends one statement touches what begins the next, and belongs to it elsewhere.
bool TreeBuilder::is_foreign_value(P::StatementContext* ctx, P::StatementContext* next) {
  if (ctx->exception || !ctx->getStop()) return false;
  antlr4::Token *last = ctx->getStop(), *first = next->getStart();
  if (last->getStopIndex() + 1 != first->getStartIndex() || last->getTokenIndex() < 2) return false;
  Span place = span(last);
  if (first->getType() == Lexer::TEXT && last->getType() == Lexer::IDENT) {
    reader_.diagnostics.add(Code::UnexpectedToken, place, "'" + last->getText() + "' stands before a text",
                            "leave it out: every text fills in its '{…}'");
  } else if (antlr4::Token* type = tokens_.get(last->getTokenIndex() - 1),
             *open = tokens_.get(last->getTokenIndex() - 2);
             last->getText() == ")" && open->getText() == "(" && first->getType() == Lexer::IDENT &&
             type->getType() == Lexer::IDENT) {
    place = join(span(open), span(last));
    std::string_view foreign = instead_of_foreign_type(type->getText());
    std::string to = foreign.empty() ? type->getText() : std::string(foreign);
    std::string hint = "write " + to + "(" + first->getText() + ")";
    if (to == "int" || to == "i32") hint += ", or round(" + first->getText() + ") where it is a float";
    reader_.diagnostics.add(Code::UnexpectedToken, place,
                            "a conversion is not written with '(" + type->getText() + ")'", hint);
  } else {
    return false;
  }
  reader_.error_places.push_back(place);
  return true;
}

syntax::IfArm TreeBuilder::if_arm(P::IfArmContext* ctx) {
  syntax::IfArm arm;
  if (ctx->LET()) arm.let_name = name(ctx->name());
  arm.condition = expr(ctx->expr());
  arm.body = block(ctx->block());
  return arm;
}

std::optional<syntax::Stmt> TreeBuilder::statement(P::StatementContext* ctx) {
  syntax::Stmt out;
  out.span = span(ctx);
  if (auto* c = as<P::LetStmtContext>(ctx)) {
    out.node =
        syntax::LetStmt{c->VAR() != nullptr, name(c->name()), c->type() ? type(c->type()) : nullptr, expr(c->expr())};
  } else if (auto* c = as<P::AssignOrCallStmtContext>(ctx)) {
    if (c->expr().size() == 2) {
      Span op = c->children.size() > 1 && as<antlr4::tree::TerminalNode>(c->children[1])
                    ? span(as<antlr4::tree::TerminalNode>(c->children[1])->getSymbol())
                    : out.span;
      out.node = syntax::AssignStmt{expr(c->expr(0)), op, expr(c->expr(1))};
    } else {
      out.node = syntax::ExprStmt{expr(c->expr(0))};
    }
  } else if (auto* c = as<P::IfStmtContext>(ctx)) {
    syntax::IfStmt statement;
    for (auto* arm : c->ifArm()) statement.arms.push_back(if_arm(arm));
    if (c->block()) statement.otherwise = block(c->block());
    out.node = std::move(statement);
  } else if (auto* c = as<P::ForStmtContext>(ctx)) {
    syntax::ForStmt loop;
    bool has_index = c->name().size() == 2;
    loop.name = name(c->name(has_index ? 1 : 0));
    if (has_index) loop.index = name(c->name(0));
    if (c->expr().size() == 2) {
      loop.from = expr(c->expr(0));
      loop.to = expr(c->expr(1));
    } else {
      loop.over = expr(c->expr(0));
    }
    loop.body = block(c->block());
    out.node = std::move(loop);
  } else if (auto* c = as<P::WhileStmtContext>(ctx)) {
    out.node = syntax::WhileStmt{expr(c->expr(0)), c->MAX() ? expr(c->expr(1)) : nullptr, block(c->block())};
  } else if (auto* c = as<P::MatchStmtContext>(ctx)) {
    syntax::MatchStmt match{expr(c->expr()), {}};
    for (auto* a : c->matchArm()) {
      syntax::MatchArm arm{{}, span(a), block(a->block())};
      for (auto* p : a->pattern()) arm.patterns.push_back({expr(p->expr(0)), optional_expr(p->expr(1))});
      match.arms.push_back(std::move(arm));
    }
    out.node = std::move(match);
  } else if (as<P::BreakStmtContext>(ctx)) {
    out.node = syntax::BreakStmt{};
  } else if (as<P::ContinueStmtContext>(ctx)) {
    out.node = syntax::ContinueStmt{};
  } else if (auto* c = as<P::ReturnStmtContext>(ctx)) {
    out.node = syntax::ReturnStmt{optional_expr(c->expr())};
  } else {
    return std::nullopt;
  }
  return out;
}

// ---- Expressions
// -------------------------------------------------------------------------------------------------------

syntax::ExprPtr TreeBuilder::expr(P::ExprContext* ctx) {
  auto out = std::make_unique<syntax::Expr>();
  out->node = syntax::ErrorExpr{};
  if (!ctx) return out;
  out->span = span(ctx);
  if (is_broken(ctx)) return out;
  if (depth_ == 0) too_deep_ = false;
  if (depth_ >= kMaxExpressionDepth) {
    if (std::exchange(too_deep_, true)) return out;
    reader_.diagnostics.add(Code::TooDeep, out->span,
                            "this expression chains more than " + std::to_string(kMaxExpressionDepth) + " operators",
                            "name a part of it with let");
    return out;
  }
  ++depth_;
  expr_node(ctx, *out);
  --depth_;
  return out;
}

void TreeBuilder::expr_node(P::ExprContext* ctx, syntax::Expr& out) {
  if (auto* c = as<P::PrimaryExprContext>(ctx)) {
    if (!is_broken(c->primary())) primary(c->primary(), out);
  } else if (auto* c = as<P::BinaryExprContext>(ctx)) {
    if (auto* minus = as<P::UnaryExprContext>(c->expr(1)); minus && c->op->getType() == minus->op->getType() &&
                                                           c->op->getStopIndex() + 1 == minus->op->getStartIndex() &&
                                                           minus->op->getText() == "-" && minus->expr()) {
      // `n--`, and the statement below it; or a comment of SQL.
      bool counts_down = minus->expr()->getStart()->getLine() > minus->op->getLine();
      Span place = join(span(c->op), span(minus->op));
      reader_.error_places.push_back(place);
      reader_.diagnostics.add(Code::ForeignOperator, place, "'--' is not an operator here",
                              counts_down ? "write x = x - 1" : "a comment begins with '//'; write a - (-b)");
      return;
    }
    out.node = syntax::BinaryExpr{binary_op(c->op->getText()), span(c->op), expr(c->expr(0)), expr(c->expr(1))};
  } else if (auto* c = as<P::MemberExprContext>(ctx)) {
    out.node = syntax::MemberExpr{expr(c->expr()), any_word(c->anyWord())};
  } else if (auto* c = as<P::CallExprContext>(ctx)) {
    out.node = call(c);
  } else if (auto* c = as<P::IndexExprContext>(ctx)) {
    out.node = syntax::IndexExpr{expr(c->expr(0)), expr(c->expr(1)), optional_expr(c->expr(2))};
  } else if (auto* c = as<P::UnaryExprContext>(ctx)) {
    std::size_t type = c->op->getType();
    auto op = type == Lexer::NOT        ? syntax::UnaryOp::Not
              : c->op->getText() == "~" ? syntax::UnaryOp::BitNot
                                        : syntax::UnaryOp::Negate;
    out.node = syntax::UnaryExpr{op, expr(c->expr())};
  } else if (auto* c = as<P::ToUnitExprContext>(ctx)) {
    syntax::UnitText target = unit(c->unit());
    if (c->NUMBER()) target = {c->NUMBER()->getText(), span(c->NUMBER()->getSymbol())};
    out.node = syntax::ToUnitExpr{expr(c->expr()), std::move(target)};
  } else if (auto* c = as<P::IsMissingExprContext>(ctx)) {
    out.node = syntax::IsMissingExpr{expr(c->expr())};
  }
}

syntax::CallExpr TreeBuilder::call(P::CallExprContext* ctx) { return {expr(ctx->expr()), arguments(ctx->argument())}; }

std::vector<syntax::Argument> TreeBuilder::arguments(const std::vector<P::ArgumentContext*>& written) {
  std::vector<syntax::Argument> out;
  for (auto* a : written) {
    std::optional<syntax::Name> label;
    if (a->anyWord()) label = any_word(a->anyWord());
    out.push_back({std::move(label), expr(a->expr())});
  }
  return out;
}

void TreeBuilder::primary(P::PrimaryContext* ctx, syntax::Expr& out) {
  if (auto* c = as<P::NumberContext>(ctx)) {
    out.node = quantity(c->NUMBER()->getSymbol());
  } else if (auto* c = as<P::QuantityContext>(ctx)) {
    out.node = quantity(c->QUANTITY()->getSymbol());
  } else if (auto* c = as<P::TextContext>(ctx)) {
    out.node = text(c->TEXT()->getSymbol());
  } else if (auto* c = as<P::BoolContext>(ctx)) {
    out.node = syntax::BoolExpr{c->TRUE() != nullptr};
  } else if (as<P::MissingContext>(ctx)) {
    out.node = syntax::MissingExpr{};
  } else if (auto* c = as<P::NameRefContext>(ctx)) {
    out.node = syntax::NameExpr{c->getStart()->getText()};
  } else if (auto* c = as<P::ParenthesisContext>(ctx)) {
    syntax::ExprPtr inner = expr(c->expr());
    out.node = std::move(inner->node);  // the span keeps the parentheses
  } else if (auto* c = as<P::ArrayLiteralContext>(ctx)) {
    syntax::ArrayExpr array;
    for (auto* e : c->expr()) array.elements.push_back(expr(e));
    out.node = std::move(array);
  } else if (auto* c = as<P::ArrayFillContext>(ctx)) {
    out.node = syntax::FillExpr{expr(c->expr(0)), expr(c->expr(1))};
  }
}

// "80 °C" → 80 and °C. What ANTLR's token holds is cut where the number's own letters end.
syntax::NumberExpr TreeBuilder::quantity(antlr4::Token* token) {
  std::string text = token->getText();
  std::size_t end = 0;
  auto is_digit = [&](std::size_t i) { return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])); };
  if (text.starts_with("0x") || text.starts_with("0b")) {
    end = 2;
    while (end < text.size() && (std::isxdigit(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
  } else {
    while (is_digit(end) || (end < text.size() && (text[end] == '_' || (text[end] == '.' && is_digit(end + 1))))) ++end;
    if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
      std::size_t digits = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-') ? end + 2 : end + 1;
      if (is_digit(digits)) {
        for (end = digits; is_digit(end);) ++end;
      }
    }
  }
  std::size_t unit = end;
  while (unit < text.size() && (text[unit] == ' ' || text[unit] == '\t')) ++unit;
  syntax::NumberExpr number{text.substr(0, end), std::nullopt};
  std::erase(number.text, '_');
  if (unit < text.size()) {
    Span whole = span(token);
    auto skipped = static_cast<std::uint32_t>(unit);  // digits and blanks: a byte each
    number.unit = syntax::UnitText{
        text.substr(unit), {whole.line, whole.column + skipped, whole.offset + skipped, whole.length - skipped}};
  }
  return number;
}

// ---- Texts
// -------------------------------------------------------------------------------------------------------------

syntax::ExprPtr TreeBuilder::text_expr(antlr4::Token* token) {
  auto out = std::make_unique<syntax::Expr>();
  out->span = span(token);
  out->node = text(token);
  return out;
}

// A title: its literal characters; an interpolation has nothing to read there.
std::string TreeBuilder::plain_text(antlr4::Token* token) {
  std::string out;
  for (syntax::TextPart& part : text(token).parts) {
    out += part.literal;
    if (part.expr) {
      reader_.diagnostics.add(Code::UnexpectedToken, part.span, "a value cannot be part of a title",
                              "write \\{ for a brace");
    }
  }
  return out;
}

syntax::TextExpr TreeBuilder::text(antlr4::Token* token) {
  syntax::TextExpr out;
  std::string raw = token->getText();
  std::string literal;
  std::size_t character = 0;  // of raw[i], within the token
  auto advance = [&](std::size_t& i) {
    do {
      ++i;
    } while (i < raw.size() && (static_cast<unsigned char>(raw[i]) & 0xC0) == 0x80);
    ++character;
  };
  auto place = [&](std::size_t from, std::size_t to) {
    return reader_.span(token->getStartIndex() + from, token->getStartIndex() + to, token->getLine(),
                        token->getCharPositionInLine() + from);
  };
  auto flush = [&] {
    if (literal.empty()) return;
    out.parts.emplace_back();
    out.parts.back().literal = std::move(literal);
    literal.clear();
  };
  std::size_t i = 0;
  advance(i);  // the opening quote
  while (i + 1 < raw.size()) {
    if (raw[i] == '\\') {
      static constexpr std::string_view kNames = "nt\\\"{}", kValues = "\n\t\\\"{}";
      if (auto known = kNames.find(raw[i + 1]); known != std::string_view::npos) {
        literal += kValues[known];
      } else {
        reader_.diagnostics.add(Code::BadEscape, place(character, character + 2), "there is no such escape",
                                "write \\\\ for a backslash");
      }
      advance(i);
      advance(i);
    } else if (raw[i] == '{') {
      flush();
      std::size_t open = character, begin = i + 1, depth = 0;
      bool quoted = false;
      do {
        if (raw[i] == '\\' && quoted)
          advance(i);
        else if (raw[i] == '"')
          quoted = !quoted;
        else if (raw[i] == '{' && !quoted)
          ++depth;
        else if (raw[i] == '}' && !quoted)
          --depth;
        advance(i);
      } while (depth > 0 && i + 1 < raw.size());
      syntax::TextPart part;
      part.span = place(open, character);
      parse_interpolation(reader_, std::string_view(raw).substr(begin, i - 1 - begin),
                          reader_.base_character + token->getStartIndex() + open + 1, part.span.line, part.span.column,
                          part);
      out.parts.push_back(std::move(part));
    } else {
      std::size_t begin = i;
      advance(i);
      literal += raw.substr(begin, i - begin);
    }
  }
  flush();
  return out;
}

void TreeBuilder::interpolation(P::InterpolationContext* ctx, syntax::TextPart& part) {
  part.expr = expr(ctx->expr());
  auto* format = ctx->format();
  if (is_broken(format)) return;
  auto* digits = format->NUMBER() ? format->NUMBER() : format->QUANTITY();
  if (format->unit()) part.unit = unit(format->unit());
  if (!digits) return;
  syntax::NumberExpr number = quantity(digits->getSymbol());
  part.unit = number.unit;
  bool is_count =
      number.text.size() <= 2 && std::ranges::all_of(number.text, [](unsigned char c) { return std::isdigit(c); });
  if (is_count && std::stoi(number.text) <= 17) {
    part.precision = std::stoi(number.text);
  } else {
    reader_.diagnostics.add(Code::BadFormat, span(digits->getSymbol()),
                            "'." + number.text + "' is not a number of digits",
                            "0 to 17 digits can stand behind the point");
  }
}

}  // namespace eyeflow::compiler::parse_detail
