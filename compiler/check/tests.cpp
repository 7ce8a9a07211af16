#include <algorithm>

#include "compiler/check/checker.h"

namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

bool TaskChecker::is_ascending(const typed::Constant& a, const typed::Constant& b) const {
  return std::get<bool>(fold_binary(typed::BinaryOp::Le, plain(TypeKind::Bool), a, b)->value);
}

void TaskChecker::begin_test_body(const TestScope& scope, Effects& effects) {
  begin_body(Place::Test, effects);
  for (const TestColumn& column : scope.columns)
    if (!column.input) declare_local(column.name, column.type, false);
}

void TaskChecker::end_test_body(TestScope& scope) {
  scope.used.resize(body_.infos.size());
  for (std::size_t given = 0; given < body_.infos.size(); ++given) {
    scope.used[given] = scope.used[given] || body_.infos[given].used;
    body_.infos[given].used = true;  // said once, at the end
  }
  end_body();
}

std::pair<std::optional<typed::Constant>, typed::ExprPtr> TaskChecker::test_value(const syntax::ExprPtr& expr,
                                                                                  const Type& type) {
  if (type.kind == TypeKind::Error) return {};
  typed::ExprPtr value = coerce(expression(expr, &type), type);
  if (!value) return {};
  if (const typed::Constant* known = as_constant(*value)) return {*known, nullptr};
  if (!typed::is_scalar(type.kind) && type.kind != TypeKind::Text)
    if (auto known = to_constant(std::move(value))) return {std::move(*known), nullptr};
  if (!value) return {};
  return {std::nullopt, std::move(value)};
}

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
  if (param.min && (!is_ascending(*param.min, *value) || !is_ascending(*value, *param.max))) {
    report(Code::OutOfRange, step.value->span,
           quoted(step.value->span) + " lies outside the range of '" + param.name + "'")
        .notes.push_back({param.span, "declared here"});
  }
  out.params.push_back({typed::ParamId{symbol->index}, std::move(*value)});
}

std::optional<typed::InputId> TaskChecker::fed_input(const syntax::TestStep& step) {
  if (step.target.text.empty()) return std::nullopt;
  Symbol* symbol = find_symbol(step.target.text);
  if (!symbol) {
    report(Code::UnknownName, step.target.span, "task " + task_.name + " has no input '" + step.target.text + "'",
           suggestion(step.target.text, names_of(SymbolKind::Input)));
    return std::nullopt;
  }
  if (!step.fields.empty()) {
    report(Code::TypeMismatch, step.span,
           "'" + step.target.text + "' takes one value; fields in braces are what a model answers");
    return std::nullopt;
  }
  if (symbol->kind != SymbolKind::Input) {
    report(Code::NotAnInput, step.target.span,
           "'" + step.target.text + "' is not an input, and a test feeds only inputs");
    return std::nullopt;
  }
  return typed::InputId{symbol->index};
}

std::optional<typed::Feed> TaskChecker::check_feed(const syntax::TestStep& step) {
  const auto fed = fed_input(step);
  if (!fed) return std::nullopt;
  const typed::InputId input = *fed;
  if (step.value && std::holds_alternative<syntax::MissingExpr>(step.value->node)) return typed::Feed{input, {}};
  const Type& type = task_.inputs[typed::index(input)].type;
  auto [value, computed] = test_value(step.value, type.kind == TypeKind::Optional ? *type.element : type);
  if (!value && !computed) return std::nullopt;
  return typed::Feed{input, std::move(value), std::move(computed)};
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

std::optional<typed::Expect> TaskChecker::check_expect(const syntax::TestStep& step) {
  std::optional<std::int64_t> within;
  if (step.within) within = positive_duration(step.within, "the time behind 'within'");
  typed::ExprPtr condition = coerce(expression(step.value), plain(TypeKind::Bool));
  if (!condition) return std::nullopt;
  return typed::Expect{std::move(condition), source_text(step.value->span), step.form == syntax::StepForm::Never,
                       within};
}

void TaskChecker::check_step_time(const syntax::TestStep& step, std::int64_t& now, typed::TestStep& out) {
  if (step.at) {
    auto [known, computed] = test_value(step.at, plain(TypeKind::Duration));
    const std::int64_t ns = known ? std::get<std::int64_t>(known->value) : now;
    if (ns < now) {
      report(Code::TimeRunsBack, step.at->span, quoted(step.at->span) + " lies before the step above",
             "steps stand in the order of time");
    }
    now = std::max(now, ns);
    out.at_computed = std::move(computed);
  }
  out.at_ns = now;
}

typed::Test TaskChecker::test(const syntax::TestDecl& decl, std::uint32_t task_index) {
  typed::Test out{.title = decl.title, .span = decl.span, .task = task_index};
  TestScope scope;
  check_table_lines(decl, out, scope);
  std::int64_t now = 0;
  bool has_time = false;
  for (const syntax::TestStep& step : decl.steps) {
    using enum syntax::StepForm;
    if (step.form == Cases || step.form == Case || step.form == Any) continue;
    Effects effects;
    begin_test_body(scope, effects);
    typed::TestStep made{.span = step.span, .at_ns = 0, .at_computed = nullptr, .action = typed::Operate{}};
    bool is_sound = false;
    const auto take = [&](auto action) {
      is_sound = action.has_value();
      if (action) made.action = std::move(*action);
    };
    if (step.form == Param) {
      check_override(step, out);
    } else {
      has_time = has_time || step.at;
      check_step_time(step, now, made);
      if (step.form == Feed && step.file) {
        check_file_feed(step, std::move(made), now, out);
      } else if (step.form == Feed) {
        Symbol* model = step.target.text.empty() ? nullptr : find_symbol(step.target.text);
        if (model && model->kind == SymbolKind::Model)
          take(check_answer(step, model->index));
        else
          take(check_feed(step));
      } else if (step.form == Operate) {
        take(check_operate(step));
      } else if (step.value) {
        take(check_expect(step));
      }
    }
    if (auto* expect = std::get_if<typed::Expect>(&made.action))
      expect->always = !out.streams.empty() && !has_time && !expect->never && !expect->within_ns;
    if (is_sound) out.steps.push_back(std::move(made));
    end_test_body(scope);
  }
  for (std::size_t given = 0; given < out.givens.size(); ++given) {
    const typed::Local& local = out.givens[given];
    if (given >= scope.used.size() || scope.used[given] || local.name.starts_with('_')) continue;
    report(Code::UnusedName, local.span, "'" + local.name + "' is never used",
           "use it in a step, as in: at 0 s t1 <- " + local.name);
  }
  return out;
}

}  // namespace eyeflow::compiler::check_detail
