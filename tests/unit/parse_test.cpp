#include "compiler/parse/parse.h"

#include <gtest/gtest.h>

#include <string>

namespace eyeflow::compiler {
namespace {

using namespace syntax;

std::string codes(const ParseResult& result) {
  std::string out;
  for (const Diagnostic& d : result.diagnostics.all()) {
    out += (out.empty() ? "" : " ") + std::string(kind_of(d.code).id) + "@" + std::to_string(d.span.line) + ":" +
           std::to_string(d.span.column);
  }
  return out;
}

// The value of `let x = …` in a handler.
struct Parsed {
  ParseResult result;
  const Expr* value = nullptr;
};
Parsed parse_value(const std::string& expression) {
  Parsed out{parse("task t {\n on start {\n let x = " + expression + "\n }\n}\n", "t.eft"), nullptr};
  if (out.result.file.tasks.empty() || out.result.file.tasks[0].declarations.empty()) return out;
  const auto& handler = std::get<HandlerDecl>(out.result.file.tasks[0].declarations[0].node);
  if (!handler.body.statements.empty()) {
    out.value = std::get<LetStmt>(handler.body.statements[0].node).value.get();
  }
  return out;
}

// The shape of an expression with all its parentheses.
std::string shape(const Expr& e) {
  static const char* const kOps[] = {"+",  "-",  "*", "/",  "mod", "&",  "|",   "^",  "<<", ">>",
                                     "==", "!=", "<", "<=", ">",   ">=", "and", "or", "??"};
  if (auto* n = std::get_if<NumberExpr>(&e.node)) return n->text + (n->unit ? "'" + n->unit->text + "'" : "");
  if (auto* n = std::get_if<NameExpr>(&e.node)) return n->name;
  if (auto* n = std::get_if<BoolExpr>(&e.node)) return n->value ? "true" : "false";
  if (std::get_if<MissingExpr>(&e.node)) return "missing";
  if (auto* n = std::get_if<UnaryExpr>(&e.node)) {
    return std::string(n->op == UnaryOp::Not ? "not " : n->op == UnaryOp::Negate ? "-" : "~") + shape(*n->operand);
  }
  if (auto* n = std::get_if<BinaryExpr>(&e.node)) {
    return "(" + shape(*n->left) + " " + kOps[static_cast<int>(n->op)] + " " + shape(*n->right) + ")";
  }
  if (auto* n = std::get_if<MemberExpr>(&e.node)) return shape(*n->object) + "." + n->member.text;
  if (auto* n = std::get_if<IndexExpr>(&e.node)) return shape(*n->object) + "[" + shape(*n->index) + "]";
  if (auto* n = std::get_if<ToUnitExpr>(&e.node)) return shape(*n->object) + ".to'" + n->unit.text + "'";
  if (auto* n = std::get_if<IsMissingExpr>(&e.node)) return "(" + shape(*n->operand) + " is missing)";
  if (auto* n = std::get_if<CallExpr>(&e.node)) {
    std::string out = shape(*n->callee) + "(";
    for (const Argument& a : n->arguments) out += (a.label ? a.label->text + ": " : "") + shape(*a.value) + ",";
    return out + ")";
  }
  if (std::get_if<ErrorExpr>(&e.node)) return "error";
  return "?";
}

std::string shape_of(const std::string& expression) {
  Parsed p = parse_value(expression);
  if (!p.result.diagnostics.all().empty()) return "refused: " + codes(p.result);
  return p.value ? shape(*p.value) : "nothing";
}

TEST(Parse, Precedence) {
  EXPECT_EQ(shape_of("a + b * c - d"), "((a + (b * c)) - d)");
  EXPECT_EQ(shape_of("not a == b and c or d"), "((not (a == b) and c) or d)");
  EXPECT_EQ(shape_of("a & b == c"), "((a & b) == c)");
  EXPECT_EQ(shape_of("a | b ^ c & d << 2"), "(a | (b ^ (c & (d << 2))))");
  EXPECT_EQ(shape_of("-a.b[1] * 2"), "(-a.b[1] * 2)");
  EXPECT_EQ(shape_of("x ?? 0 > 5"), "((x ?? 0) > 5)");
  EXPECT_EQ(shape_of("not x is missing"), "not (x is missing)");
  EXPECT_EQ(shape_of("a - b - c"), "((a - b) - c)");
  EXPECT_EQ(shape_of("f(1, at: g(x).y).to(m/s)"), "f(1,at: g(x,).y,).to'm/s'");
}

TEST(Parse, UnitsBelongToNumbersAndNotToNames) {
  EXPECT_EQ(shape_of("limit - 2 K"), "(limit - 2'K')");
  EXPECT_EQ(shape_of("x * 2 s"), "(x * 2's')");
  EXPECT_EQ(shape_of("2 min + min"), "(2'min' + min)");
  EXPECT_EQ(shape_of("s * h / V"), "((s * h) / V)");
  EXPECT_EQ(shape_of("0.5 m/s²"), "0.5'm/s²'");
  EXPECT_EQ(shape_of("2 s * y"), "(2's' * y)");
  EXPECT_EQ(shape_of("50% + 5 %/(K*s)"), "(50'%' + 5'%/(K*s)')");
  EXPECT_EQ(shape_of("80°C > 1e3 kW*h"), "(80'°C' > 1e3'kW*h')");
  EXPECT_EQ(shape_of("1.5e-3 and 5 or 6 mod 7"), "((1.5e-3 and 5) or (6 mod 7))");
  EXPECT_EQ(shape_of("2 m^-2 * 0x1F"), "(2'm^-2' * 0x1F)");
  EXPECT_EQ(shape_of("1_000_000 ppm"), "1000000'ppm'");
}

TEST(Parse, AUnitDoesNotReachOverTheEndOfTheLine) {
  ParseResult r = parse("task t {\n on start {\n x = 5\n s = 6\n return\n x = 7\n }\n}\n", "t.eft");
  EXPECT_EQ(codes(r), "");
  const auto& handler = std::get<HandlerDecl>(r.file.tasks.at(0).declarations.at(0).node);
  ASSERT_EQ(handler.body.statements.size(), 4u);
  EXPECT_EQ(std::get<ReturnStmt>(handler.body.statements[2].node).value, nullptr);
}

TEST(Parse, WordsOfOnePlaceStayNames) {
  EXPECT_EQ(shape_of("at + value + log(max(stale, 2)) + switch"), "(((at + value) + log(max(stale,2,),)) + switch)");
  ParseResult r = parse(
      "task t {\n input every : f64 every 2 s\n every 10 s { }\n at \"06:00\" { }\n on every as stop { conveyor.on() "
      "}\n}",
      "t.eft");
  EXPECT_EQ(codes(r), "");
  EXPECT_EQ(r.file.tasks.at(0).declarations.size(), 4u);
}

TEST(Parse, TextPartsKnowTheirPlace) {
  Parsed p = parse_value("\"µ {a.b:.1 °C} \\{{\"in {c}\"}\"");
  EXPECT_EQ(codes(p.result), "");
  ASSERT_NE(p.value, nullptr);
  const auto& parts = std::get<TextExpr>(p.value->node).parts;
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].literal, "µ ");
  EXPECT_EQ(shape(*parts[1].expr), "a.b");
  EXPECT_EQ(parts[1].precision, 1);
  EXPECT_EQ(parts[1].unit->text, "°C");
  EXPECT_EQ(parts[1].expr->span.line, 3u);
  EXPECT_EQ(parts[1].expr->span.column, 14u);  // ` let x = "µ {a`: the a is the 14th character
  EXPECT_EQ(parts[1].unit->span.column, 21u);
  EXPECT_EQ(parts[2].literal, " {");
  const auto& inner = std::get<TextExpr>(parts[3].expr->node).parts;
  EXPECT_EQ(inner.at(1).expr->span.column, 33u);
  EXPECT_EQ(p.result.file.tasks[0].span.offset, 0u);
}

TEST(Parse, ReportsEachMistakeOnce) {
  ParseResult r = parse(R"(task t {
  input t1 = °C
  output o : switch
  on t1 as v {
    let x = = 4
    foo(a, )
    let y = )
    if x = 5 { a = 1 }
    n += 1
    let z = "open
    for i in 0 .. 5 { }
  }
  alarm a "x" whne t1 > 5
  alarm b "y" when t1 > 5
}
)",
                        "t.eft");
  EXPECT_EQ(codes(r), "E0101@2:12 E0101@5:13 E0101@7:13 E0101@8:10 E0111@9:7 E0102@10:13 E0101@11:16 E0101@13:15");
  ASSERT_EQ(r.file.tasks.size(), 1u);
  EXPECT_EQ(r.file.tasks[0].declarations.size(), 5u);
  EXPECT_EQ(r.broken.size(), 8u) << "two declarations, and six statements of the third";
}

TEST(Parse, AForgottenBraceCostsOneMessage) {
  ParseResult r =
      parse("task t {\n on start {\n  if a {\n   b = 1\n }\n on x as y { z = 1 }\n}\ntask u { }\n", "t.eft");
  EXPECT_EQ(codes(r), "E0103@6:2");
  EXPECT_EQ(r.file.tasks.size(), 2u);
  EXPECT_EQ(codes(parse("task t {\n on start {\n", "t.eft")), "E0103@3:1");
}

TEST(Parse, AnyBytesAreASource) {
  EXPECT_EQ(codes(parse("task t { \xff }", "t.eft")), "E0104@1:10");
  EXPECT_EQ(codes(parse("\xEF\xBB\xBFtask t { ! }", "t.eft")), "E0111@1:10");
  std::string deep(100000, '(');
  EXPECT_EQ(codes(parse("task t { const x = " + deep, "t.eft")).substr(0, 5), "E0105");
  std::string minus(100000, '-');
  EXPECT_EQ(codes(parse("task t { const x = " + minus + "1 }", "t.eft")).substr(0, 5), "E0105");
  std::string sum = "1";
  for (int i = 0; i < 5000; ++i) sum += "+1";
  EXPECT_EQ(codes(parse("task t { const x = " + sum + " }", "t.eft")).substr(0, 5), "E0105");
  std::string texts;
  for (int i = 0; i < 20000; ++i) texts += "\"{";
  EXPECT_EQ(codes(parse("task t { const x = " + texts, "t.eft")).substr(0, 5), "E0105");
  EXPECT_EQ(codes(parse("", "t.eft")), "");
  EXPECT_NE(codes(parse(std::string(1000, '\0'), "t.eft")), "");
  EXPECT_NE(codes(parse("}}}}}}", "t.eft")), "");
}

TEST(Diagnostics, CaretsCountCharacters) {
  std::string source = "    clear below limit - 2 °C\n";
  Diagnostic d{Code::PointForDifference,
               {1, 25, 24, 5},
               "'2 °C' is a temperature, but a difference is needed here",
               "write '2 K'",
               {}};
  EXPECT_EQ(render(d, SourceMap(source, "monitor.eft")),
            "monitor.eft:1:25: error[E0231]: '2 °C' is a temperature, but a difference is needed here\n"
            "    1 |     clear below limit - 2 °C\n"
            "      |                         ^^^^ write '2 K'\n");
}

TEST(Diagnostics, DidYouMean) {
  std::vector<std::string> names{"limit", "siren", "history", "t1"};
  EXPECT_EQ(suggestion("limt", names), "did you mean 'limit'?");
  EXPECT_EQ(suggestion("Siren", names), "did you mean 'siren'?");
  EXPECT_EQ(suggestion("hsitory", names), "did you mean 'history'?");
  EXPECT_EQ(suggestion("pressure", names), "");
}

}  // namespace
}  // namespace eyeflow::compiler
