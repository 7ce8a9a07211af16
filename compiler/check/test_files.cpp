#include <algorithm>
#include <charconv>

#include "compiler/check/checker.h"
#include "vm/base/utf8.h"

// Tables of cases that stand in a file: each row becomes what a `case` would be, and everything said about it is said
// at its place in the file.
namespace eyeflow::compiler::check_detail {

using typed::Type;
using typed::TypeKind;

namespace {

constexpr std::size_t kMostCases = 100'000;
constexpr std::size_t kMostWrongRows = 10;  // told of one file

std::string without_blanks(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return c != ' ' && c != '\t'; });
  return out;
}

// "79 °C" → "79", "°C". The number is what from_chars takes, or empty.
std::pair<std::string, std::string> split_quantity(std::string_view text) {
  double ignored = 0;
  const char* end = std::from_chars(text.data(), text.data() + text.size(), ignored).ptr;
  const auto length = static_cast<std::size_t>(end - text.data());
  return {std::string(text.substr(0, length)), std::string(trimmed(text.substr(length)))};
}

CsvField stretch_of(const CsvField& field, std::size_t from, std::size_t length) {
  CsvField out{field.text.substr(from, length), field.span};
  if (field.span.length == field.text.size()) {  // otherwise it stands in quotes
    for (std::size_t i = 0; i < from; ++i)
      out.span.column += (static_cast<unsigned char>(field.text[i]) & 0xC0) != 0x80 ? 1 : 0;
    out.span.offset += static_cast<std::uint32_t>(from);
    out.span.length = static_cast<std::uint32_t>(out.text.size());
  }
  return trimmed(out);
}

}  // namespace

// A cell as if it stood in a `case`: then everything is said about it that is said there. Null when it cannot be read,
// which has been reported.
syntax::ExprPtr TaskChecker::cell_expression(const CsvField& cell, const Type& type, const std::string& unit) {
  auto out = std::make_unique<syntax::Expr>();
  out->span = cell.span;
  const std::string& text = cell.text;
  if (type.kind == TypeKind::Text) {
    out->node = syntax::TextExpr{};
    std::get<syntax::TextExpr>(out->node).parts.push_back({text, nullptr, {}, {}, cell.span});
    return out;
  }
  if (text == "missing" || text == "bad") return out->node = syntax::MissingExpr{}, std::move(out);
  if (type.kind == TypeKind::Bool) {
    const bool is_true = text == "true" || text == "on" || text == "1";
    if (!is_true && text != "false" && text != "off" && text != "0") {
      report(Code::TypeMismatch, cell.span, "'" + text + "' is neither true nor false", "write true, false, on or off");
      return nullptr;
    }
    out->node = syntax::BoolExpr{is_true};
    return out;
  }
  if (type.kind == TypeKind::Enum) return out->node = syntax::NameExpr{text}, std::move(out);
  const bool is_negative = text.starts_with('-');
  auto [number, own_unit] = split_quantity(std::string_view(text).substr(is_negative ? 1 : 0));
  if (number.empty() || number[0] == '-' || !(number[0] >= '0' && number[0] <= '9')) {
    report(Code::BadNumber, cell.span, "'" + text + "' is not a number",
           "write digits with a decimal point, and a unit behind them if the header names none");
    return nullptr;
  }
  std::string written = own_unit.empty() ? unit : own_unit;
  syntax::NumberExpr literal{number, {}};
  if (!written.empty()) literal.unit = syntax::UnitText{written, cell.span};
  out->node = std::move(literal);
  if (!is_negative) return out;
  auto negative = std::make_unique<syntax::Expr>();
  negative->span = cell.span;
  negative->node = syntax::UnaryExpr{syntax::UnaryOp::Negate, std::move(out)};
  return negative;
}

bool TaskChecker::read_data_header(const std::vector<CsvField>& record, const Span& test,
                                   std::vector<DataColumn>& columns) {
  bool is_sound = true;
  const auto report_here = [&](const Span& place, std::string message, std::string hint) {
    report(Code::TestFile, place, std::move(message), std::move(hint)).notes.push_back({test, "the test's columns"});
    is_sound = false;
  };
  for (std::size_t f = 0; f < record.size(); ++f) {
    CsvField name = record[f], unit;
    const std::size_t bracket = name.text.find('[');
    if (bracket != std::string::npos && name.text.ends_with(']')) {
      unit = stretch_of(name, bracket + 1, name.text.size() - bracket - 2);
      name = stretch_of(name, 0, bracket);
    }
    const auto found = std::ranges::find(columns, without_blanks(name.text), &DataColumn::name);
    if (found == columns.end()) {
      std::vector<std::string> open;
      for (const DataColumn& column : columns)
        if (!column.field) open.push_back(column.name);
      std::string hint = suggestion(name.text, open);
      if (hint.empty() && open.size() == 1) hint = "write " + open.front();
      report_here(name.span, "the test has no column '" + name.text + "'", std::move(hint));
      continue;
    }
    if (found->field) {
      report_here(name.span, "the column '" + name.text + "' stands here twice", "take one of them out");
      continue;
    }
    found->field = f;
    const bool is_duration = found->type->kind == TypeKind::Duration;
    if (unit.text.empty()) {
      if (typed::is_number(found->type->kind)) found->unit = typed::unit_text(*found->type);
      continue;
    }
    found->unit = unit.text;
    const auto written = find_unit(unit.text);
    if (!written) {
      report_unit(unit.text, unit.span, written.error().message);
      is_sound = false;
    } else if (is_duration ? !stdlib::nanoseconds(*written) : !typed::is_number(found->type->kind)) {
      report_here(unit.span, "'" + name.text + "' is a " + typed::to_string(*found->type) + ", not in " + unit.text,
                  "");
    } else if (!is_duration && stdlib::mixing(*written, typed::unit_of(*found->type)) == stdlib::Mixing::Impossible) {
      report(Code::DimensionMismatch, unit.span,
             "'" + name.text + "' is " + typed::quantity_name(typed::unit_of(*found->type)) + ", not " +
                 typed::quantity_name(*written));
      is_sound = false;
    }
  }
  for (const DataColumn& column : columns)
    if (is_sound && !column.field)  // otherwise it may be the one that is named wrongly
      report_here(record[0].span, "the column '" + column.name + "' is missing", "the first line names the columns");
  return is_sound;
}

bool TaskChecker::has_all_fields(const std::vector<CsvField>& record, const std::vector<DataColumn>& columns) {
  if (record.size() == columns.size()) return true;
  report(Code::TestFile, join(record.front().span, record.back().span),
         "this line has " + std::to_string(record.size()) + " fields, but the header names " +
             std::to_string(columns.size()),
         "a value with commas stands in quotes");
  return false;
}

bool TaskChecker::read_data_row(const std::vector<CsvField>& record, const std::vector<DataColumn>& columns,
                                const TestScope& scope, typed::Test& out) {
  if (!has_all_fields(record, columns)) return false;
  const Span place = join(record.front().span, record.back().span);
  typed::Case made{.span = place, .words = {}, .givens = {}, .feeds = {}, .wanted = {}};
  bool is_sound = true;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const DataColumn& column = columns[c];
    const CsvField& field = record[*column.field];
    syntax::Pattern cell;
    const bool is_given = !field.text.empty() && field.text != "_";
    if (is_given && typed::is_array(column.type->kind) && field.text != "missing" && field.text != "bad") {
      cell.file = syntax::TestFile{field.text, field.span};
    } else if (is_given) {
      const std::size_t dots = column.type->kind == TypeKind::Text ? std::string::npos : field.text.find("..");
      cell.value = cell_expression(stretch_of(field, 0, dots), *column.type, column.unit);
      if (!cell.value) return false;
      if (dots != std::string::npos) {
        cell.last = cell_expression(stretch_of(field, dots + 2, std::string::npos), *column.type, column.unit);
        if (!cell.last) return false;
      }
    }
    if (c >= scope.columns.size()) {
      is_sound = add_case_answer(scope.wanted[c - scope.columns.size()], cell, made) && is_sound;
      continue;
    }
    is_sound = add_case_value(scope.columns[c], cell, made) && is_sound;
    const bool lacks_unit = cell.value && !column.unit.empty() && split_quantity(field.text).second.empty();
    made.words += (c == 0 ? "" : ", ") + column.name + " " + (field.text.empty() ? "_" : field.text) +
                  (lacks_unit ? " " + column.unit : "");
  }
  if (is_sound) out.cases.push_back(std::move(made));
  return is_sound;
}

bool TaskChecker::read_records(const syntax::TestFile& named,
                               const std::function<bool(const std::vector<CsvField>&, const Span&)>& take) {
  const auto data = std::ranges::find(modules_given_.data, named.path, &DataFile::path);
  if (data == modules_given_.data.end()) return false;
  if (!data->problem.empty()) {
    report(Code::TestFile, named.span, data->problem, "the path is that from the folder of this file");
    return false;
  }
  const std::string_view text = source_.substr(data->begin, data->length);
  if (!is_utf8(text)) {
    report(Code::TestFile, named.span, named.path + " is not UTF-8", "save it as UTF-8");
    return false;
  }
  for (CsvPlace place; place.offset < text.size();) {
    const CsvPlace before = place;
    auto record = next_csv_record(text, place);
    const Span line{before.line, 1, data->begin + static_cast<std::uint32_t>(before.offset), 0};
    if (!record) {
      report(Code::TestFile, line, "a quote is not closed before the file ends", "end the field with \"");
      return false;
    }
    for (CsvField& field : *record) {
      field.span.offset += data->begin;
      field = trimmed(field);
    }
    if (record->front().text.starts_with('#') || (record->size() == 1 && record->front().text.empty())) continue;
    if (!take(*record, line)) return false;
  }
  return true;
}

void TaskChecker::read_cases(typed::Test& out, const TestScope& scope) {
  if (!scope.is_sound) return;
  const syntax::TestFile& named = *scope.table->file;
  // In the order of the table: those given, then those expected.
  std::vector<DataColumn> columns;
  for (const TestColumn& column : scope.columns) {
    const bool is_optional = column.type.kind == TypeKind::Optional;
    columns.push_back({is_optional ? column.type.element : &column.type, column.name.text, {}, {}});
  }
  for (std::size_t i = 0; i < scope.wanted.size(); ++i)
    columns.push_back({&scope.wanted[i], without_blanks(out.columns[i].source), {}, {}});

  bool has_header = false;
  std::size_t wrong_rows = 0;
  const bool is_whole = read_records(named, [&](const std::vector<CsvField>& record, const Span& line) {
    if (!has_header) return has_header = true, read_data_header(record, scope.table->span, columns);
    if (out.cases.size() == kMostCases) {
      report(Code::TestFile, line, "a table has at most " + std::to_string(kMostCases) + " rows", "split the file");
      return false;
    }
    wrong_rows += !read_data_row(record, columns, scope, out);
    return wrong_rows < kMostWrongRows;
  });
  if (is_whole && wrong_rows == 0 && out.cases.empty())
    report(Code::TestFile, named.span, named.path + " has no rows",
           "its first line names the columns, then come the rows");
}

}  // namespace eyeflow::compiler::check_detail
