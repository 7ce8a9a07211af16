#include <algorithm>

#include "compiler/lower/body.h"
#include "vm/base/check.h"

namespace eyeflow::compiler::lowering {
namespace {

using vm::Op;

// Whether evaluating `value` may look at what `place` is in. A function that touches state may look at any.
bool may_read(const typed::Task& task, const typed::Expr& value, const typed::Expr& place) {
  const typed::Expr& root = root_of(place);
  const auto* local = std::get_if<typed::LocalExpr>(&root.node);
  const auto* state = std::get_if<typed::StateExpr>(&root.node);
  return any_expr(value, [&](const typed::Expr& e) {
    if (const auto* n = std::get_if<typed::LocalExpr>(&e.node)) return local && n->local == local->local;
    if (const auto* n = std::get_if<typed::StateExpr>(&e.node)) return state && n->state == state->state;
    if (const auto* n = std::get_if<typed::Call>(&e.node))
      return state && task.functions[typed::index(n->function)].touches_state;
    return false;
  });
}

}  // namespace

const typed::Expr& root_of(const typed::Expr& place) {
  if (const auto* node = std::get_if<typed::Index>(&place.node)) return root_of(*node->array);
  if (const auto* node = std::get_if<typed::FieldOf>(&place.node)) return root_of(*node->record);
  return place;
}

void Body::lower(const typed::Block& block) {
  const std::size_t first_local = frame_.alive.size();
  for (const typed::Stmt& stmt : block) {
    if (!code_.reachable()) break;
    lower(stmt);
  }
  end_scope(first_local);
}

void Body::end_scope(std::size_t first_local) {
  while (frame_.alive.size() > first_local) {
    frame_.locals[typed::index(frame_.alive.back())] = Place{};
    frame_.alive.pop_back();
  }
}

void Body::lower(const typed::Stmt& stmt) {
  line_ = stmt.span.line;
  code_.mark_line(line_);
  std::visit([&](const auto& node) { lower(node); }, stmt.node);
}

void Body::lower(const typed::Declare& stmt) {
  if (!frame_.declared[typed::index(stmt.local)].is_variable) {
    if (auto place = known_place(*stmt.value)) return declare(stmt.local, std::move(*place));
    const auto leaves = never_changes(*stmt.value) ? standing(*stmt.value) : std::nullopt;
    const auto is_memory = [](const Leaf& leaf) { return leaf.kind == Leaf::Kind::Slot && !leaf.type.is_scalar(); };
    if (leaves && std::ranges::all_of(*leaves, is_memory)) return declare(stmt.local, raw_place(*stmt.value));
  }
  declare(stmt.local, temporary(*stmt.value));
}

void Body::lower(const typed::Assign& stmt) {
  const Place to = raw_place(*stmt.place);
  if (is_nested(to)) return copy_in(stmt.place->type, place(*stmt.value), to);
  assign(to.leaves, *stmt.value, may_read(task_.task, *stmt.value, *stmt.place));
}

void Body::lower(const typed::If& stmt) {
  const Label end = code_.new_label();
  for (std::size_t i = 0; i < stmt.arms.size(); ++i) {
    const typed::IfArm& arm = stmt.arms[i];
    const bool is_last = i + 1 == stmt.arms.size() && stmt.otherwise.empty();
    const Label next = is_last ? end : code_.new_label();
    code_.mark_line(arm.condition->span.line);
    branch(*arm.condition, false, next);
    lower(arm.body);
    if (is_last) break;
    code_.jump(end);
    code_.bind(next);
  }
  lower(stmt.otherwise);
  code_.bind(end);
}

void Body::lower(const typed::Break&) { code_.jump(frame_.loops.back().exit); }

void Body::lower(const typed::Continue&) { code_.jump(frame_.loops.back().next); }

void Body::lower(const typed::Return& stmt) {
  if (frame_.end) {
    if (stmt.value) assign(std::vector<Leaf>(frame_.result), *stmt.value, false);
    if (!frame_.in_nest) store_held();
    return code_.jump(*frame_.end);
  }
  give_back(stmt.value.get());
}

void Body::give_back(const typed::Expr* value) {
  // One scalar is returned from wherever it is.
  if (value && !frame_.returns_self && frame_.result.size() == 1 && frame_.result[0].kind == Leaf::Kind::Register) {
    const Temp result = eval(*value);
    store_held();
    code_.emit(Op::Return, index(result.reg()));
    return;
  }
  const std::vector<Temp> run = code_.take_run(frame_.result_types);
  std::size_t next_register = 0;
  if (value) {
    std::vector<Leaf> to = frame_.result;
    for (Leaf& leaf : to)
      if (leaf.kind == Leaf::Kind::Register) leaf.reg = run[next_register++].reg();
    assign(to, *value, false);
  }
  if (frame_.returns_self) {
    for (const Leaf& leaf : frame_.locals[0].leaves)
      if (leaf.kind == Leaf::Kind::Register) moved(Temp::borrowed(leaf.reg), run[next_register++].reg());
  }
  store_held();
  code_.emit(Op::Return, run.empty() ? std::uint16_t{0} : index(run[0].reg()));
}

void Body::lower(const typed::CallStmt& stmt) { call(std::get<typed::Call>(stmt.call->node), {}); }

void Body::lower(const typed::SetOutput& stmt) {
  const typed::Expr* const value = stmt.value.get();
  emit_output(stmt.output, {&value, 1});
}

void Body::lower(const typed::SendLog& stmt) {
  std::vector<const typed::Expr*> fields;
  for (const typed::ExprPtr& field : stmt.fields) fields.push_back(field.get());
  emit_output(stmt.output, fields);
}

// The row's registers stand side by side. A field that calls something could change what an earlier field's place
// holds, so then each is evaluated into a value of its own first.
void Body::emit_output(typed::OutputId output, std::span<const typed::Expr* const> fields) {
  const bool calls = std::ranges::any_of(fields, [](const typed::Expr* field) { return has_call(*field); });
  std::vector<Place> values(fields.size());
  std::vector<vm::TypeId> types;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const bool is_scalar = typed::is_scalar(fields[i]->type.kind);
    if (calls) {
      values[i] = temporary(*fields[i]);
    } else if (!is_scalar) {
      values[i] = place(*fields[i]);
    }
    types.push_back(is_scalar ? vm::type_id(scalar_of(fields[i]->type.kind))
                              : reference_type(values[i].leaves[0].slot));
  }
  const std::vector<Temp> run = code_.take_run(types);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!typed::is_scalar(fields[i]->type.kind)) {
      reference_into(values[i].leaves[0].slot, run[i].reg());
    } else if (calls) {
      load(values[i].leaves[0], run[i].reg());
    } else {
      eval(*fields[i], run[i].reg());
    }
  }
  code_.emit(Op::Emit, static_cast<std::uint16_t>(output), index(run[0].reg()));
}

void Body::lower(const typed::Acknowledge& stmt) { code_.emit(Op::AlarmAck, static_cast<std::uint16_t>(stmt.alarm)); }

void Body::lower(const typed::Push& stmt) {
  const Place list = raw_place(*stmt.array);
  if (list.leaves[0].type.is_scalar()) return push_nested(list, stmt.array->type, *stmt.value);
  const bool is_scalar = typed::is_scalar(stmt.value->type.kind);
  if (is_scalar) {
    const Temp value = eval(*stmt.value);
    push(list.leaves[0], value.reg());
    return;
  }
  const Place value = place(*stmt.value);
  for (std::size_t i = 0; i < list.leaves.size(); ++i) {
    const Temp part = load(value.leaves[i], {});
    push(list.leaves[i], part.reg());
  }
}

void Body::lower(const typed::Clear& stmt) {
  const Place list = raw_place(*stmt.array);
  if (list.leaves[0].type.is_scalar()) return store(load_constant(vm::Scalar::I64, 0), list.leaves[0]);
  for (const Leaf& leaf : list.leaves) code_.emit(Op::ListClear, index(reference(leaf.slot).reg()));
}

}  // namespace eyeflow::compiler::lowering
