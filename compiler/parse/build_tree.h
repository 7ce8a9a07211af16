#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "antlr4-runtime.h"
// ANTLR's headers define nothing we use as a macro; the generated ones must follow its runtime.
#include "EyeFlowParser.h"
#include "compiler/parse/reader.h"
#include "compiler/syntax/tree.h"

namespace eyeflow::compiler::parse_detail {

using P = grammar::EyeFlowParser;

// From ANTLR's contexts to the syntax tree. After a syntax error any child of a context may be absent: what is missing
// becomes a null pointer or an ErrorExpr, and nothing is reported twice.
class TreeBuilder {
 public:
  TreeBuilder(const Reader& reader, antlr4::CommonTokenStream& tokens) : reader_(reader), tokens_(tokens) {}

  syntax::File file(P::FileContext* ctx);
  // An interpolation's expression and format; `part.span` is set.
  void interpolation(P::InterpolationContext* ctx, syntax::TextPart& part);

 private:
  // Declarations (build_declarations.cpp)
  syntax::TaskDecl task(P::TaskDeclContext* ctx);
  syntax::TestDecl test(P::TestDeclContext* ctx);
  std::optional<syntax::TestStep> test_step(P::TestStepContext* ctx);
  std::optional<syntax::TestFile> test_file(antlr4::tree::TerminalNode* path);
  // [at T] expect C [within D], and never alike.
  template <typename Context>
  void expectation(Context* ctx, syntax::TestStep& step) {
    std::size_t next = 0;
    if (ctx->AT()) step.at = expr(ctx->expr(next++));
    step.value = expr(ctx->expr(next++));
    if (ctx->WITHIN()) step.within = expr(ctx->expr(next));
  }
  std::optional<syntax::Decl> declaration(P::DeclContext* ctx);
  syntax::InputDecl input(P::InputDeclContext* ctx);
  void bad_form(P::InputOptionContext* ctx, syntax::InputDecl& input);
  syntax::RecordDecl record(P::RecordDeclContext* ctx);
  syntax::OutputDecl output(P::OutputDeclContext* ctx);
  syntax::AlarmDecl alarm(P::AlarmDeclContext* ctx);
  void alarm_option(P::AlarmOptionContext* ctx, syntax::AlarmDecl& alarm);
  syntax::FunctionDecl function(P::FunctionDeclContext* ctx);
  syntax::HandlerDecl handler(P::HandlerDeclContext* ctx);
  void trigger(P::TriggerContext* ctx, syntax::HandlerDecl& handler);
  std::vector<syntax::LogField> fields(P::FieldsContext* ctx);
  std::string doc_above(antlr4::ParserRuleContext* ctx);
  // Reports a second clause of one kind; true when this is the first.
  bool first(bool absent, antlr4::ParserRuleContext* clause, const char* words);

  // Types and units (build_declarations.cpp)
  syntax::TypePtr type(P::TypeContext* ctx);
  syntax::TypePtr plain_type(P::PlainTypeContext* ctx);
  syntax::UnitText unit(P::UnitContext* ctx);

  // Statements and expressions (build_expressions.cpp)
  syntax::Block block(P::BlockContext* ctx);
  std::optional<syntax::Stmt> statement(P::StatementContext* ctx);
  bool is_stray_word(P::StatementContext* ctx, P::StatementContext* next);
  bool is_foreign_value(P::StatementContext* ctx, P::StatementContext* next);
  syntax::IfArm if_arm(P::IfArmContext* ctx);
  syntax::ExprPtr expr(P::ExprContext* ctx);
  syntax::ExprPtr optional_expr(P::ExprContext* ctx) { return ctx ? expr(ctx) : nullptr; }
  void expr_node(P::ExprContext* ctx, syntax::Expr& out);
  void primary(P::PrimaryContext* ctx, syntax::Expr& out);
  syntax::CallExpr call(P::CallExprContext* ctx);
  std::vector<syntax::Argument> arguments(const std::vector<P::ArgumentContext*>& written);
  syntax::NumberExpr quantity(antlr4::Token* token);
  syntax::TextExpr text(antlr4::Token* token);
  syntax::ExprPtr text_expr(antlr4::Token* token);
  std::string plain_text(antlr4::Token* token);

  syntax::Name name(P::NameContext* ctx);
  syntax::Name any_word(P::AnyWordContext* ctx);
  std::optional<syntax::Name> optional_name(P::NameContext* ctx);
  Span span(antlr4::ParserRuleContext* ctx) const;
  Span span(antlr4::Token* token) const;
  std::string source_text(const Span& span) const {
    return std::string(reader_.source.substr(span.offset, span.length));
  }
  bool is_broken(antlr4::ParserRuleContext* ctx) const { return !ctx || ctx->exception != nullptr; }

  const Reader& reader_;
  antlr4::CommonTokenStream& tokens_;
  std::size_t depth_ = 0;
  bool too_deep_ = false;  // one expression is reported once, not each branch that goes too deep
};

// Parses the inside of one interpolation: `text` are the characters between the braces.
void parse_interpolation(const Reader& reader, std::string_view text, std::size_t first_character, std::size_t line,
                         std::size_t column, syntax::TextPart& part);

inline Span span_of(const Reader& reader, antlr4::Token* token) {
  bool is_end = token->getType() == antlr4::Token::EOF;
  return reader.span(token->getStartIndex(), is_end ? token->getStartIndex() : token->getStopIndex() + 1,
                     token->getLine(), token->getCharPositionInLine());
}

// Turns ANTLR's reports into diagnostics: one a line, in the author's words.
class SyntaxErrors : public antlr4::BaseErrorListener {
 public:
  explicit SyntaxErrors(const Reader& reader) : reader_(reader) {}
  void syntaxError(antlr4::Recognizer* recognizer, antlr4::Token* token, std::size_t line, std::size_t column,
                   const std::string& message, std::exception_ptr e) override;

 private:
  const Reader& reader_;
  std::size_t last_line_ = 0;
};

}  // namespace eyeflow::compiler::parse_detail
