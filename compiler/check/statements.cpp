#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

bool leaves(const syntax::Stmt& statement) {
  auto block_leaves = [](const syntax::Block& block) {
    return !block.statements.empty() && leaves(block.statements.back());
  };
  if (std::get_if<syntax::ReturnStmt>(&statement.node) || std::get_if<syntax::BreakStmt>(&statement.node) ||
      std::get_if<syntax::ContinueStmt>(&statement.node)) {
    return true;
  }
  // A match that is accepted has an arm for everything.
  if (const auto* match = std::get_if<syntax::MatchStmt>(&statement.node)) {
    return !match->arms.empty() &&
           std::ranges::all_of(match->arms, [&](const syntax::MatchArm& arm) { return block_leaves(arm.body); });
  }
  const auto* branch = std::get_if<syntax::IfStmt>(&statement.node);
  return branch && branch->otherwise && block_leaves(*branch->otherwise) &&
         std::ranges::all_of(branch->arms, [&](const syntax::IfArm& arm) { return block_leaves(arm.body); });
}

bool always_returns(const syntax::Block& block) {
  if (block.statements.empty()) return false;
  const auto& last = block.statements.back().node;
  if (std::get_if<syntax::ReturnStmt>(&last)) return true;
  if (const auto* match = std::get_if<syntax::MatchStmt>(&last)) {
    return !match->arms.empty() &&
           std::ranges::all_of(match->arms, [](const syntax::MatchArm& arm) { return always_returns(arm.body); });
  }
  const auto* branch = std::get_if<syntax::IfStmt>(&last);
  return branch && branch->otherwise && always_returns(*branch->otherwise) &&
         std::ranges::all_of(branch->arms, [](const syntax::IfArm& arm) { return always_returns(arm.body); });
}

// ---- Locals and scopes
// -------------------------------------------------------------------------------------------------

void TaskChecker::begin_body(Place place, Effects& effects) {
  body_ = {};
  body_.scopes.emplace_back();
  place_ = place;
  effects_ = &effects;
}

std::vector<typed::Local> TaskChecker::end_body() {
  for (std::size_t i = 0; i < body_.locals.size(); ++i) {
    const typed::Local& local = body_.locals[i];
    if (body_.infos[i].used || local.name.empty() || local.name.starts_with('_')) continue;
    report(Code::UnusedName, local.span, "'" + local.name + "' is never used", "remove it, or call it _" + local.name);
  }
  place_ = Place::Constant;
  effects_ = &no_effects_;
  return std::move(body_.locals);
}

std::optional<typed::LocalId> TaskChecker::find_local(std::string_view name) const {
  for (auto scope = body_.scopes.rbegin(); scope != body_.scopes.rend(); ++scope) {
    if (const auto entry = scope->find(name); entry != scope->end()) return entry->second;
  }
  return std::nullopt;
}

typed::LocalId TaskChecker::declare_local(const syntax::Name& name, const Type& type, bool is_variable, Range range) {
  auto id = typed::LocalId{static_cast<std::uint32_t>(body_.locals.size())};
  Type known = type;
  if (!name.text.empty()) {
    std::optional<Span> before;
    if (auto local = find_local(name.text))
      before = body_.locals[typed::index(*local)].span;
    else if (Symbol* symbol = find_own_symbol(name.text))
      before = symbol->span;
    if (before) {
      report(Code::DuplicateName, name.span, "'" + name.text + "' is declared already", "take another name")
          .notes.push_back({*before, "declared here"});
      known = {};  // which of the two a later line means is not known: nothing is said about its uses
    } else if (is_reserved(name.text)) {
      report(Code::ReservedName, name.span, "'" + name.text + "' has a meaning in the language", "take another name");
    }
  }
  body_.locals.push_back({name.text, name.span, known, is_variable});
  // A name in error is not warned about as well.
  body_.infos.push_back({range, known.kind == TypeKind::Error, 0, false});
  body_.scopes.back().insert_or_assign(name.text, id);  // the latest, where two have one name
  return id;
}

Range TaskChecker::range_of(const typed::Expr& expr) const {
  return check_detail::range_of(
      expr, {[&](typed::LocalId id) { return body_.infos[typed::index(id)].range; },
             [&](typed::ParamId id) -> const typed::Param& { return task_.params[typed::index(id)]; }});
}

// ---- Statements
// --------------------------------------------------------------------------------------------------------

typed::Block TaskChecker::block(const syntax::Block& block) {
  typed::Block out;
  body_.scopes.emplace_back();
  const syntax::Stmt* before = nullptr;
  bool reached = true;
  for (const syntax::Stmt& stmt : block.statements) {
    if (reached && before && leaves(*before)) {
      report(Code::Unreachable, stmt.span, "this is never reached", "the statement before always leaves");
      reached = false;
    }
    typed::Block unreached;  // checked all the same, but not lowered
    statement(stmt, reached ? out : unreached);
    before = &stmt;
  }
  body_.scopes.pop_back();
  return out;
}

void TaskChecker::statement(const syntax::Stmt& stmt, typed::Block& out) {
  const Span& span = stmt.span;
  if (const auto* s = std::get_if<syntax::LetStmt>(&stmt.node)) return let(*s, span, out);
  if (const auto* s = std::get_if<syntax::AssignStmt>(&stmt.node)) return assign(*s, span, out);
  if (const auto* s = std::get_if<syntax::IfStmt>(&stmt.node)) return if_statement(*s, span, out);
  if (const auto* s = std::get_if<syntax::ForStmt>(&stmt.node)) return for_statement(*s, span, out);
  if (const auto* s = std::get_if<syntax::WhileStmt>(&stmt.node)) return while_statement(*s, span, out);
  if (const auto* s = std::get_if<syntax::ReturnStmt>(&stmt.node)) return return_statement(*s, span, out);
  if (const auto* s = std::get_if<syntax::ExprStmt>(&stmt.node)) {
    if (s->value) call_statement(*s->value, span, out);
    return;
  }
  if (const auto* s = std::get_if<syntax::MatchStmt>(&stmt.node)) return match_statement(*s, span, out);
  bool is_break = std::get_if<syntax::BreakStmt>(&stmt.node) != nullptr;
  if (body_.loop_depth == 0) {
    report(Code::NotInLoop, span, is_break ? "there is no loop to break" : "there is no loop to continue");
    return;
  }
  if (is_break)
    add_stmt(out, span, typed::Break{});
  else
    add_stmt(out, span, typed::Continue{});
}

void TaskChecker::let(const syntax::LetStmt& let, const Span& span, typed::Block& out) {
  Type type;
  typed::ExprPtr value;
  if (let.type) {
    type = resolve(let.type);
    value = coerce(expression(let.value, &type), type);
  } else {
    Value settled = settle(expression(let.value));
    if (settled) type = settled.type();
    value = std::move(settled.expr);
  }
  Range range = value && !let.variable ? range_of(*value) : Range{};
  typed::LocalId id = declare_local(let.name, type, let.variable, range);
  body_.infos[typed::index(id)].is_let = true;
  if (value) add_stmt(out, span, typed::Declare{id, std::move(value)});
}

void TaskChecker::if_statement(const syntax::IfStmt& statement, const Span& span, typed::Block& out) {
  if_arms(statement, 0, span, out);
}

// From the arm `first` on. `if let v = x` looks whether x is given, and begins its body with v; behind another arm it
// stands in what is done otherwise, so that x is only evaluated there.
void TaskChecker::if_arms(const syntax::IfStmt& statement, std::size_t first, const Span& span, typed::Block& out) {
  typed::If node;
  for (std::size_t i = first; i < statement.arms.size(); ++i) {
    const syntax::IfArm& arm = statement.arms[i];
    typed::IfArm typed_arm;
    if (!arm.let_name) {
      typed_arm.condition = coerce(expression(arm.condition), plain(TypeKind::Bool));
      typed_arm.body = block(arm.body);
      node.arms.push_back(std::move(typed_arm));
      continue;
    }
    if (i > first) {
      if_arms(statement, i, span, node.otherwise);
      add_stmt(out, span, std::move(node));
      return;
    }
    Value value = expression(arm.condition);
    if (value && value.type().kind != TypeKind::Optional) {
      report(Code::NeverMissing, value.expr->span,
             quoted(value.expr->span) + " is " + to_string(value.type()) + ", which is never missing",
             "write let " + arm.let_name->text + " = " + source_text(value.expr->span));
      value = {};
    }
    Type element;
    typed::ExprPtr inner;
    if (value) {
      element = *value.type().element;
      const Type type = value.type();
      const Span at = value.expr->span;
      const typed::LocalId whole = declare_local({"", at}, type, false);
      body_.infos[typed::index(whole)].used = true;
      add_stmt(out, at, typed::Declare{whole, std::move(value.expr)});
      typed_arm.condition = part_of(make_expr(type, at, typed::LocalExpr{whole}), typed::kGiven, at);
      inner = part_of(make_expr(type, at, typed::LocalExpr{whole}), typed::kElement, at);
    }
    body_.scopes.emplace_back();
    const typed::LocalId local = declare_local(*arm.let_name, element, false);
    body_.infos[typed::index(local)].is_let = true;
    if (inner) add_stmt(typed_arm.body, arm.let_name->span, typed::Declare{local, std::move(inner)});
    for (typed::Stmt& stmt : block(arm.body)) typed_arm.body.push_back(std::move(stmt));
    body_.scopes.pop_back();
    node.arms.push_back(std::move(typed_arm));
  }
  if (statement.otherwise) node.otherwise = block(*statement.otherwise);
  add_stmt(out, span, std::move(node));
}

void TaskChecker::for_statement(const syntax::ForStmt& loop, const Span& span, typed::Block& out) {
  if (!loop.over) return for_range(loop, span, out);
  Value over = expression(loop.over);
  Type element;
  if (over && !typed::is_array(over.type().kind)) {
    bool is_count = typed::is_integer(over.type().kind);
    report(Code::TypeMismatch, over.expr->span,
           quoted(over.expr->span) + " is " + to_string(over.type()) + ", but a loop goes over an array",
           is_count ? "write 0 ..< " + source_text(over.expr->span) : "");
    over = {};
  }
  typed::ForEach node{};
  if (over) {
    element = *over.type().element;
    node.max_trips = over.type().size;
    // What is not a place gets one of its own, so that it is made once.
    bool is_place = std::get_if<typed::LocalExpr>(&over.expr->node) ||
                    std::get_if<typed::StateExpr>(&over.expr->node) || std::get_if<typed::FieldOf>(&over.expr->node) ||
                    as_constant(*over.expr);
    if (!is_place) {
      Type type = over.type();
      Span at = over.expr->span;
      typed::LocalId id = declare_local({"", at}, type, false);
      body_.infos[typed::index(id)].used = true;
      add_stmt(out, at, typed::Declare{id, std::move(over.expr)});
      over.expr = make_expr(type, at, typed::LocalExpr{id});
    }
  }
  body_.scopes.emplace_back();
  if (loop.index) {
    std::int64_t last = over ? static_cast<std::int64_t>(node.max_trips) - 1 : 0;
    node.counter = declare_local(*loop.index, plain(TypeKind::I64), false, {0, last});
  }
  node.element = declare_local(loop.name, element, false);
  std::size_t* loops = over ? loop_count_of(*over.expr) : nullptr;
  if (loops) ++*loops;
  ++body_.loop_depth;
  node.body = block(loop.body);
  --body_.loop_depth;
  body_.scopes.pop_back();
  if (!over) return;
  // Looked up again: the body may have declared locals, and moved the table.
  if (loops) --*loop_count_of(*over.expr);
  node.array = std::move(over.expr);
  add_stmt(out, span, std::move(node));
}

void TaskChecker::for_range(const syntax::ForStmt& loop, const Span& span, typed::Block& out) {
  Type count = plain(TypeKind::I64);
  auto bound = [&](const syntax::ExprPtr& expr) {
    Value value = expression(expr);
    bool widens = value && !value.literal && typed::is_integer(value.type().kind) &&
                  value.type().kind != TypeKind::I64 && value.type().kind != TypeKind::U64 && !value.type().unit;
    if (widens) value = make_convert(typed::ConvertOp::Widen, count, std::move(value));
    return coerce(std::move(value), count);
  };
  typed::ForRange node{};
  node.from = bound(loop.from);
  node.to = bound(loop.to);
  Range range;
  bool ok = node.from && node.to;
  if (ok) {
    Range from = range_of(*node.from), to = range_of(*node.to);
    Wide trips = Wide(to.max) - Wide(from.min);
    if (!from.has_min() || !to.has_max() || trips > Wide(kMaxTrips)) {
      const typed::Expr& open = !to.has_max() || (from.has_min() && trips > Wide(kMaxTrips)) ? *node.to : *node.from;
      std::string text = source_text(open.span);
      report(Code::UnboundedLoop, open.span, "nothing bounds " + quoted(open.span) + ", so this loop may run too long",
             &open == node.to.get() ? "write min(" + text + ", 1000), or give a param its range"
                                    : "write max(" + text + ", 0)");
      ok = false;
    }
    node.max_trips = trips > 0 && ok ? static_cast<std::uint32_t>(trips) : 0;
    range = {from.min, to.has_max() ? to.max - 1 : to.max};
  }
  if (loop.index)
    report(Code::UnexpectedToken, loop.index->span, "a loop over numbers has one variable", "write for i in …");
  body_.scopes.emplace_back();
  node.counter = declare_local(loop.name, count, false, range);
  ++body_.loop_depth;
  node.body = block(loop.body);
  --body_.loop_depth;
  body_.scopes.pop_back();
  if (ok) add_stmt(out, span, std::move(node));
}

void TaskChecker::while_statement(const syntax::WhileStmt& loop, const Span& span, typed::Block& out) {
  typed::While node{};
  node.condition = coerce(expression(loop.condition), plain(TypeKind::Bool));
  if (loop.max) {
    if (auto max = size_of(loop.max, kMaxTrips, "a loop's max is")) node.max = *max;
  } else {
    Span word{span.line, span.column, span.offset, 5};
    report(Code::WhileWithoutMax, word, "this loop does not say how often it may run", "write while … max 1000");
  }
  ++body_.loop_depth;
  node.body = block(loop.body);
  --body_.loop_depth;
  if (node.condition) add_stmt(out, span, std::move(node));
}

void TaskChecker::return_statement(const syntax::ReturnStmt& statement, const Span& span, typed::Block& out) {
  typed::Return node;
  bool wants_value = body_.result.kind != TypeKind::None;
  if (statement.value && !wants_value) {
    expression(statement.value);
    report(Code::BadReturn, statement.value->span,
           place_ == Place::Function ? "this function gives no value" : "a handler gives no value",
           place_ == Place::Function ? "declare it: fn …(…) -> T" : "write return alone");
    return;
  }
  if (!statement.value && wants_value) {
    if (body_.result.kind == TypeKind::Error) return;
    report(Code::BadReturn, span, "this function gives " + to_string(body_.result) + ", but nothing is returned here",
           "write return …");
    return;
  }
  if (statement.value) {
    node.value = coerce(expression(statement.value, &body_.result), body_.result);
  }
  add_stmt(out, span, std::move(node));
}

}  // namespace eyeflow::compiler::check_detail
