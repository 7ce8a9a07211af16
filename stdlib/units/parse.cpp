#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "stdlib/units/table.h"

namespace eyeflow::stdlib {
namespace {

constexpr std::size_t kMaxBytes = 120;
constexpr int kMaxDepth = 8;
constexpr int kMaxExponent = 9;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// product := power (('*' | '/') power)*     power := atom ('^' '-'? digit)?     atom := symbol | '1' | '(' product ')'
class Parser {
 public:
  Parser(std::string_view written, std::string_view text, const OwnUnits& own)
      : written_(written), text_(text), own_(own) {}

  Result<Unit> run() {
    auto unit = product(0);
    if (!unit) return unit;
    if (at_ < text_.size())
      return wrong(text_[at_] == ')' ? "has a ')' without a '('"
                                     : "does not end as a unit; join factors by '*' or '/'");
    return unit;
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return fail("'" + std::string(written_) + "' " + std::string(what));
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Result<Unit> product(int depth) {
    if (depth > kMaxDepth) return wrong("has too many parentheses");
    auto unit = raised(depth);
    for (bool divided = false; unit;) {
      const bool times = take('*');
      if (!times && !take('/')) break;
      // a/b*c is read in two ways by people, so it is in none here. a/b/c is a/(b*c) to everybody.
      if (times && divided)
        return wrong("can be read in two ways: put what is below the '/' in parentheses, as in W/(m*K)");
      divided = divided || !times;
      auto right = raised(depth);
      if (!right) return right;
      if (const Unit* point = unit->is_point ? &*unit : right->is_point ? &*right : nullptr) return in_compound(*point);
      unit = times ? multiply(*unit, *right) : divide(*unit, *right);
    }
    return unit;
  }

  Result<Unit> raised(int depth) {
    auto unit = atom(depth);
    if (!unit || !take('^')) return unit;
    const bool negative = take('-');
    int exponent = 0;
    const std::size_t begin = at_;
    for (; at_ < text_.size() && is_digit(text_[at_]) && exponent <= kMaxExponent; ++at_)
      exponent = exponent * 10 + (text_[at_] - '0');
    if (at_ == begin) return wrong("lacks a whole number after '^'");
    if (exponent < 1 || exponent > kMaxExponent) return wrong("has an exponent outside -9 .. 9, or 0");
    if (unit->is_point) return in_compound(*unit);
    return power(*unit, negative ? -exponent : exponent);
  }

  Result<Unit> atom(int depth) {
    if (take('(')) {
      auto unit = product(depth + 1);
      if (unit && !take(')')) return wrong("lacks a ')'");
      return unit;
    }
    if (take('%')) return *units::find_symbol("%");
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '_')) ++at_;
    const std::string_view symbol = text_.substr(begin, at_ - begin);
    if (symbol == "1") return units::plain();
    if (symbol.empty())
      return wrong(at_ == text_.size() ? "ends where a unit is expected" : "has an operator where a unit is expected");
    if (auto unit = units::find_symbol(symbol)) return *unit;
    if (auto unit = own_ ? own_(symbol) : std::nullopt) return *unit;
    return unknown(symbol);
  }

  std::unexpected<Error> in_compound(const Unit& point) const {
    return wrong("has '" + point.text + "' in a product; a point of a scale has no product: write '" +
                 difference_unit(point).text + "', the unit of differences");
  }

  std::unexpected<Error> unknown(std::string_view symbol) const {
    if (symbol == "pH") return wrong("is not a unit: a pH is a plain number");
    if (symbol == "in") return wrong("is not a unit here; write 'inch'");
    std::string what =
        symbol == text_ ? "is not a unit" : "has '" + std::string(symbol) + "' in it, which is not a unit";
    if (const auto meant = suggest_unit(written_)) return wrong(what + "; did you mean '" + *meant + "'?");
    return wrong(what + "; docs/units.md lists them all");
  }

  std::string_view written_, text_;
  const OwnUnits& own_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Unit> parse_unit(std::string_view text) { return parse_unit(text, {}); }

Result<Unit> define_unit(std::string_view symbol, std::string_view number, const Unit& of) {
  if (of.is_point)
    return fail("'" + of.text + "' is a point of a scale, which has no multiple; write " + difference_unit(of).text);
  // digits * 10^tens, exactly as written
  std::int64_t digits = 0;
  int tens = 0, exponent = 0;
  bool behind_point = false;
  std::size_t at = 0;
  for (; at < number.size() && (is_digit(number[at]) || number[at] == '.'); ++at) {
    if (number[at] == '.') {
      behind_point = true;
      continue;
    }
    if (digits > (INT64_MAX - 9) / 10)
      return fail("'" + std::string(number) + "' has more digits than a unit can have");
    digits = digits * 10 + (number[at] - '0');
    tens -= behind_point;
  }
  if (at < number.size() && (number[at] == 'e' || number[at] == 'E')) {
    const bool negative = ++at < number.size() && number[at] == '-';
    if (at < number.size() && (number[at] == '-' || number[at] == '+')) ++at;
    for (; at < number.size() && is_digit(number[at]) && exponent < 1000; ++at)
      exponent = exponent * 10 + (number[at] - '0');
    if (negative) exponent = -exponent;
  }
  if (at < number.size() || digits == 0) return fail("'" + std::string(number) + "' is no number above zero");
  if (std::abs(tens + exponent) > 60) return fail("'" + std::string(number) + "' is too large or too small for a unit");
  const auto factor = multiply(scale(digits, 1, tens + exponent), of.scale);
  if (!factor) return fail("'" + std::string(number) + " " + of.text + "' is too large or too small for a unit");
  return Unit{.text = std::string(symbol),
              .terms = {{std::string(symbol), 1}},
              .dimension = of.dimension,
              .scale = *factor,
              .zero = {}};
}

Result<Unit> parse_unit(std::string_view text, const OwnUnits& own) {
  if (text.empty()) return fail("'' is no unit; for a plain number write '1'");
  if (text.size() > kMaxBytes) return fail("'" + std::string(text.substr(0, 20)) + "…' is too long for a unit");
  const auto normalized = units::normalize(text);
  if (!normalized) {
    const bool blank = std::ranges::any_of(text, [](char c) { return c == ' ' || c == '\t'; });
    return fail("'" + std::string(text) +
                (blank ? "' has a blank in it; units are written without"
                       : "' has a character in it that no unit has; docs/units.md lists them all"));
  }
  return Parser(text, *normalized, own).run();
}

}  // namespace eyeflow::stdlib
