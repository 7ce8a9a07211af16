#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Assembly text as lines of tokens, and a cursor that reads them and keeps the first mistake.
namespace eyeflow::vm::assembly {

enum class TokenKind : std::uint8_t {
  Word,    // a plain name, a mnemonic, a keyword
  Number,  // 12, -3, 1.5e3, 0x1f
  Text,    // "…", without quotes, escapes resolved
  Sign,    // one of ( ) [ ] , : ; = @ # ! - -> <=
};

struct Token {
  TokenKind kind;
  std::string text;
};

struct Line {
  int number = 0;  // from 1
  std::vector<Token> tokens;
};

// Reads one line after the other; after a mistake everything reads as empty, so that callers need few branches.
class Cursor {
 public:
  explicit Cursor(std::string_view text);

  bool next_line();  // false at the end and after a mistake
  void rewind() { line_ = kBeforeFirst; }
  void end_line();  // a mistake when tokens are left

  bool at_end() const { return token() == nullptr; }
  bool sees(TokenKind kind, std::string_view text) const;
  bool take(TokenKind kind, std::string_view text);  // only when it stands there
  bool take_word(std::string_view word) { return take(TokenKind::Word, word); }
  bool take_sign(std::string_view sign) { return take(TokenKind::Sign, sign); }
  bool take_signs(std::string_view signs);  // several of one character, all or none
  void expect_sign(std::string_view sign);
  bool sees_name() const;  // a word or a text
  bool sees_text() const { return token() != nullptr && token()->kind == TokenKind::Text; }
  std::string name(const char* what);  // a word or a text
  std::string word(const char* what);
  std::string any(const char* what);  // the text of any token
  std::uint64_t number(const char* what, std::uint64_t most);
  std::int64_t signed_number(const char* what);

  void refuse(const std::string& why);  // at this line
  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }

 private:
  static constexpr std::size_t kBeforeFirst = static_cast<std::size_t>(-1);
  const Token* token() const;
  void scan(std::string_view line, int number);
  bool scan_text(std::string_view line, std::size_t& at, std::string& out);
  std::string found() const;

  std::vector<Line> lines_;
  std::size_t line_ = kBeforeFirst, at_ = 0;
  std::string error_;
};

}  // namespace eyeflow::vm::assembly
