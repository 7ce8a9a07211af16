#include <algorithm>
#include <span>

#include "compiler/check/checker.h"

// `match`: a chain of decisions over one value that is evaluated once. Over an enum or a bool every value has its arm,
// over numbers and texts `else` stands for the rest.
namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::Type;
using typed::TypeKind;

namespace {

typed::ExprPtr copy_of_subject(const typed::Expr& subject) {
  if (const typed::Constant* c = as_constant(subject)) return make_constant(*c, subject.span);
  return make_expr(subject.type, subject.span, std::get<typed::LocalExpr>(subject.node));
}

Wide number_of(const typed::Constant& c) {
  return std::holds_alternative<bool>(c.value) ? Wide(std::get<bool>(c.value)) : whole(c);
}

bool is_counted(TypeKind kind) {
  return typed::is_integer(kind) || kind == TypeKind::Enum || kind == TypeKind::Bool || kind == TypeKind::Time ||
         kind == TypeKind::Duration;
}

// Notes that an arm takes these numbers. Where another has taken some of them: its place, and nothing is noted.
const Span* note_taken(MatchTaken& taken, Wide first, Wide last, const Span& span) {
  const auto behind = taken.upper_bound(last);
  if (behind != taken.begin() && std::prev(behind)->second.last >= first) return &std::prev(behind)->second.span;
  taken.emplace_hint(behind, first, TakenRange{last, span});
  return nullptr;
}

// All of them joined, in order, halved again and again: a chain of a thousand would be as deep.
template <typename Join>
Value joined(std::span<Value> values, const Join& join) {
  if (values.size() == 1) return std::move(values.front());
  const std::size_t half = values.size() / 2;
  Value left = joined(values.first(half), join);
  return join(std::move(left), joined(values.subspan(half), join));
}

}  // namespace

// The condition under which the subject is what the pattern says.
typed::ExprPtr TaskChecker::pattern(const syntax::Pattern& pattern, const Type& type, const typed::Expr& subject) {
  auto first = constant(pattern.value, type);
  if (!first) return nullptr;
  const Span& span = pattern.value->span;
  const auto compare = [&](BinaryOp op, typed::Constant limit) {
    return make_binary(op, plain(TypeKind::Bool), Value(copy_of_subject(subject)),
                       Value(make_constant(std::move(limit), span)), span);
  };
  if (!pattern.last) return compare(BinaryOp::Eq, std::move(*first)).expr;
  auto last = constant(pattern.last, type);
  if (!last) return nullptr;
  if (!typed::is_number(type.kind) && type.kind != TypeKind::Time && type.kind != TypeKind::Duration) {
    report(Code::OperandType, join(span, pattern.last->span), to_string(type) + " has no order, so no range of it",
           "name the values: a, b");
    return nullptr;
  }
  auto empty = fold_binary(BinaryOp::Lt, plain(TypeKind::Bool), *last, *first);
  if (empty && std::get<bool>(empty->value)) {
    report(Code::EmptyRange, join(span, pattern.last->span),
           "nothing lies in " + quoted(join(span, pattern.last->span)), "the lower end stands first");
    return nullptr;
  }
  Value from = compare(BinaryOp::Ge, std::move(*first));
  Value to = compare(BinaryOp::Le, std::move(*last));
  return make_binary(BinaryOp::And, plain(TypeKind::Bool), std::move(from), std::move(to), span).expr;
}

void TaskChecker::match_statement(const syntax::MatchStmt& match, const Span& span, typed::Block& out) {
  Value subject = settle(expression(match.subject));
  Type type;
  if (subject) {
    type = subject.type();
    if (!typed::is_scalar(type.kind) && type.kind != TypeKind::Text) {
      report(Code::OperandType, subject.expr->span,
             quoted(subject.expr->span) + " is " + to_string(type) + ", and a match looks at one number, text or enum");
      type = {};
    }
  }
  // Evaluated once, into a local without a name.
  typed::ExprPtr value;
  if (type.kind != TypeKind::Error) {
    if (as_constant(*subject.expr)) {
      value = std::move(subject.expr);
    } else {
      const Span at = subject.expr->span;
      const typed::LocalId id = declare_local({"", at}, type, false);
      body_.infos[typed::index(id)].used = true;
      add_stmt(out, at, typed::Declare{id, std::move(subject.expr)});
      value = make_expr(type, at, typed::LocalExpr{id});
    }
  }
  typed::If node;
  MatchTaken taken;
  const syntax::MatchArm* otherwise = nullptr;
  bool ok = value != nullptr;
  for (const syntax::MatchArm& arm : match.arms) {
    if (otherwise) {
      report(Code::Unreachable, arm.span, "this arm is never reached", "'else' above takes everything");
    } else if (arm.patterns.empty()) {
      otherwise = &arm;
    }
    std::vector<Value> conditions;
    for (const syntax::Pattern& p : arm.patterns) {
      typed::ExprPtr one = value ? pattern(p, type, *value) : nullptr;
      if (!one) {
        ok = false;
        continue;
      }
      if (is_counted(type.kind)) {
        const auto first = constant(p.value, type), last = p.last ? constant(p.last, type) : first;
        if (const Span* before = note_taken(taken, number_of(*first), number_of(*last), p.value->span))
          report(Code::MatchTwice, p.value->span, quoted(p.value->span) + " has an arm already",
                 "leave one of them out")
              .notes.push_back({*before, "here"});
      }
      conditions.emplace_back(std::move(one));
    }
    typed::IfArm typed_arm;
    if (!conditions.empty())
      typed_arm.condition =
          joined(std::span(conditions), [&](Value left, Value right) {
            return make_binary(BinaryOp::Or, plain(TypeKind::Bool), std::move(left), std::move(right), arm.span);
          }).expr;
    typed_arm.body = block(arm.body);
    if (otherwise == &arm)
      node.otherwise = std::move(typed_arm.body);
    else if (!otherwise)
      node.arms.push_back(std::move(typed_arm));
  }
  if (!ok) return;
  if (!otherwise && !check_complete(type, span, taken)) return;
  if (!otherwise && !node.arms.empty()) {  // what remains is the last arm's
    node.otherwise = std::move(node.arms.back().body);
    node.arms.pop_back();
  }
  if (node.arms.empty()) {
    for (typed::Stmt& stmt : node.otherwise) out.push_back(std::move(stmt));
    return;
  }
  add_stmt(out, span, std::move(node));
}

bool TaskChecker::check_complete(const Type& type, const Span& span, const MatchTaken& taken) {
  std::vector<std::string> names;
  if (type.kind == TypeKind::Enum) names = type.enumeration->values;
  if (type.kind == TypeKind::Bool) names = {"false", "true"};
  std::string absent;
  std::size_t count = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto behind = taken.upper_bound(Wide(i));
    if (behind != taken.begin() && Wide(i) <= std::prev(behind)->second.last) continue;
    if (++count <= 5) absent += (absent.empty() ? "'" : ", '") + names[i] + "'";
  }
  if (count > 5) absent += " and " + std::to_string(count - 5) + " more";
  if (!names.empty() && absent.empty()) return true;
  const Span word{span.line, span.column, span.offset, 5};
  if (names.empty())
    report(Code::MatchIncomplete, word,
           "this match does not say what happens for all other values of " + to_string(type), "add else { }");
  else
    report(Code::MatchIncomplete, word, "this match has no arm for " + absent, "add it, or else { }");
  return false;
}

}  // namespace eyeflow::compiler::check_detail
