#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::BinaryOp;
using typed::Type;
using typed::TypeKind;

namespace {

// What two numbers are compared by, with the greater side first.
struct Limits {
  const syntax::Expr* greater;
  const syntax::Expr* lesser;
};
std::optional<Limits> limits_of(const syntax::Expr* when) {
  const auto* b = when ? std::get_if<syntax::BinaryExpr>(&when->node) : nullptr;
  if (!b || !b->left || !b->right) return std::nullopt;
  using enum syntax::BinaryOp;
  if (b->op == Gt || b->op == Ge) return Limits{b->left.get(), b->right.get()};
  if (b->op == Lt || b->op == Le) return Limits{b->right.get(), b->left.get()};
  return std::nullopt;
}

// A constant or a param, or made of them: the limit of a comparison, not what is measured.
bool is_fixed(const typed::Expr& expr) {
  if (as_constant(expr) || std::get_if<typed::ParamExpr>(&expr.node)) return true;
  if (const auto* b = std::get_if<typed::Binary>(&expr.node)) return is_fixed(*b->left) && is_fixed(*b->right);
  if (const auto* c = std::get_if<typed::Convert>(&expr.node)) return is_fixed(*c->operand);
  if (const auto* u = std::get_if<typed::Unary>(&expr.node)) return is_fixed(*u->operand);
  return false;
}

// Compares a float that is measured, somewhere in the condition.
bool is_analog(const typed::Expr& expr) {
  const auto* b = std::get_if<typed::Binary>(&expr.node);
  if (!b) {
    const auto* n = std::get_if<typed::Unary>(&expr.node);
    return n && is_analog(*n->operand);
  }
  if (b->op == BinaryOp::And || b->op == BinaryOp::Or) return is_analog(*b->left) || is_analog(*b->right);
  bool ordered = b->op == BinaryOp::Lt || b->op == BinaryOp::Le || b->op == BinaryOp::Gt || b->op == BinaryOp::Ge;
  return ordered && typed::is_float(b->left->type.kind);
}

}  // namespace

void TaskChecker::check_alarm(const syntax::AlarmDecl& decl, typed::Alarm& out) {
  Effects condition, text;
  begin_body(Place::AlarmCondition, condition);
  if (decl.when) out.when = coerce(expression(decl.when), plain(TypeKind::Bool));
  if (decl.when_for) out.when_for_ns = positive_duration(decl.when_for, "the time behind 'for'").value_or(0);
  place_ = Place::AlarmCondition;
  effects_ = &condition;
  out.clear = check_clear(decl, out);
  if (decl.clear_for) out.clear_for_ns = positive_duration(decl.clear_for, "the time behind 'for'").value_or(0);
  place_ = Place::AlarmText;
  effects_ = &text;
  if (decl.text) {
    Value value = expression(decl.text);
    if (value && value.type().kind != TypeKind::Text) {
      report(Code::TypeMismatch, decl.text->span,
             quoted(decl.text->span) + " is " + to_string(value.type()) + ", but an alarm has a text",
             "write it in quotes");
    } else if (value) {
      out.text = std::move(value.expr);
    }
  }
  end_body();
  bool writes = condition.emits || text.emits || !condition.state_writes.empty() || !text.state_writes.empty();
  if (writes) {
    bool in_text = text.emits || !text.state_writes.empty();
    const syntax::ExprPtr& place = in_text ? decl.text : decl.when;
    report(Code::EffectNotAllowed, place->span,
           std::string(in_text ? "the text" : "the condition") + " of an alarm changes something",
           "call a function that only reads");
  }
  out.needs.assign(condition.needs.begin(), condition.needs.end());
  out.reads_state = condition.reads_state;
  out.reads_clock = condition.reads_clock;
  out.latch = decl.latch;
  if (decl.remind)
    out.remind_every_ns = positive_duration(decl.remind, "what stands behind 'remind every'").value_or(0);
  static const std::vector<std::string> kPriorities{"low", "medium", "high", "critical"};
  if (decl.priority && !decl.priority->text.empty()) {
    auto known = std::ranges::find(kPriorities, decl.priority->text);
    if (known != kPriorities.end()) {
      out.priority = static_cast<typed::Priority>(known - kPriorities.begin());
    } else {
      report(Code::UnknownOption, decl.priority->span,
             "a priority is low, medium, high or critical, not '" + decl.priority->text + "'",
             suggestion(decl.priority->text, kPriorities));
    }
  }
  check_drives(decl, out);
  warn_no_deadband(decl, out);
}

// `clear below v` compares what `when` compares.
typed::ExprPtr TaskChecker::check_clear(const syntax::AlarmDecl& decl, const typed::Alarm& alarm) {
  using syntax::ClearForm;
  if (decl.clear_form == ClearForm::None || !decl.clear) return nullptr;
  if (decl.clear_form == ClearForm::When) return coerce(expression(decl.clear), plain(TypeKind::Bool));
  bool below = decl.clear_form == ClearForm::Below;
  auto limits = limits_of(decl.when.get());
  if (!limits) {
    expression(decl.clear);
    bool is_reported = !alarm.when;
    if (!is_reported) {
      report(Code::ClearNeedsComparison, decl.clear_span, "the condition compares no number that could be cleared at",
             "write clear when …");
    }
    return nullptr;
  }
  const syntax::Expr& subject = below ? *limits->greater : *limits->lesser;
  const syntax::Expr& other = below ? *limits->lesser : *limits->greater;
  Value measured = expression(subject), limit = expression(other), at = expression(decl.clear);
  if (!measured || !limit || !at || !alarm.when) return nullptr;
  if (is_fixed(*measured.expr) && !is_fixed(*limit.expr)) {
    report(Code::ClearWrongSide, decl.clear_span,
           below ? "this alarm is raised by low values, so it clears above"
                 : "this alarm is raised by high values, so it clears below",
           std::string("write clear ") + (below ? "above" : "below") + " …");
    return nullptr;
  }
  // Like a sum: what clears has the unit of what is measured.
  Type type = measured.type();
  typed::ExprPtr value = coerce(std::move(at), type);
  if (!value) return nullptr;
  const typed::Constant* clear_at = as_constant(*value);
  typed::ExprPtr raised_at = as_constant(*limit.expr) ? coerce(std::move(limit), type) : nullptr;
  if (clear_at && raised_at) {
    auto wrong =
        fold_binary(below ? BinaryOp::Gt : BinaryOp::Lt, plain(TypeKind::Bool), *clear_at, *as_constant(*raised_at));
    if (wrong && std::get<bool>(wrong->value)) {
      report(Code::ClearWrongSide, decl.clear->span,
             std::string("the same reading would raise and clear this alarm: ") + quoted(decl.clear->span) +
                 (below ? " is above " : " is below ") + quoted(other.span),
             std::string("clear ") + (below ? "below a lower" : "above a higher") + " value");
      return nullptr;
    }
  }
  return combine(below ? BinaryOp::Lt : BinaryOp::Gt, std::move(measured), Value(std::move(value)), decl.clear_span,
                 decl.clear_span)
      .expr;
}

void TaskChecker::warn_no_deadband(const syntax::AlarmDecl& decl, const typed::Alarm& alarm) {
  if (decl.clear_form != syntax::ClearForm::None || !alarm.when || !is_analog(*alarm.when)) return;
  auto limits = limits_of(decl.when.get());
  bool high = true;
  std::string hint = "add clear when …";
  const auto* b = std::get_if<typed::Binary>(&alarm.when->node);
  if (limits && b) {
    high = !is_fixed(b->op == BinaryOp::Gt || b->op == BinaryOp::Ge ? *b->left : *b->right);
    const syntax::Expr& limit = high ? *limits->lesser : *limits->greater;
    hint =
        std::string("add clear ") + (high ? "below " : "above ") + source_text(limit.span) + (high ? " - …" : " + …");
  }
  report(Code::NoDeadband, decl.name.span, "'" + decl.name.text + "' compares a measured value and has no deadband",
         hint);
}

void TaskChecker::check_drives(const syntax::AlarmDecl& decl, typed::Alarm& alarm) {
  for (const syntax::Name& name : decl.drives) {
    if (name.text.empty()) continue;
    Symbol* symbol = find_symbol(name.text);
    if (!symbol) {
      report(Code::UnknownName, name.span, "'" + name.text + "' is not declared here",
             suggestion(name.text, names_of(SymbolKind::Output)));
      continue;
    }
    symbol->used = true;
    bool is_switch =
        symbol->kind == SymbolKind::Output && task_.outputs[symbol->index].kind == typed::OutputKind::Switch;
    if (!is_switch) {
      report(Code::DrivesNotSwitch, name.span, "'" + name.text + "' is not a switch, and an alarm drives only switches")
          .notes.push_back({symbol->span, "declared here"});
      continue;
    }
    auto id = typed::OutputId{symbol->index};
    if (std::ranges::find(alarm.drives, id) == alarm.drives.end()) alarm.drives.push_back(id);
    task_.outputs[symbol->index].driven_by_alarms = true;
  }
}

void TaskChecker::check_writers() {
  for (std::size_t i = 0; i < task_.outputs.size(); ++i) {
    const typed::Output& output = task_.outputs[i];
    if (!output.driven_by_alarms || !written_at_[i]) continue;
    Diagnostic& d = report(Code::TwoWriters, *written_at_[i],
                           "'" + output.name + "' is driven by an alarm and cannot be written as well",
                           "give the alarm an output of its own");
    for (const typed::Alarm& alarm : task_.alarms) {
      if (std::ranges::find(alarm.drives, typed::OutputId{static_cast<std::uint32_t>(i)}) == alarm.drives.end())
        continue;
      d.notes.push_back({alarm.span, "this alarm drives it"});
      break;
    }
  }
}

void TaskChecker::warn_unused() {
  for (const auto& [name, symbol] : symbols_) {
    if (symbol.used || symbol.of_file || name.starts_with('_')) continue;
    std::string what;
    switch (symbol.kind) {
      case SymbolKind::Alarm:
      case SymbolKind::Unavailable:
        continue;
      case SymbolKind::Output:
        what = "is never written";
        break;
      case SymbolKind::State:
        what = "is never read";
        break;
      case SymbolKind::Function:
        what = "is never called";
        break;
      default:
        what = "is never used";
    }
    report(Code::UnusedName, symbol.span, "'" + name + "' " + what, "remove it, or call it _" + name);
  }
}

}  // namespace eyeflow::compiler::check_detail
