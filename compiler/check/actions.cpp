#include <algorithm>
#include <cmath>

#include "compiler/check/checker.h"

// Statements that change something: assignments, and the actions of outputs and arrays.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

// ---- Places
// ------------------------------------------------------------------------------------------------------------

const typed::Expr& root_of(const typed::Expr& place) {
  if (const auto* i = std::get_if<typed::Index>(&place.node)) return root_of(*i->array);
  if (const auto* f = std::get_if<typed::FieldOf>(&place.node)) return root_of(*f->record);
  return place;
}

std::string TaskChecker::place_name(const typed::Expr& place) const {
  if (const auto* f = std::get_if<typed::FieldOf>(&place.node))
    return place_name(*f->record) + "." + f->record->type.record->fields[f->field].name;
  return task_.states[typed::index(std::get<typed::StateExpr>(place.node).state)].name;
}

typed::ExprPtr TaskChecker::writable(const syntax::Expr& expr) {
  auto refuse = [&](const std::string& message, std::string hint = {}) {
    report(Code::NotAssignable, expr.span, message, std::move(hint));
    return nullptr;
  };
  if (const auto* n = std::get_if<syntax::NameExpr>(&expr.node)) {
    if (n->name == "self" && body_.self) return self_place(expr.span);
    if (auto id = find_local(n->name)) {
      const typed::Local& local = body_.locals[typed::index(*id)];
      if (local.type.kind == TypeKind::Error) return nullptr;
      if (!local.is_variable)
        return refuse("'" + n->name + "' does not change",
                      body_.infos[typed::index(*id)].is_let ? "declare it with var" : "copy it into a var");
      return make_expr(local.type, expr.span, typed::LocalExpr{*id});
    }
    if (Symbol* symbol = find_symbol(n->name)) {
      switch (symbol->kind) {
        case SymbolKind::State: {
          const typed::State& state = task_.states[symbol->index];
          if (state.type.kind == TypeKind::Error) return nullptr;
          return make_expr(state.type, expr.span, typed::StateExpr{typed::StateId{symbol->index}});
        }
        case SymbolKind::Output:
          symbol->used = true;
          return refuse("'" + n->name + "' is an output",
                        "write " + n->name +
                            (task_.outputs[symbol->index].kind == typed::OutputKind::Log ? ".send(…)" : ".set(…)"));
        case SymbolKind::Param:
          return refuse("'" + n->name + "' is a param: the site sets it", "keep what changes in a state");
        case SymbolKind::Input:
          return refuse("'" + n->name + "' is an input: its source writes it");
        case SymbolKind::Unavailable:
          return nullptr;
        default:
          return refuse("'" + n->name + "' does not change", "keep what changes in a state or var");
      }
    }
    name_value(n->name, expr.span);  // says that it is unknown
    return nullptr;
  }
  if (const auto* n = std::get_if<syntax::IndexExpr>(&expr.node)) {
    if (n->end) return refuse(quoted(expr.span) + " is a copy", "write its elements one by one");
    typed::ExprPtr array = writable(*n->object);
    if (!array) return nullptr;
    // Checked as a reading to share its rules; then the array is what may be written.
    bool used_before = true;
    if (const auto* l = std::get_if<typed::LocalExpr>(&root_of(*array).node)) {
      used_before = body_.infos[typed::index(l->local)].used;
    }
    Effects ignored;
    Effects* effects = std::exchange(effects_, &ignored);
    Value element = index(*n, expr.span);
    effects_ = effects;
    effects_->needs.insert(ignored.needs.begin(), ignored.needs.end());
    effects_->reads_state |= ignored.reads_state;
    effects_->reads_clock |= ignored.reads_clock;
    if (const auto* l = std::get_if<typed::LocalExpr>(&root_of(*array).node)) {
      body_.infos[typed::index(l->local)].used = used_before;
    }
    return std::move(element.expr);
  }
  if (const auto* n = std::get_if<syntax::MemberExpr>(&expr.node)) {
    if (const auto* object = std::get_if<syntax::NameExpr>(&n->object->node); object && !find_local(object->name)) {
      Symbol* symbol = find_symbol(object->name);
      if (symbol && symbol->kind != SymbolKind::State && symbol->kind != SymbolKind::Unavailable) {
        symbol->used = true;
        return refuse(quoted(expr.span) + " cannot be assigned");
      }
    }
    typed::ExprPtr record = writable(*n->object);
    if (!record) return nullptr;
    if (record->type.kind != TypeKind::Record) return refuse(quoted(expr.span) + " cannot be assigned");
    return std::move(value_member(Value(std::move(record)), n->member, expr.span).expr);
  }
  if (std::get_if<syntax::ErrorExpr>(&expr.node)) return nullptr;
  return refuse(quoted(expr.span) + " is not a place that holds a value", "'==' compares");
}

void TaskChecker::note_write(const typed::Expr& place) {
  if (const auto* state = std::get_if<typed::StateExpr>(&root_of(place).node)) {
    effects_->state_writes.insert(state->state);
    effects_->reads_state = true;
  }
  const auto* local = std::get_if<typed::LocalExpr>(&root_of(place).node);
  if (local && body_.self_local == local->local) effects_->writes_self = true;
}

std::size_t* TaskChecker::loop_count_of(const typed::Expr& of) {
  const typed::Expr& place = root_of(of);
  if (const auto* l = std::get_if<typed::LocalExpr>(&place.node))
    return &body_.infos[typed::index(l->local)].loops_over;
  if (const auto* s = std::get_if<typed::StateExpr>(&place.node)) return &state_loops_[s->state];
  return nullptr;
}

bool TaskChecker::changes_looped_array(const typed::Expr& place, const Span& span) {
  if (place.type.kind != TypeKind::BoundedArray && place.type.kind != TypeKind::Record) return false;
  if (const auto* state = std::get_if<typed::StateExpr>(&root_of(place).node)) effects_->resizes.insert(state->state);
  const std::size_t* loops = loop_count_of(place);
  if (!loops || *loops == 0) return false;
  report(Code::LoopArrayWritten, span, "a loop goes over " + quoted(place.span) + ", so its length cannot change here",
         "change it after the loop");
  return true;
}

void TaskChecker::assign(const syntax::AssignStmt& assign, const Span& span, typed::Block& out) {
  if (!assign.place) return;
  typed::ExprPtr place = writable(*assign.place);
  if (!place) {
    expression(assign.value);
    return;
  }
  Type type = place->type;
  typed::ExprPtr value = coerce(expression(assign.value, &type), type);
  note_write(*place);
  if (changes_looped_array(*place, span) || !value) return;
  add_stmt(out, span, typed::Assign{std::move(place), std::move(value)});
}

// ---- Calls as statements
// -----------------------------------------------------------------------------------------------

void TaskChecker::call_statement(const syntax::Expr& expr, const Span& span, typed::Block& out) {
  const auto* call = std::get_if<syntax::CallExpr>(&expr.node);
  if (!call) {
    if (std::get_if<syntax::ErrorExpr>(&expr.node)) return;
    Value value = expression(expr);
    const auto* compare = std::get_if<syntax::BinaryExpr>(&expr.node);
    if (value) {
      report(Code::NoEffect, span, "this statement does nothing",
             compare && compare->op == syntax::BinaryOp::Eq ? "'=' assigns" : "assign it, or remove it");
    }
    return;
  }
  if (const auto* member = std::get_if<syntax::MemberExpr>(&call->callee->node)) {
    if (const auto* object = std::get_if<syntax::NameExpr>(&member->object->node);
        object && !find_local(object->name)) {
      Symbol* symbol = find_symbol(object->name);
      if (symbol && symbol->kind == SymbolKind::Output) {
        symbol->used = true;
        output_action(typed::OutputId{symbol->index}, *call, member->member, span, out);
        return;
      }
      if (symbol && symbol->kind == SymbolKind::Alarm) {
        acknowledge(typed::AlarmId{symbol->index}, *call, member->member, span, out);
        return;
      }
    }
    if (array_action(*call, *member, span, out) || bytes_action(*call, *member, span, out)) return;
  }
  Value value = expression(expr);
  if (!value) return;
  if (value.type().kind != TypeKind::None) {
    const auto* own = std::get_if<typed::Call>(&value.expr->node);
    bool has_effect = own && std::ranges::any_of(functions_, [&](const FunctionEntry& f) {
                        return f.progress == FunctionEntry::Done && f.is_sound && f.id == own->function &&
                               (f.effects.emits || f.effects.writes_self || !f.effects.state_writes.empty());
                      });
    if (!has_effect) {
      report(Code::NoEffect, span, "the value of " + quoted(expr.span) + " goes nowhere",
             "assign it, or remove the call");
      return;
    }
  }
  add_stmt(out, span, typed::CallStmt{std::move(value.expr)});
}

void TaskChecker::acknowledge(typed::AlarmId id, const syntax::CallExpr& call, const syntax::Name& action,
                              const Span& span, typed::Block& out) {
  if (action.text != "ack") {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::UnknownMember, action.span, "a task has no '" + action.text + "(…)' for an alarm",
           action.text == "shelve" ? "people shelve alarms, from outside" : "it has .ack()");
    return;
  }
  effects_->emits = true;
  if (count_arguments(call, task_.alarms[typed::index(id)].name + ".ack", 0, span))
    add_stmt(out, span, typed::Acknowledge{id});
}

void TaskChecker::note_emit(typed::OutputId id, const Span& span) {
  effects_->emits = true;
  auto& first = written_at_[typed::index(id)];
  if (!first) first = span;
}

bool TaskChecker::output_action(typed::OutputId id, const syntax::CallExpr& call, const syntax::Name& action,
                                const Span& span, typed::Block& out) {
  const typed::Output& output = task_.outputs[typed::index(id)];
  note_emit(id, span);
  auto unknown = [&](const std::string& what, const std::string& hint) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::UnknownMember, action.span, what + " has no '" + action.text + "(…)'", hint);
    return false;
  };
  if (output.kind == typed::OutputKind::Log) {
    if (action.text != "send") return unknown("a log", "write " + output.name + ".send(…)");
    if (output.fields.empty()) return false;
    auto values = labelled(call, "'" + output.name + "'", output.fields, span);
    if (values) {
      // A missing number of a row is a NaN, which every sink shows as none.
      for (typed::ExprPtr& value : *values) {
        if (value->type.kind != TypeKind::Optional) continue;
        const Type element = *value->type.element;
        const Span at = value->span;
        value = make_expr(element, at,
                          typed::Default{std::move(value), make_constant(make_float(element, std::nan("")), at)});
      }
      add_stmt(out, span, typed::SendLog{id, std::move(*values)});
    }
    return values.has_value();
  }
  typed::ExprPtr value;
  if (output.kind == typed::OutputKind::Switch && (action.text == "on" || action.text == "off")) {
    if (!count_arguments(call, output.name + "." + action.text, 0, span)) return false;
    value = make_constant(make_bool(plain(TypeKind::Bool), action.text == "on"), span);
  } else if (action.text == "set") {
    if (!count_arguments(call, output.name + ".set", 1, span)) return false;
    value = coerce(expression(call.arguments[0].value, &output.type), output.type);
  } else if (output.kind == typed::OutputKind::Switch) {
    return unknown("a switch", "it has .on(), .off() and .set(b)");
  } else {
    return unknown("a value", "it has .set(v)");
  }
  if (value) add_stmt(out, span, typed::SetOutput{id, std::move(value)});
  return true;
}

// xs.push(x) and xs.clear(). False when it is something else, not yet looked at.
bool TaskChecker::array_action(const syntax::CallExpr& call, const syntax::MemberExpr& member, const Span& span,
                               typed::Block& out) {
  bool is_push = member.member.text == "push", is_clear = member.member.text == "clear";
  if (!is_push && !is_clear) return false;
  const auto* object = std::get_if<syntax::NameExpr>(&member.object->node);
  if (object && is_module_name(object->name)) return false;
  typed::ExprPtr array = writable(*member.object);
  if (array && array->type.kind == TypeKind::Record) return false;  // one of its functions
  if (!array) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    return true;
  }
  if (array->type.kind != TypeKind::BoundedArray) {
    for (const syntax::Argument& a : call.arguments) expression(a.value);
    report(Code::UnknownMember, member.member.span, to_string(array->type) + " has no '" + member.member.text + "(…)'",
           array->type.kind == TypeKind::FixedArray ? "only arrays with a bound grow: [T; <=N]" : "");
    return true;
  }
  if (!count_arguments(call, member.member.text, is_push ? 1 : 0, span)) return true;
  note_write(*array);
  bool refused = changes_looped_array(*array, span);
  if (is_clear) {
    if (!refused) add_stmt(out, span, typed::Clear{std::move(array)});
    return true;
  }
  Type element = *array->type.element;
  typed::ExprPtr value = coerce(expression(call.arguments[0].value), element);
  if (value && !refused) add_stmt(out, span, typed::Push{std::move(array), std::move(value)});
  return true;
}

}  // namespace eyeflow::compiler::check_detail
