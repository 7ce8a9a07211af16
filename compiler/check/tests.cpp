#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

void TaskChecker::check_override(const syntax::TestStep& step, typed::Test& out) {
  if (!out.steps.empty()) {
    report(Code::LateOverride, step.span, "a param is set before the first step", "move this line up");
  }
  Symbol* symbol = find_symbol(step.target.text);
  if (!symbol || symbol->kind != SymbolKind::Param) {
    if (step.target.text.empty()) return;
    report(Code::UnknownName, step.target.span, "task " + task_.name + " has no param '" + step.target.text + "'",
           suggestion(step.target.text, names_of(SymbolKind::Param)));
    return;
  }
  const typed::Param& param = task_.params[symbol->index];
  auto value = constant(step.value, param.type);
  if (!value) return;
  auto less = [&](const typed::Constant& a, const typed::Constant& b) {
    return std::get<bool>(fold_binary(typed::BinaryOp::Lt, plain(TypeKind::Bool), a, b)->value);
  };
  if (param.min && (less(*value, *param.min) || less(*param.max, *value))) {
    report(Code::OutOfRange, step.value->span,
           quoted(step.value->span) + " lies outside the range of '" + param.name + "'")
        .notes.push_back({param.span, "declared here"});
  }
  out.params.push_back({typed::ParamId{symbol->index}, std::move(*value)});
}

std::optional<typed::Feed> TaskChecker::check_feed(const syntax::TestStep& step) {
  if (step.target.text.empty()) return std::nullopt;
  Symbol* symbol = find_symbol(step.target.text);
  if (!symbol) {
    report(Code::UnknownName, step.target.span, "task " + task_.name + " has no input '" + step.target.text + "'",
           suggestion(step.target.text, names_of(SymbolKind::Input)));
    return std::nullopt;
  }
  if (symbol->kind != SymbolKind::Input) {
    report(Code::NotAnInput, step.target.span,
           "'" + step.target.text + "' is not an input, and a test feeds only inputs");
    return std::nullopt;
  }
  const typed::InputId input{symbol->index};
  if (step.value && std::holds_alternative<syntax::MissingExpr>(step.value->node)) return typed::Feed{input, {}};
  const Type& type = task_.inputs[symbol->index].type;
  auto value = constant(step.value, type.kind == TypeKind::Optional ? *type.element : type);
  if (!value) return std::nullopt;
  return typed::Feed{input, std::move(*value)};
}

std::optional<typed::Operate> TaskChecker::check_operate(const syntax::TestStep& step) {
  if (step.target.text.empty() || step.action.text.empty()) return std::nullopt;
  Symbol* symbol = find_symbol(step.target.text);
  if (!symbol || symbol->kind != SymbolKind::Alarm) {
    report(Code::UnknownName, step.target.span, "task " + task_.name + " has no alarm '" + step.target.text + "'",
           suggestion(step.target.text, names_of(SymbolKind::Alarm)));
    return std::nullopt;
  }
  typed::Operate out{typed::Operate::Kind::Acknowledge, typed::AlarmId{symbol->index}};
  const bool shelves = step.action.text == "shelve";
  if (shelves) {
    out.kind = typed::Operate::Kind::Shelve;
  } else if (step.action.text == "unshelve") {
    out.kind = typed::Operate::Kind::Unshelve;
  } else if (step.action.text != "ack") {
    report(Code::UnknownMember, step.action.span, "nobody can '" + step.action.text + "' an alarm",
           "write .ack(), .shelve(1 h) or .unshelve()");
    return std::nullopt;
  }
  if (shelves != (step.value != nullptr)) {
    report(Code::ArgumentCount, step.span,
           shelves ? "an alarm is shelved for a time" : "'" + step.action.text + "' takes nothing",
           shelves ? "write " + step.target.text + ".shelve(1 h)"
                   : "write " + step.target.text + "." + step.action.text + "()");
    return std::nullopt;
  }
  if (!shelves) return out;
  const auto time = positive_duration(step.value, "the time on the shelf");
  if (!time) return std::nullopt;
  out.for_ns = *time;
  return out;
}

typed::Test TaskChecker::test(const syntax::TestDecl& decl, std::uint32_t task_index) {
  typed::Test out{decl.title, decl.span, task_index, {}, {}};
  std::int64_t now = 0;
  for (const syntax::TestStep& step : decl.steps) {
    Effects effects;
    begin_body(Place::Test, effects);
    if (step.form == syntax::StepForm::Param) {
      check_override(step, out);
      end_body();
      continue;
    }
    if (step.at) {
      auto at = constant(step.at, plain(TypeKind::Duration));
      std::int64_t ns = at ? std::get<std::int64_t>(at->value) : now;
      if (ns < now) {
        report(Code::TimeRunsBack, step.at->span, quoted(step.at->span) + " lies before the step above",
               "steps stand in the order of time");
      }
      now = std::max(now, ns);
    }
    if (step.form == syntax::StepForm::Feed) {
      if (auto feed = check_feed(step)) out.steps.push_back({step.span, now, std::move(*feed)});
    } else if (step.form == syntax::StepForm::Operate) {
      if (auto operate = check_operate(step)) out.steps.push_back({step.span, now, *operate});
    } else if (step.value) {
      std::optional<std::int64_t> within;
      if (step.within) within = positive_duration(step.within, "the time behind 'within'");
      place_ = Place::Test;
      effects_ = &effects;
      typed::ExprPtr condition = coerce(expression(step.value), plain(TypeKind::Bool));
      const Span& span = step.value->span;
      if (condition) {
        out.steps.push_back({step.span, now,
                             typed::Expect{std::move(condition), std::string(source_.substr(span.offset, span.length)),
                                           step.form == syntax::StepForm::Never, within}});
      }
    }
    end_body();
  }
  return out;
}

}  // namespace eyeflow::compiler::check_detail
