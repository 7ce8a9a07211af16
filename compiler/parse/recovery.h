#pragma once

#include "compiler/parse/build_tree.h"

namespace eyeflow::compiler::parse_detail {

// How the parser goes on after a mistake. A mistake inside a statement, declaration or test step gives that one up:
// nothing is guessed inside it, and reading goes on where the next one starts. Lines matter here, though not in the
// grammar, because people start a statement on a new line.
//
// A '}' that is missing before a declaration is put in, so that a forgotten brace costs one message.
class Recovery : public antlr4::DefaultErrorStrategy {
 public:
  explicit Recovery(const Reader& reader) : reader_(reader) {}

  void sync(antlr4::Parser* parser) override;
  void recover(antlr4::Parser* parser, std::exception_ptr e) override;
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& e) override;

 private:
  bool closes_by_itself(antlr4::Parser* parser);
  void report_missing_brace(antlr4::Parser* parser);
  void skip_comment(antlr4::Parser* parser);
  void skip_to_next(antlr4::Parser* parser, std::size_t rule);

  const Reader& reader_;
  bool brace_put_in_ = false;          // the exception under way only leaves a block
  std::size_t last_index_ = SIZE_MAX;  // where the last recovery ended; the next one must come further
};

}  // namespace eyeflow::compiler::parse_detail
