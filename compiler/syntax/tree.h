#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/syntax/span.h"

// What the author wrote, and nothing else: names are text, units are text, nothing is resolved. The parser builds it,
// the checker reads it. The controlled-English front end will produce the same tree.
//
// A part that could not be parsed is absent (a null pointer) or an ErrorExpr; whoever reads the tree stays quiet about
// it, because the parser has already reported it.
namespace eyeflow::compiler::syntax {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;

struct Name {
  std::string text;
  Span span;
};

// A unit as written, without spaces: "°C", "m/s²", "%/(K*s)".
struct UnitText {
  std::string text;
  Span span;
};

// ---- Types ---------------------------------------------------------------------------------------------------------

struct Type;
using TypePtr = std::unique_ptr<Type>;

struct LogField {
  Name name;
  TypePtr type;
};

struct NamedType {  // f64, time, a record's name; with a unit behind it: `f32 m/s²`; with arguments: `text(40)`
  Name module;      // `stats` of `stats.running`; empty where there is none
  Name name;
  std::vector<ExprPtr> arguments;
  std::optional<UnitText> unit;
};
struct UnitType {  // `°C` alone means `f64 °C`. A single word may be either: then it is a NamedType.
  UnitText unit;
};
struct ArrayType {
  TypePtr element;
  ExprPtr size;
  bool bounded = false;  // `[T; <=N]`
};
struct OptionalType {
  TypePtr element;
};
struct RecordType {  // `{ good: f32, bad: f32 }`, a model's result
  std::vector<LogField> fields;
};
struct Type {
  Span span;
  std::variant<NamedType, UnitType, ArrayType, OptionalType, RecordType> node;
};

// ---- Expressions ---------------------------------------------------------------------------------------------------

struct ErrorExpr {};
struct NumberExpr {
  std::string text;  // "80", "1.5e-3", "0x1F"; underscores are gone
  std::optional<UnitText> unit;
};
struct BoolExpr {
  bool value = false;
};
struct MissingExpr {};
struct NameExpr {
  std::string name;
};

// `{expr}`, `{expr:.1}`, `{expr:.1 °C}`, `{expr:°C}`
struct TextPart {
  std::string literal;  // when expr is null
  ExprPtr expr;
  std::optional<int> precision;
  std::optional<UnitText> unit;
  Span span;
};
struct TextExpr {
  std::vector<TextPart> parts;
};

struct ArrayExpr {
  std::vector<ExprPtr> elements;
};
struct FillExpr {  // `[value; count]`
  ExprPtr value;
  ExprPtr count;
};

enum class UnaryOp : std::uint8_t { Negate, Not, BitNot };
struct UnaryExpr {
  UnaryOp op;
  ExprPtr operand;
};

enum class BinaryOp : std::uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  BitAnd,
  BitOr,
  BitXor,
  Shl,
  Shr,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  And,
  Or,
  Default  // Default: ??
};
struct BinaryExpr {
  BinaryOp op;
  Span op_span;
  ExprPtr left;
  ExprPtr right;
};
struct IsMissingExpr {
  ExprPtr operand;
};

struct Argument {
  std::optional<Name> label;
  ExprPtr value;
};
// f(x), x.m(y), Point(x: 1, y: 2); what it is, the checker decides.
struct CallExpr {
  ExprPtr callee;  // NameExpr or MemberExpr
  std::vector<Argument> arguments;
};
struct MemberExpr {
  ExprPtr object;
  Name member;
};
struct IndexExpr {
  ExprPtr object;
  ExprPtr index;
  ExprPtr end;  // `bs[2 ..< 6]`; null for one element
};
struct ToUnitExpr {  // `x.to(Hz)`
  ExprPtr object;
  UnitText unit;
};
struct WindowExpr {  // only behind `on window`: `vib[10 s every 2 s late 200 ms fill 90 %]`
  ExprPtr input;
  ExprPtr size;
  ExprPtr every;
  ExprPtr late;
  ExprPtr fill;
  bool from_start = false;
};

struct Expr {
  Span span;
  std::variant<ErrorExpr, NumberExpr, BoolExpr, MissingExpr, NameExpr, TextExpr, ArrayExpr, FillExpr, UnaryExpr,
               BinaryExpr, IsMissingExpr, CallExpr, MemberExpr, IndexExpr, ToUnitExpr, WindowExpr>
      node;
};

// ---- Statements ----------------------------------------------------------------------------------------------------

struct Block {
  Span span;
  std::vector<Stmt> statements;
};

struct LetStmt {  // let or var
  bool variable = false;
  Name name;
  TypePtr type;  // may be null
  ExprPtr value;
};
struct AssignStmt {
  ExprPtr place;
  Span op_span;
  ExprPtr value;
};
struct IfArm {
  std::optional<Name> let_name;  // `if let v = x { … }`
  ExprPtr condition;
  Block body;
};
struct IfStmt {
  std::vector<IfArm> arms;
  std::optional<Block> otherwise;
};
struct ForStmt {              // exactly one of `over` and `from`/`to` is given
  Name name;                  // `for i, x in xs`: x
  std::optional<Name> index;  //                   i
  ExprPtr over;
  ExprPtr from;
  ExprPtr to;
  Block body;
};
struct WhileStmt {
  ExprPtr condition;
  ExprPtr max;  // null when the author forgot it
  Block body;
};
struct TestFile {
  std::string path;  // "cases.csv"
  Span span;
};
struct Pattern {
  ExprPtr value;
  ExprPtr last;                    // `1 .. 9`, both ends included; null for one value
  std::optional<TestFile> file{};  // in a row of a test: `from "part.jpg"`, instead of a value
};
struct MatchArm {
  std::vector<Pattern> patterns;  // empty for `else`
  Span span;
  Block body;
};
struct MatchStmt {
  ExprPtr subject;
  std::vector<MatchArm> arms;
};
struct BreakStmt {};
struct ContinueStmt {};
struct ReturnStmt {
  ExprPtr value;  // may be null
};
struct ExprStmt {
  ExprPtr value;
};

struct Stmt {
  Span span;
  std::variant<LetStmt, AssignStmt, IfStmt, ForStmt, WhileStmt, MatchStmt, BreakStmt, ContinueStmt, ReturnStmt,
               ExprStmt>
      node;
};

// ---- Declarations --------------------------------------------------------------------------------------------------

// What stands for a reading that is bad or stale.
enum class BadForm : std::uint8_t { None, Hold, Skip, Else };
struct InputDecl {
  Name name;
  TypePtr type;
  ExprPtr rate;         // at 100 Hz
  ExprPtr every;        // every 2 s
  ExprPtr stale_after;  // stale after 30 s
  ExprPtr queue;        // queue 16 drop oldest
  std::optional<Name> drop;
  bool latest = false;
  BadForm bad_form = BadForm::None;
  Span bad_span;
  ExprPtr instead;  // else 20 °C
};

enum class OutputForm : std::uint8_t { Switch, Value, Log };
struct OutputDecl {
  Name name;
  OutputForm form = OutputForm::Switch;
  TypePtr type;                  // value T
  std::vector<LogField> fields;  // log { … }
  ExprPtr initial;               // switch = off; may be null
  bool to_cloud = false;
};

enum class ClearForm : std::uint8_t { None, Below, Above, When };
struct AlarmDecl {
  Name name;
  ExprPtr text;
  ExprPtr when;
  ExprPtr when_for;
  ClearForm clear_form = ClearForm::None;
  Span clear_span;
  ExprPtr clear;
  ExprPtr clear_for;
  bool latch = false;
  std::optional<Name> priority;
  ExprPtr remind;
  std::vector<Name> drives;
};

struct ParamDecl {
  Name name;
  TypePtr type;
  ExprPtr value;
  ExprPtr min;
  ExprPtr max;
};
struct StateDecl {
  Name name;
  TypePtr type;  // may be null: then the value tells
  ExprPtr value;
};
struct ConstDecl {
  Name name;
  TypePtr type;  // may be null
  ExprPtr value;
};
struct Parameter {
  Name name;
  TypePtr type;
  ExprPtr value;  // what it is when it is not given; may be null
};
struct ModelDecl {
  Name name;
  std::vector<Parameter> parameters;  // without values; the only one may have no name
  TypePtr result;
};
struct FunctionDecl {
  Name name;
  std::vector<Parameter> parameters;
  TypePtr result;  // may be null
  Block body;
  std::string doc;  // of a record's function; others have their declaration's
};
struct RecordField {
  Name name;
  TypePtr type;
  ExprPtr value;  // what it is when it is not given; may be null
};
struct RecordDecl {
  Name name;
  std::vector<Name> sizes;  // record running_spectrum(n)
  std::vector<RecordField> fields;
  std::vector<FunctionDecl> functions;
};
struct EnumDecl {
  Name name;
  std::vector<Name> values;
};
struct UseDecl {
  std::vector<Name> modules;  // "std.signal"
};
struct UnitDecl {  // unit furlong = 201.168 m
  Name name;
  ExprPtr value;
};

enum class TriggerForm : std::uint8_t { Value, Stale, Window, Every, AtTime, Start, Stop, Rising, Holds };
struct HandlerDecl {
  TriggerForm form = TriggerForm::Value;
  Span trigger_span;  // `on t1 as temp`
  ExprPtr subject;    // the input, the window, the period, the text of a time, the condition
  std::optional<Name> variable;
  ExprPtr hold;  // on (cond) for D
  ExprPtr within;
  Block body;
};

struct Decl {
  Span span;
  std::string doc;  // the /// lines above it, joined by newlines
  std::variant<InputDecl, OutputDecl, AlarmDecl, ParamDecl, StateDecl, ConstDecl, ModelDecl, RecordDecl, EnumDecl,
               FunctionDecl, UseDecl, UnitDecl, HandlerDecl>
      node;
};

struct TaskDecl {
  Span span;
  std::string doc;
  Name name;
  std::vector<Decl> declarations;
};

// What each run of a test gives a value: an input, or with a type a name of the test's own.
struct Column {
  Name name;
  TypePtr type;  // may be null
  ExprPtr min;   // `for any x in 0 .. 10`; may be null
  ExprPtr max;
};
enum class StepForm : std::uint8_t { Feed, Expect, Never, Operate, Param, Cases, Case, Any };
struct TestStep {
  Span span;
  StepForm form = StepForm::Expect;
  ExprPtr at;                            // null: at the instant of the step before
  Name target;                           // Feed: the input; Param: the parameter; Operate: the alarm
  Name action;                           // Operate: ack, shelve, unshelve
  ExprPtr value;                         // Feed, Param: the value; Expect, Never: the condition; Operate: for how long
  ExprPtr within;                        // Expect, Never
  std::vector<Column> columns{};         // Cases, Any
  std::vector<ExprPtr> wanted{};         // Cases: what is expected of these
  std::optional<TestFile> file{};        // Cases: where the rows stand; Feed: where the readings do
  ExprPtr every;                         // Feed from a file: how far apart; may be null
  std::vector<Pattern> row{}, answer{};  // Case: before and behind the arrow
  std::vector<Argument> fields{};        // Feed: `{ good: 0.1, bad: 0.9 }`, what a model answers, instead of a value
};
struct TestDecl {
  Span span;
  std::string title;
  Name task;
  std::vector<TestStep> steps;
};

struct File {
  std::vector<Decl> declarations;  // const, record, enum, fn, unit, use outside a task: seen by all tasks of the file
  std::vector<TaskDecl> tasks;
  std::vector<TestDecl> tests;
};

}  // namespace eyeflow::compiler::syntax
