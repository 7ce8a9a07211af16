#include <algorithm>

#include "compiler/check/checker.h"

// What a test runs with: tables of cases, in the test or in a file, and `for any`.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

namespace {

// Of what a reading or an answer is, when it is there.
const Type& bare(const Type& type) { return type.kind == TypeKind::Optional ? *type.element : type; }

bool is_left_out(const syntax::Pattern& cell) {
  if (cell.file) return false;
  const auto* name = cell.value ? std::get_if<syntax::NameExpr>(&cell.value->node) : nullptr;
  return !cell.value || (name && name->name == "_");
}

std::string counted(std::size_t count, const char* one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

}  // namespace

// ---- What the lines say

void TaskChecker::check_table_lines(const syntax::TestDecl& decl, typed::Test& out, TestScope& scope) {
  bool has_steps = false;
  for (const syntax::TestStep& step : decl.steps) {
    using enum syntax::StepForm;
    Effects effects;
    switch (step.form) {
      case Cases:
      case Any:
        if (has_steps)
          report(Code::TestTable, step.span, "what a test runs with is said before its first step",
                 "move this line up");
        if (scope.table && (step.form == Cases || scope.table->form == Cases)) {
          report(Code::TestTable, step.span, "a test has one table, or any values",
                 "write another test for what this line adds")
              .notes.push_back({scope.table->span, "it runs with this already"});
          break;
        }
        scope.table = &step;
        begin_test_body({}, effects);
        for (const syntax::Column& column : step.columns)
          step.form == Cases ? check_column(column, out, scope) : check_any(column, out, scope);
        end_body();
        if (step.form == Any) {
          out.for_any = true;
          break;
        }
        out.has_cases = true;
        check_wanted(step, out, scope);
        if (!step.file) break;
        begin_body(Place::Constant, effects);
        read_cases(out, scope);
        end_body();
        break;
      case Case:
        if (!scope.table || scope.table->form != Cases) {
          report(Code::TestTable, step.span, "this row belongs to no table",
                 "say above it what its columns are, as in: cases t1 -> siren");
        } else if (has_steps) {
          report(Code::TestTable, step.span, "the rows of a table stand above the steps", "move this line up");
        } else {
          begin_body(Place::Constant, effects);
          check_case(step, out, scope);
          end_body();
        }
        break;
      case Param:
        break;
      default:
        has_steps = true;
    }
  }
  const bool has_rows =
      std::ranges::find(decl.steps, syntax::StepForm::Case, &syntax::TestStep::form) != decl.steps.end();
  if (out.has_cases && !has_rows && scope.is_sound && !scope.table->file) {
    report(Code::TestTable, scope.table->span, "this table has no rows",
           "write one below it for each case, as in: case 79 °C -> off");
  }
}

void TaskChecker::check_column(const syntax::Column& column, typed::Test& out, TestScope& scope) {
  if (column.name.text.empty()) return void(scope.is_sound = false);
  if (!column.type) {
    const Symbol* symbol = find_symbol(column.name.text);
    if (!symbol || symbol->kind != SymbolKind::Input) {
      report(Code::UnknownName, column.name.span, "'" + column.name.text + "' is no input of " + task_.name,
             "a name of the test's own has a type: " + column.name.text + ": °C");
      scope.is_sound = false;
      return;
    }
    scope.columns.push_back({column.name, task_.inputs[symbol->index].type, typed::InputId{symbol->index}});
    return;
  }
  const Type type = resolve(column.type);
  if (type.kind != TypeKind::Error && !typed::is_scalar(type.kind)) {
    report(Code::TypeMismatch, column.type->span,
           "a value of a test is a number, a bool, a duration or an enum, but this is " + typed::to_string(type),
           type.kind == TypeKind::Text ? "make the input a column of its own: cases command -> …" : "");
    scope.is_sound = false;
    return;
  }
  if (type.kind == TypeKind::Error) scope.is_sound = false;
  scope.columns.push_back({column.name, type, std::nullopt});
  out.givens.push_back({column.name.text, column.name.span, type});
}

void TaskChecker::check_wanted(const syntax::TestStep& table, typed::Test& out, TestScope& scope) {
  for (const syntax::ExprPtr& wanted : table.wanted) {
    Effects effects;
    begin_test_body(scope, effects);
    Value value = settle(expression(wanted));
    end_test_body(scope);
    if (!value) {
      scope.is_sound = false;
      continue;
    }
    const Type type = value.type();
    if (!typed::is_scalar(type.kind) && type.kind != TypeKind::Text) {
      report(Code::TypeMismatch, wanted->span,
             "a table compares single values and texts, but this is " + typed::to_string(type), "name a part of it");
      scope.is_sound = false;
      continue;
    }
    scope.wanted.push_back(type);
    out.columns.push_back({std::move(value.expr), source_text(wanted->span)});
  }
}

// ---- for any

bool TaskChecker::any_range(const syntax::Column& column, const Type& type, typed::Between& out) {
  const bool is_named = type.kind == TypeKind::Bool || type.kind == TypeKind::Enum;
  if (is_named && !column.min) {
    const std::int64_t last = type.kind == TypeKind::Bool ? 1 : std::ssize(type.enumeration->values) - 1;
    const auto make = [&](std::int64_t value) {
      return type.kind == TypeKind::Bool ? make_bool(type, value != 0) : make_whole(type, value);
    };
    out = {make(0), make(last)};
    return true;
  }
  if (!typed::is_scalar(type.kind) || is_named) {
    report(Code::TestTable, column.name.span,
           is_named ? "all values of '" + column.name.text + "' are tried"
                    : "a test cannot choose values of " + typed::to_string(type),
           is_named ? "leave the range out" : "feed it in a step");
    return false;
  }
  if (!column.min || !column.max) {
    report(Code::TestTable, column.name.span, "between what '" + column.name.text + "' lies is not said",
           "write its range: for any " + column.name.text + " in … .. …");
    return false;
  }
  auto min = constant(column.min, type);
  auto max = constant(column.max, type);
  if (!min || !max) return false;
  if (!is_ascending(*min, *max)) {
    report(Code::EmptyRange, join(column.min->span, column.max->span), "nothing lies in this range",
           "the smaller end stands first");
    return false;
  }
  out = {std::move(*min), std::move(*max)};
  return true;
}

void TaskChecker::check_any(const syntax::Column& column, typed::Test& out, TestScope& scope) {
  if (column.name.text.empty()) return;
  const Symbol* symbol = column.type ? nullptr : find_symbol(column.name.text);
  typed::Between range;
  if (symbol && symbol->kind == SymbolKind::Input) {
    const typed::InputId input{symbol->index};
    if (!any_range(column, bare(task_.inputs[symbol->index].type), range)) return;
    scope.columns.push_back({column.name, task_.inputs[symbol->index].type, input});
    if (std::ranges::any_of(out.streams, [&](const typed::Stream& s) { return s.input == input; })) {
      report(Code::TestTable, column.name.span, "'" + column.name.text + "' stands here twice",
             "leave one of them out");
      return;
    }
    out.streams.push_back({input, std::move(range)});
    return;
  }
  Type type;
  if (column.type) {
    type = resolve(column.type);
  } else if (column.min) {
    Place before = std::exchange(place_, Place::Constant);
    Value first = settle(expression(column.min));
    place_ = before;
    if (first) type = first.type();
  } else {
    report(Code::UnknownName, column.name.span, "'" + column.name.text + "' is no input of " + task_.name,
           "a name of the test's own has a type or a range: " + column.name.text + " in 0 .. 10");
  }
  const bool is_known = type.kind != TypeKind::Error && any_range(column, type, range);
  scope.columns.push_back({column.name, is_known ? type : Type{}, std::nullopt});
  out.givens.push_back({column.name.text, column.name.span, type});
  out.ranges.push_back(std::move(range));
}

// ---- Rows

bool TaskChecker::add_case_value(const TestColumn& column, const syntax::Pattern& cell, typed::Case& out) {
  if (cell.last) {
    report(Code::TestTable, join(cell.value->span, cell.last->span), "a range is expected of something, never given",
           "give one value");
    return false;
  }
  if (column.input && is_left_out(cell)) return true;
  if (cell.file) {
    if (!column.input) {
      report(Code::TestTable, cell.file->span,
             "'" + column.name.text + "' is no input, and only those are fed from files", "write its value");
      return false;
    }
    auto feed = cell_feed(*column.input, *cell.file);
    if (feed) out.feeds.push_back(std::move(*feed));
    return feed.has_value();
  }
  if (column.input && std::holds_alternative<syntax::MissingExpr>(cell.value->node)) {
    out.feeds.push_back({*column.input, {}});
    return true;
  }
  if (is_left_out(cell)) {
    report(Code::TestTable, cell.value ? cell.value->span : out.span, "'" + column.name.text + "' has no value here",
           "only inputs and answers can be left out");
    return false;
  }
  auto value = constant(cell.value, bare(column.type));
  if (!value) return false;
  if (column.input)
    out.feeds.push_back({*column.input, std::move(*value)});
  else
    out.givens.push_back(std::move(*value));
  return true;
}

bool TaskChecker::add_case_answer(const Type& type, const syntax::Pattern& cell, typed::Case& out) {
  if (is_left_out(cell)) return out.wanted.emplace_back(), true;
  if (cell.file) {
    report(Code::TestTable, cell.file->span, "what is expected stands in no file", "write the value");
    return false;
  }
  auto value = constant(cell.value, type);
  if (!value) return false;
  typed::Wanted wanted{std::move(*value), {}};
  if (cell.last) {
    if (!typed::is_number(type.kind) && type.kind != TypeKind::Time && type.kind != TypeKind::Duration) {
      report(Code::TestTable, cell.last->span, "values of " + typed::to_string(type) + " have no order",
             "give one value");
      return false;
    }
    wanted.last = constant(cell.last, type);
    if (!wanted.last) return false;
    if (!is_ascending(wanted.value, *wanted.last)) {
      report(Code::EmptyRange, join(cell.value->span, cell.last->span), "nothing lies in this range",
             "the smaller end stands first");
      return false;
    }
  }
  out.wanted.emplace_back(std::move(wanted));
  return true;
}

void TaskChecker::check_case(const syntax::TestStep& step, typed::Test& out, const TestScope& scope) {
  if (!scope.is_sound) return;
  if (step.row.size() != scope.columns.size() || step.answer.size() != scope.wanted.size()) {
    std::string columns = counted(scope.columns.size(), "value");
    if (!scope.wanted.empty()) columns += " and behind '->' " + counted(scope.wanted.size(), "answer");
    std::string found = std::to_string(step.row.size());
    if (!scope.wanted.empty() || !step.answer.empty()) found += " and " + std::to_string(step.answer.size());
    report(Code::TestTable, step.span, "a row of this table has " + columns + ", but this one has " + found,
           "'_' stands for an answer that does not matter, or an input without a reading")
        .notes.push_back({scope.table->span, "the columns"});
    return;
  }
  typed::Case made{.span = step.span, .words = {}, .givens = {}, .feeds = {}, .wanted = {}};
  bool is_sound = true;
  for (std::size_t i = 0; i < step.row.size(); ++i) {
    const syntax::Pattern& cell = step.row[i];
    if (!cell.value && !cell.file) return;
    is_sound = add_case_value(scope.columns[i], cell, made) && is_sound;
    made.words += (i == 0 ? "" : ", ") + scope.columns[i].name.text + " " +
                  (cell.file ? cell.file->path : source_text(cell.value->span));
  }
  for (std::size_t i = 0; i < step.answer.size(); ++i)
    is_sound = add_case_answer(scope.wanted[i], step.answer[i], made) && is_sound;
  if (is_sound) out.cases.push_back(std::move(made));
}

}  // namespace eyeflow::compiler::check_detail
