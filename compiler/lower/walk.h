#pragma once

#include <type_traits>
#include <variant>

#include "compiler/check/typed_tree.h"

// Visits every expression of a tree, parents before children, in the order of evaluation.
namespace eyeflow::compiler::lowering {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

template <typename Visit>
void for_each_expr(const typed::Expr& expr, const Visit& visit);

template <typename Visit>
void for_each_expr(const typed::ExprPtr& expr, const Visit& visit) {
  if (expr) for_each_expr(*expr, visit);
}

template <typename Visit>
void for_each_expr(const std::vector<typed::ExprPtr>& exprs, const Visit& visit) {
  for (const typed::ExprPtr& expr : exprs) for_each_expr(expr, visit);
}

template <typename Visit>
void for_each_expr(const typed::Expr& expr, const Visit& visit) {
  visit(expr);
  const auto go = [&](const auto&... parts) { (for_each_expr(parts, visit), ...); };
  std::visit(
      Overloaded{
          [&](const typed::Unary& n) { go(n.operand); }, [&](const typed::Binary& n) { go(n.left, n.right); },
          [&](const typed::Convert& n) { go(n.operand); }, [&](const typed::Call& n) { go(n.arguments); },
          [&](const typed::ModelCall& n) { go(n.arguments); }, [&](const typed::MathCall& n) { go(n.arguments); },
          [&](const typed::ArrayCall& n) { go(n.arguments); }, [&](const typed::Index& n) { go(n.array, n.index); },
          [&](const typed::Slice& n) { go(n.array, n.from, n.to); }, [&](const typed::FieldOf& n) { go(n.record); },
          [&](const typed::Given& n) { go(n.value); }, [&](const typed::Default& n) { go(n.optional, n.otherwise); },
          [&](const typed::Length& n) { go(n.operand); }, [&](const typed::ArrayLiteral& n) { go(n.elements); },
          [&](const typed::ArrayFill& n) { go(n.value); }, [&](const typed::RecordLiteral& n) { go(n.fields); },
          [&](const typed::Interpolate& n) {
            for (const typed::FormatPart& part : n.parts) go(part.value);
          },
          [](const auto&) {},  // the leaves: constants, names, fields
      },
      expr.node);
}

template <typename Visit>
void for_each_expr(const typed::Block& block, const Visit& visit) {
  const auto go = [&](const auto&... parts) { (for_each_expr(parts, visit), ...); };
  for (const typed::Stmt& stmt : block) {
    std::visit(Overloaded{
                   [&](const typed::Declare& n) { go(n.value); },
                   [&](const typed::Assign& n) { go(n.place, n.value); },
                   [&](const typed::If& n) {
                     for (const typed::IfArm& arm : n.arms) go(arm.condition, arm.body);
                     go(n.otherwise);
                   },
                   [&](const typed::ForEach& n) { go(n.array, n.body); },
                   [&](const typed::ForRange& n) { go(n.from, n.to, n.body); },
                   [&](const typed::While& n) { go(n.condition, n.body); },
                   [&](const typed::Return& n) { go(n.value); },
                   [&](const typed::CallStmt& n) { go(n.call); },
                   [&](const typed::SetOutput& n) { go(n.value); },
                   [&](const typed::SendLog& n) { go(n.fields); },
                   [&](const typed::Push& n) { go(n.array, n.value); },
                   [&](const typed::PutNumber& n) { go(n.bytes, n.at, n.value); },
                   [&](const typed::Clear& n) { go(n.array); },
                   [](const typed::Acknowledge&) {},
                   [](const typed::Break&) {},
                   [](const typed::Continue&) {},
               },
               stmt.node);
  }
}

// Every statement of a block and of the blocks in it.
template <typename Visit>
void for_each_stmt(const typed::Block& block, const Visit& visit) {
  for (const typed::Stmt& stmt : block) {
    visit(stmt);
    std::visit(Overloaded{
                   [&](const typed::If& n) {
                     for (const typed::IfArm& arm : n.arms) for_each_stmt(arm.body, visit);
                     for_each_stmt(n.otherwise, visit);
                   },
                   [&](const typed::ForEach& n) { for_each_stmt(n.body, visit); },
                   [&](const typed::ForRange& n) { for_each_stmt(n.body, visit); },
                   [&](const typed::While& n) { for_each_stmt(n.body, visit); },
                   [](const auto&) {},
               },
               stmt.node);
  }
}

template <typename Predicate>
bool any_expr(const auto& tree, const Predicate& predicate) {
  bool found = false;
  for_each_expr(tree, [&](const typed::Expr& expr) { found = found || predicate(expr); });
  return found;
}

// Nodes of a tree, for how much code it becomes.
inline std::size_t size_of(const auto& tree) {
  std::size_t nodes = 0;
  for_each_expr(tree, [&](const typed::Expr&) { ++nodes; });
  return nodes;
}

inline bool has_call(const typed::Expr& expr) {
  return any_expr(expr, [](const typed::Expr& e) { return std::holds_alternative<typed::Call>(e.node); });
}

}  // namespace eyeflow::compiler::lowering
