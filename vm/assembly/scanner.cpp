#include "vm/assembly/scanner.h"

#include <charconv>

#include "vm/assembly/text.h"

namespace eyeflow::vm::assembly {
namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c) || c == '.'; }

std::optional<int> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

}  // namespace

Cursor::Cursor(std::string_view text) {
  for (int number = 1; !text.empty() && ok(); ++number) {
    const std::size_t end = text.find('\n');
    scan(text.substr(0, end), number);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  rewind();
}

void Cursor::scan(std::string_view line, int number) {
  Line row{.number = number, .tokens = {}};
  lines_.push_back(std::move(row));
  line_ = lines_.size() - 1;
  std::vector<Token>& tokens = lines_.back().tokens;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    const std::string_view rest = line.substr(at);
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
    } else if (rest.starts_with("//")) {
      break;
    } else if (c == '"') {
      std::string text;
      if (!scan_text(line, at, text))
        return refuse("a text must end with \" on its line; inside it only \\\" \\\\ \\n \\t \\xNN may follow a \\");
      tokens.push_back({TokenKind::Text, std::move(text)});
    } else if (is_digit(c) || (c == '-' && rest.size() > 1 && (is_digit(rest[1]) || rest.starts_with("-inf")))) {
      std::size_t end = at + 1;
      const auto is_exponent_sign = [&] {
        return (line[end] == '+' || line[end] == '-') && line[end - 1] == 'e' && !rest.starts_with("0x");
      };
      while (end < line.size() && (is_name_part(line[end]) || is_exponent_sign())) ++end;
      tokens.push_back({TokenKind::Number, std::string(line.substr(at, end - at))});
      at = end;
    } else if (is_name_start(c)) {
      std::size_t end = at;
      while (end < line.size() && is_name_part(line[end])) ++end;
      tokens.push_back({TokenKind::Word, std::string(line.substr(at, end - at))});
      at = end;
    } else {
      const bool two = rest.starts_with("->") || rest.starts_with("<=");
      if (!two && std::string_view("()[],:;=@#!-").find(c) == std::string_view::npos)
        return refuse("the character '" + std::string(1, c) + "' has no meaning here");
      tokens.push_back({TokenKind::Sign, std::string(rest.substr(0, two ? 2 : 1))});
      at += two ? 2 : 1;
    }
  }
  if (tokens.empty()) lines_.pop_back();
}

bool Cursor::scan_text(std::string_view line, std::size_t& at, std::string& out) {
  for (++at; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] != '\\') {
      out += line[at];
      continue;
    }
    if (++at == line.size()) return false;
    const char c = line[at];
    if (c == 'n')
      out += '\n';
    else if (c == 't')
      out += '\t';
    else if (c == '"' || c == '\\')
      out += c;
    else if (c == 'x' && at + 2 < line.size() && hex_digit(line[at + 1]) && hex_digit(line[at + 2])) {
      out += static_cast<char>(*hex_digit(line[at + 1]) * 16 + *hex_digit(line[at + 2]));
      at += 2;
    } else
      return false;
  }
  if (at == line.size()) return false;
  ++at;
  return true;
}

const Token* Cursor::token() const {
  if (!ok() || line_ >= lines_.size() || at_ >= lines_[line_].tokens.size()) return nullptr;
  return &lines_[line_].tokens[at_];
}

bool Cursor::next_line() {
  at_ = 0;
  ++line_;
  return ok() && line_ < lines_.size();
}

void Cursor::end_line() {
  if (!at_end()) refuse("the line should end here, before " + found());
}

bool Cursor::sees(TokenKind kind, std::string_view text) const {
  const Token* t = token();
  return t != nullptr && t->kind == kind && t->text == text;
}

bool Cursor::take(TokenKind kind, std::string_view text) {
  if (!sees(kind, text)) return false;
  ++at_;
  return true;
}

bool Cursor::take_signs(std::string_view signs) {
  const std::size_t start = at_;
  for (const char sign : signs) {
    if (take_sign({&sign, 1})) continue;
    at_ = start;
    return false;
  }
  return true;
}

void Cursor::expect_sign(std::string_view sign) {
  if (!take_sign(sign)) refuse("'" + std::string(sign) + "' belongs here, not " + found());
}

bool Cursor::sees_name() const {
  const Token* t = token();
  return t != nullptr && (t->kind == TokenKind::Word || t->kind == TokenKind::Text);
}

std::string Cursor::name(const char* what) {
  if (sees_name()) return lines_[line_].tokens[at_++].text;
  refuse(std::string(what) + " belongs here, not " + found());
  return {};
}

std::string Cursor::word(const char* what) {
  if (token() != nullptr && token()->kind == TokenKind::Word) return lines_[line_].tokens[at_++].text;
  refuse(std::string(what) + " belongs here, not " + found());
  return {};
}

std::string Cursor::any(const char* what) {
  if (token() != nullptr) return lines_[line_].tokens[at_++].text;
  refuse(std::string(what) + " belongs here, not " + found());
  return {};
}

std::uint64_t Cursor::number(const char* what, std::uint64_t most) {
  const Token* t = token();
  const auto value = t != nullptr && t->kind == TokenKind::Number ? parse_unsigned(t->text) : std::nullopt;
  if (!value || *value > most) {
    refuse(std::string(what) + ", a number from 0 to " + std::to_string(most) + ", belongs here, not " + found());
    return 0;
  }
  ++at_;
  return *value;
}

std::int64_t Cursor::signed_number(const char* what) {
  const Token* t = token();
  std::int64_t value = 0;
  if (t != nullptr && t->kind == TokenKind::Number) {
    const auto [end, error] = std::from_chars(t->text.data(), t->text.data() + t->text.size(), value);
    if (error == std::errc{} && end == t->text.data() + t->text.size()) {
      ++at_;
      return value;
    }
  }
  refuse(std::string(what) + ", a whole number, belongs here, not " + found());
  return 0;
}

std::string Cursor::found() const {
  const Token* t = token();
  return t == nullptr ? "the end of the line" : "'" + t->text + "'";
}

void Cursor::refuse(const std::string& why) {
  if (!ok()) return;
  const bool in_text = line_ < lines_.size();
  error_ = (in_text ? "line " + std::to_string(lines_[line_].number) : std::string("the end of the text")) + ": " + why;
}

}  // namespace eyeflow::vm::assembly
