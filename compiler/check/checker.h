#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/check/bounds.h"
#include "compiler/check/check.h"
#include "compiler/check/entries.h"
#include "compiler/check/fold.h"
#include "compiler/check/test_scope.h"
#include "compiler/check/typed_tree.h"
#include "compiler/check/units.h"
#include "compiler/syntax/csv.h"

// The checker's own state; only the files of this folder include it. One TaskChecker checks one task, together with the
// file's own declarations that it may use.
namespace eyeflow::compiler::check_detail {

class TaskChecker {
 public:
  TaskChecker(const syntax::File& file, const syntax::TaskDecl& task, std::string_view source, const Modules& modules,
              typed::TypeArena& arena, Diagnostics& diagnostics);

  void run();
  // Everything of a module that is not open in its sizes; instead of run().
  void run_module(std::uint32_t module);
  // After run(): a test of this task.
  typed::Test test(const syntax::TestDecl& decl, std::uint32_t task_index);
  // The task, at the very end.
  typed::Task take() { return std::move(task_); }
  // Names of the file's declarations that this task uses.
  std::set<std::string> used_file_names() const;

 private:
  // ---- Declarations (declarations.cpp, functions.cpp)
  // ------------------------------------------------------------------
  void declare_all();
  void declare(const syntax::Name& name, Symbol symbol);
  void declare_enum(const syntax::EnumDecl& decl, Home home);
  // `idle`, where a value of that enum is expected; nothing when it has none of that name.
  Value enum_value(const typed::Enum& of, const std::string& name, const Span& span);
  bool is_bare_enum_value(const std::string& name);
  Value enum_member(std::uint32_t index, const syntax::Name& name, const Span& span);
  void declare_node(const syntax::Decl& decl, Home home);
  void check_bad_form(const syntax::InputDecl& decl, typed::Input& out);
  const typed::Enum& quality();  // good, stale, bad
  void check_input(const syntax::InputDecl& decl, typed::Input& out);
  void check_output(const syntax::OutputDecl& decl, typed::Output& out);
  void check_param(const syntax::ParamDecl& decl, typed::Param& out);
  void check_state(const syntax::StateDecl& decl, typed::State& out);
  void check_const(ConstEntry& entry);
  const typed::Record* record_of(std::uint32_t index, const std::vector<std::uint32_t>& sizes = {});
  const RecordForm& form_of(const typed::Record& record) { return records_[record.declared].forms.at(record.sizes); }
  // A record that consists of its defaults; null when a field has none.
  typed::ExprPtr default_record(const typed::Type& type, const Span& span);
  std::vector<typed::Field> check_log_fields(const std::vector<syntax::LogField>& fields);
  void check_field_name(const syntax::Name& name, const std::vector<typed::Field>& before);
  void check_alarm(const syntax::AlarmDecl& decl, typed::Alarm& out);
  typed::ExprPtr check_clear(const syntax::AlarmDecl& decl, const typed::Alarm& alarm);
  void warn_no_deadband(const syntax::AlarmDecl& decl, const typed::Alarm& alarm);
  void check_drives(const syntax::AlarmDecl& decl, typed::Alarm& alarm);
  // ---- What starts a handler (triggers.cpp)
  void check_handler(const syntax::HandlerDecl& decl, const Span& span);
  void check_trigger(const syntax::HandlerDecl& decl, typed::Handler& out);
  std::optional<typed::InputId> trigger_input(const syntax::ExprPtr& subject);
  void check_condition(const syntax::HandlerDecl& decl, typed::Handler& out);
  void check_time_of_day(const syntax::HandlerDecl& decl, typed::Handler& out);
  typed::Type check_window(const syntax::WindowExpr& window, typed::Handler& out);
  bool check_window_by_time(const syntax::WindowExpr& window, const typed::Input& input, typed::Window& out);
  bool check_window_by_count(const syntax::WindowExpr& window, typed::Window& out);
  void check_signature(FunctionEntry& entry);
  void order_functions();
  // Its code, before that of whoever calls it. Reports a way back to itself.
  void check_callee(std::uint32_t function, const Span& call);
  void check_function(std::uint32_t function);
  void declare_self(const Receiver& receiver, const Span& span);
  typed::ExprPtr self_place(const Span& span) const;  // a copy of Body::self
  void report_cycle(std::uint32_t function, const Span& call);
  bool has_open_sizes(const syntax::FunctionDecl& decl);
  bool infer(const syntax::Type& written, const typed::Type& actual, Sizes& sizes);
  std::uint32_t instance(const FunctionEntry& of, Sizes sizes, std::optional<Receiver> receiver, std::string name);

  // ---- Modules (modules.cpp)
  void declare_use(const syntax::UseDecl& decl, Home home);
  void declare_module(std::uint32_t module);
  std::optional<std::uint32_t> find_module(const syntax::Name& path);
  const std::vector<Use>& uses() const;
  // A name of the file or task, not of a module that they use.
  Symbol* find_own_symbol(std::string_view name);
  bool is_module_name(const std::string& word);  // of a used one, and nothing else here
  // `stats.running`: a name of that module; reports that it has none.
  Symbol* find_in_module(std::string_view word, const syntax::Name& name);
  std::string place_name(const typed::Expr& place) const;  // "line.left", in a state
  Home home() const { return {module_, outside_task_}; }
  // What `work` does, as if it stood where `home` says.
  template <typename Work>
  void at_home(Home home, Sizes sizes, const Work& work) {
    auto module = std::exchange(module_, home.module);
    auto outside = std::exchange(outside_task_, home.of_file);
    auto before = std::exchange(sizes_, std::move(sizes));
    work();
    sizes_ = std::move(before);
    outside_task_ = outside;
    module_ = module;
  }
  void check_writers();
  void warn_unused();
  // ---- Tests (tests.cpp, test_tables.cpp)
  void begin_test_body(const TestScope& scope, Effects& effects);
  void end_test_body(TestScope& scope);
  void check_override(const syntax::TestStep& step, typed::Test& out);
  // At once where it is constant, else what computes it; both are empty where it is wrong.
  std::pair<std::optional<typed::Constant>, typed::ExprPtr> test_value(const syntax::ExprPtr& expr,
                                                                       const typed::Type& type);
  std::optional<typed::Feed> check_feed(const syntax::TestStep& step);
  std::optional<typed::Operate> check_operate(const syntax::TestStep& step);
  std::optional<typed::Expect> check_expect(const syntax::TestStep& step);
  void check_step_time(const syntax::TestStep& step, std::int64_t& now, typed::TestStep& out);
  void check_table_lines(const syntax::TestDecl& decl, typed::Test& out, TestScope& scope);
  void check_column(const syntax::Column& column, typed::Test& out, TestScope& scope);
  void check_any(const syntax::Column& column, typed::Test& out, TestScope& scope);
  bool any_range(const syntax::Column& column, const typed::Type& type, typed::Between& out);
  void check_wanted(const syntax::TestStep& table, typed::Test& out, TestScope& scope);
  void check_case(const syntax::TestStep& step, typed::Test& out, const TestScope& scope);
  bool add_case_value(const TestColumn& column, const syntax::Pattern& cell, typed::Case& out);
  // The input that a step feeds; nothing when there is none, which has been reported.
  std::optional<typed::InputId> fed_input(const syntax::TestStep& step);
  bool add_case_answer(const typed::Type& type, const syntax::Pattern& cell, typed::Case& out);
  // ---- Tables in files (test_files.cpp)
  void read_cases(typed::Test& out, const TestScope& scope);
  // Gives each line of the file that says something, until `take` does not want any more. Whether that was all of it.
  bool read_records(const syntax::TestFile& named,
                    const std::function<bool(const std::vector<CsvField>& record, const Span& line)>& take);
  bool read_data_header(const std::vector<CsvField>& record, const Span& test, std::vector<DataColumn>& columns);
  bool has_all_fields(const std::vector<CsvField>& record, const std::vector<DataColumn>& columns);
  bool read_data_row(const std::vector<CsvField>& record, const std::vector<DataColumn>& columns,
                     const TestScope& scope, typed::Test& out);
  syntax::ExprPtr cell_expression(const CsvField& cell, const typed::Type& type, const std::string& unit);
  // ---- Readings in files (test_feeds.cpp)
  // The steps that `t1 <- from "FILE"` stands for; `now` becomes the time of the last one.
  void check_file_feed(const syntax::TestStep& step, typed::TestStep first, std::int64_t& now, typed::Test& out);
  std::optional<typed::Feed> cell_feed(typed::InputId input, const syntax::TestFile& named);
  std::optional<FedFiles> fed_files(const typed::Input& input, const syntax::TestFile& named);
  std::optional<typed::Feed> feed_of_bytes(typed::InputId input, const FedFiles::File& file, const Span& place);
  bool read_samples(const syntax::TestStep& step, typed::InputId input, std::vector<FileReading>& out);
  std::optional<FileReading> sample_of(const std::vector<CsvField>& record, const std::vector<DataColumn>& columns,
                                       typed::InputId input);
  std::optional<FileReading> block_of(const std::vector<CsvField>& record, typed::InputId input);
  bool is_ascending(const typed::Constant& a, const typed::Constant& b) const;

  // ---- Types (resolve_types.cpp)
  // --------------------------------------------------------------------------------------- A type with kind Error has
  // been reported.
  typed::Type resolve(const syntax::TypePtr& type);
  typed::Type resolve_named(const syntax::NamedType& named, const Span& span);
  std::optional<std::vector<std::uint32_t>> sizes_of(const syntax::RecordDecl& decl,
                                                     const std::vector<syntax::ExprPtr>& arguments, const Span& span);
  typed::Type resolve_array(const syntax::ArrayType& array, const Span& span);
  bool check_size(const typed::Type& array, const Span& span);
  typed::Type unit_type(typed::TypeKind kind, const syntax::UnitText& unit);
  Result<stdlib::Unit> find_unit(std::string_view text);  // of the table, or declared here
  const stdlib::Unit* own_unit(std::uint32_t index);      // null when it is wrong, which has been reported
  // Reports a unit of the author's own where the device has to know it, or where the value is sent.
  void check_border(const typed::Type& type, const Span& span);
  const typed::UnitInfo* unit(const syntax::UnitText& unit, bool& ok);
  void report_unit(std::string_view text, const Span& span, std::string message);
  std::optional<std::uint32_t> size_of(const syntax::ExprPtr& expr, std::uint32_t max, const char* what);
  typed::Type number(typed::TypeKind kind, const stdlib::Unit& unit);

  // ---- Expressions (expressions.cpp, calls.cpp, conversions.cpp, math_calls.cpp, own_calls.cpp, texts.cpp)
  // ------------------------------------------------ `expected` shapes array literals and texts; it does not convert.
  // See coerce().
  Value expression(const syntax::Expr& expr, const typed::Type* expected = nullptr);
  Value expression(const syntax::ExprPtr& expr, const typed::Type* expected = nullptr);
  Value number_literal(const syntax::NumberExpr& number, const Span& span);
  Value name_value(const std::string& name, const Span& span);
  Value symbol_value(const std::string& name, Symbol& symbol, const Span& span);
  Value local_value(typed::LocalId id, const Span& span);
  Value member(const syntax::MemberExpr& member, const Span& span);
  Value input_member(typed::InputId id, const syntax::Name& name, const Span& span);
  Value alarm_member(typed::AlarmId id, const syntax::Name& name, const Span& span);
  Value output_member(typed::OutputId id, const syntax::Name& name, const Span& span);
  Value value_member(Value object, const syntax::Name& name, const Span& span);
  Value index(const syntax::IndexExpr& index, const Span& span);
  typed::ExprPtr position(Value at);  // an index or an end of a slice as an int
  Value slice(Value array, Value from, Value to, const Span& span);
  Value to_unit(const syntax::ToUnitExpr& to, const Span& span);
  std::optional<typed::Type> longer(const std::optional<typed::Type>& a, const std::optional<typed::Type>& b);
  std::optional<typed::Type> type_of_texts(const syntax::ArrayExpr& array);
  Value array_literal(const syntax::ArrayExpr& array, const Span& span, const typed::Type* expected);
  Value array_fill(const syntax::FillExpr& fill, const Span& span, const typed::Type* expected);
  Value text(const syntax::TextExpr& text, const Span& span, const typed::Type* expected);
  bool format_part(const syntax::TextPart& part, typed::FormatPart& out, std::string& suffix, std::uint32_t& bound);
  Value is_missing(const syntax::IsMissingExpr& test, const Span& span);
  Value default_for(const syntax::BinaryExpr& binary, const Span& span);  // ??
  // A part of an optional; folded where it is known.
  typed::ExprPtr part_of(typed::ExprPtr optional, std::uint32_t part, const Span& span);
  bool report_optional(const Value& value);  // that it may be missing; false when it may not

  Value call(const syntax::CallExpr& call, const Span& span);
  Value named_call(const syntax::CallExpr& call, const std::string& name, const Span& span);
  Value symbol_call(const syntax::CallExpr& call, const std::string& name, Symbol& symbol, const Span& span);
  Value convert_call(const syntax::CallExpr& call, const std::string& name, typed::TypeKind to, const Span& span);
  Value round_call(const syntax::CallExpr& call, const std::string& name, typed::ConvertOp op, const Span& span);
  Value math_call(const syntax::CallExpr& call, typed::Math function, const Span& span);
  Value function_call(const syntax::CallExpr& call, std::uint32_t function, const Span& span);
  Value instance_call(const syntax::CallExpr& call, std::uint32_t function, const std::string& name, Value self,
                      const Span& span, const syntax::MemberExpr* member = nullptr);
  // Which parameter each argument is for; nothing when that is an error.
  std::optional<std::vector<std::size_t>> match_arguments(const syntax::CallExpr& call,
                                                          const std::vector<syntax::Parameter>& parameters,
                                                          const std::string& name, const Span& span);
  Value method_call(const syntax::CallExpr& call, Value object, const syntax::MemberExpr& member, const Span& span);
  Value record_call(const syntax::CallExpr& call, std::uint32_t declared, const Span& span);
  // ---- Whole arrays (arrays.cpp)
  using OnScalars = std::function<Value(std::vector<Value>)>;
  Value element_value(const Value& array, std::size_t number);
  // Where a function of arrays is given something else.
  void report_no_array(const typed::Expr& given, std::string_view function);
  // What `on_scalars` makes of the operands, element by element where they are arrays; at least one is.
  Value no_whole_form(std::string message, const Span& span);
  bool has_fixed_length(const Value& array, std::string_view function);
  Value in_settled_unit(Value array, const Span& span);
  Value array_to_unit(Value array, const typed::UnitInfo* unit, const Span& span);
  Value on_elements(std::vector<Value> operands, const Span& span, const OnScalars& on_scalars);
  Value in_unit_of_product(Value figure, const stdlib::Unit& a, const stdlib::Unit& b, const Span& span);
  Value array_call(const syntax::CallExpr& call, typed::ArrayFunction function, const Span& span);
  Value matmul_call(const syntax::CallExpr& call, std::vector<Value> arrays, const Span& span);
  // ---- Statistics of two arrays, spectra, filters (signals.cpp)
  Value signal_call(const syntax::CallExpr& call, typed::ArrayFunction function, const Span& span);
  Value signal_argument(const syntax::CallExpr& call, std::size_t number, std::string_view name,
                        bool whole_too = false);
  Value pair_call(Value xs, Value ys, typed::ArrayFunction function, std::string_view name, const Span& span);
  Value band_call(const syntax::CallExpr& call, Value densities, const Span& span);
  Value fir_call(Value xs, Value taps, const Span& span);
  Value spectrum_call(const syntax::CallExpr& call, typed::ArrayFunction function, const Span& span);
  Value window_call(const syntax::CallExpr& call, typed::ArrayFunction function, const Span& span);
  Value in_unit(const syntax::Argument& argument, typed::TypeKind kind, const stdlib::Unit& unit);
  const typed::UnitInfo* unit_or_none(const stdlib::Unit& unit);
  // ---- Images (images.cpp)
  typed::Type image_type(std::uint32_t width, std::uint32_t height, vm::PixelFormat format);
  typed::Type resolve_image(const syntax::NamedType& named, const Span& span);
  Value image_member(Value image, const syntax::Name& name, const Span& span);
  Value image_method(const syntax::CallExpr& call, Value image, const syntax::Name& name, const Span& span);
  // ---- Models (models.cpp)
  void check_model(const syntax::ModelDecl& decl, typed::Model& out);
  void check_answer_type(const syntax::ModelDecl& decl, typed::Model& out);
  Value model_call(const syntax::CallExpr& call, std::uint32_t model, const std::string& name, const Span& span);
  std::optional<typed::Answer> check_answer(const syntax::TestStep& step, std::uint32_t model);
  // ---- Bytes (bytes.cpp)
  Value bytes_literal(const syntax::CallExpr& call, const Span& span);
  Value bytes_call(const syntax::CallExpr& call, typed::ArrayFunction function, std::string_view name,
                   const Span& span);
  Value bytes_method(const syntax::CallExpr& call, Value bytes, const syntax::Name& name, const Span& span);
  bool bytes_action(const syntax::CallExpr& call, const syntax::MemberExpr& member, const Span& span,
                    typed::Block& out);
  Value math_values(typed::Math function, std::vector<Value> values, const Span& span);
  Value negate(Value operand, const Span& span);
  bool count_arguments(const syntax::CallExpr& call, std::string_view name, std::size_t count, const Span& span);
  // Values for fields by label, in the fields' order; nothing when something is wrong.
  std::optional<std::vector<typed::ExprPtr>> labelled(const syntax::CallExpr& call, const std::string& what,
                                                      const std::vector<typed::Field>& fields, const Span& span,
                                                      std::size_t first = 0,
                                                      const std::vector<std::optional<typed::Constant>>& defaults = {});

  // ---- Operators and conversions (operators.cpp, coerce.cpp)
  // -------------------------------------------------------------
  Value unary(const syntax::UnaryExpr& unary, const Span& span);
  Value binary(const syntax::BinaryExpr& binary, const Span& span);
  Value combine(typed::BinaryOp op, Value left, Value right, const Span& op_span, const Span& span);
  Value arithmetic(typed::BinaryOp op, Value left, Value right, const Span& op_span, const Span& span);
  Value points_added(const Value& left, const Value& right, const Span& span);
  Value sum(typed::BinaryOp op, Value left, Value right, const Span& span);
  Value product(typed::BinaryOp op, Value left, Value right, const Span& span);
  Value time_arithmetic(typed::BinaryOp op, Value left, Value right, const Span& op_span, const Span& span);
  Value comparison(typed::BinaryOp op, Value left, Value right, const Span& op_span, const Span& span);
  Value bits(typed::BinaryOp op, Value left, Value right, const Span& op_span, const Span& span);
  Value logic(typed::BinaryOp op, Value left, Value right, const Span& span);
  Value make_binary(typed::BinaryOp op, const typed::Type& type, Value left, Value right, const Span& span);
  Value make_convert(typed::ConvertOp op, const typed::Type& type, Value operand);
  Value operand_error(std::string_view op, const Value& left, const Value& right, const Span& span);

  // Gives both the same kind of number; false when that was an error. Units stay.
  bool unify(Value& left, Value& right);
  // The literal's number as `kind`, its unit kept.
  Value literal_to_kind(Value value, typed::TypeKind kind);
  Value duration_to_float(Value value, typed::TypeKind kind);
  // Into `unit`, by multiplication and addition; `value` is a number. Only what mixing allows, unless `on_purpose`.
  Value to_unit(Value value, const typed::UnitInfo* unit, const stdlib::Unit& target, bool on_purpose = false);
  // Between a level and what it is the level of (levels.cpp); on purpose only.
  Value level_to_unit(Value value, const typed::UnitInfo* unit, const stdlib::Unit& target);
  Value scale(Value value, const stdlib::Conversion& conversion, const typed::Type& type);
  bool report_units(const Value& value, const stdlib::Unit& target);
  // To what the place needs: literals take its type, units convert, nothing else happens by itself.
  typed::ExprPtr coerce(Value value, const typed::Type& target);
  typed::ExprPtr coerce_number(Value value, const typed::Type& target);
  typed::ExprPtr coerce_text(Value value, const typed::Type& target);
  typed::ExprPtr mismatch(const Value& value, const typed::Type& target);
  // The type that a `let` without one takes: a literal settles for int, f64 or duration.
  Value settle(Value value);

  std::optional<typed::Constant> constant(const syntax::ExprPtr& expr, const typed::Type& type);
  std::optional<std::int64_t> positive_duration(const syntax::ExprPtr& expr, const char* what);
  std::optional<typed::Constant> to_constant(typed::ExprPtr expr);

  // ---- Statements (statements.cpp, actions.cpp)
  // --------------------------------------------------------------------------
  typed::Block block(const syntax::Block& block);
  void statement(const syntax::Stmt& stmt, typed::Block& out);
  void let(const syntax::LetStmt& let, const Span& span, typed::Block& out);
  void assign(const syntax::AssignStmt& assign, const Span& span, typed::Block& out);
  void if_arms(const syntax::IfStmt& statement, std::size_t first, const Span& span, typed::Block& out);
  void if_statement(const syntax::IfStmt& statement, const Span& span, typed::Block& out);
  void for_statement(const syntax::ForStmt& loop, const Span& span, typed::Block& out);
  void for_range(const syntax::ForStmt& loop, const Span& span, typed::Block& out);
  bool check_complete(const typed::Type& type, const Span& span, const MatchTaken& taken);
  void match_statement(const syntax::MatchStmt& match, const Span& span, typed::Block& out);
  typed::ExprPtr pattern(const syntax::Pattern& pattern, const typed::Type& type, const typed::Expr& subject);
  void while_statement(const syntax::WhileStmt& loop, const Span& span, typed::Block& out);
  void return_statement(const syntax::ReturnStmt& statement, const Span& span, typed::Block& out);
  void call_statement(const syntax::Expr& expr, const Span& span, typed::Block& out);
  bool output_action(typed::OutputId id, const syntax::CallExpr& call, const syntax::Name& action, const Span& span,
                     typed::Block& out);
  bool array_action(const syntax::CallExpr& call, const syntax::MemberExpr& member, const Span& span,
                    typed::Block& out);
  // A place that may be written, or nothing.
  typed::ExprPtr writable(const syntax::Expr& expr);
  void note_write(const typed::Expr& place);
  // Notes that the array's length changes; reports it when a loop goes over that array.
  bool changes_looped_array(const typed::Expr& place, const Span& span);
  std::size_t* loop_count_of(const typed::Expr& place);
  void acknowledge(typed::AlarmId id, const syntax::CallExpr& call, const syntax::Name& action, const Span& span,
                   typed::Block& out);
  void note_emit(typed::OutputId id, const Span& span);

  // ---- Locals and scopes
  // ---------------------------------------------------------------------------------------------------
  struct Body {
    std::vector<typed::Local> locals;
    std::vector<LocalInfo> infos;
    std::vector<std::map<std::string, typed::LocalId, std::less<>>> scopes;
    std::size_t loop_depth = 0;
    typed::Type result{typed::TypeKind::None};
    typed::ExprPtr self;                       // the place of `self`, in a state …
    std::optional<typed::LocalId> self_local;  // … or passed to and fro
  };
  typed::LocalId declare_local(const syntax::Name& name, const typed::Type& type, bool is_variable, Range range = {});
  std::optional<typed::LocalId> find_local(std::string_view name) const;
  void begin_body(Place place, Effects& effects);
  std::vector<typed::Local> end_body();
  Range range_of(const typed::Expr& expr) const;

  // ---- Names and messages
  // ------------------------------------------------------------------------------------------------
  // `use`: where the name is used, to report that several modules have it.
  Symbol* find_symbol(std::string_view name, const Span* use = nullptr);
  std::vector<std::string> value_names() const;
  std::vector<std::string> names_of(SymbolKind kind) const;
  std::string source_text(const Span& span) const;
  std::string quoted(const Span& span) const { return "'" + source_text(span) + "'"; }
  Diagnostic& report(Code code, const Span& span, std::string message, std::string hint = {}) {
    return diagnostics_.add(code, span, std::move(message), std::move(hint));
  }

  const syntax::File& file_;
  const syntax::TaskDecl& syntax_;
  std::string_view source_;
  const Modules& modules_given_;
  typed::TypeArena& arena_;
  Diagnostics& diagnostics_;

  typed::Task task_;
  std::map<std::string, Symbol, std::less<>> symbols_;
  std::deque<ConstEntry> consts_;
  std::deque<RecordEntry> records_;
  std::vector<EnumEntry> enums_;
  std::deque<UnitEntry> units_;
  std::unordered_map<const typed::Enum*, EnumNumbers> enum_numbers_;  // by the names of their values
  const typed::Enum* quality_ = nullptr;
  std::deque<FunctionEntry> functions_;  // grows while code is checked
  std::vector<std::uint32_t> open_;      // functions that are being checked, or wait for those that they call
  std::vector<Use> uses_;
  std::vector<ModuleScope> modules_;
  ModuleIndex module_ = kOwnFile;
  Sizes sizes_;
  std::size_t nested_checks_ = 0;
  std::vector<std::optional<Span>> written_at_;  // by output: where a handler writes it first
  std::map<typed::StateId, std::size_t> state_loops_;
  bool lacks_module_ = false;  // then an unknown function or type may be its: already reported at `use`
  Symbol ambiguous_{SymbolKind::Unavailable, 0, {}, false, true};
  bool outside_task_ = false;  // in a file's own function or const: the task's names are not seen

  Body body_;
  Place place_ = Place::Constant;
  Effects no_effects_;
  Effects* effects_ = &no_effects_;
};

const typed::Constant* as_constant(const typed::Expr& expr);
typed::ExprPtr make_constant(typed::Constant constant, const Span& span);
// The same value under a type that differs in what the machine does not see: the unit, or a text's capacity.
void retag(typed::Expr& expr, const typed::Type& type);
template <typename Node>
typed::ExprPtr make_expr(const typed::Type& type, const Span& span, Node node) {
  auto expr = std::make_unique<typed::Expr>();
  expr->type = type;
  expr->span = span;
  expr->node = std::move(node);
  return expr;
}
template <typename Node>
void add_stmt(typed::Block& block, const Span& span, Node node) {
  typed::Stmt stmt;
  stmt.span = span;
  stmt.node = std::move(node);
  block.push_back(std::move(stmt));
}

inline typed::Type plain(typed::TypeKind kind, std::uint32_t size = 0) {
  typed::Type type;
  type.kind = kind;
  type.size = size;
  return type;
}

// The local or state that a place is, or is a part of.
const typed::Expr& root_of(const typed::Expr& place);

inline constexpr std::uint32_t kMaxElements = 1u << 20;
inline constexpr std::uint64_t kMaxArrayBytes = 64u << 20;  // as much as a region of the machine holds
inline constexpr std::uint32_t kMaxTextBytes = 65535;
inline constexpr std::uint32_t kMaxTrips = (1u << 29) - 1;

bool is_reserved(std::string_view name);
// Bytes that a value of it takes at most.
std::uint64_t bytes_of(const typed::Type& type);
bool crosses_border(const typed::Type& type);
bool go_together(const typed::Type& a, const typed::Type& b);
bool is_bytes(const typed::Type& type);    // an array of u8
bool is_shared(const syntax::Decl& decl);  // may stand outside a task
std::optional<typed::Math> math_function(std::string_view name);
std::optional<typed::ArrayFunction> array_function(std::string_view name);  // a task may use these names otherwise
std::optional<typed::TypeKind> scalar_type(std::string_view name);
const std::vector<std::string>& builtin_functions();
bool leaves(const syntax::Stmt& statement);       // what stands behind it is never reached
bool always_returns(const syntax::Block& block);  // on every way

}  // namespace eyeflow::compiler::check_detail
